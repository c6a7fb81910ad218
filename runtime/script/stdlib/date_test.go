package stdlib_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"runbook/runtime/script/stdlib"
)

// TestFormatTime compares with date(1), which uses the system's strftime: every letter of C99, on
// days at the ends of years, months and weeks.
func TestFormatTime(t *testing.T) {
	directives := strings.Split("%A %B %C %D %F %G %H %I %M %P %R %S %T %U %V %W %X %Y %Z %a %b %c %d %e %g %h %j "+
		"%m %n %p %r %t %u %w %x %y %z %% %Ec %EC %Ex %EX %Ey %EY %Od %Oe %OH %OI %Om %OM %OS %Ou %OU %OV %Ow %OW %Oy",
		" ")
	format := "at " + strings.Join(directives, "|") + " of ä"
	for _, at := range []string{
		"2026-03-04T15:06:07Z", "2024-12-30T00:00:00Z", "2021-01-03T12:00:59Z", "2023-01-01T23:59:59Z",
		"2020-12-31T13:00:00Z",
		"2000-02-29T01:02:03Z", "1969-07-20T20:17:40Z", "2027-01-04T09:08:07Z",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		date := exec.Command("date", "-u", "-d", at, "+"+format)
		date.Env = []string{"LC_ALL=C", "PATH=/usr/bin:/bin"}
		want, err := date.Output()
		if err != nil {
			t.Fatal(err)
		}
		got, err := stdlib.FormatTime(when, format)
		if err != nil {
			t.Fatal(err)
		}
		theirs := strings.Split(strings.TrimSuffix(string(want), "\n"), "|")
		for i, ours := range strings.Split(got, "|") {
			if ours != theirs[i] {
				t.Errorf("%s, %s: got %q, want %q", at, directives[i], ours, theirs[i])
			}
		}
	}
}

func TestFormatTimeRefuses(t *testing.T) {
	for format, want := range map[string]string{
		"%Q": "strftime has no %Q;", "%1 of": "no %1;", "100% done": "no % ;", "%é": "no %é;", "%\xff": "no %\xff;",
		"%EQ":  "no %Q;",
		"at %": "ends in %;", "%E": "ends in %;", "%%%": "ends in %;",
	} {
		got, err := stdlib.FormatTime(time.Now(), format)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v, want an error with %q", format, got, err, want)
		}
	}
}
