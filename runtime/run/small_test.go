package run

import (
	"strings"
	"testing"
	"time"

	"runbook/runtime/script"
)

func TestStrftime(t *testing.T) {
	at := time.Date(2026, 3, 4, 15, 6, 7, 0, time.UTC)
	tests := []struct{ format, want, err string }{
		{"%Y%m%d-%H%M%S", "20260304-150607", ""},
		{"%Y-%m-%dT%H:%M:%SZ", "2026-03-04T15:06:07Z", ""},
		{"%j of %y, %a %b, 100%%", "063 of 26, Wed Mar, 100%", ""},
		{"%Q", "", "unknown %Q"},
		{"at %", "", "ends in %"},
	}
	for _, tt := range tests {
		got, err := strftime(at, tt.format)
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: got %q, %v; want %q, %q", tt.format, got, err, tt.want, tt.err)
		}
	}
}

// nested is a command as primitives take it: a script or a list.
type nested struct {
	script string
	argv   []string
}

type callArgs struct {
	Cmd     nested            `lua:"cmd,arg" doc:"x"`
	Path    string            `lua:"path,arg,optional" doc:"x"`
	Cwd     string            `lua:"cwd" doc:"x"`
	Env     map[string]string `lua:"env" doc:"x"`
	Timeout time.Duration     `lua:"timeout" doc:"x" default:"5s"`
	Check   bool              `lua:"check" doc:"x" default:"true"`
	Secret  []string          `lua:"secret" doc:"x"`
}

// shown hides nothing.
func shown(text string) string { return text }

func TestCallText(t *testing.T) {
	tests := []struct {
		args callArgs
		want string
	}{
		{callArgs{Cmd: nested{script: "touch 'a b'"}, Check: true, Timeout: 5 * time.Second}, `touch 'a b'`},
		{callArgs{Cmd: nested{argv: []string{"rm", "-rf", "a b"}}, Check: true}, `rm -rf 'a b'`},
		{callArgs{Cmd: nested{script: "cd x\nls"}, Cwd: "/srv", Env: map[string]string{"B": "2", "A": "1"}, Timeout: time.Minute, Check: true},
			`cd x … { cwd = "/srv", env = { A = "1", B = "2" }, timeout = "1m0s" }`},
		{callArgs{Cmd: nested{script: "x"}, Check: true, Secret: []string{"hunter22"}}, `x`},
	}
	for _, tt := range tests {
		if got := callText(script.Call{Name: "host:run", Args: tt.args}, shown); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

type writeArgs struct {
	Path    string  `lua:"path,arg" doc:"x"`
	Content string  `lua:"content,arg" doc:"x"`
	Mode    string  `lua:"mode" doc:"x" default:"0644"`
	Append  bool    `lua:"append" doc:"x"`
	Owner   *string `lua:"owner" doc:"x"`
}

func TestCallTextOfOtherCalls(t *testing.T) {
	owner := "root"
	args := writeArgs{Path: "/x", Content: strings.Repeat("é", 200), Mode: "0644", Append: true, Owner: &owner}
	want := `host.fs:write("/x", "` + strings.Repeat("é", 100) + `…", { append = true, owner = "root" })`
	if got := callText(script.Call{Name: "host.fs:write", Args: args}, shown); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A secret that the cut would divide is hidden before it.
func TestCallTextHidesBeforeItCuts(t *testing.T) {
	secret := strings.Repeat("0123456789", 3)
	hide := func(text string) string { return strings.ReplaceAll(text, secret, "[secret]") }
	for _, content := range []string{strings.Repeat("x", 190) + secret, strings.Repeat("x", 180) + "\n" + secret} {
		call := script.Call{Name: "host.fs:write", Args: writeArgs{Path: "/x", Content: content, Mode: "0644"}}
		if got := callText(call, hide); strings.Contains(got, "0123") {
			t.Errorf("got %s", got)
		}
	}
}

func TestHooksOrder(t *testing.T) {
	names := func(hooks []hook) string {
		var out []string
		for _, h := range hooks {
			out = append(out, h.line)
		}
		return strings.Join(out, " ")
	}
	fill := func() *frame {
		f := &frame{}
		f.add(hook{line: "d1"})
		f.add(hook{line: "f1", onFailure: true})
		f.add(hook{line: "d2"})
		f.add(hook{line: "f2", onFailure: true})
		return f
	}
	if got := names(fill().take(true)); got != "f2 f1 d2 d1" {
		t.Errorf("after a failure: %s", got)
	}
	f := fill()
	if got := names(f.take(false)); got != "d2 d1" {
		t.Errorf("after success: %s", got)
	}
	if got := f.take(true); len(got) != 0 {
		t.Errorf("hooks ran twice: %s", names(got))
	}
}

func TestRowStates(t *testing.T) {
	tests := []struct {
		row  row
		dry  bool
		want string
	}{
		{row{}, false, "not touched"},
		{row{planned: 1}, false, "not touched"},
		{row{planned: 1, begun: 1}, false, "done"},
		{row{planned: 2, begun: 1}, false, "not finished"},
		{row{planned: 2, begun: 1, said: "prepared"}, false, "prepared"},
		{row{planned: 1, begun: 1, said: "released"}, false, "released"},
		{row{planned: 1, begun: 1, said: "released", failed: "failed"}, false, "failed"},
		{row{planned: 1, begun: 1, said: "restored", failed: "failed", after: true}, false, "restored"},
		{row{planned: 1, begun: 1, said: "released", would: true}, true, "would change"},
		{row{planned: 1, begun: 1, said: "released"}, true, "unchanged"},
	}
	for _, tt := range tests {
		if got := tt.row.state(tt.dry); got != tt.want {
			t.Errorf("%+v, dry %v: got %q, want %q", tt.row, tt.dry, got, tt.want)
		}
	}
}
