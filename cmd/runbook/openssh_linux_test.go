package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/runtime/lab"
)

// patience is how long a story waits for what a host is to come to. It is never waited out when all is well.
const patience = time.Minute

// TestOpenSSHStories runs testdata/openssh/*.txtar, each against a lab of its own: two hosts with real OpenSSH, web1
// and web2, and a git server. The RUNBOOK_… variables say what the shipped app.lua can't know: $RUNBOOK_HOSTS is the
// hosts file, $RUNBOOK_KEY the deploy key. $FIRST is the commit that is there at first, which needs greeting 1.0; every
// commit's first ten digits are in $FIRST_SHORT and so on. $LAB is a folder that the hosts see too.
//
// On top of testscript's own commands there are these, which don't go through runbook:
//
//	[!] inside HOST COMMAND…    run it on the host, as root
//	    until HOST SCRIPT       run the shell script on the host again and again, until it succeeds
//	    served HOST REGEXP      ask for http://127.0.0.1:8000/ on the host, until the answer matches
//	    quiet HOST              wait until the host runs nothing but its sshd and Apache
//	    json HOST FILE          print the JSON objects of a file, one a line, with their keys in order
//	    sshlog HOST             print what the host's sshd has logged
//	    link HOST up|down       plug the host's network cable in or out
//	    daemons HOST N          wait until Apache has N daemon processes there, all of them new since the last time
//	    commit NAME VERSION     push a commit that needs this version of greeting; $NAME becomes its hash
//	    push NAME FILE          push a commit with this file of the story in it; $NAME becomes its hash
//	    status N COMMAND…       run it; it must end with exit status N
func TestOpenSSHStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/openssh",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               withOpenSSH,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"inside": inside, "until": until, "served": served, "quiet": quiet, "json": jsonLines,
			"sshlog": sshlog, "link": link, "daemons": daemons, "commit": commit, "push": push, "status": status,
		},
	})
}

// labKey is where a story's lab is kept.
type labKey struct{}

func withOpenSSH(env *testscript.Env) error {
	for _, needed := range [][2]string{
		{"/usr/sbin/apache2", "apache2"},
		{"/usr/lib/apache2/modules/mod_wsgi.so", "libapache2-mod-wsgi-py3"},
		{"/usr/bin/python3", "python3"},
		{"/usr/bin/pypy3", "pypy3 and pypy3-venv"},
		{"/usr/bin/ps", "procps"},
	} {
		if _, err := os.Stat(needed[0]); err != nil {
			return fmt.Errorf("%w: install the Debian package %s, as .ci/test does", err, needed[1])
		}
	}
	o, err := lab.NewOpenSSH(lab.OpenSSHOptions{Hosts: []string{"web1", "web2"}})
	if err != nil {
		return fmt.Errorf("%w (.ci/test installs what is missing and uses sudo)", err)
	}
	env.Defer(func() {
		if err := o.Close(); err != nil {
			env.T().Log("closing the lab: ", err)
			env.T().FailNow()
		}
	})
	env.Values[labKey{}] = o
	env.Values[seenKey{}] = map[string]bool{}
	first, err := o.Commit("1.0")
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"HOME": home, "USER": "ada", "NO_COLOR": "1", "LAB": o.Dir(),
		"FIRST": first, "FIRST_SHORT": first[:10],
		"RUNBOOK_HOSTS": o.HostsFile(), "RUNBOOK_KNOWN_HOSTS": o.KnownHosts(),
		"RUNBOOK_REPO": o.RepoURL(), "RUNBOOK_KEY": o.DeployKey(),
		"RUNBOOK_PIP_ARG": "--no-index\n--find-links=" + o.Wheels(),
	} {
		env.Setenv(name, value)
	}
	return nil
}

func labOf(ts *testscript.TestScript) *lab.OpenSSH { return ts.Value(labKey{}).(*lab.OpenSSH) }

// calledWith checks how a command was called.
func calledWith(ts *testscript.TestScript, neg bool, args []string, n int, usage string) {
	if neg || len(args) != n {
		ts.Fatalf("usage: %s", usage)
	}
}

func show(ts *testscript.TestScript, text string) {
	_, err := fmt.Fprintln(ts.Stdout(), text)
	ts.Check(err)
}

func inside(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: inside HOST COMMAND…")
	}
	out, err := labOf(ts).Inside(args[0], args[1:]...)
	show(ts, out)
	switch {
	case neg && err == nil:
		ts.Fatalf("it succeeded on %s", args[0])
	case !neg:
		ts.Check(err)
	}
}

// eventually asks until what a host says is right, or fails with the last answer.
func eventually(ts *testscript.TestScript, what string, ask func() (answer string, right bool)) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		answer, right := ask()
		if right {
			show(ts, answer)
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s: not within %s; in the end it was\n%s", what, patience, answer)
		}
	}
}

func until(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "until HOST SCRIPT")
	o := labOf(ts)
	eventually(ts, args[0]+": "+args[1], func() (string, bool) {
		out, err := o.Inside(args[0], "sh", "-c", args[1])
		if err == nil {
			return out, true
		}
		listing, other := o.Inside(args[0], "ps", "-eo", "pid,user,args")
		ts.Check(other)
		return err.Error() + "\n" + listing, false
	})
}

// get prints the body of a page, whatever its status.
const get = `
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen("http://127.0.0.1:8000/", timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
`

func served(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "served HOST REGEXP")
	pattern, err := regexp.Compile(args[1])
	ts.Check(err)
	o := labOf(ts)
	eventually(ts, args[0]+" serves "+args[1], func() (string, bool) {
		out, err := o.Inside(args[0], "python3", "-c", get)
		if err != nil {
			out = err.Error()
		}
		return out, pattern.MatchString(out)
	})
}

// resident are the processes that may be on a host when nothing is done there.
var resident = regexp.MustCompile(`^\s*(1 |\d+ (ps -eo|/usr/sbin/apache2 |\(wsgi:))`)

func quiet(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 1, "quiet HOST")
	o := labOf(ts)
	eventually(ts, args[0]+" runs nothing more", func() (string, bool) {
		out, err := o.Inside(args[0], "ps", "-eo", "pid=,args=")
		ts.Check(err)
		var others []string
		for _, line := range strings.Split(out, "\n") {
			if !resident.MatchString(line) {
				others = append(others, line)
			}
		}
		return strings.Join(others, "\n"), len(others) == 0
	})
}

func jsonLines(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "json HOST FILE")
	out, err := labOf(ts).Inside(args[0], "cat", args[1])
	ts.Check(err)
	for _, line := range strings.Split(out, "\n") {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			ts.Fatalf("%s: %v: %s", args[1], err, line)
		}
		ordered, err := json.Marshal(object)
		ts.Check(err)
		show(ts, string(ordered))
	}
}

func sshlog(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 1, "sshlog HOST")
	text, err := labOf(ts).Log(args[0])
	ts.Check(err)
	show(ts, text)
}

func link(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "link HOST up|down")
	ts.Check(labOf(ts).Link(args[0], args[1] == "up"))
}

// seenKey is where the daemon processes are kept that daemons has seen: "HOST PID".
type seenKey struct{}

func daemons(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "daemons HOST N")
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	o, seen := labOf(ts), ts.Value(seenKey{}).(map[string]bool)
	var now []string
	eventually(ts, args[0]+" has "+args[1]+" new daemon processes", func() (string, bool) {
		out, err := o.Inside(args[0], "ps", "-eo", "pid=,args=")
		ts.Check(err)
		now = nil
		old := false
		for _, line := range strings.Split(out, "\n") {
			if pid, title, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(title, "(wsgi:") {
				now = append(now, args[0]+" "+pid)
				old = old || seen[args[0]+" "+pid]
			}
		}
		return out, len(now) == want && !old
	})
	for _, one := range now {
		seen[one] = true
	}
}

func commit(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "commit NAME VERSION")
	sha, err := labOf(ts).Commit(args[1])
	ts.Check(err)
	setCommit(ts, args[0], sha)
}

func push(ts *testscript.TestScript, neg bool, args []string) {
	calledWith(ts, neg, args, 2, "push NAME FILE")
	repo, err := labOf(ts).Repo()
	ts.Check(err)
	sha, err := repo.CommitFiles(args[1], map[string]string{args[1]: ts.ReadFile(args[1])})
	ts.Check(err)
	setCommit(ts, args[0], sha)
}

func setCommit(ts *testscript.TestScript, name, sha string) {
	ts.Setenv(name, sha)
	ts.Setenv(name+"_SHORT", sha[:10])
}
