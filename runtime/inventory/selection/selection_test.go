package selection

import (
	"strings"
	"testing"

	"runbook/runtime/event"
)

var hosts = []Host{{"web1", []string{"web", "eu"}}, {"web2", []string{"web"}}, {"db1", []string{"db", "eu"}},
	{"[::1]:22", nil}}

// split splits the values of an option, of which there may be none.
func split(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == '|' })
}

func TestChoose(t *testing.T) {
	for _, c := range []struct{ only, except, want string }{
		{"", "", "web1 web2 db1 [::1]:22"},
		{"web1", "", "web1"},
		{"web*", "", "web1 web2"},
		{"tag:eu", "", "web1 db1"},
		{"db1|tag:web", "", "web1 web2 db1"}, // repeated values mean or; the order is that of the hosts
		{"tag:*", "", "web1 web2 db1"},
		{"*", "", "web1 web2 db1 [::1]:22"},
		{"[::1]:22", "", "[::1]:22"},
		{"web[2-9]", "", "web2"},
		{"web?|web1", "", "web1 web2"},
		{"tag:web,tag:eu", "", "web1"}, // a comma means and
		{" tag:web , web2 ", "", "web2"},
		{"tag:web,tag:eu|tag:db", "", "web1 db1"},
		{"*,tag:eu", "", "web1 db1"},
		{"", "web1", "web2 db1 [::1]:22"},
		{"", "tag:web,tag:eu", "web2 db1 [::1]:22"},
		{"", "web1|tag:db", "web2 [::1]:22"},
		{"", "web*", "db1 [::1]:22"},
		{"tag:web", "web1", "web2"},
		{"tag:web", "db1", "web1 web2"}, // excludes none of them, which is valid
		{"tag:web", "tag:eu|[::1]:22", "web2"},
	} {
		places, err := Options{Only: split(c.only), Except: split(c.except)}.Choose(hosts)
		if err != nil {
			t.Errorf("--only %s --except %s: %v", c.only, c.except, err)
			continue
		}
		var got []string
		for _, place := range places {
			got = append(got, hosts[place].Name)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("--only %s --except %s: got %v, want %s", c.only, c.except, got, c.want)
		}
	}
}

func TestWrongPatterns(t *testing.T) {
	const invalid = "invalid pattern: * matches any text, ? one character, [ab] one of these"
	const all = "hosts: web1, web2, db1, [::1]:22"
	for _, c := range []struct{ only, except, want, hint string }{
		{"wbe1", "", `--only wbe1: no host has this name (did you mean "web1"?)`, all},
		{"", "wbe1", `--except wbe1: no host has this name (did you mean "web1"?)`, all},
		{"web1|xyz*", "", `--only xyz*: no host has this name`, all},
		{"tag:webb", "", `--only tag:webb: no host has this tag (did you mean "web"?)`, "tags: db, eu, web"},
		{"", "tag:web,tag:ue", `--except tag:web,tag:ue: "tag:ue": no host has this tag (did you mean "eu"?)`,
			"tags: db, eu, web"},
		{"eu", "", `--only eu: no host has this name`, "a tag has this name: --only tag:eu"},
		{"", "*,eu", `--except *,eu: "eu": no host has this name`, "a tag has this name: --except *,tag:eu"},
		{"web[", "", `--only web[: ` + invalid, ""},
		{"tag:[", "", `--only tag:[: ` + invalid, ""},
		{" ", "", `--only is empty`, "name a host or tag:TAG, or leave the option and its variable out"},
		{"", " ", `--except is empty`, "name a host or tag:TAG, or leave the option and its variable out"},
		{"tag:", "", `--only tag:: missing name`, ""},
		{"web1,", "", `--only web1,: "": missing name`, ""},
		{"web1,web2", "", `--only web1,web2: no host matches all of these`,
			`a comma means "and"; for the hosts that match any of them: --only web1 --only web2`},
		{"", "tag:web,tag:db", `--except tag:web,tag:db: no host matches all of these`,
			`a comma means "and"; for the hosts that match any of them: --except tag:web --except tag:db`},
		{"", "*", `no host is left: --except * excludes every host: web1, web2, db1, [::1]:22`,
			"exclude fewer of them; runbook hosts lists the hosts that remain"},
		{"web1|tag:db", "tag:eu",
			`no host is left: --except tag:eu excludes every host of --only web1 --only tag:db: web1, db1`,
			"exclude fewer of them; runbook hosts lists the hosts that remain"},
	} {
		_, err := Options{Only: split(c.only), Except: split(c.except)}.Choose(hosts)
		if err == nil || err.Error() != c.want || event.Hint(err) != c.hint {
			t.Errorf("--only %s --except %s: got %v (next: %s), want %s (next: %s)",
				c.only, c.except, err, event.Hint(err), c.want, c.hint)
		}
	}
	_, err := Options{Only: []string{"tag:web"}}.Choose([]Host{{Name: "web1"}})
	if err == nil || event.Hint(err) != "no host has a tag" {
		t.Errorf("got %v (next: %s)", err, event.Hint(err))
	}
}

func TestLimit(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "1": 1, "30": 30, "0%": 0, "10%": 1, "19%": 1, "20%": 2,
		"100%": 10} {
		l, err := ParseLimit(text)
		if err != nil || l.Of(10) != want || l.String() != text || !l.IsSet() {
			t.Errorf("%s: got %d of 10, %v", text, l.Of(10), err)
		}
	}
	if l, err := ParseLimit("10%"); err != nil || l.Of(9) != 0 {
		t.Errorf("10%% of 9: got %d, %v", l.Of(9), err)
	}
	for _, text := range []string{"", "-1", "+1", "1.5", "101%", "%", "two", "1 %", "99999999999999999999", "1e3"} {
		if _, err := ParseLimit(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
	if l := (Limit{}); l.IsSet() || l.Of(10) != 0 {
		t.Error("the zero value allows a host to be missing")
	}
}
