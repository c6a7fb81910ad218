package recipe

import (
	"reflect"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
)

func float(n float64) *float64 { return &n }

func TestDeclaredOptions(t *testing.T) {
	tests := []struct {
		name     string
		declared OptionDeclaration
		kind     Kind
		err      string // part of the error, or "" for none
	}{
		{"root", OptionDeclaration{Default: "/srv", Help: "where"}, String, ""},
		{"count", OptionDeclaration{Default: 2.0}, Integer, ""},
		{"ratio", OptionDeclaration{Default: 0.5}, Number, ""},
		{"serial", OptionDeclaration{Default: false}, Boolean, ""},
		{"keys", OptionDeclaration{Default: script.Table{}}, List, ""},
		{"keys", OptionDeclaration{Default: script.Table{List: []any{"a", "b"}}}, List, ""},
		{"keys", OptionDeclaration{Default: script.Table{List: []any{1.0}}}, List,
			"item 1: want a string, got the number 1"},
		{"release", OptionDeclaration{Required: true}, String, ""},
		{"restart", OptionDeclaration{Default: "x", Choices: []any{"a", "b"}}, String, "want one of a, b"},
		{"restart", OptionDeclaration{Default: "", Choices: []any{"a", "b"}}, String, ""},
		{"count", OptionDeclaration{Default: 2.0, Min: float(3)}, Integer, "at least 3"},
		{"root", OptionDeclaration{Default: "/srv", Min: float(3)}, String, "min and max are for numbers"},
		{"token", OptionDeclaration{Default: true, Secret: true}, Boolean,
			"secret is for a string or a list of strings"},
		{"token", OptionDeclaration{Default: "a", Secret: true, Choices: []any{"a", "b"}}, String,
			"secret is for a string or a list of strings without choices"},
		{"dry", OptionDeclaration{Default: true, Complete: []string{"release"}}, Boolean,
			"complete is for an option without choices"},
		{"Root", OptionDeclaration{Default: "/srv"}, String, "small letters"},
		{"fn", OptionDeclaration{Default: script.Callback{}}, String, "a default is"},
	}
	for _, tt := range tests {
		o, err := tt.declared.parse(tt.name)
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s %+v: got error %v, want %q", tt.name, tt.declared, err, tt.err)
		}
		if err == nil && o.Kinds[0] != tt.kind {
			t.Errorf("%s %+v: got kind %s, want %s", tt.name, tt.declared, o.Kinds, tt.kind)
		}
	}
}

func TestParse(t *testing.T) {
	processes := Option{Name: "processes", Kinds: []Kind{Integer}, Min: float(1), Max: float(9)}
	restart := Option{Name: "restart", Kinds: []Kind{String}, Choices: []string{"graceful", "none"}}
	tests := []struct {
		option Option
		given  []string
		want   any
		err    string
	}{
		{processes, []string{"4"}, 4.0, ""},
		{processes, []string{"2", "3"}, 3.0, ""},
		{processes, []string{"four"}, nil, `want a whole number, got "four"`},
		{processes, []string{"2.5"}, nil, "want a whole number, got 2.5"},
		{processes, []string{"0"}, nil, "want at least 1, got 0"},
		{processes, []string{"10"}, nil, "want at most 9, got 10"},
		{processes, []string{"NaN"}, nil, "want a whole number"},
		{Option{Kinds: []Kind{Number}}, []string{"2.5"}, 2.5, ""},
		{Option{Kinds: []Kind{Boolean}}, []string{"true"}, true, ""},
		{Option{Kinds: []Kind{Boolean}}, []string{"perhaps"}, nil, "want true or false"},
		{Option{Kinds: []Kind{List}}, []string{"a,b", "c"}, []string{"a,b", "c"}, ""},
		{restart, []string{"none"}, "none", ""},
		{restart, []string{"gracefull"}, nil, `(did you mean "graceful"?)`},
		{Option{Kinds: []Kind{List}, Choices: []string{"a", "b"}}, []string{"a", "c"}, nil, "want one of a, b"},
	}
	for _, tt := range tests {
		got, err := tt.option.Parse(tt.given)
		if tt.err == "" && (err != nil || !reflect.DeepEqual(got, tt.want)) {
			t.Errorf("%s %q: got %v, %v; want %v", tt.option.Kinds, tt.given, got, err, tt.want)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s %q: got error %v, want %q", tt.option.Kinds, tt.given, err, tt.err)
		}
	}
}

// TestPrecedence follows the values of options: as given, or else as in the vars of the host, or
// else the default.
func TestPrecedence(t *testing.T) {
	options := []Option{
		{Name: "processes", Kinds: []Kind{Integer}, Default: 2.0, Max: float(9)},
		{Name: "keys", Kinds: []Kind{List}, Default: []string{}},
		{Name: "threads", Kinds: []Kind{Integer}, Default: 5.0},
	}
	hosts := []inventory.Host{
		{Name: "web1", Vars: map[string]any{}},
		{Name: "web2", Vars: map[string]any{"processes": 4.0, "colour": "blue", "keys": []any{"a"}, "threads": 6.0}},
	}
	v, err := NewValues(options, map[string][]string{"processes": {"3"}}, hosts)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		host, option string
		want         any
	}{
		{"", "processes", 3.0}, {"web1", "processes", 3.0}, {"web2", "processes", 3.0},
		{"", "threads", 5.0}, {"web1", "threads", 5.0}, {"web2", "threads", 6.0},
	} {
		if got, err := v.Get(event.WithHost(t.Context(), tt.host), tt.option); err != nil || got != tt.want {
			t.Errorf("%s on %q: got %v, %v; want %v", tt.option, tt.host, got, err, tt.want)
		}
	}
	if got, _ := v.Get(event.WithHost(t.Context(), "web2"), "keys"); !reflect.DeepEqual(got, []string{"a"}) {
		t.Errorf("a list in vars became %v", got)
	}
	if _, err := v.Get(t.Context(), "proceses"); err == nil ||
		!strings.Contains(err.Error(), `(did you mean "processes"?)`) {
		t.Errorf("a misspelt option: got %v", err)
	}
}

func TestInvalidValues(t *testing.T) {
	options := []Option{
		{Name: "processes", Kinds: []Kind{Integer}, Default: 2.0, Max: float(9)},
		{Name: "release", Kinds: []Kind{String}, Required: true, Help: "which"},
	}
	host := func(vars map[string]any) []inventory.Host {
		return []inventory.Host{{Name: "web1", Source: "hosts.lua", Vars: vars}}
	}
	tests := []struct {
		given map[string][]string
		vars  map[string]any
		err   string
	}{
		{map[string][]string{"release": {"r"}}, map[string]any{"processes": "four"},
			"host web1 (hosts.lua): vars.processes: want a whole number, got the string \"four\""},
		{map[string][]string{"release": {"r"}}, map[string]any{"processes": 10.0}, "want at most 9"},
		{map[string][]string{"releese": {"r"}}, nil, `(did you mean "release"?)`},
		{nil, nil, "--release is required: which"},
		{nil, map[string]any{"release": "r"}, ""},
	}
	for _, tt := range tests {
		_, err := NewValues(options, tt.given, host(tt.vars))
		if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("given %v, vars %v: got %v, want %q", tt.given, tt.vars, err, tt.err)
		}
	}
}
