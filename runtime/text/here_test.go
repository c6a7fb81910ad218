package text

import (
	"os"
	"testing"

	"runbook/runtime/script"
)

// A built-in file is not on disk: here copies it to the cache folder, and repairs a changed copy.
func TestHereOfABuiltinFile(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	f := script.File{Name: "look.sh", Path: "builtin/lib/look.sh", Text: "echo look\n"}
	for range 2 {
		path, err := herePath(f)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != f.Text {
			t.Errorf("%s has %q, %v", path, text, err)
		}
		if err := os.WriteFile(path, []byte("echo another\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
