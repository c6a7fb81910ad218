package run

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
)

// Kind is one form that the value of an option may have.
type Kind string

// The kinds of value, as a declaration states them by type.
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

// kindWords say in words what a value of a kind is.
var kindWords = map[Kind]string{
	String: "a string", Integer: "a whole number", Number: "a number", Boolean: "true or false", List: "a list of strings",
	Duration: `a duration such as 90s or 1m30s`, Percent: `a percentage such as 25%`, Function: "a function",
	Strings: "a table of strings by name", Functions: "a table of functions by name",
}

// parseKinds reads a type such as "integer|percent".
func parseKinds(text string) ([]Kind, error) {
	var kinds []Kind
	for name := range strings.SplitSeq(text, "|") {
		kind := Kind(strings.TrimSpace(name))
		if _, ok := kindWords[kind]; !ok {
			var names []string
			for _, k := range slices.Sorted(maps.Keys(kindWords)) {
				names = append(names, string(k))
			}
			return nil, fmt.Errorf("type: want one of %s, or several with | between them, got %q%s", strings.Join(names, ", "), kind, script.DidYouMean(string(kind), names))
		}
		kinds = append(kinds, kind)
	}
	return kinds, nil
}

// typed says whether the value can be written on a command line.
func (k Kind) typed() bool { return k != Function && k != Strings && k != Functions }

// parse reads a value of the kind from the command line. A list has its items from several flags, so it isn't read here.
func (k Kind) parse(text string) (any, bool) {
	switch k {
	case String:
		return text, true
	case Boolean:
		b, err := strconv.ParseBool(text)
		return b, err == nil
	case Integer, Number:
		n, err := strconv.ParseFloat(text, 64)
		return n, err == nil && isNumber(n)
	case Duration, Percent:
		return text, k.fits(text)
	}
	return nil, false
}

var percentage = regexp.MustCompile(`^([1-9][0-9]?|100)%$`)

// fits says whether a string is of the kind.
func (k Kind) fits(text string) bool {
	switch k {
	case Duration:
		d, err := time.ParseDuration(text)
		return err == nil && d >= 0
	case Percent:
		return percentage.MatchString(text)
	}
	return k == String
}

// isNumber says whether n is one that Lua and the command line can both hold: beyond 2^53 a Lua number stands for several
// whole numbers.
func isNumber(n float64) bool { return !math.IsNaN(n) && math.Abs(n) <= 1<<53 }

// valueError is what is wrong within a value, at the name or the item that at says.
type valueError struct {
	at   any // a string, or an int from 1
	text string
}

func (e *valueError) Error() string { return e.text }

// itemError is a mistake in the i-th item of a list, from 0.
func itemError(i int, err error) error {
	return &valueError{i + 1, fmt.Sprintf("item %d: %v", i+1, err)}
}

// accept returns a Lua value of the kind as Go holds it. ok says whether it has the form at all; err what is wrong in a list or
// a table.
func (k Kind) accept(value any) (_ any, ok bool, err error) {
	switch k {
	case String, Duration, Percent:
		s, isString := value.(string)
		return s, isString && k.fits(s), nil
	case Integer, Number:
		n, isFloat := value.(float64)
		return n, isFloat && isNumber(n), nil
	case Boolean:
		b, isBool := value.(bool)
		return b, isBool, nil
	case Function:
		_, isFunction := value.(script.Callback)
		return value, isFunction, nil
	case List:
		items, isList := listOf(value)
		if !isList {
			return nil, false, nil
		}
		list := make([]string, len(items))
		for i, item := range items {
			if list[i], ok = item.(string); !ok {
				return nil, true, itemError(i, wantGot(String, item))
			}
		}
		return list, true, nil
	}
	return k.acceptNames(value)
}

// acceptNames is accept for the kinds that have their values by name.
func (k Kind) acceptNames(value any) (any, bool, error) {
	fields, ok := namesOf(value)
	if !ok {
		return nil, false, nil
	}
	of := map[Kind]Kind{Strings: String, Functions: Function}[k]
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, ok, _ := of.accept(fields[name]); !ok {
			return nil, true, &valueError{name, fmt.Sprintf("%s: %v", name, wantGot(of, fields[name]))}
		}
	}
	return value, true, nil
}

func wantGot(k Kind, value any) error {
	return fmt.Errorf("want %s, got %s", kindWords[k], script.Describe(value))
}

// listOf is a list from Lua, or from a host's vars.
func listOf(value any) ([]any, bool) {
	switch v := value.(type) {
	case []any:
		return v, true
	case script.Table:
		return v.List, len(v.Fields) == 0
	}
	return nil, false
}

// namesOf is a table of names from Lua, or from a host's vars.
func namesOf(value any) (map[string]any, bool) {
	switch v := value.(type) {
	case map[string]any:
		return v, true
	case script.Table:
		return v.Fields, len(v.List) == 0
	}
	return nil, false
}
