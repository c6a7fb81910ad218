package inventory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// Security is what ssh_config says about how a connection is secured and logged in to. The zero value says nothing, so
// the defaults of the ssh library and of this program count.
type Security struct {
	KeyExchanges Algorithms // KexAlgorithms
	Ciphers      Algorithms
	MACs         Algorithms
	HostKeys     Algorithms // HostKeyAlgorithms: by which the host may prove its key
	PublicKeys   Algorithms // PubkeyAcceptedAlgorithms: by which keys may log in, certificates by their own names
	Authorities  Algorithms // CASignatureAlgorithms: by which an authority may have signed the host's certificate
	RSABits      int        // RequiredRSASize: the least size of an RSA key, the host's or one that logs in
	// Methods are those that may be tried to log in, the preferred first: "publickey", "keyboard-interactive", "password".
	// nil for all of them, in this order.
	Methods     []string
	MethodsFrom string // the last directive that left one out: "FILE:LINE: PubkeyAuthentication"
}

// Algorithms are the only ones that may be used, the preferred first. No names are no restriction.
type Algorithms struct {
	Names []string
	From  string // the directive: "FILE:LINE: Ciphers"
}

// Allow says whether an algorithm may be used.
func (a Algorithms) Allow(name string) bool {
	return len(a.Names) == 0 || slices.Contains(a.Names, name)
}

// algorithmDirective is a directive that lists algorithms.
type algorithmDirective struct {
	key      string // in lower case
	into     *Algorithms
	offered  []string // without the directive
	possible []string // all that the ssh library can do
	patterns bool     // names may be patterns in any list, not only behind a minus
}

// directives are those that list algorithms. Offered without one is what the ssh library calls safe, which is less than its own
// default: that has SHA-1 key exchanges and MACs which OpenSSH's has not.
func (s *Security) directives() []algorithmDirective {
	safe, unsafe := gossh.SupportedAlgorithms(), gossh.InsecureAlgorithms()
	return []algorithmDirective{
		// With curve25519-sha256 the library always offers the older name of the same algorithm, which ends in @libssh.org.
		{"kexalgorithms", &s.KeyExchanges, safe.KeyExchanges, slices.Concat(safe.KeyExchanges, unsafe.KeyExchanges), false},
		{"ciphers", &s.Ciphers, safe.Ciphers, slices.Concat(safe.Ciphers, unsafe.Ciphers), false},
		{"macs", &s.MACs, safe.MACs, slices.Concat(safe.MACs, unsafe.MACs), false},
		{"hostkeyalgorithms", &s.HostKeys, safe.HostKeys, slices.Concat(safe.HostKeys, unsafe.HostKeys), true},
		{"pubkeyacceptedalgorithms", &s.PublicKeys, withCertificates(safe.PublicKeyAuths), withCertificates(slices.Concat(safe.PublicKeyAuths, unsafe.PublicKeyAuths)), true},
		{"casignaturealgorithms", &s.Authorities, safe.PublicKeyAuths, slices.Concat(safe.PublicKeyAuths, unsafe.PublicKeyAuths), true},
	}
}

// CertificateAlgorithm is what a signature algorithm is called where a certificate of the key is shown.
func CertificateAlgorithm(algorithm string) string {
	return strings.TrimSuffix(algorithm, "@openssh.com") + "-cert-v01@openssh.com"
}

func withCertificates(algorithms []string) []string {
	var all []string
	for _, a := range algorithms {
		all = append(all, CertificateAlgorithm(a))
	}
	return append(all, algorithms...)
}

// security fills in what the connection may use.
func (v values) security(h *Host) error {
	for _, kind := range h.Security.directives() {
		d, ok := v.first[kind.key]
		if !ok {
			continue
		}
		list, err := d.one()
		if err != nil {
			return err
		}
		names, err := assemble(list, kind.offered, kind.possible, kind.patterns)
		if err != nil {
			return d.errorf("%w", err)
		}
		if len(names) == 0 {
			return event.WithHint(d.errorf("runbook can do none of the algorithms that it leaves"), "it can do "+strings.Join(kind.possible, ", ")+"; "+wayOut)
		}
		*kind.into = Algorithms{Names: names, From: d.at() + ": " + d.name}
	}
	if d, ok := v.first["requiredrsasize"]; ok {
		text, err := d.one()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return d.errorf("want a number of bits, got %q", text)
		}
		h.Security.RSABits = int(n)
	}
	return v.methods(h)
}

// assemble reads a list of algorithms as OpenSSH does: it takes the place of what is offered without it; behind + it is
// appended to that, behind ^ put in front of it, behind - taken away from it. Names that the ssh library doesn't have are left out.
func assemble(list string, offered, possible []string, patterns bool) ([]string, error) {
	sign := byte(0)
	if list != "" && strings.IndexByte("+-^", list[0]) >= 0 {
		sign, list = list[0], list[1:]
	}
	names := strings.Split(list, ",")
	if sign == '-' {
		return slices.DeleteFunc(slices.Clone(offered), func(name string) bool { return matchPatterns(names, name) }), nil
	}
	var out []string
	add := func(names ...string) {
		for _, name := range names {
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	if sign == '+' {
		add(offered...)
	}
	for _, name := range names {
		switch {
		case name == "" || strings.HasPrefix(name, "!"):
			return nil, fmt.Errorf("want names with commas between them, got %q", name)
		case !patterns && strings.ContainsAny(name, "*?"):
			return nil, fmt.Errorf("%q: a pattern may only be taken away, behind a minus", name)
		}
		for _, p := range possible {
			if matchPattern(name, p) {
				add(p)
			}
		}
	}
	if sign == '^' {
		add(offered...)
	}
	return out, nil
}

// loginMethods are the methods to log in that there are, in the order in which they are tried, each with the directive that
// turns it off.
func loginMethods() [][2]string {
	return [][2]string{{"publickey", "pubkeyauthentication"}, {"keyboard-interactive", "kbdinteractiveauthentication"}, {"password", "passwordauthentication"}}
}

// methods fills in the methods that may be tried.
func (v values) methods(h *Host) error {
	var all, left []string
	var last directive // one that leaves out a method
	for _, m := range loginMethods() {
		all = append(all, m[0])
		on := true
		if d, ok := v.first[m[1]]; ok {
			var err error
			if on, err = d.method(); err != nil {
				return err
			}
			if !on {
				last = d
			}
		}
		if on {
			left = append(left, m[0])
		}
	}
	if d, ok := v.first["preferredauthentications"]; ok {
		text, err := d.one()
		if err != nil {
			return err
		}
		var preferred []string
		for name := range strings.SplitSeq(text, ",") {
			if slices.Contains(left, name) && !slices.Contains(preferred, name) {
				preferred = append(preferred, name)
			}
		}
		left, last = preferred, d
	}
	if len(left) == 0 {
		return event.WithHint(last.errorf("no method to log in is left"), "runbook can do "+strings.Join(all, ", ")+"; "+wayOut)
	}
	if !slices.Equal(left, all) {
		h.Security.Methods, h.Security.MethodsFrom = left, last.at()+": "+last.name
	}
	return nil
}

// method reads a switch of a method to log in. The extension that unbound and host-bound are about is no other method.
func (d directive) method() (bool, error) {
	text, err := d.one()
	if err == nil && d.key == "pubkeyauthentication" && slices.Contains([]string{"unbound", "host-bound"}, strings.ToLower(text)) {
		return true, nil
	}
	return d.yes()
}
