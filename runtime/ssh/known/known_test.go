package known

import (
	"os"
	"path/filepath"
	"testing"
)

const line = " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1dzqlBVPxBwM8LDAm+o1RDTEN1VLUClvaGkyUVSTPo\n"

// TestOpen reads a file once, and again when it was changed.
func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "known_hosts")
	paths := []string{path, path + "2"}
	var f Files
	for _, step := range []struct {
		name  string
		write string // the new content, or "" for none
		read  bool   // whether the files are read
		known int    // keys of web2
	}{
		{"no file", "", false, 0},
		{"first use", "web1" + line, true, 0},
		{"second use", "", false, 0},
		{"after a change", "web1" + line + "web2" + line, true, 1},
		{"after that", "", false, 1},
	} {
		before := f.read[path].keys
		if step.write != "" {
			if err := os.WriteFile(path, []byte(step.write), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := f.Open(paths)
		if err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if read := keys != before; read != step.read {
			t.Errorf("%s: files read: %v, want %v", step.name, read, step.read)
		}
		if keys == nil {
			continue
		}
		if known := len(keys.HostKeys("web2:22")); known != step.known {
			t.Errorf("%s: %d keys of web2, want %d", step.name, known, step.known)
		}
	}
}
