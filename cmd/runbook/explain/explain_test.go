package explain

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"runbook/runtime/run"
	"runbook/runtime/ssh/shell"
)

// TestGroup shows hosts that failed in the same way as one, even if the command's output differs in
// names and numbers.
func TestGroup(t *testing.T) {
	code := 1
	failure := func(host, tail string) run.Fault {
		return run.Fault{Host: host, Step: []string{"build"}, Message: "the command failed", Command: "make",
			Code: &code, Tail: tail}
	}
	refused := func(host, address string) run.Fault {
		return run.Fault{Host: host, Address: address, Message: address + " refused the connection",
			Hint: "is sshd running there?"}
	}
	faults := []run.Fault{failure("web1", "web1: process 17 died"), refused("db1", "192.0.2.1:22"),
		failure("web2", "web2: process 18 died"),
		failure("web3", "no compiler"), refused("db2", "192.0.2.2:22"), {Message: "and more"}, {Message: "and more"}}
	var parts []string
	for _, g := range (Words{}).group(faults) {
		parts = append(parts, (Words{}).fault(g, detail{tail: 1}))
	}
	want := `web1, web2: build: the command failed
  command: make
  exit status 1
  the last lines it printed on web1:
    web1: process 17 died
db1, db2: the host refused the connection
web3: build: the command failed
  command: make
  exit status 1
  the last lines it printed:
    no compiler
runbook: and more
runbook: and more`
	if got := strings.Join(parts, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestManyHosts names many hosts below the message, with no name broken across lines.
func TestManyHosts(t *testing.T) {
	g := group{Fault: run.Fault{Message: "no room", Step: []string{"build"}}}
	for i := range 300 {
		g.hosts = append(g.hosts, fmt.Sprintf("web-frontend-%03d.example.com", i))
	}
	lines := strings.Split((Words{}).fault(g, detail{}), "\n")
	if lines[0] != "300 hosts: build: no room" || len(lines) != 13 || lines[12] != "    … and 267 more" {
		t.Errorf("got\n%s", strings.Join(lines, "\n"))
	}
	for _, line := range lines[1:12] {
		if len(line) >= screenColumns || !strings.HasSuffix(line, ",") {
			t.Errorf("%q", line)
		}
	}
}

// TestMessageLimit holds messages, with their hints, to 40 lines of a screen.
func TestMessageLimit(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(lines, width int) string {
		var b strings.Builder
		for range random.IntN(lines) + 1 {
			b.WriteString(strings.Repeat("é ", random.IntN(width)+1) + "\n")
		}
		return strings.TrimSuffix(b.String(), "\n")
	}
	w := Words{Record: "20260105-120000"}
	for range 40 {
		var errs []error
		for i := range random.IntN(60) + 1 {
			switch host := fmt.Sprintf("web%d", i); random.IntN(3) {
			case 0:
				errs = append(errs, &shell.ExitError{Host: host, Command: text(100, 100), Result: shell.Result{Code: i},
					Tail: text(10, 1000)})
			case 1:
				errs = append(errs, errors.New(text(60, 300)))
			case 2:
				errs = append(errs, &shell.TimeoutError{Host: host, Command: "x", Tail: text(10, 20)})
			}
		}
		said, hint := w.Explain(run.Join(errs...))
		if n := height(said) + height(hint); n > mostLines {
			t.Fatalf("%d lines of %d failures:\n%s\n%s", n, len(errs), said, hint)
		}
	}
}

// TestMessageCut names what a long message has no room for, and points to the journal.
func TestMessageCut(t *testing.T) {
	w := Words{Record: "20260105-120000"}
	lines := make([]string, 100)
	for i := range lines {
		lines[i] = fmt.Sprint("line ", i)
	}
	said, _ := w.Explain(errors.New(strings.Join(lines, "\n")))
	for _, want := range []string{"runbook: line 0\nline 1\n", "\n  … 65 more lines …\n",
		"\nline 99\nthe rest is in the journal: runbook log 20260105-120000 --grep ."} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	var errs []error
	for i := range 50 {
		errs = append(errs, &shell.ExitError{Host: fmt.Sprintf("web%d", i), Command: "make",
			Result: shell.Result{Code: i + 1}, Tail: "a\nb\nc"})
	}
	said, _ = w.Explain(run.Join(errs...))
	if want := "\n… and 45 more failures, on\n    web5, web6, web7, "; !strings.Contains(said, want) {
		t.Errorf("no %q in\n%s", want, said)
	}
}
