package run

import (
	"context"
	"fmt"
	"strconv"

	"runbook/runtime/event"
	"runbook/runtime/script"
)

// line is a text in Lua; a number becomes one.
type line string

// LuaType names both forms.
func (*line) LuaType() string { return "string|number" }

// UnmarshalLua takes a string or a number.
func (l *line) UnmarshalLua(value any) error {
	switch v := value.(type) {
	case string:
		*l = line(v)
	case float64:
		*l = line(strconv.FormatFloat(v, 'f', -1, 64))
	default:
		return fmt.Errorf("want a string or a number, got %s", script.Describe(value))
	}
	return nil
}

type logArgs struct {
	Text line `lua:"text,arg" doc:"the line"`
}

// logModule declares log.info and log.warn.
func logModule() script.Module {
	emit := func(kind event.Kind) func(context.Context, script.None, logArgs) (script.None, error) {
		return func(ctx context.Context, _ script.None, a logArgs) (script.None, error) {
			event.Emit(ctx, event.Event{Kind: kind, Text: string(a.Text)})
			return script.None{}, nil
		}
	}
	const doc = "Messages to the admin, on standard error and in the journal."
	return script.Module{Name: "log", Doc: doc, Primitives: []script.Primitive{
		script.Func("info", script.Pure, "Print a line of progress.", emit(event.Info)).
			With(`log.info("nothing to prune")`),
		script.Func("warn", script.Pure, "Print a warning.", emit(event.Warning)).
			With(`log.warn("the disk is nearly full")`),
	}}
}

// emitPrinted reports a line that a recipe printed.
func emitPrinted(ctx context.Context, text string) {
	event.Emit(ctx, event.Event{Kind: event.Printed, Text: text})
}

type showArgs struct {
	Header []string `lua:"header" doc:"the titles of the columns"`
	Rows   [][]any  `lua:"rows,required" doc:"a list of rows, each a list of cells: strings, numbers, true or false"`
}

// showPrimitive declares show{ header, rows }.
func showPrimitive() script.Primitive {
	return script.Func("show", script.Pure, "Print an aligned table on standard output.",
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

// cell returns a Lua value as the text of a table's cell.
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
