package fs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/fs/owner"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// PutOptions are options of Put.
type PutOptions struct {
	Mode     string   // octal; "" keeps that of the file, or is 0644, or by the run's umask
	Owner    string   // a name or number; "" keeps that of the file, where sudo or root can do so
	Group    string   // the same
	Validate []string // a command that must succeed before the rename; %s in a word is the path of the new file
	Secret   bool     // the text is a secret: a new file has mode 0600, and what Validate prints is not shown
}

func (o PutOptions) owner() owner.Owner { return owner.Owner{User: o.Owner, Group: o.Group} }

// Put makes the file at path have the text, mode and owner. It returns false, and has written
// nothing, if the file has them. It writes a new file beside it and renames that. A link or a
// folder at the path is an error.
func (f Files) Put(ctx context.Context, path, text string, opts PutOptions) (bool, error) {
	o, err := f.begin(ctx, "write", path)
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
	o, err := f.begin(ctx, "write", d.Path)
	if err != nil {
		return false, err
	}
	differs, err := o.differs(d.Text, d.PutOptions)
	return differs, o.fail(err)
}

// differs compares the file on the host with the wanted text, mode and owner.
func (o *operation) differs(text string, opts PutOptions) (bool, error) {
	args, err := o.putArgs(text, "", "yes", opts)
	if err != nil {
		return false, err
	}
	out, err := o.run(2*maxName, putScript, append(args, "none", "")...)
	if err != nil {
		return false, err
	}
	differs, _, err := o.did(text, out)
	return differs, err
}

// putArgs returns the arguments of putScript up to SOURCE.
func (o *operation) putArgs(text, temporary, compare string, opts PutOptions) ([]string, error) {
	mode, err := parseMode(opts.Mode)
	if err == nil {
		err = opts.owner().Check()
	}
	wanted := ""
	if opts.Mode != "" {
		wanted = octal(mode)
	}
	return []string{o.path, temporary, wanted, octal(newMode(o.host, opts.Secret)), strconv.Itoa(len(text)), compare,
		opts.Owner, opts.Group, opts.owner().String()}, err
}

// put writes the text unless the file has it. A text that needs stdin is sent only if the file
// differs.
func (o *operation) put(text string, opts PutOptions) (bool, error) {
	compare := "yes"
	if !carried(text, opts.Secret) {
		if differs, err := o.differs(text, opts); err != nil || !differs {
			return false, err
		}
		compare = "no"
	}
	differs, wrote, err := o.write(text, compare, opts)
	if err == nil && differs && !wrote {
		_, _, err = o.write(text, "no", opts)
	}
	return differs, err
}

// write runs putScript with the text.
func (o *operation) write(text, compare string, opts PutOptions) (differs, wrote bool, err error) {
	temporary := o.beside()
	args, err := o.putArgs(text, temporary, compare, opts)
	if err != nil {
		return false, false, err
	}
	var validate []string
	for _, word := range opts.Validate {
		validate = append(validate, strings.ReplaceAll(word, "%s", temporary))
	}
	r, err := o.withText(putScript, args, text, opts.Secret, validate...)
	switch {
	case err != nil:
		return false, false, failedRun{errors.Join(err, o.cleanUp(err, temporary))}
	case strings.HasPrefix(r.Stdout, "invalid\n"):
		return false, false, invalid(opts, strings.TrimSpace(r.Stdout[len("invalid\n"):]),
			strings.ReplaceAll(output.LastLines(r.Stderr), temporary, o.path))
	case r.Code != 0:
		return false, false, o.hostError(r)
	}
	return o.did(text, r.Stdout)
}

// did parses what putScript printed: whether the file differed, and whether the text was written.
func (o *operation) did(text, out string) (differs, wrote bool, err error) {
	word, rest, _ := strings.Cut(out, "\n")
	switch word {
	case "sum":
		sum := sha256.Sum256([]byte(text))
		return !strings.HasPrefix(rest, hex.EncodeToString(sum[:])), false, nil
	case "differs":
		return true, false, nil
	case "wrote":
		return true, true, nil
	}
	return false, false, o.errObstacle(word, rest)
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

// invalid returns the error of a text that the Validate command refused.
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

// cleanLimit limits how long removing the leftovers of a call may take.
const cleanLimit = 30 * time.Second

// cleanUp removes a temporary file after a call that failed, even after an interrupt. It returns an
// error if the removal failed.
func (o *operation) cleanUp(err error, temporary string) error {
	var lost *shell.LostError
	if errors.As(err, &lost) {
		return nil // the script notices the lost connection and cleans up itself
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), cleanLimit)
	defer cancel()
	_, err = o.host.Run(ctx, shell.Command{Argv: []string{"rm", "-f", "--", temporary}, Sudo: o.user, Resident: true,
		Quiet: true})
	return err
}

// WriteOptions are options of Write.
type WriteOptions struct {
	Mode   string // octal; "" is 0644, or by the run's umask
	Append bool
	Line   bool // with Append: begin a line, where another writer has not ended the last one
}

// maxAppend limits an appended text, which reaches the file in one piece.
const maxAppend = 32 << 10

// Write replaces the content of the file at path like Put, with the mode of a new file if none is
// given.
//
// With Append it adds text instead, of at most 32 KiB, by one write to a file opened for appending,
// so that the texts of concurrent writers do not mix. Mode then applies only to a new file.
func (f Files) Write(ctx context.Context, path, text string, opts WriteOptions) (bool, error) {
	if opts.Mode == "" {
		opts.Mode = octal(newMode(f.host, false))
	}
	if !opts.Append {
		return f.Put(ctx, path, text, PutOptions{Mode: opts.Mode})
	}
	o, err := f.begin(ctx, "append to", path)
	if err != nil {
		return false, err
	}
	if err := o.append(text, opts); err != nil {
		return false, o.fail(err)
	}
	o.changed("appended to %s, %d bytes", o.path, len(text))
	return true, nil
}

// append adds text to the file at the path.
func (o *operation) append(text string, opts WriteOptions) error {
	mode, err := parseMode(opts.Mode)
	switch {
	case err != nil:
		return err
	case len(text) > maxAppend:
		return fmt.Errorf("cannot append %d bytes in one piece; the limit is %d", len(text), maxAppend)
	}
	out, err := o.result(o.withText(appendScript,
		[]string{o.path, octal(mode), strconv.Itoa(len(text)), yes(opts.Line)}, text, false))
	if err != nil {
		return err
	}
	if word, rest, _ := strings.Cut(out, "\n"); word != "appended" {
		return o.errObstacle(word, rest)
	}
	return nil
}

// parseMode parses an octal mode such as "0644", and "" as 0.
func parseMode(text string) (os.FileMode, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 8, 32)
	if err != nil || n > 0o7777 {
		return 0, fmt.Errorf("mode %q: want octal digits, such as \"0644\"", text)
	}
	mode := os.FileMode(n & 0o777)
	for bit, m := range map[uint64]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if n&bit != 0 {
			mode |= m
		}
	}
	return mode, nil
}
