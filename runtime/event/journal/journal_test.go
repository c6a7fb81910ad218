package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/event/journal"
)

// childDir is the folder where this test binary, as a child process, writes a run until it is
// killed.
const childDir = "RUNBOOK_TEST_JOURNAL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := unending(dir); err != nil {
			fmt.Println(err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func unending(dir string) error {
	s, err := journal.Create(dir, time.Now())
	if err != nil {
		return err
	}
	stream := event.NewStream(s)
	stream.AddSecret("hunter22")
	begin(stream)
	ctx := event.WithHost(event.WithStream(context.Background(), stream), "web1")
	event.Emit(event.WithStep(ctx, "build"), event.Event{Kind: event.StepBegun, Text: "hunter22"})
	fmt.Println(s.ID())
	select {}
}

func begin(stream *event.Stream) {
	event.Emit(event.WithStream(context.Background(), stream),
		event.Event{Kind: event.RunBegun, Text: "r.lua", By: "ada@laptop",
			Hosts: []string{"web1", "web2"}, Args: map[string]any{"n": 3}, Version: event.Version})
}

// write records a whole run.
func write(t *testing.T, dir string, at time.Time, code int, last string) string {
	t.Helper()
	s, err := journal.Create(dir, at)
	if err != nil {
		t.Fatal(err)
	}
	stream := event.NewStream(s)
	begin(stream)
	event.Emit(event.WithStream(context.Background(), stream),
		event.Event{Kind: event.RunEnded, Code: &code, Seconds: 2.5, Error: last})
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	return s.ID()
}

func TestRoundTrip(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "runs")
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	first := write(t, dir, at, 0, "")
	// The last event is longer than the first read from the file's end.
	second := write(t, dir, at, 1, "it broke\n"+strings.Repeat("x", 100_000))
	if first != "20260105-120000" || second != "20260105-120000-2" {
		t.Errorf("the runs are called %s and %s", first, second)
	}
	path := filepath.Join(dir, first+".jsonl")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want a file for the user alone, got %v, %v", info.Mode(), err)
	}
	runs, err := journal.List(dir)
	if err != nil || len(runs) != 2 {
		t.Fatalf("got %d runs, %v", len(runs), err)
	}
	r := runs[0]
	if r.ID != second || r.Result != journal.Failed || r.Error != "it broke" || r.Recipe != "r.lua" ||
		r.By != "ada@laptop" ||
		len(r.Hosts) != 2 || r.Seconds != 2.5 {
		t.Errorf("the newest run is listed as %+v", r)
	}
	events, err := journal.Collect(journal.Events(path))
	if err != nil || len(events) != 2 || events[0].Kind != event.RunBegun || *events[1].Code != 0 {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestReadableAfterSIGKILL(t *testing.T) {
	dir := t.TempDir()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), childDir+"="+dir)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var id string
	if _, err := fmt.Fscan(out, &id); err != nil {
		t.Fatal(err)
	}
	r, err := journal.Find(dir, journal.Last)
	if err != nil || r.Result != journal.Running || r.ID != id {
		t.Errorf("while it runs it is listed as %+v, %v", r, err)
	}
	if n, err := journal.Prune(dir, time.Now().Add(1000*time.Hour*24)); n != 0 || err != nil {
		t.Errorf("%d runs that are under way were removed, %v", n, err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait() // it was killed
	f, err := os.OpenFile(r.Path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"kind":"step_en`); err != nil { // as a crash of the machine may leave it
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err = journal.Find(dir, id); err != nil || r.Result != journal.Killed || r.By != "ada@laptop" {
		t.Errorf("after a SIGKILL it is listed as %+v, %v", r, err)
	}
	events, err := journal.Collect(journal.Events(r.Path))
	if err != nil || len(events) != 2 || events[1].Step[0] != "build" || events[1].Text != "[secret]" {
		t.Errorf("got %+v, %v", events, err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	if _, err := journal.Find(dir, journal.Last); err == nil || event.Hint(err) == "" {
		t.Errorf("no run at all: got %v", err)
	}
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for range 10 {
		write(t, dir, at, 0, "")
	}
	write(t, dir, at.Add(-time.Hour), 0, "")
	for name, want := range map[string]string{
		"20260105-11": "20260105-110000", "20260105-120000": "20260105-120000",
		"20260105-120000-2": "20260105-120000-2",
		"last":              "20260105-120000-10",
		"2026":              "11 runs begin with", "": "no run", "x": "no run", "../x": "no run",
	} {
		r, err := journal.Find(dir, name)
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && r.ID != want {
			t.Errorf("%q: got %s, %v; want %s", name, r.ID, err, want)
		}
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)
	name := func(at time.Time) string { return filepath.Join(dir, at.Format("20060102-150405")+".jsonl") }
	other := filepath.Join(dir, "notes.txt")
	old := []time.Time{now.Add(-91 * 24 * time.Hour), now.Add(-500 * 24 * time.Hour)}
	paths := []string{other, name(old[0]), name(old[1])}
	for i := range journal.KeptRuns + 3 {
		paths = append(paths, name(now.Add(-time.Duration(i+1)*time.Minute)))
	}
	for _, path := range paths {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := journal.Prune(dir, now); n != 6 || err != nil {
		t.Errorf("removed %d, %v; want the 2 that are too old and the 4 that are too many with the one to come", n, err)
	}
	for _, path := range append(paths[1:3], paths[len(paths)-4:]...) {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if _, err := os.Stat(other); err != nil {
		t.Error(err)
	}
	if n, err := journal.Prune(dir, now); n != 0 || err != nil {
		t.Errorf("the second time: %d, %v", n, err)
	}
	if n, err := journal.Prune(filepath.Join(dir, "none"), now); n != 0 || err != nil {
		t.Errorf("no folder: %d, %v", n, err)
	}
}

func TestUnreadableRecordHidesNoOther(t *testing.T) {
	dir := t.TempDir()
	id := write(t, dir, time.Now(), 0, "")
	bad := filepath.Join(dir, "20260105-120000.jsonl")
	if err := os.WriteFile(bad, []byte("{}\nno json\n{}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Collect(journal.Events(bad)); err == nil || !strings.Contains(err.Error(), bad+":2: ") {
		t.Errorf("want the line that is wrong, got %v", err)
	}
	if err := os.WriteFile(bad, []byte("no json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	runs, err := journal.List(dir)
	if err == nil || len(runs) != 1 || runs[0].ID != id {
		t.Errorf("got %+v, %v", runs, err)
	}
}

// Other users cannot enter the folder, whatever its mode was.
func TestFolderIsClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "runs")
	if was, err := journal.Secure(dir); was != 0 || err != nil {
		t.Errorf("a new folder: %o, %v", was, err)
	}
	for mode, want := range map[os.FileMode]os.FileMode{0o755: 0o755, 0o710: 0o710, 0o702: 0o702, 0o700: 0} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		if was, err := journal.Secure(dir); was != want || err != nil {
			t.Errorf("%o: it was %o, %v", mode, was, err)
		}
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		write(t, dir, time.Now(), 0, "")
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%o: %v, %v", mode, info.Mode(), err)
		}
	}
	if os.Getuid() != 0 {
		return // only root can give a folder away
	}
	if err := os.Chown(dir, 12345, -1); err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Create(dir, time.Now()); err == nil ||
		!strings.Contains(err.Error(), "belongs to another user") {
		t.Errorf("somebody else's folder: %v", err)
	}
}

// The journal has the beginning and the end of a very long output, and the size of the omitted
// middle.
func TestLongOutput(t *testing.T) {
	dir := t.TempDir()
	sink, err := journal.Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	stream := event.NewStream(sink)
	ctx := event.WithStream(t.Context(), stream)
	const pieces = 1000
	piece := func(host string, n int) string {
		return fmt.Sprintf("%s %d\n%s", host, n, strings.Repeat("a \"line\"\n", 1000))
	}
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, sink.ID()+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	hosts := []string{"web1", "web2"}
	for round := range 2 {
		before := size()
		for _, host := range hosts {
			event.Emit(event.WithHost(ctx, host), event.Event{Kind: event.CommandBegun, Text: "yes"})
		}
		for n := range pieces {
			for _, host := range hosts {
				event.Emit(event.WithHost(ctx, host),
					event.Event{Kind: event.Output, Stream: "stdout", Text: piece(host, n)})
			}
		}
		for _, host := range hosts {
			if round == 0 { // the second time it is killed
				event.Emit(event.WithHost(ctx, host), event.Event{Kind: event.CommandEnded, Text: "yes"})
			}
		}
		if round == 1 {
			if err := stream.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if grown := size() - before; grown > int64(len(hosts))*(4<<20+4096) || grown < int64(len(hosts))*4_000_000 {
			t.Errorf("round %d: %d bytes", round, grown)
		}
	}
	events, err := journal.Collect(journal.Events(filepath.Join(dir, sink.ID()+".jsonl")))
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range hosts {
		var kept, left int64
		var first, last string
		for _, e := range events {
			if e.Host != host || e.Kind != event.Output {
				continue
			}
			if e.Bytes > 0 {
				left += e.Bytes
				if want := fmt.Sprintf("… (%d bytes left out of the journal)\n", e.Bytes); e.Text != want {
					t.Errorf("%q", e.Text)
				}
				continue
			}
			if kept == 0 {
				first = e.Text
			}
			kept, last = kept+int64(len(e.Text)), e.Text
		}
		total := int64(0)
		for n := range pieces {
			total += 2 * int64(len(piece(host, n)))
		}
		if kept+left != total || first != piece(host, 0) || last != piece(host, pieces-1) {
			t.Errorf("%s: %d kept and %d left out of %d; from %.20q to %.20q", host, kept, left, total, first, last)
		}
	}
}

// A short output is complete, and in order.
func TestShortOutput(t *testing.T) {
	dir := t.TempDir()
	sink, err := journal.Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ctx := event.WithStream(t.Context(), event.NewStream(sink))
	event.Emit(ctx, event.Event{Kind: event.Output, Text: "a\n"})
	event.Emit(ctx, event.Event{Kind: event.Info, Text: "b"})
	events, err := journal.Collect(journal.Events(filepath.Join(dir, sink.ID()+".jsonl")))
	if err != nil || len(events) != 2 || events[0].Text != "a\n" {
		t.Errorf("%v, %v", events, err)
	}
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
}
