//go:build unix

package transfer

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// lua runs a recipe on a host named host, which is this machine.
func lua(t *testing.T, source string) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "recipe.lua")
	must(t, os.WriteFile(path, []byte(source), 0o600))
	globals := script.Module{Doc: "what the test needs",
		Fields: []script.Field{{Name: "host", Type: "host", Doc: "this machine"}}}
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*shell.Host](),
		Doc: "a server"}}, globals, Module())
	must(t, err)
	state, err := lib.NewState(event.NewStream(), script.StateOptions{})
	must(t, err)
	must(t, state.SetGlobal("host", newPool(t, shell.Options{}).Localhost()))
	return state.Run(t.Context(), path)
}

func TestLua(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("text"), 0o600))
	must(t, lua(t, `
host:upload("`+dir+`/a", "`+dir+`/b", { mode = "0640" })
host:download("`+dir+`/b", "`+dir+`/c")
`))
	if info := stat(t, filepath.Join(dir, "c")); info.Mode().Perm() != 0o640 || info.Size() != 4 {
		t.Errorf("mode %v, %d bytes", info.Mode(), info.Size())
	}
	for source, want := range map[string]string{
		`host:upload("a", "b", { mode = "0999" })`:        "permissions",
		`host:upload("/nosuch/a", "b")`:                   "upload /nosuch/a to b: this machine has no /nosuch/a",
		`host:download("/etc/passwd", "/nosuch/a")`:       "this machine has no folder /nosuch",
		`host:download("/etc/passwd", "x", { max = 4 })`:  "/etc/passwd: more than 4 bytes",
		`host:download("/etc/passwd", "x", { max = -1 })`: "above 0",
	} {
		if err := lua(t, source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", source, err, want)
		}
	}
}

// With sudo, an uploaded file belongs to that user, and a download reads as that user.
func TestLuaSudo(t *testing.T) {
	shared, err := os.MkdirTemp("", "runbook-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(shared)) })
	must(t, os.Chmod(shared, 0o777))
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	for _, name := range []string{"one", "folder/one", "folder/two"} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o600))
	}
	must(t, lua(t, `
local as = { sudo = "nobody", changed = true }
for _, want in ipairs { true, false } do
  assert(host:upload("`+dir+`/one", "`+shared+`/one", as) == want)
  assert(host:upload("`+dir+`/folder", "`+shared+`/folder", as) == want)
end
host:download("`+shared+`/one", "`+dir+`/back", { sudo = "nobody" })
`))
	for _, path := range []string{shared + "/one", shared + "/folder/two"} {
		if st, ok := stat(t, path).Sys().(*syscall.Stat_t); !ok || st.Uid == 0 {
			t.Errorf("%s belongs to %+v", path, st)
		}
	}
	if st, ok := stat(t, filepath.Join(dir, "back")).Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Getuid() {
		t.Errorf("the download belongs to %+v", st)
	}
}
