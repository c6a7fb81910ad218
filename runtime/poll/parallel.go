package poll

import (
	"context"
	"sync"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type parallelArgs struct {
	Fns []script.Callback `lua:"fns,arg" doc:"the functions, in a list"`
}

func parallel() script.Primitive {
	return script.Func("parallel", script.Reads,
		"Run functions at the same time and return a list of what they return, in their order. "+
			"All run to their end, even after an error. Then the first error that occurred is raised, "+
			"and the others are shown as warnings. "+
			"On one host two commands run at the same time; others wait for one of them.", runParallel).
		With("local answers = parallel({\n" +
			"  function() return host:http(\"http://127.0.0.1:8000/health\").status end,\n" +
			"  function() return localhost:capture(\"git --version\") end,\n})\nlog.info(\"status \" .. answers[1])")
}

func runParallel(ctx context.Context, _ script.None, a parallelArgs) ([]any, error) {
	values := make([]any, len(a.Fns))
	var mu sync.Mutex
	var first error
	var group sync.WaitGroup
	for i, fn := range a.Fns {
		group.Go(func() {
			value, err := fn.Thread(ctx)
			mu.Lock()
			defer mu.Unlock()
			values[i] = value
			switch {
			case err == nil:
			case first == nil:
				first = err
			case ctx.Err() == nil:
				event.Emit(ctx, event.Event{Kind: event.Warning, Text: "parallel: another function failed, too: " +
					event.OneLine(err.Error())})
			}
		})
	}
	group.Wait()
	return values, first
}
