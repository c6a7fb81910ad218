package inventory

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/process"
)

const (
	programLimit  = 30 * time.Second // of a program that prints hosts: it may ask a cloud's API
	programOutput = 1 << 20          // bytes, as of a hosts file
)

// isProgram reports whether a file is a program that prints hosts: one with the permission to
// execute it and without the extension of a file of hosts. On Windows its extension decides.
func isProgram(path string, info fs.FileInfo) bool {
	if runtime.GOOS == "windows" {
		return info.Mode().IsRegular() && slices.Contains([]string{".exe", ".bat", ".cmd"},
			strings.ToLower(filepath.Ext(path)))
	}
	return info.Mode().IsRegular() && info.Mode()&0o111 != 0 &&
		!slices.Contains([]string{".lua", ".json", ".txt"}, filepath.Ext(path))
}

// program runs a program without arguments and reads the JSON that it prints. A text file with
// execute permission that the system cannot execute is read as a list of hosts.
func (r reader) program(path string) (list, error) {
	shown := r.me.Display(path)
	if r.offline {
		return list{}, fmt.Errorf("%s is a program that prints hosts; here no program is run", shown)
	}
	ctx, cancel := context.WithTimeoutCause(r.ctx, programLimit,
		fmt.Errorf("it ran longer than %v and was ended", programLimit))
	defer cancel()
	cmd := exec.Command(path)
	cmd.Dir = r.me.Dir
	text, printed, err := process.Output(ctx, cmd, programOutput)
	if errors.Is(err, syscall.ENOEXEC) {
		return r.file(path)
	}
	if err == nil {
		r.stream.AddURLs(string(text))
		return parseJSON(r.me, shown, filepath.Dir(path), text)
	}
	if r.ctx.Err() != nil {
		return list{}, context.Cause(r.ctx)
	}
	if printed != "" {
		err = fmt.Errorf("%w: %s", err, printed)
	}
	return list{}, event.WithHint(fmt.Errorf("hosts of the program %s: %w", shown, err),
		"try it in a shell: it must print JSON like "+exampleJSON)
}
