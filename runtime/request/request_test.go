package request_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/internal/sshtest"
	"runbook/runtime/request"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
	"runbook/runtime/ssh/shell"
)

// play runs a recipe in which host is this machine.
func play(t *testing.T, source string) error {
	t.Helper()
	stream := event.NewStream()
	pool := shell.NewPool(stream, shell.Options{Options: ssh.Options{Getenv: sshtest.Home(t)}})
	globals := script.Module{Doc: "what the test needs",
		Fields: []script.Field{{Name: "host", Type: "host", Doc: "this machine"}}}
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*shell.Host](),
		Doc: "a server"}}, globals, request.Module())
	if err != nil {
		t.Fatal(err)
	}
	state, err := lib.NewState(stream, script.StateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	path := filepath.Join(t.TempDir(), "recipe.lua")
	if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := state.SetGlobal("host", pool.Localhost()); err != nil {
		t.Fatal(err)
	}
	err = state.Run(t.Context(), path)
	if closeErr := pool.Close(); closeErr != nil {
		t.Error(closeErr)
	}
	return err
}

func TestMethods(t *testing.T) {
	var got string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = strings.Join([]string{r.Method, r.URL.Path, r.Header.Get("Content-Type"), string(body)}, " ")
		w.Header().Set("X-Seen", "yes")
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	for call, want := range map[string]string{
		`http("URL/a")`:       "GET /a  ",
		`post("URL/a", "{}")`: "POST /a application/json {}",
		`put("URL/a", "x", { headers = { ["content-type"] = "text/plain" } })`: "PUT /a text/plain x",
		`patch("URL/a", "[1]")`: "PATCH /a application/json [1]",
		`delete("URL/a")`:       "DELETE /a  ",
		`http("ftp://x/")`:      "an error",
	} {
		got = "an error"
		err := play(t, "local r = host:"+strings.ReplaceAll(call, "URL", server.URL)+
			"\nif r.status ~= 418 or r.headers['X-SEEN'] ~= 'yes' or r.headers['x-seen'] ~= 'yes' "+
			"then error('wrong answer') end")
		if (err != nil) != (want == "an error") || got != want {
			t.Errorf("%s: %q, %v; want %q", call, got, err, want)
		}
	}
}
