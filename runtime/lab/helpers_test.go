package lab_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"runbook/runtime/lab"
	"runbook/runtime/lab/labtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newLab starts a lab with a git server. At the end of the test it is closed, and must have left no
// process.
func newLab(t *testing.T, names ...string) *labtest.Lab {
	t.Helper()
	var l *labtest.Lab
	t.Cleanup(func() { // runs after the lab's own cleanup
		if l == nil {
			return
		}
		left, err := l.Processes.List()
		if err != nil {
			t.Error(err)
		}
		for _, p := range left {
			t.Errorf("process %d is left: %s", p.ID, p.Command)
		}
	})
	l = labtest.StartWithGit(t, names...)
	return l
}

func host(t *testing.T, l *labtest.Lab, name string) *lab.Host {
	t.Helper()
	h, err := l.Host(name)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// clientConfig logs in with the admin's key and trusts what known_hosts says.
func clientConfig(t *testing.T, l *labtest.Lab) *gossh.ClientConfig {
	t.Helper()
	pem, err := os.ReadFile(l.AdminKey())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := gossh.ParsePrivateKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	verify, err := knownhosts.New(l.KnownHosts())
	if err != nil {
		t.Fatal(err)
	}
	return &gossh.ClientConfig{
		User: lab.User, Auth: []gossh.AuthMethod{gossh.PublicKeys(signer)}, HostKeyCallback: verify,
	}
}

func dial(t *testing.T, l *labtest.Lab, h *lab.Host) *gossh.Client {
	t.Helper()
	client, err := gossh.Dial("tcp", net.JoinHostPort(h.Addr, fmt.Sprint(h.Port)), clientConfig(t, l))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return client
}

func session(t *testing.T, client *gossh.Client) *gossh.Session {
	t.Helper()
	s, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func output(t *testing.T, client *gossh.Client, command string) string {
	t.Helper()
	out, err := session(t, client).CombinedOutput(command)
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// eventually polls a condition and fails the test if it does not hold within 20 s.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if !within(holds) {
		t.Fatalf("not within 20 s: %s", what)
	}
}

// within polls a condition and reports whether it holds within 20 s.
func within(holds func() bool) bool {
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}
