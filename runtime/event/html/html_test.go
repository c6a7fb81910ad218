package html_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/event/html"
)

// reportOf returns the report of events.
func reportOf(events []event.Event) *html.Report {
	r := &html.Report{}
	for _, e := range events {
		r.Event(e)
	}
	return r
}

var update = flag.Bool("update", false, "rewrite the golden files")

func page(t *testing.T, events []event.Event, opts html.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := reportOf(events).Write(&b, opts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// asset matches the page's style and script, which are not in the golden file.
var asset = regexp.MustCompile(`(?s)(<style>|<script>).*?(</style>|</script>)|sha256-[^"]*`)

func TestGolden(t *testing.T) {
	got := page(t, release(3, true), html.Options{ID: "20260105-120000", Previous: reportOf(release(1, false))})
	got = asset.ReplaceAllString(got, "$1$2")
	path := filepath.Join("testdata", "failed.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the page differs from %s (go test -update rewrites it):\n%s", path, got)
	}
}

func TestWhatThePageSays(t *testing.T) {
	code := func(n int) []event.Event {
		f := begun(nil, "web1")
		f.at(1, event.Event{Kind: event.Result, Host: "web1", State: "not touched"})
		f.at(1, event.Event{Kind: event.RunEnded, Code: &n, Seconds: 1})
		return f.events
	}
	dry := code(0)
	dry[0].DryRun = true
	planned := append(dry[:len(dry):len(dry)], event.Event{Kind: event.PlanMade,
		Plan: &event.Plan{Groups: []event.PlanGroup{{Hosts: []string{"web1", "web2"},
			Parts: []event.PlanPart{{Title: "commits", Rows: [][]string{{"8f14e45fce", "Fix <b>"}}, Omitted: 7,
				Diff: "-old\n+new\n"}}}},
			Calls:   []event.PlanCall{{Hosts: []string{"web1"}, Step: []string{"clear"}, Text: "manage.py", Times: 2}},
			Seconds: 4, Runs: 3}})
	for name, c := range map[string]struct {
		events []event.Event
		opts   html.Options
		want   []string
	}{
		"nothing": {nil, html.Options{}, []string{"No end", "a run"}},
		"done": {release(1, false), html.Options{},
			[]string{"Done on 2 hosts in 7.0 s.", "no earlier run to compare with"}},
		"failed": {release(1, true), html.Options{},
			[]string{"Failed on 1 of 2 hosts after 7.0 s.", "1 restored, 1 released", "mend the application"}},
		"slower": {release(4, false), html.Options{Previous: reportOf(release(1, false))},
			[]string{"3.0 s longer than the previous run", "Became slower", "&#43;3.0 s", "install: 4.0 s, was 1.0 s"}},
		"faster": {release(1, false), html.Options{Previous: reportOf(release(4, false))},
			[]string{"3.0 s less than the previous run", "no step became slower", "−3.0 s"}},
		"killed":  {killed(release(1, false), 4), html.Options{}, []string{"The record stops after", "no end"}},
		"dry run": {dry, html.Options{}, []string{"Dry run", "Nothing was changed on 1 host."}},
		"plan": {planned, html.Options{}, []string{"<h3>web1, web2</h3>", "<dt>commits</dt>", "Fix &lt;b&gt;",
			"And 7 more.", `<span class="del">-old`,
			"clear: manage.py (2 times)", "the median of the last 3 runs"}},
		"refused":     {code(3), html.Options{}, []string{"before anything was changed"}},
		"usage":       {code(2), html.Options{}, []string{"no host was contacted"}},
		"interrupted": {code(130), html.Options{}, []string{"Interrupted after 1.0 s."}},
	} {
		t.Run(name, func(t *testing.T) {
			got := page(t, c.events, c.opts)
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("the page doesn't say %q:\n%s", want, asset.ReplaceAllString(got, ""))
				}
			}
		})
	}
}

const evil = `</script><script>alert(1)</script><!--<script>"'&` + "\u2028"

// hostile returns events of most kinds with hostile text in every field.
func hostile() []event.Event {
	f := begun(map[string]any{evil: evil, "list": []any{evil}}, evil)
	f.events[0].By, f.events[0].Text = evil, "recipes/"+evil
	one := 1
	for _, kind := range []event.Kind{
		event.Connected, event.HostBegun, event.StepBegun, event.LockWaiting, event.LockTaken, event.CommandBegun,
		event.Output, event.CommandEnded, event.Changed, event.WouldChange, event.Assumed, event.KeyUsed,
		event.KeyRefused, event.Info, event.Warning, event.Printed, event.Skipped, event.StepEnded, event.HostEnded,
		event.Disconnected, event.Result, event.Table, event.PlanMade, event.RunEnded,
	} {
		f.at(1, event.Event{
			Kind: kind, Host: evil, Step: []string{evil}, Line: evil, Text: evil, Stream: evil, Code: &one, Seconds: 1,
			State: evil, Error: evil, Hint: evil, Columns: map[string]string{evil: evil}, Header: []string{evil},
			Rows: [][]string{{evil, evil}},
			Plan: &event.Plan{
				Groups: []event.PlanGroup{{Hosts: []string{evil}, Parts: []event.PlanPart{
					{Title: evil, Warning: evil, Text: evil, Rows: [][]string{{evil}}, Diff: evil}}}},
				Calls: []event.PlanCall{
					{Hosts: []string{evil}, Step: []string{evil}, Text: evil, Note: evil, Diff: evil}},
			}})
	}
	return f.events
}

func TestEverythingIsText(t *testing.T) {
	got := page(t, hostile(), html.Options{ID: evil, Previous: reportOf(hostile())})
	if n := strings.Count(got, "<script"); n != 2 {
		t.Errorf("want the page's own 2 script elements, got %d", n)
	}
	if n := strings.Count(got, "</script"); n != 2 {
		t.Errorf("want the page's own 2 script elements to end, got %d", n)
	}
	if strings.Contains(got, "<!--") {
		t.Error("a comment begins")
	}
	var data struct{ Texts []string }
	if err := json.Unmarshal(between(t, got, `id="data">`, "</script>"), &data); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.Join(data.Texts, "\n"), evil) {
		t.Error("the text isn't what it was")
	}
}

func between(t *testing.T, text, from, to string) []byte {
	t.Helper()
	_, text, _ = strings.Cut(text, from)
	text, _, ok := strings.Cut(text, to)
	if !ok {
		t.Fatalf("no %s … %s", from, to)
	}
	return []byte(text)
}

func TestNoSecret(t *testing.T) {
	report := &html.Report{}
	stream := event.NewStream(report)
	stream.AddSecret("hunter22")
	ctx := event.WithStream(t.Context(), stream)
	for _, e := range release(1, false) {
		e.Text, e.Error, e.Hint = e.Text+" hunter22", e.Error+" hunter22", "hunter22"
		event.Emit(ctx, e)
	}
	var b bytes.Buffer
	if err := report.Write(&b, html.Options{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter22") || !strings.Contains(b.String(), "[secret]") {
		t.Error("the secret is in the page, or nothing is in its place")
	}
}

// TestManyHosts: with many hosts, the good ones are collapsed.
func TestManyHosts(t *testing.T) {
	events := large(50, 1)
	for i, e := range events {
		if e.Kind == event.Result && e.Host == "web0007" {
			events[i].State = "failed"
		}
	}
	got := page(t, events, html.Options{})
	shown, more, _ := strings.Cut(got, "<summary>49 more</summary>")
	if !strings.Contains(shown, `<th scope="row">web0007</th>`) ||
		strings.Contains(shown, `<th scope="row">web0008</th>`) ||
		!strings.Contains(more, `<th scope="row">web0008</th>`) {
		t.Error("want web0007 alone before the other 49 hosts")
	}
}

func TestNothingIsFetched(t *testing.T) {
	got := page(t, release(1, false), html.Options{})
	if m := regexp.MustCompile(`(src|href)="[^#d][^"]*"|url\(|@import|fetch\(`).FindString(got); m != "" {
		t.Errorf("the page fetches: %s", m)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "report.html")
	report := reportOf(release(1, false))
	victim := filepath.Join(t.TempDir(), "victim")
	for _, err := range []error{os.WriteFile(victim, []byte("mine"), 0o644), os.Symlink(victim, path+".part"),
		os.WriteFile(path, nil, 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second replaces the first
		if err := report.WriteFile(path, html.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	// Only the user can read the file, and no predictable name can redirect it.
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if text, err := os.ReadFile(victim); err != nil || string(text) != "mine" {
		t.Errorf("the file that a link leads to has %q, %v", text, err)
	}
	if err := os.Remove(path + ".part"); err != nil {
		t.Fatal(err)
	}
	if err := report.WriteFile(filepath.Join(dir, "nosuch", "x.html"), html.Options{}); err == nil ||
		!strings.Contains(err.Error(), "x.html") {
		t.Errorf("want an error that names the file, got %v", err)
	}
	for path, want := range map[string]string{path: "", dir: "is a folder",
		filepath.Join(dir, "nosuch", "x.html"): "cannot be written"} {
		err := html.Writable(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", path, want, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("want the report and nothing else, got %v, %v", left, err)
	}
}
