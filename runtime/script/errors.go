package script

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"runbook/runtime/event"
)

// Error is what went wrong at a line of a recipe. errors.As reaches the Go error that a primitive returned, also
// after the recipe caught it with pcall and raised it again.
type Error struct {
	Line  string   // FILE:LINE, or "" when no line is known
	Chain []string // the FILE:LINEs that called it, innermost first
	Call  string   // the primitive, as host:run, or ""
	Err   error
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

// blame makes err an *Error of this call. One that is an *Error already comes from a callback deeper inside: its
// line stays, and this one goes into its chain.
func (s *State) blame(l *lua.LState, call Call, err error) error {
	err = cause(l.Context(), err)
	var inner *Error
	if errors.As(err, &inner) {
		if call.Line != "" && call.Line != inner.Line && !slices.Contains(inner.Chain, call.Line) {
			inner.Chain = append(inner.Chain, call.Line)
		}
		return err
	}
	return &Error{Line: call.Line, Call: call.Name, Err: err, Chain: callers(l)}
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
	if m := position.FindStringSubmatch(message); m != nil && s.chunks[m[1]] {
		e.Line, message = m[1]+":"+m[2], message[len(m[0]):]
	}
	for _, m := range traceLine.FindAllStringSubmatch(api.StackTrace, -1) {
		file, _, _ := strings.Cut(m[1], ":")
		if s.chunks[file] && m[1] != e.Line {
			e.Chain = append(e.Chain, m[1])
		}
	}
	if e.Line == "" && len(e.Chain) > 0 {
		e.Line, e.Chain = e.Chain[0], e.Chain[1:]
	}
	e.Err = &RaisedError{plain(message)}
	return e
}

// plain puts Lua's own most frequent complaints into words that help.
func plain(message string) string {
	switch {
	case strings.HasPrefix(message, "attempt to index a nil value"), strings.HasPrefix(message, "attempt to index a non-table object(nil)"):
		return strings.Replace(message, "attempt to index", "a field was asked of", 1) + ": what stands before the dot or colon is nil here"
	case strings.HasPrefix(message, "attempt to call a nil value"), strings.HasPrefix(message, "attempt to call a non-function object"):
		return fmt.Sprintf("%s: there is no function of that name", message)
	}
	return message
}
