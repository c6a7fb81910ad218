package script

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
)

// Error is what went wrong at a line of a recipe. errors.As reaches the Go error that a primitive returned, also
// after the recipe caught it with pcall and raised it again.
type Error struct {
	Line  string // FILE:LINE, or "" when no line is known
	Call  string // the primitive, as host:run, or ""
	Given string // the call with the values that were given, as a recipe would write it; secrets are hidden
	Lines []Line // the source around Line, in order; empty when no line is known
	Err   error

	mu    sync.Mutex // several Lua threads may raise one error again, which a recipe has kept
	chain []string
}

// Chain returns the FILE:LINEs that called the line, innermost first.
func (e *Error) Chain() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.chain)
}

// AddCaller adds a FILE:LINE to the chain, once. "" and the line itself are left out.
func (e *Error) AddCaller(line string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if line != "" && line != e.Line && !slices.Contains(e.chain, line) {
		e.chain = append(e.chain, line)
	}
}

// Line is a line of a recipe.
type Line struct {
	Number int // from 1
	Text   string
}

// Error is "FILE:LINE: primitive: what was wrong".
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

// RaisedError is what a recipe raised itself, or what Lua found wrong.
type RaisedError struct{ Message string }

func (e *RaisedError) Error() string { return e.Message }

// where is the recipe line that is being executed, FILE:LINE.
func where(l *lua.LState) string { return strings.TrimSuffix(l.Where(1), ":") }

// blame makes err an *Error of this call. Those that are *Errors already come from callbacks deeper inside: their
// lines stay, and this one goes into their chains.
func (s *State) blame(l *lua.LState, call Call, err error) error {
	err = cause(l.Context(), err)
	deeper := false
	eachError(err, func(inner *Error) {
		deeper = true
		inner.AddCaller(call.Line)
	})
	if deeper {
		return err
	}
	return &Error{Line: call.Line, Call: call.Name, Err: err, chain: callers(l), Lines: s.around(call.Line)}
}

// eachError visits the outermost *Errors within err: several when several hosts failed.
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

// around is the source at FILE:LINE, with two lines before it and two behind.
func (s *State) around(at string) []Line {
	path, n, ok := SplitPlace(at)
	source := s.chunks[path]
	if !ok || n < 1 || n > len(source) {
		return nil
	}
	var lines []Line
	for k := max(1, n-2); k <= min(len(source), n+2); k++ {
		if k == len(source) && source[k-1] == "" { // what follows the last line break is no line
			break
		}
		lines = append(lines, Line{k, source[k-1]})
	}
	return lines
}

// SplitPlace takes FILE:LINE apart.
func SplitPlace(at string) (file string, line int, ok bool) {
	i := strings.LastIndex(at, ":")
	if i < 0 {
		return "", 0, false
	}
	line, err := strconv.Atoi(at[i+1:])
	return at[:i], line, err == nil
}

// callers are the lines that led to the one that is executed, in this Lua thread.
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

// throw raises a Go error in Lua. There it can be turned into text, and its message read; pcall hands it over
// whole.
func (s *State) throw(l *lua.LState, err error) { l.Error(s.thrown(l, err), 1) }

func (s *State) thrown(l *lua.LState, err error) lua.LValue {
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
		case "hint": // what to do about it, or ""
			l.Push(lua.LString(event.Hint(err)))
			return 1
		default:
			l.RaiseError("an error has no %q; it has message and hint", key)
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

// caught makes a Go error of what PCall returned.
func (s *State) caught(l *lua.LState, err error) error {
	var api *lua.ApiError
	if !errors.As(err, &api) {
		return err
	}
	if l.Context().Err() != nil {
		return context.Cause(l.Context())
	}
	if ud, ok := api.Object.(*lua.LUserData); ok {
		if thrown, ok := ud.Value.(error); ok {
			return thrown
		}
	}
	e := &Error{}
	message := l.ToStringMeta(api.Object).String()
	if t, ok := api.Object.(*lua.LTable); ok && t.Metatable == lua.LNil {
		message = "a table was raised as an error; raise a string, or call fail(message, hint)"
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
	e.Lines, e.Err = s.around(e.Line), &RaisedError{plain(message)}
	return e
}

// plain puts Lua's own most frequent complaints into words that help.
func plain(message string) string {
	more := ""
	switch {
	case strings.HasPrefix(message, "attempt to index a nil value"), strings.HasPrefix(message, "attempt to index a non-table object(nil)"):
		return strings.Replace(message, "attempt to index", "a field was asked of", 1) + ": what stands before the dot or colon is nil here"
	case strings.HasPrefix(message, "attempt to call a nil value"), strings.HasPrefix(message, "attempt to call a non-function object"):
		more = "there is no function of that name"
	case strings.HasPrefix(message, "cannot perform concat operation between"):
		more = "only strings and numbers can be put together with ..; is one of them nil, or misspelt?"
	case strings.HasPrefix(message, "cannot perform"):
		more = "only numbers can be reckoned with; is one of them nil, or a text that tonumber() would read?"
	case strings.HasPrefix(message, "attempt to compare"):
		more = "only two numbers, or two texts, can be told apart by size"
	default:
		return message
	}
	return message + ": " + more
}
