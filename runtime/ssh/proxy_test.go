package ssh

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/inventory"
)

// relay is a proxy command: a little program that connects its input and output with a server.
const relay = `import socket, sys, threading, os
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def up():
    while True:
        b = os.read(0, 65536)
        if not b: break
        s.sendall(b)
    s.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while True:
    b = s.recv(65536)
    if not b: break
    os.write(1, b)
`

func through(argv ...string) *inventory.Proxy {
	return &inventory.Proxy{Argv: argv, From: "hosts.lua:1: proxy"}
}

// TestProxy connects through a command, to a server whose name nobody could resolve. The host's key
// is verified.
func TestProxy(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	target.Address, target.Port = "web1.invalid", 22
	known := target.KnownHosts[0]
	must(t, os.WriteFile(known, []byte("web1.invalid "+s.HostKey+"\n"), 0o600))
	pids := filepath.Join(t.TempDir(), "pid")
	target.Proxy = through("/bin/sh", "-c", `echo $$ >> "$1"; echo hello >&2; exec /usr/bin/python3 -c "$2" "$3"`, "sh",
		pids, relay, portOf(s))
	d := newDialer(t, Options{})
	c, err := d.Dial(t.Context(), target)
	must(t, err)
	must(t, c.Close())
	// The proxy of a closed connection has ended.
	text, err := os.ReadFile(pids)
	must(t, err)
	if out, err := exec.Command("kill", "-0", strings.TrimSpace(string(text))).CombinedOutput(); err == nil {
		t.Errorf("the proxy still runs: %s", out)
	}
	must(t, os.WriteFile(known, nil, 0o600))
	var unknown *UnknownKeyError
	if err := dial(t.Context(), t, d, target); !errors.As(err, &unknown) ||
		!strings.Contains(unknown.Accept, "web1.invalid") {
		t.Errorf("unknown key: %v", err)
	}
	// The error of a lost connection includes what its proxy printed.
	must(t, os.WriteFile(known, []byte("web1.invalid "+s.HostKey+"\n"), 0o600))
	target.Proxy = through("/bin/sh", "-c", `/usr/bin/python3 -c "$1" "$2"; echo "tunnel broke" >&2; exit 3`, "sh",
		relay, portOf(s))
	c, err = d.Dial(t.Context(), target)
	must(t, err)
	s.DropConnections(t)
	<-c.Done()
	if lost := c.Lost().Error(); lost != "the proxy command ended with exit status 3: tunnel broke" {
		t.Error(lost)
	}
	must(t, c.Close())
}

// TestProxyBastion: a proxy may lead to a jump host, and hosts with another proxy do not share it.
func TestProxyBastion(t *testing.T) {
	s := sshtest.Start(t)
	bastion, target := s.Target(t), s.Target(t)
	bastion.Address, bastion.Port, bastion.HostKey = "gate.invalid", 22, s.HostKey
	bastion.Proxy = through("/usr/bin/python3", "-c", relay, portOf(s))
	target.Via = &bastion
	d := newDialer(t, Options{})
	must(t, dial(t.Context(), t, d, target))
	other := bastion
	other.Proxy = through("/bin/sh", "-c", "echo no way >&2; exit 1")
	target.Via = &other
	if err := dial(t.Context(), t, d, target); err == nil ||
		!strings.Contains(err.Error(), "bastion web1: gate.invalid:22 can't be reached through a proxy: "+
			"the proxy command ended with exit status 1: no way") {
		t.Error(err)
	}
}

// TestProxyFails: every way in which a proxy fails has an error that names the reason and the place
// of the command.
func TestProxyFails(t *testing.T) {
	for _, c := range []struct {
		name, script, want string
		cause              Cause
	}{
		{"status", "echo one >&2; echo 'no route: two' >&2; exit 127",
			"the proxy command ended with exit status 127: one; no route: two", NoProxy},
		{"silent status", "exit 4", "the proxy command ended with exit status 4", NoProxy},
		{"signal", "kill -KILL $$", "the proxy command ended with signal: killed", NoProxy},
		{"words and success", "echo 'not logged in' >&2", "the proxy command ended with exit status 0: not logged in",
			NoProxy},
		{"nothing", "exit 0", "the proxy command ends and prints nothing", NoHandshake},
		{"no answer", "echo 'open https://login.example' >&2; exec sleep 60",
			"no answer within 1s; it printed: open https://login.example", TimedOut},
		{"ignores signals", "trap '' HUP TERM; echo wait >&2; while :; do sleep 1; done",
			"no answer within 1s; it printed: wait", TimedOut},
		{"left behind", "sleep 60 & echo child >&2; exit 1", "the proxy command ended with exit status 1: child",
			NoProxy},
		{"another protocol", "printf 'HTTP/1.1 407 Proxy Authentication Required\\r\\n\\r\\n'",
			`it answers "HTTP/1.1 407 Proxy Authentication Required", which is not SSH`, NoHandshake},
		{"floods", "head -c 3000000 /dev/zero | tr '\\0' x >&2; echo last >&2; exit 1",
			"the proxy command ended with exit status 1: x", NoProxy},
		{"control characters", "printf '\\033[31mred\\007\\n' >&2; exit 1",
			`the proxy command ended with exit status 1: `, NoProxy},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := inventory.Host{Name: "web1", Address: "web1.invalid", Port: 22, User: "me", IdentityAgent: "none",
				KnownHosts: []string{},
				Proxy:      through("/bin/sh", "-c", c.script)}
			target.Proxy.Line = "the line"
			d := newDialer(t, Options{ConnectTimeout: time.Second})
			err := dial(t.Context(), t, d, target)
			var failed *ConnectError
			if !errors.As(err, &failed) || failed.Cause != c.cause {
				t.Fatalf("%v, cause %v", err, failed)
			}
			if IsUnreachable(err) != (c.cause != NoHandshake) {
				t.Errorf("unreachable: %v", IsUnreachable(err))
			}
			if text := err.Error(); !strings.HasPrefix(text,
				"web1.invalid:22 can't be reached through a proxy: "+c.want) ||
				!strings.HasSuffix(text, " (hosts.lua:1: proxy)") || strings.ContainsAny(text, "\x1b\x07\n") ||
				len(text) > 2000 {
				t.Errorf("got %s", text)
			}
			if !strings.HasSuffix(event.Hint(err), "SSH-2.0: the line") {
				t.Errorf("hint %s", event.Hint(err))
			}
		})
	}
	target := inventory.Host{Name: "web1", Address: "web1.invalid", Port: 22, User: "me",
		Proxy: through("/nonexistent/aws", "a b")}
	err := dial(t.Context(), t, newDialer(t, Options{}), target)
	if err == nil || !strings.Contains(err.Error(), "no such file") ||
		!strings.HasSuffix(event.Hint(err), "/nonexistent/aws 'a b'") {
		t.Errorf("%v, hint %s", err, event.Hint(err))
	}
}

// TestAddressFamily: a host without an address of the family cannot be reached.
func TestAddressFamily(t *testing.T) {
	s := sshtest.Start(t)
	target := s.Target(t)
	d := newDialer(t, Options{})
	target.AddressFamily = "inet"
	must(t, dial(t.Context(), t, d, target))
	target.AddressFamily = "inet6"
	if err := dial(t.Context(), t, d, target); err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Error(err)
	}
}
