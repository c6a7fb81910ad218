package run_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/run"
)

// example is one of the reference's: a heading, and the Lua below it.
var example = regexp.MustCompile("(?s)\n### `([^`]+)`\n(.*?)```lua\n(.*?)```\n")

// world is what the examples take for granted, on a host whose application is in ROOT.
const world = `recipe { options = { repo = { "REPO", "" }, branch = { "release", "" }, port = { 80, "" }, release = { "x", "" }, revision = { "x", "" } } }
local options, root, release, name, count = { repo = "REPO", branch = "release", port = 80 }, "ROOT", "20260101-120000", "x", 2
local sha, path, scratch, before = "SHA", "ROOT/manifest.json", "ROOT/scratch", "ROOT/releases/20260101-120000"
local examples = {}
EXAMPLES
each(hosts, function(host)
  host.fs:mkdir("ROOT/shared")
  host.fs:mkdir("ROOT/releases/20260101-120000")
  host.fs:write("ROOT/releases/20260101-120000/.runbook.json", "{}")
  host.fs:symlink("ROOT/releases/20260101-120000", "ROOT/current")
  host.fs:write("ROOT/releases.log", "{}\n")
  host.fs:write("ROOT/settings.new", "x = 1\n")
  host:run({ "git", "clone", "--quiet", "--mirror", "REPO", "ROOT/repo.git" })
  for _, example in ipairs(examples) do
    step(example[1], function() example[2](host, options, root, release, name, count, sha, path, scratch, before) end)
  end
end)
`

// TestExamplesOfTheReference runs every example that the reference shows, in its order, on one host.
func TestExamplesOfTheReference(t *testing.T) {
	l, err := lab.Start(t.TempDir(), "web1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	repo, err := l.Repo()
	if err != nil {
		t.Fatal(err)
	}
	sha, err := l.Commit("2.0")
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(web.Close)
	t.Chdir(t.TempDir())
	for path, text := range map[string]string{"files/motd": "hello\n", "token": "s3cret\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("API_TOKEN", "t0ken")

	names, examples := referenceExamples(t)
	root := l.Root("web1")
	recipe := strings.NewReplacer("EXAMPLES", examples).Replace(world)
	recipe = strings.NewReplacer("REPO", repo.Bare, "ROOT", root, "SHA", sha, "/srv/app", root, "/etc/motd", root+"/motd",
		"git@git.example.org:app.git", repo.Bare, "SERVER", l.RepoURL(), "8f14e45fceea167a5a36dedd4bea2543ad61a1f3", sha,
		"~/.ssh/deploy", l.DeployKey(), "/home/deploy/.ssh/readonly", l.DeployKey(), "~/.config/app/token", "token",
		":8000", ":"+strconv.Itoa(web.Listener.Addr().(*net.TCPAddr).Port)).Replace(recipe)
	r := &recorder{}
	err = play(t.Context(), t, recipe, run.Options{
		Inventory: inventory.Options{Hosts: l.HostsFile(), SSHConfig: "none", KnownHosts: []string{l.KnownHosts()}}, Yes: true,
		Prompt: func(context.Context, string, bool) (string, error) { return "pa55word", nil },
	}, r)
	if err != nil {
		t.Fatalf("%v\n%s", err, recipe)
	}
	ran := 0
	for _, e := range r.events {
		if e.Kind == event.StepEnded && len(e.Step) == 1 {
			ran++
		}
	}
	if ran != len(names) || len(names) < 40 {
		t.Errorf("%d of %d examples ran", ran, len(names))
	}
}

// referenceExamples are the entries of the reference, and their examples as functions in Lua.
func referenceExamples(t *testing.T) (names []string, lua string) {
	t.Helper()
	reference, err := run.Markdown(run.Extension{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range example.FindAllStringSubmatch(reference, -1) {
		name, _, _ := strings.Cut(m[1], "(")
		if strings.Contains(m[2], "\n### ") {
			t.Errorf("%s has no example", name)
			continue
		}
		text := m[3]
		switch name {
		case "recipe": // stands once in a recipe; that one of its own is described
			if err := os.WriteFile("own.lua", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if d, err := run.Describe(t.Context(), "own.lua"); err != nil || d.Summary == "" {
				t.Errorf("%s: %v, %v", text, d, err)
			}
			continue
		case "fail": // fails
			text = "local ok, err = pcall(function() " + text + " end) assert(not ok and err.hint:find('status'))"
		case "host.git:verify": // nothing is signed there
			text = "local ok, err = pcall(function() " + text + " end) assert(not ok and err.message:find('no file of allowed signers'), err.message)"
		case "agent.forward", "host:agent": // keys are for a server
			text = strings.ReplaceAll(text, "git@git.example.org:app.git", "SERVER")
		}
		names = append(names, name)
		lua += "examples[#examples + 1] = { " + strconv.Quote(name) +
			", function(host, options, root, release, name, count, sha, path, scratch, before)\n" + text + "end }\n"
	}
	if missing := strings.Count(reference, "\n### ") - len(names) - 1; missing != 0 {
		t.Errorf("%d entries have no example", missing)
	}
	return names, lua
}
