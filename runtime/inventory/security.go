package inventory

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory/sshconfig"
)

// Security holds the directives of ssh_config about encryption and authentication. The zero value
// restricts nothing: the defaults of the ssh library and of this program apply.
type Security struct {
	KeyExchanges Algorithms // KexAlgorithms
	Ciphers      Algorithms
	MACs         Algorithms
	HostKeys     Algorithms // HostKeyAlgorithms: signatures of the host
	PublicKeys   Algorithms // PubkeyAcceptedAlgorithms: signatures of keys that log in, and of their certificates
	Authorities  Algorithms // CASignatureAlgorithms: signatures of an authority on the host's certificate
	RSABits      int        // RequiredRSASize: the minimum for RSA keys, the host's and those that log in
	// Methods lists the authentication methods to try, in order: "publickey",
	// "keyboard-interactive", "password". nil allows all, in this order.
	Methods     []string
	MethodsFrom string // the last directive that excluded a method: "FILE:LINE: PubkeyAuthentication"
}

// Algorithms lists the allowed algorithms in order of preference. Without names all are allowed.
type Algorithms struct {
	Names []string
	From  string // the directive that restricts them: "FILE:LINE: Ciphers"
}

// Allow reports whether an algorithm may be used.
func (a Algorithms) Allow(name string) bool {
	return len(a.Names) == 0 || slices.Contains(a.Names, name)
}

// algorithmDirective describes a directive that lists algorithms.
type algorithmDirective struct {
	key      string // in lower case
	into     *Algorithms
	offered  []string // used without the directive
	possible []string // supported by the ssh library
	patterns bool     // patterns are allowed in any list, not only after a minus
}

// directives returns the directives that list algorithms. The algorithms offered by default are
// those the ssh library calls safe. Its own default includes SHA-1 key exchanges and MACs, and
// OpenSSH's does not.
func (s *Security) directives() []algorithmDirective {
	safe, unsafe := gossh.SupportedAlgorithms(), gossh.InsecureAlgorithms()
	return []algorithmDirective{
		// With curve25519-sha256 the library always offers the older name of the same algorithm,
		// which ends in @libssh.org.
		{"kexalgorithms", &s.KeyExchanges, safe.KeyExchanges, slices.Concat(safe.KeyExchanges, unsafe.KeyExchanges),
			false},
		{"ciphers", &s.Ciphers, safe.Ciphers, slices.Concat(safe.Ciphers, unsafe.Ciphers), false},
		{"macs", &s.MACs, safe.MACs, slices.Concat(safe.MACs, unsafe.MACs), false},
		{"hostkeyalgorithms", &s.HostKeys, HostKeyAlgorithms(), slices.Concat(safe.HostKeys, unsafe.HostKeys), true},
		{"pubkeyacceptedalgorithms", &s.PublicKeys, withCertificates(safe.PublicKeyAuths),
			withCertificates(slices.Concat(safe.PublicKeyAuths, unsafe.PublicKeyAuths)), true},
		{"casignaturealgorithms", &s.Authorities, safe.PublicKeyAuths,
			slices.Concat(safe.PublicKeyAuths, unsafe.PublicKeyAuths), true},
	}
}

// HostKeyAlgorithms returns the signatures of hosts that are accepted by default, in OpenSSH's
// order of preference: a host whose key is unknown shows the key that ssh would show.
func HostKeyAlgorithms() []string {
	names := gossh.SupportedAlgorithms().HostKeys
	rank := func(name string) int {
		return slices.IndexFunc([]string{"ssh-ed25519", "ecdsa-sha2-", ""},
			func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(rank(a), rank(b)) })
	return names
}

// CertificateAlgorithm returns the name of a signature algorithm for a certificate of the key.
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

// setSecurity sets the algorithms and methods that the connection may use.
func setSecurity(v sshconfig.Values, h *Host) error {
	for _, kind := range h.Security.directives() {
		d, ok := v.First(kind.key)
		if !ok {
			continue
		}
		list, err := d.One()
		if err != nil {
			return err
		}
		names, err := parseAlgorithms(list, kind.offered, kind.possible, kind.patterns)
		if err != nil {
			return d.Errorf("%w", err)
		}
		if len(names) == 0 {
			return event.WithHint(d.Errorf("no supported algorithm is left"),
				"runbook supports "+strings.Join(kind.possible, ", ")+"; "+sshconfig.UseOtherConfig)
		}
		*kind.into = Algorithms{Names: names, From: d.At() + ": " + d.Name}
	}
	if d, ok := v.First("requiredrsasize"); ok {
		text, err := d.One()
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return d.Errorf("want a number of bits, got %q", text)
		}
		h.Security.RSABits = int(n)
	}
	return setMethods(v, h)
}

// parseAlgorithms parses a list of algorithms as OpenSSH does. A plain list replaces what is
// offered by default. A list after + is appended to it, after ^ prepended, after - removed. Names
// that the ssh library does not support are skipped.
func parseAlgorithms(list string, offered, possible []string, patterns bool) ([]string, error) {
	sign := byte(0)
	if list != "" && strings.IndexByte("+-^", list[0]) >= 0 {
		sign, list = list[0], list[1:]
	}
	names := strings.Split(list, ",")
	if sign == '-' {
		return slices.DeleteFunc(slices.Clone(offered),
			func(name string) bool { return sshconfig.MatchPatterns(names, name) }), nil
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
			return nil, fmt.Errorf("want names separated by commas, got %q", name)
		case !patterns && strings.ContainsAny(name, "*?"):
			return nil, fmt.Errorf("%q: a pattern is allowed only in a list after a minus", name)
		}
		for _, p := range possible {
			if sshconfig.MatchPattern(name, p) {
				add(p)
			}
		}
	}
	if sign == '^' {
		add(offered...)
	}
	return out, nil
}

// loginMethods lists the supported authentication methods in the order they are tried, each with
// its directive.
func loginMethods() [][2]string {
	return [][2]string{{"publickey", "pubkeyauthentication"}, {"keyboard-interactive", "kbdinteractiveauthentication"},
		{"password", "passwordauthentication"}}
}

// setMethods sets the authentication methods that may be tried.
func setMethods(v sshconfig.Values, h *Host) error {
	var all, left []string
	var last sshconfig.Directive // the last one that excludes a method
	for _, m := range loginMethods() {
		all = append(all, m[0])
		on := true
		if d, ok := v.First(m[1]); ok {
			var err error
			if on, err = methodEnabled(d); err != nil {
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
	if d, ok := v.First("preferredauthentications"); ok {
		text, err := d.One()
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
		return event.WithHint(last.Errorf("no authentication method is left"),
			"runbook supports "+strings.Join(all, ", ")+"; "+sshconfig.UseOtherConfig)
	}
	if !slices.Equal(left, all) {
		h.Security.Methods, h.Security.MethodsFrom = left, last.At()+": "+last.Name
	}
	return nil
}

// methodEnabled parses the yes/no value of an authentication method. unbound and host-bound select
// an extension of public keys, so they count as yes.
func methodEnabled(d sshconfig.Directive) (bool, error) {
	text, err := d.One()
	if err == nil && d.Key == "pubkeyauthentication" &&
		slices.Contains([]string{"unbound", "host-bound"}, strings.ToLower(text)) {
		return true, nil
	}
	return d.YesNo()
}
