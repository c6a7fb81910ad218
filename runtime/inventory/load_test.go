package inventory

import (
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
)

func TestDefaultFile(t *testing.T) {
	beside := `return { "beside" }`
	under := `return { "under" }`
	dir := files(t, map[string]string{"p/recipes/r.lua": "", "p/hosts/production.lua": beside,
		"cwd/hosts/production.lua": under, "cwd/hosts/staging.lua": under})
	recipes, cwd := filepath.Join(dir, "p", "recipes"), filepath.Join(dir, "cwd")
	for _, c := range []struct {
		o    Options
		name string
		want string
	}{
		{Options{RecipeDir: recipes, Dir: cwd}, "production", "beside"},
		{Options{RecipeDir: recipes, Dir: cwd}, "staging", "under"},
		{Options{Dir: cwd}, "production", "under"},
		{Options{RecipeDir: filepath.Join("..", "p", "recipes"), Dir: cwd}, "production", "beside"},
		{Options{RecipeDir: recipes, Dir: cwd, Hosts: []string{"given"}}, "production", "given"},
	} {
		if h := load(t, c.o, c.name); h[0].Name != c.want {
			t.Errorf("%+v: got %s, want %s", c.o, h[0].Name, c.want)
		}
	}
	for _, c := range []struct {
		o                Options
		name, want, hint string
	}{
		{Options{RecipeDir: recipes, Dir: cwd}, "test",
			`hosts file "test": not found: DIR/p/hosts/test.lua, hosts/test.lua`, "--hosts FILE"},
		{Options{RecipeDir: "recipes", Dir: filepath.Join(dir, "p")}, "test",
			`hosts file "test": not found: hosts/test.lua`, "--hosts FILE"},
		{Options{Dir: cwd}, "", "no hosts given", "--hosts FILE"},
		{Options{Dir: cwd}, "../x", `hosts = "../x" in the recipe: want the name of a file in hosts/, without .lua`,
			"hosts/production.lua"},
		{Options{Dir: cwd}, "production.lua",
			`hosts = "production.lua" in the recipe: want the name of a file in hosts/, without .lua`,
			"hosts/production.lua"},
	} {
		_, err := Load(t.Context(), event.NewStream(), c.o, c.name)
		refused(t, dir, err, c.want, c.hint)
	}
}

// TestChoice applies --only and --except to the hosts of a file, whose tags may be defaults.
func TestChoice(t *testing.T) {
	dir := files(t, map[string]string{
		"h.lua": `return { tags = { "web" }, "web1", "web2", { name = "db1", tags = { "db" } } }`})
	var got []string
	for _, h := range load(t, Options{Hosts: []string{"h.lua"}, Dir: dir, Only: []string{"tag:web", "db1"},
		Except: []string{"web1"}}, "") {
		got = append(got, h.Name)
	}
	if want := "web2 db1"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	_, err := Load(t.Context(), event.NewStream(),
		Options{Hosts: []string{"h.lua"}, Dir: dir, Except: []string{"tag:wbe"}}, "")
	refused(t, dir, err, `--except tag:wbe: no host has this tag (did you mean "web"?)`, "tags: db, web")
}

// chain returns a host and the hosts it is reached through, as text.
func chain(h *Host) string {
	var hops []string
	for ; h != nil; h = h.Via {
		hops = append(hops, h.User+"@"+h.Address)
	}
	return strings.Join(hops, " < ")
}

func TestJumps(t *testing.T) {
	dir := files(t, map[string]string{
		"h.lua": `return {
			user = "u", identity = "/id", port = 2200, jump = "bastion", tags = { "all" }, vars = { a = 1 },
			{ name = "bastion", address = "b.example", user = "j" },
			{ name = "web1", address = "w1" },
			{ name = "web2", address = "w2" },
			{ name = "web3", address = "w3", jump = "x@first:23,bastion" },
			{ name = "web4", address = "w4", jump = "none" },
			{ name = "web5", address = "w5", jump = "outer" },
			{ name = "web6", address = "w6", jump = "ssh://s@uri:99/" },
		}`,
		".ssh/config": "Host outer\n HostName outer.example\n ProxyJump c@far,near\nHost w4\n ProxyJump nope",
	})
	hosts := load(t, Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
	me, err := thisMachine(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"j@b.example", "u@w1 < j@b.example", "u@w2 < j@b.example",
		"u@w3 < j@b.example < x@first", "u@w4",
		"u@w5 < u@outer.example < " + me.User + "@near < c@far", "u@w6 < s@uri"} {
		if got := chain(&hosts[i]); got != want {
			t.Errorf("%s: got %s, want %s", hosts[i].Name, got, want)
		}
	}
	if hosts[1].Via != hosts[2].Via {
		t.Error("two hosts behind one bastion do not share it")
	}
	first := hosts[3].Via.Via
	if first.Port != 23 || first.Identities[0] != "/id" || first.Tags != nil || len(first.Vars) != 0 {
		t.Errorf("got %+v", first)
	}
	if outer := hosts[5].Via; outer.Port != 22 || outer.Identities[0] != "/id" || outer.Via.Identities != nil {
		t.Errorf("got %+v and %+v", outer, outer.Via)
	}
	// --only excludes the bastion from the run, but hosts are still reached through it.
	only := load(t, Options{Hosts: []string{"h.lua"}, Dir: dir, Only: []string{"web1"}}, "")
	if len(only) != 1 || chain(&only[0]) != "u@w1 < j@b.example" {
		t.Errorf("got %+v", only)
	}
}

func TestJumpLoops(t *testing.T) {
	for lua, want := range map[string]string{
		`return { { name = "a", jump = "a" } }`: "host a: jump a: jump hosts form a loop: a → a",
		`return { { name = "a", jump = "b" }, { name = "b", jump = "c" }, { name = "c", jump = "a" } }`: "host a: " +
			"jump b: jump c: jump a: jump hosts form a loop: a → b → c → a",
		`return { { name = "a", jump = "x,y,x" } }`: "host a: jump x: jump y: jump x: " +
			"jump hosts form a loop: a → x → y → x",
		`return { jump = "b", { name = "a" }, { name = "b", jump = "root@c,a" } }`: "host a: jump b: jump a: " +
			"jump hosts form a loop: a → b → a",
	} {
		dir := files(t, map[string]string{"h.lua": lua})
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"h.lua"}, Dir: dir}, "")
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", lua, err, want)
		}
	}
}
