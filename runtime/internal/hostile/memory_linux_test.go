package hostile_test

import (
	"archive/tar"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	gossh "golang.org/x/crypto/ssh"

	"runbook/runtime/internal/hostile"
)

// mostMemory is the memory limit of a run against any host.
const mostMemory = 200e6

// named lists folders endlessly, with names of the given length.
func named(length int) hostile.Attacks {
	script := fmt.Sprintf(`yes "$(head -c %d /dev/zero | tr '\0' x)" | exec tr '\n' '\0'`, length)
	return hostile.Attacks{Programs: map[string]string{"find": script}}
}

// A run against a host that sends endlessly ends, reports which limit was exceeded, and stays below
// the memory limit.
func TestMemory(t *testing.T) {
	runbook := build(t)
	const locking = `each(hosts, function(host)
	host:lock("LOCK")
	for _ = 1, 20 do
		host:run("sleep 0.1")
	end
end)`
	toStdout := func(text string) func(stdout, stderr io.Writer) {
		return func(stdout, _ io.Writer) { hostile.Flood(stdout, text) }
	}
	toStderr := func(text string) func(stdout, stderr io.Writer) {
		return func(_, stderr io.Writer) { hostile.Flood(stderr, text) }
	}
	for _, c := range []struct {
		name    string
		attacks hostile.Attacks
		recipe  string
		want    string // on stderr
		args    []string
	}{
		{"greeting", hostile.Attacks{Greet: toStdout("x")}, `each(hosts, function(host) host:run("true") end)`,
			"more than 64 KiB", nil},
		{"greeting on stderr", hostile.Attacks{Greet: toStderr("x\n")},
			`each(hosts, function(host) host:run("true") end)`, "more than 64 KiB", nil},
		{"session", hostile.Attacks{Greet: toStderr("x")},
			`each(hosts, function(host) host:run("cat", { stdin = "x" }) end)`, "more than 64 KiB", nil},
		{"keeper", hostile.Attacks{Keep: toStderr("x")}, locking, "was lost", nil},
		{"keeper's words", hostile.Attacks{Keep: toStdout("x")}, locking, "was lost", nil},
		{"captured output", hostile.Attacks{},
			`each(hosts, function(host) host:run("head -c 100000000 /dev/zero | tr '\\0' x") end)`, "more than 16 MiB",
			nil},
		{"captured lines", hostile.Attacks{},
			`each(hosts, function(host) host:capture("yes 123456789 | head -c 100000000 >&2") end)`, "more than 16 MiB", nil},
		{"long names", named(250), `each(hosts, function(host) host.fs:list("/srv") end)`, "more than 64 MiB", nil},
		{"short names", named(12), `each(hosts, function(host) host.fs:list("/srv") end)`, "more than 1000000 names",
			nil},
		{"a huge name", hostile.Attacks{Programs: map[string]string{"find": `exec tr '\0' x </dev/zero`}},
			`each(hosts, function(host) host.fs:list("/srv") end)`, "more than 4 KiB", nil},
		{"sparse archive", hostile.Attacks{Programs: map[string]string{
			"tar": `hole=$(mktemp -d) && cd "$hole" && truncate -s 1T hole && ` +
				`exec env PATH=/usr/bin:/bin tar -S -cf - .`}},
			`each(hosts, function(host) host:download("FOLDER", "DOWN") end)`, "holes", nil},
		{"endless archive", hostile.Attacks{Programs: map[string]string{"tar": `exec cat ARCHIVE /dev/zero`}},
			`each(hosts, function(host) host:download("FOLDER", "DOWN", { max = 100000000 }) end)`,
			"more than 100000000 bytes", nil},
		{"endless answer of changed", hostile.Attacks{Programs: map[string]string{"find": `exec tr '\0' x </dev/zero`}},
			`each(hosts, function(host) host:upload("FOLDER", "FOLDER", { changed = true }) end)`, "more than 4 KiB",
			nil},
		{"shown output", hostile.Attacks{},
			`each(hosts, function(host) host:run("yes 123456789 | head -c 100000000", { max = 1000 }) end)`,
			"more than 1000 bytes", []string{"-v"}},
		{"agent", hostile.Attacks{Agent: floodAgent}, `
agent.forward({ keys = { "KEY" }, to = { "git@127.0.0.1:PORT" } }, function()
	each(hosts, function(host) host:run("sleep 3") end)
end)`, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			archive := filepath.Join(dir, "archive")
			for name, script := range c.attacks.Programs {
				c.attacks.Programs[name] = strings.ReplaceAll(script, "ARCHIVE", archive)
			}
			server := hostile.Start(t, c.attacks)
			recipe := "recipe {}\n" + strings.NewReplacer("LOCK", dir+"/lock", "FOLDER", dir+"/folder", "DOWN",
				dir+"/down", "KEY", dir+"/key",
				"PORT", strconv.Itoa(server.Port)).Replace(c.recipe) + "\n"
			known := fmt.Sprintf("[127.0.0.1]:%d %s\n", server.Port, server.HostKey)
			hosts := fmt.Sprintf(`return { { name = "web1", address = "127.0.0.1", port = %d, `+
				`user = "x", host_key = %q } }`, server.Port, server.HostKey)
			for name, text := range map[string]string{"r.lua": recipe, "hosts.lua": hosts, "known": known,
				"archive": endlessArchive(t), "key": privateKey(t)} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, runbook,
				append([]string{"run", "r.lua", "--hosts", "hosts.lua", "--known-hosts", "known"}, c.args...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "SSH_AUTH_SOCK=", "NO_COLOR=1")
			cmd.Env = append(cmd.Env, "TERM=xterm", "CI=")
			shown := onTerminal(t, cmd)
			peak, err := peakMemory(cmd)
			text, journal := shown(), journalSize(t, dir)
			if ctx.Err() != nil {
				t.Error("timed out")
			}
			if c.want == "" && err != nil || !strings.Contains(text, c.want) {
				t.Errorf("%v; output:\n%.3000s", err, text)
			}
			t.Logf("%d MB, %d kB of journal", peak/1e6, journal/1000)
			if journal > 5<<20 {
				t.Errorf("the journal has %d bytes", journal)
			}
			if peak > mostMemory {
				t.Errorf("peak memory is %d MB", peak/1e6)
			}
		})
	}
}

// Output that waits for a terminal is limited to what a screen can show.
func TestExecTakesNoMemory(t *testing.T) {
	r := newRunner(t, hostile.Attacks{})
	cmd := r.command(nil, "exec", "--", "yes 123456789 | head -c 100000000")
	shown := onTerminal(t, cmd)
	peak, err := peakMemory(cmd)
	if text := shown(); err != nil || !strings.Contains(text, "bytes of output omitted") {
		t.Errorf("%v; output:\n%.3000s", err, text)
	}
	t.Logf("%d MB", peak/1e6)
	if peak > mostMemory {
		t.Errorf("peak memory is %d MB", peak/1e6)
	}
}

// peakMemory runs cmd and returns its peak memory. It polls /proc, because the rusage of wait(2)
// includes the memory of this process, which a new process shares until exec.
func peakMemory(cmd *exec.Cmd) (peak int64, err error) {
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			return peak, err
		case <-tick.C:
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // it may have exited
		for line := range strings.Lines(string(status)) {
			if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
				kib, err := strconv.ParseInt(fields[1], 10, 64)
				if err != nil {
					return peak, err
				}
				peak = max(peak, kib<<10)
			}
		}
	}
}

// endlessArchive returns the header of a tar archive with a file of 1 TiB.
func endlessArchive(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 40,
		Mode: 0o600}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func privateKey(t *testing.T) string {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := gossh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(block))
}

// floodAgent keeps opening connections to the agent, floods each with requests and reads no
// answers.
func floodAgent(conn *gossh.ServerConn) {
	request := append([]byte{0, 3, 0, 0, 99}, make([]byte, 3<<16-1)...)
	for {
		ch, requests, err := conn.OpenChannel("auth-agent@openssh.com", nil)
		var refused *gossh.OpenChannelError
		if errors.As(err, &refused) {
			continue
		}
		if err != nil {
			return
		}
		go gossh.DiscardRequests(requests)
		go hostile.Flood(ch, string(request))
	}
}

// onTerminal connects cmd to a terminal, whose live view keeps more in memory than plain lines.
// shown closes the terminal and returns the end of what it showed.
func onTerminal(t *testing.T, cmd *exec.Cmd) (shown func() string) {
	t.Helper()
	file, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 40, Cols: 500}); err != nil { // wide enough for a message
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = terminal, terminal
	ended := make(chan struct{})
	var text []byte
	go func() {
		defer close(ended)
		piece := make([]byte, 64<<10)
		for {
			n, err := file.Read(piece)
			if text = append(text, piece[:n]...); len(text) > 1<<20 {
				text = append(text[:0], text[len(text)-(64<<10):]...)
			}
			if err != nil { // a terminal ends with an error
				return
			}
		}
	}()
	return func() string {
		_ = terminal.Close()
		<-ended
		_ = file.Close()
		return string(text)
	}
}

func journalSize(t *testing.T, state string) int64 {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(state, "runbook", "runs", "*.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	info, err := os.Stat(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
