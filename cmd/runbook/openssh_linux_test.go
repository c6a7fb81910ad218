package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"runbook/runtime/lab/labtest"
)

// TestOpenSSHStories runs testdata/openssh/*.txtar, each against a lab of its own: two hosts with
// real OpenSSH, web1 and web2, and a git server. RUNBOOK_… variables set what the shipped app.lua
// cannot know: $RUNBOOK_HOSTS is the hosts file, in which root and runbook-git may log in, too, and
// $RUNBOOK_KEY the deploy key. $FIRST is the first commit, which requires greeting 1.0;
// $FIRST_SHORT has its first ten digits, and so on for later commits. $LAB is a folder that the
// hosts see, too. $RUNBOOK_PYTHON is the lab's Python, with a minimal pip; stories about
// virtualenvs and requirements set it to /usr/bin/python3.
//
// These commands exist besides those of testscript. They do not use runbook:
//
//	[!] inside HOST COMMAND…  run it on the host, as root
//	until HOST COMMAND…       run it on the host again and again, until it succeeds
//	served HOST REGEXP        ask for http://127.0.0.1:8000/ on the host, until the answer matches
//	daemons HOST N            wait until Apache has N daemon processes there, all of them new ones
//	quiet HOST                wait until the host runs nothing but its sshd and Apache
//	json HOST FILE            print the JSON objects of a file, one a line, with sorted keys
//	sshlog HOST               print what the host's sshd has logged
//	link HOST up|down         plug the host's network cable in or out
//	commit NAME VERSION       push a commit that needs this version of greeting; $NAME is its hash
//	push NAME FILE            push a commit with this file of the story in it; $NAME is its hash
//	status N COMMAND…         run it; it must end with exit status N
func TestOpenSSHStories(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/openssh",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               withOpenSSH,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"inside":  onHosts("inside HOST COMMAND…", -2, (*openSSHStory).inside),
			"until":   onHosts("until HOST COMMAND…", -2, (*openSSHStory).until),
			"served":  onHosts("served HOST REGEXP", 2, (*openSSHStory).served),
			"daemons": onHosts("daemons HOST N", 2, (*openSSHStory).daemons),
			"quiet":   onHosts("quiet HOST", 1, (*openSSHStory).quiet),
			"json":    onHosts("json HOST FILE", 2, (*openSSHStory).json),
			"sshlog":  onHosts("sshlog HOST", 1, (*openSSHStory).sshlog),
			"link":    onHosts("link HOST up|down", 2, (*openSSHStory).link),
			"commit":  onHosts("commit NAME VERSION", 2, (*openSSHStory).commit),
			"push":    onHosts("push NAME FILE", 2, (*openSSHStory).push),
			"status":  status,
		},
	})
}

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
	options := labtest.OpenSSHOptions{Hosts: []string{"web1", "web2"}, Config: "AllowUsers root " + labtest.GitUser}
	switch filepath.Base(env.WorkDir) {
	case "script-plan", "script-host_recipe":
		options.Hosts = append(options.Hosts, "web3") // in a state of its own
	case "script-release":
		options.GitConfig = "KexAlgorithms +curve25519-sha256" // all that OpenSSH accepts, in its order
	}
	o, err := labtest.NewOpenSSH(options)
	if err != nil {
		return fmt.Errorf("%w (.ci/test installs what is missing and uses sudo)", err)
	}
	env.Defer(func() {
		if err := o.Close(); err != nil {
			env.T().Log("closing the lab: ", err)
			env.T().FailNow()
		}
	})
	env.Values[storyKey{}] = &openSSHStory{lab: o, seen: map[string]bool{}}
	first, err := o.Commit("1.0")
	if err != nil {
		return err
	}
	tools, err := o.Tools("/usr/bin/python3") // hosts cannot use a Python in root's home
	if err != nil {
		return err
	}
	home := filepath.Join(env.WorkDir, ".home")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"HOME": home, "USER": "ada", "NO_COLOR": "1", "LAB": o.Dir,
		"FIRST": first, "FIRST_SHORT": first[:10],
		"RUNBOOK_HOSTS": o.HostsFile(), "RUNBOOK_KNOWN_HOSTS": o.KnownHosts(),
		"RUNBOOK_REPO": o.RepoURL(), "RUNBOOK_KEY": o.DeployKey(),
		"RUNBOOK_PIP_ARG": "--no-index\n--find-links=" + o.Wheels(), "RUNBOOK_PYTHON": tools.Python,
	} {
		env.Setenv(name, value)
	}
	setRaceOptions(env)
	return nil
}
