package recipe

import (
	"slices"
	"strings"
	"testing"

	"runbook/runtime/event"
	"runbook/runtime/script/source"
)

func TestIsTitle(t *testing.T) {
	for _, tt := range []struct {
		typed, title string
		want         bool
	}{
		{"prune", "prune", true},
		{"switch to", "switch to r2", true},
		{"switch to ", "switch to r2", true},
		{"before_switch", "before_switch, once for all hosts", true},
		{"before", "before_switch", false},
		{"switch to r", "switch to r2", false},
		{"prune it", "prune", false},
		{"", "prune", false},
	} {
		if got := IsTitle(tt.typed, tt.title); got != tt.want {
			t.Errorf("%q names %q: got %v", tt.typed, tt.title, got)
		}
	}
}

func TestCheckSteps(t *testing.T) {
	const text = `
step("build", { required = true }, function() end)
step("switch to " .. release, function() step("drain", function() end) end)
step(asked and "check " .. url or "look", function() end)
`
	r := &Recipe{Stream: event.NewStream(), Sources: &source.Cache{}}
	r.Sources.File("a.lua", []byte(text))
	dynamic := &Recipe{Stream: event.NewStream(), Sources: &source.Cache{}}
	dynamic.Sources.File("b.lua", []byte(text+"step(title, function() end)\n"))
	for _, tt := range []struct {
		of         *Recipe
		only, skip string
		err        string
	}{
		{r, "build", "", ""},
		{r, "", "drain", ""},
		{r, "", "switch to", ""},
		{r, "", "switch to r2", ""},
		{r, "", "check http://web1/", ""},
		{r, "", "look", ""},
		{r, "", "build", `--skip cannot leave out the step "build"`},
		{r, "biuld", "", `--step: the recipe has no step "biuld" (did you mean "build"?)`},
		{r, "", "swicth to r2", `--skip: the recipe has no step "swicth to r2" (did you mean "switch to"?)`},
		{r, "", "migrate", `--skip: the recipe has no step "migrate"`},
		{dynamic, "", "migrate", ""},
		{dynamic, "", "drian", `(did you mean "drain"?)`},
	} {
		split := func(text string) []string {
			return slices.DeleteFunc([]string{text}, func(s string) bool { return s == "" })
		}
		_, err := tt.of.CheckSteps(split(tt.only), split(tt.skip))
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("--step %q --skip %q: got %v, want %q", tt.only, tt.skip, err, tt.err)
		}
	}
}
