package fs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// The scripts document their arguments.
var (
	//go:embed check.sh
	checkScript string
	//go:embed put.sh
	putScript string
	//go:embed append.sh
	appendScript string
)

// The exit statuses of the scripts.
const (
	codeFolder  = 41 // a folder is at the path
	codePart    = 45 // the input ended early
	codeMissing = 46 // the folder of the path is missing
	codeInvalid = 49 // the command that validates the file failed
)

// PutOptions are options of Put.
type PutOptions struct {
	Mode     string   // octal; "" keeps that of the file, or is 0644, or by the run's umask
	Owner    string   // a name or number; "" keeps that of the file, where sudo or root can do so
	Group    string   // the same
	Validate []string // a command that must succeed before the rename; %s in a word is the path of the new file
	Secret   bool     // the text is a secret: a new file has mode 0600, and what Validate prints is not shown
}

// owner returns the wanted owner.
func (o PutOptions) owner() owner.Owner { return owner.Owner{User: o.Owner, Group: o.Group} }

// Put makes the file at path have the text, mode and owner. It returns false, and has written
// nothing, if the file has them. It writes a new file beside it and renames that. A link or a
// folder at the path is an error. Finding out costs one round trip.
func (f Files) Put(ctx context.Context, path, text string, opts PutOptions) (bool, error) {
	o, err := f.plan(ctx, "write", path)
	if err != nil {
		return false, err
	}
	changed, err := o.put(text, opts)
	if err != nil {
		return false, o.fail(err)
	}
	if changed {
		o.changed("wrote %s, %d bytes", o.path, len(text))
	}
	return changed, nil
}

// Differs reports whether a call would change the file: its content, mode or owner.
func (f Files) Differs(ctx context.Context, d Draft) (bool, error) {
	o, err := f.plan(ctx, "write", d.Path)
	if err != nil {
		return false, err
	}
	differs, _, _, err := o.compare(d.Text, d.PutOptions)
	return differs, o.fail(err)
}

func (o *operation) put(text string, opts PutOptions) (bool, error) {
	differs, mode, keep, err := o.compare(text, opts)
	if err != nil || !differs {
		return false, err
	}
	return true, o.send(text, mode, keep, opts)
}

// compare finds out whether the file differs, and returns the mode that it gets and the owner that
// it keeps.
func (o *operation) compare(text string, opts PutOptions) (differs bool, mode os.FileMode, keep string, err error) {
	mode, err = parseMode(opts.Mode, newMode(o.host, opts.Secret))
	if err == nil {
		err = opts.owner().Check()
	}
	if err != nil {
		return false, 0, "", err
	}
	now, err := o.look(len(text))
	if err == nil {
		err = now.replaceable()
	}
	if err != nil || now.kind != "file" {
		return true, mode, "", err
	}
	if opts.Mode == "" {
		mode = now.mode
	}
	sum := sha256.Sum256([]byte(text))
	same := now.detail == hex.EncodeToString(sum[:]) && mode == now.mode && now.owner.Is(opts.owner())
	return !same, mode, now.owner.UID + ":" + now.owner.GID, nil
}

// newMode returns the mode of a new file.
func newMode(h *shell.Host, secret bool) os.FileMode {
	permissions := h.Permissions()
	switch {
	case secret:
		return 0o600
	case permissions != nil:
		return 0o666 &^ permissions.Umask
	}
	return 0o644
}

// send writes the text to a temporary file beside the path and renames it.
func (o *operation) send(text string, mode os.FileMode, keep string, opts PutOptions) error {
	temp := path.Join(path.Dir(o.path), temporaryName(path.Base(o.path)))
	argv := []string{"/bin/sh", "-c", putScript, "sh", o.path, temp, octal(mode), strconv.Itoa(len(text)), keep,
		opts.owner().String()}
	for _, word := range opts.Validate {
		argv = append(argv, strings.ReplaceAll(word, "%s", temp))
	}
	r, err := o.host.Run(o.ctx, shell.Command{Argv: argv, Stdin: &text, Sudo: o.user, Quiet: true, AnyStatus: true})
	if err != nil {
		return errors.Join(err, o.cleanUp(err, temp))
	}
	switch r.Code {
	case 0:
		return nil
	case codeFolder:
		return errFolder(o.path)
	case codeMissing:
		return errNoFolder(o.path)
	case codePart:
		return errors.New("the text did not arrive as a whole")
	case codeInvalid:
		return invalid(opts, strings.TrimSpace(r.Stdout), strings.ReplaceAll(output.LastLines(r.Stderr), temp, o.path))
	}
	return o.scriptError(r)
}

// temporaryName returns a new name for a file that will be renamed to name. It begins with a dot,
// so that a server that includes all files of a folder leaves it out.
func temporaryName(name string) string {
	const longest = 200 // of 255
	return "." + strings.ToValidUTF8(name[:min(len(name), longest)], "") + ".runbook-" + rand.Text()[:10]
}

// invalid is the error of a text that the command of Validate refused.
func invalid(opts PutOptions, status, said string) error {
	if opts.Secret {
		said = "(not shown, because the file is secret)"
	}
	err := fmt.Errorf("%s exited %s, so the file stays as it was", strings.Join(opts.Validate, " "), status)
	if said != "" {
		err = fmt.Errorf("%w:\n%s", err, said)
	}
	return event.WithHint(err, "correct the new text: validate must accept it before it is put in place")
}

// scriptError returns the error of a script that failed.
func (o *operation) scriptError(r shell.Result) error {
	switch {
	case r.Code == codeMissing:
		return errNoFolder(o.path)
	case strings.Contains(r.Stderr, "invalid user"), strings.Contains(r.Stderr, "invalid group"), strings.Contains(r.Stderr, "unknown user"),
		strings.Contains(r.Stderr, "unknown group"):
		return event.WithHint(errors.New(output.LastLines(r.Stderr)), "create it first, or correct its name")
	case o.user == "" && strings.Contains(r.Stderr, "Operation not permitted"):
		return event.WithHint(cause{"only root may give a file to another user", os.ErrPermission}, "use { sudo = true }")
	}
	return hostError(r)
}

// cleanLimit limits the removal of what a call has left.
const cleanLimit = 30 * time.Second

// cleanUp removes a temporary file or folder after a call that failed, even after an interrupt. It
// returns why that failed.
func (o *operation) cleanUp(err error, temp string) error {
	var lost *shell.LostError
	if errors.As(err, &lost) {
		return nil // the script ends with its session, and cleans up itself
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), cleanLimit)
	defer cancel()
	_, err = o.host.Run(ctx, shell.Command{Argv: []string{"rm", "-f", "--", temp}, Sudo: o.user, Resident: true, Quiet: true})
	return err
}

func errFolder(path string) error {
	return event.WithHint(errors.New("is a folder"), "name the file in it, as "+path+"/NAME")
}

func errNoFolder(file string) error {
	return event.WithHint(cause{"no such file or folder: its folder " + path.Dir(file) + " does not exist", os.ErrNotExist},
		fmt.Sprintf("make it first: host.fs:mkdir(%q)", path.Dir(file)))
}

// present describes the file, folder or link at a path.
type present struct {
	kind   string // nothing, file, folder, link or other
	mode   os.FileMode
	owner  owner.Actual
	detail string // the target of a link, or the sum of a file of the wanted size
}

// look finds out what is at the path. The sum of a file is known only if it has size bytes.
func (o *operation) look(size int) (present, error) {
	r, err := o.host.Run(o.ctx, shell.Command{Script: checkScript, Args: []string{o.path, strconv.Itoa(size)},
		Sudo: o.user, Resident: true, Quiet: true, AnyStatus: true, Max: 4 * maxName})
	if err != nil {
		return present{}, err
	}
	if r.Code != 0 {
		return present{}, o.scriptError(r)
	}
	lines := strings.SplitN(r.Stdout, "\n", 8)
	now := present{kind: lines[0]}
	if len(lines) < 8 {
		if now.kind != "nothing" {
			err = fmt.Errorf("the host described it as %.100q", r.Stdout)
		}
		return now, err
	}
	now.mode, err = parseMode(lines[1], 0)
	now.owner = owner.Actual{UID: lines[2], GID: lines[3], User: lines[5], Group: lines[6]}
	now.detail = lines[7]
	if now.kind == "file" {
		now.detail, _, _ = strings.Cut(now.detail, " ")
	}
	return now, err
}

// replaceable refuses what a file cannot replace.
func (p present) replaceable() error {
	switch p.kind {
	case "nothing", "file":
		return nil
	case "link":
		return event.WithHint(fmt.Errorf("is a link to %s", p.detail), "write to its target, or remove the link first")
	case "folder":
		return errors.New("exists and is a folder")
	}
	return errors.New("exists and is a device, pipe or socket")
}
