package ci_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/event/ci"
)

// story returns what a CI service shows of a failed run with hostile texts.
func story(t *testing.T, env map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	getenv := func(name string) string { return env[name] }
	shield, err := ci.Protect(getenv, &out)
	if err != nil {
		t.Fatal(err)
	}
	sinks := ci.Sinks(getenv, shield)
	stream := event.NewStream(sinks...)
	ctx := event.WithStream(t.Context(), stream)
	one, seven := 1, 7
	event.Emit(ctx, event.Event{Kind: event.RunBegun, Text: "recipes/release.lua"})
	out.WriteString("what the view shows\n")
	event.Emit(ctx, event.Event{Kind: event.Warning, Text: "50% full", Line: "recipes/release.lua:3"})
	event.Emit(event.WithStep(event.WithHost(event.WithStep(ctx, "prepare"), "web1"), "make the venv"),
		event.Event{Kind: event.StepEnded, Seconds: 12.34})
	event.Emit(ctx, event.Event{Kind: event.StepEnded, Step: []string{"prepare"}, Seconds: 20})
	event.Emit(ctx, event.Event{Kind: event.PlanMade,
		Plan: &event.Plan{Groups: []event.PlanGroup{{Hosts: []string{"web1"}, Parts: []event.PlanPart{{Title: "commits",
			Text: "```\n</pre><b>"}}}}}})
	event.Emit(ctx, event.Event{Kind: event.Result, Host: "web1", State: "failed", Seconds: 13,
		Columns: map[string]string{"release": "r|1 <b>"}})
	event.Emit(ctx, event.Event{Kind: event.RunEnded, Code: &one, Seconds: 14,
		Error: "web1: it broke\n\n```\n</pre><script>", Hint: "look", Faults: []event.Fault{
			{Host: "web1", Step: []string{"make, the: venv"}, Line: "recipes/lib/venv.lua:42",
				Message: "the command failed", Command: "pip\ninstall", Code: &seven, Hint: "look"},
			{Host: "web2", Message: "no connection", Line: "/elsewhere/r.lua:1"},
		}})
	if err := errors.Join(stream.Close(), shield.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGitHub(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary")
	got := story(t, map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": here(t),
		"GITHUB_STEP_SUMMARY": path})
	want := regexp.MustCompile(`^::stop-commands::(\w{20,})
what the view shows
::(\w{20,})::
::warning file=recipes/release.lua,line=3::50%25 full
::error file=recipes/lib/venv.lua,line=42,title=web1%3A make%2C the%3A venv::` +
		`the command failed: pip%0Ainstall \(exit status 7\)%0Anext: look
::error title=web2::no connection
$`)
	if m := want.FindStringSubmatch(got); m == nil || m[1] != m[2] {
		t.Errorf("got\n%s", got)
	}
	summary, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"### runbook run recipes/release.lua: failed after 14.0 s\n",
		"<pre>plan for web1\n  commits         ```\n                  &lt;/pre&gt;&lt;b&gt;\ntime: not known",
		"| host | state | release | time |\n|---|---|---|---|\n| web1 | failed | r\\|1 &lt;b&gt; | 13.0 s |\n",
		"Slowest step: prepare &gt; make the venv on web1, 12.3 s\n",
		"<pre>web1: it broke\n\n```\n&lt;/pre&gt;&lt;script&gt;\nnext: look</pre>",
	} {
		if !strings.Contains(string(summary), part) {
			t.Errorf("the summary lacks %q:\n%s", part, summary)
		}
	}
}

func TestGitLab(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	if got := story(t, map[string]string{"GITLAB_CI": "true", "CI_PROJECT_DIR": root}); got != "what the view shows\n" {
		t.Errorf("got %q", got)
	}
	text, err := os.ReadFile(filepath.Join(root, ci.GitLabReport))
	if err != nil {
		t.Fatal(err)
	}
	var issues []map[string]any
	if err := json.Unmarshal(text, &issues); err != nil || len(issues) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	if !strings.Contains(string(text), `"path": "recipes/lib/venv.lua"`) ||
		!strings.Contains(string(text), `"begin": 42`) {
		t.Errorf("got %s", text)
	}
}

func TestNowhere(t *testing.T) {
	if got := story(t, nil); got != "what the view shows\n" {
		t.Errorf("got %q", got)
	}
}
