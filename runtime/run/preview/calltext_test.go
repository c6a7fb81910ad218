package preview

import (
	"strings"
	"testing"
	"time"

	"runbook/runtime/script"
)

// command is a command as primitives take it: a script or a list.
type command struct {
	script string
	argv   []string
}

type callArgs struct {
	Cmd     command           `lua:"cmd,arg,command" doc:"x"`
	Path    string            `lua:"path,arg,optional" doc:"x"`
	Cwd     string            `lua:"cwd" doc:"x"`
	Env     map[string]string `lua:"env" doc:"x"`
	Timeout time.Duration     `lua:"timeout" doc:"x" default:"5s"`
	Check   bool              `lua:"check" doc:"x" default:"true"`
	Secret  []string          `lua:"secret" doc:"x"`
}

// identity hides nothing.
func identity(text string) string { return text }

func TestCallText(t *testing.T) {
	tests := []struct {
		args callArgs
		want string
	}{
		{callArgs{Cmd: command{script: "touch 'a b'"}, Check: true, Timeout: 5 * time.Second}, `touch 'a b'`},
		{callArgs{Cmd: command{argv: []string{"rm", "-rf", "a b"}}, Check: true}, `rm -rf 'a b'`},
		{callArgs{Cmd: command{script: "cd x\nls"}, Cwd: "/srv", Env: map[string]string{"B": "2", "A": "1"},
			Timeout: time.Minute, Check: true},
			`cd x … { cwd = "/srv", env = { A = "1", B = "2" }, timeout = "1m0s" }`},
		{callArgs{Cmd: command{script: "x"}, Check: true, Secret: []string{"hunter22"}}, `x`},
	}
	for _, tt := range tests {
		if got := CallText(script.Call{Name: "host:run", Args: tt.args}, identity); got != tt.want {
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

func TestCallTextWithoutCommand(t *testing.T) {
	owner := "root"
	args := writeArgs{Path: "/x", Content: strings.Repeat("é", 200), Mode: "0644", Append: true, Owner: &owner}
	want := `host.fs:write("/x", "` + strings.Repeat("é", 100) + `…", { append = true, owner = "root" })`
	if got := CallText(script.Call{Name: "host.fs:write", Args: args}, identity); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestCallTextRedactsFirst shortens texts in the middle of a secret.
func TestCallTextRedactsFirst(t *testing.T) {
	secret := strings.Repeat("0123456789", 3)
	hide := func(text string) string { return strings.ReplaceAll(text, secret, "[secret]") }
	for _, content := range []string{strings.Repeat("x", 190) + secret, strings.Repeat("x", 180) + "\n" + secret} {
		call := script.Call{Name: "host.fs:write", Args: writeArgs{Path: "/x", Content: content, Mode: "0644"}}
		if got := CallText(call, hide); strings.Contains(got, "0123") {
			t.Errorf("got %s", got)
		}
	}
}
