package git

import "testing"

func TestWithoutRef(t *testing.T) {
	for text, want := range map[string]string{
		"ssh://git@git.example.org/team/lib.git@v1.0":             "ssh://git@git.example.org/team/lib.git",
		"ssh://git@git.example.org:2222/team/lib.git":             "ssh://git@git.example.org:2222/team/lib.git",
		"ssh://git@git.example.org/team/lib@feature":              "ssh://git@git.example.org/team/lib",
		"ssh://git@git.example.org/team/lib?rev=0123456789abcdef": "ssh://git@git.example.org/team/lib",
		"ssh://git@git.example.org":                               "ssh://git@git.example.org",
	} {
		if got := withoutRef(text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

// A submodule comes from the repository's own server, from one that private names, or by https.
// git's own rules resolve a relative URL.
func TestSubmodule(t *testing.T) {
	for _, row := range []struct{ repo, url, want, server, problem string }{
		{"git@git.example.org:team/app.git", "../lib.git", "git@git.example.org:team/lib.git", "git@git.example.org",
			""},
		{"git@git.example.org:app.git", "../lib.git", "git@git.example.org:lib.git", "git@git.example.org", ""},
		{"ssh://git@git.example.org:2222/team/app.git/", "../../other/lib.git",
			"ssh://git@git.example.org:2222/other/lib.git", "git@git.example.org:2222", ""},
		{"ssh://git@git.example.org/team/app.git", "./lib.git", "ssh://git@git.example.org/team/app.git/lib.git",
			"git@git.example.org", ""},
		{"https://git.example.org/team/app.git", "../lib.git", "https://git.example.org/team/lib.git", "", ""},
		{"/srv/git/app.git", "../lib.git", "/srv/git/lib.git", "", ""},
		{"git@git.example.org:app.git", "ssh://git@Named.example.org/lib.git", "ssh://git@Named.example.org/lib.git",
			"git@named.example.org", ""},
		{"git@git.example.org:app.git", "https://other.example.org/lib.git", "https://other.example.org/lib.git", "",
			""},
		{"git@git.example.org:app.git", "root@git.example.org:lib.git", "root@git.example.org:lib.git",
			"root@git.example.org", "private does not name root@git.example.org"},
		{"git@git.example.org:app.git", "git.example.org:lib.git", "git.example.org:lib.git", "",
			"git.example.org:lib.git names no user: write ssh://git@git.example.org/…"},
		{"git@git.example.org:app.git", "/srv/git/lib.git", "", "",
			`the URL "/srv/git/lib.git" names a path on the host`},
		{"/srv/git/app.git", "/srv/git/lib.git", "", "", `the URL "/srv/git/lib.git" names a path on the host`},
		{"git@git.example.org:app.git", "-u./payload", "", "",
			`repository "-u./payload": begins with -, which git would take for an option`},
		{"git@git.example.org:app.git", "ext::sh -c true", "", "",
			`repository "ext::sh -c true": git would run a program for it`},
		{"git@git.example.org:app.git", "ssh://-oProxyCommand=x/y", "", "",
			`repository "ssh://-oProxyCommand=x/y": "-oProxyCommand=x" begins with a dash`},
		{"git@git.example.org:app.git", "git://git.example.org/lib.git", "", "",
			`repository "git://git.example.org/lib.git": git is not a supported transport`},
	} {
		repo, err := ParseRepo(row.repo)
		if err != nil {
			t.Fatal(err)
		}
		want := Need{At: "lib", Repo: row.want, Server: row.server, Problem: row.problem}
		if got := submodule(repo, "lib", row.url,
			[]string{"git@git.example.org", "git@git.example.org:2222", "git@named.example.org"}); got != want {
			t.Errorf("%s in %s: %+v, want %+v", row.url, row.repo, got, want)
		}
	}
}
