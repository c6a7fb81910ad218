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

// Change describes how a file would change: as a unified diff, or in words.
type Change struct{ Note, Diff string }

// Compare describes the change of a file from before to after. A file that contains a secret of
// stream is not shown: what it contained before is a secret that nobody registered.
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
		change = Change{fmt.Sprintf("%d more lines of the diff are not shown", over), strings.Join(lines[:mostLines], "")}
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

// file is a file that a call would write.
type file struct {
	host             *shell.Host
	path, text, mode string
}

// fileOfCall returns the file that host.fs:write or host:upload would write, nil for another call.
func fileOfCall(call script.Call) (*file, Change) {
	h, ok := call.Receiver.(*shell.Host)
	if !ok || call.Name != "host.fs:write" && call.Name != "host:upload" {
		return nil, Change{}
	}
	given := map[string]string{}
	for _, a := range call.Arguments() {
		given[a.Name] = fmt.Sprint(a.Value)
	}
	if call.Name == "host.fs:write" {
		if given["append"] == "true" {
			return nil, Change{Note: fmt.Sprintf("%d bytes are added", len(given["text"]))}
		}
		return &file{h, given["path"], given["text"], given["mode"]}, Change{}
	}
	info, err := os.Stat(given["local"])
	if err != nil || !info.Mode().IsRegular() || info.Size() > mostRead {
		if err != nil {
			return nil, Change{Note: "it would fail: " + err.Error()}
		}
		return nil, Change{} // a folder, or too large
	}
	text, err := os.ReadFile(given["local"])
	if err != nil {
		return nil, Change{Note: "it would fail: " + err.Error()}
	}
	mode := cmp.Or(given["mode"], fmt.Sprintf("%04o", info.Mode().Perm()))
	return &file{h, given["remote"], string(text), mode}, Change{}
}

// Write describes what a call would change in a file, after what the dry run has skipped before. It reads the file on the host.
func Write(ctx context.Context, stream *event.Stream, skipped *overlay.Overlay, call script.Call) Change {
	f, change := fileOfCall(call)
	if f == nil {
		return change
	}
	files := skipped.On(f.host)
	info, err := files.Stat(ctx, f.path)
	switch {
	case errors.Is(err, os.ErrNotExist) && private(f.mode):
		return Change{Note: fmt.Sprintf("a new file of %d bytes, not shown because of its mode %s", len(f.text), f.mode)}
	case errors.Is(err, os.ErrNotExist):
		change := Compare(stream, f.path, "", f.text)
		change.Note = strings.TrimSuffix("a new file; "+change.Note, "; ")
		return change
	case err != nil:
		return Change{Note: "what it would change is not known: " + err.Error()}
	case info.Kind != "file" || info.Size > mostRead:
		return Change{Note: fmt.Sprintf("a %s of %d bytes is there now", info.Kind, info.Size)}
	case private(f.mode) || private(info.Mode):
		return Change{Note: fmt.Sprintf("not shown because of its mode: %d bytes, %s → %d bytes, %s",
			info.Size, info.Mode, len(f.text), f.mode)}
	}
	before, err := files.Read(ctx, f.path, mostRead)
	if err != nil {
		return Change{Note: "what it would change is not known: " + err.Error()}
	}
	return Compare(stream, f.path, before, f.text)
}

// private reports whether a mode keeps a file from others, as that of a file with passwords does.
func private(mode string) bool {
	bits, err := strconv.ParseUint(mode, 8, 32)
	return err == nil && bits&0o004 == 0
}
