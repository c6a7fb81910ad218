package ssh

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/event"
)

// LoginError reports a host that refused the login.
type LoginError struct {
	User    string
	Address string   // host:port
	Methods []string // what the server would have accepted: "publickey", "password", …
	// Accepted keys did not suffice alone. With Known keys the server refused the account. It
	// refused Tried keys. Missing keys could not be offered, for the reason given. Each text has
	// the key's source and fingerprint.
	Accepted, Known, Tried, Missing []string
	Reason                          string // the server's last words, or ""
	Banner                          string // what it showed before, such as that the account has expired, or ""
}

func (e *LoginError) Error() string {
	var what []string
	if len(e.Accepted) > 0 {
		what = append(what, "it accepted "+strings.Join(e.Accepted, ", ")+", and wants "+e.more()+", too")
	}
	if len(e.Known) > 0 {
		what = append(what, "it knows "+strings.Join(e.Known, ", ")+", and refuses the account")
	}
	if len(e.Tried) > 0 {
		what = append(what, "it refused "+strings.Join(e.Tried, ", "))
	}
	text := strings.Join(what, "; ")
	if text == "" {
		text = "no key was offered"
	}
	if len(e.Missing) > 0 {
		text += " (not offered: " + strings.Join(e.Missing, ", ") + ")"
	}
	if e.Reason != "" {
		text += "; it said: " + e.Reason
	}
	if e.Banner != "" {
		text += "; its banner: " + e.Banner
	}
	return fmt.Sprintf("%s does not let %s log in: %s", e.Address, e.User, text)
}

// more names what the server wants besides the accepted keys.
func (e *LoginError) more() string {
	words := map[string]string{"publickey": "another key",
		"keyboard-interactive": "an answer to a question, such as a code",
		"password":             "a password"}
	var list []string
	for _, method := range e.Methods {
		list = append(list, cmp.Or(words[method], method))
	}
	return strings.Join(list, " or ")
}

// authentication chooses what to offer in the login of one connection: keys first, then what only a
// person can answer. The order can be changed in ssh_config.
type authentication struct {
	server *server
	limit  *deadline

	begun     bool
	methods   []string // accepted by the server
	keys      *keyring
	partial   int       // how many keys the server accepted without ending the login
	banner    []string  // what the server showed
	answers   int       // how often a person was asked
	questions int       // how many questions the server asked
	failed    error     // ended the authentication, such as a prompt that was interrupted
	agent     io.Closer // the connection to the admin's agent, or nil
}

// maxTries limits how often a person may be asked for a password.
const maxTries = 3

// next chooses the method to try next.
func (a *authentication) next(c *gossh.ClientAuthContext) (gossh.AuthMethod, error) {
	a.begun = true
	a.methods = c.AllowedMethods
	if n := count(c.PartialSuccessMethods, "publickey"); n > a.partial {
		a.partial = n
		a.keys.accept()
	}
	if a.failed != nil {
		return nil, a.failed
	}
	wanted := a.server.target.Security.Methods
	if wanted == nil {
		wanted = []string{"publickey", "keyboard-interactive", "password"}
	}
	for _, method := range wanted {
		if !slices.Contains(c.AllowedMethods, method) {
			continue
		}
		if method == "publickey" {
			if a.keys == nil {
				a.keys = a.server.keyring(a)
			}
			if signers := a.keys.next(); len(signers) > 0 {
				return gossh.PublicKeys(signers...), nil
			}
			continue
		}
		if a.server.dialer.opts.Prompt == nil || a.answers >= maxTries || count(c.TriedMethods, method) >= maxTries {
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

func count(list []string, want string) (n int) {
	for _, s := range list {
		if s == want {
			n++
		}
	}
	return n
}

// ask asks the person. The deadline is paused meanwhile.
func (a *authentication) ask(question string, secret bool) (string, error) {
	a.limit.pause()
	defer a.limit.resume()
	answer, err := a.server.dialer.Ask(a.limit.ctx, question, secret)
	if err != nil && a.failed == nil && !errors.Is(err, ErrNoTerminal) {
		a.failed = err
	}
	if err == nil && secret {
		a.server.dialer.stream.AddSecret(answer)
	}
	return answer, err
}

func (a *authentication) password() (string, error) {
	a.answers++
	return a.ask(fmt.Sprintf("password of %s on %s: ", a.server.target.User, a.server.target.Name), true)
}

// maxQuestions is how many questions a host may ask in one login: three tries of a password and a
// code are six.
const maxQuestions = 10

// challenge answers the questions of keyboard-interactive authentication.
func (a *authentication) challenge(name, instruction string, questions []string, echos []bool) ([]string, error) {
	if len(questions) > 0 {
		a.answers++
	}
	if a.questions += len(questions); a.questions > maxQuestions {
		a.failed = &TooLongError{What: "what the host asks in one login", Most: maxQuestions, Unit: "questions"}
		return nil, a.failed
	}
	answers := make([]string, len(questions))
	for i, q := range questions {
		// The host's name comes first: its text can be anything, even a request for a passphrase of
		// this machine.
		parts := []string{a.server.target.Name + " asks:", serverText(name + " " + instruction), serverText(q)}
		parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
		var err error
		if answers[i], err = a.ask(strings.Join(parts, " ")+" ", !echos[i]); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// maxBanners is how many banners of a server are kept. sshd sends one of its own, and then what PAM
// has to say, such as that the account has expired.
const maxBanners = 4

// addBanner keeps what the server shows before the login.
func (a *authentication) addBanner(text string) error {
	if text = oneLine(text, 300); text != "" && len(a.banner) < maxBanners {
		a.banner = append(a.banner, text)
	}
	return nil
}

// serverText returns a server's text on one line, short enough to keep the text before it on the
// screen.
func serverText(text string) string { return oneLine(text, 150) }

// oneLine returns a server's text on one line of at most so many characters.
func oneLine(text string, longest int) string {
	text = strings.Join(strings.Fields(event.OneLine(text)), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// refused returns the error of a login that failed. cause is the library's error, or nil.
func (a *authentication) refused(cause error) error {
	e := &LoginError{User: a.server.target.User, Address: address(a.server.target), Methods: a.methods}
	if a.keys != nil {
		a.keys.describe(e)
	}
	e.Banner = strings.Join(a.banner, " ")
	if cause != nil && !strings.Contains(cause.Error(), "unable to authenticate") {
		e.Reason = strings.TrimPrefix(strings.TrimPrefix(cause.Error(), "ssh: handshake failed: "), "ssh: ")
	}
	return event.WithHint(e, a.hint(e))
}

// hint returns what to do about a login that failed.
func (a *authentication) hint(e *LoginError) string {
	allowed := a.server.target.Security
	accepts := func(method string) bool { return slices.Contains(a.methods, method) }
	switch {
	case allowed.Methods != nil && !slices.ContainsFunc(allowed.Methods, accepts):
		return fmt.Sprintf("the server accepts only %s, and %s leaves only %s",
			strings.Join(a.methods, ", "), allowed.MethodsFrom, strings.Join(allowed.Methods, ", "))
	case len(e.Accepted) > 0:
		return a.secondFactor(e)
	case len(e.Known) > 0:
		return "the key is right; " + e.User + " may be expired or locked there, or not allowed to log in: " +
			"the host's own log of sshd says which (journalctl -u ssh)"
	case a.keys != nil && a.keys.emptyAgent && len(e.Tried) == 0:
		return "put a key into the agent (ssh-add FILE), or name a key file: identity in the hosts file, --identity"
	case strings.Contains(e.Reason, "oo many authentication failures"):
		return "too many keys were offered: name the right one (identity in the hosts file, --identity) " +
			"and set IdentityAgent none in ssh_config"
	case len(a.methods) > 0 && !accepts("publickey"):
		return "the server accepts only " + strings.Join(a.methods, ", ") +
			", which needs a terminal; allow keys in its sshd_config"
	}
	var hints []string
	if a.keys != nil {
		hints = a.keys.hints()
	}
	if len(hints) > 0 && len(e.Tried) == 0 {
		return strings.Join(hints, "; ")
	}
	// sshd does not say whether the user exists.
	hint := "add the public key to ~/.ssh/authorized_keys of " + e.User + " on the host, if it has that user " +
		"(it doesn't tell), or name another key: identity in the hosts file, --identity"
	if a.server.dialer.opts.Prompt == nil && (accepts("password") || accepts("keyboard-interactive")) {
		hint += "; from a terminal, a password would do too"
	}
	return strings.Join(append(hints, hint), "; or ")
}

// secondFactor returns what to do about a server that accepted a key and wants more.
func (a *authentication) secondFactor(e *LoginError) string {
	without := "; or exempt " + e.User +
		" from the second factor in the host's sshd_config (AuthenticationMethods publickey)"
	switch {
	case slices.Equal(e.Methods, []string{"publickey"}):
		return "name both keys: identity = { FILE, FILE } in the hosts file, or --identity twice" + without
	case a.server.dialer.opts.Prompt == nil:
		return "run from a terminal, where it can be asked for" + without
	}
	return "try again with the right answer" + without
}

// close closes the connection to the agent, and forgets the keys: the callbacks of a connection
// keep a alive as long as it exists.
func (a *authentication) close() {
	if a.agent != nil {
		_ = a.agent.Close() // all is read
	}
	a.keys, a.limit = nil, nil
}
