package ssh

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// LoginError is a host that let nobody in.
type LoginError struct {
	User    string
	Address string   // host:port
	Methods []string // what the server would have accepted: "publickey", "password", …
	Tried   []string // each key that was offered: where it is from, and its fingerprint
	Missing []string // each key that could not be offered, and why
	Reason  string   // what the server said at last, or ""
}

func (e *LoginError) Error() string {
	what := "no key was offered"
	if len(e.Tried) > 0 {
		what = "it refused " + strings.Join(e.Tried, ", ")
	}
	if len(e.Missing) > 0 {
		what += " (not offered: " + strings.Join(e.Missing, ", ") + ")"
	}
	if e.Reason != "" {
		what += "; it said: " + e.Reason
	}
	return fmt.Sprintf("%s does not let %s log in: %s", e.Address, e.User, what)
}

// authentication is the log-in of one connection: keys first, then what only a person can answer, unless ssh_config prefers
// another order.
type authentication struct {
	host  *Host
	limit *limit

	begun     bool
	methods   []string
	keys      *keyring
	answers   int   // how many times a person was asked
	questions int   // how many questions those were
	failed    error // why it can't go on, such as a prompt that was interrupted
	agent     io.Closer
}

// most is how many times a person may be asked for a password.
const most = 3

// next chooses what to try next.
func (a *authentication) next(c *gossh.ClientAuthContext) (gossh.AuthMethod, error) {
	a.begun = true
	a.methods = c.AllowedMethods
	tried := func(m string) int {
		n := 0
		for _, t := range c.TriedMethods {
			if t == m {
				n++
			}
		}
		return n
	}
	if a.failed != nil {
		return nil, a.failed
	}
	wanted := a.host.target.Security.Methods
	if wanted == nil {
		wanted = []string{"publickey", "keyboard-interactive", "password"}
	}
	for _, method := range wanted {
		if !slices.Contains(c.AllowedMethods, method) {
			continue
		}
		if method == "publickey" {
			if a.keys != nil || slices.Contains(c.PartialSuccessMethods, method) {
				continue
			}
			a.keys = a.host.keyring(a)
			if len(a.keys.signers) > 0 {
				return gossh.PublicKeys(a.keys.signers...), nil
			}
			continue
		}
		if a.host.pool.opts.Prompt == nil || a.answers >= most || tried(method) >= most {
			continue
		}
		if method == "password" {
			return gossh.PasswordCallback(a.password), nil
		}
		return gossh.KeyboardInteractive(a.challenge), nil
	}
	a.failed = a.refused(nil)
	return nil, a.failed
}

// ask asks the person, while the limit stands still.
func (a *authentication) ask(question string, secret bool) (string, error) {
	a.limit.pause()
	defer a.limit.resume()
	answer, err := a.host.pool.ask(a.limit.ctx, question, secret)
	if err != nil && a.failed == nil && !errors.Is(err, errNoTerminal) {
		a.failed = err
	}
	if err == nil && secret {
		event.AddSecret(a.limit.ctx, answer)
	}
	return answer, err
}

func (a *authentication) password() (string, error) {
	a.answers++
	return a.ask(fmt.Sprintf("password of %s on %s: ", a.host.target.User, a.host.Name()), true)
}

// mostQuestions is how many questions a host may ask in one log-in: three tries of a password and a code are six.
const mostQuestions = 10

func (a *authentication) challenge(name, instruction string, questions []string, echos []bool) ([]string, error) {
	if len(questions) > 0 {
		a.answers++
	}
	if a.questions += len(questions); a.questions > mostQuestions {
		a.failed = &TooLongError{What: "what the host asks in one log-in", Most: fmt.Sprintf("%d questions", mostQuestions)}
		return nil, a.failed
	}
	answers := make([]string, len(questions))
	for i, q := range questions {
		// Who asks comes first: the host's words say what they like, and can ask for a passphrase of this machine.
		question := strings.Join(slices.DeleteFunc([]string{a.host.Name() + " asks:", said(name + " " + instruction), said(q)}, func(s string) bool { return s == "" }), " ")
		var err error
		if answers[i], err = a.ask(question+" ", !echos[i]); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// said is a server's text in one line, short enough to leave what stands before it on the screen.
func said(text string) string {
	const longest = 150
	text = strings.Join(strings.Fields(event.OneLine(text)), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// refused is the error of a log-in that failed. cause is what the library says of it.
func (a *authentication) refused(cause error) error {
	e := &LoginError{User: a.host.target.User, Address: address(a.host.target), Methods: a.methods}
	if a.keys != nil {
		e.Tried, e.Missing = a.keys.tried(), a.keys.missing
	}
	if cause != nil && !strings.Contains(cause.Error(), "unable to authenticate") {
		e.Reason = strings.TrimPrefix(strings.TrimPrefix(cause.Error(), "ssh: handshake failed: "), "ssh: ")
	}
	allowed := a.host.target.Security
	hint := "add the public key to ~/.ssh/authorized_keys of " + e.User + " on the host, if it has that user (it doesn't tell), or name another key: identity in the hosts file, --identity"
	switch {
	case allowed.Methods != nil && !slices.ContainsFunc(a.methods, func(m string) bool { return slices.Contains(allowed.Methods, m) }):
		hint = fmt.Sprintf("the server accepts only %s, and %s leaves only %s", strings.Join(a.methods, ", "), allowed.MethodsFrom, strings.Join(allowed.Methods, ", "))
	case a.keys != nil && a.keys.emptyAgent && len(e.Tried) == 0:
		hint = "put a key into the agent (ssh-add FILE), or name a key file: identity in the hosts file, --identity"
	case strings.Contains(e.Reason, "oo many authentication failures"):
		hint = "too many keys were offered: name the right one (identity in the hosts file, --identity) and set IdentityAgent none in ssh_config"
	case len(a.methods) > 0 && !slices.Contains(a.methods, "publickey"):
		hint = "the server accepts only " + strings.Join(a.methods, ", ") + ", which needs a terminal; allow keys in its sshd_config"
	case a.host.pool.opts.Prompt == nil && (slices.Contains(a.methods, "password") || slices.Contains(a.methods, "keyboard-interactive")):
		hint += "; from a terminal, a password would do too"
	}
	return event.WithHint(e, hint)
}

// close lets go of the agent.
func (a *authentication) close() {
	if a.agent != nil {
		_ = a.agent.Close() // it is only read from, and done with
	}
}

// unlock asks for the passphrase of a key file, once a run: whoever else wants the same key waits for the answer.
func (p *Pool) unlock(ctx context.Context, path string, pem []byte, ask func(question string) (string, error)) (gossh.Signer, error) {
	if err := p.unlocking.lock(ctx); err != nil {
		return nil, err
	}
	defer p.unlocking.unlock()
	if s := p.unlocked[path]; s != nil {
		return s, nil
	}
	for try := 1; ; try++ {
		passphrase, err := ask("passphrase of " + path + ": ")
		if err != nil {
			return nil, err
		}
		s, err := gossh.ParsePrivateKeyWithPassphrase(pem, []byte(passphrase))
		if err == nil {
			p.unlocked[path] = s
			return s, nil
		}
		if try == most || passphrase == "" {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
}
