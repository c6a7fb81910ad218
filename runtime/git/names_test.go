package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
)

// named returns Deps of a machine with these files of git and ssh.
func named(t *testing.T, gitconfig, sshconfig string) Deps {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{".gitconfig": gitconfig, ".ssh/config": sshconfig} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Deps{Names: inventory.NewNames(event.NewStream(), inventory.Options{})}
}

// TestNames: git on this machine gets a repository's address as written. git on hosts gets the
// address that it resolves to. Both know the server by its real name.
func TestNames(t *testing.T) {
	d := named(t, `
[url "git@github.com:"]
	insteadOf = gh:
	insteadOf = https://github.com/
[url "ssh://deploy@git.corp.example:7999/"]
	insteadOf = corp:
	insteadOf = corp:old/
[url "https://TOKEN@gitlab.com/"]
	insteadOf = git@gitlab.com:
[url "https://mirror.example/"]
	insteadOf = pub:
	pushInsteadOf = git@push.example:
[url "git@bitbucket-work:"]
	insteadOf = bb:
[url "ftp://x/"]
	insteadOf = bad:
`, `
Host bitbucket-work
	HostName bitbucket.org
	User git
	ProxyJump bastion
	UserKnownHostsFile ~/.ssh/known_work
Host github.com
	HostName ssh.github.com
	Port 443
	HostKeyAlias keys.github.com
Host v6
	HostName 2001:DB8::1
	User six
Host broken
	Port none
`)
	for _, c := range []struct{ text, here, there, known, route string }{
		{"git@bitbucket-work:team/app.git", "git@bitbucket-work:team/app.git", "git@bitbucket.org:team/app.git",
			"bitbucket.org", "HostName bitbucket.org|"},
		{"bitbucket-work:app.git", "bitbucket-work:app.git", "git@bitbucket.org:app.git", "bitbucket.org",
			"HostName bitbucket.org|User git|"},
		{"ssh://bitbucket-work/team/app.git", "ssh://bitbucket-work/team/app.git",
			"ssh://git@bitbucket.org/team/app.git", "bitbucket.org", "HostName bitbucket.org|User git|"},
		{"ssh://git@bitbucket-work:2222/team/app.git", "ssh://git@bitbucket-work:2222/team/app.git",
			"ssh://git@bitbucket.org:2222/team/app.git", "[bitbucket.org]:2222", "HostName bitbucket.org|"},
		{"bb:team/app.git", "bb:team/app.git", "git@bitbucket.org:team/app.git", "bitbucket.org",
			"HostName bitbucket.org|"},
		{"git@github.com:team/app.git", "git@github.com:team/app.git", "git@ssh.github.com:team/app.git",
			"keys.github.com", "HostName ssh.github.com|Port 443|"},
		{"gh:team/app.git", "gh:team/app.git", "git@ssh.github.com:team/app.git", "keys.github.com",
			"HostName ssh.github.com|Port 443|"},
		{"corp:team/app.git", "corp:team/app.git", "ssh://deploy@git.corp.example:7999/team/app.git",
			"[git.corp.example]:7999", ""},
		{"corp:old/app.git", "corp:old/app.git", "ssh://deploy@git.corp.example:7999/app.git",
			"[git.corp.example]:7999", ""},
		{"v6:app.git", "v6:app.git", "six@[2001:db8::1]:app.git", "2001:db8::1", "HostName 2001:db8::1|User six|"},
		{"git@other.example:app.git", "git@other.example:app.git", "git@other.example:app.git", "other.example", ""},
		{"git@push.example:app.git", "git@push.example:app.git", "git@push.example:app.git", "push.example", ""},
		// Hosts can use an https URL as it is, and a login that is in git's configuration here
		// stays here.
		{"https://github.com/team/app.git", "https://github.com/team/app.git", "https://github.com/team/app.git", "",
			""},
		{"git@gitlab.com:team/app.git", "git@gitlab.com:team/app.git", "git@gitlab.com:team/app.git", "gitlab.com", ""},
		{"pub:team/app.git", "pub:team/app.git", "https://mirror.example/team/app.git", "", ""},
		{"/srv/git/app.git", "/srv/git/app.git", "/srv/git/app.git", "", ""},
	} {
		here, err := d.repoFor(t.Context(), true, c.text)
		if err != nil || here.URL != c.here {
			t.Errorf("%s: here %s, %v", c.text, here.URL, err)
		}
		there, err := d.repoFor(t.Context(), false, c.text)
		if err != nil || there.URL != c.there || there.Address() != c.known {
			t.Errorf("%s: there %s, %s, %v", c.text, there.URL, there.Address(), err)
		}
		if there.Transport == SSH {
			if route := strings.ReplaceAll(there.server.route(), "\n", "|"); route != c.route {
				t.Errorf("%s: route %s", c.text, route)
			}
			if again, err := ParseRepo(there.URL); err != nil || again.Host != there.Host {
				t.Errorf("%s: %s is read again as %+v, %v", c.text, there.URL, again, err)
			}
		}
	}
	work, err := d.server(t.Context(), "git@bitbucket-work:x.git")
	if err != nil || !strings.HasSuffix(work.KnownHosts[0], "/.ssh/known_work") {
		t.Errorf("%+v, %v", work, err)
	}
	for text, want := range map[string]string{
		"bad:app.git":      `ftp is not a supported transport, by which git's configuration replaces "bad:app.git"`,
		"git@broken:a.git": "git server broken: ",
		"nothing":          "want [user@]host:path",
	} {
		if _, err := d.repoFor(t.Context(), false, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	d = named(t, "[url\n", "")
	if _, err := d.repoFor(t.Context(), false, "git@x:y"); err == nil ||
		!strings.Contains(err.Error(), "bad config line 1 in file") {
		t.Errorf("%v", err)
	}
	t.Setenv("PATH", t.TempDir()) // without git
	if r, err := named(t, "", "").repoFor(t.Context(), false, "git@x:y"); err != nil || r.URL != "git@x:y" {
		t.Errorf("%+v, %v", r, err)
	}
}
