package git

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"runbook/runtime/git/archive"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/shell"
)

// ArchiveOptions are the arguments of Archive.
type ArchiveOptions struct {
	Path    string   // a folder or a tar archive on this machine
	Reserve []string // as in CloneOptions
}

// Archived describes the commit that Archive stored.
type Archived struct {
	Path     string `lua:"path" doc:"the absolute path of the folder or the tar archive"`
	Repo     string `lua:"repo" doc:"the folder of the repository on this machine that has the commit"`
	Revision string `lua:"revision" doc:"the hash of the commit, which depends on the files alone"`
	Files    int    `lua:"files" doc:"how many files and links there are"`
	Bytes    int64  `lua:"bytes" doc:"the size of all files"`
}

// Archive stores a folder or a tar archive of this machine as a commit without history, in a
// repository in the cache folder. Push sends it.
func (d Deps) Archive(ctx context.Context, h *shell.Host, o ArchiveOptions) (Archived, error) {
	if h != d.Here {
		return Archived{}, errNotHere
	}
	from, err := inventory.ExpandHome(o.Path)
	if err == nil {
		from, err = filepath.Abs(from)
	}
	cache, cacheErr := cacheFolder()
	if err := errors.Join(err, cacheErr); err != nil {
		return Archived{}, err
	}
	var reserve []string
	for _, name := range o.Reserve {
		reserve = append(reserve, strings.TrimSuffix(name, "/"))
	}
	ref := "refs/archives/new-" + rand.Text()
	in, out := io.Pipe()
	written := make(chan error, 1)
	var summary archive.Summary
	go func() {
		var err error
		summary, err = archive.Write(out, ref, archive.Options{Path: from, Reserve: reserve})
		out.CloseWithError(err)
		written <- err
	}()
	stored := Archived{Path: from, Repo: filepath.Join(cache, "archives.git")}
	text, err := d.run(ctx, h, job{show: "git fast-import " + from, script: storeScript, input: in,
		args: []string{stored.Repo, ref, fmt.Sprintf("refs/archives/%s", cacheName(Repo{URL: from, Path: from}))}})
	_ = in.Close() // ends the writing if git has stopped reading
	if bad := <-written; bad != nil && !errors.Is(bad, io.ErrClosedPipe) {
		return Archived{}, bad
	}
	stored.Revision, stored.Files, stored.Bytes = strings.TrimSpace(text), summary.Files, summary.Bytes
	return stored, err
}
