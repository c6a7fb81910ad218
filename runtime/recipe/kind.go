package recipe

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/script"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// Kind is a type of value that an option may have.
type Kind string

// The kinds, by the names that a declaration gives as type.
const (
	String    Kind = "string"
	Integer   Kind = "integer" // a whole number
	Number    Kind = "number"
	Boolean   Kind = "boolean"
	List      Kind = "string[]"
	Duration  Kind = "duration" // a string: "90s"
	Percent   Kind = "percent"  // a string: "25%"
	Function  Kind = "function"
	Strings   Kind = "table<string, string>"
	Functions Kind = "table<string, function>"
)

// kindWords name the kinds in errors.
var kindWords = map[Kind]string{
	String: "a string", Integer: "a whole number", Number: "a number", Boolean: "true or false",
	List:     "a list of strings",
	Duration: `a duration such as 90s or 1m30s`, Percent: `a percentage such as 25%`, Function: "a function",
	Strings: "a table of strings by name", Functions: "a table of functions by name",
}

// parseKinds parses a type such as "integer|percent".
func parseKinds(text string) ([]Kind, error) {
	var kinds []Kind
	for name := range strings.SplitSeq(text, "|") {
		kind := Kind(strings.TrimSpace(name))
		if _, ok := kindWords[kind]; !ok {
			var names []string
			for _, k := range slices.Sorted(maps.Keys(kindWords)) {
				names = append(names, string(k))
			}
			return nil, fmt.Errorf("type: want one of %s, or several with | between them, got %q%s",
				strings.Join(names, ", "), kind, spell.DidYouMean(string(kind), names))
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

// luaType returns the type of the kind's values in Lua: any if check knows nothing about them.
func (k Kind) luaType() types.Type {
	switch k {
	case String, Duration, Percent:
		return types.Type{Kind: types.String}
	case Integer, Number:
		return types.Type{Kind: types.Number}
	case Boolean:
		return types.Type{Kind: types.Boolean}
	case List:
		return types.Type{Kind: types.List, Elem: &types.Type{Kind: types.String}}
	}
	return types.Type{}
}

// isFlag reports whether a value of the kind can be given on a command line.
func (k Kind) isFlag() bool { return k != Function && k != Strings && k != Functions }

// parse parses a value from the command line. A List is not parsed here: its
// items come from several flags.
func (k Kind) parse(text string) (any, bool) {
	switch k {
	case String:
		return text, true
	case Boolean:
		b, err := strconv.ParseBool(text)
		return b, err == nil
	case Integer, Number:
		n, err := strconv.ParseFloat(text, 64)
		return n, err == nil && isExact(n)
	case Duration, Percent:
		return text, k.matches(text)
	}
	return nil, false
}

var percentage = regexp.MustCompile(`^([1-9][0-9]?|100)%$`)

// matches reports whether a string is a valid value of the kind.
func (k Kind) matches(text string) bool {
	switch k {
	case Duration:
		d, err := time.ParseDuration(text)
		return err == nil && d >= 0
	case Percent:
		return percentage.MatchString(text)
	}
	return k == String
}

// isExact reports whether Lua holds n without rounding: beyond 2^53 several whole
// numbers are the same Lua number.
func isExact(n float64) bool { return !math.IsNaN(n) && math.Abs(n) <= 1<<53 }

// valueError is a mistake in a part of a value.
type valueError struct {
	at   any // the part: a name, or the number of an item from 1
	text string
}

func (e *valueError) Error() string { return e.text }

// itemError is a mistake in the i-th item of a list, from 0.
func itemError(i int, err error) error {
	return &valueError{i + 1, fmt.Sprintf("item %d: %v", i+1, err)}
}

// accept converts a Lua value of the kind to Go. ok reports whether it is of the kind at all; err
// is a mistake in a part of it.
func (k Kind) accept(value any) (_ any, ok bool, err error) {
	switch k {
	case String, Duration, Percent:
		s, isString := value.(string)
		return s, isString && k.matches(s), nil
	case Integer, Number:
		n, isFloat := value.(float64)
		return n, isFloat && isExact(n), nil
	case Boolean:
		b, isBool := value.(bool)
		return b, isBool, nil
	case Function:
		_, isFunction := value.(script.Callback)
		return value, isFunction, nil
	case List:
		items, isList := itemsOf(value)
		if !isList {
			return nil, false, nil
		}
		list := make([]string, len(items))
		for i, item := range items {
			if list[i], ok = item.(string); !ok {
				return nil, true, itemError(i, typeError(String, item))
			}
		}
		return list, true, nil
	}
	return k.acceptFields(value)
}

// acceptFields is accept for the kinds that are tables of names.
func (k Kind) acceptFields(value any) (any, bool, error) {
	fields, ok := fieldsOf(value)
	if !ok {
		return nil, false, nil
	}
	of := String
	if k == Functions {
		of = Function
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok, _ := of.accept(fields[name]); !ok {
			return nil, true, &valueError{name, fmt.Sprintf("%s: %v", name, typeError(of, fields[name]))}
		}
	}
	return value, true, nil
}

func typeError(want Kind, got any) error {
	return fmt.Errorf("want %s, got %s", kindWords[want], script.Describe(got))
}

// itemsOf returns the items of a list from Lua or from a host's vars.
func itemsOf(value any) ([]any, bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case script.Table:
		return v.List, len(v.Fields) == 0
	}
	return nil, false
}

// fieldsOf returns the fields of a table from Lua or from a host's vars.
func fieldsOf(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case script.Table:
		return v.Fields, len(v.List) == 0
	}
	return nil, false
}
