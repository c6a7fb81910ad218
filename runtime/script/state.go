package script

import (
	"context"
	"fmt"
	"reflect"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
	"runbook/runtime/script/source"
	"runbook/runtime/script/types"
)

// StateOptions are the hooks and inputs of a state.
type StateOptions struct {
	// Intercept is called for every primitive that is not Pure, without the turn. It returns
	// next(), or call.Assumed() to skip the call. nil calls next.
	Intercept func(ctx context.Context, call Call, next func() (any, error)) (any, error)
	// ReadAssumed is called, with the turn, when a recipe reads a field of the result of a skipped
	// call. nil ignores it.
	ReadAssumed func(ctx context.Context, call Call, field string, value any)
	// Getenv implements os.getenv. nil reads the environment of this process.
	Getenv func(name string) (value string, ok bool)
	// Print gets each line that a recipe prints. nil drops it.
	Print func(ctx context.Context, text string)
	Files *source.Cache // files that were read already; nil for none
}

// Call is a call of a primitive.
type Call struct {
	Name     string // as in a recipe: host:run
	Effect   Effect
	Receiver any
	Args     any // the argument struct
	Line     string

	assumed any
}

// Argument is one argument of a call.
type Argument struct {
	types.Param
	Value   any
	Omitted bool // it has its default
}

// Arguments returns the call's arguments in the order of their declaration.
func (c Call) Arguments() []Argument {
	v := reflect.ValueOf(c.Args)
	ps, err := readParams(v.Type(), nil, false)
	if err != nil {
		panic(err) // the signature was read from the same struct
	}
	var args []Argument
	for _, p := range ps {
		field := v.FieldByIndex(p.Index)
		omitted := field.IsZero() || p.HasDefault && fmt.Sprint(field) == p.Default
		args = append(args, Argument{p, field.Interface(), omitted})
	}
	return args
}

// Assumed returns the result for a call that is skipped: a success that changed nothing.
func (c Call) Assumed() any { return assumption{c, c.assumed} }

// assumption is the result of a skipped call.
type assumption struct {
	call  Call
	value any
}

// State holds a recipe, the modules that it requires, and the Lua threads of all hosts. Threads
// take turns: a goroutine holds the turn while it executes Lua, and a primitive releases it while
// it waits.
type State struct {
	lib      *Library
	stream   *event.Stream
	opts     StateOptions
	root     *lua.LState
	turn     sync.Mutex
	chunks   map[string][]string                // the lines of the loaded files, by their names in errors
	files    map[string]*source.File            // the loaded files
	loaded   map[string]lua.LValue              // the value of each required file; nil while it is being loaded
	order    []string                           // the required files, in the order in which they returned
	shipped  map[string]bool                    // the recipe and required files that are as runbook has them
	deferred map[string]func(*lua.LState) error // by path: runs a module of which no field was read yet
	values   map[any]*lua.LUserData             // the Lua values of objects
	records  map[reflect.Type]types.Params      // the fields of result structs
	metas    map[string]*lua.LTable             // metatables of objects and groups, by name
	calls    map[string]*lua.LFunction          // primitives, by path
	errs     *lua.LTable                        // the metatable of errors
	globals  map[string]bool                    // the declared global names
	project  source.Project                     // where require and File look
	overlays map[*lua.LTable]map[string]string  // the keys that Overlay set in a table, and their files
	named    map[string]File                    // the files read as File, by name
	open     bool                               // setting a global declares it, as in a session
	nested   map[*lua.LState]int                // the depth of callbacks of each thread
}

// NewState makes a state with the library's primitives. The users and passwords of URLs in its
// files become secrets of stream, which its errors hide. The caller must close it.
func (lib *Library) NewState(stream *event.Stream, opts StateOptions) (*State, error) {
	s := &State{
		lib: lib, stream: stream, opts: opts, root: newLState(),
		chunks: map[string][]string{}, files: map[string]*source.File{}, loaded: map[string]lua.LValue{},
		values: map[any]*lua.LUserData{}, records: map[reflect.Type]types.Params{}, metas: map[string]*lua.LTable{},
		calls: map[string]*lua.LFunction{}, globals: map[string]bool{}, named: map[string]File{},
		overlays: map[*lua.LTable]map[string]string{}, nested: map[*lua.LState]int{},
		shipped: map[string]bool{}, deferred: map[string]func(*lua.LState) error{},
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

// newLState makes a bare Lua state whose stacks grow on demand: 2,000 hosts have 2,000 threads.
func newLState() *lua.LState {
	return lua.NewState(lua.Options{
		SkipOpenLibs: true, MinimizeStackMemory: true, CallStackSize: 4096,
		RegistrySize: 128, RegistryGrowStep: 64, RegistryMaxSize: 1 << 20,
	})
}

// Close frees the state. No Lua code may be running.
func (s *State) Close() { s.root.Close() }

// SetGlobal sets a global that a module declares as a field, by Func's rules for results.
func (s *State) SetGlobal(name string, value any) error {
	if _, ok := s.lib.Global(name); !ok {
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

// Run runs a recipe file. Its errors are *Errors when a line raised them, and a Problem when the
// file can't be parsed.
func (s *State) Run(ctx context.Context, path string) error {
	s.project = s.opts.Files.Project(source.RecipeDir(path))
	text, err := s.project.ReadRecipe(path)
	if err != nil {
		return err
	}
	s.shipped[path] = s.project.HasBuiltin(path, text)
	fn, err := s.load(ctx, s.root, path, text)
	if err != nil {
		return err
	}
	s.declareRequire()
	_, err = Callback{state: s, thread: s.root, fn: fn}.Thread(ctx)
	return err
}

func (s *State) load(ctx context.Context, l *lua.LState, path string, text []byte) (*lua.LFunction, error) {
	f := s.opts.Files.File(path, text)
	f.AddURLSecrets(s.stream)
	s.chunks[path], s.files[path] = f.Lines, f
	if f.Problem != nil {
		return nil, f.Problem
	}
	return l.NewFunctionFromProto(f.Proto), nil
}

// Callback is a Lua function that was passed to a primitive.
type Callback struct {
	state  *State
	thread *lua.LState
	fn     *lua.LFunction
}

// Call runs the function on the Lua thread that passed it, which must still be waiting in the
// primitive. Primitives in the function get ctx. Objects in args must be registered. Call returns
// the function's first result, as Value describes it, and its error as an *Error.
func (c Callback) Call(ctx context.Context, args ...any) (any, error) {
	return first(c.run(ctx, c.thread, 1, args))
}

// Pair is Call for a function without arguments that returns two results.
func (c Callback) Pair(ctx context.Context) (one, two any, err error) {
	results, err := c.run(ctx, c.thread, 2, nil)
	if err != nil {
		return nil, nil, err
	}
	return results[0], results[1], nil
}

// Inline is Call for a Pure primitive, which keeps the turn.
func (c Callback) Inline(ctx context.Context, args ...any) (any, error) {
	return first(c.invoke(ctx, c.thread, 1, args))
}

func first(results []any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// Thread runs the function on a new Lua thread, so that it can run beside others and after the
// primitive that it was passed to has returned.
func (c Callback) Thread(ctx context.Context, args ...any) (any, error) {
	c.state.turn.Lock()
	// A child of the passing thread would end with that thread's context. Here only ctx counts.
	thread, cancel := c.state.root.NewThread()
	c.state.turn.Unlock()
	defer cancel()
	return first(c.run(ctx, thread, 1, args))
}

func (c Callback) run(ctx context.Context, l *lua.LState, wanted int, args []any) ([]any, error) {
	c.state.turn.Lock()
	defer c.state.turn.Unlock()
	return c.invoke(ctx, l, wanted, args)
}

// invoke runs the function and returns the wanted number of results. The caller has the turn.
func (c Callback) invoke(ctx context.Context, l *lua.LState, wanted int, args []any) ([]any, error) {
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
	if ctx.Err() != nil { // the first instruction would notice it, but report its own line
		return nil, context.Cause(ctx)
	}
	l.Push(c.fn)
	for _, v := range values {
		l.Push(v)
	}
	if err := l.PCall(len(values), wanted, nil); err != nil {
		return nil, s.goError(l, err)
	}
	defer l.Pop(wanted)
	results := make([]any, wanted)
	for i := range results {
		var err error
		if results[i], err = s.fromLua(l, l.Get(i-wanted)); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// IsZero reports whether there is no function: an optional callback was omitted.
func (c Callback) IsZero() bool { return c.fn == nil }
