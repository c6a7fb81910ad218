package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/script"
)

// words is the cmd argument in Lua: a string for /bin/sh, or a list of words.
type words struct {
	script string
	argv   []string
}

// LuaType names both forms.
func (*words) LuaType() string { return "string|(string|number|(string|number)[])[]" }

// UnmarshalLua takes a string, or a list of strings, numbers and lists of them. So an option that
// is a list of words can be part of a command.
func (w *words) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return errors.New("the command is empty")
		}
		w.script = v
		return nil
	case script.Table:
		if err := w.add(v, true); err != nil {
			return err
		}
		if len(w.argv) == 0 {
			return errors.New("the list of words is empty")
		}
		return nil
	}
	return errors.New(`want a string for /bin/sh or a list of words, such as { "git", "fetch" }`)
}

// add appends the words of a list. An outer list may have lists in it.
func (w *words) add(list script.Table, outer bool) error {
	for name := range list.Fields {
		return fmt.Errorf("want a list of words, got a table with the name %q in it", name)
	}
	for i, item := range list.List {
		switch item := item.(type) {
		case string:
			w.argv = append(w.argv, item)
			continue
		case float64:
			w.argv = append(w.argv, strconv.FormatFloat(item, 'f', -1, 64))
			continue
		case script.Table:
			if outer {
				if err := w.add(item, false); err != nil {
					return fmt.Errorf("word %d: %w", i+1, err)
				}
				continue
			}
		}
		return fmt.Errorf("word %d: want a string, a number or a list of them, got %s", i+1, script.Describe(item))
	}
	return nil
}

// Sudo is the sudo option in Lua: true for root, or a user's name.
type Sudo struct{ User string }

// LuaType names both forms.
func (*Sudo) LuaType() string { return "boolean|string" }

// String returns the user as a recipe writes the name.
func (s Sudo) String() string { return strconv.Quote(s.User) }

// UnmarshalLua takes true, false or a user's name.
func (s *Sudo) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case bool:
		s.User = ""
		if v {
			s.User = "root"
		}
		return nil
	case string:
		if v == "" {
			return errors.New("the user's name is empty")
		}
		s.User = v
		return nil
	}
	return errors.New("want true (for root) or a user's name")
}

// runArgs are the arguments of run, capture and test.
type runArgs struct {
	Cmd      words `lua:"cmd,arg,command" doc:"a string for /bin/sh, or a list of words and lists of words, which is quoted"`
	Pipefail bool  `lua:"pipefail" doc:"for a string: the status is that of the last command of a pipe that failed; where /bin/sh has no pipefail, bash runs it"`
	runOptions
}

// captureArgs are the arguments of capture.
type captureArgs struct {
	runArgs
	Assuming *string `lua:"assuming" doc:"what a dry run takes if the command fails after a change of this host was skipped"`
}

// Assumed returns the value for a dry run, or nil.
func (a captureArgs) Assumed() any {
	if a.Assuming == nil {
		return nil
	}
	return *a.Assuming
}

// testArgs are the arguments of test.
type testArgs struct {
	runArgs
	Assuming *bool `lua:"assuming" doc:"what a dry run takes if the command fails, or the answer is false, after a change of this host was skipped"`
}

// Assumed returns the value for a dry run, or nil.
func (a testArgs) Assumed() any {
	if a.Assuming == nil {
		return nil
	}
	return *a.Assuming
}

// runOptions are the options of run, capture, test and script.
type runOptions struct {
	Cwd         string            `lua:"cwd" doc:"the working directory; by default the user's home"`
	Env         map[string]string `lua:"env" doc:"environment variables"`
	Stdin       *string           `lua:"stdin" doc:"the command's input; empty by default"`
	Sudo        Sudo              `lua:"sudo" doc:"true to run as root through sudo, or the name of another user"`
	Timeout     time.Duration     `lua:"timeout" doc:"the time limit; the command and all that it started are ended then"`
	IdleTimeout time.Duration     `lua:"idle_timeout" doc:"the limit of a time without output"`
	Max         int               `lua:"max" default:"16777216" doc:"the limit of stdout and of stderr in bytes; more is an error"`
	Retries     int               `lua:"retries" doc:"how often to try again after a status other than 0 or a timeout, after 1 s, 2 s, 4 s … 30 s; not after an interrupt or a lost connection, because the command may still run, and not in a dry run"`
	Check       bool              `lua:"check" default:"true" doc:"raise an error for a status other than 0"`
	Secret      []string          `lua:"secret" doc:"values to hide in everything that is shown"`
}

func (a runArgs) command() (Command, error) {
	return a.with(Command{Script: a.Cmd.script, Argv: a.Cmd.argv, Pipefail: a.Pipefail})
}

// with sets the options of a command.
func (o runOptions) with(c Command) (Command, error) {
	c.Cwd, c.Env, c.Stdin, c.Sudo = o.Cwd, o.Env, o.Stdin, o.Sudo.User
	c.Timeout, c.IdleTimeout = o.Timeout, o.IdleTimeout
	c.AnyStatus, c.Secrets, c.Max, c.Retries = !o.Check, o.Secret, o.Max, o.Retries
	if o.Retries < 0 {
		return c, fmt.Errorf("retries: want a number from 0 on, got %d", o.Retries)
	}
	return c, checkMax(int64(o.Max))
}

// checkMax refuses a limit below 1.
func checkMax(most int64) error {
	if most < 1 {
		return fmt.Errorf("max: want a number of bytes above 0, got %d", most)
	}
	return nil
}

type probeArgs struct {
	URL    string `lua:"url" doc:"a URL that the run will ask later, as seen from the host"`
	Python string `lua:"python" doc:"as in host:http"`
}

type lockArgs struct {
	Path string         `lua:"path,arg" doc:"the lock file on the host; its folder must exist"`
	Wait *time.Duration `lua:"wait" doc:"how long to wait for another holder; by default the value of --lock-wait"`
}

type permissionsArgs struct {
	Umask string `lua:"umask,required" doc:"the umask, octal, such as \"022\""`
	Group string `lua:"group" doc:"the group that shares locks and mirrors; the login must not be root"`
}

// Module declares the host in Lua: its fields, commands and requests.
func Module() script.Module {
	return script.Module{
		On: "host", Doc: "One server of the run: commands, files and connections.",
		Fields: []script.Field{
			field("name", "string", "its name in the hosts file", func(h *Host) any { return h.target.Name }),
			field("address", "string", "its host name or IP address", func(h *Host) any { return h.target.Address }),
			field("port", "integer", "the port of its SSH server", func(h *Host) any { return h.target.Port }),
			field("user", "string", "the login user", func(h *Host) any { return h.target.User }),
			field("vars", "table<string, any>", "its own values from the hosts file",
				func(h *Host) any { return nonNil(h.target.Vars) }),
			field("tags", "string[]", "its tags from the hosts file", func(h *Host) any { return h.target.Tags }),
		},
		Primitives: []script.Primitive{
			script.Func("run", script.Changes,
				"Run a command. A status other than 0 is an error unless check is false.", luaRun).
				With(`host:run({ "git", "fetch" }, { cwd = "/srv/app/repo.git", timeout = "2m", retries = 2 })`).
				Assuming(Result{OK: true}),
			script.Func("capture", script.Reads,
				"Run a command that changes nothing, and return its output without the white space around it.",
				luaCapture).
				With(`local newest = host:capture("ls -t /srv/app/releases | head -n 1", { pipefail = true })`),
			script.Func("test", script.Reads,
				"Run a command that changes nothing, and return whether its status was 0. "+
					"A command that did not run is an error: status 126 (also for a cwd that cannot be entered) "+
					"or 127, except of command -v NAME, which asks for a program.",
				luaTest).
				With("if host:test({ \"test\", \"-x\", \"/usr/bin/python3\" }) then\n" +
					"  log.info(\"python is there\")\nend"),
			script.Func("script", script.Depends,
				"Run a script of the project with the interpreter of its first line. Nothing is left on the host. "+
					"A status other than 0 is an error unless check is false.", luaScript).
				With(`local found = host:script("look.sh", "/srv/app", { changes = false }).stdout`).
				Assuming(Result{OK: true}),
			script.Func("permissions", script.Reads,
				"Set the umask of everything that is made on the host from now on: by commands, with sudo, "+
					"and by host.fs without a mode. With a group, its members share locks and mirrors.",
				luaPermissions).
				With(`host:permissions({ umask = "002", group = "deploy" })`),
			script.Func("probe", script.Reads,
				"Open what a run may need later of the host's SSH server: files, as many sessions as it may take, "+
					"and a connection to a URL, at which nothing need listen. An error names what the server forbids.",
				luaProbe).
				With(`host:probe({ url = "http://127.0.0.1:8000/" })`),
			script.Func("lock", script.Holds,
				"Acquire a lock on the host until the run ends, however it ends. "+
					"If another run holds it, the error names the holder.", luaLock).
				With(`host:lock("/srv/app/.runbook.lock", { wait = "10m" })`),
		},
	}
}

func field(name, typ, doc string, get func(*Host) any) script.Field {
	return script.Field{Name: name, Type: typ, Doc: doc, Get: func(receiver any) any { return get(receiver.(*Host)) }}
}

func nonNil(m map[string]any) map[string]any {
	if m == nil {
		return map[string]any{}
	}
	return m
}

func luaRun(ctx context.Context, h *Host, a runArgs) (Result, error) {
	c, err := a.command()
	if err != nil {
		return Result{}, err
	}
	return h.Run(ctx, c)
}

func luaCapture(ctx context.Context, h *Host, a captureArgs) (string, error) {
	r, err := luaRun(ctx, h, a.runArgs)
	return strings.TrimSpace(r.Stdout), err
}

func luaTest(ctx context.Context, h *Host, a testArgs) (bool, error) {
	c, err := a.command()
	if err != nil {
		return false, err
	}
	c.AnyStatus, c.MustRun = true, true // the status is the answer
	r, err := h.Run(ctx, c)
	return r.OK, err
}

func luaPermissions(_ context.Context, h *Host, a permissionsArgs) (script.None, error) {
	mask, err := strconv.ParseUint(a.Umask, 8, 32)
	if err != nil || mask > 0o777 {
		return script.None{}, fmt.Errorf("umask: want octal digits such as \"022\", got %q", a.Umask)
	}
	h.SetPermissions(Permissions{Umask: os.FileMode(mask), Group: a.Group})
	return script.None{}, nil
}

func luaProbe(ctx context.Context, h *Host, a probeArgs) (script.None, error) {
	return script.None{}, h.Probe(ctx, Probe(a))
}

func luaLock(ctx context.Context, h *Host, a lockArgs) (script.None, error) {
	wait := h.pool.opts.LockWait
	if a.Wait != nil {
		wait = *a.Wait
	}
	return script.None{}, h.Lock(ctx, a.Path, wait)
}
