package platform

import "testing"

func TestAddLine(t *testing.T) {
	got := AddLine("it's/known_hosts", "web1 ssh-ed25519 AAAA")
	want := `powershell -Command "mkdir -Force 'it''s' | Out-Null; ` +
		`Add-Content 'it''s/known_hosts' 'web1 ssh-ed25519 AAAA'"`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
