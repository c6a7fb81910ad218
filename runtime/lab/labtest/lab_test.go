package labtest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"runbook/runtime/lab/labtest"
)

// Inside uses the environment of the host, and Root is the folder that the hosts file names.
func TestInside(t *testing.T) {
	l := labtest.Start(t, "web1")
	h := l.Hosts[0]
	if got, err := l.Inside("web1", "sh", "-c", "pwd; echo $USER"); err != nil || got != h.Home+"\ndeploy" {
		t.Errorf("%q, %v", got, err)
	}
	if l.Root("web1") != h.Root || l.Root("web2") != "" {
		t.Errorf("roots: %q, %q", l.Root("web1"), l.Root("web2"))
	}
	if _, err := l.Inside("web1", "sh", "-c", "echo why >&2; exit 3"); err == nil ||
		!strings.Contains(err.Error(), "exit status 3: why") {
		t.Errorf("a command that fails: %v", err)
	}
	if _, err := l.Inside("web2", "true"); err == nil || !strings.Contains(err.Error(), "web1") {
		t.Errorf("a host that is not there: %v", err)
	}
	text, err := os.ReadFile(l.HostsFile())
	if err != nil || !strings.Contains(string(text),
		fmt.Sprintf("port = %d,\n    vars = { root = %q, port = %d } }", h.Port, h.Root, h.AppPort)) {
		t.Errorf("hosts file: %s, %v", text, err)
	}
}
