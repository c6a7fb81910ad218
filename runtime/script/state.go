package script

import (
	"context"
	"fmt"
	"sync"

	lua "github.com/yuin/gopher-lua"
)

// StateOptions say how a state treats what recipes do.
type StateOptions struct {
	// Around, when given, is called around every primitive but the Pure ones, without the turn. It returns what
	// next returns, or, to leave the call out, call.Assumed() without calling next.
	Around func(ctx context.Context, call Call, next func() (any, error)) (any, error)
	// Assumed, when given, is called when a recipe reads a field of a result that a call which was left out would have had.
	// It keeps the turn.
	Assumed func(ctx context.Context, call Call, field string, value any)
	// Getenv, when given, is what os.getenv asks.
	Getenv func(name string) (value string, ok bool)
	// Print gets each line that a recipe prints. Default: printing is an error.
	Print   func(ctx context.Context, text string)
	Sources *Sources // the files as far as they were read
}

// Call is one use of a primitive.
type Call struct {
	Name     string // as a recipe writes it: host:run
	Effect   Effect
	Receiver any
	Args     any // the argument struct
	Line     string

	assumed any
}

// Assumed is the result to go on with when the call is left out: a success that changed nothing.
func (c Call) Assumed() any { return assumption{c, c.assumed} }

// assumption is a result that nothing has had.
type assumption struct {
	call  Call
	value any
}

// State is one Lua world: the recipe, what it requires, and the threads of all hosts. Threads take turns: a
// goroutine holds the turn while it executes Lua, and a primitive gives it up for as long as it waits.
type State struct {
	lib     *Library
	opts    StateOptions
	root    *lua.LState
	turn    sync.Mutex
	chunks  map[string][]string       // the lines of the files that were loaded, by the name that errors show
	files   map[string]*recipeFile    // the files that were loaded
	loaded  map[string]lua.LValue     // what each required file returned; nil while it is being loaded
	order   []string                  // the required files, in the order in which they returned
	holders map[any]*lua.LUserData    // one userdata an object, so that == works
	metas   map[string]*lua.LTable    // metatables of objects and groups, by name
	calls   map[string]*lua.LFunction // primitives, by path
	errs    *lua.LTable               // the metatable of errors
	globals map[string]bool           // declared global names
	open    bool                      // a name that is set is declared by that, as in a session
	nested  map[*lua.LState]int       // how many callbacks of primitives a thread is in
}

// NewState makes a Lua world with the library's primitives in it. Close it after use.
func (lib *Library) NewState(opts StateOptions) (*State, error) {
	s := &State{
		lib: lib, opts: opts, root: newLState(),
		chunks: map[string][]string{}, files: map[string]*recipeFile{}, loaded: map[string]lua.LValue{}, holders: map[any]*lua.LUserData{},
		metas: map[string]*lua.LTable{}, calls: map[string]*lua.LFunction{}, globals: map[string]bool{}, nested: map[*lua.LState]int{},
	}
	s.root.SetContext(context.Background())
	if err := s.openLibraries(); err != nil {
		return nil, err
	}
	s.declareErrors()
	s.declareObjects()
	s.declareGlobals()
	s.closeGlobals()
	return s, nil
}

// newLState makes a bare Lua state whose stacks grow as they are needed: 2,000 hosts mean 2,000 of them.
func newLState() *lua.LState {
	return lua.NewState(lua.Options{
		SkipOpenLibs: true, MinimizeStackMemory: true, CallStackSize: 4096,
		RegistrySize: 128, RegistryGrowStep: 64, RegistryMaxSize: 1 << 20,
	})
}

// Close frees the state. No Lua may run in it any more.
func (s *State) Close() { s.root.Close() }

// SetGlobal gives a global its value, as Func describes results. A module must have declared it, as a field.
func (s *State) SetGlobal(name string, value any) error {
	if _, ok := s.lib.global(name); !ok {
		return fmt.Errorf("no module declares the global %q", name)
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	v, err := s.toLua(s.root, value)
	if err != nil {
		return fmt.Errorf("global %s: %w", name, err)
	}
	s.globals[name] = true
	s.root.G.Global.RawSetString(name, v)
	return nil
}

// Run runs a recipe file to its end. Errors are *Error where a line is to blame; a file that can't be read or
// parsed is a Problem.
func (s *State) Run(ctx context.Context, path string) error {
	source, err := ReadShown(path)
	if err != nil {
		return err
	}
	fn, err := s.load(ctx, s.root, path, source)
	if err != nil {
		return err
	}
	s.declareRequire(RecipeDir(path))
	_, err = Callback{state: s, thread: s.root, fn: fn}.Thread(ctx)
	return err
}

func (s *State) load(ctx context.Context, l *lua.LState, path string, source []byte) (*lua.LFunction, error) {
	f := s.opts.Sources.file(path, source)
	f.addURLs(ctx)
	s.chunks[path], s.files[path] = f.lines, f
	if f.problem != nil {
		return nil, f.problem
	}
	return l.NewFunctionFromProto(f.proto), nil
}

// Callback is a Lua function that was passed to a primitive.
type Callback struct {
	state  *State
	thread *lua.LState
	fn     *lua.LFunction
}

// Call runs the function on the Lua thread that passed it, which must still be waiting in the primitive it was
// passed to. ctx is what primitives within it get. Objects in args must be registered. It returns the
// function's first result, as Value describes it, and its error as an *Error.
func (c Callback) Call(ctx context.Context, args ...any) (any, error) {
	return c.run(ctx, c.thread, args)
}

// Inline is Call for a Pure primitive, which keeps the turn.
func (c Callback) Inline(ctx context.Context, args ...any) (any, error) {
	return c.invoke(ctx, c.thread, args)
}

// Thread runs the function on a Lua thread of its own, so that it can run beside others and after the primitive
// that it was passed to.
func (c Callback) Thread(ctx context.Context, args ...any) (any, error) {
	c.state.turn.Lock()
	// Not a child of the passing thread: its context may have ended, and ctx is what counts.
	thread, cancel := c.state.root.NewThread()
	c.state.turn.Unlock()
	defer cancel()
	return c.run(ctx, thread, args)
}

func (c Callback) run(ctx context.Context, l *lua.LState, args []any) (any, error) {
	c.state.turn.Lock()
	defer c.state.turn.Unlock()
	return c.invoke(ctx, l, args)
}

// invoke is run with the turn.
func (c Callback) invoke(ctx context.Context, l *lua.LState, args []any) (any, error) {
	s := c.state
	outer, running := l.Context(), s.root.G.CurrentThread
	s.nested[l]++
	defer func() {
		if s.nested[l]--; s.nested[l] == 0 {
			delete(s.nested, l)
		}
		l.SetContext(outer)
		s.root.G.CurrentThread = running
	}()
	l.SetContext(ctx)
	s.root.G.CurrentThread = l
	values := make([]lua.LValue, len(args))
	for i, a := range args {
		v, err := s.toLua(l, a)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	if ctx.Err() != nil { // before the first instruction would find out, with a line that is not to blame
		return nil, context.Cause(ctx)
	}
	l.Push(c.fn)
	for _, v := range values {
		l.Push(v)
	}
	if err := l.PCall(len(values), 1, nil); err != nil {
		return nil, s.caught(l, err)
	}
	result := l.Get(-1)
	l.Pop(1)
	return s.fromLua(l, result)
}

// IsZero says whether there is no function: an optional callback that was left out.
func (c Callback) IsZero() bool { return c.fn == nil }
