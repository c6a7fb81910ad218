package script

import (
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// Decode unpacks a Lua value, as Value describes it, into what the pointer into points at, by the rules that
// Func states for arguments. Errors name the path within the value ("host 2: tags: want a list …"), say what was
// given and what is right, and offer the nearest right name for a wrong one.
func Decode(value, into any) error {
	return decode(value, reflect.ValueOf(into).Elem())
}

func decode(v any, to reflect.Value) error {
	if to.CanAddr() {
		if u, ok := to.Addr().Interface().(Unmarshaler); ok {
			return u.UnmarshalLua(v)
		}
	}
	switch to.Type() {
	case reflect.TypeFor[time.Duration]():
		return decodeDuration(v, to)
	case reflect.TypeFor[Table](), reflect.TypeFor[LiveTable](), reflect.TypeFor[Callback]():
		if reflect.TypeOf(v) != to.Type() {
			return wrongType(v, to.Type())
		}
		to.Set(reflect.ValueOf(v))
		return nil
	}
	switch to.Kind() {
	case reflect.Interface:
		if v != nil {
			to.Set(reflect.ValueOf(v))
		}
		return nil
	case reflect.Pointer:
		if v == nil {
			return nil
		}
		if reflect.TypeOf(v) == to.Type() { // a registered object
			to.Set(reflect.ValueOf(v))
			return nil
		}
		if to.Type().Elem().Kind() == reflect.Struct && !hasTags(to.Type().Elem()) {
			return wrongType(v, to.Type())
		}
		to.Set(reflect.New(to.Type().Elem()))
		return decode(v, to.Elem())
	case reflect.Slice:
		return decodeList(v, to)
	case reflect.Map:
		return decodeMap(v, to)
	case reflect.Struct:
		return decodeStruct(v, to)
	case reflect.Int, reflect.Int64:
		n, ok := v.(float64)
		if !ok {
			return wrongType(v, to.Type())
		}
		if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			return fmt.Errorf("want a whole number, got %v", n)
		}
		to.SetInt(int64(n))
		return nil
	}
	if v == nil || !reflect.TypeOf(v).AssignableTo(to.Type()) {
		return wrongType(v, to.Type())
	}
	to.Set(reflect.ValueOf(v))
	return nil
}

func decodeDuration(v any, to reflect.Value) error {
	s, ok := v.(string)
	if !ok {
		if n, isNumber := v.(float64); isNumber {
			return fmt.Errorf("want a duration with its unit, such as %q, got the number %v", strconv.FormatFloat(n, 'f', -1, 64)+"s", n)
		}
		return fmt.Errorf("want a duration such as \"90s\", got %s", describe(v))
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("want a duration such as \"90s\", \"2m\" or \"1h30m\", got %q", s)
	}
	to.SetInt(int64(d))
	return nil
}

func decodeList(v any, to reflect.Value) error {
	t, ok := v.(Table)
	if !ok {
		return wrongType(v, to.Type())
	}
	for name := range t.Fields {
		return fmt.Errorf("want a list, got a table with the name %q in it", name)
	}
	list := reflect.MakeSlice(to.Type(), len(t.List), len(t.List))
	for i, item := range t.List {
		if err := decode(item, list.Index(i)); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	to.Set(list)
	return nil
}

func decodeMap(v any, to reflect.Value) error {
	t, ok := v.(Table)
	if !ok {
		return wrongType(v, to.Type())
	}
	if len(t.List) > 0 {
		return fmt.Errorf("want names, such as { name = value }, got a list")
	}
	m := reflect.MakeMap(to.Type())
	for _, name := range sortedKeys(t.Fields) {
		item := reflect.New(to.Type().Elem()).Elem()
		if err := decode(t.Fields[name], item); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.SetMapIndex(reflect.ValueOf(name), item)
	}
	to.Set(m)
	return nil
}

func decodeStruct(v any, to reflect.Value) error {
	ps, err := readParams(to.Type())
	if err != nil {
		return err
	}
	t, ok := v.(Table)
	if !ok {
		return wrongType(v, to.Type())
	}
	return decodeOptions(t, ps, to)
}

// decodeOptions unpacks a table's names, and its list items where ps has any, into the fields of to.
func decodeOptions(t Table, ps params, to reflect.Value) error {
	items := 0
	for _, p := range ps {
		given, ok := t.Fields[p.name], true
		if p.item > 0 {
			items = max(items, p.item)
			if given = nil; p.item <= len(t.List) {
				given = t.List[p.item-1]
			}
		}
		ok = given != nil
		if err := p.decode(given, ok, to); err != nil {
			return err
		}
	}
	if len(t.List) > items {
		if items == 0 {
			return fmt.Errorf("want options by name (%s), got %s without one", strings.Join(ps.names(), ", "), describe(t.List[0]))
		}
		return fmt.Errorf("want at most %d list items, got %d", items, len(t.List))
	}
	for _, name := range sortedKeys(t.Fields) {
		if _, ok := ps.find(name); !ok {
			return fmt.Errorf("unknown option %q%s", name, DidYouMean(name, ps.names()))
		}
	}
	return nil
}

// decode puts one argument into its field of to; given says whether there was one.
func (p param) decode(v any, given bool, to reflect.Value) error {
	field := to.Field(p.field)
	switch {
	case given:
		if err := decode(v, field); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	case p.required || p.arg && !p.optional:
		return fmt.Errorf("%s is missing: %s", p.name, p.doc)
	case p.hasDef:
		if err := decode(p.defaultValue(), field); err != nil {
			return fmt.Errorf("default of %s: %w", p.name, err)
		}
	}
	if len(p.choices) > 0 && given {
		for _, c := range p.choices {
			if field.String() == c {
				return nil
			}
		}
		return fmt.Errorf("%s: want one of %s, got %q%s", p.name, strings.Join(p.choices, ", "), field.String(), DidYouMean(field.String(), p.choices))
	}
	return nil
}

func (p param) defaultValue() any {
	if p.typ != reflect.TypeFor[time.Duration]() {
		if b, err := strconv.ParseBool(p.def); err == nil && p.typ.Kind() == reflect.Bool {
			return b
		}
		if n, err := strconv.ParseFloat(p.def, 64); err == nil && p.typ.Kind() != reflect.String {
			return n
		}
	}
	return p.def
}

func wrongType(v any, t reflect.Type) error {
	return fmt.Errorf("want %s, got %s", typeWords(luaType(t)), describe(v))
}

// typeWords says in words what a declared type is: a string, a list of strings, a string or a list.
func typeWords(t string) string {
	if item, ok := strings.CutSuffix(t, "[]"); ok && !strings.Contains(strings.TrimPrefix(item, "("), "|") {
		switch {
		case item == "string":
			return "a list of strings, such as { \"a\", \"b\" }"
		case item == "any", strings.ContainsAny(item, "<("):
			return "a list"
		}
		return "a list of " + item + "s"
	}
	words := map[string]string{"string": "a string", "boolean": "true or false", "integer": "a whole number", "number": "a number",
		"function": "a function", "table": "a table", "any": "any value", "list": "a list"}
	if w, ok := words[t]; ok {
		return w
	}
	if strings.HasPrefix(t, "table<") {
		return "a table of names, such as { name = value }"
	}
	if first, rest, ok := strings.Cut(t, "|"); ok && !strings.HasPrefix(t, "(") {
		return typeWords(first) + " or " + typeWords(rest)
	}
	if strings.HasSuffix(t, "[]") {
		return "a list"
	}
	return "a " + t
}

// describe says in words what a Lua value is, for "want …, got …".
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return "the number " + strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return fmt.Sprintf("the string %.60q", v)
	case Table:
		return "a table"
	case Callback:
		return "a function"
	}
	return "a " + luaType(reflect.TypeOf(v))
}

func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
