package git

import (
	"fmt"
	"slices"
	"strings"

	"runbook/runtime/event"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/ssh/shell/output"
)

// Error reports a git command that failed on a host.
type Error struct {
	Host    string
	Command string // as events show it
	Cause   string
	Code    int    // the exit status
	Tail    string // the last lines of stderr
}

// Error returns "HOST: COMMAND: cause".
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.Host, e.Command, e.Cause) }

// symptoms lists messages of git and ssh with their causes, the most specific first.
var symptoms = []struct {
	print []string // any of these, in lower case
	cause func(j job) (cause, hint string)
}{
	{[]string{"is marked as revoked", "revoked host key"}, func(j job) (string, string) {
		return "the host key of " + j.repo.Address() + " is revoked (@revoked in a known_hosts file)",
			"ask its admin for the new key, compare the fingerprint, and add it to known_hosts"
	}},
	{[]string{"host identification has changed"}, func(j job) (string, string) {
		return "the host key of " + j.repo.Address() + " has changed",
			"if its admin says that it was changed, run `ssh-keygen -R '" + j.repo.Address() + "'`, then `" +
				j.repo.Login() + "` here, and compare the fingerprint"
	}},
	{[]string{"host key verification failed", "host key is known for"}, func(j job) (string, string) {
		return "the host key of " + j.repo.Address() + " is not known, neither on this machine nor on the host",
			"run `" + j.repo.Login() + "` here once and compare the fingerprint with what its admin publishes"
	}},
	{[]string{"agent refused operation"}, func(j job) (string, string) {
		return "the agent refused to sign the login at " + j.repo.Address(), ""
	}},
	{[]string{"permission denied (publickey", "permission denied (keyboard", "permission denied (password",
		"authentication failed", "could not read username", "too many authentication failures"},
		func(j job) (string, string) {
			if j.repo.Transport == HTTPS {
				return "the git server refused the login",
					"is the user and the password, or the token, in the repository's URL right? " +
						"without one, git on the host asks its credential helper"
			}
			return "the git server refused the login",
				"is the deploy key given (--key), and does the git server know its public half for this repository?" +
					noConfig(j)
		}},
	{[]string{"could not resolve host", "connection refused", "connection timed out", "no route to host",
		"network is unreachable", "failed to connect"}, func(j job) (string, string) {
		return "the git server can't be reached from the host",
			"check the address and the firewall between the host and the git server" + noConfig(j)
	}},
	{[]string{"no space left on device"}, func(job) (string, string) {
		return "no space left on the host's disk", "remove old releases, or make the disk larger"
	}},
	{[]string{"invalid index-pack output"}, func(j job) (string, string) {
		switch j.script { // the size limit ends index-pack without a message
		case holdScript:
			return "the git server's data is damaged, or larger than 4 GiB",
				"clone it yourself, and give the path of the clone as --repo"
		case verifyScript:
			return "the git server's data is damaged, or larger than the limit for a signature",
				"verify = \"none\" in recipes/app.lua fetches nothing to this machine"
		}
		return "the git server's data is damaged or incomplete", ""
	}},
	{[]string{"out of memory"}, func(j job) (string, string) {
		return "the git server's answer needs more memory than available, or more than 1 GiB",
			"does it have millions of branches and tags? if not, ask its admin what it answers"
	}},
	{[]string{"unadvertised object"}, func(j job) (string, string) {
		return "the git server allows a shallow clone only of the head of a branch or a tag, and " + j.args[1] +
			" is neither", "remove the depth; the server's admin can set uploadpack.allowReachableSHA1InWant"
	}},
	{[]string{"not our ref"}, missingCommit},
	{[]string{"dubious ownership"}, func(job) (string, string) {
		return "the repository belongs to another user", "log in as its owner, or use the URL of a git server"
	}},
	{[]string{"does not appear to be a git repository", "repository not found", "not found", "does not exist"},
		func(j job) (string, string) {
			return "there is no such repository, or the key may not read it", "check the repository's URL"
		}},
}

// noConfig returns a note that the ssh_config of a host is not read.
func noConfig(j job) string {
	if j.repo.Transport != SSH {
		return ""
	}
	return "\ngit on a host reads no ssh_config: repo has the server's own name and port, key the key, " +
		"git_proxy a ProxyCommand (recipes/app.lua)"
}

// missingCommit is the cause when a repository lacks the commit.
func missingCommit(j job) (cause, hint string) {
	return "the repository does not contain the commit " + j.args[1],
		"is it pushed, and reachable from a branch or a tag?"
}

// codeIncomplete is the exit status of receive.sh when the mirror does not have the whole commit.
const codeIncomplete = 106

// failure returns the error of a job that failed, or nil.
func failure(h *shell.Host, j job, result shell.Result) error {
	e := &Error{Host: h.Name(), Command: j.show, Code: result.Code, Tail: output.LastLines(result.Stderr)}
	hint := ""
	switch result.Code {
	case 90:
		e.Cause, hint = "there is no git on the host", "install it there: apt install git"
	case 91:
		e.Cause, hint = "cannot create a temporary file", "is the host's /tmp full, or read-only?"
	case 92:
		e.Cause, hint = "the path is not a bare repository", "move it away, or choose another path for the mirror"
	case 93:
		e.Cause, hint = j.args[2]+" exists already", "choose another release name"
	case 94:
		e.Cause, hint = missingCommit(j)
	case 95:
		e.Cause = "no such folder"
	case 96:
		e.Cause, hint = "the mirror belongs to another user, whose configuration git would obey",
			"move it away: the next release creates it again; or log in as its owner"
	case 97:
		e.Cause, hint = "the commit contains "+e.Tail+", which the release creates",
			"remove it from the repository, and list it in .gitignore"
	case 98:
		e.Cause, hint = fmt.Sprintf("the commit %.12s is not reachable from %s", j.args[1], j.args[4]),
			"was the branch reset? release again, or select the commit with --revision"
	case 99:
		e.Cause = fmt.Sprintf("git checked out a commit other than %.12s", j.args[1])
	case 100:
		e.Cause, hint = "cannot read the allowed signers in "+j.args[4],
			"create the file, with a line such as: ada@example.org ssh-ed25519 AAAA…"
	case 101:
		e.Cause, hint = "no ssh-keygen, which verifies signatures", "install OpenSSH"
	case 102, 104:
		e.Cause, hint = unsigned(j, e),
			"sign it: git config gpg.format ssh, and git commit -S or git tag -s; or add its signer to "+j.args[4]
	case 103:
		e.Cause, hint = fmt.Sprintf("no annotated tag points at the commit %.12s", j.args[1]),
			"sign one and push it: git tag -s"
	case 116, 117, 118:
		e.Cause, hint = lfsFailure(result.Code, e.Tail)
	case 105:
		e.Cause, hint = "the repository is a shallow or partial clone, which lacks a part of the history",
			"run in it: git fetch --unshallow"
	case codeIncomplete:
		e.Cause, hint = fmt.Sprintf("it lacks a part of what the commit %.12s consists of", j.args[1]),
			"is the repository that it was sent from damaged? git fsck tells"
	default:
		e.Cause, hint = e.diagnose(j, result.Stderr)
	}
	return event.WithHint(e, hint)
}

// unsigned explains why a commit or a tag is not accepted as signed.
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

// diagnose finds the cause in what git and ssh printed.
func (e *Error) diagnose(j job, stderr string) (cause, hint string) {
	said := strings.ToLower(stderr)
	for _, s := range symptoms {
		if slices.ContainsFunc(s.print, func(p string) bool { return strings.Contains(said, p) }) {
			return s.cause(j)
		}
	}
	return fmt.Sprintf("exit status %d: %s", e.Code, lastBlock(e.Tail)), ""
}

// blockLines limits the lines of a cause.
const blockLines = 5

// lastBlock returns the last lines that git and ssh printed, without what git adds to every failure
// of a transport.
func lastBlock(text string) string {
	var block []string
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); line {
		case "", "fatal: Could not read from remote repository.", "Please make sure you have the correct access rights",
			"and the repository exists.":
		default:
			block = append(block, line)
		}
	}
	if len(block) == 0 {
		return "it printed nothing more"
	}
	return strings.Join(block[max(0, len(block)-blockLines):], "\n    ")
}

// some lists at most n names.
func some(names []string, n int) string {
	slices.Sort(names)
	if len(names) > n {
		return strings.Join(names[:n], ", ") + " …"
	}
	return strings.Join(names, ", ")
}
