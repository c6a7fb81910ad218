package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// areas are the sections of recipes/TROUBLESHOOTING.md, with the files whose errors they list: the
// first area that has the beginning of a path lists it.
var areas = []struct {
	title string
	files []string
}{
	{"Connection and host keys", []string{"runtime/ssh/errors.go", "runtime/ssh/hostkey", "runtime/ssh/known.go",
		"runtime/ssh/login.go",
		"runtime/ssh/remote.go", "runtime/ssh/local.go", "runtime/reboot/", "runtime/run/connections.go"}},
	{"Login", []string{"runtime/ssh/auth.go", "runtime/ssh/keyfile.go"}},
	{"ssh_config", []string{"runtime/inventory/sshconfig/", "runtime/inventory/security.go"}},
	{"Shell, sudo and lock of a host", []string{"runtime/ssh/shell/", "runtime/onchange/", "runtime/run/fault.go"}},
	{"Hosts files, and the hosts of a run", []string{"runtime/inventory/"}},
	{"Deploy key and agent", []string{"runtime/agent/", "runtime/ssh/agent.go"}},
	{"Git, archives and the code", []string{"runtime/git/", "recipes/lib/git.lua"}},
	{"What a host must have", []string{"recipes/lib/preflight.lua", "recipes/setup.lua", "recipes/lib/helpers.lua"}},
	{"Python, packages, Django and static files",
		[]string{"recipes/lib/python.lua", "recipes/lib/django.lua", "recipes/lib/static.lua"}},
	{"Server, restart, health check, load balancer",
		[]string{"recipes/lib/mod_wsgi", "recipes/lib/server", "recipes/lib/health",
			"recipes/lib/haproxy.lua", "recipes/lib/systemd.lua", "recipes/lib/workers.lua", "recipes/restart.lua",
			"recipes/examples/"}},
	{"Releases and rollback", []string{"recipes/"}},
	{"Files on a host, uploads and downloads", []string{"runtime/fs/", "runtime/transfer/"}},
	{"Secrets", []string{"runtime/secret/"}},
	{"Recipes, options and tests", []string{"runtime/recipe/", "runtime/run/", "cmd/runbook/recipetest/",
		"cmd/runbook/sandbox/"}},
	{"Command line, journal and reports", []string{"cmd/", "runtime/event/"}},
}

// said gives the messages that the code does not spell out, such as those of the operating system,
// or puts together from many. Each belongs to the hints that begin with hint. A message in
// parentheses describes the error.
var said = []struct{ hint, message string }{
	{"name a file in a folder that exists", "--summary …: no such file or directory"},
	{"correct the new text: validate", "… exited …, so the file stays as it was"},
	{"create it first, or correct its name", "chown: invalid user: …"},
	{"runbook docs NAME shows", "(mistakes in a recipe)"},
	{"the settings are declared at", "(mistakes in the settings of recipes/app.lua)"},
	{"the log of its server is under", "(an error of a release in the demo)"},
	{"install it by hand as root", "apt-get install …: exit status …"},
	{"a comma means", "no host matches all of these"},
	{"a tag has this name", "no host has this name"},
	{"no host has a tag", "no host has this tag"},
	{"tags: ", "no host has this tag"},
	{"hosts: ", "no host has this name"},
	{"the key file is on this machine", "key …: no such file or directory"},
	{"try the command in a shell; it must print the secret", "… ended with exit status …"},
	{"its sshd_config must have AllowAgentForwarding", "the server forbids agent forwarding"},
	{"runbook run --help", "unknown option …"},
	{"runbook … --help lists", "unknown option …"},
	{"choose another folder, or move these files", "… has … already"},
	{"a change that this dry run skipped", "(an error in a dry run)"},
	{"…; … of … hosts are unreachable", "(an error of an unreachable host)"},
	{"…; --skip-unreachable leaves no host", "(an error of an unreachable host)"},
	{"build it first, or name another path", "--path …: no such file or directory"},
	{"do the start-up files of the login shell", "the host started no shell within …"},
	{"ssh refuses such a file, too", "… belongs to …; … can be written by others"},
	{"write one [user@]host[:port] per line", "…:…: … contains a space"},
	{"write a hosts file like this", "…: want a table, got …"},
	{"write a host as a table, or as a string", "want a string, got …"},
	{"write user and port as keys", "… is not a host name or an IP address: it contains …"},
	{"runbook log lists the runs of this machine", "stat ….jsonl: no such file or directory"},
	{"raise the limit with { max = BYTES }", "…: more than … GiB"},
}

const aboutErrors = `# Troubleshooting

An error says who, what and why, and the line "next:" says what to do. This page lists the messages that have such a
line, by subject, with what they advise. … stands for a name, a number, or the words of another program. Search the
page for a few words of the message.

"runbook log" lists the runs, and "runbook log RUN" has the complete output of each command.
"runbook run RECIPE --dry-run -v" shows every call of a recipe and changes nothing.

This page is made from the code: "go test ./cmd/runbook -run TestStubIsCurrent -update", in the repository of runbook.
`

var (
	unknowns = regexp.MustCompile(`…(…| …)*`)
	letters  = regexp.MustCompile(`[a-z]{2}`)
)

// troubleshooting returns the text of recipes/TROUBLESHOOTING.md.
func troubleshooting(t *testing.T) string {
	t.Helper()
	hints := map[string]map[string][]string{} // by area and message
	var open []advice
	listed := map[string]bool{} // files with their hints
	add := func(a advice) {
		area := areaOf(t, a.file)
		if hints[area] == nil {
			hints[area] = map[string][]string{}
		}
		if !slices.Contains(hints[area][a.message], a.hint) {
			hints[area][a.message] = append(hints[area][a.message], a.hint)
		}
		listed[a.file+a.hint] = true
	}
	for _, a := range collectAdvice(t) {
		a.message, a.hint = tidy(a.message), tidy(a.hint)
		i := slices.IndexFunc(said, func(s struct{ hint, message string }) bool {
			return strings.HasPrefix(a.hint,
				s.hint)
		})
		switch {
		case i >= 0:
			add(advice{a.file, said[i].message, a.hint})
		case !letters.MatchString(a.hint): // only known at run time
		case !letters.MatchString(a.message):
			open = append(open, a)
		default:
			add(a)
		}
	}
	for _, a := range open {
		if !listed[a.file+a.hint] {
			t.Errorf("%s: which error has the hint %q? add it to the table said in troubleshooting_test.go", a.file,
				a.hint)
		}
	}
	var page strings.Builder
	page.WriteString(aboutErrors)
	for _, area := range areas {
		fmt.Fprintf(&page, "\n## %s\n\n", area.title)
		for _, message := range slices.SortedFunc(maps.Keys(hints[area.title]), compareMessages) {
			writeAdvice(&page, message, hints[area.title][message])
		}
	}
	return page.String()
}

func writeAdvice(page *strings.Builder, message string, hints []string) {
	quoted := "`" + message + "`"
	if strings.HasPrefix(message, "(") {
		quoted = strings.Trim(message, "()")
	}
	hints = slices.DeleteFunc(hints, func(hint string) bool { // repeats another hint, with … for FILE
		return slices.ContainsFunc(hints, func(other string) bool {
			return other != hint && strings.ReplaceAll(other, "FILE", unknown) == hint
		})
	})
	if len(hints) == 1 {
		fmt.Fprintf(page, "- %s: %s\n", quoted, hints[0])
		return
	}
	fmt.Fprintf(page, "- %s\n", quoted)
	for _, hint := range slices.Sorted(slices.Values(hints)) {
		fmt.Fprintf(page, "  - %s\n", hint)
	}
}

// areaOf returns the title of the area that lists the errors of a file.
func areaOf(t *testing.T, file string) string {
	t.Helper()
	for _, area := range areas {
		if slices.ContainsFunc(area.files, func(begin string) bool { return strings.HasPrefix(file, begin) }) {
			return area.title
		}
	}
	t.Fatalf("%s has hints, and belongs to no area of troubleshooting_test.go", file)
	return ""
}

// compareMessages orders messages by their first letter.
func compareMessages(a, b string) int {
	word := func(s string) string { return strings.ToLower(strings.TrimLeft(s, "… :-.,/~\"'()")) }
	return cmp.Or(strings.Compare(word(a), word(b)), strings.Compare(a, b))
}

// tidy puts a text on one line.
func tidy(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\n", "; ")), " ")
	return unknowns.ReplaceAllString(strings.NewReplacer(":;", ":", "?;", "?").Replace(text), unknown)
}
