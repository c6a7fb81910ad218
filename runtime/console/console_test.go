package console_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"runbook/runtime/console"
	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/lab"
	"runbook/runtime/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// discard is a sink that drops all events.
type discard struct{}

func (discard) Event(event.Event) {}
func (discard) Close() error      { return nil }

// TestConcurrentConnect calls connect() from the threads of two hosts, while a third host can't be
// reached. In a console each call connects again.
func TestConcurrentConnect(t *testing.T) {
	l, err := lab.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, name := range []string{"web1", "web2", "web3"} {
		if _, err := l.Host(name); err != nil {
			t.Fatal(err)
		}
	}
	hosts, err := inventory.Load(t.Context(), event.NewStream(),
		inventory.Options{Hosts: []string{l.HostsFile()}, SSHConfig: "none"}, "")
	if err != nil {
		t.Fatal(err)
	}
	hosts[0].Port = 1 // nobody listens there
	const recipe = `local up = {}
for _, host in ipairs(hosts) do
  if host.name ~= "web1" then up[#up + 1] = host end
end
each(up, { at_once = 2 }, function(host)
  for _ = 1, 50 do
    local away = connect()
    if #away ~= 1 or away[1].host ~= "web1" then fail("not web1 alone") end
  end
  host:test("true")
end)`
	c, err := console.New(t.Context(), console.Options{Hosts: hosts, Sink: discard{}, Secrets: event.NewStream()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = c.Run(t.Context(), context.Background(), recipe); run.Status(err) != run.StatusFailed ||
		err.Error() != "a host failed, but the recipe continued" {
		t.Errorf("status %d: %v", run.Status(err), err)
	}
	if err := c.Close(err); err != nil {
		t.Error(err)
	}
}
