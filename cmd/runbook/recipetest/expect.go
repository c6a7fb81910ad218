package recipetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"reflect"
	"strings"

	"runbook/runtime/fs"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// expectations returns the primitives of expect.
func expectations() []script.Primitive {
	return []script.Primitive{
		script.Func("equal", script.Pure, "Expect two values to be equal. Tables are compared by content.", equal).
			With(`expect.equal(result.hosts.web1.state, "released")`),
		script.Func("contains", script.Pure, "Expect a text to contain another. It is not a pattern.", contains).
			With(`expect.contains(result.error, "no Python at /nosuch")`),
		script.Func("status", script.Pure,
			"Expect the exit status of a run: 0 done, 1 a step failed, 2 wrong usage, 3 refused before any change.",
			status).
			With(`expect.status(run("recipes/setup.lua"), 0)`),
		script.Func("event", script.Pure, "Expect an event in a run, and return the first that matches.", expectEvent).
			With(`expect.event(result, { kind = "step_ended", host = "web1", step = "prune" })`),
		script.Func("link", script.Reads,
			"Expect a symlink on a host that points to target. Relative paths begin at host.vars.root.", link).
			With(`expect.link(host, "current", "releases/r1")`),
		script.Func("file", script.Reads,
			"Expect a file or folder on a host and, with contains, a file that contains this text. "+
				"Return the text of a file.", file).
			With(`expect.file(host, "releases/r1/.runbook.json", { contains = '"branch":"release"' })`),
		script.Func("absent", script.Reads, "Expect nothing at a path on a host, not even a dangling symlink.", absent).
			With(`expect.absent(host, "releases/r1")`),
		script.Func("log", script.Reads,
			"Expect these fields in the last entry of a host's releases.log, and return the entry.", log).
			With(`expect.log(host, { action = "rollback", release = "r1", from = "r2" })`),
	}
}

type equalArgs struct {
	Got  any    `lua:"got,arg,optional" doc:"the actual value"`
	Want any    `lua:"want,arg,optional" doc:"the expected value"`
	What string `lua:"what,arg,optional" doc:"what the value is, for the message of a failure"`
}

func equal(_ context.Context, _ script.None, a equalArgs) (script.None, error) {
	if reflect.DeepEqual(a.Got, a.Want) {
		return script.None{}, nil
	}
	what := ""
	if a.What != "" {
		what = a.What + ": "
	}
	return script.None{}, fmt.Errorf("%sgot %s, want %s", what, script.Format(a.Got), script.Format(a.Want))
}

type containsArgs struct {
	Text string `lua:"text,arg" doc:"the text"`
	Part string `lua:"part,arg" doc:"the text that it must contain"`
}

func contains(_ context.Context, _ script.None, a containsArgs) (script.None, error) {
	if strings.Contains(a.Text, a.Part) {
		return script.None{}, nil
	}
	return script.None{}, fmt.Errorf("%q is not in this text:\n%s", a.Part, indented(a.Text))
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n  ")
}

type statusArgs struct {
	Result Result `lua:"result,arg" doc:"the result of run"`
	Want   int    `lua:"want,arg" doc:"the exit status"`
}

func status(_ context.Context, _ script.None, a statusArgs) (script.None, error) {
	if a.Result.Status == a.Want {
		return script.None{}, nil
	}
	why := ""
	if a.Result.Error != "" {
		why = ":\n" + indented(a.Result.Error)
	}
	return script.None{}, fmt.Errorf("the run of %s ended with status %d instead of %d%s", a.Result.Recipe,
		a.Result.Status, a.Want, why)
}

type eventArgs struct {
	Result Result    `lua:"result,arg" doc:"the result of run"`
	Like   eventLike `lua:"like,arg" doc:"the fields that the event must have"`
}

// eventLike selects events. An empty field fits every event.
type eventLike struct {
	Kind  string `lua:"kind" doc:"the kind, such as step_begun, command_ended, changed, warning, result"`
	Host  string `lua:"host" doc:"the host's name"`
	State string `lua:"state" doc:"the state in a result"`
	Step  string `lua:"step" doc:"part of the titles of its steps"`
	Text  string `lua:"text" doc:"part of its text"`
	Error string `lua:"error" doc:"part of its error"`
}

func (l eventLike) fits(e script.Table) bool {
	text := func(name string) string {
		s, _ := e.Fields[name].(string)
		return s
	}
	whole := func(want, name string) bool { return want == "" || want == text(name) }
	part := func(want, name string) bool { return strings.Contains(text(name), want) }
	return whole(l.Kind, "kind") && whole(l.Host, "host") && whole(l.State, "state") &&
		part(l.Step, "step") && part(l.Text, "text") && part(l.Error, "error")
}

// shown limits the other events that a failure lists.
const shown = 20

func expectEvent(_ context.Context, _ script.None, a eventArgs) (script.Table, error) {
	var others []string
	for _, e := range a.Result.Events {
		if a.Like.fits(e) {
			return e, nil
		}
		if a.Like.Kind == "" || e.Fields["kind"] == a.Like.Kind {
			delete(e.Fields, "seconds")
			others = append(others, script.Format(e))
		}
	}
	if len(others) == 0 {
		return script.Table{}, fmt.Errorf("there was no such event, nor any other of the kind %q", a.Like.Kind)
	}
	more := ""
	if len(others) > shown {
		others, more = others[:shown], fmt.Sprintf("\n  and %d more", len(others)-shown)
	}
	return script.Table{}, fmt.Errorf("there was no such event, but these:\n%s%s", indented(strings.Join(others, "\n")),
		more)
}

// absolute returns a path on a host. A relative path begins at the application's folder.
func absolute(h *shell.Host, p string) (string, error) {
	if path.IsAbs(p) {
		return p, nil
	}
	root, ok := h.Target().Vars["root"].(string)
	if !ok {
		return "", fmt.Errorf("%s has no vars.root, so %q must be an absolute path", h.Name(), p)
	}
	return path.Join(root, p), nil
}

type linkArgs struct {
	Host   *shell.Host `lua:"host,arg" doc:"the host"`
	Path   string      `lua:"path,arg" doc:"the link"`
	Target string      `lua:"target,arg" doc:"what it points to"`
}

func link(ctx context.Context, _ script.None, a linkArgs) (script.None, error) {
	where, err := absolute(a.Host, a.Path)
	if err != nil {
		return script.None{}, err
	}
	want, err := absolute(a.Host, a.Target)
	if err != nil {
		return script.None{}, err
	}
	got, err := fs.On(a.Host).Readlink(ctx, where)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return script.None{}, fmt.Errorf("%s: there is no %s", a.Host.Name(), where)
	case err != nil:
		return script.None{}, err
	case got != want:
		return script.None{}, fmt.Errorf("%s: %s points to %s instead of %s", a.Host.Name(), where, got, want)
	}
	return script.None{}, nil
}

type fileArgs struct {
	Host     *shell.Host `lua:"host,arg" doc:"the host"`
	Path     string      `lua:"path,arg" doc:"the file or folder, relative to host.vars.root unless it is absolute"`
	Contains string      `lua:"contains" doc:"text that the file must contain"`
}

func file(ctx context.Context, _ script.None, a fileArgs) (string, error) {
	where, err := absolute(a.Host, a.Path)
	if err != nil {
		return "", err
	}
	info, err := fs.On(a.Host).Stat(ctx, where)
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%s: there is no %s", a.Host.Name(), where)
	}
	if err != nil || info.Kind != "file" && a.Contains == "" {
		return "", err
	}
	text, err := fs.On(a.Host).Read(ctx, where, 1<<20)
	if err != nil {
		return "", err
	}
	if !strings.Contains(text, a.Contains) {
		return "", fmt.Errorf("%s: %q is not in %s, which has:\n%s", a.Host.Name(), a.Contains, where, indented(text))
	}
	return text, nil
}

type absentArgs struct {
	Host *shell.Host `lua:"host,arg" doc:"the host"`
	Path string      `lua:"path,arg" doc:"the path, relative to host.vars.root unless it is absolute"`
}

func absent(ctx context.Context, _ script.None, a absentArgs) (script.None, error) {
	where, err := absolute(a.Host, a.Path)
	if err != nil {
		return script.None{}, err
	}
	there, err := fs.On(a.Host).Exists(ctx, where)
	if err == nil && there {
		err = fmt.Errorf("%s: %s exists", a.Host.Name(), where)
	}
	return script.None{}, err
}

type logArgs struct {
	Host *shell.Host       `lua:"host,arg" doc:"the host"`
	Like map[string]string `lua:"like,arg" doc:"the fields that the entry must have: action, release, revision, from, by"`
}

func log(ctx context.Context, _ script.None, a logArgs) (map[string]any, error) {
	where, err := absolute(a.Host, "releases.log")
	if err != nil {
		return nil, err
	}
	text, err := fs.On(a.Host).Read(ctx, where, 1<<20)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	last := lines[len(lines)-1]
	entry := map[string]any{}
	if err := json.Unmarshal([]byte(last), &entry); err != nil {
		return nil, fmt.Errorf("%s: the last line of %s is invalid JSON: %s", a.Host.Name(), where, last)
	}
	for name, want := range a.Like {
		if entry[name] != want {
			return nil, fmt.Errorf("%s: the last entry of %s has %s %s instead of %q: %s", a.Host.Name(), where, name,
				script.Format(entry[name]), want, last)
		}
	}
	return entry, nil
}
