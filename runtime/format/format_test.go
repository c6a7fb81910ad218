package format

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"runbook/runtime/script"
)

func list(items ...any) script.Table           { return script.Table{List: items} }
func table(fields map[string]any) script.Table { return script.Table{Fields: fields} }
func decoders() map[string]func(string) (any, error) {
	return map[string]func(string) (any, error){
		"json": decodeJSON, "yaml": decodeYAML, "toml": decodeTOML,
		"base64": func(text string) (any, error) { return decodeBase64(text) },
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		format, text string
		want         any
	}{
		{"json", `{"a": [1, {"b": null}], "c": true}`,
			table(map[string]any{"a": list(1.0, table(map[string]any{"b": nil})), "c": true})},
		{"yaml", "", nil},
		{"yaml", "web:\n  port: 8000\n  on: yes\n  ratio: 0.5\n  at: 2026-01-02\n",
			table(map[string]any{"web": table(map[string]any{
				"port": 8000.0, "on": "yes", "ratio": 0.5, "at": "2026-01-02T00:00:00Z"})})},
		{"yaml", "- a\n- ~\n- [1, 0x10]\n", list("a", nil, list(1.0, 16.0))},
		{"yaml", "8080: http\ntrue: x\n", table(map[string]any{"8080": "http", "true": "x"})},
		{"yaml", "a: &x {b: 1}\nc: *x\n", table(map[string]any{"a": table(map[string]any{"b": 1.0}),
			"c": table(map[string]any{"b": 1.0})})},
		{"toml", "name = \"shop\"\n[tool]\nat = 2026-01-02\nlist = [1, 2.5]\n", table(map[string]any{"name": "shop",
			"tool": table(map[string]any{"at": "2026-01-02", "list": list(1.0, 2.5)})})},
		{"base64", "aGVs\nbG8=", "hello"},
		{"base64", "-_8", "\xfb\xff"},
	} {
		if got, err := decoders()[c.format](c.text); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s %q: %#v, %v; want %#v", c.format, c.text, got, err, c.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	laughs := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'l'; c++ {
		laughs += strings.ReplaceAll(strings.ReplaceAll("N: &N [*P, *P, *P, *P, *P, *P, *P, *P, *P]\n", "N", string(c)),
			"P", string(c-1))
	}
	for _, c := range []struct{ format, text, want string }{
		{"json", `{} 1`, "invalid JSON: trailing data after the value"},
		{"yaml", "a: [1", "invalid YAML: "},
		{"yaml", "a: 1\n---\nb: 2\n", "invalid YAML: want one document, got several"},
		{"yaml", "a: 1\na: 2\n", "invalid YAML: "},
		{"yaml", "[1]: 2\n", "invalid YAML: "},
		{"yaml", "a: 9007199254740993\n", "a: the number 9007199254740993 is too large"},
		{"yaml", "a: !!python/object/apply:os.system [x]\nb: *b\n", "invalid YAML: "},
		{"yaml", laughs, "invalid YAML: "},
		{"toml", "a = 1\nb = \n", "invalid TOML: line 2: "},
		{"base64", "a b", "invalid base64: "},
	} {
		if got, err := decoders()[c.format](c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.60q: %v, %v; want %s", c.format, c.text, got, err, c.want)
		}
	}
}

func TestEncode(t *testing.T) {
	value := table(map[string]any{"list": list("a: b", 2.0, 0.5, true), "empty": table(nil), "text": "yes"})
	for _, c := range []struct {
		encode func(any) (string, error)
		want   string
	}{
		{encodeJSON, `{"empty":{},"list":["a: b",2,0.5,true],"text":"yes"}`},
		{encodeYAML, "empty: {}\nlist:\n- 'a: b'\n- 2\n- 0.5\n- true\ntext: 'yes'\n"},
		{encodeTOML, "list = ['a: b', 2, 0.5, true]\ntext = 'yes'\n\n[empty]\n"},
	} {
		if got, err := c.encode(value); err != nil || got != c.want {
			t.Errorf("%q, %v; want %q", got, err, c.want)
		}
		for name, wrong := range map[string]any{"both": script.Table{List: []any{1.0},
			Fields: map[string]any{"a": 1.0}}, "callback": script.Callback{}} {
			if got, err := c.encode(wrong); err == nil {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	if got, err := encodeTOML(list(1.0)); err == nil {
		t.Errorf("a list as TOML: %q", got)
	}
}

// FuzzFormats decodes texts, and encodes what was decoded: it must decode to the same.
func FuzzFormats(f *testing.F) {
	for _, text := range []string{"", "{}", "a: 1", "a = 1", "[1, 2]", "- a\n- ~\n", "a: 2026-01-02", "\"\\u0000\"",
		"? x"} {
		f.Add(text)
	}
	encoders := map[string]func(any) (string, error){"json": encodeJSON, "yaml": encodeYAML, "toml": encodeTOML}
	f.Fuzz(func(t *testing.T, text string) {
		for name, encode := range encoders {
			value, err := decoders()[name](text)
			if err != nil {
				continue
			}
			again, err := encode(value)
			if err != nil { // such as infinity
				continue
			}
			back, err := decoders()[name](again)
			if err != nil {
				t.Errorf("%s: %q became %q, which is %v", name, text, again, err)
				continue
			}
			if a, b := show(t, value), show(t, back); a != b {
				t.Errorf("%s: %q became %q: %s, then %s", name, text, again, a, b)
			}
		}
	})
}

// show prints a value. Lua does not distinguish an empty list from an empty table of names.
func show(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(`{"List":[],"Fields":null}`, "{}", `{"List":null,"Fields":{}}`,
		"{}").Replace(string(text))
}
