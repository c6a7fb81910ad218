//go:build unix

package transfer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"runbook/runtime/internal/sshtest"
	"runbook/runtime/lab/labtest"
	"runbook/runtime/ssh/shell"
)

// randomFile writes a file of n random bytes and returns its path.
func randomFile(t testing.TB, n int64) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "random"))
	must(t, err)
	_, err = io.CopyN(f, rand.Reader, n)
	must(t, err)
	must(t, f.Close())
	return f.Name()
}

// farHost returns an OpenSSH server that is reached through a relay.
func farHost(t testing.TB, r labtest.Relay, lines ...string) (*sshtest.Server, *shell.Host) {
	t.Helper()
	server := sshtest.Start(t, lines...)
	target := server.Target(t)
	target.HostKey, target.Port, target.Sudo = server.HostKey, r.Listen(t, server.Address()), "passwordless"
	return server, newPool(t, shell.Options{}).Host(target)
}

// farAway is a distance at which an upload uses all extra channels that it may use.
const farAway = maxExtras * extraEvery / 2

// sessions returns how many sessions a server has started.
func sessions(t *testing.T, s *sshtest.Server) int {
	t.Helper()
	b, err := os.ReadFile(s.Log)
	must(t, err)
	return bytes.Count(b, []byte("Starting session: command"))
}

// processes returns the processes with text in their command lines.
func processes(text string) string {
	out, _ := exec.Command("pgrep", "-af", text).Output() // it fails if there are none
	return string(out)
}

// program writes a shell script as the program of that name, and returns its folder.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	return dir
}

// A big file for a host far away has several channels. If the server refuses them, or if the host
// cannot write pieces, the file arrives all the same.
func TestUploadSplit(t *testing.T) {
	const size = splitSize + 3*pieceSize + 12345
	from := randomFile(t, size)
	must(t, os.Chmod(from, 0o640))
	want, err := os.ReadFile(from)
	must(t, err)
	const dd = `case "$*" in *%s*) exit 1 ;; esac; exec /bin/dd "$@"`
	for name, test := range map[string]struct {
		size        int64
		config      string
		dd          string // a shell script instead of the program
		sudo        string
		least, most int // sessions for the upload
	}{
		"several":                 {size: size, least: 7, most: 7},
		"whole pieces":            {size: splitSize, least: 7, most: 7},
		"a small file":            {size: splitSize - 1, least: 1, most: 1},
		"sudo":                    {size: size, sudo: "nobody", least: 7, most: 7},
		"some are refused":        {size: size, config: "MaxSessions 3", least: 2, most: 7},
		"all are refused":         {size: size, config: "MaxSessions 2", least: 1, most: 1},
		"dd without iflag":        {size: size, dd: fmt.Sprintf(dd, "iflag"), least: 1, most: 1},
		"dd that cannot seek":     {size: size, dd: fmt.Sprintf(dd, "seek"), least: 7, most: 8},
		"dd that fails sometimes": {size: size, dd: fmt.Sprintf(dd, "seek=9"), least: 7, most: 8},
		"dd of busybox":           {size: size, dd: `exec busybox dd "$@"`, least: 7, most: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := []string{"MaxStartups 100"}
			if test.config != "" {
				lines = append(lines, test.config)
			}
			server, h := farHost(t, labtest.Relay{Delay: farAway}, lines...)
			dir, err := os.MkdirTemp("", "runbook-test-") // which another user can enter
			must(t, err)
			t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
			must(t, os.Chmod(dir, 0o777))
			from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(dir, "to")
			must(t, os.WriteFile(from, want[:test.size], 0o640))
			_, err = h.RoundTrip(t.Context()) // starts the shell
			must(t, err)
			before, ctx := sessions(t, server), t.Context()
			if test.dd != "" {
				path := program(t, "dd", test.dd) + ":" + os.Getenv("PATH")
				ctx = shell.WithEnv(ctx, h, map[string]string{"PATH": path})
			}
			must(t, sent(Upload(ctx, h, from, to, UploadOptions{Sudo: test.sudo})))
			if n := sessions(t, server) - before; n < test.least || n > test.most {
				t.Errorf("%d sessions, want %d to %d", n, test.least, test.most)
			}
			got, err := os.ReadFile(to)
			must(t, err)
			if !bytes.Equal(got, want[:test.size]) || stat(t, to).Mode() != 0o640 {
				t.Errorf("%d bytes of %d, mode %v, or other bytes", len(got), test.size, stat(t, to).Mode())
			}
			if names, running := left(t, dir), processes(dir); len(names) > 0 || running != "" {
				t.Errorf("left: %q, %s", names, running)
			}
		})
	}
}

// Neither an interrupt nor a lost connection leaves anything of several channels, even where they
// have all sessions that the server allows.
func TestUploadSplitInterrupted(t *testing.T) {
	for _, allowed := range []int{5, 10} {
		for name, stop := range map[string]func(*sshtest.Server, context.CancelFunc){
			"interrupt": func(_ *sshtest.Server, cancel context.CancelFunc) { cancel() },
			"loss":      func(s *sshtest.Server, _ context.CancelFunc) { s.DropConnections(t) },
		} {
			t.Run(fmt.Sprintf("%s with %d sessions", name, allowed), func(t *testing.T) {
				t.Parallel()
				server, h := farHost(t, labtest.Relay{Delay: farAway}, fmt.Sprint("MaxSessions ", allowed))
				dir := t.TempDir()
				from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
				must(t, os.WriteFile(from, nil, 0o600))
				must(t, os.Truncate(from, 1<<40))
				must(t, os.WriteFile(to, []byte("old"), 0o600))
				_, err := h.RoundTrip(t.Context())
				must(t, err)
				before := sessions(t, server)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- sent(Upload(ctx, h, from, to, UploadOptions{})) }()
				sshtest.Eventually(t, "all channels are open", func() bool {
					return sessions(t, server)-before >= min(7, allowed-1)
				})
				sshtest.Eventually(t, "an extra channel has written", func() bool {
					names := left(t, dir)
					return len(names) > 0 && stat(t, filepath.Join(dir, names[0])).Size() == 1<<40
				})
				stop(server, cancel)
				err = <-ended
				var lost *shell.LostError
				if !errors.Is(err, context.Canceled) && !errors.As(err, &lost) ||
					strings.Contains(err.Error(), "may still run") {
					t.Error(err)
				}
				if b, err := os.ReadFile(to); err != nil || string(b) != "old" {
					t.Errorf("the old file is %q, %v", b, err)
				}
				if running := processes(dir); lost == nil && running != "" {
					t.Errorf("running: %s", running)
				}
				sshtest.Eventually(t, "nothing is left", func() bool {
					return len(left(t, dir)) == 0 && processes(dir) == ""
				})
			})
		}
	}
}

// Extra channels write the end of a file first. So its size does not tell that it is complete.
func TestPartOfASplitFile(t *testing.T) {
	h := newPool(t, shell.Options{}).Localhost()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	must(t, os.WriteFile(from, make([]byte, 100), 0o600))
	for name, part := range map[string]string{"nothing": "", "too little": "49\n", "too much": "51\n", "all": "20\n30\n"} {
		u, err := newUpload(t.Context(), h, from, to, UploadOptions{})
		must(t, err)
		ready := make(chan struct{})
		rest := readerFunc(func([]byte) (int, error) {
			<-ready
			must(t, os.Truncate(u.temporary, 100))
			must(t, os.WriteFile(u.temporary+".end", []byte(part), 0o600))
			return 0, io.EOF
		})
		err = u.stream("split", 100, io.MultiReader(strings.NewReader(strings.Repeat("a", 50)), rest),
			writerFunc(func(b []byte) (int, error) {
				close(ready)
				return len(b), nil
			}))
		if complete := part == "20\n30\n"; complete != (err == nil) || !complete && !errors.Is(err, errPart) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if names := left(t, dir); len(names) > 0 {
		t.Errorf("left: %q", names)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// Every byte has one channel, wherever they meet.
func TestSplitFile(t *testing.T) {
	for name, test := range map[string]struct {
		size, short int64 // short are missing from the file
		channels    int
		stop        bool // while they run
	}{
		"alone":         {size: 3*pieceSize + 1},
		"one extra":     {size: 5*pieceSize + 1, channels: 1},
		"whole pieces":  {size: 5 * pieceSize, channels: 2},
		"one piece":     {size: pieceSize, channels: 2},
		"less than one": {size: 1, channels: 2},
		"stopped":       {size: 9 * pieceSize, channels: 3, stop: true},
		"a short file":  {size: 5 * pieceSize, short: 10, channels: 1},
	} {
		t.Run(name, func(t *testing.T) {
			file := make([]byte, test.size-test.short)
			_, _ = rand.Read(file) // it never fails
			s := &splitFile{u: &upload{progress: newProgress(t.Context(), "", "", test.size)}, file: bytes.NewReader(file),
				back: test.size}
			got, counted := make([]byte, test.size), make([]int64, test.channels)
			var begun sync.WaitGroup
			for i := range counted {
				begun.Add(1)
				s.extras.Go(func() {
					counted[i] = readPieces(&pieces{split: s}, got, begun.Done, func() {
						if test.stop {
							s.stop()
						}
					})
				})
			}
			begun.Wait()
			var front bytes.Buffer
			_, err := io.CopyBuffer(&front, struct{ io.Reader }{s}, make([]byte, 1000))
			n := int64(copy(got, front.Bytes()))
			for i, part := range counted {
				if n += part; test.stop && part > pieceSize {
					t.Errorf("channel %d did not stop", i)
				}
			}
			if test.channels > 0 && int64(front.Len()) == n {
				t.Error("the extra channels had nothing")
			}
			if err != nil || n != int64(len(file)) || !bytes.Equal(got[:len(file)], file) {
				t.Errorf("%d of %d bytes, %v, or wrong ones", n, len(file), err)
			}
		})
	}
}

// readPieces reads the input of pieces.sh into file and returns how many bytes it had. It calls
// begun after the first line, and then next after each piece.
func readPieces(in io.Reader, file []byte, begun, next func()) (sum int64) {
	for {
		var seek, size, count int64
		_, err := fmt.Fscanf(in, "%d %d %d\n", &seek, &size, &count)
		if sum == 0 {
			begun()
		}
		if err != nil {
			return sum // the line "end", or none
		}
		n, err := io.ReadFull(in, file[seek*blockSize:][:count*size])
		if sum += int64(n); err != nil {
			return sum
		}
		next()
	}
}

// BenchmarkUploadFar uploads a file to hosts at several distances, through one channel and as Upload
// does it.
func BenchmarkUploadFar(b *testing.B) {
	const size = 128 << 20
	from := randomFile(b, size)
	for _, trip := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond} {
		_, h := farHost(b, labtest.Relay{Delay: trip / 2})
		to := filepath.Join(b.TempDir(), "to")
		must(b, sent(Upload(b.Context(), h, from, to, UploadOptions{}))) // connects
		for name, upload := range map[string]func() error{
			"one channel": func() error {
				u, err := newUpload(b.Context(), h, from, to, UploadOptions{})
				must(b, err)
				f, err := os.Open(from)
				must(b, err)
				defer func() { _ = f.Close() }()
				return u.stream("file", size, f, nil)
			},
			"Upload": func() error { return sent(Upload(b.Context(), h, from, to, UploadOptions{})) },
		} {
			b.Run(fmt.Sprintf("%v/%s", trip, name), func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					must(b, upload())
				}
			})
		}
	}
}
