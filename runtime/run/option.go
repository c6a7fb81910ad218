package run

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/script"
)

// Kind is the type of an option, taken from its default.
type Kind string

// The kinds of option.
const (
	String  Kind = "string"
	Integer Kind = "integer" // a number whose default is whole
	Number  Kind = "number"
	Boolean Kind = "boolean"
	List    Kind = "list" // of strings
)

// Option is one option that a recipe declares.
type Option struct {
	Name     string
	Kind     Kind
	Default  any // string, float64, bool or []string, as Kind says; nil when the recipe states none
	Help     string
	Choices  []string // the only values that are right, as text; empty for any
	Min, Max *float64 // the bounds of a number, inclusive
	Required bool     // must be given by a flag or by every host's vars
}

// Flag is the option's name on the command line: server_root is server-root.
func (o Option) Flag() string { return strings.ReplaceAll(o.Name, "_", "-") }

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
	if o.Kind == List {
		return o.check(slices.Clone(given))
	}
	text := given[len(given)-1]
	switch o.Kind {
	case Boolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("want true or false, got %q", text)
		}
		return b, nil
	case Integer, Number:
		n, err := strconv.ParseFloat(text, 64)
		// Beyond 2^53 a Lua number no longer holds every whole one: it would stand for another than was typed.
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) || o.Kind == Integer && math.Abs(n) > 1<<53 {
			return nil, fmt.Errorf("want %s, got %q", o.Kind.article(), text)
		}
		return o.check(n)
	}
	return o.check(text)
}

// fromVar reads the option from a host's vars, where values have Lua's types already.
func (o Option) fromVar(value any) (any, error) {
	switch o.Kind {
	case List:
		items, ok := value.([]any)
		if !ok {
			break
		}
		list := make([]string, len(items))
		for i, item := range items {
			if list[i], ok = item.(string); !ok {
				return nil, fmt.Errorf("item %d: want a string, got %v", i+1, item)
			}
		}
		return o.check(list)
	case String:
		if s, ok := value.(string); ok {
			return o.check(s)
		}
	case Integer, Number:
		if n, ok := value.(float64); ok {
			return o.check(n)
		}
	case Boolean:
		if b, ok := value.(bool); ok {
			return b, nil
		}
	}
	return nil, fmt.Errorf("want %s, got %v", o.Kind.article(), value)
}

// check holds a value of the right type against the bounds and choices.
func (o Option) check(value any) (any, error) {
	if n, ok := value.(float64); ok {
		switch {
		case o.Kind == Integer && n != math.Trunc(n):
			return nil, fmt.Errorf("want a whole number, got %s", o.Text(n))
		case o.Min != nil && n < *o.Min:
			return nil, fmt.Errorf("want at least %s, got %s", o.Text(*o.Min), o.Text(n))
		case o.Max != nil && n > *o.Max:
			return nil, fmt.Errorf("want at most %s, got %s", o.Text(*o.Max), o.Text(n))
		}
	}
	if len(o.Choices) == 0 {
		return value, nil
	}
	items, ok := value.([]string)
	if !ok {
		items = []string{o.Text(value)}
	}
	for _, item := range items {
		if !slices.Contains(o.Choices, item) {
			return nil, fmt.Errorf("want one of %s, got %q%s", strings.Join(o.Choices, ", "), item, script.DidYouMean(item, o.Choices))
		}
	}
	return value, nil
}

func (k Kind) article() string {
	switch k {
	case Integer:
		return "a whole number"
	case Boolean:
		return "true or false"
	case List:
		return "a list of strings"
	}
	return "a " + string(k)
}
