package script

import (
	"context"
	"fmt"
	"reflect"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
	"runbook/runtime/script/types"
)

// function makes the Lua function of a primitive. It unpacks the arguments, releases the turn,
// calls Go, reacquires the turn, and returns the result or raises an *Error with the recipe's line.
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
		call := Call{Name: path, Effect: p.Effect, Line: currentLine(l), assumed: assumed}
		top := l.GetTop()
		result, err := s.call(l, call, m, p)
		var v lua.LValue
		if err == nil {
			v, err = s.toLua(l, result)
		}
		if err != nil {
			err = s.locate(l, call, err)
			if at, ok := err.(*Error); ok && at.Call == call.Name && at.Line == call.Line && at.Text == "" {
				at.Text = s.callText(l, call.Name, top)
			}
			s.raise(l, err)
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
	args, err := s.unpack(l, first, p.Signature(), p.args)
	if err != nil {
		return nil, err
	}
	call.Args = args
	if e, ok := args.(interface{ Effect() Effect }); ok && p.Effect == Depends {
		call.Effect = e.Effect()
	}
	ctx := event.WithLine(l.Context(), call.Line)
	next := func() (any, error) { return p.call(ctx, call.Receiver, args) }
	if p.Effect == Pure {
		return next()
	}
	if s.opts.Intercept != nil {
		inner := next
		next = func() (any, error) { return s.opts.Intercept(ctx, call, inner) }
	}
	return s.withoutTurn(l, next)
}

// withoutTurn releases the turn while fn runs.
func (s *State) withoutTurn(l *lua.LState, fn func() (any, error)) (any, error) {
	s.turn.Unlock()
	defer func() {
		s.turn.Lock()
		s.root.G.CurrentThread = l
	}()
	return fn()
}

// receiver reads the object that a primitive is called on and returns the place of the first
// argument after it. A colon and a dot are easy to confuse, so the errors name both mistakes.
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

// unpack reads the arguments from place first on into a new struct of type t.
func (s *State) unpack(l *lua.LState, first int, sig types.Signature, t reflect.Type) (any, error) {
	into := reflect.New(t).Elem()
	last := l.GetTop()
	var err error
	if sig.Callback != nil {
		if last, err = s.unpackCallback(l, first, last, *sig.Callback, into); err != nil {
			return nil, err
		}
	}
	at := first
	for _, p := range sig.Args {
		if p.Rest {
			var words Words
			if words, at, err = s.unpackWords(l, at, last, len(sig.Options) > 0); err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
			into.FieldByIndex(p.Index).Set(reflect.ValueOf(words))
			continue
		}
		given := at <= last && l.Get(at) != lua.LNil
		if field := into.FieldByIndex(p.Index); field.Type() == reflect.TypeFor[LiveTable]() {
			table, _ := l.Get(at).(*lua.LTable)
			field.Set(reflect.ValueOf(LiveTable{s, l, table, l.Get(at), at - first}))
			at++
			continue
		}
		var v any
		if given {
			if v, err = s.fromLua(l, l.Get(at)); err != nil {
				return nil, fmt.Errorf("%s: %w", p.Name, err)
			}
		}
		if err := decodeParam(p, v, given, into); err != nil {
			return nil, err
		}
		if file, ok := into.FieldByIndex(p.Index).Addr().Interface().(*File); ok {
			if *file, err = s.file(l.Context(), file.Name); err != nil {
				return nil, err
			}
		}
		at++
	}
	if len(sig.Options) > 0 {
		if err := s.unpackOptions(l, at, last, sig.Options, into); err != nil {
			return nil, err
		}
		at++
	}
	if at <= last {
		return nil, fmt.Errorf("want %s, got %d arguments", sig, l.GetTop()-first+1)
	}
	s.resolvePaths(sig, into)
	return into.Interface(), nil
}

// unpackCallback reads the function, which comes last, and returns the place before it.
func (s *State) unpackCallback(l *lua.LState, first, last int, p types.Param, into reflect.Value) (int, error) {
	if last < first || l.Get(last).Type() != lua.LTFunction {
		if p.Optional {
			return last, nil
		}
		return 0, fmt.Errorf("%s is missing: pass it last, as function() … end", p.Name)
	}
	into.FieldByIndex(p.Index).Set(reflect.ValueOf(Callback{state: s, thread: l, fn: l.Get(last).(*lua.LFunction)}))
	return last - 1, nil
}

func (s *State) unpackOptions(l *lua.LState, at, last int, options types.Params, into reflect.Value) error {
	var given Table
	if at <= last && l.Get(at) != lua.LNil {
		v, err := s.fromLua(l, l.Get(at))
		if err != nil {
			return err
		}
		t, ok := v.(Table)
		if !ok {
			return fmt.Errorf("want options in a table, such as { %s = … }, got %s", options[0].Name, Describe(v))
		}
		given = t
	}
	return decodeOptions(given, options, into)
}

// endReason returns the reason why ctx ended, or err when ctx has not ended: after an interrupt
// every wait fails with an error of its own.
func endReason(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
