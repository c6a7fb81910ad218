package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"runbook/runtime/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files writes files into a new folder, which is also the home folder for the rest of the test. The
// keys are relative paths; missing folders are created.
func files(t *testing.T, contents map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	for name, text := range contents {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads valid hosts.
func load(t *testing.T, o Options, defaultName string) []Host {
	t.Helper()
	hosts, err := Load(t.Context(), event.NewStream(), o, defaultName)
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, event.Hint(err))
	}
	return hosts
}

// refused checks that err is want and that its hint contains hint. DIR is the test's folder in
// both.
func refused(t *testing.T, dir string, err error, want, hint string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %q", want)
	}
	if got := strings.ReplaceAll(err.Error(), dir, "DIR"); got != want {
		t.Errorf("error\n got %s\nwant %s", got, want)
	}
	if got := strings.ReplaceAll(event.Hint(err), dir, "DIR"); !strings.Contains(got, hint) || hint == "" && got != "" {
		t.Errorf("hint\n got %s\nwant %s", got, hint)
	}
}

const (
	ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAqrAJSsC2RGrVdDEiFKPFMNfBKDWBrQ+oJW1yB"
	rsaType = "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIKHEChAqrAJSsC2RGrVdDEiFKPFMNfBKDWBrQ+oJW1yB"
)
