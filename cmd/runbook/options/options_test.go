package options_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/options"
)

// TestAdd tries values of each kind of option, which all come from a variable.
func TestAdd(t *testing.T) {
	for _, c := range []struct {
		flag        cli.Flag
		text        string
		words, want string // want is the error
	}{
		{&cli.StringFlag{Name: "x"}, "", "--x=", ""},
		{&cli.StringSliceFlag{Name: "x"}, "", "--x=", ""},
		{&cli.StringSliceFlag{Name: "x"}, "a,b", "--x=a,b", ""},
		{&cli.BoolFlag{Name: "x"}, "", "", ""},
		{&cli.BoolFlag{Name: "x"}, "true", "--x=true", ""},
		{&cli.BoolFlag{Name: "x"}, "no", "", `RUNBOOK_X: want true or false, got "no"`},
		{&cli.DurationFlag{Name: "x"}, "", "", ""},
		{&cli.DurationFlag{Name: "x"}, "1m30s", "--x=1m30s", ""},
		{&cli.DurationFlag{Name: "x"}, "90", "", `RUNBOOK_X: want a duration such as 90s, 2m or 1h30m, got "90"`},
		{&cli.IntFlag{Name: "x"}, "", "", ""},
		{&cli.IntFlag{Name: "x"}, "012", "--x=12", ""},
		{&cli.IntFlag{Name: "x"}, "1.5", "", `RUNBOOK_X: want a whole number, got "1.5"`},
	} {
		t.Setenv("RUNBOOK_X", c.text)
		line, got := options.Line{}, ""
		if err := line.AddVariable(c.flag, "RUNBOOK_X"); err != nil {
			got = err.Error()
		}
		if words := strings.Join(line.Words, " "); words != c.words || got != c.want {
			t.Errorf("%T = %q: %q, %q; want %q, %q", c.flag, c.text, words, got, c.words, c.want)
		}
	}
	line := options.Line{}
	if err := line.AddVariable(&cli.StringFlag{Name: "x"}, "RUNBOOK_NOT_SET"); err != nil || line.Words != nil {
		t.Errorf("a variable that is not set: %q, %v", line.Words, err)
	}
}

// TestCall gives an action options, presets and arguments, some of which look like options or like
// commands of urfave/cli.
func TestCall(t *testing.T) {
	stage, only := &cli.StringFlag{Name: "stage"}, &cli.StringSliceFlag{Name: "only"}
	yes, count := &cli.BoolFlag{Name: "yes"}, &cli.IntFlag{Name: "at-once", Value: 5}
	limit := &cli.DurationFlag{Name: "timeout"}
	line := options.Line{Flags: []cli.Flag{stage, only, yes, count, limit, &cli.StringFlag{Name: "hosts"}},
		Args: []string{"help", "--yes=false", "-h"}}
	for _, o := range []struct {
		flag cli.Flag
		text string
	}{{stage, ""}, {only, "web1,web2"}, {only, "-x"}, {yes, "true"}, {count, "010"}, {limit, "90s"}} {
		if err := line.Add(o.flag, "--x", o.text); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	called := 0
	err := line.Call(t.Context(), &out, &out, func(c *cli.Context) error {
		called++
		if !c.IsSet("stage") || c.String("stage") != "" || c.IsSet("hosts") {
			t.Errorf("stage %q, set: %v; hosts set: %v", c.String("stage"), c.IsSet("stage"), c.IsSet("hosts"))
		}
		if got := c.StringSlice("only"); !slices.Equal(got, []string{"web1,web2", "-x"}) {
			t.Errorf("only %q", got)
		}
		if !c.Bool("yes") || c.Int("at-once") != 10 || c.Duration("timeout") != 90*time.Second {
			t.Errorf("yes %v, at-once %d, timeout %v", c.Bool("yes"), c.Int("at-once"), c.Duration("timeout"))
		}
		if got := c.Args().Slice(); !slices.Equal(got, line.Args) {
			t.Errorf("arguments %q", got)
		}
		return nil
	})
	if err != nil || called != 1 || out.Len() > 0 {
		t.Errorf("called %d times: %v\n%s", called, err, out.String())
	}
}
