package recipetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
	"runbook/runtime/lab"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
	"runbook/runtime/script"
	"runbook/runtime/script/spell"
)

type runArgs struct {
	Recipe  string         `lua:"recipe,arg" doc:"the recipe's path, relative to the test's folder, the folder above it, or the current folder"`
	Options map[string]any `lua:"values,arg,optional" doc:"the recipe's options by name"`
	Only    []string       `lua:"only" doc:"use only these hosts, as with --only"`
	Except  []string       `lua:"except" doc:"leave these hosts out, as with --except"`
	DryRun  bool           `lua:"dry_run" doc:"change nothing, as with --dry-run"`
	Yes     bool           `lua:"yes" doc:"answer yes to the recipe's questions"`
	Hooks   bool           `lua:"hooks" doc:"call the functions in the project's settings, such as before_switch in app.lua; they may do anything on this machine. Without it they are recorded"`
}

// Result is the result of a run, as a test sees it.
type Result struct {
	Recipe string                       `lua:"recipe" doc:"the recipe's path"`
	Status int                          `lua:"status" doc:"the exit status"`
	Error  string                       `lua:"error" doc:"why it failed, in words; empty if it did not"`
	Hint   string                       `lua:"hint" doc:"what to do next"`
	Stdout string                       `lua:"stdout" doc:"what an admin would see on standard output"`
	Stderr string                       `lua:"stderr" doc:"what an admin would see on standard error"`
	Hosts  map[string]map[string]string `lua:"hosts" doc:"the last table, by host: state, and the columns that the recipe set"`
	Calls  []Recorded                   `lua:"calls" doc:"the functions of app.lua that were recorded instead of called, in order"`
	Events []script.Table               `lua:"events" doc:"all events of the run, as --json prints them"`
}

// Recorded is a call of a function in the project's settings that was recorded instead.
type Recorded struct {
	Name string `lua:"name" doc:"the setting, such as drain or before_switch.once"`
	Host string `lua:"host" doc:"the host's name; empty outside of each"`
}

func (w *world) runPrimitive() script.Primitive {
	return script.Func("run", script.Reads,
		"Run a recipe on the lab's hosts and return the result. A failure of the run does not fail the test. "+
			"An option that the test leaves out has the value that the recipe declares as lab. "+
			"Its {repo}, {branch} and {key} belong to lab.repo, {wsgi} and {requirements} to the application there; "+
			"{python} and {mod_wsgi_express} are quick replacements, whose pip knows {wheels} and whose server is "+
			"Python's wsgiref. "+
			"Functions in the project's settings, such as the hooks in app.lua, are recorded instead of called, and "+
			"return true.", w.run).
		With("local result = run(\"recipes/release.lua\", { release = \"r1\", restart = \"none\" })\n" +
			"expect.status(result, 0)\n" +
			"expect.equal(result.hosts.web1.state, \"released\")")
}

func (w *world) run(_ context.Context, _ script.None, a runArgs) (Result, error) {
	path, err := w.find(a.Recipe)
	if err != nil {
		return Result{}, err
	}
	if _, err := w.startLab(); err != nil {
		return Result{}, err
	}
	seen := &recorder{}
	result := Result{Recipe: path, Hosts: map[string]map[string]string{}}
	err = w.perform(path, a, seen)
	if w.base.Err() != nil {
		return result, context.Cause(w.base)
	}
	result.Status = run.Status(err)
	seen.fill(&result)
	if err != nil && result.Error == "" { // the run never began
		result.Error, result.Hint = w.opts.Explain(err)
		result.Stderr += result.Error + "\n"
	}
	shown := seen.all.String()
	if shown == "" {
		shown = result.Stderr + result.Stdout
	}
	w.say(fmt.Sprintf("run %s: exit status %d\n%s", path, result.Status, shown))
	return result, nil
}

// perform runs a recipe as `runbook run` does.
func (w *world) perform(path string, a runArgs, seen *recorder) error {
	settings := recipe.Settings{Defaults: w.settings.Defaults}
	if !a.Hooks {
		settings.Record = seen.record
	}
	loaded, err := recipe.Load(w.base, w.api, w.opts.Stream, path, &settings)
	if err != nil {
		return run.Usage(err)
	}
	given, err := w.given(loaded.Options, a.Options)
	if err != nil {
		return err
	}
	inventory := w.inventory()
	inventory.Only, inventory.Except = a.Only, a.Except
	if !w.hosts {
		if loaded.Hosts != "" {
			return run.Usage(event.WithHint(errors.New("the test has no hosts for the recipe"),
				"lab.hosts(2) starts two hosts"))
		}
		inventory.Hosts = nil
	}
	plan, err := run.Prepare(w.base, loaded, run.Options{
		Given: given, Inventory: inventory, DryRun: a.DryRun, Yes: a.Yes,
		Hooks: w.opts.Hooks, Explain: w.opts.Explain, BeforeStep: w.atStep,
	})
	if err != nil {
		return err
	}
	sinks := []event.Sink{seen, terminal.New(terminal.Options{Out: &seen.out, Err: &seen.err})}
	if w.opts.Verbose {
		sinks = append(sinks, terminal.New(terminal.Options{Out: &seen.all, Err: &seen.all, Level: terminal.Verbose}))
	}
	stream := w.opts.Stream.To(sinks...)
	return run.Join(plan.Run(w.base, stream), stream.Close())
}

// given returns the options as on a command line: those of the test, and for missing ones those
// that the lab provides.
func (w *world) given(declared []recipe.Option, options map[string]any) (map[string][]string, error) {
	given := map[string][]string{}
	for _, o := range declared {
		texts, err := w.fillTexts(o.Lab)
		if err != nil {
			return nil, fmt.Errorf("option %s: lab: %w", o.Name, err)
		}
		if texts != nil {
			given[o.Name] = texts
		}
	}
	for name, value := range options {
		texts, err := typed(value)
		if err != nil {
			return nil, run.Usage(fmt.Errorf("option %s: %w", name, err))
		}
		given[name] = texts
	}
	return given, nil
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

// fillTexts replaces the {names} in texts by the lab's values. It returns nil if the lab lacks any
// of them.
func (w *world) fillTexts(texts []string) ([]string, error) {
	var filled []string
	for _, text := range texts {
		for _, name := range placeholder.FindAllString(text, -1) {
			value, err := w.resource(name)
			if value == "" || err != nil {
				return nil, err
			}
			text = strings.ReplaceAll(text, name, value)
		}
		filled = append(filled, text)
	}
	return filled, nil
}

// resource returns the lab's value of a {name}. Values of the repository are "" before lab.repo.
func (w *world) resource(name string) (string, error) {
	if name == "{python}" || name == "{mod_wsgi_express}" {
		tools, err := w.lab.Tools("python3")
		return map[string]string{"{python}": tools.Python, "{mod_wsgi_express}": tools.ModWSGIExpress}[name], err
	}
	known := map[string]string{"{repo}": "", "{branch}": "", "{key}": "", "{wsgi}": "", "{requirements}": "",
		"{wheels}": w.lab.Wheels()}
	if w.repo != nil {
		known["{repo}"], known["{branch}"], known["{key}"] = w.repo.server.URL(), lab.Branch, w.repo.key
		known["{wsgi}"], known["{requirements}"] = "wsgi.py", "requirements.txt"
	}
	value, ok := known[name]
	if !ok {
		names := append(slices.Sorted(maps.Keys(known)), "{python}", "{mod_wsgi_express}")
		return "", fmt.Errorf("the lab has no %s%s; it has %s", name, spell.DidYouMean(name, names),
			strings.Join(names, ", "))
	}
	return value, nil
}

// typed returns a Lua value as typed after a flag, a list as one text per item.
func typed(value any) ([]string, error) {
	switch v := value.(type) {
	case string:
		return []string{v}, nil
	case bool:
		return []string{strconv.FormatBool(v)}, nil
	case float64:
		return []string{strconv.FormatFloat(v, 'f', -1, 64)}, nil
	case script.Table:
		if len(v.Fields) > 0 {
			break
		}
		texts := []string{}
		for _, item := range v.List {
			one, err := typed(item)
			if err != nil || len(one) != 1 {
				return nil, errors.New("a list holds strings")
			}
			texts = append(texts, one[0])
		}
		return texts, nil
	}
	return nil, fmt.Errorf("want a string, a number, true or false, or a list of strings, got %s", script.Format(value))
}

// recorder keeps the events of a run, and what a terminal would show. It is an event.Sink.
type recorder struct {
	events   []event.Event
	out, err strings.Builder // what an admin sees
	all      strings.Builder // the same with -v, if asked for
	calls    []Recorded
}

// record records a call. Lua holds the turn, so calls come one at a time.
func (r *recorder) record(ctx context.Context, name string) {
	r.calls = append(r.calls, Recorded{name, event.Host(ctx)})
	event.Emit(ctx, event.Event{Kind: event.Info, Text: name + " of the project's settings is recorded, not called"})
}

// Event keeps e.
func (r *recorder) Event(e event.Event) { r.events = append(r.events, e) }

// Close does nothing.
func (r *recorder) Close() error { return nil }

// fill fills in a result from the events.
func (r *recorder) fill(result *Result) {
	result.Stdout, result.Stderr, result.Calls = r.out.String(), r.err.String(), r.calls
	for _, e := range r.events {
		result.Events = append(result.Events, eventTable(e))
		switch e.Kind {
		case event.Result:
			row := map[string]string{"state": e.State}
			for name, text := range e.Columns {
				row[name] = text
			}
			result.Hosts[e.Host] = row
		case event.RunEnded:
			result.Error, result.Hint = e.Error, e.Hint
		}
	}
}

// eventTable converts an event for Lua, with the names of the JSON schema.
func eventTable(e event.Event) script.Table {
	t := script.Table{Fields: map[string]any{"kind": string(e.Kind)}}
	for name, text := range map[string]string{"host": e.Host, "line": e.Line, "text": e.Text, "stream": e.Stream,
		"state": e.State,
		"error": e.Error, "hint": e.Hint} {
		if text != "" {
			t.Fields[name] = text
		}
	}
	if len(e.Step) > 0 {
		t.Fields["step"] = strings.Join(e.Step, ": ")
	}
	if e.Code != nil {
		t.Fields["code"] = float64(*e.Code)
	}
	if e.Seconds != 0 {
		t.Fields["seconds"] = e.Seconds
	}
	if len(e.Columns) > 0 {
		columns := map[string]any{}
		for name, text := range e.Columns {
			columns[name] = text
		}
		t.Fields["columns"] = script.Table{Fields: columns}
	}
	if len(e.Rows) > 0 {
		t.Fields["header"] = list(e.Header)
		rows := script.Table{}
		for _, row := range e.Rows {
			rows.List = append(rows.List, list(row))
		}
		t.Fields["rows"] = rows
	}
	return t
}

func list(texts []string) script.Table {
	t := script.Table{}
	for _, text := range texts {
		t.List = append(t.List, text)
	}
	return t
}
