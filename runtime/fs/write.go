package fs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pkg/sftp"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
)

// DefaultMax is the default limit of Read: 16 MiB.
const DefaultMax = 16 << 20

// Read returns the content of the file at path. It follows a link. A file of more than max bytes is
// an error.
func (f Files) Read(ctx context.Context, path string, max int) (string, error) {
	o, err := f.begin(ctx, "read", path)
	if err != nil {
		return "", err
	}
	text, err := await(o, func() (string, error) {
		if o.user != "" {
			return o.sudo().read(o.path, max)
		}
		f, err := o.sftp.Open(o.path)
		if err != nil {
			return "", err
		}
		out := &limited{left: max}
		_, err = f.WriteTo(out)
		return out.text.String(), errors.Join(err, f.Close())
	})
	if errors.Is(err, errTooLarge) {
		err = event.WithHint(fmt.Errorf("larger than %d bytes", max), "use host:download, or { max = … }")
	}
	return text, o.fail(err)
}

var errTooLarge = errors.New("too large")

// limited collects what is written to it, up to a limit.
type limited struct {
	text strings.Builder
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errTooLarge
	}
	return l.text.Write(p)
}

// WriteOptions are options of Write.
type WriteOptions struct {
	Mode   string // octal; "" is 0644, or by the run's umask
	Append bool
}

// maxAppend limits an appended text to one SFTP packet, which reaches the file in one piece.
const maxAppend = 32 << 10

// Write replaces the content of the file at path: it writes a new file beside it and renames it.
// The file then belongs to the user who writes. It returns false, and has written nothing, if the
// file has the text and the mode. A link at path is an error.
//
// With Append it adds text instead, of at most 32 KiB, by one write to a file opened for appending,
// so that the texts of concurrent writers do not mix. Mode then applies only to a new file.
func (f Files) Write(ctx context.Context, path, text string, opts WriteOptions) (bool, error) {
	if opts.Append {
		return f.append(ctx, path, text, opts.Mode)
	}
	o, err := f.plan(ctx, "write", path)
	if err != nil {
		return false, err
	}
	mode, err := parseMode(opts.Mode, newMode(o.host, false))
	if err != nil {
		return false, o.fail(err)
	}
	if f.user != "" {
		return f.Put(ctx, path, text, PutOptions{Mode: octal(mode)})
	}
	if o, err = f.begin(ctx, "write", path); err != nil {
		return false, err
	}
	fi, err := o.target()
	if err == nil && fi != nil && fi.Size() == int64(len(text)) && modeOf(fi) == octal(mode) {
		now, err := f.Read(ctx, path, len(text))
		if err == nil && now == text {
			return false, nil
		} // a file that may be replaced but not read is replaced
	}
	if err == nil {
		err = o.replace(text, mode)
	}
	if err != nil {
		return false, o.fail(err)
	}
	o.changed("wrote %s, %d bytes", o.path, len(text))
	return true, nil
}

// target returns the file at the path, nil for none. Anything else there is an error.
func (o *operation) target() (os.FileInfo, error) {
	fi, err := o.lstat(o.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case kind(fi) == "link":
		return nil, event.WithHint(errors.New("is a link"), "write to its target, or remove the link first")
	case kind(fi) != "file":
		return nil, fmt.Errorf("exists and is %s", describe(fi))
	}
	return fi, nil
}

// append adds text to the file at path.
func (f Files) append(ctx context.Context, path, text, givenMode string) (bool, error) {
	o, err := f.begin(ctx, "append to", path)
	if err != nil {
		return false, err
	}
	mode, err := parseMode(givenMode, newMode(o.host, false))
	if err != nil {
		return false, o.fail(err)
	}
	fi, err := o.target()
	switch {
	case err != nil:
	case len(text) > maxAppend:
		err = fmt.Errorf("cannot append %d bytes in one piece; the limit is %d", len(text), maxAppend)
	case o.user != "":
		err = o.appendAs(text, mode)
	default:
		err = o.append(text, mode, fi == nil)
	}
	if err != nil {
		return false, o.fail(err)
	}
	o.changed("appended to %s, %d bytes", o.path, len(text))
	return true, nil
}

// appendAs is append with sudo.
func (o *operation) appendAs(text string, mode os.FileMode) error {
	r, err := o.host.Run(o.ctx, shell.Command{Argv: []string{"/bin/sh", "-c", appendScript, "sh", o.path, octal(mode), strconv.Itoa(len(text))}, Stdin: &text,
		Sudo: o.user, Quiet: true, AnyStatus: true})
	if err == nil && r.Code != 0 {
		err = o.scriptError(r)
	}
	return err
}

func (o *operation) replace(text string, mode os.FileMode) error {
	temp := beside(o.path)
	err := o.do(func() error {
		f, err := o.sftp.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		// The mode is set before the text, which may be private.
		err = errors.Join(f.Chmod(mode), copyInto(f, text))
		if err == nil {
			err = o.sync(f)
		}
		if err = errors.Join(err, f.Close(), o.ctx.Err()); err != nil {
			err = o.explain(err) // before its removal, which may free the space that was missing
			o.discard(temp)      // here, because after an interrupt nobody waits for this function
		}
		return err
	})
	if err != nil {
		return err
	}
	return o.place(temp)
}

// place renames a finished temporary file to the path.
func (o *operation) place(temp string) error {
	err := o.do(func() error { return o.files.PosixRename(temp, o.path) })
	if err != nil {
		o.discard(temp)
	}
	return err
}

func copyInto(f *sftp.File, text string) error {
	_, err := f.ReadFrom(strings.NewReader(text))
	return err
}

// sync writes the text to the disk before the rename, if the server supports it.
func (o *operation) sync(f *sftp.File) error {
	if _, ok := o.sftp.HasExtension("fsync@openssh.com"); !ok {
		return nil
	}
	return f.Sync()
}

func (o *operation) append(text string, mode os.FileMode, isNew bool) error {
	return o.do(func() error {
		f, err := o.sftp.OpenFile(o.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
		if err != nil {
			return err
		}
		if isNew {
			err = f.Chmod(mode)
		}
		var end int64
		if err == nil {
			// Some servers use the client's offset instead of O_APPEND.
			end, err = f.Seek(0, io.SeekEnd)
		}
		if err == nil {
			if _, err = f.Write([]byte(text)); err != nil {
				err = errors.Join(err, o.undoAppend(f, end, text))
			}
		}
		return errors.Join(err, f.Close())
	})
}

// undoAppend removes the beginning of a text from the end of a file, after the disk became full in
// the middle of a write. It keeps what another process has written since.
func (o *operation) undoAppend(f *sftp.File, end int64, text string) (err error) {
	written, err := o.sftp.Open(o.path)
	if err != nil {
		return fmt.Errorf("find out how much was written: %w", err)
	}
	defer func() { err = errors.Join(err, written.Close()) }()
	if _, err := written.Seek(end, io.SeekStart); err != nil {
		return fmt.Errorf("find out how much was written: %w", err)
	}
	part, err := io.ReadAll(io.LimitReader(written, int64(len(text))))
	if err != nil {
		return fmt.Errorf("find out how much was written: %w", err)
	}
	if len(part) == 0 || len(part) == len(text) || !strings.HasPrefix(text, string(part)) {
		return nil
	}
	if err := f.Truncate(end); err != nil {
		return fmt.Errorf("an incomplete line is left at its end: %w", err)
	}
	return nil
}

// parseMode parses an octal mode such as "0644".
func parseMode(text string, otherwise os.FileMode) (os.FileMode, error) {
	if text == "" {
		return otherwise, nil
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
