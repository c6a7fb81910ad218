package git_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh/shell"
)

// Nobody can answer on a host. Where ssh would ask for a password and git for a user, with any
// program of the host, they fail at once.
func TestAsksNobody(t *testing.T) {
	b := newBench(t)
	server := labtest.StartSSHD(t, nil, "PasswordAuthentication yes")
	b.git.KnownHosts = []string{server.KnownHosts}
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer web.Close()

	asked, program := filepath.Join(b.dir, "asked"), filepath.Join(b.dir, "askpass")
	b.write(program, fmt.Sprintf("#!/bin/sh\necho \"$1\" >> %s\n", asked))
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(b.dir, "gitconfig")
	b.write(config, "[core]\n\taskPass = "+program+"\n")
	ctx := shell.WithEnv(b.ctx, b.host, map[string]string{
		"DISPLAY": ":0", "SSH_ASKPASS": program, "SSH_ASKPASS_REQUIRE": "force", "GIT_ASKPASS": program,
		"GIT_CONFIG_GLOBAL": config, "GIT_SSL_NO_VERIFY": "1",
	})
	_, err := b.git.Resolve(ctx, b.host, fmt.Sprintf("ssh://%s@127.0.0.1:%d/app.git", server.User, server.Port), "main")
	b.fails(err, "the git server refused the login", "--key")
	_, err = b.git.Resolve(ctx, b.host, web.URL+"/app.git", "main")
	b.fails(err, "the git server refused the login", "")
	if questions, err := os.ReadFile(asked); err == nil {
		t.Errorf("asked: %s", questions)
	}
}
