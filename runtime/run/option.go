package run

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/script"
)

// Option is one option that a recipe declares, or one setting of a table such as app.lua's.
type Option struct {
	Name     string
	Kinds    []Kind // the forms that its value may have; at least one
	Default  any    // string, float64, bool or []string, as Kinds say; nil when none is stated
	Help     string
	Choices  []string // the only strings, items or names that are right, as text; empty for any
	Min, Max *float64 // the bounds of a number, inclusive
	Required bool     // must be given by a flag or by every host's vars; a setting, in its table
}

// Flag is the option's name on the command line: server_root is server-root.
func (o Option) Flag() string { return strings.ReplaceAll(o.Name, "_", "-") }

// Is says whether a value may be of a kind.
func (o Option) Is(k Kind) bool { return slices.Contains(o.Kinds, k) }

// Text is a value of the option as a person would type it; "" for none.
func (o Option) Text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []string:
		return strings.Join(v, ", ")
	}
	return fmt.Sprint(value)
}

// Parse reads the option from the command line, where it was given once, or for a list once an item.
func (o Option) Parse(given []string) (any, error) {
	if o.Is(List) {
		return o.check(slices.Clone(given))
	}
	text := given[len(given)-1]
	for _, k := range o.Kinds {
		if value, ok := k.parse(text); ok {
			return o.check(value)
		}
	}
	return nil, fmt.Errorf("want %s, got %q", o.words(Kind.typed), text)
}

// accept reads the option from Lua: from a host's vars, or from a table of settings.
func (o Option) accept(value any) (any, error) {
	var within error
	for _, k := range o.Kinds {
		accepted, ok, err := k.accept(value)
		if ok && err == nil {
			return o.check(accepted)
		} else if ok {
			within = err
		}
	}
	if within != nil {
		return nil, within
	}
	return nil, fmt.Errorf("want %s, got %s", o.words(nil), script.Describe(value))
}

// words say which kinds of value are right, or those of them that only says.
func (o Option) words(only func(Kind) bool) string {
	var words []string
	for _, k := range o.Kinds {
		if only == nil || only(k) {
			words = append(words, kindWords[k])
		}
	}
	return strings.Join(words, " or ")
}

// check holds a value of the right kind against the bounds and choices.
func (o Option) check(value any) (any, error) {
	switch v := value.(type) {
	case float64:
		return value, o.checkNumber(v)
	case string:
		return value, o.choose(v)
	case []string:
		for i, item := range v {
			if err := o.choose(item); err != nil {
				return value, itemError(i, err)
			}
		}
	default:
		fields, _ := namesOf(value)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !o.allows(name) {
				return value, &valueError{name, fmt.Sprintf("there is no %q%s; want %s", name, script.DidYouMean(name, o.Choices), strings.Join(o.Choices, " or "))}
			}
		}
	}
	return value, nil
}

// allows says whether a text is one of the choices, or may be any.
func (o Option) allows(text string) bool {
	return len(o.Choices) == 0 || slices.Contains(o.Choices, text)
}

func (o Option) choose(text string) error {
	if o.allows(text) {
		return nil
	}
	return fmt.Errorf("want one of %s, got %q%s", strings.Join(o.Choices, ", "), text, script.DidYouMean(text, o.Choices))
}

func (o Option) checkNumber(n float64) error {
	switch {
	case !o.Is(Number) && n != math.Trunc(n):
		return fmt.Errorf("want %s, got %s", o.words(Kind.typed), o.Text(n))
	case o.Min != nil && n < *o.Min:
		return fmt.Errorf("want at least %s, got %s", o.Text(*o.Min), o.Text(n))
	case o.Max != nil && n > *o.Max:
		return fmt.Errorf("want at most %s, got %s", o.Text(*o.Max), o.Text(n))
	}
	return o.choose(o.Text(n))
}
