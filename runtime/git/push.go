package git

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/transfer"
)

// Hosts that cannot reach the git server get commits from this machine: Hold finds or fetches a
// repository here that has the commit, and Push sends the objects that a host lacks.

// errNotHere is the error of a function that reads files of this machine, called on a host.
var errNotHere = errors.New("only localhost has this")

// maxFetch limits how many bytes a git server may make this machine write into one file.
const maxFetch = 4 << 30

// HoldOptions are the arguments of Hold.
type HoldOptions struct {
	Repo     string // as for the other functions, or a path on this machine
	Revision string // a commit hash
	Branch   string // where to look for the commit first
}

// Hold returns the folder of a repository on this machine that has the commit with its whole
// history: Repo itself if that is a path, the repository of the current folder, or a bare one in
// the cache folder, which fetches the branch.
func (d Deps) Hold(ctx context.Context, h *shell.Host, o HoldOptions) (string, error) {
	r, err := d.repo(ctx, h, o.Repo)
	if err != nil {
		return "", err
	}
	if err := errors.Join(CheckRevision(o.Revision), CheckRef(o.Branch)); err != nil {
		return "", err
	}
	if h != d.Here {
		return "", errNotHere
	}
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	folder, local := filepath.Join(cache, cacheName(r)), ""
	if r.Transport == File {
		local = r.Path
	}
	show := fmt.Sprintf("git fetch %s, unless %.12s is on this machine", r.URL, o.Revision)
	j := job{repo: r, show: show, script: holdScript,
		args: []string{r.URL, o.Revision, folder, o.Branch, local, strconv.Itoa(maxFetch / 512)}}
	out, err := d.run(ctx, h, j)
	return strings.TrimSuffix(out, "\n"), err
}

// cacheFolder returns the folder of the repositories that runbook keeps on this machine:
// $XDG_CACHE_HOME/runbook/git, or ~/.cache/runbook/git.
func cacheFolder() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", event.WithHint(fmt.Errorf("cache folder: %w", err), "set HOME, or XDG_CACHE_HOME")
		}
		base = filepath.Join(home, ".cache")
	}
	folder := filepath.Join(base, "runbook", "git")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", event.WithHint(fmt.Errorf("cache folder: %w", err),
			"set XDG_CACHE_HOME to a folder that you may write to")
	}
	return folder, nil
}

// cacheName returns the name of a repository in the cache folder: a part for people, and one that
// differs between URLs.
func cacheName(r Repo) string {
	name := strings.TrimSuffix(path.Base(r.Path), ".git")
	name = strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' {
			return c
		}
		return '-'
	}, name)
	return fmt.Sprintf("%.40s-%.6x.git", name, sha256.Sum256([]byte(r.URL)))
}

// PushOptions are the arguments of Push.
type PushOptions struct {
	From     string // a repository on this machine, as Hold returns it
	Revision string // a commit hash
	Path     string // the mirror on the host, absolute
	Branch   string // becomes a branch of the mirror, or ""
}

// Push makes the mirror at Path have a commit and its history. It sends the objects that the mirror
// lacks; what arrives is compared with the commit. It creates a missing mirror and rebuilds a
// broken one, and then returns true. Only one Push or Mirror of a path may run at a time.
//
// While the objects arrive they are in a file next to the mirror. If nothing could remove it, as
// after a lost connection, its name shows that it is safe to delete: ".pack.runbook-" and twelve
// characters.
func (d Deps) Push(ctx context.Context, h *shell.Host, o PushOptions) (bool, error) {
	if err := errors.Join(CheckRevision(o.Revision), checkPath("path", o.Path)); err != nil {
		return false, err
	}
	ref := ""
	if o.Branch != "" && o.Branch != "HEAD" {
		if err := CheckRef(o.Branch); err != nil {
			return false, err
		}
		if ref = o.Branch; !strings.HasPrefix(ref, "refs/") {
			ref = "refs/heads/" + ref
		}
	}
	p := push{git: d, ctx: ctx, host: h, PushOptions: o, ref: ref}
	out, err := p.run(tipsScript, "read "+o.Path, o.Path, o.Revision)
	if err != nil {
		return false, err
	}
	made, err := p.send(strings.Split(out, "\n"), "")
	var failed *Error
	if errors.As(err, &failed) && failed.Code == codeIncomplete && ctx.Err() == nil {
		event.Emit(ctx, event.Event{Kind: event.Warning, Host: h.Name(),
			Text: o.Path + " is broken, and made again: " + failed.Cause})
		made, err = p.send(nil, "fresh")
	}
	if made && err == nil {
		event.Emit(ctx, event.Event{Kind: event.Changed, Host: h.Name(),
			Text: o.Path + ": repository with what was sent"})
	}
	return made, err
}

// push is one call of Push.
type push struct {
	PushOptions
	git  Deps
	ctx  context.Context
	host *shell.Host
	ref  string
}

func (p push) run(script, show string, args ...string) (string, error) {
	return p.git.run(p.ctx, p.host, job{show: show, script: script, args: args})
}

// send completes the mirror. have are the objects that the mirror already has, or "has" if it has
// the commit itself.
func (p push) send(have []string, fresh string) (made bool, err error) {
	there := ""
	if len(have) == 0 || have[0] != "has" {
		there = path.Join(path.Dir(p.Path), ".pack.runbook-"+p.Revision[:12])
		if err := p.upload(have, there); err != nil {
			return false, err
		}
	}
	out, err := p.run(receiveScript, fmt.Sprintf("git index-pack %.12s into %s", p.Revision, p.Path),
		p.Path, p.Revision, there, p.ref, fresh)
	var lost *shell.LostError
	if err != nil && there != "" && !errors.As(err, &lost) { // if it is lost, the script removes the file
		err = errors.Join(err, p.discard(there))
	}
	return strings.Contains(out, "made"), err
}

// upload packs what the host lacks and uploads it.
func (p push) upload(have []string, to string) (err error) {
	cache, err := cacheFolder()
	if err != nil {
		return err
	}
	folder, err := newTemporary(cache)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	haves, pack := filepath.Join(folder, "have"), filepath.Join(folder, "pack")
	var known strings.Builder
	for _, line := range have {
		if isFullRevision(line) {
			known.WriteString(line + "\n")
		}
	}
	if err := os.WriteFile(haves, []byte(known.String()), 0o600); err != nil {
		return err
	}
	show := fmt.Sprintf("git pack-objects %.12s for %s", p.Revision, p.host.Name())
	j := job{repo: Repo{Transport: File, Path: p.From}, show: show, script: packScript,
		args: []string{p.From, p.Revision, haves, pack}}
	if _, err := p.git.run(p.ctx, p.git.Here, j); err != nil {
		return err
	}
	count, size, err := measurePack(pack)
	if err != nil {
		return err
	}
	if _, err := transfer.Upload(p.ctx, p.host, pack, to, transfer.UploadOptions{Mode: 0o600}); err != nil {
		return err
	}
	event.Emit(p.ctx, event.Event{Kind: event.Info, Host: p.host.Name(),
		Text: fmt.Sprintf("sent %d objects of %.12s, %d bytes", count, p.Revision, size)})
	return nil
}

// newTemporary makes a folder in the cache folder for the pack to send, and removes folders that
// killed runs left more than a day ago.
func newTemporary(cache string) (string, error) {
	const prefix = "sending-"
	old, err := filepath.Glob(filepath.Join(cache, prefix+"*"))
	for _, folder := range old {
		if info, e := os.Stat(folder); e == nil && time.Since(info.ModTime()) > 24*time.Hour {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(cache, prefix)
}

// measurePack returns the number of objects in a pack (gitformat-pack(5): "PACK", a version and the
// number), and its size.
func measurePack(file string) (count uint32, size int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }() // it was only read
	header := make([]byte, 12)
	if _, err := io.ReadFull(f, header); err != nil {
		return 0, 0, fmt.Errorf("read the pack: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return 0, 0, err
	}
	return binary.BigEndian.Uint32(header[8:]), info.Size(), nil
}

// discardLimit limits how long removing the leftovers of a push may take.
const discardLimit = 30 * time.Second

// discard removes the uploaded file if receive.sh did not run to its end.
func (p push) discard(file string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), discardLimit)
	defer cancel()
	_, err := p.host.Run(ctx, shell.Command{Quiet: true, Argv: []string{"rm", "-f", "--", file}})
	return err
}
