//go:build unix

package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
)

// completing returns a project to complete words in, and the environment of a shell there.
func completing(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	bin, state := filepath.Join(dir, "bin"), filepath.Join(dir, "state")
	project := filepath.Join(dir, "project")
	var out strings.Builder
	p := &program{in: os.Stdin, out: &out, err: &out}
	if err := p.dispatch(t.Context(), []string{"init", project}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "recipes", "some_test.lua"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(project, "my recipe.lua"), []byte(`recipe({ summary = "x" })`),
		0o644); err != nil {
		t.Fatal(err)
	}
	// The test binary is runbook under that name; see TestMain.
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "runbook")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_STATE_HOME", state)
	recordRelease(t, "r8", "r7", false)
	recordRelease(t, "r9", "r8", true)
	env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + dir, "XDG_STATE_HOME=" + state, "TERM=xterm",
		"PS1=> ", "LC_ALL=C.UTF-8", raceOptions}
	return project, env
}

// recordRelease writes the journal of a release on two hosts, or of its dry run.
func recordRelease(t *testing.T, release, previous string, dry bool) {
	t.Helper()
	dir, err := journal.Dir()
	if err != nil {
		t.Fatal(err)
	}
	sink, err := journal.Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	stream, code := event.NewStream(sink), 0
	ctx := event.WithStream(context.Background(), stream)
	event.Emit(ctx, event.Event{Kind: event.RunBegun, Text: "recipes/release.lua", Version: event.Version, DryRun: dry})
	for _, host := range []string{"web1", "web2"} {
		event.Emit(ctx, event.Event{Kind: event.Result, Host: host, State: "released",
			Columns: map[string]string{"release": release, "previous": previous}})
	}
	event.Emit(ctx, event.Event{Kind: event.RunEnded, Code: &code})
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
}

// completions are typed lines, with the candidates for their last word.
func completions() []struct {
	line string
	want []string
} {
	return []struct {
		line string
		want []string
	}{
		{"runbook comp", []string{"completion"}},
		{"runbook completion ", []string{"bash", "zsh", "fish"}},
		{"runbook run recipes/ro", []string{"recipes/rollback.lua"}},
		{"runbook run rol", []string{"rollback"}},
		{"runbook run release --rest", []string{"--restart"}},
		{"runbook run my", []string{"my recipe.lua"}},
		{"runbook run recipes/release.lua --rest", []string{"--restart"}},
		{"runbook run --server-r", nil},
		{"runbook run recipes/release.lua --restart ", []string{"graceful", "restart", "touch", "none"}},
		{"runbook run recipes/release.lua --restart=to", []string{"--restart=touch"}},
		{"runbook run recipes/rollback.lua --release ", []string{"r7", "r8"}},
		{"runbook exec --stage pro", []string{"production"}},
		{"runbook hosts --only web", []string{"web1", "web2"}},
		{"runbook hosts --only tag:", []string{"tag:web"}},
		{"runbook exec --only=web1,tag:", []string{"--only=web1,tag:web"}},
		{"runbook ssh ", []string{"web1", "web2"}},
		{"runbook ssh web1 -- w", nil},
		{"runbook exec --only nosuch --except web", []string{"web1", "web2"}},
		{"runbook run recipes/release.lua --skip-unreachable 1 --except web2,tag:", []string{"web2,tag:web"}},
		{"runbook run recipes/status.lua --hosts hosts/", []string{"hosts/production.lua"}},
		{"runbook test recipes/s", []string{"recipes/some_test.lua"}},
		{"runbook docs host.fs:sym", []string{"host.fs:symlink"}},
		{"runbook nosuch ", nil},
	}
}

// TestCandidates compares the candidates that any shell gets.
func TestCandidates(t *testing.T) {
	dir, _ := completing(t)
	t.Chdir(dir)
	p := &program{}
	for _, c := range completions() {
		words := strings.Split(c.line, " ")
		var got []string
		for _, candidate := range p.candidates(t.Context(), words[1:]) {
			got = append(got, candidate.Word)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.line, got, c.want)
		}
	}
}

// TestCompletionInShells presses Tab in a real bash and a real zsh. printf then shows the words of
// the line instead of running it.
func TestCompletionInShells(t *testing.T) {
	dir, env := completing(t)
	for _, shell := range []struct {
		name  string
		argv  []string
		setUp string
	}{
		{"bash", []string{"bash", "--noprofile", "--norc", "-i"}, "source <(runbook completion bash)"},
		{"zsh", []string{"zsh", "-f", "-i"},
			"bindkey -e; autoload -U compinit && compinit -u -D; source <(runbook completion zsh)"},
	} {
		t.Run(shell.name, func(t *testing.T) {
			path, err := exec.LookPath(shell.argv[0])
			if err != nil {
				t.Fatalf("%s is missing: install the Debian package %s", shell.argv[0], shell.argv[0])
			}
			cmd := exec.Command(path, shell.argv[1:]...)
			cmd.Dir, cmd.Env = dir, env
			s := onTerminal(t, cmd)
			s.send(shell.setUp + "; echo rea''dy\r")
			s.expect("ready")
			for _, c := range completions() {
				if len(c.want) != 1 {
					continue
				}
				s.send(c.line + "\t\x01printf '<%s>' \r")
				line, _, _ := strings.Cut(c.line, " ")
				s.expect("<" + line + ">")
				words := strings.Fields(c.line)
				for _, w := range words[1 : len(words)-1] {
					s.expect("<" + w + ">")
				}
				s.expect("<" + c.want[0] + ">")
			}
			// Several candidates are listed, and the line stays as it is.
			s.send("runbook run recipes/release.lua --restart \t\t")
			for _, want := range []string{"graceful", "none", "restart", "touch"} {
				s.expect(want)
			}
			s.send("\x03")
		})
	}
}

// TestCompletionInFish asks fish for its candidates.
func TestCompletionInFish(t *testing.T) {
	dir, env := completing(t)
	path, err := exec.LookPath("fish")
	if err != nil {
		t.Fatal("fish is missing: install the Debian package fish")
	}
	var script strings.Builder
	script.WriteString("runbook completion fish | source\n")
	for _, c := range completions() {
		script.WriteString("echo '== " + c.line + "'; complete -C '" + c.line + "'\n")
	}
	cmd := exec.Command(path, "--no-config", "-c", script.String())
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	offered := map[string][]string{}
	line := ""
	for _, l := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		if after, ok := strings.CutPrefix(l, "== "); ok {
			line = after
			continue
		}
		word, _, _ := strings.Cut(l, "\t")
		offered[line] = append(offered[line], word)
	}
	for _, c := range completions() {
		got, want := offered[c.line], slices.Clone(c.want)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.line, got, want)
		}
	}
}
