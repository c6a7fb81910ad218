package ssh

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
)

// TestLoginTexts refuses logins on real sshd. The error names the cause, and its hint names the
// fix.
func TestLoginTexts(t *testing.T) {
	dir := t.TempDir()
	banner, plain, legacy, ppk := filepath.Join(dir, "banner"), filepath.Join(dir, "plain"),
		filepath.Join(dir, "legacy"), filepath.Join(dir, "id.ppk")
	must(t, os.WriteFile(banner, []byte("Maintenance\x1b[2J until\nnoon\n"), 0o600))
	sshtest.NewKey(t, plain)
	locked := filepath.Join(dir, "locked")
	lockedKeyFile(t, locked, "open sesame")
	sshtest.Keygen(t, "-q", "-t", "rsa", "-m", "PEM", "-a", "1", "-N", "open sesame", "-f", legacy)
	must(t, os.Remove(legacy+".pub"))
	pkcs8 := filepath.Join(dir, "pkcs8")
	sshtest.Keygen(t, "-q", "-t", "ecdsa", "-m", "PKCS8", "-N", "open sesame", "-f", pkcs8)
	must(t, os.WriteFile(ppk, []byte("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n"), 0o600))
	for name, test := range map[string]struct {
		server     []string
		identities []string // the key that may log in if nil
		want, hint string
		not        string // in neither
	}{
		"a second factor": {[]string{"AuthenticationMethods publickey,password", "PasswordAuthentication yes"}, nil,
			"it accepted KEY, and wants a password, too", "run from a terminal, where it can be asked for; or exempt",
			"refused"},
		"a second key": {[]string{"AuthenticationMethods publickey,publickey"}, nil,
			"it accepted KEY, and wants another key, too", "name both keys", "refused"},
		"a banner": {[]string{"Banner " + banner}, []string{plain}, "it refused " + plain,
			"authorized_keys", "\x1b"},
		"a banner's text": {[]string{"Banner " + banner}, []string{plain},
			"; its banner: Maintenance[2J until noon", "", ""},
		"an encrypted key": {nil, []string{locked}, "no key was offered (not offered: " + locked +
			": it is encrypted, and there is no terminal", "put " + locked + " into an agent (ssh-add)",
			"authorized_keys"},
		"encrypted, in PEM": {nil, []string{legacy}, legacy + ": it is encrypted, and there is no terminal",
			"into an agent (ssh-add)", "authorized_keys"},
		"PKCS#8": {nil, []string{pkcs8}, pkcs8 + ": it is encrypted in the format PKCS#8",
			"ssh-keygen -p -f " + pkcs8 + " writes it", "authorized_keys"},
		"PuTTY's": {nil, []string{ppk}, ppk + ": it is in PuTTY's format", "puttygen " + ppk +
			" -O private-openssh -o " + dir + "/id.key", "authorized_keys"},
		"the public half": {nil, []string{plain + ".pub"}, plain + ".pub: it is a public key",
			"name the private key, without .pub", "authorized_keys"},
		"one refused, one locked": {nil, []string{plain, locked}, "it refused " + plain, "put " + locked +
			" into an agent (ssh-add), or run from a terminal; or add the public key to ~/.ssh/authorized_keys", ""},
		"unsafe algorithms alone": {[]string{"KexAlgorithms diffie-hellman-group1-sha1"}, nil,
			"no common algorithm for the key exchange: it has diffie-hellman-group1-sha1; " +
				"runbook offers mlkem768x25519-sha256",
			"upgrade the host's sshd; until then, in ssh_config for this host alone: " +
				"KexAlgorithms +diffie-hellman-group1-sha1", "is it an SSH server"},
		"unknown algorithms": {[]string{"Ciphers aes128-ctr", "MACs umac-128@openssh.com"}, nil,
			"no common algorithm for the MAC: it has umac-128@openssh.com; " +
				"runbook offers hmac-sha2-256-etm@openssh.com",
			"allow one of runbook's in the host's sshd_config", "is it an SSH server"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sshtest.Start(t, test.server...)
			target := s.Target(t)
			if test.identities != nil {
				target.Identities = test.identities
			}
			err := dial(t.Context(), t, newDialer(t, Options{}), target)
			if err == nil {
				t.Fatal("it logged in")
			}
			public, _, _, _, parseErr := gossh.ParseAuthorizedKey(must1(os.ReadFile(s.Key + ".pub")))
			must(t, parseErr)
			want := strings.ReplaceAll(test.want, "KEY", s.Key+" ("+gossh.FingerprintSHA256(public)+")")
			text, hint := err.Error(), event.Hint(err)
			if !strings.Contains(text, want) || !strings.Contains(hint, test.hint) || test.not != "" &&
				strings.Contains(text+hint, test.not) {
				t.Errorf("got  %s\nhint %s\nwant %s, hint %s, not %q", text, hint, want, test.hint, test.not)
			}
		})
	}
}

// TestTwoKeys logs in where sshd wants two keys.
func TestTwoKeys(t *testing.T) {
	s := sshtest.Start(t, "AuthenticationMethods publickey,publickey")
	other := filepath.Join(t.TempDir(), "other")
	public := sshtest.NewKey(t, other)
	lines := must1(os.ReadFile(s.Key + ".pub"))
	must(t, os.WriteFile(filepath.Join(s.Dir, "authorized"), append(lines, []byte(public+"\n")...), 0o600))
	target := s.Target(t)
	target.Identities = []string{other, s.Key}
	must(t, dial(t.Context(), t, newDialer(t, Options{}), target))
}

// TestBannerIsShown shows the banner of servers that admit the login, once.
func TestBannerIsShown(t *testing.T) {
	banner := filepath.Join(t.TempDir(), "banner")
	must(t, os.WriteFile(banner, []byte("maintenance until noon\n"), 0o600))
	target := sshtest.Start(t, "Banner "+banner).Target(t)
	ctx, rec := sshtest.Recording(t)
	d := newDialer(t, Options{})
	for range 2 {
		must(t, dial(ctx, t, d, target))
	}
	var shown []string
	for _, e := range rec.Events {
		if e.Kind == event.Info {
			shown = append(shown, e.Text)
		}
	}
	if want := "banner of " + address(target) + ": maintenance until noon"; len(shown) != 1 || shown[0] != want {
		t.Errorf("got %q, want %q", shown, want)
	}
}

// TestNullKnownHosts reads known_hosts from /dev/null, as ssh_config files for labs do: nothing is
// known, and nothing can be added there.
func TestNullKnownHosts(t *testing.T) {
	target := sshtest.Start(t).Target(t)
	target.KnownHosts = []string{"/dev/null", "/etc/ssh/ssh_known_hosts"}
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	hint := event.Hint(err)
	if err == nil || !strings.HasPrefix(hint, "the known_hosts file of this host is /dev/null, ") ||
		strings.Contains(hint, ">>") ||
		!strings.Contains(hint, "--known-hosts") ||
		!strings.Contains(hint, `host_key in the hosts file: "ssh-ed25519 `) {
		t.Errorf("%v, hint %q", err, hint)
	}
}

// TestConvertedKeys follows the hints for keys that runbook can't read, with the programs that they
// name.
func TestConvertedKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pkcs8")
	sshtest.Keygen(t, "-q", "-t", "ecdsa", "-m", "PKCS8", "-N", "open sesame", "-f", path)
	if out, err := exec.Command("ssh-keygen", "-p", "-f", path, "-P", "open sesame", "-N",
		"").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := ParseKey(path, must1(os.ReadFile(path))); err != nil {
		t.Error(err)
	}
}
