package ssh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/ssh/platform"
	"runbook/runtime/ssh/proxy"
)

// Cause classifies why a host could not be reached.
type Cause string

// The causes.
const (
	NameUnknown Cause = "name unknown" // the address has no IP address
	Refused     Cause = "refused"      // nothing listens there
	TimedOut    Cause = "timed out"    // no answer within the limit
	Unreachable Cause = "unreachable"  // the network has no route to it
	NoHandshake Cause = "no handshake" // something answers, but the two sides do not agree on SSH
	NoTunnel    Cause = "no tunnel"    // the jump host does not forward the connection
	NoProxy     Cause = "proxy failed" // the proxy command does not connect
)

// ConnectError reports a host that could not be reached. A wrong key and a failed login have errors
// of their own.
type ConnectError struct {
	Address string // host:port
	Cause   Cause
	Err     error
}

func (e *ConnectError) Error() string { return e.Err.Error() }

func (e *ConnectError) Unwrap() error { return e.Err }

// IsUnreachable reports whether err says that a host, or the jump host before it, cannot be
// reached: it has no address or no route, nothing listens there, nothing answers in time, or the
// proxy command fails. A server that answers and refuses, or whose key is refused, is reachable.
func IsUnreachable(err error) bool {
	var connect *ConnectError
	if !errors.As(err, &connect) {
		return false
	}
	switch connect.Cause {
	case NameUnknown, Refused, TimedOut, Unreachable, NoProxy:
		return true
	case NoTunnel:
		var forbidden *ForbiddenError
		return !errors.As(err, &forbidden)
	case NoHandshake:
	}
	return false
}

// viaError is the failure of a jump host.
type viaError struct {
	bastion string
	err     error
}

func (e *viaError) Error() string { return "bastion " + e.bastion + ": " + e.err.Error() }
func (e *viaError) Unwrap() error { return e.err }

// ForbiddenError reports a server that forbids tunnels.
type ForbiddenError struct{ Address string }

func (e *ForbiddenError) Error() string {
	return "the server forbids tunnels, so " + e.Address + " can't be reached through it"
}

// SessionError reports a server that refuses one more session on the connection.
type SessionError struct{ Reason string }

func (e *SessionError) Error() string { return "the server refused one more session: " + e.Reason }

// TooLongError reports a host that sent more than it may.
type TooLongError struct {
	What string // what was too long
	Most int64  // the limit
	Unit string // of the limit; "" for bytes
}

func (e *TooLongError) Error() string { return e.What + ": more than " + e.limit() }

// limit formats the limit with its unit.
func (e *TooLongError) limit() string {
	if e.Unit != "" {
		return fmt.Sprintf("%d %s", e.Most, e.Unit)
	}
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if e.Most >= unit.bytes && e.Most%unit.bytes == 0 {
			return fmt.Sprintf("%d %s", e.Most/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", e.Most)
}

// connectError explains why the host was not reached.
func (s *server) connectError(ctx context.Context, d *deadline, err error) error {
	at := address(s.target)
	var via *viaError
	var name *net.DNSError
	var known *ConnectError
	fail := func(cause Cause, hint, format string, args ...any) error {
		return event.WithHint(&ConnectError{Address: at, Cause: cause, Err: fmt.Errorf(format, args...)}, hint)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &via):
		return err
	case d.passed(), isTimeout(err):
		return fail(TimedOut,
			"is the machine up, and does a firewall let this machine through? --connect-timeout sets the limit",
			"no answer from %s within %v", at, d.length)
	case errors.As(err, &name):
		return fail(NameUnknown, "check the address in the hosts file",
			"the name %s is not known (DNS)", s.target.Address)
	case errors.Is(err, platform.ErrRefused):
		return fail(Refused, "is sshd running there, and on this port?", "%s refused the connection", at)
	case !errors.As(err, &known):
		if op := (*net.OpError)(nil); errors.As(err, &op) {
			err = op.Err // it repeats the address
		}
		return fail(Unreachable, "check the address and the network", "%s can't be reached: %w", at, err)
	}
	var none *gossh.AlgorithmNegotiationError
	if errors.As(err, &none) {
		what, hint := s.noCommonAlgorithm(none)
		return fail(NoHandshake, hint, "no SSH connection with %s: %s", at, what)
	}
	if known.Cause == NoHandshake {
		return fail(NoHandshake, "is it an SSH server that answers on this port? its log says more",
			"no SSH connection with %s: %w", at, known.Err)
	}
	return err
}

func isTimeout(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, platform.ErrTimedOut)
}

// algorithmKind is a kind of algorithm that both sides must agree on.
type algorithmKind struct {
	name      string // as it is called in a sentence
	directive string // of ssh_config and sshd_config
	allowed   inventory.Algorithms
	unsafe    []string // that the library has, and offers only where ssh_config asks for them
}

// algorithmKinds returns the kinds, with what the ssh_config for a host allows.
func algorithmKinds(allowed inventory.Security) []algorithmKind {
	unsafe := gossh.InsecureAlgorithms()
	return []algorithmKind{
		{"key exchange", "KexAlgorithms", allowed.KeyExchanges, unsafe.KeyExchanges},
		{"host key", "HostKeyAlgorithms", allowed.HostKeys, unsafe.HostKeys},
		{"cipher", "Ciphers", allowed.Ciphers, unsafe.Ciphers},
		{"MAC", "MACs", allowed.MACs, unsafe.MACs},
	}
}

// noCommonAlgorithm describes two sides without a common algorithm of some kind, and what to do
// about it.
func (s *server) noCommonAlgorithm(none *gossh.AlgorithmNegotiationError) (what, hint string) {
	kinds := algorithmKinds(s.target.Security)
	i := slices.IndexFunc(kinds, func(k algorithmKind) bool { return strings.HasSuffix(none.What, k.name) })
	kind := algorithmKind{name: none.What} // such as compression
	if i >= 0 {
		kind = kinds[i]
	}
	what = fmt.Sprintf("no common algorithm for the %s: it has %s; runbook offers %s", kind.name,
		listAlgorithms(none.RequestedAlgorithms), listAlgorithms(none.SupportedAlgorithms))
	weak := slices.IndexFunc(none.RequestedAlgorithms, func(a string) bool { return slices.Contains(kind.unsafe, a) })
	switch {
	case kind.allowed.From != "":
		return what + ", all that " + kind.allowed.From + " leaves",
			"allow one there that the host has, or change the host's sshd_config"
	case weak >= 0:
		return what, fmt.Sprintf("what both know, such as %[2]s, is not safe any more: upgrade the host's sshd; "+
			"until then, in ssh_config for this host alone: %[1]s +%[2]s", kind.directive,
			none.RequestedAlgorithms[weak])
	}
	return what, "allow one of runbook's in the host's sshd_config"
}

// listAlgorithms formats a list of algorithms that one side named, without the marks of protocol
// extensions in it. A hostile server may send any text, and any number of names.
func listAlgorithms(names []string) string {
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return strings.HasPrefix(name, "ext-info-") || strings.HasPrefix(name, "kex-strict-")
	})
	return cmp.Or(oneLine(strings.Join(names, ", "), 600), "none")
}

// plainError formats err as "PATH: reason", without the name of the system call.
func plainError(err error) string {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Path + ": " + at.Err.Error()
	}
	return err.Error()
}

// proxyError explains why no SSH server answered through the proxy.
func (s *server) proxyError(h handshake, limit *deadline, err error) error {
	var ended *proxy.Ended
	cause, what := NoProxy, ""
	switch {
	case h.proxy == nil: // the proxy did not start
		what = err.Error()
	case h.dropped:
		cause, what = NoHandshake, "the proxy command ends and prints nothing"
	case limit.passed():
		cause, what = TimedOut, fmt.Sprintf("no answer within %v", limit.length)
		if printed := h.proxy.Printed(); printed != "" {
			what += "; it printed: " + printed
		}
	case h.said != "":
		cause, what = NoHandshake, fmt.Sprintf("it answers %q, which is not SSH", serverText(h.said))
	case errors.As(err, &ended):
		what = ended.Error()
	default:
		cause, what = NoHandshake, err.Error()
	}
	p := s.target.Proxy
	line := p.Line
	if line == "" {
		line, _ = QuoteAll(p.Argv) // "" for words that no shell can get
	}
	failed := fmt.Errorf("%s can't be reached through a proxy: %s (%s)", address(s.target), what, p.From)
	return event.WithHint(&ConnectError{Address: address(s.target), Cause: cause, Err: failed},
		"try the command, which must print a line that begins with SSH-2.0: "+line)
}
