package preview

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"runbook/runtime/event"
	"runbook/runtime/fs"
	"runbook/runtime/fs/overlay"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// The limits of a file whose change is shown line by line, and of the lines.
const (
	mostCompared = 64 << 10 // bytes
	mostLines    = 200
	mostRead     = fs.DefaultMax // larger files are not compared at all
)

// Change describes how a file would change: as a unified diff, or in words. Of a folder, Diff has a
// line for each path.
type Change struct {
	Note, Diff string
	Same       bool // nothing would change
}

// Compare describes the change of a file from before to after. A file that contains a secret of
// stream is not shown: its old content may have an old secret, which is not registered.
func Compare(stream *event.Stream, name, before, after string) Change {
	switch {
	case before == after:
		return Change{Note: "its content stays the same"}
	case stream.Hide(after) != after || stream.Hide(before) != before:
		return Change{Note: "it contains a secret, so its content is not shown: " + sizes(before, after)}
	case len(before) > mostCompared || len(after) > mostCompared || binary(before) || binary(after):
		return Change{Note: fmt.Sprintf("%s, sha256 %s → %s", sizes(before, after), sum(before), sum(after))}
	}
	text := string(diff.Diff(name, []byte(before), name, []byte(after)))
	_, text, _ = strings.Cut(text, "\n") // without the line "diff …"
	lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
	change := Change{Diff: text}
	if over := len(lines) - mostLines; over > 0 {
		change = Change{Note: fmt.Sprintf("%d more lines of the diff are not shown", over),
			Diff: strings.Join(lines[:mostLines], "")}
	}
	return change
}

func sizes(before, after string) string {
	return fmt.Sprintf("%d bytes → %d bytes", len(before), len(after))
}

func binary(text string) bool { return strings.ContainsRune(text, 0) || !utf8.ValidString(text) }

func sum(text string) string {
	if text == "" {
		return "-"
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:12]
}

// draft returns the file that a call would write, nil for a call that writes none.
func draft(ctx context.Context, h *shell.Host, call script.Call) (*fs.Draft, error) {
	if a, ok := call.Args.(fs.Drafter); ok {
		d, err := a.Draft(ctx, h)
		return &d, err
	}
	if call.Name != "host:upload" {
		return nil, nil
	}
	given, user := map[string]string{}, ""
	for _, a := range call.Arguments() {
		given[a.Name] = fmt.Sprint(a.Value)
		if sudo, ok := a.Value.(shell.Sudo); ok {
			user = sudo.User
		}
	}
	info, err := os.Stat(given["local"])
	if err != nil || !info.Mode().IsRegular() || info.Size() > mostRead {
		return nil, err // a folder, or too large
	}
	text, err := os.ReadFile(given["local"])
	mode := cmp.Or(given["mode"], fmt.Sprintf("%04o", info.Mode().Perm()))
	return &fs.Draft{Path: given["remote"], Text: string(text), User: user,
		PutOptions: fs.PutOptions{Mode: mode, Owner: given["owner"], Group: given["group"]}}, err
}

// uploader is implemented by the arguments of host:upload.
type uploader interface {
	Preview(ctx context.Context, h *shell.Host) (note string, lines []string, same bool, err error)
}

// upload describes what an upload that compares would change, by looking at the host. It returns
// false if the change cannot be described.
func upload(ctx context.Context, h *shell.Host, skipped *overlay.Overlay, call script.Call) (Change, bool) {
	a, ok := call.Args.(uploader)
	if !ok || skipped.Concerns(h, call) {
		return Change{}, false
	}
	note, lines, same, err := a.Preview(ctx, h)
	if err != nil {
		return Change{Note: "it would fail: " + err.Error()}, true
	}
	if over := len(lines) - mostLines; over > 0 {
		note += fmt.Sprintf("; %d of them are not shown", over)
		lines = lines[:mostLines]
	}
	return Change{note, strings.Join(lines, "\n"), same}, same || note != ""
}

// Write describes what a call would change in a file, after what the dry run has skipped before. It
// reads the file on the host.
func Write(ctx context.Context, stream *event.Stream, skipped *overlay.Overlay, call script.Call) Change {
	h, ok := call.Receiver.(*shell.Host)
	if !ok {
		return Change{}
	}
	if change, done := upload(ctx, h, skipped, call); done {
		return change
	}
	d, err := draft(ctx, h, call)
	switch {
	case err != nil:
		return Change{Note: "it would fail: " + err.Error()}
	case d == nil:
		return Change{}
	case d.Append:
		return Change{Note: fmt.Sprintf("%d bytes are added", len(d.Text))}
	}
	files := skipped.On(h, d.User)
	info, err := files.Stat(ctx, d.Path)
	switch {
	case errors.Is(err, os.ErrNotExist) && d.Secret:
		return Change{Note: fmt.Sprintf("a new file of %d bytes, which is secret", len(d.Text))}
	case errors.Is(err, os.ErrNotExist) && private(d.Mode):
		return Change{Note: fmt.Sprintf("a new file of %d bytes, not shown because of its mode %s", len(d.Text),
			d.Mode)}
	case errors.Is(err, os.ErrNotExist):
		change := Compare(stream, d.Path, "", d.Text)
		change.Note = strings.TrimSuffix("a new file; "+change.Note, "; ")
		return change
	case err != nil:
		return Change{Note: "what it would change is not known: " + err.Error()}
	case info.Kind != "file" || info.Size > mostRead:
		return Change{Note: fmt.Sprintf("a %s of %d bytes is there now", info.Kind, info.Size)}
	}
	change := compareFile(ctx, stream, files, d, info)
	if how := attributes(d, info); how != "" {
		change.Note = strings.TrimPrefix(change.Note+"; "+how, "; ")
	}
	return change
}

// compareFile describes the change of the content.
func compareFile(ctx context.Context, stream *event.Stream, files overlay.Files, d *fs.Draft, info fs.Info) Change {
	switch {
	case d.Secret:
		return Change{Note: fmt.Sprintf("it is secret, so its content is not shown: %d bytes → %d bytes", info.Size,
			len(d.Text))}
	case private(d.Mode) || private(info.Mode):
		return Change{Note: fmt.Sprintf("not shown because of its mode: %d bytes, %s → %d bytes, %s",
			info.Size, info.Mode, len(d.Text), cmp.Or(d.Mode, info.Mode))}
	}
	before, err := files.Read(ctx, d.Path, mostRead)
	if err != nil {
		return Change{Note: "what it would change is not known: " + err.Error()}
	}
	return Compare(stream, d.Path, before, d.Text)
}

// attributes describes the change of mode and owner.
func attributes(d *fs.Draft, info fs.Info) string {
	var parts []string
	wanted, err := strconv.ParseUint(d.Mode, 8, 32)
	shown := !d.Secret && (private(d.Mode) || private(info.Mode)) // with the content
	if err == nil && !shown && fmt.Sprintf("%04o", wanted) != info.Mode {
		parts = append(parts, fmt.Sprintf("mode %s → %04o", info.Mode, wanted))
	}
	if d.Owner != "" || d.Group != "" {
		parts = append(parts, "owner "+strings.TrimSuffix(d.Owner+":"+d.Group, ":"))
	}
	return strings.Join(parts, ", ")
}

// private reports whether others cannot read a file with this mode, such as a file with passwords.
func private(mode string) bool {
	bits, err := strconv.ParseUint(mode, 8, 32)
	return err == nil && bits&0o004 == 0
}
