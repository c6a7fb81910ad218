package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// What the scripts of a transfer say by their status.
const (
	codeIsFolder = 41 // a file was to replace a folder
	codeIsThere  = 42 // a folder was to replace something
	codeNoStream = 44 // the host can't do it in this way
	codePart     = 45 // not all of it arrived
	codeMissing  = 46 // what should be there is not
	codeOdd      = 47 // something that is no file, folder or link
)

// errNoStream says that a transfer has to go by sftp, which also finds better words for what is wrong with a path.
var errNoStream = errors.New("the host takes no stream")

// uploadScript takes a file or an archive from its stdin. Arguments: the kind, the target, the temporary name, its folder, a file's
// mode and size. Of the kind changed is an archive that takes the place of a folder, by one rename where mv(1) can exchange, else by two. What
// is removed may share its files with what stays, so no file's mode is touched. When the connection dies, the end of its stdin looks like that of the stream. So a file's size is
// compared, and an archive's last entry is one that says that it was the last.
const uploadScript = `kind=$1 to=$2 tmp=$3 parent=$4 mode=$5 size=$6
clear() {
  if [ -e "$tmp.old" ] && [ ! -e "$to" ]; then mv -T -- "$tmp.old" "$to"; fi
  find "$tmp" "$tmp.old" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
  rm -rf -- "$tmp" "$tmp.old" "$tmp.end"
}
trap clear EXIT
trap 'exit 1' HUP INT TERM
[ -d "$parent" ] || exit 46
if [ "$kind" = file ]; then
  [ ! -d "$to" ] || [ -L "$to" ] || exit 41
  umask 077
  set -C
  : > "$tmp" 2>/dev/null || exit 44
  cat >> "$tmp" || exit 1
  [ $(wc -c < "$tmp") -eq "$size" ] || exit 45
  chmod "$mode" -- "$tmp" || exit 1
else
  if [ "$kind" = folder ] && { [ -e "$to" ] || [ -L "$to" ]; }; then exit 42; fi
  command -v tar >/dev/null 2>&1 || exit 44
  tar -C "$parent" -xpmof - || { [ -e "$tmp" ] && exit 1; exit 44; }
  [ -e "$tmp.end" ] || exit 45
  rm -f -- "$tmp.end"
fi
if [ "$kind" = changed ]; then
  mv --exchange -T -- "$tmp" "$to" 2>/dev/null || { mv -T -- "$to" "$tmp.old" && mv -T -- "$tmp" "$to"; }
  exit
fi
mv -fT -- "$tmp" "$to" 2>/dev/null || { [ ! -d "$to" ] && mv -f -- "$tmp" "$to"; }
`

// stream sends the file or folder through a session of its own.
func (u *upload) stream(size int64) error {
	if !u.folder {
		in, err := os.Open(u.from)
		if err != nil {
			return err
		}
		defer func() { _ = in.Close() }() // it was only read
		return u.send("file", size, io.LimitReader(in, size))
	}
	in, out := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := pack(out, u.from, path.Base(u.temporary), u.same)
		out.CloseWithError(err)
		packed <- err
	}()
	kind := "folder"
	if u.replace {
		kind = "changed"
	}
	err := u.send(kind, 0, in)
	_ = in.Close() // the host may have stopped reading: the packing ends with it
	if bad := <-packed; bad != nil && !errors.Is(bad, io.ErrClosedPipe) {
		return bad
	}
	return err
}

// send runs the script on the host with in as its input.
func (u *upload) send(kind string, size int64, in io.Reader) error {
	c := Command{Quiet: true, AnyStatus: true, Input: io.TeeReader(in, newProgress(u.ctx, u.from, size)), Argv: []string{"/bin/sh", "-c", uploadScript, "sh", kind, u.to, u.temporary,
		path.Dir(u.temporary), strconv.FormatUint(uint64(u.mode), 8), strconv.FormatInt(size, 10)}}
	r, err := u.host.Run(u.ctx, c)
	if err != nil {
		return u.host.unsent(u.ctx, err, u.temporary)
	}
	switch r.Code {
	case 0:
		return nil
	case codeNoStream:
		return errNoStream
	case codeIsFolder:
		return isFolder(u.to)
	case codeIsThere:
		return isThere(u.to)
	case codeMissing:
		return fmt.Errorf("%s: %w", path.Dir(u.temporary), fs.ErrNotExist)
	case codePart:
		return fmt.Errorf("%s changed while it was read", u.from)
	}
	return fmt.Errorf("the host could not write it: %s", scriptSaid(r))
}

// unsent says what becomes of a transfer whose script has not come to its end, and removes what it may have left.
func (h *Host) unsent(ctx context.Context, err error, temporary string) error {
	var lost *LostError
	if errors.As(err, &lost) {
		if h.connectionLost() {
			return err
		}
		return errNoStream // no more than the session ended: the host may forbid commands, and allow sftp
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardLimit)
	defer cancel()
	_, left := h.Run(ctx, Command{Quiet: true, Argv: []string{"/bin/sh", "-c",
		`find "$1" -type d ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null; rm -rf -- "$1" "$1.end"`, "sh", temporary}})
	return errors.Join(err, left)
}

// connectionLost says whether there is no connection at this moment.
func (h *Host) connectionLost() bool {
	h.busy <- struct{}{}
	defer h.busy.unlock()
	if h.conn == nil {
		return true
	}
	select {
	case <-h.conn.link.done():
		return true
	default:
		return false
	}
}

// scriptSaid is what a script printed as its error.
func scriptSaid(r Result) string {
	if text := LastLines(r.Stderr); text != "" {
		return text
	}
	return fmt.Sprintf("exit status %d", r.Code)
}

// downloadScript prints a line with what it is, and then a file's bytes or a folder's archive.
const downloadScript = `from=$1
[ -e "$from" ] || exit 46
if [ -d "$from" ]; then
  command -v tar >/dev/null 2>&1 || exit 44
  odd=$(find "$from/." ! -type f ! -type d ! -type l | head -n 1)
  [ -z "$odd" ] || { printf '%s' "$odd" >&2; exit 47; }
  echo folder && tar -C "$from/." -cf - .
elif [ -f "$from" ]; then
  mode=$(stat -L -c %a -- "$from" 2>/dev/null || stat -L -f %Lp -- "$from" 2>/dev/null) || exit 44
  echo "$mode" && cat -- "$from"
else
  exit 44
fi
`

// stream fetches the file or folder through a session of its own. That the script's status comes behind all of its output says
// that none of it is missing.
func (d *download) stream() error {
	ctx, stop := context.WithCancelCause(d.ctx)
	defer stop(nil)
	in, out := io.Pipe()
	kept := make(chan error, 1)
	go func() {
		err := d.keep(in)
		if err != nil && !errors.Is(err, errNoStream) {
			stop(err) // nobody needs the rest
			in.CloseWithError(err)
		}
		_, _ = io.Copy(io.Discard, in) // an archive is padded
		kept <- err
	}()
	nothing := ""
	r, err := d.host.Run(ctx, Command{Quiet: true, AnyStatus: true, Stdin: &nothing, Output: out,
		Argv: []string{"/bin/sh", "-c", downloadScript, "sh", d.from}})
	ended := error(io.ErrUnexpectedEOF)
	if err == nil && r.Code == 0 {
		ended = io.EOF
	}
	out.CloseWithError(ended)
	bad := <-kept
	var lost *LostError
	switch {
	case errors.As(err, &lost) && !d.host.connectionLost():
		return errNoStream
	case d.ctx.Err() != nil:
		return context.Cause(d.ctx)
	case err != nil && !errors.Is(err, bad): // it was not stopped from here
		return err
	case r.Code == codeNoStream:
		return errNoStream
	case r.Code == codeMissing:
		return fmt.Errorf("%s: %w", d.from, fs.ErrNotExist)
	case r.Code == codeOdd:
		return fmt.Errorf("%s is no file, folder or link", scriptSaid(r))
	case err == nil && r.Code != 0:
		return fmt.Errorf("the host could not read it: %s", scriptSaid(r))
	}
	return bad
}

// keep writes what arrives under the temporary name.
func (d *download) keep(in io.Reader) error {
	r := bufio.NewReaderSize(io.TeeReader(in, newProgress(d.ctx, d.from, 0)), 256<<10)
	line, err := r.ReadSlice('\n') // at most what fits into the buffer
	if errors.Is(err, bufio.ErrBufferFull) {
		return errNoStream // see below
	}
	if err != nil {
		return err
	}
	kind := string(line)
	folder := kind == "folder\n"
	if err := checkTarget(folder, d.to, os.Lstat); err != nil {
		return err
	}
	if folder {
		return unpack(r, d.temporary, d.budget)
	}
	mode, err := strconv.ParseUint(strings.TrimSpace(kind), 8, 32)
	if err != nil {
		return errNoStream // it says something, but not what the script says
	}
	return d.budget.keepFile(r, func(flag int) (*os.File, error) { return os.OpenFile(d.temporary, flag, 0o600) }, fs.FileMode(mode).Perm())
}

// keepFile writes a new file.
func (b *budget) keepFile(r io.Reader, open func(flag int) (*os.File, error), mode fs.FileMode) (err error) {
	f, err := open(os.O_WRONLY | os.O_CREATE | os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(budgeted{f, b}, r); err != nil {
		return err
	}
	return f.Chmod(mode)
}
