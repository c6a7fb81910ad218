//go:build unix

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"runbook/runtime/lab/labtest"
)

// TestGitAsksNobodyOnThisMachine lets git fail to log in. On this machine, unlike on a host, ssh
// could ask for a password on the terminal. It must not: git fails at once.
func TestGitAsksNobodyOnThisMachine(t *testing.T) {
	server := labtest.StartSSHD(t, nil, "PasswordAuthentication yes")
	dir := t.TempDir()
	recipe := fmt.Sprintf("recipe {}\nlocalhost.git:resolve(\"ssh://%s@127.0.0.1:%d/app.git\", \"main\")\n",
		server.User, server.Port)
	if err := os.WriteFile(filepath.Join(dir, "r.lua"), []byte(recipe), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("runbook", "run", "r.lua", "--known-hosts", server.KnownHosts)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "SSH_AUTH_SOCK=", "TERM=xterm", "CI=",
		"NO_COLOR=1")
	s := onTerminal(t, cmd)
	if said := s.expect("the git server refused the login"); strings.Contains(said, "assword:") {
		t.Errorf("it asked: %s", said)
	}
}
