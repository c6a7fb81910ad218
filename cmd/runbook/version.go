package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"runbook/cmd/runbook/recipetest"
	"runbook/runtime/recipe"
)

// A release sets these with -ldflags -X. Other builds use the Go tool's own record.
var releaseVersion, releaseCommit, releaseDate string

func (p *program) versionCommand() command {
	return command{name: "version", summary: "version, commit, date and Go",
		description: "The date is that of the commit. runbook --version prints the first line alone.",
		action: func(*cli.Context) error {
			b := readBuild()
			_, err := fmt.Fprintf(p.out, "runbook %s\ncommit %s\ndate %s\n%s %s/%s\n",
				b.version, b.commit, b.date, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		}}
}

// build identifies this build.
type build struct{ version, commit, date string }

// readBuild returns what a release was stamped with, or else what the Go tool recorded.
func readBuild() build {
	b := build{releaseVersion, releaseCommit, releaseDate}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.version = cmp.Or(b.version, info.Main.Version)
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.commit = cmp.Or(b.commit, s.Value)
			case "vcs.time":
				b.date = cmp.Or(b.date, s.Value)
			}
		}
	}
	return build{cmp.Or(b.version, "(devel)"), cmp.Or(b.commit, "unknown"), cmp.Or(b.date, "unknown")}
}

// versionedAPI returns what Lua can use, for recipes that want some version of this program.
func versionedAPI() (recipe.API, error) {
	api, err := recipetest.API()
	api.Version = readBuild().version
	return api, err
}
