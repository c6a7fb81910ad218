package script

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
)

// function makes the Lua function of a primitive: it unpacks, gives up the turn, calls Go, takes the turn back and
// returns the result, or raises an *Error with the recipe's line.
func (s *State) function(m Module, p Primitive) *lua.LFunction {
	path := m.Path(p.Name)
	if fn, ok := s.calls[path]; ok {
		return fn
	}
	assumed := p.assumed
	if assumed == nil {
		assumed = reflect.Zero(p.result).Interface()
	}
	fn := s.root.NewFunction(func(l *lua.LState) int {
		call := Call{Name: path, Effect: p.Effect, Line: where(l), assumed: assumed}
		top := l.GetTop()
		result, err := s.call(l, call, m, p)
		var v lua.LValue
		if err == nil {
			v, err = s.toLua(l, result)
		}
		if err != nil {
			err = s.blame(l, call, err)
			if at, ok := err.(*Error); ok && at.Call == call.Name && at.Line == call.Line && at.Given == "" {
				at.Given = given(l, call.Name, top)
			}
			s.throw(l, err)
		}
		if p.result == reflect.TypeFor[None]() {
			return 0
		}
		l.Push(v)
		return 1
	})
	s.calls[path] = fn
	return fn
}

func (s *State) call(l *lua.LState, call Call, m Module, p Primitive) (any, error) {
	first, err := s.receiver(l, &call, m, p)
	if err != nil {
		return nil, err
	}
	args, err := s.unpack(l, first, p.params, p.args)
	if err != nil {
		return nil, err
	}
	call.Args = args
	ctx := event.WithLine(l.Context(), call.Line)
	next := func() (any, error) { return p.call(ctx, call.Receiver, args) }
	if p.Effect == Pure {
		return next()
	}
	if s.opts.Around != nil {
		inner := next
		next = func() (any, error) { return s.opts.Around(ctx, call, inner) }
	}
	return s.waiting(l, next)
}

// waiting gives up the turn while fn runs.
func (s *State) waiting(l *lua.LState, fn func() (any, error)) (any, error) {
	s.turn.Unlock()
	defer func() {
		s.turn.Lock()
		s.root.G.CurrentThread = l
	}()
	return fn()
}

// receiver takes the object that a primitive is called on off the arguments, and returns the place of the first
// argument behind it. A colon and a dot are easy to mix up, so both mistakes are named.
func (s *State) receiver(l *lua.LState, call *Call, m Module, p Primitive) (int, error) {
	if m.On == "" {
		if m.Name != "" && l.GetTop() > 0 && l.Get(1) == l.G.Global.RawGetString(m.Name) {
			return 0, fmt.Errorf("called with a colon; write %s(…) with a dot", call.Name)
		}
		return 1, nil
	}
	if ud, ok := l.Get(1).(*lua.LUserData); ok {
		v := ud.Value
		if g, ok := v.(group); ok && g.module == m.Name {
			v = g.receiver
		}
		if reflect.TypeOf(v) == p.receiver {
			call.Receiver = v
			return 2, nil
		}
	}
	return 0, fmt.Errorf("called without its %s; write %s(…) with a colon", m.On, call.Name)
}

// unpack reads the arguments from the place first on into a new struct of type t.
func (s *State) unpack(l *lua.LState, first int, ps params, t reflect.Type) (any, error) {
	into := reflect.New(t).Elem()
	args, options, callback := ps.split()
	last := l.GetTop()
	var err error
	if callback != nil {
		if last, err = s.unpackCallback(l, first, last, *callback, into); err != nil {
			return nil, err
		}
	}
	at := first
	for _, p := range args {
		given := at <= last && l.Get(at) != lua.LNil
		if p.typ == reflect.TypeFor[LiveTable]() {
			table, _ := l.Get(at).(*lua.LTable)
			into.Field(p.field).Set(reflect.ValueOf(LiveTable{s, l, table, l.Get(at), at - first}))
			at++
			continue
		}
		var v any
		if given {
			if v, err = s.fromLua(l, l.Get(at)); err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
		}
		if err := p.decode(v, given, into); err != nil {
			return nil, err
		}
		at++
	}
	if len(options) > 0 {
		if err := s.unpackOptions(l, at, last, options, into); err != nil {
			return nil, err
		}
		at++
	}
	if at <= last {
		return nil, fmt.Errorf("%d arguments are too many; it takes %s", l.GetTop()-first+1, signature(args, options, callback))
	}
	return into.Interface(), nil
}

// unpackCallback reads the function, which stands last, and returns the place before it.
func (s *State) unpackCallback(l *lua.LState, first, last int, p param, into reflect.Value) (int, error) {
	if last < first || l.Get(last).Type() != lua.LTFunction {
		if p.optional {
			return last, nil
		}
		return 0, fmt.Errorf("%s is missing: %s comes last, as function() … end", p.name, p.name)
	}
	into.Field(p.field).Set(reflect.ValueOf(Callback{state: s, thread: l, fn: l.Get(last).(*lua.LFunction)}))
	return last - 1, nil
}

func (s *State) unpackOptions(l *lua.LState, at, last int, options params, into reflect.Value) error {
	var given Table
	if at <= last && l.Get(at) != lua.LNil {
		v, err := s.fromLua(l, l.Get(at))
		if err != nil {
			return err
		}
		t, ok := v.(Table)
		if !ok {
			return fmt.Errorf("want options in a table, such as { %s = … }, got %s", options[0].name, describe(v))
		}
		given = t
	}
	return decodeOptions(given, options, into)
}

// signature is how a primitive's arguments are written: (cmd, { cwd, env }, fn).
func signature(args, options params, callback *param) string {
	var parts []string
	for _, p := range args {
		if p.optional {
			parts = append(parts, "["+p.name+"]")
			continue
		}
		parts = append(parts, p.name)
	}
	if len(options) > 0 {
		opts := "{ " + strings.Join(options.names(), ", ") + " }"
		if !options.anyRequired() {
			opts = "[" + opts + "]"
		}
		parts = append(parts, opts)
	}
	if callback != nil {
		parts = append(parts, callback.name)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// cause returns why ctx ended, when it has, else err: after an interrupt every wait fails in its own words.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
