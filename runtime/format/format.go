// Package format converts between Lua values and texts: JSON, YAML, TOML, base64 and checksums.
//
// Its one rule: a text that cannot be converted without loss is an error. No host is involved.
package format

import (
	"errors"
	"fmt"
	"math"
	"time"

	"runbook/runtime/script"
)

// Modules declares json, yaml, toml, base64 and hash.
func Modules() []script.Module {
	return []script.Module{jsonModule(), yamlModule(), tomlModule(), base64Module(), hashModule()}
}

type encodeArgs struct {
	Value any `lua:"value,arg" doc:"a string, a number, true or false, a list, or a table of names"`
}

type textArgs struct {
	Text string `lua:"text,arg" doc:"the text"`
}

// toGo converts a Lua value to one that encoders take: nil, bool, string, int64, float64, []any or
// map[string]any. An empty table is a map. format is what errors call the text.
func toGo(format string, v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v cannot be encoded as %s", v, format)
		}
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		return v, nil
	case script.Table:
		return tableToGo(format, v)
	}
	return nil, fmt.Errorf("only strings, numbers, true, false, lists and tables can be encoded as %s, got %s", format,
		script.Describe(v))
}

func tableToGo(format string, t script.Table) (any, error) {
	if len(t.List) > 0 && len(t.Fields) > 0 {
		return nil, errors.New("a table with both names and list items cannot be encoded as " + format)
	}
	if len(t.List) > 0 {
		list := make([]any, len(t.List))
		for i, item := range t.List {
			v, err := toGo(format, item)
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i+1, err)
			}
			list[i] = v
		}
		return list, nil
	}
	object := map[string]any{}
	for name, field := range t.Fields {
		v, err := toGo(format, field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		object[name] = v
	}
	return object, nil
}

// fromGo converts a decoded value to one for Lua. Times become strings, and whole numbers that no
// Lua number holds are errors.
func fromGo(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string:
		return v, nil
	case float64:
		return v + 0, nil // -0 is 0
	case int:
		return wholeNumber(int64(v))
	case int64:
		return wholeNumber(v)
	case uint64:
		return nil, fmt.Errorf("the number %d is too large; write it as a string", v)
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	case fmt.Stringer: // a date or a time of day
		return v.String(), nil
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			var err error
			if list[i], err = fromGo(item); err != nil {
				return nil, fmt.Errorf("item %d: %w", i+1, err)
			}
		}
		return script.Table{List: list}, nil
	case map[string]any:
		fields := map[string]any{}
		for name, field := range v {
			var err error
			if fields[name], err = fromGo(field); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return script.Table{Fields: fields}, nil
	case map[any]any:
		fields := map[string]any{}
		for key, field := range v {
			switch key.(type) {
			case string, int, int64, float64, bool: // 8080: is the name "8080"
			default:
				return nil, fmt.Errorf("%v cannot be the name of a field", key)
			}
			fields[fmt.Sprint(key)] = field
		}
		return fromGo(fields)
	}
	return nil, fmt.Errorf("%v cannot be a value in Lua", v)
}

func wholeNumber(n int64) (any, error) {
	if n > 1<<53 || n < -1<<53 {
		return nil, fmt.Errorf("the number %d is too large; write it as a string", n)
	}
	return float64(n), nil
}
