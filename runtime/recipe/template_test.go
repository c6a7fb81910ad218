package recipe_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A template in a file is checked with the call that names it, at its own lines.
func TestTemplateFiles(t *testing.T) {
	for name, tt := range map[string]struct {
		text, call string
		want       []string // the end of each message
	}{
		"right": {"{{ port }}\n", `host:file("/x", { template = "files/a.conf", values = { port = 80 } })`, nil},
		"unknown": {"a\n{{ prot }}\n{% for h in names %}{{ h }}{% end %}\n",
			`host:file("/x", { template = "files/a.conf", values = { port = 80 } })`,
			[]string{`files/a.conf:2:1: template: there is no value for "prot" (did you mean "port"?), ` +
				`in the template of `,
				`files/a.conf:3:1: template: there is no value for "names", in the template of `}},
		"no values": {"{{ port }}\n", `host:file("/x", { template = "files/a.conf" })`,
			[]string{`files/a.conf:1:1: template: there is no value for "port", in`}},
		"other values": {"{{ port }}\n", `host:file("/x", { template = "files/a.conf", values = host.vars })`, nil},
		"computed":     {"{{ port }}\n", `host:file("/x", { template = "files/" .. host.name })`, nil},
		"syntax": {"\n{% fi %}\n", `host:file("/x", { template = "files/a.conf", values = host.vars })`,
			[]string{`files/a.conf:2:1: template: unknown statement "fi"`}},
		"no file": {"", `host:file("/x", { template = "files/b.conf" })`,
			[]string{"files/b.conf: no such file or directory: paths on this machine are relative to the project"}},
		"by here": {"{{ prot }}\n", `print(template(localhost.fs:read(here("a.conf")), { port = 80 }))`,
			[]string{`lib/a.conf:1:1: template: there is no value for "prot"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for path, text := range map[string]string{"recipes/x.lua": "each(hosts, function(host)\n  " + tt.call +
				"\nend)\n", "files/a.conf": tt.text, "recipes/lib/a.conf": tt.text} {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, p := range check(t, "recipes/x.lua") {
				got = append(got, p.Error())
			}
			if !slices.EqualFunc(got, tt.want, strings.Contains) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
