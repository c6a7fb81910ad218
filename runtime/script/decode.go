package script

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// Decode converts a Lua value, as Value describes it, to the type that into points to, by Func's
// rules for arguments. Errors have the path inside the value ("host 2: tags: want a list …"), the
// wanted and the given type, and the nearest name for a wrong one.
func Decode(value, into any) error {
	to := reflect.ValueOf(into).Elem()
	t, err := typeOf(to.Type(), nil, true)
	if err != nil {
		return err
	}
	return decode(value, to, t)
}

func decode(v any, to reflect.Value, t types.Type) error {
	if to.CanAddr() {
		if u, ok := to.Addr().Interface().(Unmarshaler); ok {
			return u.UnmarshalLua(v)
		}
	}
	switch to.Type() {
	case reflect.TypeFor[time.Duration]():
		return decodeDuration(v, to)
	case reflect.TypeFor[File]():
		return decodeFile(v, to)
	case reflect.TypeFor[LocalPath]():
		text, ok := v.(string)
		if !ok || text == "" {
			return fmt.Errorf("want the path of a file on this machine, got %s", Describe(v))
		}
		to.SetString(text)
		return nil
	case reflect.TypeFor[Table](), reflect.TypeFor[LiveTable](), reflect.TypeFor[Callback]():
		return assign(v, to, t)
	}
	switch to.Kind() {
	case reflect.Interface:
		if v != nil {
			to.Set(reflect.ValueOf(v))
		}
		return nil
	case reflect.Pointer:
		return decodePointer(v, to, t)
	case reflect.Slice:
		return decodeList(v, to, t)
	case reflect.Map:
		return decodeMap(v, to, t)
	case reflect.Struct:
		return decodeStruct(v, to, t)
	case reflect.Int, reflect.Int64:
		n, ok := v.(float64)
		if !ok {
			return wrongType(v, t)
		}
		if n != math.Trunc(n) || math.Abs(n) > 1<<53 {
			return fmt.Errorf("want a whole number, got %v", n)
		}
		to.SetInt(int64(n))
		return nil
	}
	if text, ok := v.(string); ok && t.Check != nil {
		to.SetString(text)
		return t.Check(text)
	}
	return assign(v, to, t)
}

// assign sets a value that needs no conversion.
func assign(v any, to reflect.Value, t types.Type) error {
	if v == nil || !reflect.TypeOf(v).AssignableTo(to.Type()) {
		return wrongType(v, t)
	}
	to.Set(reflect.ValueOf(v))
	return nil
}

func decodePointer(v any, to reflect.Value, t types.Type) error {
	if v == nil {
		return nil
	}
	if reflect.TypeOf(v) == to.Type() { // a registered object
		to.Set(reflect.ValueOf(v))
		return nil
	}
	if e := to.Type().Elem(); e.Kind() == reflect.Struct && !hasTags(e) {
		return wrongType(v, t)
	}
	to.Set(reflect.New(to.Type().Elem()))
	return decode(v, to.Elem(), t)
}

func decodeFile(v any, to reflect.Value) error {
	name, ok := v.(string)
	if !ok {
		return fmt.Errorf("want the name of a file, such as \"look.sh\", got %s", Describe(v))
	}
	to.Set(reflect.ValueOf(File{Name: name}))
	return nil
}

func decodeDuration(v any, to reflect.Value) error {
	s, ok := v.(string)
	if !ok {
		if n, isNumber := v.(float64); isNumber {
			seconds := strconv.FormatFloat(n, 'f', -1, 64) + "s"
			return fmt.Errorf("want a duration with its unit, such as %q, got the number %v", seconds, n)
		}
		return fmt.Errorf("want a duration such as \"90s\", got %s", Describe(v))
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return fmt.Errorf("want a duration such as \"90s\", \"2m\" or \"1h30m\", got %q", s)
	}
	to.SetInt(int64(d))
	return nil
}

func decodeList(v any, to reflect.Value, t types.Type) error {
	table, ok := v.(Table)
	if !ok {
		return wrongType(v, t)
	}
	for name := range table.Fields {
		return fmt.Errorf("want a list, got a table with the name %q in it", name)
	}
	list := reflect.MakeSlice(to.Type(), len(table.List), len(table.List))
	for i, item := range table.List {
		if err := decode(item, list.Index(i), t.Item()); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	to.Set(list)
	return nil
}

func decodeMap(v any, to reflect.Value, t types.Type) error {
	table, ok := v.(Table)
	if !ok {
		return wrongType(v, t)
	}
	if len(table.List) > 0 {
		return fmt.Errorf("want names, such as { name = value }, got a list")
	}
	m := reflect.MakeMap(to.Type())
	for _, name := range sortedKeys(table.Fields) {
		item := reflect.New(to.Type().Elem()).Elem()
		given := table.Fields[name]
		if n, ok := given.(float64); ok && t.Item().Kind == types.String { // such as PORT = 80
			given = strconv.FormatFloat(n, 'f', -1, 64)
		}
		if err := decode(given, item, t.Item()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		m.SetMapIndex(reflect.ValueOf(name), item)
	}
	to.Set(m)
	return nil
}

func decodeStruct(v any, to reflect.Value, t types.Type) error {
	table, ok := v.(Table)
	if !ok {
		return wrongType(v, t)
	}
	return decodeOptions(table, t.Fields, to)
}

// decodeOptions converts a table's values by name, and its list items when ps has any, into the
// fields of to.
func decodeOptions(t Table, ps types.Params, to reflect.Value) error {
	items := 0
	for _, p := range ps {
		given := t.Fields[p.Name]
		if p.Item > 0 {
			items = max(items, p.Item)
			if given = nil; p.Item <= len(t.List) {
				given = t.List[p.Item-1]
			}
		}
		if err := decodeParam(p, given, given != nil, to); err != nil {
			return err
		}
	}
	if len(t.List) > items {
		if items == 0 {
			names := strings.Join(ps.Names(), ", ")
			return fmt.Errorf("want options by name (%s), got %s without one", names, Describe(t.List[0]))
		}
		return fmt.Errorf("want at most %d list items, got %d", items, len(t.List))
	}
	for _, name := range sortedKeys(t.Fields) {
		if _, ok := ps.Find(name); !ok {
			return fmt.Errorf("unknown option %q%s", name, spell.DidYouMean(name, ps.Names()))
		}
	}
	return nil
}

// decodeParam converts one argument into its field of to. given is false when it was omitted.
func decodeParam(p types.Param, v any, given bool, to reflect.Value) error {
	field := to.FieldByIndex(p.Index)
	switch {
	case given:
		if err := decode(v, field, p.Type); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	case p.Required || p.Positional && !p.Optional:
		return fmt.Errorf("%s is missing: %s", p.Name, p.Doc)
	case p.HasDefault:
		if err := decode(defaultValue(p), field, p.Type); err != nil {
			return fmt.Errorf("default of %s: %w", p.Name, err)
		}
	}
	if given && len(p.Choices) > 0 && !slices.Contains(p.Choices, field.String()) {
		given := field.String()
		return fmt.Errorf("%s: want one of %s, got %q%s",
			p.Name, strings.Join(p.Choices, ", "), given, spell.DidYouMean(given, p.Choices))
	}
	return nil
}

func defaultValue(p types.Param) any {
	switch p.Type.Kind {
	case types.String, types.Duration:
		return p.Default
	case types.Boolean:
		return p.Default == "true"
	}
	if n, err := strconv.ParseFloat(p.Default, 64); err == nil {
		return n
	}
	return p.Default
}

func wrongType(v any, want types.Type) error {
	return fmt.Errorf("want %s, got %s", want.Words(), Describe(v))
}

// Describe describes a Lua value in words, for "want …, got …".
func Describe(v any) string {
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
	t, err := typeOf(reflect.TypeOf(v), nil, false)
	if err != nil {
		return fmt.Sprintf("a %T", v)
	}
	return t.Words()
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.Sorted(maps.Keys(m))
}
