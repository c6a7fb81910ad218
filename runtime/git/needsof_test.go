package git_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"runbook/runtime/git"
)

// A commit's needs are found in the requirements and the files that they include, in .gitmodules
// and in .gitattributes: on a server with partial clones, on one without, and in a mirror.
func TestNeeds(t *testing.T) {
	m := newMirrored(t)
	for name, text := range map[string]string{
		"requirements.txt": "# ssh://git@no.example.org/comment.git\n" +
			"flask==3.0 # ssh://git@no.example.org/x\n-r deploy/base.txt\n" +
			"one @ git+ssh://git@git.example.org/one.git@v1#egg=one ; python_version > '3'\n-r missing.txt\n",
		"deploy/base.txt": "-c ../deploy/../constraints.txt\n--requirement=base.txt\n" +
			"-e git+ssh://git@git.example.org:2222/two.git\n",
		"constraints.txt":       "three @ git+ssh://git@other.example.org/three.git\n",
		".gitattributes":        "*.bin filter=lfs diff=lfs merge=lfs -text\n",
		"logo.bin":              "version https://git-lfs.github.com/spec/v1\n",
		"static/.gitattributes": "[attr]big filter=lfs\n*.dat filter=lfs\n",
		"static/ä b.dat":        "version https://git-lfs.github.com/spec/v1\n",
	} {
		path := filepath.Join(m.work, name)
		m.must(os.MkdirAll(filepath.Dir(path), 0o755))
		m.write(path, text)
	}
	m.run("-C", m.work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", m.repo, "vendor/sub")
	m.run("-C", m.work, "config", "--file", ".gitmodules", "submodule.vendor/sub.url", "../sub.git")
	revision := m.commit("release", "needs")
	m.commit("release", "newer")
	want := git.Needs{
		Requirements: []git.Need{
			{At: "requirements.txt", Repo: "ssh://git@git.example.org/one.git", Server: "git@git.example.org"},
			{At: "deploy/base.txt", Repo: "ssh://git@git.example.org:2222/two.git", Server: "git@git.example.org:2222",
				Problem: "private does not name git@git.example.org:2222"},
			{At: "constraints.txt", Repo: "ssh://git@other.example.org/three.git", Server: "git@other.example.org",
				Problem: "private does not name git@other.example.org"},
		},
		Submodules: []git.Need{{At: "vendor/sub", Repo: "file://" + m.dir + "/sub.git"}},
		LFS:        []string{"logo.bin", "static/ä b.dat"},
	}
	o := git.NeedsOptions{Repo: "file://" + m.repo, Revision: revision, Branch: "release",
		Requirements: "requirements.txt", Private: []string{"git@git.example.org"}}
	for _, from := range []string{"whole", "partial", "mirror"} {
		switch from {
		case "partial":
			m.run("-C", m.repo, "config", "uploadpack.allowFilter", "true")
		case "mirror":
			_, err := m.git.Mirror(m.ctx, m.host, git.MirrorOptions{Repo: m.repo, Path: m.path})
			m.must(err)
			m.must(os.Rename(m.repo, m.repo+".away"))
			o.Mirror = m.path
		}
		if got, err := m.git.Needs(m.ctx, m.host, o); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v;\nwant %+v", from, got, err, want)
		}
	}
}
