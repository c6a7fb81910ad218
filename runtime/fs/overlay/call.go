package overlay

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"runbook/runtime/fs"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// arguments are those of a call, by name.
type arguments map[string]any

func argumentsOf(call script.Call) arguments {
	a := arguments{}
	for _, one := range call.Arguments() {
		a[one.Name] = one.Value
	}
	return a
}

func (a arguments) text(name string) string {
	if path, ok := a[name].(script.LocalPath); ok {
		return string(path)
	}
	text, _ := a[name].(string)
	return text
}

// user returns the user of the option sudo, or "".
func (a arguments) user() string {
	sudo, _ := a["sudo"].(shell.Sudo)
	return sudo.User
}

// Read makes a call that reads files. If no skipped change concerns them, it calls next, which
// reads on the host.
func (o *Overlay) Read(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	h, ok := call.Receiver.(*shell.Host)
	if !ok || !strings.HasPrefix(call.Name, "host.fs:") {
		return next()
	}
	a := argumentsOf(call)
	f, p := o.On(h, a.user()), a.text("path")
	if paths, ok := a["paths"].([]string); ok {
		if !f.concerns(paths...) {
			return next()
		}
		return f.Missing(ctx, paths)
	}
	if !f.concerns(p) {
		return next()
	}
	switch call.Name {
	case "host.fs:exists":
		return f.Exists(ctx, p)
	case "host.fs:stat":
		return f.Stat(ctx, p)
	case "host.fs:list":
		return f.List(ctx, p)
	case "host.fs:read":
		max, _ := a["max"].(int)
		return f.Read(ctx, p, max)
	case "host.fs:readlink":
		return f.Readlink(ctx, p)
	case "host.fs:disk":
		return f.Disk(ctx, p)
	}
	return next()
}

// Concerns reports whether a skipped change concerns the path on the host of an upload.
func (o *Overlay) Concerns(h *shell.Host, call script.Call) bool {
	a := argumentsOf(call)
	return o.On(h, a.user()).concerns(a.text("remote"))
}

// concerns reports whether a skipped change concerns one of the paths.
func (f Files) concerns(paths ...string) (found bool) {
	f.tree(func(t tree) {
		for _, p := range paths {
			at := t.find(p, true)
			remembered, _ := t.below(at.path)
			found = found || remembered || at.node != nil || at.origin != path.Clean(p)
		}
	})
	return found
}

// Skip remembers a change of files that the dry run skips. It returns the result that the call
// would have, and false for other calls and invalid paths.
func (o *Overlay) Skip(ctx context.Context, call script.Call) (result any, ok bool) {
	h, isHost := call.Receiver.(*shell.Host)
	if !isHost {
		return nil, false
	}
	a := argumentsOf(call)
	f := o.On(h, a.user())
	if c, ok := call.Args.(fs.Comparer); ok && !f.concerns(a.text("path")) {
		if differs, err := c.Differs(ctx, h); err == nil && !differs { // the real run will report an error
			return false, true
		}
	}
	if c, ok := call.Args.(fs.Drafter); ok {
		if d, err := c.Draft(ctx, h); err == nil && path.IsAbs(d.Path) {
			f.write(ctx, d)
		}
		return nil, false
	}
	for _, name := range []string{"path", "from", "to"} {
		if _, has := a[name]; has && !path.IsAbs(a.text(name)) {
			return nil, false // an error of the real run
		}
	}
	switch call.Name {
	case "host.fs:chmod":
		f.chmod(ctx, a.text("path"), a.text("mode"))
	case "host.fs:mkdir":
		return f.mkdir(ctx, a.text("path"), a.text("mode")), true
	case "host.fs:remove":
		return f.remove(ctx, a.text("path")), true
	case "host.fs:symlink":
		return f.symlink(ctx, a.text("target"), a.text("path")), true
	case "host.fs:rename":
		f.rename(ctx, a.text("from"), a.text("to"))
	case "host:upload":
		f.upload(a.text("local"), a.text("remote"), a.text("mode"))
	}
	return nil, false
}

// set remembers what is at a path.
func (f Files) set(p string, n node) {
	n.at = time.Now()
	f.tree(func(t tree) { t.set(t.find(p, false).path, n) })
}

// exists is Exists for a change. It ignores errors, such as an unreadable folder: the real run will
// report them.
func (f Files) exists(ctx context.Context, p string) bool {
	there, err := f.Exists(ctx, p)
	return there && err == nil
}

func (f Files) write(ctx context.Context, d fs.Draft) {
	n := node{kind: "file", text: &d.Text, mode: d.Mode}
	if d.Append && f.exists(ctx, d.Path) {
		before, err := f.Read(ctx, d.Path, fs.DefaultMax)
		d.Text = before + d.Text
		if err != nil {
			n.text = nil // the error is reported when something reads the file
		}
	}
	if info, err := f.Stat(ctx, d.Path); err == nil && (d.Append || d.Mode == "") { // only a new file gets the mode
		n.mode = info.Mode
	}
	f.set(d.Path, n)
}

// chmod remembers the mode of what is at a path.
func (f Files) chmod(ctx context.Context, p, mode string) {
	info, err := f.Stat(ctx, p)
	if err != nil {
		return // an error of the real run
	}
	at, _ := f.find(p, false)
	n := node{kind: info.Kind, origin: at.origin}
	if at.node != nil {
		n = *at.node
	}
	n.mode = mode
	f.set(p, n)
}

func (f Files) mkdir(ctx context.Context, p, mode string) bool {
	if f.exists(ctx, p) {
		return false
	}
	for dir := path.Dir(path.Clean(p)); dir != "/" && !f.exists(ctx, dir); dir = path.Dir(dir) {
		f.set(dir, node{kind: "folder"})
	}
	f.set(p, node{kind: "folder", mode: mode})
	return true
}

func (f Files) remove(ctx context.Context, p string) bool {
	there := f.exists(ctx, p)
	f.set(p, node{})
	return there
}

func (f Files) symlink(ctx context.Context, target, p string) bool {
	if now, err := f.Readlink(ctx, p); err == nil && now == target { // after an error there is no link yet
		return false
	}
	f.set(p, node{kind: "link", target: target})
	return true
}

func (f Files) rename(ctx context.Context, from, to string) {
	kind := "file" // a skipped command may have created it
	info, err := f.Stat(ctx, from)
	if err == nil {
		kind = info.Kind
	}
	f.tree(func(t tree) {
		at := t.find(from, false)
		if err != nil {
			at.origin = ""
		}
		t.move(at, t.find(to, false).path, kind)
	})
}

// upload remembers a file with its content, and a folder without its contents.
func (f Files) upload(local, remote, mode string) {
	info, err := os.Stat(local)
	if err != nil || !path.IsAbs(remote) {
		return // an error of the real run
	}
	if info.IsDir() {
		at, _ := f.find(remote, false)
		f.set(remote, node{kind: "folder", mode: mode, origin: at.origin})
		return
	}
	n := node{kind: "file", mode: mode}
	if mode == "" {
		n.mode = fmt.Sprintf("%04o", info.Mode().Perm())
	}
	if info.Mode().IsRegular() && info.Size() <= fs.DefaultMax {
		if text, err := os.ReadFile(local); err == nil { // after an error, its content is not known
			n.text = new(string(text))
		}
	}
	f.set(remote, n)
}
