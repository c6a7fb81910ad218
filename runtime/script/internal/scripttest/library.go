// Package scripttest declares a small library, of hosts that do nothing, for the tests of script
// and of the packages under it.
package scripttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"runbook/runtime/script"
)

// Host is the object that the library registers. In runbook it is *shell.Host.
type Host struct{ Name string }

// ErrBroken is the error of host:run("fail").
var ErrBroken = errors.New("broken")

type runArgs struct {
	Cmd     any           `lua:"cmd,arg" doc:"what to run"`
	Cwd     string        `lua:"cwd" doc:"where"`
	Timeout time.Duration `lua:"timeout" doc:"how long" default:"5s"`
	Mode    string        `lua:"mode" doc:"how" choices:"fast slow"`
	Check   bool          `lua:"check" doc:"raise on failure" default:"true"`
}

type runResult struct {
	Code   int    `lua:"code"`
	Stdout string `lua:"stdout"`
}

type scriptOptions struct {
	Changes bool `lua:"changes" doc:"whether it changes something" default:"true"`
}

type scriptArgs struct {
	File script.File  `lua:"file,arg" doc:"which"`
	Args script.Words `lua:"args,arg,rest" doc:"its arguments"`
	scriptOptions
}

// Effect returns Changes, unless changes is false.
func (a scriptArgs) Effect() script.Effect {
	if a.Changes {
		return script.Changes
	}
	return script.Reads
}

type eachArgs struct {
	Hosts  []*Host         `lua:"hosts,arg" doc:"the hosts"`
	AtOnce int             `lua:"at_once" doc:"how many at once" default:"1"`
	Fn     script.Callback `lua:"fn,arg" doc:"what to do" passes:"host"`
}

type readArgs struct {
	Path string `lua:"path,arg" doc:"which"`
}

type infoArgs struct {
	Text string `lua:"text,arg" doc:"what"`
}

type stepArgs struct {
	Title string          `lua:"title,arg" doc:"its title"`
	Fn    script.Callback `lua:"fn,arg" doc:"what to do"`
}

// Library returns host:run, host:script, host:wait, host.fs:read, log.info, step, each and the
// global hosts.
func Library(t testing.TB) *script.Library {
	t.Helper()
	lib, err := script.NewLibrary([]script.Object{{Name: "host", Type: reflect.TypeFor[*Host](), Doc: "a server"}},
		script.Module{On: "host", Doc: "a host's own", Fields: []script.Field{
			{Name: "name", Type: "string", Doc: "its name", Get: func(h any) any { return h.(*Host).Name }},
		}, Primitives: []script.Primitive{
			script.Func("run", script.Changes, "runs", run),
			script.Func("script", script.Depends, "runs a script", runScript),
			script.Func("wait", script.Reads, "waits until the run is interrupted", wait),
		}},
		script.Module{Name: "fs", On: "host", Doc: "files", Primitives: []script.Primitive{
			script.Func("read", script.Reads, "reads", read),
		}},
		script.Module{Name: "log", Doc: "messages", Primitives: []script.Primitive{
			script.Func("info", script.Pure, "logs", info),
		}},
		script.Module{Doc: "globals", Fields: []script.Field{
			{Name: "hosts", Type: "host[]", Doc: "the hosts"},
		}, Primitives: []script.Primitive{
			script.Func("step", script.Reads, "a step", step),
			script.Func("each", script.Reads, "for each host", each),
		}},
	)
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

func run(_ context.Context, h *Host, a runArgs) (runResult, error) {
	if a.Cmd == "fail" {
		return runResult{}, ErrBroken
	}
	return runResult{Stdout: fmt.Sprint(h.Name, " ", a.Cmd, " ", a.Cwd, " ", a.Timeout, " ", a.Mode, " ", a.Check)}, nil
}

func runScript(_ context.Context, _ *Host, a scriptArgs) (string, error) {
	return fmt.Sprintf("%s %s %q %q %v", a.File.Name, a.File.Path, a.File.Text, []string(a.Args), a.Changes), nil
}

func wait(ctx context.Context, _ *Host, _ struct{}) (script.None, error) {
	<-ctx.Done()
	return script.None{}, ctx.Err()
}

func read(_ context.Context, h *Host, a readArgs) (string, error) { return h.Name + a.Path, nil }

func info(context.Context, script.None, infoArgs) (script.None, error) { return script.None{}, nil }

func step(ctx context.Context, _ script.None, a stepArgs) (any, error) { return a.Fn.Call(ctx) }

func each(ctx context.Context, _ script.None, a eachArgs) (script.None, error) {
	var wg sync.WaitGroup
	errs := make([]error, len(a.Hosts))
	for i, h := range a.Hosts {
		wg.Go(func() { _, errs[i] = a.Fn.Thread(ctx, h) })
	}
	wg.Wait()
	return script.None{}, errors.Join(errs...)
}
