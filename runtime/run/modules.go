package run

import (
	"context"

	"runbook/runtime/agent"
	"runbook/runtime/fs"
	"runbook/runtime/git"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// library puts together everything that a recipe can use. A feature is named here once, and nowhere else.
func (r *runner) library() (*script.Library, error) {
	var known []string
	if r.plan != nil {
		known = r.plan.knownHosts()
	}
	modules := []script.Module{
		r.ownModule(),
		ssh.Module(),
		r.hostModule(),
		fs.Module(),
		git.Module(git.Deps{KnownHosts: known}),
		logModule(),
		r.secretModule(),
		jsonModule(),
		clockModule(),
	}
	modules = append(modules, agent.Module(agent.Deps{KnownHosts: known, Prompt: r.opts.Prompt})...)
	return script.NewLibrary(append([]script.Object{hostObject()}, r.more.Objects...), append(modules, r.more.Modules...)...)
}

// ownModule are the globals.
func (r *runner) ownModule() script.Module {
	recipe := func(ctx context.Context, _ script.None, a recipeArgs) (script.Proxy, error) { return r.recipe(ctx, a) }
	globals := []script.Field{
		{Name: "hosts", Type: "host[]", Doc: "the hosts of this run"},
		{Name: "localhost", Type: "host", Doc: "this machine, with the methods of a host"},
	}
	return script.Module{Doc: "the run itself", Fields: globals, Primitives: []script.Primitive{
		script.Func("recipe", script.Reads, "Says what the recipe is, and which options it takes; comes first. Connects to all hosts, and returns the options. "+
			"Within each, an option has the value of that host.", recipe).
			With("local options = recipe({\n  summary = \"restart the web servers\",\n  hosts = \"production\",\n  options = { grace = { 10, \"seconds to wait\", min = 0 } },\n})"),
		r.validatePrimitive(),
		r.reachPrimitive(),
		r.eachPrimitive(),
		r.stepPrimitive(),
		r.confirmPrimitive(),
		failPrimitive(),
		r.resumePrimitive(),
		showPrimitive(),
		templatePrimitive(),
		r.envPrimitive(),
		quotePrimitive(),
	}}
}

// hostModule is what a run adds to a host.
func (r *runner) hostModule() script.Module {
	return script.Module{On: "host", Doc: "what a run keeps of a host", Primitives: append(r.hookPrimitives(), r.resultPrimitive())}
}
