package shell

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
)

// warnings keeps the warnings of a stream and calls onWarning at each.
type warnings struct {
	texts     []string
	onWarning func()
}

func (w *warnings) Event(e event.Event) {
	if e.Kind == event.Warning {
		w.texts = append(w.texts, e.Text)
		w.onWarning()
	}
}

func (*warnings) Close() error { return nil }

func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		name      string
		c         Command
		dryRun    bool
		interrupt bool // at the first warning
		runs      int
		err       string
	}{
		{"until it succeeds", Command{Script: "[ $n = 3 ]", Retries: 5}, false, false, 3, ""},
		{"not more often", Command{Script: "exit 4", Retries: 2}, false, false, 3, "exited 4"},
		{"without an error for a status", Command{Script: "exit 4", Retries: 1, AnyStatus: true}, false, false, 2, ""},
		{"after a timeout", Command{Script: "[ $n = 2 ] || sleep 60", Retries: 1, Timeout: 300 * time.Millisecond},
			false, false, 2, ""},
		{"not after a lost shell", Command{Script: "kill -s KILL $$", Retries: 3}, false, false, 1, "unknown"},
		{"not after an interrupt", Command{Script: "exit 4", Retries: 3}, false, true, 1, "interrupted"},
		{"not in a dry run", Command{Script: "exit 4", Retries: 3}, true, false, 1, "exited 4"},
		{"not too much output", Command{Script: "echo long", Max: 2, Retries: 3}, false, false, 1, "more than 2 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			count := filepath.Join(t.TempDir(), "count")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			seen := &warnings{onWarning: func() {
				if tt.interrupt {
					cancel(errors.New("interrupted"))
				}
			}}
			stream := event.NewStream(seen)
			p := newPoolTo(t, stream, Options{DryRun: tt.dryRun})
			p.pause = time.Millisecond
			if tt.interrupt {
				p.pause = time.Hour
			}
			tt.c.Script = `echo run >>"$COUNT"; n=$(grep -c run "$COUNT"); ` + tt.c.Script
			tt.c.Env = map[string]string{"COUNT": count}
			_, err := p.Localhost().Run(event.WithStream(ctx, stream), tt.c)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%v, want %q", err, tt.err)
			}
			text, err := os.ReadFile(count)
			must(t, err)
			if n := strings.Count(string(text), "run"); n != tt.runs {
				t.Errorf("it ran %d times, want %d", n, tt.runs)
			}
			if want := tt.runs - 1; !tt.interrupt && len(seen.texts) != want {
				t.Errorf("%d warnings: %q", len(seen.texts), seen.texts)
			}
		})
	}
}

// Each shell that a host may have as /bin/sh runs a script with pipefail: by itself, or with bash.
func TestPipefail(t *testing.T) {
	bare := t.TempDir() // a PATH without bash
	for _, program := range []string{"cat", "true", "false", "printenv"} {
		path, err := exec.LookPath(program)
		must(t, err)
		must(t, os.Symlink(path, filepath.Join(bare, program)))
	}
	for _, shell := range []string{"dash", "bash --posix", "busybox sh", "ksh93", "mksh"} {
		words := strings.Fields(shell)
		program, err := exec.LookPath(words[0])
		if err != nil && os.Getenv("CI") == "" {
			t.Log(err) // .ci/test installs it
			continue
		}
		must(t, err)
		for _, tt := range []struct {
			name, script string
			path         string
			code         int
			stdout       string
		}{
			{"fails in the middle", "echo a | sh -c 'cat; exit 3' | cat", "", 3, "a\n"},
			{"succeeds", "echo it\\'s | cat", "", 0, "it's\n"},
			{"status of the script", "false | true; exit 5", "", 5, ""},
			{"its variable is in no program", "printenv runbook_line", "", 1, ""},
			{"syntax error", "if", "", 2, ""},
			{"sees the words", `echo "$A"`, "", 0, "x y\n"},
			{"no bash", "false | true", bare, 1, ""},
		} {
			if tt.path != "" && words[0] == "dash" && !hasPipefail(program) {
				tt.code = 126
			}
			body, err := Command{Script: tt.script, Pipefail: true, Cwd: "/"}.body(map[string]string{"A": "x y"})
			must(t, err)
			c := exec.Command(program, append(words[1:], "-c", "( "+body+"\n)")...)
			if tt.path != "" {
				c.Env = []string{"PATH=" + tt.path}
			}
			var stderr strings.Builder
			c.Stderr = &stderr
			out, _ := c.Output()
			code := c.ProcessState.ExitCode()
			if tt.code == 2 { // shells differ in the status of a syntax error
				code = min(code, 1) * 2
			}
			if code != tt.code || string(out) != tt.stdout {
				t.Errorf("%s: %s: status %d, want %d; %q %s", shell, tt.name, c.ProcessState.ExitCode(), tt.code, out,
					stderr.String())
			}
			if refused := strings.Contains(stderr.String(), "install bash"); refused != (tt.code == 126) {
				t.Errorf("%s: %s: %s", shell, tt.name, stderr.String())
			}
		}
	}
}

func hasPipefail(shell string) bool { return exec.Command(shell, "-c", "set -o pipefail").Run() == nil }
