package secret

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

// outcome is a value, or a part of an error.
type outcome struct{ value, err string }

func (o outcome) check(t *testing.T, what, value string, err error) {
	t.Helper()
	if o.err == "" && err != nil || o.err != "" && (err == nil || !strings.Contains(err.Error(), o.err)) ||
		value != o.value {
		t.Errorf("%s: got %q, %v, want %+v", what, value, err, o)
	}
}

// TestCommand runs programs on this machine and on a host. The error of a failed program does not
// contain its standard output.
func TestCommand(t *testing.T) {
	server := sshtest.Start(t)
	pool := shell.NewPool(event.NewStream(), shell.Options{})
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	seen := &kinds{}
	ctx := event.WithStream(t.Context(), event.NewStream(seen))
	for place, on := range map[string]*shell.Host{"here": nil, "host": pool.Host(server.Target(t))} {
		for _, row := range []struct {
			argv []string
			want outcome
		}{
			{[]string{"printf", `a b\n\n`}, outcome{value: "a b"}},
			{[]string{"sh", "-c", "echo s3cret; echo locked >&2; exit 3"},
				outcome{err: "sh ended with exit status 3: locked"}},
			{[]string{"true"}, outcome{err: "true printed nothing"}},
			{[]string{"sh", "-c", "cat; tty -s || echo none"}, outcome{value: "none"}},
			{[]string{"sh", "-c", "sleep 600"}, outcome{err: "sh took longer than 200ms and was ended"}},
			{[]string{"head", "-c", "2000000", "/dev/zero"}, outcome{err: "more than 1 MiB"}},
			{nil, outcome{err: "argv: want the program"}},
		} {
			timeout := time.Minute
			if strings.Contains(row.want.err, "200ms") {
				timeout = 200 * time.Millisecond
			}
			value, err := commandArgs{Argv: row.argv, On: on, Timeout: timeout}.run(ctx)
			row.want.check(t, place+" "+strings.Join(row.argv, " "), value, err)
			if err != nil && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: the output is in %v", place, err)
			}
		}
	}
	for kind := range seen.seen {
		if kind != event.Connected {
			t.Errorf("an event of kind %s", kind)
		}
	}
	_, err := commandArgs{Argv: []string{"/nonexistent/op"}, Timeout: time.Minute}.run(ctx)
	outcome{err: "start /nonexistent/op: "}.check(t, "a missing program", "", err)
}

// TestCommandEnds interrupts a command. The process that it has started ends, too.
func TestCommandEnds(t *testing.T) {
	begun := filepath.Join(t.TempDir(), "begun")
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := commandArgs{Argv: []string{"sh", "-c", "sleep 600 & echo $! > " + begun + "; wait"},
			Timeout: time.Minute}.run(ctx)
		ended <- err
	}()
	sshtest.Eventually(t, "it runs", func() bool {
		text, err := os.ReadFile(begun)
		return err == nil && strings.HasSuffix(string(text), "\n")
	})
	cancel(stop)
	if err := <-ended; !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	pid, err := os.ReadFile(begun)
	if err != nil {
		t.Fatal(err)
	}
	sshtest.Eventually(t, "the other process has ended", func() bool {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ") // a zombie where nothing reaps orphans
	})
}

// kinds collects the kinds of the events.
type kinds struct{ seen map[event.Kind]bool }

func (k *kinds) Event(e event.Event) {
	if k.seen == nil {
		k.seen = map[event.Kind]bool{}
	}
	k.seen[e.Kind] = true
}

func (k *kinds) Close() error { return nil }

// TestAge decrypts files with the identities of age and with an SSH key.
func TestAge(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	phrase, err := age.NewScryptRecipient("pa55word")
	if err != nil {
		t.Fatal(err)
	}
	phrase.SetWorkFactor(10)
	write := func(name, text string) {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("key", "# created by hand\n"+key.String()+"\n")
	write("two", other.String()+"\n"+key.String()+"\n")
	write("other", other.String()+"\n")
	write("no key", "hello\n")
	ciphertext := encrypt(t, "s3cret\n", key.Recipient())
	write("file", ciphertext)
	write("cut", ciphertext[:len(ciphertext)-3])
	write("phrase", encrypt(t, "s3cret", phrase))
	write("empty", encrypt(t, "\n", key.Recipient()))
	var armored strings.Builder
	w := armor.NewWriter(&armored)
	if _, err := w.Write([]byte(ciphertext)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write("armored", armored.String())
	for names, want := range map[[2]string]outcome{
		{"file", "key"}:       {value: "s3cret"},
		{"file", "two"}:       {value: "s3cret"},
		{"armored", "key"}:    {value: "s3cret"},
		{"file", "other"}:     {err: "is encrypted to other identities than those in"},
		{"phrase", "key"}:     {err: "or with a passphrase"},
		{"cut", "key"}:        {err: "decrypt "},
		{"empty", "key"}:      {err: "is empty"},
		{"key", "key"}:        {err: "decrypt "},
		{"file", "no key"}:    {err: "the identity "},
		{"file", "not there"}: {err: "the identity: open "},
		{"not there", "key"}:  {err: "no such file"},
	} {
		value, err := decrypt(at(names[0]), at(names[1]))
		want.check(t, strings.Join(names[:], " with "), value, err)
	}
}

func encrypt(t *testing.T, text string, to age.Recipient) string {
	t.Helper()
	var out strings.Builder
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestDeclared expects every primitive except prompt and command to be Pure.
func TestDeclared(t *testing.T) {
	for _, p := range Module(Deps{}).Primitives {
		waits := p.Name == "prompt" || p.Name == "command"
		if waits == (p.Effect == script.Pure) {
			t.Errorf("%s has the effect %v", p.Name, p.Effect)
		}
	}
}
