package inventory

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

// algorithmLists holds the directives that list algorithms, with the query of `ssh -Q` for all of
// them.
var algorithmLists = map[string]string{
	"kexalgorithms": "kex", "ciphers": "cipher", "macs": "mac", "hostkeyalgorithms": "HostKeyAlgorithms",
	"pubkeyacceptedalgorithms": "PubkeyAcceptedAlgorithms", "casignaturealgorithms": "sig",
}

// sshLists returns the lists that ssh -G reads from a config file; nil if it rejects the file.
func sshLists(t *testing.T, file string) map[string][]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ssh", "-G", "-T", "-F", file, "web1").Output()
	if err != nil {
		return nil
	}
	lists := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if algorithmLists[key] != "" && value != "" {
			lists[key] = strings.Split(value, ",")
		}
	}
	return lists
}

// TestAlgorithmsLikeOpenSSH compares the lists with ssh -G. The syntax is compared name by name,
// with OpenSSH's own algorithms. The ssh library's algorithms must never allow more than ssh does.
func TestAlgorithmsLikeOpenSSH(t *testing.T) {
	dir := t.TempDir()
	defaults := sshLists(t, "none")
	rng := rand.New(rand.NewPCG(3, 4)) // the same ones each time
	for key, query := range algorithmLists {
		out, err := exec.Command("ssh", "-Q", query).Output()
		if err != nil || len(defaults[key]) == 0 {
			t.Fatalf("ssh -Q %s: %v; the default is %v", query, err, defaults[key])
		}
		possible := strings.Fields(string(out))
		some := func() string {
			var names []string
			for range 1 + rng.IntN(3) {
				names = append(names, possible[rng.IntN(len(possible))])
			}
			return strings.Join(names, ",")
		}
		cut := func(list string) string { return list[:len(list)/2] + "*" }
		lists := []string{"+", "-", "^", "-*", "+*", "*", "-!" + possible[0] + ",*", "!" + possible[0],
			"-*-cbc,*sha1*,*ssh-rsa*", "*256*", "+*512*", "^*nistp*", "a,,b", ",", "-" + possible[0] + ",", "sntrup*",
			"SSH-RSA"}
		for _, sign := range []string{"", "+", "-", "^"} {
			for range 2 {
				list := some()
				lists = append(lists, sign+list, sign+list+","+possible[0], sign+cut(list))
			}
		}
		var s Security
		directives := s.directives()
		kind := directives[slices.IndexFunc(directives, func(d algorithmDirective) bool { return d.key == key })]
		for _, list := range lists {
			file := filepath.Join(dir, "config")
			if err := os.WriteFile(file, []byte("Host *\n"+key+" "+list+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			said := sshLists(t, file)
			got, err := parseAlgorithms(list, defaults[key], possible, kind.patterns)
			if len(said[key]) == 0 { // ssh refuses the list, or the list is empty
				if err == nil && len(got) > 0 {
					t.Errorf("%s %s: ssh refuses it, we say %v", key, list, got)
				}
				continue
			}
			if err != nil || !slices.Equal(got, said[key]) {
				t.Errorf("%s %s:\nssh says %v\n  we say %v, %v", key, list, said[key], got, err)
			}
			// With the library's algorithms: no name that ssh supports but excludes here.
			ours, err := parseAlgorithms(list, kind.offered, kind.possible, kind.patterns)
			if err != nil {
				t.Errorf("%s %s: %v", key, list, err)
			}
			for _, name := range ours {
				without := slices.Contains(kind.offered, name) && !slices.Contains(defaults[key], name) &&
					strings.ContainsAny(list[:1], "+^")
				if slices.Contains(possible, name) && !slices.Contains(said[key], name) && !without {
					t.Errorf("%s %s: %s is not among %v", key, list, name, said[key])
				}
			}
		}
	}
}

// TestHostKeyOrder checks that a host with several keys shows the one that ssh would show.
func TestHostKeyOrder(t *testing.T) {
	kinds := func(names []string) (found []string) {
		for _, name := range names {
			if strings.Contains(name, "@") { // for certificates, and for hardware keys
				continue
			}
			if strings.HasPrefix(name, "rsa-") {
				name = "rsa" // ssh prefers the longer hash
			}
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		return found
	}
	ours, theirs := kinds(HostKeyAlgorithms()), kinds(sshLists(t, "none")["hostkeyalgorithms"])
	if len(theirs) == 0 || !slices.Equal(ours, theirs) {
		t.Errorf("ours %v, those of ssh %v", ours, theirs)
	}
}

func TestSecurity(t *testing.T) {
	for config, want := range map[string]string{
		"": "{}",
		"Ciphers aes256-ctr,aes128-gcm@openssh.com,aes256-cbc": "ciphers aes256-ctr,aes128-gcm@openssh.com",
		"Ciphers ^aes256-ctr\nCiphers aes128-ctr": "ciphers aes256-ctr,aes128-gcm@openssh.com," +
			"aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr",
		"Ciphers -aes*,3des-cbc": "ciphers chacha20-poly1305@openssh.com",
		"Ciphers +aes128-cbc": "ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com," +
			"chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-cbc",
		"MACs -*sha1*": "macs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256," +
			"hmac-sha2-512",
		"KexAlgorithms curve25519-sha256": "kexalgorithms curve25519-sha256",
		"HostKeyAlgorithms *ed25519*": "hostkeyalgorithms ssh-ed25519-cert-v01@openssh.com," +
			"ssh-ed25519",
		"PubkeyAcceptedKeyTypes rsa-sha2-256,ssh-rsa": "pubkeyacceptedalgorithms rsa-sha2-256,ssh-rsa",
		"PubkeyAcceptedAlgorithms ssh-ed25519\n" +
			"PubkeyAcceptedKeyTypes ssh-rsa": "pubkeyacceptedalgorithms ssh-ed25519",
		"CASignatureAlgorithms ssh-ed25519":              "casignaturealgorithms ssh-ed25519",
		"RequiredRSASize 3072":                           "bits 3072",
		"PubkeyAuthentication no":                        "methods keyboard-interactive,password",
		"PubkeyAuthentication unbound":                   "{}",
		"PubkeyAuthentication host-bound":                "{}",
		"DSAAuthentication no\nPubkeyAuthentication yes": "methods keyboard-interactive,password",
		"PasswordAuthentication no":                      "methods publickey,keyboard-interactive",
		"ChallengeResponseAuthentication no\n" +
			"KbdInteractiveAuthentication yes": "methods publickey,password",
		"PreferredAuthentications gssapi-with-mic,password,publickey,password": "methods password,publickey",
		"PreferredAuthentications publickey,keyboard-interactive,password":     "{}",
		"PreferredAuthentications password,publickey\n" +
			"PasswordAuthentication no": "methods publickey",
		"Host other\nCiphers aes256-ctr\nPubkeyAuthentication no": "{}",
	} {
		dir := files(t, map[string]string{".ssh/config": config + "\n"})
		h := one(t, Options{Hosts: []string{"web1"}, Dir: dir})
		var got []string
		for _, kind := range h.Security.directives() {
			if len(kind.into.Names) > 0 {
				got = append(got, kind.key+" "+strings.Join(kind.into.Names, ","))
				if !strings.HasPrefix(kind.into.From, ".ssh/config:1: ") {
					t.Errorf("%s: from %s", config, kind.into.From)
				}
			}
		}
		if h.Security.RSABits > 0 {
			got = append(got, fmt.Sprint("bits ", h.Security.RSABits))
		}
		if h.Security.Methods != nil {
			got = append(got, "methods "+strings.Join(h.Security.Methods, ","))
		}
		if said := strings.Join(got, " "); said != want && (said != "" || want != "{}") {
			t.Errorf("%q:\n got %s\nwant %s", config, said, want)
		}
	}
	// A bastion has its own settings.
	dir := files(t, map[string]string{
		".ssh/config": "Host web1\n ProxyJump bastion\nHost bastion\n Ciphers aes256-ctr\n"})
	if h := one(t, Options{Hosts: []string{"web1"}, Dir: dir}); len(h.Security.Ciphers.Names) > 0 ||
		!slices.Equal(h.Via.Security.Ciphers.Names, []string{"aes256-ctr"}) {
		t.Errorf("%+v", h)
	}
}

// TestSecurityRefused expects an unsupported setting to be an error before any host is contacted.
func TestSecurityRefused(t *testing.T) {
	for config, want := range map[string]string{
		"KexAlgorithms sntrup761x25519-sha512@openssh.com": "1: KexAlgorithms: no supported algorithm is left",
		"HostKeyAlgorithms ssh-dss":                        "1: HostKeyAlgorithms: no supported algorithm is left",
		"Ciphers aes256-cbc,aes192-cbc":                    "1: Ciphers: no supported algorithm is left",
		"MACs umac-128@openssh.com":                        "1: MACs: no supported algorithm is left",
		"MACs -*":                                          "1: MACs: no supported algorithm is left",
		"PubkeyAcceptedKeyTypes ssh-dss":                   "1: PubkeyAcceptedKeyTypes: no supported algorithm is left",
		"CASignatureAlgorithms x":                          "1: CASignatureAlgorithms: no supported algorithm is left",
		"Ciphers a b":                                      "1: Ciphers: want one value, got 2",
		"Ciphers aes*": "1: Ciphers: \"aes*\": " +
			"a pattern is allowed only in a list after a minus",
		"HostKeyAlgorithms !ssh-rsa": "1: HostKeyAlgorithms: want names separated by commas, " +
			"got \"!ssh-rsa\"",
		"RequiredRSASize big":                "1: RequiredRSASize: want a number of bits, got \"big\"",
		"RequiredRSASize -1":                 "1: RequiredRSASize: want a number of bits",
		"PubkeyAuthentication maybe":         "1: PubkeyAuthentication: want yes or no",
		"PasswordAuthentication unbound":     "1: PasswordAuthentication: want yes or no",
		"PreferredAuthentications hostbased": "1: PreferredAuthentications: no authentication method is left",
		"PubkeyAuthentication no\nKbdInteractiveAuthentication no\n" +
			"PasswordAuthentication no": ": no authentication method is left",
		"PreferredAuthentications publickey\nPubkeyAuthentication no": "1: PreferredAuthentications: " +
			"no authentication method is left",
	} {
		dir := files(t, map[string]string{".ssh/config": config + "\n"})
		_, err := Load(t.Context(), event.NewStream(), Options{Hosts: []string{"web1"}, Dir: dir}, "")
		if err == nil || !strings.Contains(err.Error(), "host web1: .ssh/config:") ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", config, err)
		}
		if strings.Contains(want, "no supported") != strings.Contains(event.Hint(err), sshconfig.UseOtherConfig) &&
			!strings.Contains(want, "method") {
			t.Errorf("%q: hint %q", config, event.Hint(err))
		}
	}
}

func FuzzAlgorithms(f *testing.F) {
	for _, s := range []string{"a,b", "+c", "-a*", "^b,c", "-!a,*", "", "+", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, list string) {
		offered, possible := []string{"a1", "b", "c"}, []string{"c", "b", "a1", "a2", "d"}
		names, err := parseAlgorithms(list, offered, possible, true)
		if err != nil && names != nil {
			t.Errorf("%v beside %v", names, err)
		}
		for i, name := range names {
			if !slices.Contains(possible, name) || slices.Index(names, name) != i {
				t.Errorf("%q: %v", list, names)
			}
		}
		if strings.HasPrefix(list, "-") && (err != nil || len(names) > len(offered)) {
			t.Errorf("%q: %v, %v", list, names, err)
		}
	})
}
