package run

import (
	iofs "io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"runbook/runtime/agent"
	"runbook/runtime/event"
	"runbook/runtime/format"
	"runbook/runtime/fs"
	"runbook/runtime/git"
	"runbook/runtime/inventory"
	"runbook/runtime/poll"
	"runbook/runtime/reboot"
	"runbook/runtime/recipe"
	"runbook/runtime/request"
	"runbook/runtime/script"
	"runbook/runtime/script/source"
	"runbook/runtime/secret"
	"runbook/runtime/ssh/shell"
	"runbook/runtime/text"
	"runbook/runtime/transfer"
)

// Extension adds objects and modules to what recipes can use.
type Extension struct {
	Objects []script.Object
	Modules []script.Module
}

// library assembles everything that Lua can use in the world. Each feature is named
// here once, and nowhere else.
func (w *World) library() (*script.Library, error) {
	host := script.Object{Name: "host", Type: reflect.TypeFor[*shell.Host](),
		Doc: "A server of the run, or this machine (localhost)."}
	known := knownHosts(w.opts.KnownHosts, w.opts.Hosts)
	modules := []script.Module{
		w.globals(),
		shell.Module(),
		request.Module(),
		poll.HostModule(w.opts.DryRun),
		reboot.Module(),
		w.notes.Module(),
		transfer.Module(),
		w.hostModule(),
		fs.Module(w.opts.DryRun),
		fs.FileModule(),
		git.Module(git.Deps{KnownHosts: known, Here: w.localhost, Names: w.opts.Names}),
		logModule(),
		secret.Module(secret.Deps{Read: w.evaluation.Secret, Ask: w.evaluation.AskSecret, Stream: w.stream,
			Prompt: w.evaluation.Prompt}),
		text.ClockModule(),
	}
	modules = append(modules, format.Modules()...)
	agentDeps := agent.Deps{Servers: agent.Servers{KnownHosts: known, Names: w.opts.Names},
		Prompt: agent.Prompt(w.opts.Prompt), Stream: w.stream}
	modules = append(modules, agent.Module(agentDeps)...)
	more := w.opts.Extension
	return script.NewLibrary(append([]script.Object{host}, more.Objects...), append(modules, more.Modules...)...)
}

// hostModule declares what a run adds to a host.
func (w *World) hostModule() script.Module {
	return script.Module{On: "host", Doc: "Hooks and results of a host.",
		Primitives: append(w.hooks.primitives(), w.table.resultPrimitive(), w.plan.Primitive(w.stream, w.opts.DryRun))}
}

// globals declares the primitives without a group.
func (w *World) globals() script.Module {
	fields := []script.Field{
		{Name: "hosts", Type: "host[]", Doc: "the hosts of this run"},
		{Name: "skipped", Type: "host[]",
			Doc: "unreachable hosts that --skip-unreachable skips: they are not in hosts"},
		{Name: "localhost", Type: "host", Doc: "this machine, with the methods of a host"},
		{Name: "dry_run", Type: "boolean", Doc: "whether this is a dry run; what changes something is skipped anyway"},
	}
	primitives := []script.Primitive{
		w.evaluation.RecipePrimitive(),
		w.evaluation.ValidatePrimitive(),
		w.connections.primitive(),
		hostLoop{w.table, w.hooks, w.notes}.primitive(),
		(&onceCalls{calls: map[string]*onceCall{}}).primitive(),
		stepper{w.opts.BeforeStep, w.notes, w.opts.Steps}.primitive(),
		confirmer{w.opts.DryRun, w.opts.Yes, w.opts.Prompt}.primitive(),
		confirmer{w.opts.DryRun, w.opts.Yes, w.opts.Prompt}.askPrimitive(),
		failPrimitive(),
		resumePrimitive(w.resumer),
		showPrimitive(),
		w.evaluation.EnvPrimitive(),
	}
	primitives = append(primitives, text.Primitives()...)
	primitives = append(primitives, poll.Primitives(w.opts.DryRun)...)
	primitives = append(primitives, chooser{w}.primitives()...)
	return script.Module{Doc: "The run, its hosts and this machine.", Fields: fields, Primitives: primitives}
}

// knownHosts returns the known_hosts files of this machine for servers that are reached
// from the hosts, such as a git server: those given on the command line, or else those of
// the hosts and the admin's own.
func knownHosts(given []string, hosts []inventory.Host) []string {
	files := slices.Clone(given)
	if len(files) > 0 {
		return files
	}
	for _, h := range hosts {
		for _, f := range h.KnownHosts {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		if own := filepath.Join(home, ".ssh", "known_hosts"); !slices.Contains(files, own) {
			files = append(files, own)
		}
	}
	return files
}

// NewAPI returns what recipes can use, and what their tests can use with the extension. builtin has
// the recipes and modules that every project can use without a copy, see source.Project; it may be
// nil.
func NewAPI(tests Extension, builtin iofs.FS) (api recipe.API, err error) {
	api.NewState, api.Sources = newBareState, &source.Cache{Builtin: builtin}
	opts := WorldOptions{Stream: event.NewStream()} // for the declarations: their functions are never called
	if api.Recipes, err = newWorld(opts).library(); err != nil {
		return api, err
	}
	opts.Extension = tests
	api.Tests, err = newWorld(opts).library()
	return api, err
}

// newBareState makes a state without hosts, for files that are evaluated but contact nothing.
func newBareState(e *recipe.Evaluation, opts script.StateOptions) (*script.State, error) {
	w := newWorld(WorldOptions{Stream: e.Stream})
	w.evaluation = e
	err := w.open(opts)
	return w.state, err
}
