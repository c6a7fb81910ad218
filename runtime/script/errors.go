package script

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
	"runbook/runtime/script/source"
)

// Error is a failure at a line of a recipe. errors.As finds the Go error that a primitive returned,
// even when the recipe caught it with pcall and raised it again.
type Error struct {
	Line  string        // FILE:LINE, or "" when no line is known
	Call  string        // the primitive, as host:run, or ""
	Text  string        // the call with its arguments, as a recipe would write it; secrets are hidden
	Lines []source.Line // the source around Line; empty when no line is known
	Err   error

	mu    sync.Mutex // several Lua threads may raise the same error again
	chain []string
}

// Chain returns the lines, FILE:LINE, that called Line, innermost first.
func (e *Error) Chain() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.chain)
}

// AddCaller adds a line, FILE:LINE, to the chain once. It ignores "" and Line itself.
func (e *Error) AddCaller(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if line != "" && line != e.Line && !slices.Contains(e.chain, line) {
		e.chain = append(e.chain, line)
	}
}

// Error returns "FILE:LINE: primitive: message".
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Line, e.Call} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(append(parts, e.Err.Error()), ": ")
}

func (e *Error) Unwrap() error { return e.Err }

// RaisedError is an error that the recipe or Lua itself raised.
type RaisedError struct{ Message string }

func (e *RaisedError) Error() string { return e.Message }

// currentLine returns the recipe line that is being executed, FILE:LINE.
func currentLine(l *lua.LState) string { return strings.TrimSuffix(l.Where(1), ":") }

// locate makes err an *Error of this call. An err that contains *Errors comes from callbacks inside
// the call: they keep their lines, and this line is added to their chains.
func (s *State) locate(l *lua.LState, call Call, err error) error {
	err = endReason(l.Context(), err)
	deeper := false
	eachError(err, func(inner *Error) {
		deeper = true
		inner.AddCaller(call.Line)
	})
	if deeper {
		return err
	}
	return &Error{Line: call.Line, Call: call.Name, Err: err, chain: callers(l), Lines: s.sourceLines(call.Line)}
}

// eachError visits the outermost *Errors in err: there are several when several hosts failed.
func eachError(err error, visit func(*Error)) {
	switch e := err.(type) {
	case nil:
	case *Error:
		visit(e)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			eachError(inner, visit)
		}
	case interface{ Unwrap() error }:
		eachError(e.Unwrap(), visit)
	}
}

// sourceLines returns the source around FILE:LINE.
func (s *State) sourceLines(at string) []source.Line {
	path, n, _ := source.SplitPlace(at)
	return source.Around(s.chunks[path], n)
}

// callers returns the lines of this Lua thread that called the current one.
func callers(l *lua.LState) []string {
	var lines []string
	for level := 2; ; level++ {
		if _, ok := l.GetStack(level); !ok {
			return lines
		}
		line := strings.TrimSuffix(l.Where(level), ":")
		if line != "" && line[0] != '[' && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
}

// raise raises a Go error in Lua. Lua code can convert it to text and read its message; pcall
// returns it unchanged.
func (s *State) raise(l *lua.LState, err error) { l.Error(s.errorValue(l, err), 1) }

// raiseHere raises an error at the current line.
func (s *State) raiseHere(l *lua.LState, err error) {
	s.raise(l, s.locate(l, Call{Line: currentLine(l)}, err))
}

func (s *State) errorValue(l *lua.LState, err error) lua.LValue {
	ud := l.NewUserData()
	ud.Value, ud.Metatable = err, s.errs
	return ud
}

func (s *State) declareErrors() {
	s.errs = s.root.NewTable()
	text := func(v lua.LValue) string {
		if ud, ok := v.(*lua.LUserData); ok {
			if err, ok := ud.Value.(error); ok {
				return err.Error()
			}
		}
		return v.String()
	}
	s.errs.RawSetString("__tostring", s.root.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LString(text(l.Get(1))))
		return 1
	}))
	s.errs.RawSetString("__concat", s.root.NewFunction(func(l *lua.LState) int {
		l.Push(lua.LString(text(l.Get(1)) + text(l.Get(2))))
		return 1
	}))
	s.errs.RawSetString("__index", s.root.NewFunction(func(l *lua.LState) int {
		err := l.CheckUserData(1).Value.(error)
		switch key := l.Get(2).String(); key {
		case "message":
		case "hint": // the next thing to do, or ""
			l.Push(lua.LString(event.Hint(err)))
			return 1
		case "output": // the last lines that the failed command printed, or ""
			var command interface{ LastOutput() string }
			if errors.As(err, &command) {
				l.Push(lua.LString(s.stream.Redact(command.LastOutput())))
				return 1
			}
			l.Push(lua.LString(""))
			return 1
		default:
			l.RaiseError("an error has no %q; it has message, hint and output", key)
		}
		var at *Error
		if errors.As(err, &at) {
			err = at.Err
		}
		l.Push(lua.LString(err.Error()))
		return 1
	}))
	s.errs.RawSetString("__metatable", lua.LFalse)
}

var (
	position  = regexp.MustCompile(`^(.+?):(\d+): *`)
	traceLine = regexp.MustCompile(`(?m)^\s+(.+?:\d+): in `)
)

// goError converts the error of PCall.
func (s *State) goError(l *lua.LState, err error) error {
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return err
	}
	if l.Context().Err() != nil {
		return context.Cause(l.Context())
	}
	if ud, ok := api.Object.(*lua.LUserData); ok {
		if raised, ok := ud.Value.(error); ok {
			return raised
		}
	}
	e := &Error{}
	message := l.ToStringMeta(api.Object).String()
	if t, ok := api.Object.(*lua.LTable); ok && t.Metatable == lua.LNil {
		message = "error() was called with a table; pass a string, or call fail(message, hint)"
	}
	if m := position.FindStringSubmatch(message); m != nil && s.chunks[m[1]] != nil {
		e.Line, message = m[1]+":"+m[2], message[len(m[0]):]
	}
	for _, m := range traceLine.FindAllStringSubmatch(api.StackTrace, -1) {
		file, _, _ := strings.Cut(m[1], ":")
		switch {
		case s.chunks[file] == nil:
		case e.Line == "":
			e.Line = m[1]
		default:
			e.AddCaller(m[1])
		}
	}
	e.Lines, e.Err = s.sourceLines(e.Line), &RaisedError{source.ExplainRuntime(message)}
	return e
}
