package recipetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/event/terminal"
	"runbook/runtime/lab"
	"runbook/runtime/run"
	"runbook/runtime/script"
)

type runArgs struct {
	Recipe  string         `lua:"recipe,arg" doc:"the recipe's path, from the test's folder, the one above it, or the current one"`
	Options map[string]any `lua:"values,arg,optional" doc:"the recipe's options by name"`
	Only    []string       `lua:"only" doc:"part of the hosts, as --only names them"`
	DryRun  bool           `lua:"dry_run" doc:"what --dry-run does"`
	Yes     bool           `lua:"yes" doc:"answer yes to the recipe's confirmations"`
	Hooks   bool           `lua:"hooks" doc:"call the functions of the project's settings, such as app.lua's before_switch, which may do anything on this machine; without it they are recorded"`
}

// Result is what became of a run, as a test sees it.
type Result struct {
	Recipe string                       `lua:"recipe" doc:"the recipe's path"`
	Status int                          `lua:"status" doc:"the exit status"`
	Error  string                       `lua:"error" doc:"why it failed, in words; empty when it did not"`
	Hint   string                       `lua:"hint" doc:"what the admin is told to do next"`
	Stdout string                       `lua:"stdout" doc:"what an admin sees on standard output"`
	Stderr string                       `lua:"stderr" doc:"what an admin sees on standard error"`
	Hosts  map[string]map[string]string `lua:"hosts" doc:"the last table by host: state, and the columns that the recipe set"`
	Calls  []Recorded                   `lua:"calls" doc:"the functions of app.lua that were recorded instead of called, in their order"`
	Events []script.Table               `lua:"events" doc:"all events of the run, as --json has them"`
}

// Recorded is a function of the project's settings that a run would have called.
type Recorded struct {
	Name string `lua:"name" doc:"the setting, such as drain or before_switch.once"`
	Host string `lua:"host" doc:"the host's name; empty outside of each"`
}

func (w *world) runPrimitive() script.Primitive {
	return script.Func("run", script.Reads, "Runs a recipe for real against the lab's hosts and returns what became of it; a failure of the run is none of the test. "+
		"Options that the recipe has and the test doesn't give are the lab's, where it has any: repo, branch, key, agent and pip_arg fit lab.repo; wsgi and requirements "+
		"its application; python and mod_wsgi_express are quick stand-ins, whose pip knows the lab's wheels and whose server is Python's wsgiref. "+
		"Functions of the project's settings, such as app.lua's hooks, are recorded instead of called, and return true.", w.run).
		With("local result = run(\"recipes/release.lua\", { release = \"r1\", restart = \"none\" })\nexpect.status(result, 0)\nexpect.equal(result.hosts.web1.state, \"released\")")
}

func (w *world) run(_ context.Context, _ script.None, a runArgs) (Result, error) {
	path, err := w.find(a.Recipe)
	if err != nil {
		return Result{}, err
	}
	if _, err := w.inLab(); err != nil {
		return Result{}, err
	}
	seen := &recorder{}
	result := Result{Recipe: path, Hosts: map[string]map[string]string{}}
	err = w.perform(path, a, seen)
	if w.base.Err() != nil {
		return result, context.Cause(w.base)
	}
	result.Status = run.Status(err)
	seen.into(&result)
	if err != nil && result.Error == "" { // it never began
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

// perform is the run itself, as `runbook run` does it.
func (w *world) perform(path string, a runArgs, seen *recorder) error {
	settings := run.Settings{Defaults: w.settings.Defaults}
	if !a.Hooks {
		settings.Record = seen.record
	}
	recipe, err := run.DescribeToRun(w.base, path, &settings)
	if err != nil {
		return err
	}
	given, err := w.given(recipe, a.Options)
	if err != nil {
		return err
	}
	inventory := w.inventory()
	inventory.Only = a.Only
	if !w.hosts {
		if recipe.Hosts != "" {
			return run.Usage(event.WithHint(errors.New("the test has no hosts for the recipe"), "lab.hosts(2) starts two"))
		}
		inventory.Hosts = ""
	}
	plan, err := run.Prepare(w.base, recipe, run.Options{
		Given: given, Inventory: inventory, DryRun: a.DryRun, Yes: a.Yes,
		Hooks: w.opts.Hooks, Explain: w.opts.Explain, AtStep: w.atStep,
	})
	if err != nil {
		return err
	}
	sinks := []event.Sink{seen, terminal.New(terminal.Options{Out: &seen.out, Err: &seen.err})}
	if w.opts.Verbose {
		sinks = append(sinks, terminal.New(terminal.Options{Out: &seen.all, Err: &seen.all, Level: terminal.Verbose}))
	}
	stream := event.StreamTo(w.base, sinks...)
	return run.Joined(plan.Start(w.base, stream), stream.Close())
}

// given are the options as a command line would give them: the test's, and the lab's for those that it leaves out.
func (w *world) given(recipe run.Description, options map[string]any) (map[string][]string, error) {
	given := map[string][]string{}
	for _, o := range recipe.Options {
		texts, err := w.offered(o.Name)
		if err != nil {
			return nil, err
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

// offered is what the lab has for an option, or nil.
func (w *world) offered(name string) ([]string, error) {
	if w.repo != nil {
		switch name {
		case "repo":
			return []string{w.repo.server.URL()}, nil
		case "branch":
			return []string{lab.Branch}, nil
		case "key":
			return []string{w.repo.key}, nil
		case "wsgi", "requirements":
			return []string{map[string]string{"wsgi": "wsgi.py", "requirements": "requirements.txt"}[name]}, nil
		}
	}
	switch name {
	case "agent":
		return []string{"forward"}, nil
	case "server_root":
		return []string{""}, nil
	case "pip_arg":
		return []string{"--no-index", "--find-links=" + w.lab.Wheels()}, nil
	case "python", "mod_wsgi_express":
		tools, err := w.lab.Tools()
		return []string{map[string]string{"python": tools.Python, "mod_wsgi_express": tools.ModWSGIExpress}[name]}, err
	}
	return nil, nil
}

// typed is a Lua value as it would be typed behind a flag, a list as one item a time.
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

// recorder keeps the events of a run, and what the terminal would show. It is an event.Sink.
type recorder struct {
	events   []event.Event
	out, err strings.Builder // what an admin sees
	all      strings.Builder // the same with -v, where that was asked for
	calls    []Recorded
}

// record notes a function that is not called. Lua calls it with the turn, so one at a time.
func (r *recorder) record(ctx context.Context, name string) {
	r.calls = append(r.calls, Recorded{name, event.Host(ctx)})
	event.Emit(ctx, event.Event{Kind: event.Info, Text: name + " of the project's settings is recorded, not called"})
}

// Event keeps e.
func (r *recorder) Event(e event.Event) { r.events = append(r.events, e) }

// Close does nothing.
func (r *recorder) Close() error { return nil }

// into fills in what the events say.
func (r *recorder) into(result *Result) {
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

// eventTable is an event as Lua has it, with the names of the JSON schema.
func eventTable(e event.Event) script.Table {
	t := script.Table{Fields: map[string]any{"kind": string(e.Kind)}}
	for name, text := range map[string]string{"host": e.Host, "line": e.Line, "text": e.Text, "stream": e.Stream, "state": e.State,
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
