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

	"filippo.io/age"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/recipe"
	"runbook/runtime/run"
	"runbook/runtime/script/docs"
)

// example matches an entry of the API reference: its heading, and the example below it.
var example = regexp.MustCompile("(?s)\n### `([^`]+)`\n(.*?)```lua\n(.*?)```\n")

// world declares the names that the examples use and puts the files that they need on a host whose
// application is in ROOT.
const world = `recipe { options = {
  repo = { "REPO", "" }, branch = { "release", "" }, port = { 80, "" },
  release = { "x", "" }, revision = { "x", "" },
} }
local options = { repo = "REPO", branch = "release", port = 80 }
local root, release, name, count = "ROOT", "20260101-120000", "x", 2
local sha, path, scratch, before = "SHA", "ROOT/manifest.json", "ROOT/scratch", "ROOT/releases/20260101-120000"
local changed, served = true, "SHA"
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

// TestReferenceExamples runs every example of the API reference, in order, on one host.
func TestReferenceExamples(t *testing.T) {
	l := labtest.StartWithGit(t, "web1")
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
	names, examples := referenceExamples(t)
	root := l.Root("web1")
	source := strings.NewReplacer("EXAMPLES", examples).Replace(world)
	source = strings.NewReplacer("REPO", repo.Bare, "ROOT", root, "SHA", sha, "/srv/app", root, "/srv/site",
		root+"/site", "/usr/local/bin/look", root+"/look",
		"git@git.example.org:app.git", repo.Bare, "SERVER", l.RepoURL(), "8f14e45fceea167a5a36dedd4bea2543ad61a1f3",
		sha,
		"~/.ssh/deploy", l.DeployKey(), "/home/deploy/.ssh/readonly", l.DeployKey(), "~/.config/app/token", "token",
		"~/.config/age/keys.txt", "age.key",
		"wait_port(8000", "wait_port("+strconv.Itoa(web.Listener.Addr().(*net.TCPAddr).Port),
		":8000", ":"+strconv.Itoa(web.Listener.Addr().(*net.TCPAddr).Port)).Replace(source)
	hosts, err := os.ReadFile(l.HostsFile())
	if err != nil {
		t.Fatal(err)
	}
	tagged := strings.Replace(string(hosts), "return {\n", "return {\n  tags = { \"web\" },\n", 1)
	for path, text := range map[string]string{"hosts.lua": tagged, "recipe.lua": source,
		"lib/look.sh": "#!/bin/sh\nls \"$1\"\n", "site/index.html": "hello\n", "dist/index.html": "hello\n",
		"token": "s3cret\n"} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	encryptForAge(t, "database.age", "age.key")
	t.Setenv("API_TOKEN", "t0ken")
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // for what localhost.git:hold and :archive keep

	r := &recorder{}
	err = playFile(t.Context(), t, "recipe.lua", run.Options{
		Inventory: inventory.Options{Hosts: []string{"hosts.lua"}, SSHConfig: "none",
			KnownHosts: []string{l.KnownHosts()}}, Yes: true,
		Prompt: func(context.Context, string, bool) (string, error) { return "pa55word", nil },
	}, r)
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
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

// encryptForAge writes a file for secret.age, and the identity that decrypts it.
func encryptForAge(t *testing.T, path, identity string) {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var encrypted strings.Builder
	w, err := age.Encrypt(&encrypted, key.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("pa55word\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{path: encrypted.String(), identity: key.String() + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// referenceExamples returns the names of the reference's entries, and their examples as functions.
func referenceExamples(t *testing.T) (names []string, lua string) {
	t.Helper()
	reference := docs.Markdown(luaAPI(t).Recipes)
	for _, m := range example.FindAllStringSubmatch(reference, -1) {
		name, _, _ := strings.Cut(m[1], "(")
		if strings.Contains(m[2], "\n### ") {
			t.Errorf("%s has no example", name)
			continue
		}
		text := m[3]
		switch name {
		case "recipe": // only once in a recipe, so this one is described on its own
			if err := os.WriteFile("own.lua", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if d, err := recipe.Describe(t.Context(), luaAPI(t), event.NewStream(), "own.lua", nil); err != nil ||
				d.Summary == "" {
				t.Errorf("%s: %v, %v", text, d, err)
			}
			continue
		case "fail":
			text = "local ok, err = pcall(function() " + text + " end) assert(not ok and err.hint:find('status'))"
		case "secret.command": // a password manager is not there
			text = strings.ReplaceAll(text, `"op"`, `"echo"`)
		case "host.git:verify": // the repository has no signatures
			text = "local ok, err = pcall(function() " + text +
				" end) assert(not ok and err.message:find('cannot read the allowed signers'), err.message)"
		case "host.git:allow": // there is no package to install
			text = regexp.MustCompile(`host:run\(.*\)`).ReplaceAllString(strings.ReplaceAll(text,
				"git@git.example.org\"", "SERVER\""), `host:run("true")`)
		case "agent.forward", "host:agent": // they need a repository on a server
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
