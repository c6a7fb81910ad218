package run

import (
	"context"
	"errors"

	"runbook/runtime/event"
	"runbook/runtime/inventory"
	"runbook/runtime/script"
	"runbook/runtime/ssh"
)

// Extension is what a Lua world has beside what recipes can use.
type Extension struct {
	Objects []script.Object
	Modules []script.Module
}

// Scene is a Lua world without a recipe, such as that of a test of recipes. Its hosts can do all that they can in one.
type Scene struct {
	r     *runner
	state *script.State
}

// SceneOptions say what a scene is made for.
type SceneOptions struct {
	Options                                         // Inventory.KnownHosts, Inventory.ConnectTimeout, Prompt and Hooks count
	More     Extension                              // what Lua can use beside the usual
	Print    func(ctx context.Context, text string) // gets each line that is printed
	Settings *Settings                              // counts when validate is called
}

var errNoRecipe = errors.New("recipe{ … } stands in recipes only, and this is none")

// NewScene makes a Lua world without any hosts. Close it.
func NewScene(opts SceneOptions) (*Scene, error) {
	r := &runner{opts: opts.Options, plan: &Plan{opts: opts.Options}, settings: opts.Settings, root: &frame{}, hooks: opts.Hooks, more: opts.More}
	if r.hooks == nil {
		r.hooks = context.Background()
	}
	r.table = table{changed: r.changed.Load}
	r.recipe = func(context.Context, recipeArgs) (script.Proxy, error) { return script.Proxy{}, errNoRecipe }
	r.pool = newPool(opts.Options)
	state, err := r.newState(script.StateOptions{Around: plainly, Print: opts.Print}, []*ssh.Host{})
	if err != nil {
		return nil, joined(err, r.pool.Close())
	}
	return &Scene{r, state}, nil
}

// plainly is what stands around a primitive where nothing is planned or left out: a failure gets its host and step.
func plainly(ctx context.Context, call script.Call, next func() (any, error)) (any, error) {
	result, err := next()
	return result, locate(onReceiver(ctx, call), err)
}

// Hosts makes these the hosts of the scene, the global hosts among Lua's names, and connects to them.
func (s *Scene) Hosts(ctx context.Context, targets []inventory.Host) ([]*ssh.Host, error) {
	hosts := make([]*ssh.Host, len(targets))
	for i, target := range targets {
		hosts[i] = s.r.pool.Host(target)
	}
	s.r.hosts, s.r.plan.Hosts = hosts, targets
	if err := joined(s.r.connect(ctx)...); err != nil {
		return nil, err
	}
	return hosts, s.state.SetGlobal("hosts", hosts)
}

// Run runs a Lua file to its end, with errors as State.Run has them.
func (s *Scene) Run(ctx context.Context, path string) error { return s.state.Run(ctx, path) }

// Close runs what was deferred outside of each, ends all connections and frees the Lua world. failed says whether what
// was done here has failed.
func (s *Scene) Close(ctx context.Context, failed bool) error {
	err := joined(s.r.runHooks(event.WithStream(ctx, nil), s.r.root, failed), s.r.pool.Close())
	s.state.Close()
	return err
}
