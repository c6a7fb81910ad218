package git_test

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/git"
)

// TestVerify: only ssh signatures of allowed signers count, and nothing that was fetched is left.
func TestVerify(t *testing.T) {
	b := newBench(t)
	signers := filepath.Join(b.dir, "allowed_signers")
	for _, name := range []string{"ada", "mallory"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f",
			filepath.Join(b.dir, name)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	b.write(signers, "ada@example.org "+b.read(b.dir+"/ada.pub"))
	signed := func(key string, args ...string) {
		b.run(append([]string{"-C", b.work, "-c", "gpg.format=ssh", "-c", "user.signingkey=" +
			filepath.Join(b.dir, key)}, args...)...)
	}
	unsigned := b.commit("main", "unsigned")
	commits := map[string]string{}
	for _, key := range []string{"ada", "mallory"} {
		signed(key, "commit", "--quiet", "--allow-empty", "-S", "-m", key)
		commits[key] = b.run("-C", b.work, "rev-parse", "HEAD")
	}
	b.run("-C", b.work, "push", "--quiet", "origin", "main")
	signed("ada", "tag", "-s", "-m", "v1", "v1", unsigned)
	signed("mallory", "tag", "-s", "-m", "v2", "v2", commits["ada"])
	b.run("-C", b.work, "tag", "-a", "-m", "v3", "v3", commits["mallory"])
	// A tag whose own name differs from its ref.
	signed("ada", "tag", "-s", "-m", "v4", "v4", commits["mallory"])
	b.run("-C", b.work, "update-ref", "refs/tags/v5", "refs/tags/v4")
	b.run("-C", b.work, "push", "--quiet", "origin", "v1", "v2", "v3", "v5")
	t.Setenv("TMPDIR", filepath.Join(b.dir, "tmp"))
	b.run("init", "--quiet", os.Getenv("TMPDIR"))

	for _, row := range []struct{ revision, by, want, hint string }{
		{commits["ada"], "commit", "", ""},
		{unsigned, "commit", "is not signed", "commit -S"},
		{commits["mallory"], "commit", "has no signature of an allowed signer", "allowed_signers"},
		{strings.Repeat("1", 40), "commit", "does not contain the commit", "pushed"},
		{unsigned, "tag", "", ""},
		{commits["ada"], "tag", "has no signature of an allowed signer: v2: ", "tag -s"},
		{commits["mallory"], "tag", "has no signature of an allowed signer: v3: ", "tag -s"},
		{b.run("-C", b.work, "rev-parse", "main~3"), "tag", "no annotated tag points at", "tag -s"},
		{unsigned, "branch", "want commit or tag", ""},
	} {
		said, err := b.git.Verify(b.ctx, b.host,
			git.VerifyOptions{Repo: b.repo, Revision: row.revision, Branch: "main", By: row.by, Signers: signers})
		if row.want != "" {
			b.fails(err, row.want, row.hint)
		} else if err != nil || !strings.Contains(said, "signature for ada@example.org") {
			t.Errorf("%+v: %q, %v", row, said, err)
		}
	}
	_, err := b.git.Verify(b.ctx, b.host, git.VerifyOptions{Repo: b.repo, Revision: unsigned, By: "tag",
		Signers: b.dir + "/nonesuch"})
	b.fails(err, "cannot read the allowed signers", "ssh-ed25519")
	// A server that sends too much is cut off.
	noise := make([]byte, 4<<20)
	_, _ = rand.Read(noise) // it never fails
	b.write(b.work+"/big", string(noise))
	big := b.commit("main", "big")
	for _, by := range []string{"commit", "tag"} {
		b.run("-C", b.work, "tag", "-a", "-m", "big", "big-"+by, big)
		b.run("-C", b.work, "push", "--quiet", "origin", "big-"+by)
		_, err = b.git.Verify(b.ctx, b.host, git.VerifyOptions{Repo: "file://" + b.repo, Revision: big, By: by,
			Signers: signers, Max: 1 << 20})
		b.fails(err, "larger than the limit for a signature", "verify")
	}
	if left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "tmp.*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
