package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPool releases and rolls back behind HAProxy while visitors send requests: no request is lost,
// and every answer comes from a release that was current on its server at the time. -pool=full does
// more of it, -pool=restarts measures restart methods. Like TestMatrix it runs by .ci/matrix.
func TestPool(t *testing.T) {
	p := newPool(t)
	p.runbook(0, []string{"DRAIN=none"}, "recipes/setup.lua")
	p.inside("web1", "touch", "/srv/app/shared/in-service")
	p.inside("web2", "touch", "/srv/app/shared/in-service")
	p.runbook(0, []string{"DRAIN=none"}, "recipes/release.lua", "--release", "r0")
	p.balance()
	switch *poolForm {
	case "short":
		p.short()
	case "full":
		p.full()
	case "restarts":
		p.restarts()
	default:
		t.Fatalf("-pool=%s: want short, full or restarts", *poolForm)
	}
	t.Log(p.total())
}

// short runs two releases, one of which cannot be imported, and a rollback with each kind of drain.
func (p *pool) short() {
	p.change(":8080", 0, nil, "recipes/release.lua", "--release", "r1")
	p.expect("web1", "r1")
	p.expect("web2", "r1")
	p.rooted("r0")
	p.broken("r2", "r0", map[string]string{"wsgi.py": "import nowhere\n"})
	p.change(":8081", 0, []string{"DRAIN=file"}, "recipes/rollback.lua")
	p.expect("web1", "r1")
	p.expect("web2", "r1")
}

// rooted rolls back behind two load balancers whose sockets only root may use.
func (p *pool) rooted(to string) {
	p.Helper()
	refused := p.runbook(3, []string{"DRAIN=denied"}, "recipes/rollback.lua")
	if !strings.Contains(refused, "may not write to /srv/root.sock") {
		p.Errorf("the reason why the socket cannot be used is missing:\n%s", tail(refused))
	}
	hosts := "RUNBOOK_HOSTS=" + filepath.Join(p.dir, "pools.lua")
	events := p.change(":8080", 0, []string{"DRAIN=sudo", hosts}, "recipes/rollback.lua", "--release", to)
	p.expect("web1", to)
	p.expect("web2", to)
	for _, host := range balancers {
		taken := regexp.MustCompile(`.*"command_begun".*"host":"`+host+`".* state maint.*`).FindAllString(events, -1)
		if len(taken) != 2 {
			p.Errorf("%s: %d servers were taken out of service, want 2", host, len(taken))
		}
	}
}

// broken releases an unhealthy commit: no visitor sees it, the first host rolls back, the second is
// not touched.
func (p *pool) broken(name, before string, files map[string]string) {
	p.Helper()
	p.push(files)
	untouched := p.daemons("web2")
	events := p.change(":8080", 1, nil, "recipes/release.lua", "--release", name, "--health-within", "2s")
	for _, a := range p.answers {
		if a.release == name {
			p.Errorf("a visitor has seen it: %s", a)
			break
		}
	}
	p.expect("web1", before)
	p.expect("web2", before)
	if now := p.daemons("web2"); now != untouched {
		p.Errorf("web2 was touched: its processes were\n%s\nand are\n%s", untouched, now)
	}
	for _, host := range balancers {
		if !p.up(host, "app") {
			p.Errorf("%s: not both servers are in service:\n%s", host, p.status(host, "app"))
		}
	}
	shown, undone := strings.Index(events, "before anything is restored"), strings.Index(events, "go back to "+before)
	if shown < 0 || undone < shown {
		p.Error("what is wrong was not shown before it was undone")
	}
	for _, want := range []string{"current points to /srv/app/releases/" + name, "in /srv/app/releases/" + name} {
		if !strings.Contains(events, want) {
			p.Errorf("the failure doesn't show %q", want)
		}
	}
	p.push(nil)
}

// full runs ten releases, three of them broken, and five rollbacks.
func (p *pool) full() {
	last := "r0"
	for i := 1; i <= 10; i++ {
		name := fmt.Sprintf("r%d", i)
		switch i {
		case 3, 9:
			p.broken(name, last, map[string]string{"wsgi.py": "import nowhere\n"})
			continue
		case 6:
			p.broken(name, last, map[string]string{"sick": "yes"})
			continue
		}
		p.push(nil)
		p.change(":8080", 0, nil, "recipes/release.lua", "--release", name)
		p.expect("web1", name)
		p.expect("web2", name)
		if i%2 == 0 || i == 7 {
			p.change(":8080", 0, nil, "recipes/rollback.lua")
			p.expect("web1", last)
			p.expect("web2", last)
			continue
		}
		last = name
	}
	if len(p.answers) < 20000 {
		p.Errorf("only %d requests", len(p.answers))
	}
}

// restarts measures each restart method: alone, behind HAProxy without drain, and with it. new
// changes the number of processes, which needs a stop and a start. The change back is not
// measured.
func (p *pool) restarts() {
	p.change(":8080", 0, nil, "recipes/release.lua", "--release", "r1")
	kinds := append(usual, patient)
	for _, way := range []string{"touch", "graceful", "restart", "new"} {
		for _, where := range []struct{ name, address, drain string }{
			{"alone", p.lab.Address("web1") + ":8000", "none"},
			{"behind HAProxy, not drained", p.lab.Address("lb1") + ":8080", "none"},
			{"behind HAProxy, drained", p.lab.Address("lb1") + ":8080", "haproxy"},
		} {
			asked, failed, how, stale, took := map[string]int{}, map[string]int{}, map[string]int{}, 0, 0.0
			for _, to := range []string{"r0", "r1", "r0", "r1"} {
				var more []string
				if where.name == "alone" {
					more = []string{"--only", "web1"}
				}
				if way == "new" {
					before := map[string]string{"r0": "r1", "r1": "r0"}[to]
					p.runbook(0, nil, append(more, "recipes/rollback.lua", "--release", before, "--restart", "graceful",
						"--processes", "2")...)
					more = append(more, "--restart", "graceful", "--processes", "8")
				} else {
					more = append(more, "--restart", way)
				}
				argv := append(more, "recipes/rollback.lua", "--release", to)
				began := time.Now()
				answers := during(p.T, where.address, kinds,
					func() { p.runbook(0, []string{"DRAIN=" + where.drain}, argv...) })
				took += time.Since(began).Seconds()
				for _, a := range answers {
					if a.server == "" {
						a.server = "web1"
					}
					asked[a.kind]++
					switch {
					case a.failed():
						failed[a.kind]++
						how[a.failure()]++
					case !p.timeline.allows(a):
						stale++
					}
				}
			}
			row := ""
			for _, kind := range kinds {
				row += fmt.Sprintf(" %3d of %5d |", failed[kind.name], asked[kind.name])
			}
			p.Logf("| %-8s | %-28s |%s %v, %d stale, %.0f s", way, where.name, row, how, stale, took)
		}
		p.runbook(0, nil, "recipes/rollback.lua", "--release", "r1")
	}
}
