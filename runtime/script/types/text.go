package types

import "reflect"

// TextChecker is a string type that refuses some texts. It is asked about each text that a
// primitive gets, and by runbook check about each text in a recipe.
type TextChecker interface {
	CheckLua() error
}

// CheckerOf returns the check of a TextChecker, nil for another type.
func CheckerOf(t reflect.Type) func(string) error {
	if t.Kind() != reflect.String || !t.Implements(reflect.TypeFor[TextChecker]()) {
		return nil
	}
	return func(text string) error {
		v := reflect.New(t).Elem()
		v.SetString(text)
		return v.Interface().(TextChecker).CheckLua()
	}
}
