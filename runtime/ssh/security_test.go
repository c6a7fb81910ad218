package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
)

// configured returns the inventory's host for the server with these lines in ssh_config.
func configured(t *testing.T, s *sshtest.Server, lines ...string) inventory.Host {
	t.Helper()
	target := s.Target(t)
	file := filepath.Join(t.TempDir(), "config")
	lines = append([]string{"Host web1"}, append(lines, "HostName 127.0.0.1", fmt.Sprint("Port ", s.Port),
		"User "+target.User, "IdentityFile "+s.Key,
		"UserKnownHostsFile "+target.KnownHosts[0], "GlobalKnownHostsFile none")...)
	if !strings.Contains(strings.Join(lines, "\n"), "IdentityAgent") {
		lines = append(lines, "IdentityAgent none")
	}
	must(t, os.WriteFile(file, []byte(strings.Join(lines, "\n ")+"\n"), 0o600))
	hosts, err := inventory.Load(t.Context(), event.NewStream(),
		inventory.Options{Hosts: []string{"web1"}, SSHConfig: file}, "")
	must(t, err)
	return hosts[0]
}

// The two sides agree on what ssh_config allows, or there is no connection.
func TestSSHConfigRestricts(t *testing.T) {
	rsa := filepath.Join(t.TempDir(), "rsa")
	sshtest.Keygen(t, "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", rsa)
	public, err := os.ReadFile(rsa + ".pub")
	must(t, err)
	withRSA := func(t *testing.T, lines ...string) *sshtest.Server { // a host with two host keys and two login keys
		t.Helper()
		s := sshtest.Start(t, append([]string{"HostKey " + rsa}, lines...)...)
		must(t, os.WriteFile(filepath.Join(s.Dir, "authorized"), append(public, must1(os.ReadFile(s.Key+".pub"))...),
			0o600))
		return s
	}
	for name, test := range map[string]struct {
		server, client []string
		log            string // what the server logs
		want           string // or a part of the error
	}{
		"key exchange": {nil, []string{"KexAlgorithms ecdh-sha2-nistp384"},
			"kex: algorithm: ecdh-sha2-nistp384", ""},
		"without one key exchange": {[]string{"KexAlgorithms curve25519-sha256,ecdh-sha2-nistp521"},
			[]string{"KexAlgorithms -curve*"}, "kex: algorithm: ecdh-sha2-nistp521", ""},
		"cipher and MAC": {nil, []string{"Ciphers aes256-ctr", "MACs hmac-sha2-512"},
			"kex: client->server cipher: aes256-ctr MAC: hmac-sha2-512", ""},
		"a cipher first": {nil, []string{"Ciphers ^aes192-ctr"}, "kex: client->server cipher: aes192-ctr",
			""},
		"SHA-1 is not offered": {[]string{"KexAlgorithms diffie-hellman-group14-sha1"}, nil, "",
			"no common algorithm for the key exchange: it has diffie-hellman-group14-sha1; " +
				"runbook offers mlkem768x25519-sha256, "},
		"SHA-1 is allowed": {[]string{"KexAlgorithms diffie-hellman-group14-sha1"},
			[]string{"KexAlgorithms +diffie-hellman-group14-sha1"}, "kex: algorithm: diffie-hellman-group14-sha1", ""},
		"no key exchange in common": {[]string{"KexAlgorithms curve25519-sha256"},
			[]string{"KexAlgorithms ecdh-sha2-nistp384"}, "",
			"it has curve25519-sha256; runbook offers ecdh-sha2-nistp384, all that "},
		"no cipher in common": {[]string{"Ciphers aes128-ctr"}, []string{"Ciphers aes256-ctr"}, "",
			"no common algorithm for the cipher: it has aes128-ctr; runbook offers aes256-ctr, all that "},
		"no MAC in common": {[]string{"Ciphers aes128-ctr", "MACs hmac-sha2-256"},
			[]string{"MACs hmac-sha2-512"}, "",
			"no common algorithm for the MAC: it has hmac-sha2-256; runbook offers hmac-sha2-512, all that "},
		"host key": {nil, []string{"HostKeyAlgorithms rsa-sha2-256"},
			"kex: host key algorithm: rsa-sha2-256", ""},
		"no host key in common": {nil, []string{"HostKeyAlgorithms ecdsa-sha2-nistp256"}, "",
			"no common algorithm for the host key: it has rsa-sha2-512, rsa-sha2-256, ssh-ed25519; " +
				"runbook offers ecdsa-sha2-nistp256, all that "},
		"only certificates": {nil, []string{"HostKeyAlgorithms *-cert-v01@openssh.com"}, "",
			"config:2: HostKeyAlgorithms allows only certificates"},
		"a short host key": {nil, []string{"HostKeyAlgorithms rsa-sha2-256", "RequiredRSASize 2049"}, "",
			"RequiredRSASize in ssh_config wants 2049"},
		"a long enough host key": {nil, []string{"HostKeyAlgorithms rsa-sha2-256", "RequiredRSASize 2048"},
			"kex: host key algorithm: rsa-sha2-256", ""},
		"public key": {nil, []string{"IdentityFile " + rsa, "PubkeyAcceptedAlgorithms rsa-sha2-256"},
			"pkalg rsa-sha2-256 ", ""},
		"public key by default": {nil, []string{"IdentityFile " + rsa}, "pkalg rsa-sha2-512 ", ""},
		"another public key": {nil, []string{"PubkeyAcceptedKeyTypes rsa-sha2-*"}, "",
			"config:2: PubkeyAcceptedKeyTypes doesn't allow ssh-ed25519"},
		"a certificate only": {nil, []string{"PubkeyAcceptedAlgorithms ssh-ed25519-cert-v01@openssh.com"}, "",
			"PubkeyAcceptedAlgorithms doesn't allow ssh-ed25519"},
		"SHA-1 signatures": {[]string{"PubkeyAcceptedAlgorithms ssh-rsa"},
			[]string{"IdentityFile " + rsa, "PubkeyAcceptedAlgorithms ssh-rsa"}, "pkalg ssh-rsa ", ""},
		"SHA-1 signatures by default": {[]string{"PubkeyAcceptedAlgorithms ssh-rsa"}, []string{"IdentityFile " + rsa},
			"", "does not let"},
		"no public keys": {nil, []string{"PubkeyAuthentication no"}, "",
			"config:2: PubkeyAuthentication leaves only keyboard-interactive, password"},
		"by password only": {nil, []string{"PreferredAuthentications password"}, "",
			"config:2: PreferredAuthentications leaves only password"},
		"unbound is an alias": {nil, []string{"PubkeyAuthentication unbound"}, "pkalg ssh-ed25519 ", ""},
		"a short key is not offered": {nil, []string{"IdentityFile " + rsa, "RequiredRSASize 3072"},
			"pkalg ssh-ed25519 ", ""},
		"a key of the agent": {nil, []string{"AGENT", "PubkeyAcceptedAlgorithms rsa-sha2-256"},
			"pkalg rsa-sha2-256 ", ""},
		"a short key is in the agent": {nil, []string{"AGENT", "RequiredRSASize 3072",
			"PubkeyAcceptedAlgorithms rsa-sha2-*"}, "", "an RSA key of 2048 bits"},
	} {
		t.Run(name, func(t *testing.T) {
			s := withRSA(t, test.server...)
			lines := append([]string{}, test.client...)
			if len(lines) > 0 && lines[0] == "AGENT" {
				lines[0] = "IdentityAgent " + startAgent(t, rsa)
			}
			target := configured(t, s, lines...)
			must(t, os.WriteFile(target.KnownHosts[0],
				[]byte(fmt.Sprintf("[127.0.0.1]:%d %s\n[127.0.0.1]:%[1]d %[3]s", s.Port, s.HostKey, public)), 0o600))
			err := dial(t.Context(), t, newDialer(t, Options{}), target)
			if test.want != "" {
				if err == nil || !strings.Contains(err.Error()+event.Hint(err), test.want) {
					t.Errorf("%v, hint %q", err, event.Hint(err))
				}
				return
			}
			must(t, err)
			if log := string(must1(os.ReadFile(s.Log))); !strings.Contains(log, test.log) {
				t.Errorf("the server did not log %q", test.log)
			}
		})
	}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// ssh_config sets which methods are tried, and in which order.
func TestLoginMethods(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	sshtest.NewKey(t, key)
	var tried []string
	refuse := func(method string) error {
		tried = append(tried, method)
		return errors.New("no")
	}
	for _, test := range []struct {
		methods []string
		want    string
	}{
		{nil, "publickey keyboard-interactive password"},
		{[]string{"password", "publickey"}, "password publickey"},
		{[]string{"keyboard-interactive"}, "keyboard-interactive"},
		{[]string{"password"}, "password"},
	} {
		tried = nil
		target := loginServer(t, &gossh.ServerConfig{MaxAuthTries: -1,
			PublicKeyCallback: func(gossh.ConnMetadata, gossh.PublicKey) (*gossh.Permissions, error) {
				return nil,
					refuse("publickey")
			},
			PasswordCallback: func(gossh.ConnMetadata, []byte) (*gossh.Permissions, error) {
				return nil,
					refuse("password")
			},
			KeyboardInteractiveCallback: func(_ gossh.ConnMetadata,
				ask gossh.KeyboardInteractiveChallenge) (*gossh.Permissions, error) {
				if _, err := ask("", "", []string{"Code: "}, []bool{false}); err != nil {
					return nil, err
				}
				return nil, refuse("keyboard-interactive")
			}})
		target.Identities, target.Security.Methods = []string{key}, test.methods
		answers := 0
		err := dial(t.Context(), t, newDialer(t,
			Options{Prompt: func(context.Context, string, bool) (string, error) { answers++; return "wrong", nil }}),
			target)
		var login *LoginError
		if !errors.As(err, &login) || answers > maxTries {
			t.Errorf("%v after %d answers", err, answers)
		}
		var order []string
		for _, m := range tried {
			if len(order) == 0 || order[len(order)-1] != m {
				order = append(order, m)
			}
		}
		if got := strings.Join(order, " "); !strings.HasPrefix(test.want, got) || test.methods != nil &&
			got != test.want {
			t.Errorf("%v: tried %s, want %s", test.methods, got, test.want)
		}
	}
}

// CASignatureAlgorithms limits how an authority may sign.
func TestAuthorityAlgorithms(t *testing.T) {
	dir := t.TempDir()
	sshtest.Keygen(t, "-q", "-t", "rsa", "-N", "", "-f", filepath.Join(dir, "ca"))
	sshtest.Keygen(t, "-q", "-t", "ecdsa", "-N", "", "-f", filepath.Join(dir, "host"))
	for _, test := range []struct{ by, line, want string }{
		{"rsa-sha2-512", "CASignatureAlgorithms rsa-sha2-512", ""},
		{"rsa-sha2-512", "CASignatureAlgorithms rsa-sha2-256", "config:2: CASignatureAlgorithms doesn't allow"},
		{"ssh-rsa", "CASignatureAlgorithms +ssh-rsa", ""},
	} {
		sshtest.Keygen(t, "-q", "-s", filepath.Join(dir, "ca"), "-t", test.by, "-I", "web1", "-h", "-n", "127.0.0.1",
			filepath.Join(dir, "host.pub"))
		s := sshtest.Start(t, "HostKey "+dir+"/host", "HostCertificate "+dir+"/host-cert.pub")
		target := configured(t, s, test.line)
		must(t, os.WriteFile(target.KnownHosts[0],
			[]byte("@cert-authority * "+string(must1(os.ReadFile(dir+"/ca.pub")))), 0o600))
		err := dial(t.Context(), t, newDialer(t, Options{}), target)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %s: %v", test.by, test.line, err)
		}
	}
}
