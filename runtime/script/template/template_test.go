package template

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"runbook/runtime/script"
)

func values() map[string]any {
	return map[string]any{
		"port": 8000.0, "name": "shop", "debug": false, "nothing": nil, "ratio": 0.5,
		"hosts":  script.Table{List: []any{"web1", "web2"}},
		"limits": script.Table{Fields: map[string]any{"soft": 1024.0, "hard": 4096.0}},
	}
}

func TestFill(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"text", "a \"b\" \\ {c}\n\t% }}\n", "a \"b\" \\ {c}\n\t% }}\n"},
		{"values", "listen {{port}}; # {{ name }} {{ debug }} {{ratio}}", "listen 8000; # shop false 0.5"},
		{"expressions", `{{ port + 1 }} {{ string.upper(name) }} {{ debug and "on" or "off" }} {{ #hosts }} ` +
			`{{ hosts[1] }} {{ limits.soft }} {{ name:rep(2) }}`,
			"8001 SHOP off 2 web1 1024 shopshop"},
		{"spaces in strings", `{{ "a  b" }}`, "a  b"},
		{"braces", `{{ "{{" }} {{ "{%" }}`, "{{ {%"},
		{"if", "{% if debug %}\na\n{% elseif port == 8000 %}\nb\n{% else %}\nc\n{% end %}\nd\n", "b\nd\n"},
		{"if in a line", "x {% if not debug %}y {% endif %}z\n", "x y z\n"},
		{"nil", "{% if nothing == nil %}none{% end %}", "none"},
		{"a list", "{% for h in hosts %}\n  server {{ h }}:{{ port }};\n{% endfor %}\n",
			"  server web1:8000;\n  server web2:8000;\n"},
		{"a table, sorted", "{% for k, v in limits %}{{ k }}={{ v }} {% end %}", "hard=4096 soft=1024 "},
		{"a list with positions", "{% for i, h in hosts %}{{ i }}{{ h }} {% end %}", "1web1 2web2 "},
		{"ipairs", "{% for i, h in ipairs(hosts) %}{{ i }}{{ h }} {% end %}", "1web1 2web2 "},
		{"numbers", "{% for i = 1, 3 %}{{ i }}{% end %}", "123"},
		{"local", "{% local url = name .. \":\" .. port %}\n{{ url }}\n", "shop:8000\n"},
		{"comment", "a\n  {# not {{ this }} #}  \nb {# nor\nthat #}c\n", "a\nb c\n"},
		{"end of file", "{% if true %}\na{% end %}", "a"},
		{"CRLF", "{% if true %}\r\na\r\n{% end %}\r\nb\r\n", "a\r\nb\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmpl, err := Compile("t", c.text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := tmpl.Fill(t.Context(), values())
			if err != nil || got != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
			if missing := tmpl.Missing(sortedKeys(values())); missing != nil {
				t.Errorf("missing: %v", missing)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a\n{{ prot }}", `t:2:1: there is no value for "prot" (did you mean "port"?)`},
		{"{% for h in hosts %}\n{{ h }} {{ g }}\n{% end %}", `t:2:1: there is no value for "g"`},
		{"a\n{{ name | upper }}", "t:2:1: there are no filters: call a function, such as string.upper(name)"},
		{"a\n{{ port + }}", "t:2:"},
		{"{{ port, name }}", "t:1:1: want one expression, got \"port, name\""},
		{"{{ port) os.exit( }}", "t:1:"},
		{"{{ os.exit() }}", `t:1:1: there is no value for "os"`},
		{"{{ template_write }}", `t:1:1: template_write is not a name for a template`},
		{"{{ }}", "t:1:"},
		{"a\nb {{ port", "t:2:1: {{ is not closed"},
		{"{% if debug %}\n", "t:1:1: if debug has no {% end %}"},
		{"a\n{% end %}", "t:2:1: end without its if or for"},
		{"{% else %}", "t:1:1: else without its if"},
		{"{% for h in hosts %}{% else %}{% end %}", "t:1:1: else without its if"},
		{"{% elif x %}", "t:1:1: write elseif instead of elif"},
		{"{% set x = 1 %}", "t:1:1: write local instead of set"},
		{"{% local x = 1 y() %}", "t:1:1: want local NAME = VALUE"},
		{"{% include 'x' %}", `t:1:1: unknown statement "include"; want if, elseif, else, for, local or end`},
		{"\n{{ limits }}", "t:2:1: {{ limits }} is table; want a string, a number, true or false"},
		{"\n\n{{ limits.hrad }}", "t:3:1: {{ limits.hrad }} is nil"},
		{"\n{{ name + 1 }}", "t:2:1: cannot perform add operation"},
		{"{% for h in port %}{% end %}", "t:1:1: for wants a list or a table, got number"},
		{"{{\n\n prot }}", "t:3:1: there is no value"},
		{"{% while true do end %}", "t:1:1: unknown statement"},
		{"{{ string.rep(\"x\", 2^24) }}{{ name }}", "t:1:1: the text is longer than 16 MiB"},
	} {
		tmpl, err := Compile("t", c.text)
		if err == nil {
			if missing := tmpl.Missing(sortedKeys(values())); len(missing) > 0 {
				err = missing[0]
			}
		}
		if err == nil {
			_, err = tmpl.Fill(t.Context(), values())
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestUndeclaredWhenFilled(t *testing.T) {
	tmpl, err := Compile("t", "\n{{ prot }}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tmpl.Fill(t.Context(), values()); err == nil ||
		err.Error() != `t:2:1: there is no value for "prot" (did you mean "port"?)` {
		t.Error(err)
	}
}

func TestFillEnds(t *testing.T) {
	tmpl, err := Compile("t", "{% for i = 1, 1e12 %}{% end %}")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errEnough)
	defer cancel()
	if _, err := tmpl.Fill(ctx, nil); !errors.Is(err, errEnough) {
		t.Error(err)
	}
}

var errEnough = errors.New("enough")

// FuzzTemplate compiles and fills texts. A text without tags stays as it is.
func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"", "a {{ port }}", "{% if debug %}\nx\n{% else %}y{% end %}",
		"{% for k, v in limits %}{{k}}{% end %}", "{{ \"{{\" }}", "{#\n#}", "{% local x = 1 %}"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := Compile("t", text)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got, err := tmpl.Fill(ctx, values())
		if err == nil && !strings.Contains(text, "{") && got != text {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func TestValuesThatATemplateCannotHave(t *testing.T) {
	tmpl, err := Compile("t", "{% for h in hosts %}{{ h }}{% end %}")
	if err != nil {
		t.Fatal(err)
	}
	for want, value := range map[string]any{
		"": script.Table{List: []any{"web1", nil, 1.0}, Fields: map[string]any{"a": true}},
		"hosts has a function in it": script.Table{List: []any{
			script.Table{Fields: map[string]any{"f": script.Callback{}}}}},
	} {
		_, err := tmpl.Fill(t.Context(), map[string]any{"hosts": value})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
