package run

import (
	"context"
	"fmt"
	"strconv"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

type sayArgs struct {
	Text string `lua:"text,arg" doc:"a line"`
}

// logModule is log.info and log.warn.
func logModule() script.Module {
	say := func(kind event.Kind) func(context.Context, script.None, sayArgs) (script.None, error) {
		return func(ctx context.Context, _ script.None, a sayArgs) (script.None, error) {
			event.Emit(ctx, event.Event{Kind: kind, Text: a.Text})
			return script.None{}, nil
		}
	}
	return script.Module{Name: "log", Doc: "lines for the admin, on standard error and in the journal", Primitives: []script.Primitive{
		script.Func("info", script.Pure, "Says what is going on.", say(event.Info)).With(`log.info("nothing to prune")`),
		script.Func("warn", script.Pure, "Says what the admin should look at.", say(event.Warning)).With(`log.warn("the disk is nearly full")`),
	}}
}

type showArgs struct {
	Header []string `lua:"header" doc:"the columns' titles"`
	Rows   [][]any  `lua:"rows,required" doc:"a list of rows, each a list of cells: strings, numbers, true or false"`
}

// showPrimitive is show{ header, rows }.
func showPrimitive() script.Primitive {
	return script.Func("show", script.Pure, "Shows a table on standard output, aligned.",
		func(ctx context.Context, _ script.None, a showArgs) (script.None, error) {
			e := event.Event{Kind: event.Table, Header: a.Header}
			for i, row := range a.Rows {
				cells := []string{}
				for _, v := range row {
					text, err := cell(v)
					if err != nil {
						return script.None{}, fmt.Errorf("row %d: %w", i+1, err)
					}
					cells = append(cells, text)
				}
				e.Rows = append(e.Rows, cells)
			}
			event.Emit(ctx, e)
			return script.None{}, nil
		}).With(`show({ header = { "host", "load" }, rows = { { "web1", 0.2 } } })`)
}

// cell is a Lua value as a table shows it.
func cell(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	return "", fmt.Errorf("want a string, a number, true or false")
}
