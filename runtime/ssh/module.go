package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/script"
)

// words is a command in Lua: a string for /bin/sh, or a list of words.
type words struct {
	script string
	argv   []string
}

// LuaType states both forms.
func (*words) LuaType() string { return "string|(string|number)[]" }

// UnmarshalLua takes a string or a list of strings and numbers.
func (w *words) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case string:
		if strings.TrimSpace(v) == "" {
			return errors.New("the command is empty")
		}
		w.script = v
		return nil
	case script.Table:
		for name := range v.Fields {
			return fmt.Errorf("want a list of words, got a table with the name %q in it", name)
		}
		for i, item := range v.List {
			switch item := item.(type) {
			case string:
				w.argv = append(w.argv, item)
			case float64:
				w.argv = append(w.argv, strconv.FormatFloat(item, 'f', -1, 64))
			default:
				return fmt.Errorf("word %d: want a string or a number", i+1)
			}
		}
		if len(w.argv) == 0 {
			return errors.New("the list of words is empty")
		}
		return nil
	}
	return errors.New(`want a string for /bin/sh or a list of words, such as { "git", "fetch" }`)
}

// who is the user of sudo in Lua: true for root, or a name.
type who struct{ user string }

// LuaType states both forms.
func (*who) LuaType() string { return "boolean|string" }

// String is the user as a recipe would write the name.
func (w who) String() string { return strconv.Quote(w.user) }

// UnmarshalLua takes true, false or a user's name.
func (w *who) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case bool:
		w.user = ""
		if v {
			w.user = "root"
		}
		return nil
	case string:
		if v == "" {
			return errors.New("the user's name is empty")
		}
		w.user = v
		return nil
	}
	return errors.New("want true (for root) or a user's name")
}

// runArgs are the arguments of run, capture and test.
type runArgs struct {
	Cmd words `lua:"cmd,arg,command" doc:"a string for /bin/sh, or a list of words, which is quoted"`

	Cwd         string            `lua:"cwd" doc:"the folder to run in; the user's home by default"`
	Env         map[string]string `lua:"env" doc:"variables to set"`
	Stdin       *string           `lua:"stdin" doc:"what to feed the command; nothing by default"`
	Sudo        who               `lua:"sudo" doc:"true to run as root, or the name of the user to run as"`
	Timeout     time.Duration     `lua:"timeout" doc:"the limit for the whole; the command and all that it started is ended then"`
	IdleTimeout time.Duration     `lua:"idle_timeout" doc:"the limit for a time without output"`
	Max         int               `lua:"max" default:"16777216" doc:"the most bytes of its output, and of its errors, that are kept; more is an error"`
	Check       bool              `lua:"check" default:"true" doc:"whether a status other than 0 is an error"`
	Secret      []string          `lua:"secret" doc:"values that are never shown"`
}

func (a runArgs) command() (Command, error) {
	return Command{Script: a.Cmd.script, Argv: a.Cmd.argv, Cwd: a.Cwd, Env: a.Env, Stdin: a.Stdin, Sudo: a.Sudo.user,
		Timeout: a.Timeout, IdleTimeout: a.IdleTimeout, AnyStatus: !a.Check, Secrets: a.Secret, Max: a.Max}, checkMax(int64(a.Max))
}

// checkMax refuses a limit that nothing could keep.
func checkMax(most int64) error {
	if most < 1 {
		return fmt.Errorf("max: want a number of bytes above 0, got %d", most)
	}
	return nil
}

type uploadArgs struct {
	Local  string `lua:"local,arg" doc:"the file or folder on this machine"`
	Remote string `lua:"remote,arg" doc:"the path on the host"`
	Mode   string `lua:"mode" doc:"a file's permissions, such as \"0640\"; its own by default"`
	// Changed is UploadOptions.Changed.
	Changed bool `lua:"changed" doc:"send only the files that differ from those that are there, by SHA-256; a folder replaces a folder then"`
}

type downloadArgs struct {
	Remote string `lua:"remote,arg" doc:"the file or folder on the host"`
	Local  string `lua:"local,arg" doc:"the path on this machine"`
	Max    int64  `lua:"max" default:"4294967296" doc:"the most bytes that are written on this machine; more is an error"`
}

type httpArgs struct {
	URL     string            `lua:"url,arg" doc:"the address, as seen from the host"`
	Timeout time.Duration     `lua:"timeout" default:"10s" doc:"the limit for the whole"`
	Headers map[string]string `lua:"headers" doc:"headers to send"`
}

type postArgs struct {
	URL     string            `lua:"url,arg" doc:"the address, as seen from the host"`
	Body    string            `lua:"body,arg" doc:"what to send, such as json.encode({ text = \"released\" })"`
	Timeout time.Duration     `lua:"timeout" default:"10s" doc:"the limit for the whole"`
	Headers map[string]string `lua:"headers" doc:"headers to send; JSON is the content type unless they say another"`
}

type lockArgs struct {
	Path string         `lua:"path,arg" doc:"the lock file on the host; its folder must exist"`
	Wait *time.Duration `lua:"wait" doc:"how long to wait for another holder; what --lock-wait says by default"`
}

// Module declares what a host can do to Lua.
func Module() script.Module {
	return script.Module{
		On: "host", Doc: "One server of the run: commands, files and connections.",
		Fields: []script.Field{
			field("name", "string", "its name in the hosts file", func(h *Host) any { return h.target.Name }),
			field("address", "string", "the host name or IP address that is connected to", func(h *Host) any { return h.target.Address }),
			field("port", "integer", "the port of its SSH server", func(h *Host) any { return h.target.Port }),
			field("user", "string", "who logs in there", func(h *Host) any { return h.target.User }),
			field("vars", "table<string, any>", "its own values from the hosts file", func(h *Host) any { return nonNil(h.target.Vars) }),
			field("tags", "string[]", "its tags from the hosts file", func(h *Host) any { return h.target.Tags }),
		},
		Primitives: []script.Primitive{
			script.Func("run", script.Changes, "Runs a command. A status other than 0 is an error, unless check is false.", luaRun).
				With("host:run({ \"git\", \"fetch\" }, { cwd = \"/srv/app/repo.git\", timeout = \"2m\" })").
				Assuming(Result{OK: true}),
			script.Func("capture", script.Reads, "Runs a command that changes nothing and returns what it printed, without the white space around it.", luaCapture).
				With("local kernel = host:capture(\"uname -r\")"),
			script.Func("test", script.Reads, "Runs a command that changes nothing and returns whether its status was 0.", luaTest).
				With("if host:test({ \"test\", \"-x\", \"/usr/bin/python3\" }) then\n  log.info(\"python is there\")\nend"),
			script.Func("upload", script.Changes, "Copies a file or a folder to the host: all of it or nothing, modes kept. A file replaces a file; a folder must be new. "+
				"Returns false when changed was given and all was there already, else true.", luaUpload).
				With("host:upload(\"files/motd\", \"/etc/motd\", { mode = \"0644\" })").Assuming(true),
			script.Func("download", script.Changes, "Copies a file or a folder from the host to this machine, by the rules of upload. One larger than max is an error.", luaDownload).
				With("host:download(\"/srv/app/releases.log\", \"releases.log\")"),
			script.Func("http", script.Reads, "Sends a GET request through the connection, as seen from the host. Any status is an answer; none at all is an error.", luaHTTP).
				With("local answer = host:http(\"http://127.0.0.1:8000/health\")"),
			script.Func("post", script.Changes, "Sends a POST request through the connection, as seen from the host. Any status is an answer; none at all is an error.", luaPost).
				With("localhost:post(\"http://127.0.0.1:8000/told\", json.encode({ text = \"released\" }))"),
			script.Func("lock", script.Holds, "Takes a lock that is held until the run ends on the host, and that dies with it. Held by another run, it is an error that says by whom.", luaLock).
				With("host:lock(\"/srv/app/.runbook.lock\", { wait = \"10m\" })"),
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

func luaCapture(ctx context.Context, h *Host, a runArgs) (string, error) {
	r, err := luaRun(ctx, h, a)
	return strings.TrimSpace(r.Stdout), err
}

func luaTest(ctx context.Context, h *Host, a runArgs) (bool, error) {
	c, err := a.command()
	if err != nil {
		return false, err
	}
	c.AnyStatus = true // the status is the answer
	r, err := h.Run(ctx, c)
	return r.OK, err
}

func luaUpload(ctx context.Context, h *Host, a uploadArgs) (bool, error) {
	o := UploadOptions{Changed: a.Changed}
	if a.Mode != "" {
		n, err := strconv.ParseUint(a.Mode, 8, 32)
		if err != nil || n == 0 || n > 0o777 {
			return false, fmt.Errorf("mode: want permissions such as \"0640\", got %q", a.Mode)
		}
		o.Mode = fs.FileMode(n)
	}
	return h.Upload(ctx, a.Local, a.Remote, o)
}

func luaDownload(ctx context.Context, h *Host, a downloadArgs) (script.None, error) {
	if err := checkMax(a.Max); err != nil {
		return script.None{}, err
	}
	return script.None{}, h.Download(ctx, a.Remote, a.Local, a.Max)
}

func luaHTTP(ctx context.Context, h *Host, a httpArgs) (Response, error) {
	return h.HTTP(ctx, a.URL, a.Headers, a.Timeout)
}

func luaPost(ctx context.Context, h *Host, a postArgs) (Response, error) {
	headers := map[string]string{"Content-Type": "application/json"}
	for name, value := range a.Headers {
		headers[http.CanonicalHeaderKey(name)] = value
	}
	return h.Post(ctx, a.URL, a.Body, headers, a.Timeout)
}

func luaLock(ctx context.Context, h *Host, a lockArgs) (script.None, error) {
	wait := h.pool.opts.LockWait
	if a.Wait != nil {
		wait = *a.Wait
	}
	return script.None{}, h.Lock(ctx, a.Path, wait)
}
