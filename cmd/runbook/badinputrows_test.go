//go:build unix

package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func inode(info os.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// badFlags are mistakes on the command line.
func badFlags() []badInput {
	return []badInput{
		{name: "no such command", args: "relaese", status: 2, want: `there is no command "relaese"`},
		{name: "an option before the command", args: "--hosts x run", status: 2, want: `comes before the command`},
		{name: "a recipe misspelt", args: "run relaese", status: 2, want: `did you mean "release"`},
		{name: "two recipes", args: "release recipes/status.lua", status: 2, want: `run takes one recipe`},
		{name: "a recipe that isn't there", args: "run recipes/relaese.lua", status: 2, want: `recipes/relaese.lua`},
		{name: "a folder as recipe", args: "run recipes", status: 2, want: `recipes`},
		{name: "a flag misspelt", args: "release --brnach x", status: 2, want: `did you mean --branch\?`},
		{name: "a flag of another recipe", args: "rollback --revision x", status: 2, want: `unknown option --revision`},
		{name: "a flag without its value", args: "release --branch", status: 2, want: `--branch needs a value`},
		{name: "a word where a number belongs", args: "release --processes two", status: 2,
			want: `--processes: want a whole number`},
		{name: "half a process", args: "release --processes 1.5", status: 2, want: `--processes: want a whole number`},
		{name: "no process", args: "release --processes 0", status: 2, want: `--processes: want at least 1`},
		{name: "less than no thread", args: "release --threads -1", status: 2, want: `--threads: want at least 1`},
		{name: "a number out of range", args: "release --threads 99999999999999999999", status: 2,
			want: `--threads: want`},
		{name: "no port", args: "release --port 65536", status: 2, want: `--port: want at most 65535`},
		{name: "to keep nothing", args: "release --keep 0", status: 2, want: `--keep: want at least 1`},
		{name: "no host at once", args: "release --at-once 0", status: 2, want: `--at-once: want at least 1`},
		{name: "a way of restarting that isn't", args: "release --restart gracefull", status: 2,
			want: `did you mean "graceful"\?`},
		{name: "an agent that isn't", args: "release --agent forwards", status: 2, want: `did you mean "forward"\?`},
		{name: "a duration without a unit", args: "release --health-within 60", status: 2,
			want: `want a duration such as 90s`},
		{name: "a limit for connecting without a unit", args: "release --connect-timeout 10", status: 2,
			want: `--connect-timeout: want a duration such as 90s, 2m or 1h30m, got "10"`},
		{name: "a wait for the lock that is none", args: "release --lock-wait soon", status: 2,
			want: `--lock-wait: want a duration`},
		{name: "quiet and verbose", args: "release -q -v", status: 2, want: `cannot be combined`},
		{name: "a switch with a value", args: "release --serial=perhaps", status: 2, want: `serial`},
		{name: "exec without a command", args: "exec", status: 2, want: `exec needs a command`},
		{name: "docs of nothing", args: "docs host:rnu", status: 2, want: `near words: host:run`},
		{name: "a session on no host", args: "ssh", status: 2, want: `ssh needs a host`},
		{name: "check without a recipe", args: "check", status: 2, want: `check needs a recipe`},
		{name: "init over what is there", args: "init .", status: 2, want: `recipes/app.lua`},
	}
}

// badNames are malicious branches, releases and paths.
func badNames() []badInput {
	var rows []badInput
	add := func(flag, value, want string) {
		recipe := "release"
		rows = append(rows, badInput{name: flag + " " + value, args: recipe, more: []string{flag, value}, status: 2,
			want: want})
	}
	for _, value := range []string{"-x", "--upload-pack=touch pwned", "a b", "a;touch pwned\n", "a..b", "x.lock",
		"refs/heads/../x", "a\nb", "@{-1}", "a:b"} {
		add("--branch", value, "is not the name of a branch or tag")
	}
	add("--branch", "", "--branch is empty")
	for _, value := range []string{"../evil", "/etc", ".", "..", "a/b", "-rf", "a b", "a\nb", "$(touch pwned)", "`id`",
		"a;id", "é", "*"} {
		add("--release", value, "can't be a folder's name")
	}
	for _, value := range []string{"HEAD", "main", "abc123", "8F14E45FCEEA167A5A36DEDD4BEA2543AD61A1F3", "$(id)"} {
		add("--revision", value, "is not a whole commit name")
	}
	for _, value := range []string{"", "/", "srv/app", "/srv/../etc", "/srv/./app", "/srv//app", "/srv/app\n",
		"~/app"} {
		add("--root", value, "must be an absolute path")
	}
	for _, value := range []string{"-oProxyCommand=touch pwned", "ext::sh -c touch% pwned", "relative/path",
		"ssh://-oProxyCommand=x/y", "ssh://git@host/", "git@host:x\ny", "ftp://host/x"} {
		add("--repo", value, "repository \".*\": ")
	}
	add("--server-root", "server", "must be an absolute path")
	for _, value := range []string{"", "/etc/passwd", "../wsgi.py", "a/../../b", "-c", "a\nb"} {
		add("--wsgi", value, "--wsgi must be the path of a file in the repository")
	}
	for _, value := range []string{"http://elsewhere/", "/a b", "/a\nX: y"} {
		add("--health", value, "--health must be a path")
	}
	add("--requirements", "--index-url=x", "--requirements must be a file's path")
	return rows
}

// badFiles are mistakes in recipes and hosts files.
func badFiles() []badInput {
	recipe := func(text string) map[string]string { return map[string]string{"recipes/bad.lua": text} }
	hosts := func(text string) map[string]string { return map[string]string{"bad.lua": text} }
	return []badInput{
		{name: "syntax", args: "run recipes/bad.lua", files: recipe("recipe {\n"), status: 2,
			want: `recipes/bad.lua:\d+`},
		{name: "an unknown option of a primitive", args: "run recipes/bad.lua",
			files: recipe("recipe {}\neach(hosts, function(h) h:run('true', { tiemout = '5s' }) end)"), status: 2,
			want: `bad.lua:2.*tiemout`},
		{name: "an undeclared global", args: "run recipes/bad.lua", files: recipe("recipe {}\nhost = 1"), status: 2,
			want: `bad.lua:2`},
		{name: "io", args: "run recipes/bad.lua", files: recipe("recipe {}\nio.open('/etc/passwd')"), status: 2,
			want: `bad.lua:2.*io`},
		{name: "require from outside", args: "run recipes/bad.lua", files: recipe("recipe {}\nrequire '../../x'"),
			status: 2, want: `bad.lua`},
		{name: "an option that can't be", args: "run recipes/bad.lua",
			files: recipe("recipe { options = { Root = { 1, 'x' } } }"), status: 2, want: `option Root`},
		{name: "an option of runbook's own", args: "run recipes/bad.lua",
			files: recipe("recipe { options = { hosts = { 'x', 'x' } } }"), status: 2, want: `hosts`},
		{name: "a default that is wrong", args: "run recipes/bad.lua",
			files: recipe("recipe { options = { n = { 0, 'x', min = 1 } } }"), status: 2, want: `option n: default`},
		{name: "no hosts at all", args: "release --hosts=", status: 2, want: `--hosts is empty`},
		{name: "no hosts in a word of its own", args: "exec --hosts", more: []string{" ", "--", "true"}, status: 2,
			want: `--hosts is empty`},
		{name: "a hosts file that isn't there", args: "release --hosts nosuch.lua", status: 2, want: `nosuch.lua`},
		{name: "a hosts file with a syntax error", args: "release --hosts bad.lua", files: hosts("return {"), status: 2,
			want: `bad.lua:\d+`},
		{name: "a hosts file that returns nothing", args: "release --hosts bad.lua", files: hosts("local x = 1"),
			status: 2, want: `bad.lua`},
		{name: "a hosts file without hosts", args: "release --hosts bad.lua", files: hosts("return {}"), status: 2,
			want: `bad.lua`},
		{name: "an unknown key", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', adress = 'b' } }"), status: 2, want: `did you mean "address"`},
		{name: "two hosts of one name", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x' }, { name = 'a', address = 'y' } }"), status: 2,
			want: `a`},
		{name: "a port out of range", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x', port = 70000 } }"), status: 2, want: `port`},
		{name: "a user like an option", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x', user = '-oProxyCommand=x' } }"), status: 2,
			want: `user`},
		{name: "a jump host that is its own jump host", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x', jump = 'a' } }"), status: 2, want: `jump`},
		{name: "a pinned key that is none", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x', host_key = 'ssh-rsa' } }"), status: 2,
			want: `host_key`},
		{name: "sudo that isn't", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x', sudo = 'yes' } }"), status: 2, want: `sudo`},
		{name: "vars of the wrong type", args: "release --hosts bad.lua",
			files: hosts("return { { name = 'a', address = 'x', vars = { port = 'http' } } }"), status: 2,
			want: `vars.port: want a whole number`},
		{name: "a hosts file that reads files", args: "release --hosts bad.lua",
			files: hosts("return { io.open('/etc/passwd') }"), status: 2, want: `bad.lua:1`},
		{name: "a hosts file that never ends", args: "release --hosts bad.lua", files: hosts("while true do end"),
			status: 2, want: `bad.lua`},
		{name: "a host with a space", args: "release --hosts bad.txt",
			files: map[string]string{"bad.txt": "web1 web2\n"}, status: 2, want: `bad.txt:1`},
		{name: "a host like an option", args: "release --hosts -oProxyCommand=x", status: 2, want: `-oProxyCommand`},
		{name: "an empty list", args: "release --hosts ,", status: 2, want: `--hosts`},
		{name: "a port in a list", args: "release --hosts web1:http", status: 2, want: `http`},
		{name: "only what isn't there", args: "release --only wbe1", status: 2, want: `wbe1`},
		{name: "only a tag that isn't there", args: "release --only tag:x", status: 2, want: `tag:x`},
		{name: "except what isn't there", args: "release --except wbe1", status: 2, want: `did you mean "web1"`},
		{name: "except all", args: "release --except web*", status: 2, want: `no host is left`},
		{name: "more than all may be away", args: "release --skip-unreachable 101%", status: 2,
			want: `--skip-unreachable: want a number`},
		{name: "an ssh_config with a command for host keys", args: "release --ssh-config bad.conf",
			files: map[string]string{"bad.conf": "Host *\n  KnownHostsCommand /bin/true %h\n"}, status: 2,
			want: `KnownHostsCommand`},
		{name: "an ssh_config that isn't there", args: "release --ssh-config nosuch.conf", status: 2,
			want: `nosuch.conf`},
	}
}

// badHosts are hosts on which a release or a rollback cannot work.
func badHosts() []badInput {
	must := func(t *testing.T, errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	instead := func(name string, put func(path string) error) func(*testing.T, string) {
		return func(t *testing.T, root string) {
			t.Helper()
			path := filepath.Join(root, name)
			must(t, os.RemoveAll(path), put(path))
		}
	}
	folder := func(path string) error { return os.MkdirAll(path, 0o755) }
	file := func(path string) error { return os.WriteFile(path, nil, 0o644) }
	link := func(to string) func(string) error {
		return func(path string) error { return os.Symlink(to, path) }
	}
	// A mistake must not change files outside the root: symlinks point to a folder beside the root,
	// and the test compares that folder, too.
	astray := func(name, to string) func(*testing.T, string) {
		return func(t *testing.T, root string) {
			t.Helper()
			outside := filepath.Join(filepath.Dir(root), "outside")
			must(t, folder(outside), file(filepath.Join(outside, "file")))
			instead(name, link(filepath.Join(outside, to)))(t, root)
		}
	}
	return []badInput{
		{name: "current a folder", args: "release", host: instead("current", folder), status: 3,
			want: `/current is not a link`},
		{name: "current a folder, to roll back", args: "rollback", host: instead("current", folder), status: 3,
			want: `/current is not a link`},
		{name: "current a relative link", args: "release", host: instead("current", link("releases/r2")), status: 3,
			want: `points to the relative path`},
		{name: "releases a link", args: "release", host: astray("releases", ""), status: 3,
			want: `/releases is a link`},
		{name: "releases a link, to roll back", args: "rollback --release r1", host: astray("releases", ""), status: 3,
			want: `/releases is a link`},
		{name: "releases a file", args: "release", host: instead("releases", file), status: 3,
			want: `/releases is not a folder`},
		{name: "the log a link", args: "release", host: astray("releases.log", "file"), status: 3,
			want: `/releases.log is a link`},
		{name: "the lock a link", args: "release", host: astray(".runbook.lock", "file"), status: 3,
			want: `/.runbook.lock is a link`},
		{name: "the mirror a link", args: "release", host: astray("repo.git", ""), status: 3,
			want: `/repo.git is a link`},
		{name: "the root a file", args: "release", host: instead("", file), status: 3, want: `app is not a folder`},
		{name: "the root missing, and more", args: "release",
			host: func(t *testing.T, root string) { must(t, os.RemoveAll(filepath.Dir(root))) }, status: 3,
			want: `does not exist`},
		{name: "the root of another", args: "release", host: func(t *testing.T, root string) {
			if os.Getuid() == 0 {
				must(t, os.Chown(root, 65534, 65534))
			} else {
				must(t, os.Chmod(root, 0o555))
			}
		}, status: 3, want: `app belongs to|may not write to`},
		{name: "a release's name taken by a link", args: "release --release out", host: astray("releases/out", ""),
			status: 3, want: `releases/out is a link`},
		{name: "a release's name taken by another revision", args: "release --release r1", status: 3,
			want: `release r1 already exists on web1, of revision 0000000000 instead of [0-9a-f]{10}`},
		{name: "the name of half a release that is current", args: "release --release half",
			host: func(t *testing.T, root string) {
				current := filepath.Join(root, "current")
				must(t, os.Remove(current), os.Symlink(filepath.Join(root, "releases", "half"), current))
			}, status: 3, want: `release half is current, but incomplete`},
		{name: "a missing release", args: "rollback --release r9", status: 3, want: `there is no release r9`},
		{name: "back to half a release", args: "rollback --release half", status: 3,
			want: `release half is incomplete`},
		{name: "back to a link", args: "rollback --release out", host: astray("releases/out", ""), status: 3,
			want: `releases/out is a link, not a release`},
		{name: "back to /etc", args: "rollback --release /etc", status: 3, want: `/etc is not in `},
		{name: "back to outside", args: "rollback --release ../../../etc", status: 3, want: `is not in `},
		{name: "a name with a space", args: "rollback --release", more: []string{"r1 r2"}, status: 3,
			want: `there is no release r1 r2`},
		{name: "a name with a newline", args: "rollback --release", more: []string{"r1\nr2"}, status: 3,
			want: `there is no release`},
		{name: "back to nothing", args: "rollback", host: instead("current", os.RemoveAll), status: 3,
			want: `no release is current`},
		{name: "a marker of nonsense", args: "rollback --release r1", host: instead("releases/r1/.runbook.json", file),
			status: 3, want: `release r1 is incomplete`},
		{name: "no such branch", args: "release --branch nosuch", status: 3, want: `no branch or tag "nosuch"`},
		{name: "no such repository", args: "release --repo /nosuch", status: 3, want: `no such repository`},
		{name: "no such Python", args: "release --python /nosuch", status: 3, want: `there is no Python at /nosuch`},
		{name: "a Python like an option", args: "release --python --version", status: 3,
			want: `there is no Python at --version`},
		{name: "a key that isn't there", args: "release --key /nosuch --repo ssh://git@127.0.0.1:1/x", status: 3,
			want: `/nosuch`},
		{name: "a host that doesn't listen", args: "release --hosts x@127.0.0.1:1", status: 3, want: `refused`},
		{name: "an identity that isn't there", args: "release --identity /nosuch", status: 3, want: `/nosuch`},
		{name: "unknown host keys", args: "release --known-hosts /dev/null", status: 3, want: `is not known: it shows`},
	}
}
