package git

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh"
)

// Error is a git command that failed on a host, with its cause in words where they are known.
type Error struct {
	Host    string
	Command string // as it was shown
	Cause   string
	Code    int    // git's exit status
	Tail    string // the last lines that it printed
}

// Error is "HOST: COMMAND: cause".
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Host, e.Command, e.Cause) }

// symptoms are what git and ssh print when something known is wrong, the more telling first.
var symptoms = []struct {
	print []string // any of these, in small letters
	cause func(j job) (cause, hint string)
}{
	{[]string{"is marked as revoked", "revoked host key"}, func(j job) (string, string) {
		return "the host key of " + j.repo.Address() + " is revoked (@revoked in a known_hosts file)", "ask its admin for the new key, compare the fingerprint, and add it to known_hosts"
	}},
	{[]string{"host identification has changed"}, func(j job) (string, string) {
		return "the host key of " + j.repo.Address() + " is another than the known one",
			"if its admin says that it was changed, run `ssh-keygen -R '" + j.repo.Address() + "'`, then `" + j.repo.login() + "` here, and compare the fingerprint"
	}},
	{[]string{"host key verification failed", "host key is known for"}, func(j job) (string, string) {
		return "the host key of " + j.repo.Address() + " is not known, neither on this machine nor on the host",
			"run `" + j.repo.login() + "` here once and compare the fingerprint with what its admin publishes"
	}},
	{[]string{"agent refused operation"}, func(j job) (string, string) {
		return "the agent refused to sign the login at " + j.repo.Address(), ""
	}},
	{[]string{"permission denied (publickey", "permission denied (keyboard", "permission denied (password", "authentication failed", "could not read username", "too many authentication failures"}, func(j job) (string, string) {
		if j.repo.Transport == HTTPS {
			return "the git server refused the login", "is the user and the password, or the token, in the repository's URL right? without one, git on the host asks its credential helper"
		}
		return "the git server refused the login", "is the deploy key given (--key), and does the git server know its public half for this repository?"
	}},
	{[]string{"could not resolve host", "connection refused", "connection timed out", "no route to host", "network is unreachable", "failed to connect"}, func(j job) (string, string) {
		return "the git server can't be reached from the host", "check the address and the firewall between the host and the git server"
	}},
	{[]string{"no space left on device"}, func(job) (string, string) {
		return "no space left on the host's disk", "remove old releases, or make the disk larger"
	}},
	{[]string{"invalid index-pack output"}, func(j job) (string, string) {
		if j.script == verifyScript { // the limit ends index-pack without a word
			return "what the git server sends is damaged, or more than is fetched for a signature", "verify = \"none\" in recipes/app.lua fetches nothing to this machine"
		}
		return "what the git server sends is damaged or cut short", ""
	}},
	{[]string{"out of memory"}, func(j job) (string, string) {
		return "the git server's answer takes more memory than there is, or than 1 GiB", "does it have millions of branches and tags? if not, ask its admin what it answers"
	}},
	{[]string{"unadvertised object"}, func(j job) (string, string) {
		return "the git server gives a shallow clone only of the head of a branch or a tag, and " + j.args[1] + " is none", "leave the depth out; its admin can set uploadpack.allowReachableSHA1InWant"
	}},
	{[]string{"not our ref"}, notInIt},
	{[]string{"dubious ownership"}, func(job) (string, string) {
		return "the repository belongs to another user", "log in as its owner, or name it by a URL of a git server"
	}},
	{[]string{"does not appear to be a git repository", "repository not found", "not found", "does not exist"}, func(j job) (string, string) {
		return "there is no such repository, or the key may not read it", "check the repository's URL"
	}},
}

// notInIt is said of a commit that a repository doesn't have.
func notInIt(j job) (cause, hint string) {
	return "the commit " + j.args[1] + " is not in it", "is it pushed, and reachable from a branch or a tag?"
}

// failure is the error of a job that ended with another status than 0.
func failure(h *ssh.Host, j job, result ssh.Result) error {
	if result.OK {
		return nil
	}
	e := &Error{Host: h.Name(), Command: j.show, Code: result.Code, Tail: ssh.LastLines(result.Stderr)}
	hint := ""
	switch result.Code {
	case 90:
		e.Cause, hint = "there is no git on the host", "install it there: apt install git"
	case 91:
		e.Cause, hint = "no temporary file could be made", "is the host's /tmp full, or read-only?"
	case 92:
		e.Cause, hint = "what stands there is no bare repository", "move it away, or choose another path for the mirror"
	case 93:
		e.Cause, hint = "something stands at "+j.args[2]+" already", "choose another release name"
	case 94:
		e.Cause, hint = notInIt(j)
	case 96:
		e.Cause, hint = "the mirror belongs to another user, who decides what git runs for it", "move it away: the next release makes it again; or log in as its owner"
	case 97:
		e.Cause, hint = "the commit has a "+e.Tail+" of its own, which the release makes", "remove it from the repository, and list it in .gitignore"
	case 98:
		e.Cause, hint = fmt.Sprintf("the commit %.12s is not reachable from %s", j.args[1], j.args[4]),
			"was the branch reset meanwhile? release again; or name the commit by --revision"
	case 99:
		e.Cause = fmt.Sprintf("git has checked out another commit than %.12s", j.args[1])
	case 100:
		e.Cause, hint = "there is no file of allowed signers at "+j.args[4], "make it, with a line such as: ada@example.org ssh-ed25519 AAAA…"
	case 101:
		e.Cause, hint = "there is no ssh-keygen, which checks signatures", "install OpenSSH"
	case 102, 104:
		e.Cause, hint = unsigned(j, e), "sign it: git config gpg.format ssh, and git commit -S or git tag -s; or add its signer to "+j.args[4]
	case 103:
		e.Cause, hint = fmt.Sprintf("no annotated tag points at the commit %.12s", j.args[1]), "sign one and push it: git tag -s"
	case 95:
		e.Cause = "there is no such folder"
	default:
		e.Cause, hint = e.diagnose(j, result.Stderr)
	}
	return event.WithHint(e, hint)
}

// unsigned says why a signature doesn't count.
func unsigned(j job, e *Error) string {
	what := fmt.Sprintf("the commit %.12s", j.args[1])
	if j.args[3] == "tag" {
		what = "a tag at " + what
	}
	if e.Tail == "" {
		return what + " is not signed"
	}
	return what + " has no signature of an allowed signer: " + strings.ReplaceAll(e.Tail, "\n", "; ")
}

func (e *Error) diagnose(j job, stderr string) (cause, hint string) {
	said := strings.ToLower(stderr)
	for _, s := range symptoms {
		if slices.ContainsFunc(s.print, func(p string) bool { return strings.Contains(said, p) }) {
			return s.cause(j)
		}
	}
	last := "it printed nothing"
	for line := range strings.Lines(e.Tail) {
		if line = strings.TrimSpace(line); line != "" {
			last = line
		}
	}
	return fmt.Sprintf("exit status %d: %s", e.Code, last), ""
}

// some is a list of names in words, cut after n.
func some(names []string, n int) string {
	slices.Sort(names)
	if len(names) > n {
		return strings.Join(names[:n], ", ") + " …"
	}
	return strings.Join(names, ", ")
}
