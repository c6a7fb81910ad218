package git_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/git"
)

// TestCompare: what lies between two commits, from a mirror that lacks the newer one, or from
// shallow clones.
func TestCompare(t *testing.T) {
	for _, hash := range []string{"sha1", "sha256"} {
		t.Run(hash, func(t *testing.T) {
			b := newBenchOf(t, hash)
			b.write(b.work+"/requirements.txt", "-r more/base.txt\nDjango==4.2\n")
			b.run("-C", b.work, "add", "requirements.txt")
			old := b.commit("main", "old")
			mirror := filepath.Join(b.dir, "mirror.git")
			b.run("clone", "--quiet", "--mirror", b.repo, mirror)
			shallow := filepath.Join(b.dir, "shallow")
			b.run("clone", "--quiet", "--depth=1", "file://"+b.repo, shallow)
			if err := os.MkdirAll(b.work+"/more", 0o755); err != nil {
				t.Fatal(err)
			}
			b.write(b.work+"/more/base.txt", "-r requirements.txt\n--requirement=nonesuch.txt\ncelery\n")
			b.run("-C", b.work, "add", "more")
			b.commit("main", "a \x1b[31mred\x07 subject")
			recent := b.commit("main", "recent")
			b.run("-C", b.work, "checkout", "--quiet", "-b", "side", old)
			side := b.commit("side", "aside")
			t.Setenv("TMPDIR", filepath.Join(b.dir, "tmp"))
			if err := os.Mkdir(os.Getenv("TMPDIR"), 0o755); err != nil {
				t.Fatal(err)
			}
			before := listing(t, mirror) + listing(t, shallow)

			mirrors, shallows := []string{"/nonesuch", mirror}, []string{shallow + "/.git"}
			for _, row := range []struct {
				from, to, repo string
				stores         []string
				want           string // relation, ahead, behind, the subjects added, those removed
			}{
				{old, recent, b.repo, mirrors, "ahead 2 0 recent, a [31mred subject |"},
				{old, recent, b.repo, shallows, "ahead 2 0 recent, a [31mred subject |"},
				{old, recent, b.repo, nil, "unknown 0 0  |"}, // it would have to fetch everything
				{recent, old, "", []string{b.work + "/.git"}, "behind 0 2  | recent, a [31mred subject"},
				{recent, side, "", []string{b.work + "/.git"}, "diverged 1 2 aside | recent, a [31mred subject"},
				{old, old, "", mirrors, "same 0 0  |"},
				{strings.Repeat("1", len(old)), old, "", mirrors, "unknown 0 0  |"},
			} {
				if hash == "sha256" && row.repo == "" {
					continue
				}
				got, err := b.git.Compare(b.ctx, b.host,
					git.CompareOptions{Repo: row.repo, From: row.from, To: row.to, Branch: "main",
						Stores: row.stores, Requirements: "requirements.txt", Max: 50})
				if text := summary(got); err != nil || text != row.want {
					t.Errorf("got %q, %v, want %q", text, err, row.want)
				}
				if strings.HasPrefix(row.want, "ahead") {
					if files := fmt.Sprint(got.Files); !strings.Contains(files, "{A more/base.txt}") {
						t.Errorf("files: %s", files)
					}
					want := "[{requirements.txt -r more/base.txt\nDjango==4.2\n -r more/base.txt\nDjango==4.2\n} " +
						"{more/base.txt  -r requirements.txt\n--requirement=nonesuch.txt\ncelery\n} " +
						"{more/nonesuch.txt  } {more/requirements.txt  }]"
					if texts := fmt.Sprint(got.Texts); texts != want {
						t.Errorf("texts: %s", texts)
					}
				}
			}
			got, err := b.git.Compare(b.ctx, b.host,
				git.CompareOptions{From: old, To: recent, Stores: []string{b.work + "/.git"}, Max: 1})
			if err != nil || got.Ahead != 2 || len(got.Added) != 1 || got.Added[0].Author != "t" ||
				len(got.Added[0].Date) != 10 {
				t.Errorf("%+v, %v", got, err)
			}
			_, err = b.git.Compare(b.ctx, b.host, git.CompareOptions{From: old, To: recent, Stores: mirrors})
			b.fails(err, "does not contain the commit", "pushed")
			if after := listing(t, mirror) + listing(t, shallow); after != before {
				t.Errorf("the stores were changed:\n%s\n%s", before, after)
			}
			if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}

func summary(c git.Comparison) string {
	subjects := func(list []git.Commit) string {
		var texts []string
		for _, one := range list {
			texts = append(texts, one.Subject)
		}
		return strings.Join(texts, ", ")
	}
	return strings.TrimSuffix(fmt.Sprintf("%s %d %d %s | %s", c.Relation, c.Ahead, c.Behind, subjects(c.Added),
		subjects(c.Removed)), " ")
}

// listing returns the names, modes, sizes and times of everything in a folder.
func listing(t *testing.T, folder string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
