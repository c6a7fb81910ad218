package lab_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/lab"
)

func TestCommand(t *testing.T) {
	l := newLab(t)
	h := host(t, l, "web1")
	client := dial(t, l, h)

	got := output(t, client, `echo "$HOME $PWD $USER $SHELL ${SSH_AUTH_SOCK-no agent}"`)
	if want := h.Home + " " + h.Home + " deploy /bin/sh no agent"; got != want {
		t.Errorf("environment: %q, want %q", got, want)
	}

	s := session(t, client)
	s.Stdin = strings.NewReader("in\n")
	var stdout, stderr bytes.Buffer
	s.Stdout, s.Stderr = &stdout, &stderr
	err := s.Run("cat; echo err >&2; exit 3")
	var exit *gossh.ExitError
	if !errors.As(err, &exit) || exit.ExitStatus() != 3 || stdout.String() != "in\n" || stderr.String() != "err\n" {
		t.Errorf("got %v, stdout %q, stderr %q", err, stdout.String(), stderr.String())
	}

	if err := session(t, client).Run("kill -s KILL $$"); !errors.As(err, &exit) || exit.Signal() != "KILL" {
		t.Errorf("a killed command: %v", err)
	}
	s = session(t, client)
	if err := s.Setenv("LC_TIME", "C.UTF-8"); err != nil {
		t.Errorf("a variable that Debian's sshd accepts: %v", err)
	}
	if err := s.Setenv("SSH_AUTH_SOCK", "/elsewhere"); err == nil {
		t.Error("accepted a variable that Debian's sshd refuses")
	}
	if out, err := s.Output("echo $LC_TIME$SSH_AUTH_SOCK"); err != nil || string(out) != "C.UTF-8\n" {
		t.Errorf("got %q, %v", out, err)
	}
	if got := h.Operations(); got != 4 {
		t.Errorf("%d operations, want 4", got)
	}
}

func TestOutputLargerThanAnyBuffer(t *testing.T) {
	l := newLab(t)
	client := dial(t, l, host(t, l, "web1"))
	s := session(t, client)
	s.Stdin = io.LimitReader(zeros{}, 3000000)
	out, err := s.Output("cat")
	if err != nil || len(out) != 3000000 {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestShell(t *testing.T) {
	l := newLab(t)
	s := session(t, dial(t, l, host(t, l, "web1")))
	s.Stdin = strings.NewReader("echo one\necho two\nexit 4\n")
	var out bytes.Buffer
	s.Stdout = &out
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	var exit *gossh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.ExitStatus() != 4 || out.String() != "one\ntwo\n" {
		t.Errorf("%v, %q", err, out.String())
	}
}

// A signal goes to the process group, so it reaches the children of the shell.
func TestSignalReachesTheGroup(t *testing.T) {
	l := newLab(t)
	s := session(t, dial(t, l, host(t, l, "web1")))
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("sleep 1000 & echo ready; wait"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Signal(gossh.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var exit *gossh.ExitError
	if err := s.Wait(); !errors.As(err, &exit) || exit.Signal() != "TERM" {
		t.Errorf("got %v", err)
	}
	left, err := l.Processes.List()
	if err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// As under OpenSSH, a command outlives its connection, with its stdin closed.
func TestLostConnection(t *testing.T) {
	l := newLab(t)
	h := host(t, l, "web1")
	s := session(t, dial(t, l, h))
	in, err := s.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("echo ready; read line; echo \"ended <$line>\" > read.new; mv read.new read"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	h.KillConnections()
	if err := s.Wait(); err == nil {
		t.Error("the command succeeded on a lost connection")
	}
	eventually(t, "the command reads the end of its stdin", func() bool {
		text, err := os.ReadFile(filepath.Join(h.Home, "read"))
		return err == nil && string(text) == "ended <>\n"
	})
}

// Close ends running commands, their background processes, and daemons in other sessions.
func TestCloseEndsEverything(t *testing.T) {
	l := newLab(t)
	client := dial(t, l, host(t, l, "web1"))
	output(t, client, "sleep 1001 >/dev/null 2>&1 & echo started")
	if _, err := exec.LookPath("setsid"); err == nil {
		output(t, client, "setsid sleep 1002 >/dev/null 2>&1 & echo started")
	}
	s := session(t, client)
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start("trap '' TERM; echo ready; sleep 1003"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	left, err := l.Processes.List()
	if err != nil || len(left) < 3 {
		t.Errorf("before: %v, %v", left, err)
	}
	// newLab checks that nothing is left.
}

func TestRefuse(t *testing.T) {
	l := newLab(t)
	h := host(t, l, "web1")
	h.Refuse(lab.Agent, lab.Forwarding)
	client := dial(t, l, h)
	if ok, err := session(t, client).SendRequest("auth-agent-req@openssh.com", true, nil); ok || err != nil {
		t.Errorf("agent: %v, %v", ok, err)
	}
	if _, err := client.Dial("tcp", net.JoinHostPort(h.Addr, fmt.Sprint(h.Port))); err == nil {
		t.Error("a tunnel was not refused")
	}
}

// A host works as a bastion: the second connection goes through the first.
func TestTunnel(t *testing.T) {
	l := newLab(t)
	bastion, inner := host(t, l, "bastion"), host(t, l, "web1")
	address := net.JoinHostPort(inner.Addr, fmt.Sprint(inner.Port))
	through, err := dial(t, l, bastion).Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	// x/crypto reports 0.0.0.0 as the address of a channel, which known_hosts does not have.
	config := clientConfig(t, l)
	verify := config.HostKeyCallback
	config.HostKeyCallback = func(name string, _ net.Addr, key gossh.PublicKey) error {
		return verify(name, &net.TCPAddr{IP: net.ParseIP(inner.Addr), Port: inner.Port}, key)
	}
	conn, channels, requests, err := gossh.NewClientConn(through, address, config)
	if err != nil {
		t.Fatal(err)
	}
	client := gossh.NewClient(conn, channels, requests)
	defer client.Close()
	if got := output(t, client, "pwd"); got != inner.Home {
		t.Errorf("got %q", got)
	}
	if _, _, err := client.SendRequest("keepalive@openssh.com", true, nil); err != nil {
		t.Error(err)
	}
}

func TestUnknownUser(t *testing.T) {
	l := newLab(t, "web1")
	h := host(t, l, "web2")
	config := clientConfig(t, l)
	config.User = "root"
	if _, err := gossh.Dial("tcp", net.JoinHostPort(h.Addr, fmt.Sprint(h.Port)), config); err == nil {
		t.Error("another user can log in")
	}
	if h.Logins() != 0 {
		t.Errorf("%d logins", h.Logins())
	}
}

func TestSessionsAreLimited(t *testing.T) {
	l := newLab(t)
	client := dial(t, l, host(t, l, "web1"))
	for range 10 {
		session(t, client)
	}
	if _, err := client.NewSession(); err == nil {
		t.Error("an eleventh session was opened")
	}
}
