// Package options holds the values that a command line gives to the options of a command.
package options

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Kind is the kind of an option's value.
type Kind int

// The kinds of value.
const (
	Text     Kind = iota
	List          // of texts; the option may be repeated
	Switch        // true or false
	Duration      // such as 90s
	Count         // a whole number
)

// Call is one call of a command: the values of its options, and its arguments.
type Call struct {
	context.Context
	Args []string

	values map[string]any // as Set parsed them
}

// New returns a call without options.
func New(ctx context.Context, args []string) *Call {
	return &Call{Context: ctx, Args: args, values: map[string]any{}}
}

// Set parses the value of an option. A list gets one more item; any other value replaces the one
// before it.
func (c *Call) Set(name string, kind Kind, text string) error {
	value, want, err := any(text), "", error(nil)
	switch kind {
	case List:
		list, _ := c.values[name].([]string)
		value = append(list, text)
	case Switch:
		want = "true or false"
		value, err = strconv.ParseBool(text)
	case Duration:
		want = "a duration such as 90s, 2m or 1h30m"
		value, err = time.ParseDuration(text)
	case Count:
		want = "a whole number"
		value, err = strconv.Atoi(text)
	}
	if err != nil {
		return fmt.Errorf("want %s, got %q", want, text)
	}
	c.values[name] = value
	return nil
}

// IsSet reports whether an option has a value.
func (c *Call) IsSet(name string) bool { return c.values[name] != nil }

// Text returns the value of an option of that kind, or "".
func (c *Call) Text(name string) string { return get[string](c, name) }

// List returns the items of an option of that kind.
func (c *Call) List(name string) []string { return get[[]string](c, name) }

// Bool returns the value of a switch.
func (c *Call) Bool(name string) bool { return get[bool](c, name) }

// Duration returns the value of an option of that kind, or 0.
func (c *Call) Duration(name string) time.Duration { return get[time.Duration](c, name) }

// Count returns the value of an option of that kind, or 0.
func (c *Call) Count(name string) int { return get[int](c, name) }

func get[T any](c *Call, name string) T {
	value, _ := c.values[name].(T)
	return value
}

// Argument returns the first argument, or "".
func (c *Call) Argument() string {
	if len(c.Args) == 0 {
		return ""
	}
	return c.Args[0]
}
