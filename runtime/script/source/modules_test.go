package source

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// builtin holds the built-in files of these tests.
var builtin = fstest.MapFS{
	"status.lua":      {Data: []byte("built-in status")},
	"lib/rollout.lua": {Data: []byte("built-in rollout")},
	"lib/health.lua":  {Data: []byte("built-in health")},
	"lib/look.sh":     {Data: []byte("built-in look")},
}

// newProject writes files into a folder, which becomes the working directory. The content of each
// is its path.
func newProject(t *testing.T, paths ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, path := range paths {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(path), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A file of the project is found before a built-in one, except where a built-in module would get a
// recipe of the same name.
func TestFindModule(t *testing.T) {
	newProject(t, "recipes/lib/rollout.lua", "recipes/health.lua", "recipes/app.lua", "shop/app.lua", "plain/x.lua")
	for _, c := range []struct{ dir, name, from, path, text string }{
		{"recipes", "rollout", "recipes/release.lua", "recipes/lib/rollout.lua", "recipes/lib/rollout.lua"},
		{"recipes", "rollout", "recipes/lib/rollout.lua", "builtin/lib/rollout.lua", "built-in rollout"},
		{"recipes", "health", "recipes/release.lua", "recipes/health.lua", "recipes/health.lua"},
		{"recipes", "health", "builtin/lib/rollout.lua", "builtin/lib/health.lua", "built-in health"},
		{"recipes", "app", "builtin/lib/rollout.lua", "recipes/app.lua", "recipes/app.lua"},
		{"shop", "rollout", "shop/release.lua", "recipes/lib/rollout.lua", "recipes/lib/rollout.lua"},
		{"shop", "status", "shop/status.lua", "builtin/status.lua", "built-in status"},
		{"shop", "recipes/status", "shop/status.lua", "builtin/status.lua", "built-in status"},
		{"plain", "rollout", "plain/x.lua", "builtin/lib/rollout.lua", "built-in rollout"},
	} {
		path, text, err := Project{Dir: c.dir, Builtin: builtin}.FindModule(c.name, c.from)
		if filepath.ToSlash(path) != c.path || string(text) != c.text || err != nil {
			t.Errorf("%s in %s: got %s with %q, %v; want %s with %q", c.name, c.from, path, text, err, c.path, c.text)
		}
	}
	_, _, err := Project{Dir: "recipes", Builtin: builtin}.FindModule("nosuch", "recipes/release.lua")
	if err == nil || !strings.Contains(err.Error(), "neither recipes/nosuch.lua nor recipes/lib/nosuch.lua exists") {
		t.Errorf("got %v", err)
	}
}

func TestFindFile(t *testing.T) {
	newProject(t, "recipes/app.lua", "recipes/lib/look.sh", "shop/app.lua", "plain/x.lua", "outside.sh")
	if err := os.Symlink("../outside.sh", "recipes/link.sh"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dir, path string }{
		{"recipes", "recipes/lib/look.sh"}, {"shop", "recipes/lib/look.sh"}, {"plain", "builtin/lib/look.sh"},
	} {
		path, _, err := Project{Dir: c.dir, Builtin: builtin}.FindFile("look.sh")
		if filepath.ToSlash(path) != c.path || err != nil {
			t.Errorf("in %s: got %s, %v; want %s", c.dir, path, err, c.path)
		}
	}
	for name, want := range map[string]string{"link.sh": "outside of recipes", "lok.sh": `did you mean "look.sh"`,
		"../x": "not a file of the project"} {
		if _, _, err := (Project{Dir: "recipes", Builtin: builtin}).FindFile(name); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %q", name, err, want)
		}
	}
}

// Built-in recipes are found only in a folder of recipes.
func TestReadRecipe(t *testing.T) {
	newProject(t, "recipes/app.lua", "recipes/release.lua", "shop/app.lua", "plain/recipes/app.lua")
	for path, want := range map[string]string{
		"recipes/status.lua": "built-in status", "shop/status.lua": "built-in status",
		"recipes/release.lua":      "recipes/release.lua",
		"plain/recipes/status.lua": "", "status.lua": "", "nosuch/status.lua": "", "recipes/lib/rollout.lua": "",
		"recipes/lib/status.lua": "",
	} {
		text, err := Project{Dir: RecipeDir(path), Builtin: builtin}.ReadRecipe(path)
		if string(text) != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v; want %q", path, text, err, want)
		}
	}
	if text, err := (Project{Dir: "recipes"}).ReadRecipe("recipes/status.lua"); err == nil {
		t.Errorf("without built-in recipes: got %q", text)
	}
}
