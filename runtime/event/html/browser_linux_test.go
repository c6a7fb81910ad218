package html_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/event/html"
)

// TestInBrowser tests pages in a real browser: the positions of bars, the keyboard, the names for
// screen readers, escaping, a width of 400 px, and the loading time of a large page.
func TestInBrowser(t *testing.T) {
	node, chromium, playwright := program(t, "node", "nodejs"), program(t, "chromium", "chromium"), playwright(t)
	dir := t.TempDir()
	for name, p := range map[string]struct {
		events []event.Event
		opts   html.Options
	}{
		"small.html":   {release(3, true), html.Options{ID: "20260105-120000", Previous: reportOf(release(1, false))}},
		"evil.html":    {hostile(), html.Options{ID: evil}},
		"nothing.html": {nil, html.Options{}},
		"large.html":   {large(1000, 20), html.Options{}},
	} {
		if err := reportOf(p.events).WriteFile(filepath.Join(dir, name), p.opts); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, "large.html"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("1,000 hosts × 20 steps: %.2f MB", float64(info.Size())/1e6)
	if info.Size() >= 5e6 {
		t.Errorf("1,000 hosts × 20 steps: %d bytes, want less than 5,000,000", info.Size())
	}
	// Chromium stores its profile under HOME.
	cmd := exec.CommandContext(t.Context(), node, "testdata/browser/page.mjs", dir)
	cmd.Env = append(os.Environ(), "HOME="+dir, "CHROMIUM="+chromium, "PLAYWRIGHT="+playwright)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var result struct {
		Wrong    []string
		Measured struct {
			Large float64 // seconds until it is drawn
			Busy  float64 // seconds of that in which the page's thread had the processor
		}
	}
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, wrong := range result.Wrong {
		t.Error(wrong)
	}
	m := result.Measured
	t.Logf("1,000 hosts × 20 steps are drawn after %.2f s, of which the page was at work for %.2f s", m.Large, m.Busy)
	// Other tests use the processor too, so wall-clock time has no meaning.
	if m.Busy == 0 || m.Busy > 2 {
		t.Errorf("1,000 hosts × 20 steps take %.2f s, want less than 2 s", m.Busy)
	}
}

func program(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: install the Debian package %s, or run .ci/test once", name, debian)
	}
	return path
}

// playwright returns the folder of playwright-core, which .ci/test installs in the version of
// package.json.
func playwright(t *testing.T) string {
	t.Helper()
	var wanted struct{ Dependencies map[string]string }
	var found struct{ Version string }
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "runbook", "browser")
	err = readJSON("testdata/browser/package.json", &wanted)
	if err != nil {
		t.Fatal(err)
	}
	err = readJSON(filepath.Join(dir, "node_modules/playwright-core/package.json"), &found)
	if want := wanted.Dependencies["playwright-core"]; err != nil || found.Version != want {
		t.Fatalf("want playwright-core %s in %s, found %q (%v): run .ci/test once, which installs it", want, dir,
			found.Version, err)
	}
	return dir
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
