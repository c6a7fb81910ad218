package recipe

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// Option is an option that a recipe declares, or a setting of a table such as app.lua's.
type Option struct {
	Name     string
	Kinds    []Kind // at least one
	Default  any    // string, float64, bool or []string, according to Kinds; nil for none
	Help     string
	Choices  []string // the only valid strings, items or names, as text; empty for any
	Min, Max *float64 // the bounds of a number, inclusive
	Complete []string // the columns of host:result whose past values are offered on the command line
	Lab      []string // in tests of recipes, the texts of a value with {names} of what the lab has; nil for none
	Secret   bool     // the value is hidden in everything that shows or records a run
	Required bool     // an option must be given by a flag or by every host's vars, a setting in its table
}

// Flag returns the option's name on the command line: server_root is server-root.
func (o Option) Flag() string { return strings.ReplaceAll(o.Name, "_", "-") }

// Is reports whether a value may be of kind k.
func (o Option) Is(k Kind) bool { return slices.Contains(o.Kinds, k) }

// Text returns a value of the option as typed on a command line; "" for none.
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

// Shown returns a value for display: SecretMark for a secret.
func (o Option) Shown(value any) any {
	if o.Secret && o.Text(value) != "" {
		return SecretMark
	}
	return value
}

// SecretMark is shown instead of the value of a secret option.
const SecretMark = "[secret]"

// withoutValue returns err without the value if the option is secret.
func (o Option) withoutValue(err error) error {
	if o.Secret {
		return fmt.Errorf("want %s", o.kindWords(nil))
	}
	return err
}

// hide registers the texts of a value as secrets, if the option is secret.
func (o Option) hide(stream *event.Stream, value any) {
	if !o.Secret {
		return
	}
	switch v := value.(type) {
	case string:
		if v != secretPlaceholder {
			stream.AddSecret(v)
		}
	case []string:
		for _, item := range v {
			o.hide(stream, item)
		}
	case []any:
		for _, item := range v {
			o.hide(stream, item)
		}
	case script.Table:
		o.hide(stream, v.List)
	}
}

// HideSecrets registers as secrets what is given for the secret options, and the vars of hosts with
// their names.
func HideSecrets(stream *event.Stream, options []Option, given map[string][]string, hosts []inventory.Host) {
	for _, o := range options {
		o.hide(stream, given[o.Name])
		for _, h := range hosts {
			o.hide(stream, h.Vars[o.Name])
		}
	}
}

// Parse parses the option from the command line, where a list is given once per item.
func (o Option) Parse(given []string) (any, error) {
	if o.Is(List) {
		return o.validate(slices.Clone(given))
	}
	text := given[len(given)-1]
	for _, k := range o.Kinds {
		if value, ok := k.parse(text); ok {
			return o.validate(value)
		}
	}
	return nil, fmt.Errorf("want %s, got %q", o.kindWords(Kind.isFlag), text)
}

// accept converts a Lua value of the option: from a host's vars, or from a table of settings.
func (o Option) accept(value any) (any, error) {
	var inner error
	for _, k := range o.Kinds {
		accepted, ok, err := k.accept(value)
		if ok && err == nil {
			return o.validate(accepted)
		} else if ok {
			inner = err
		}
	}
	if inner != nil {
		return nil, inner
	}
	return nil, fmt.Errorf("want %s, got %s", o.kindWords(nil), script.Describe(value))
}

// kindWords names the kinds of the option, or those that include selects.
func (o Option) kindWords(include func(Kind) bool) string {
	var words []string
	for _, k := range o.Kinds {
		if include == nil || include(k) {
			words = append(words, kindWords[k])
		}
	}
	return strings.Join(words, " or ")
}

// validate checks the bounds and choices of a value of a valid kind.
func (o Option) validate(value any) (any, error) {
	switch v := value.(type) {
	case float64:
		return value, o.validateNumber(v)
	case string:
		return value, o.validateChoice(v)
	case []string:
		for i, item := range v {
			if err := o.validateChoice(item); err != nil {
				return value, itemError(i, err)
			}
		}
	default:
		fields, _ := fieldsOf(value)
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			if !o.isChoice(name) {
				return value, &valueError{name, fmt.Sprintf("there is no %q%s; want %s",
					name, spell.DidYouMean(name, o.Choices), strings.Join(o.Choices, " or "))}
			}
		}
	}
	return value, nil
}

func (o Option) validateNumber(n float64) error {
	switch {
	case !o.Is(Number) && n != math.Trunc(n):
		return fmt.Errorf("want %s, got %s", o.kindWords(Kind.isFlag), o.Text(n))
	case o.Min != nil && n < *o.Min:
		return fmt.Errorf("want at least %s, got %s", o.Text(*o.Min), o.Text(n))
	case o.Max != nil && n > *o.Max:
		return fmt.Errorf("want at most %s, got %s", o.Text(*o.Max), o.Text(n))
	}
	return o.validateChoice(o.Text(n))
}

func (o Option) validateChoice(text string) error {
	if o.isChoice(text) {
		return nil
	}
	return fmt.Errorf("want one of %s, got %q%s",
		strings.Join(o.Choices, ", "), text, spell.DidYouMean(text, o.Choices))
}

func (o Option) isChoice(text string) bool {
	return len(o.Choices) == 0 || slices.Contains(o.Choices, text)
}

// luaType returns the type of the option's value in Lua: any where it may be nil or one of several.
func (o Option) luaType() types.Type {
	if o.Default == nil && !o.Required || len(o.Kinds) > 1 {
		return types.Type{}
	}
	return o.Kinds[0].luaType()
}
