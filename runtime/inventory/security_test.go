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
	"unicode"

	"runbook/runtime/event"
)

// algorithmLists are the directives that list algorithms, with what `ssh -Q` calls all that it can do.
var algorithmLists = map[string]string{
	"kexalgorithms": "kex", "ciphers": "cipher", "macs": "mac", "hostkeyalgorithms": "HostKeyAlgorithms",
	"pubkeyacceptedalgorithms": "PubkeyAcceptedAlgorithms", "casignaturealgorithms": "sig",
}

// sshLists is what ssh -G says about the lists, with a config file; nil when it refuses that.
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

// TestAlgorithmsLikeOpenSSH holds the lists against ssh -G: the syntax with what that has, name by name; and what the ssh
// library makes of them, which must never be more than ssh allows of what was not said.
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
		lists := []string{"+", "-", "^", "-*", "+*", "*", "-!" + possible[0] + ",*", "!" + possible[0], "-*-cbc,*sha1*,*ssh-rsa*", "*256*", "+*512*", "^*nistp*", "a,,b", ",", "-" + possible[0] + ",", "sntrup*", "SSH-RSA"}
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
			got, err := assemble(list, defaults[key], possible, kind.patterns)
			if len(said[key]) == 0 { // it refuses that, or has nothing to connect with
				if err == nil && len(got) > 0 {
					t.Errorf("%s %s: ssh refuses it, we say %v", key, list, got)
				}
				continue
			}
			if err != nil || !slices.Equal(got, said[key]) {
				t.Errorf("%s %s:\nssh says %v\n  we say %v, %v", key, list, said[key], got, err)
			}
			// What there is in the library: no name that ssh can do, too, and leaves out here.
			ours, err := assemble(list, kind.offered, kind.possible, kind.patterns)
			if err != nil {
				t.Errorf("%s %s: %v", key, list, err)
			}
			for _, name := range ours {
				without := slices.Contains(kind.offered, name) && !slices.Contains(defaults[key], name) && strings.ContainsAny(list[:1], "+^")
				if slices.Contains(possible, name) && !slices.Contains(said[key], name) && !without {
					t.Errorf("%s %s: %s is not among %v", key, list, name, said[key])
				}
			}
		}
	}
}

func TestSecurity(t *testing.T) {
	for config, want := range map[string]string{
		"": "{}",
		"Ciphers aes256-ctr,aes128-gcm@openssh.com,aes256-cbc":                   "ciphers aes256-ctr,aes128-gcm@openssh.com",
		"Ciphers ^aes256-ctr\nCiphers aes128-ctr":                                "ciphers aes256-ctr,aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr",
		"Ciphers -aes*,3des-cbc":                                                 "ciphers chacha20-poly1305@openssh.com",
		"Ciphers +aes128-cbc":                                                    "ciphers aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes192-ctr,aes256-ctr,aes128-cbc",
		"MACs -*sha1*":                                                           "macs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256,hmac-sha2-512",
		"KexAlgorithms curve25519-sha256":                                        "kexalgorithms curve25519-sha256",
		"HostKeyAlgorithms *ed25519*":                                            "hostkeyalgorithms ssh-ed25519-cert-v01@openssh.com,ssh-ed25519",
		"PubkeyAcceptedKeyTypes rsa-sha2-256,ssh-rsa":                            "pubkeyacceptedalgorithms rsa-sha2-256,ssh-rsa",
		"PubkeyAcceptedAlgorithms ssh-ed25519\nPubkeyAcceptedKeyTypes ssh-rsa":   "pubkeyacceptedalgorithms ssh-ed25519",
		"CASignatureAlgorithms ssh-ed25519":                                      "casignaturealgorithms ssh-ed25519",
		"RequiredRSASize 3072":                                                   "bits 3072",
		"PubkeyAuthentication no":                                                "methods keyboard-interactive,password",
		"PubkeyAuthentication unbound":                                           "{}",
		"PubkeyAuthentication host-bound":                                        "{}",
		"DSAAuthentication no\nPubkeyAuthentication yes":                         "methods keyboard-interactive,password",
		"PasswordAuthentication no":                                              "methods publickey,keyboard-interactive",
		"ChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes":   "methods publickey,password",
		"PreferredAuthentications gssapi-with-mic,password,publickey,password":   "methods password,publickey",
		"PreferredAuthentications publickey,keyboard-interactive,password":       "{}",
		"PreferredAuthentications password,publickey\nPasswordAuthentication no": "methods publickey",
		"Host other\nCiphers aes256-ctr\nPubkeyAuthentication no":                "{}",
	} {
		dir := files(t, map[string]string{".ssh/config": config + "\n"})
		h := one(t, Options{Hosts: "web1", Dir: dir})
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
	// A bastion has what is said about it.
	dir := files(t, map[string]string{".ssh/config": "Host web1\n ProxyJump bastion\nHost bastion\n Ciphers aes256-ctr\n"})
	if h := one(t, Options{Hosts: "web1", Dir: dir}); len(h.Security.Ciphers.Names) > 0 || !slices.Equal(h.Via.Security.Ciphers.Names, []string{"aes256-ctr"}) {
		t.Errorf("%+v", h)
	}
}

// What can't be honoured is refused before any host is contacted.
func TestSecurityRefused(t *testing.T) {
	for config, want := range map[string]string{
		"KexAlgorithms sntrup761x25519-sha512@openssh.com": "1: KexAlgorithms: runbook can do none of the algorithms that it leaves",
		"HostKeyAlgorithms ssh-dss":                        "1: HostKeyAlgorithms: runbook can do none",
		"Ciphers aes256-cbc,aes192-cbc":                    "1: Ciphers: runbook can do none",
		"MACs umac-128@openssh.com":                        "1: MACs: runbook can do none",
		"MACs -*":                                          "1: MACs: runbook can do none",
		"PubkeyAcceptedKeyTypes ssh-dss":                   "1: PubkeyAcceptedKeyTypes: runbook can do none",
		"CASignatureAlgorithms x":                          "1: CASignatureAlgorithms: runbook can do none",
		"Ciphers a b":                                      "1: Ciphers: want one value, got 2",
		"Ciphers aes*":                                     "1: Ciphers: \"aes*\": a pattern may only be taken away",
		"HostKeyAlgorithms !ssh-rsa":                       "1: HostKeyAlgorithms: want names with commas between them, got \"!ssh-rsa\"",
		"RequiredRSASize big":                              "1: RequiredRSASize: want a number of bits, got \"big\"",
		"RequiredRSASize -1":                               "1: RequiredRSASize: want a number of bits",
		"PubkeyAuthentication maybe":                       "1: PubkeyAuthentication: want yes or no",
		"PasswordAuthentication unbound":                   "1: PasswordAuthentication: want yes or no",
		"PreferredAuthentications hostbased":               "1: PreferredAuthentications: no method to log in is left",
		"PubkeyAuthentication no\nKbdInteractiveAuthentication no\nPasswordAuthentication no": ": no method to log in is left",
		"PreferredAuthentications publickey\nPubkeyAuthentication no":                         "1: PreferredAuthentications: no method to log in is left",
	} {
		dir := files(t, map[string]string{".ssh/config": config + "\n"})
		_, err := Load(t.Context(), Options{Hosts: "web1", Dir: dir}, "")
		if err == nil || !strings.Contains(err.Error(), "host web1: .ssh/config:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", config, err)
		}
		if strings.Contains(want, "none") != strings.Contains(event.Hint(err), wayOut) && !strings.Contains(want, "method") {
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
		names, err := assemble(list, offered, possible, true)
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

// What the trust model says of ssh_config is what this package does.
func TestTrustModelNamesDirectives(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "## ssh_config")
	section, _, _ = strings.Cut(section, "\n## ")
	_, used, _ := strings.Cut(section, "- Used:")
	used, refused, _ := strings.Cut(used, "- Refused by name")
	refused, _, _ = strings.Cut(refused, "- Ignored:")
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	}
	for _, name := range applied() {
		if !slices.Contains(words(used), name) {
			t.Errorf("it does not say that %s is used", name)
		}
	}
	_, refused, _ = strings.Cut(refused, ":")
	refused, _, _ = strings.Cut(refused, ";")
	if len(words(refused)) == 0 {
		t.Error("it does not say what is refused")
	}
	for _, name := range words(refused) {
		if _, ok := unsupported(strings.ToLower(name)); !ok {
			t.Errorf("it says that %s is refused", name)
		}
	}
}
