package run

import (
	"context"
	"errors"
	"fmt"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type validateArgs struct {
	Values   script.LiveTable          `lua:"values,arg" doc:"what was set, such as what app.lua returns"`
	Declared map[string]optionDeclared `lua:"declared,arg" doc:"the settings, in the form of a recipe's options; type is string, integer, number, boolean, string[], duration (90s), percent (25%), function, table<string, string>, table<string, function>, or several: integer|percent; check = function(value, all) returns what is wrong, or nil"`
}

// validatePrimitive is validate(values, declared).
func (r *runner) validatePrimitive() script.Primitive {
	return script.Func("validate", script.Pure, "Validates a table of settings and returns it with the defaults filled in. A name that is not declared, a value of another type, "+
		"out of range or none of the choices are errors at the line that set them; all of them together. Afterwards reading or setting a name that is not declared is an error, too.",
		func(ctx context.Context, _ script.None, a validateArgs) (script.LiveTable, error) {
			return a.Values, r.validate(ctx, a)
		}).With("local pool = validate({ socket = \"/run/app.sock\" }, {\n  socket = { nil, \"the socket's path\", required = true },\n" +
		"  within = { \"60s\", \"how long it may take\", type = \"duration\" },\n})\nlog.info(pool.socket .. \" within \" .. pool.within)")
}

// Settings say what validate makes of a table that a file of the project returned, such as app.lua's. Nil takes it as it is;
// tests of recipes need more.
type Settings struct {
	Defaults bool                                   // take the declared defaults instead of what the file says; a secret in it may be missing
	Record   func(ctx context.Context, name string) // is called in the place of every function in the table; nil calls the function
}

// use applies s to a table that was found right.
func (s *Settings) use(table script.LiveTable, given script.Table) error {
	if s == nil || !table.Required() {
		return nil
	}
	if s.Defaults {
		for name := range given.Fields {
			if err := table.Set(name, nil); err != nil {
				return err
			}
		}
		clear(given.Fields)
	}
	if s.Record != nil {
		table.ReplaceFunctions(s.Record)
	}
	return nil
}

func (r *runner) validate(ctx context.Context, a validateArgs) error {
	opts, err := declaredOptions(a.Declared)
	if err != nil {
		return err
	}
	given, err := a.Values.Copy()
	if err != nil {
		return Mistakes{a.Values.Problem(err.Error())}
	}
	problems, err := r.settingsProblems(ctx, a, given, opts)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		script.SortProblems(problems)
		return event.WithHint(Mistakes(problems), "the settings are declared at "+event.Line(ctx))
	}
	if err := r.settings.use(a.Values, given); err != nil {
		return err
	}
	names := make([]string, len(opts))
	for i, o := range opts {
		names[i] = o.Name
		if given.Fields[o.Name] != nil {
			continue
		}
		if err := a.Values.Set(o.Name, a.Declared[o.Name].Default); err != nil {
			return err
		}
	}
	a.Values.Close("setting", names)
	return nil
}

// settingsProblems are the mistakes in what was set.
func (r *runner) settingsProblems(ctx context.Context, a validateArgs, given script.Table, opts []Option) (problems []Problem, err error) {
	mistake := func(text string, path ...any) { problems = append(problems, a.Values.Problem(text, path...)) }
	names := make([]string, len(opts))
	for i, o := range opts {
		names[i] = o.Name
		value := given.Fields[o.Name]
		if value == nil {
			if o.Required {
				mistake(fmt.Sprintf("%s is missing: %s", o.Name, o.Help))
			}
			continue
		}
		if _, wrong := o.accept(value); wrong != nil && r.placeholders.in(value) {
			delete(given.Fields, o.Name) // the default stands in for what isn't known
			continue
		} else if wrong != nil {
			if text, ok := value.(string); ok { // a secret is hidden before it is cut
				_, wrong = o.accept(event.Redact(ctx, text))
			}
			path := []any{o.Name}
			var within *valueError
			if errors.As(wrong, &within) {
				path = append(path, within.at)
			}
			mistake(o.Name+": "+wrong.Error(), path...)
			continue
		}
		if check := a.Declared[o.Name].Check; !check.IsZero() {
			said, err := check.Inline(ctx, value, a.Values)
			if err != nil {
				return nil, err
			}
			if text, ok := said.(string); ok {
				mistake(o.Name+": "+text, o.Name)
			}
		}
	}
	for name := range given.Fields {
		if _, ok := a.Declared[name]; !ok {
			mistake(fmt.Sprintf("there is no setting %q%s", name, script.DidYouMean(name, names)), name)
		}
	}
	if len(given.List) > 0 {
		mistake(fmt.Sprintf("want settings by name, got %s without one", script.Describe(given.List[0])))
	}
	return problems, nil
}
