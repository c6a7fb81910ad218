package ssh

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/internal/sshtest"
)

// privateKey creates a key with ssh-keygen and reads it.
func privateKey(t *testing.T, kind string) gossh.AlgorithmSigner {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	sshtest.Keygen(t, "-q", "-t", kind, "-N", "", "-f", path)
	pem, err := os.ReadFile(path)
	must(t, err)
	s, err := gossh.ParsePrivateKey(pem)
	must(t, err)
	return s.(gossh.AlgorithmSigner)
}

func TestKnownCheck(t *testing.T) {
	server, authority, other := privateKey(t, "ed25519"), privateKey(t, "ed25519"), privateKey(t, "ed25519")
	rsa := privateKey(t, "rsa")
	certify := func(by gossh.Signer, kind uint32, name string, until time.Duration) *gossh.Certificate {
		t.Helper()
		c := &gossh.Certificate{Key: server.PublicKey(), CertType: kind, ValidPrincipals: []string{name},
			ValidBefore: uint64(time.Now().Add(until).Unix())}
		must(t, c.SignCert(rand.Reader, by))
		return c
	}
	good := certify(authority, gossh.HostCert, "git", time.Hour)
	sha1, err := gossh.NewSignerWithAlgorithms(rsa, []string{gossh.KeyAlgoRSA})
	must(t, err)
	known := func(markers ...string) Known {
		t.Helper()
		keys := map[string]gossh.PublicKey{"server": server.PublicKey(), "authority": authority.PublicKey(),
			"rsa": rsa.PublicKey(), "other": other.PublicKey()}
		var lines []string
		for _, m := range markers {
			marker, name, _ := strings.Cut(m, " ")
			lines = append(lines, strings.TrimSpace(strings.TrimPrefix(marker,
				"-")+" git "+string(gossh.MarshalAuthorizedKey(keys[name]))))
		}
		file := filepath.Join(t.TempDir(), "known_hosts")
		must(t, os.WriteFile(file, []byte("# mine\n\nnonsense\n"+strings.Join(lines, "\n")+"\n"), 0o600))
		k, err := KnownServer([]string{file}, "git")
		must(t, err)
		return k
	}
	for name, test := range map[string]struct {
		known Known
		key   gossh.PublicKey
		want  string // part of the error, "" for none
	}{
		"its key":                      {known("- server"), server.PublicKey(), ""},
		"another":                      {known("- other"), server.PublicKey(), ErrNotKnown.Error()},
		"nothing known":                {known("@revoked other"), server.PublicKey(), ErrNotKnown.Error()},
		"certified":                    {known("@cert-authority authority"), good, ""},
		"certified, its own key known": {known("- server"), good, ""},
		"the authority itself": {known("@cert-authority authority"), authority.PublicKey(),
			ErrNotKnown.Error()},
		"the authority's key as its own": {known("- authority"), good, ErrNotKnown.Error()},
		"another authority":              {known("@cert-authority other"), good, ErrNotKnown.Error()},
		"another name": {known("@cert-authority authority"),
			certify(authority, gossh.HostCert, "web", time.Hour), "not valid"},
		"a user's certificate": {known("@cert-authority authority"),
			certify(authority, gossh.UserCert, "git", time.Hour), "not valid"},
		"expired": {known("@cert-authority authority"),
			certify(authority, gossh.HostCert, "git", -time.Hour), "expired"},
		"signed with SHA-1": {known("@cert-authority rsa"),
			certify(sha1, gossh.HostCert, "git", time.Hour), "SHA-1"},
		"signed with SHA-2": {known("@cert-authority rsa"), certify(rsa, gossh.HostCert, "git", time.Hour),
			""},
		"revoked": {known("- server", "@revoked server"), server.PublicKey(), "known_hosts:5"},
		"certified, but revoked": {known("@cert-authority authority", "@revoked server"), good,
			"known_hosts:5"},
		"its authority revoked": {known("@cert-authority authority", "@revoked authority"), good,
			"known_hosts:5"},
		"another revoked": {known("- server", "@revoked other"), server.PublicKey(), ""},
	} {
		err := test.known.Check("git", test.key)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
		if errors.Is(err, ErrNotKnown) != (test.want == ErrNotKnown.Error()) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The output of Lines is parsed to the same keys.
	all := known("- server", "@cert-authority authority", "@revoked other")
	file := filepath.Join(t.TempDir(), "reread")
	must(t, os.WriteFile(file, []byte(strings.Join(all.Lines("alias"), "\n")+"\n"), 0o600))
	reread, err := KnownServer([]string{file}, "alias")
	if err != nil || len(reread.Keys) != 1 || len(reread.Authorities) != 1 || len(reread.Revoked) != 1 ||
		!sameKey(reread.Keys[0], server.PublicKey()) || !sameKey(reread.Authorities[0], authority.PublicKey()) ||
		!sameKey(reread.Revoked[0].Key, other.PublicKey()) {
		t.Errorf("%+v, %v", reread, err)
	}
	if k, err := all.Usable("git"); err != nil || len(k.Keys) != 1 || len(k.Authorities) != 1 {
		t.Errorf("%+v, %v", k, err)
	}
	if k, err := known("- server", "- other", "@revoked other").Usable("git"); err != nil || len(k.Keys) != 1 ||
		!sameKey(k.Keys[0], server.PublicKey()) {
		t.Errorf("%+v, %v", k, err)
	}
	if _, err := known("- other", "@revoked other").Usable("git"); err == nil ||
		!strings.Contains(err.Error(), "known_hosts:5") {
		t.Errorf("all revoked: %v", err)
	}
}

// A host certificate signed with SHA-1 is refused too.
func TestHostCertificateSHA1(t *testing.T) {
	dir := t.TempDir()
	sshtest.Keygen(t, "-q", "-t", "rsa", "-N", "", "-f", filepath.Join(dir, "ca"))
	sshtest.Keygen(t, "-q", "-t", "ecdsa", "-N", "", "-f", filepath.Join(dir, "host"))
	ca, err := os.ReadFile(filepath.Join(dir, "ca.pub"))
	must(t, err)
	for algorithm, want := range map[string]string{"rsa-sha2-512": "", "ssh-rsa": "SHA-1"} {
		sshtest.Keygen(t, "-q", "-s", filepath.Join(dir, "ca"), "-t", algorithm, "-I", "web1", "-h", "-n", "127.0.0.1",
			filepath.Join(dir, "host.pub"))
		s := sshtest.Start(t, "HostKey "+dir+"/host", "HostCertificate "+dir+"/host-cert.pub")
		target := s.Target(t)
		must(t, os.WriteFile(target.KnownHosts[0], []byte("@cert-authority * "+string(ca)), 0o600))
		err := dial(t.Context(), t, newDialer(t, Options{}), target)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}
