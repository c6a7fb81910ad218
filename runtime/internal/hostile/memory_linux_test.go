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

// mostMemory is the most memory that a run may take, whatever a host does to it.
const mostMemory = 200e6

// names lists a folder without end: n names a packet, each so long, all of them different.
func names(n, length int) func(int) []string {
	return func(packet int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("%0*d", length, packet*n+i)
		}
		return out
	}
}

// A run against a host that sends without end ends by itself, says what was too much, and takes no memory for it.
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
		name     string
		misdeeds hostile.Misdeeds
		recipe   string
		want     string // on stderr
		args     []string
	}{
		{"greeting", hostile.Misdeeds{Greet: toStdout("x")}, `each(hosts, function(host) host:run("true") end)`, "more than 64 KiB", nil},
		{"greeting on stderr", hostile.Misdeeds{Greet: toStderr("x\n")}, `each(hosts, function(host) host:run("true") end)`, "more than 64 KiB", nil},
		{"session", hostile.Misdeeds{Greet: toStderr("x")}, `each(hosts, function(host) host:run("cat", { stdin = "x" }) end)`, "more than 64 KiB", nil},
		{"keeper", hostile.Misdeeds{Keep: toStderr("x")}, locking, "was lost", nil},
		{"keeper's words", hostile.Misdeeds{Keep: toStdout("x")}, locking, "was lost", nil},
		{"captured output", hostile.Misdeeds{}, `each(hosts, function(host) host:run("head -c 100000000 /dev/zero | tr '\\0' x") end)`, "more than 16 MiB", nil},
		{"captured lines", hostile.Misdeeds{}, `each(hosts, function(host) host:capture("yes | head -c 100000000 >&2") end)`, "more than 16 MiB", nil},
		{"long names", hostile.Misdeeds{Names: names(900, 250)}, `each(hosts, function(host) host.fs:list("/srv") end)`, "more than 256 MiB", nil},
		{"short names", hostile.Misdeeds{Names: names(5000, 12)}, `each(hosts, function(host) host.fs:list("/srv") end)`, "more than 1000000 names", nil},
		{"a huge name", hostile.Misdeeds{Names: names(1, 200_000)}, `each(hosts, function(host) host.fs:list("/srv") end)`, "more than 4 KiB", nil},
		{"sparse archive", hostile.Misdeeds{Programs: map[string]string{"tar": `hole=$(mktemp -d) && cd "$hole" && truncate -s 1T hole && exec env PATH=/usr/bin:/bin tar -S -cf - .`}},
			`each(hosts, function(host) host:download("FOLDER", "DOWN") end)`, "holes", nil},
		{"endless archive", hostile.Misdeeds{Programs: map[string]string{"tar": `exec cat ARCHIVE /dev/zero`}},
			`each(hosts, function(host) host:download("FOLDER", "DOWN", { max = 100000000 }) end)`, "more than 100000000 bytes", nil},
		{"endless answer of changed", hostile.Misdeeds{Programs: map[string]string{"find": `exec tr '\0' x </dev/zero`}},
			`each(hosts, function(host) host:upload("FOLDER", "FOLDER", { changed = true }) end)`, "more than 4 KiB", nil},
		{"shown output", hostile.Misdeeds{}, `each(hosts, function(host) host:run("yes | head -c 100000000", { max = 1000 }) end)`, "more than 1000 bytes", []string{"-v"}},
		{"agent", hostile.Misdeeds{Agent: floodAgent}, `
agent.forward({ keys = { "KEY" }, to = { "git@127.0.0.1:PORT" } }, function()
	each(hosts, function(host) host:run("sleep 3") end)
end)`, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			archive := filepath.Join(dir, "archive")
			for name, script := range c.misdeeds.Programs {
				c.misdeeds.Programs[name] = strings.ReplaceAll(script, "ARCHIVE", archive)
			}
			server := hostile.Start(t, c.misdeeds)
			recipe := "recipe {}\n" + strings.NewReplacer("LOCK", dir+"/lock", "FOLDER", dir+"/folder", "DOWN", dir+"/down", "KEY", dir+"/key",
				"PORT", strconv.Itoa(server.Port)).Replace(c.recipe) + "\n"
			known := fmt.Sprintf("[127.0.0.1]:%d %s\n", server.Port, server.HostKey)
			hosts := fmt.Sprintf(`return { { name = "web1", address = "127.0.0.1", port = %d, user = "x", host_key = %q } }`, server.Port, server.HostKey)
			for name, text := range map[string]string{"r.lua": recipe, "hosts.lua": hosts, "known": known, "archive": endlessArchive(t), "key": privateKey(t)} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, runbook, append([]string{"run", "r.lua", "--hosts", "hosts.lua", "--known-hosts", "known"}, c.args...)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_STATE_HOME="+dir, "SSH_AUTH_SOCK=", "NO_COLOR=1")
			cmd.Env = append(cmd.Env, "TERM=xterm", "CI=")
			said := onTerminal(t, cmd)
			peak, err := peakMemory(cmd)
			text, journal := said(), journalSize(t, dir)
			if ctx.Err() != nil {
				t.Error("it did not end")
			}
			if c.want == "" && err != nil || !strings.Contains(text, c.want) {
				t.Errorf("%v; it said:\n%.3000s", err, text)
			}
			t.Logf("%d MB, %d kB of journal", peak/1e6, journal/1000)
			if journal > 5<<20 {
				t.Errorf("the journal has %d bytes", journal)
			}
			if peak > mostMemory {
				t.Errorf("it took %d MB", peak/1e6)
			}
		})
	}
}

// What is shown on a terminal waits there, and no more of it than a screen is good for.
func TestExecTakesNoMemory(t *testing.T) {
	r := newRunner(t, hostile.Misdeeds{})
	cmd := r.command(nil, "exec", "--", "yes | head -c 100000000")
	shown := onTerminal(t, cmd)
	peak, err := peakMemory(cmd)
	if text := shown(); err != nil || !strings.Contains(text, "bytes of output left out") {
		t.Errorf("%v; it said:\n%.3000s", err, text)
	}
	t.Logf("%d MB", peak/1e6)
	if peak > mostMemory {
		t.Errorf("it took %d MB", peak/1e6)
	}
}

// peakMemory runs cmd and returns the most memory that it had. The resources that wait(2) tells of hold those of this process,
// too, whose memory a new process shares for a moment.
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
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)) // it may have ended
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

// endlessArchive is the beginning of a tar archive: a file of 1 TiB.
func endlessArchive(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	if err := tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "big", Typeflag: tar.TypeReg, Size: 1 << 40, Mode: 0o600}); err != nil {
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

// floodAgent opens connections to the agent without end, and sends each requests without end, of which it reads no answer.
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

// onTerminal gives cmd a terminal, and returns what ends it and says what was shown last: a view that draws has more to keep than lines.
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
			if err != nil { // the end of a terminal is one
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
