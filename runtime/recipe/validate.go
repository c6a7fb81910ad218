package recipe

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
)

type validateArgs struct {
	Values   script.LiveTable             `lua:"values,arg" doc:"the settings, such as app.lua returns them"`
	Declared map[string]OptionDeclaration `lua:"declared,arg" doc:"the declarations, in the form of a recipe's options; type is string, integer, number, boolean, string[], duration (90s), percent (25%), function, table<string, string>, table<string, function>, or several: integer|percent; check = function(value, all) returns what is wrong, or nil"`
}

// ValidatePrimitive declares validate(values, declared).
func (e *Evaluation) ValidatePrimitive() script.Primitive {
	return script.Func("validate", script.Pure, "Validate a table of settings and return it with defaults filled in. "+
		"An undeclared name, a wrong type and a value that is out of range or "+
		"not among the choices are errors at the lines that set them, all reported together. Reading or setting an "+
		"undeclared name later is an error too.",
		func(ctx context.Context, _ script.None, a validateArgs) (script.LiveTable, error) {
			return a.Values, e.validate(ctx, a)
		}).With("local pool = validate({ socket = \"/run/app.sock\" }, {\n  socket = { nil, \"the path of the " +
		"socket\", required = true },\n" +
		"  within = { \"60s\", \"how long it may take\", type = \"duration\" },\n})\nlog.info(pool.socket .. \" " +
		"within \" .. pool.within)")
}

// Settings change what validate does with a table that a file of the project returned, such as
// app.lua's. Tests of recipes use them; nil changes nothing.
type Settings struct {
	// Defaults replaces what the file sets by the declared defaults. Secrets of the file may be
	// missing.
	Defaults bool
	// Record is called instead of every function in the table. Nil calls the functions.
	Record func(ctx context.Context, name string)
	// Stage is the stage whose keys override those of the file, or "".
	Stage string
	// Confirm is set if the file of the stage requires confirmation of a run.
	Confirm bool
}

// apply changes a valid table.
func (s *Settings) apply(table script.LiveTable, given script.Table) error {
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

// Origin is where a file of the project sets one of its settings.
type Origin struct {
	Place    string // recipes/app.lua:12
	Stage    bool   // the file is that of the stage
	Function bool   // its value is a function
}

// recordOrigins records where the settings that a file returned are set.
func (e *Evaluation) recordOrigins(table script.LiveTable, given script.Table, staged []string) {
	if e.origins == nil || !table.Required() {
		return
	}
	for name, value := range given.Fields {
		at := table.Problem("", name)
		_, isFunction := value.(script.Callback)
		e.origins[name] = Origin{fmt.Sprintf("%s:%d", at.File, at.Line), slices.Contains(staged, name), isFunction}
	}
}

func (e *Evaluation) validate(ctx context.Context, a validateArgs) error {
	opts, err := parseOptions(a.Declared)
	if err != nil {
		return err
	}
	v := validation{Evaluation: e, args: a, options: opts}
	staged, err := e.overlayStage(a.Values)
	if err != nil {
		return err
	}
	given, err := a.Values.Copy()
	if err != nil {
		return Mistakes{a.Values.Problem(err.Error())}
	}
	v.given = given
	if err := v.takeStage(staged); err != nil {
		return err
	}
	if err := v.run(ctx); err != nil {
		return err
	}
	if len(v.problems) > 0 {
		source.SortProblems(v.problems)
		return event.WithHint(Mistakes(v.problems), "the settings are declared at "+event.Line(ctx))
	}
	e.recordOrigins(a.Values, given, staged)
	if err := e.Settings.apply(a.Values, given); err != nil {
		return err
	}
	for _, o := range opts {
		if given.Fields[o.Name] != nil {
			continue
		}
		if err := a.Values.Set(o.Name, a.Declared[o.Name].Default); err != nil {
			return err
		}
	}
	a.Values.Close("setting", v.names())
	return nil
}

// validation finds the mistakes in one table of settings.
type validation struct {
	*Evaluation
	args     validateArgs
	given    script.Table // a copy of the table
	options  []Option
	problems []Problem
}

// report adds a mistake at the line that sets the value at path.
func (v *validation) report(text string, path ...any) {
	v.problems = append(v.problems, v.args.Values.Problem(text, path...))
}

func (v *validation) names() []string {
	names := make([]string, len(v.options))
	for i, o := range v.options {
		names[i] = o.Name
	}
	return names
}

// run collects the problems. Its error is one of a check function.
func (v *validation) run(ctx context.Context) error {
	for _, o := range v.options {
		value := v.given.Fields[o.Name]
		o.hide(v.Stream, value)
		switch _, err := o.accept(value); {
		case value == nil && o.Required:
			v.report(fmt.Sprintf("%s is missing: %s", o.Name, o.Help))
		case value == nil:
		case err != nil && v.placeholders.mayBe(value):
			delete(v.given.Fields, o.Name) // the default replaces what isn't known
		case err != nil:
			v.reportInvalid(o, value, err)
		default:
			if err := v.check(ctx, o, value); err != nil {
				return err
			}
		}
	}
	for name := range v.given.Fields {
		if _, ok := v.args.Declared[name]; !ok {
			v.report(v.unknown(name), name)
		}
	}
	if len(v.given.List) > 0 {
		v.report(fmt.Sprintf("want settings by name, got %s without one", script.Describe(v.given.List[0])))
	}
	return nil
}

// unknown returns the message for a setting that does not exist.
func (v *validation) unknown(name string) string {
	if name == confirmKey && v.args.Values.Required() {
		return "confirm is for the file of a stage, such as app.staging.lua"
	}
	return fmt.Sprintf("there is no setting %q%s", name, spell.DidYouMean(name, v.names()))
}

// reportInvalid reports why a setting doesn't accept its value. The text is redacted
// before the error shortens it.
func (v *validation) reportInvalid(o Option, value any, err error) {
	if text, ok := value.(string); ok {
		if _, redacted := o.accept(v.Stream.Redact(text)); redacted != nil { // nil if cleaning has made the value valid
			err = redacted
		}
	}
	path := []any{o.Name}
	var inner *valueError
	if errors.As(err, &inner) {
		path = append(path, inner.at)
	}
	v.report(o.Name+": "+err.Error(), path...)
}

// check calls the declaration's own check of a setting.
func (v *validation) check(ctx context.Context, o Option, value any) error {
	fn := v.args.Declared[o.Name].Check
	if fn.IsZero() {
		return nil
	}
	result, err := fn.Inline(ctx, value, v.args.Values)
	if text, ok := result.(string); ok && err == nil {
		v.report(o.Name+": "+text, o.Name)
	}
	return err
}
