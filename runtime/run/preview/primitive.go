package preview

import (
	"context"
	"errors"
	"fmt"

	"runbook/runtime/event"
	"runbook/runtime/script"
	"runbook/runtime/ssh/shell"
)

type planArgs struct {
	Title string          `lua:"title,arg" doc:"the subject, such as commits; for a file its path"`
	Fn    script.Callback `lua:"fn,arg" doc:"called in a dry run only; returns nil for nothing, a text, or a table: text, warning, rows (a list of lists of cells), omitted (the number of further rows), before and after (the content of a file, shown as a diff)"`
}

// Primitive declares host:plan. Outside of a dry run it does nothing.
func (c *Collector) Primitive(stream *event.Stream, dryRun bool) script.Primitive {
	return script.Func("plan", script.Reads,
		"State a part of what the run would do on the host, for the plan at the end of a dry run. "+
			"Hosts with the same parts are shown together. The calls of a file that states a plan are not listed "+
			"in it. An error of fn becomes a warning in the plan.",
		func(ctx context.Context, h *shell.Host, a planArgs) (script.None, error) {
			if !dryRun {
				return script.None{}, nil
			}
			ctx = event.WithHost(ctx, h.Name())
			value, err := a.Fn.Call(ctx)
			part := event.PlanPart{Title: a.Title}
			switch {
			case ctx.Err() != nil:
				return script.None{}, context.Cause(ctx)
			case err != nil:
				part.Warning = "not known: " + err.Error()
			default:
				if part, err = read(stream, part, value); err != nil {
					return script.None{}, fmt.Errorf("%s: %w", a.Title, err)
				}
			}
			c.state(ctx, part)
			return script.None{}, nil
		}).With("host:plan(\"restart\", function()\n" +
		"  return changed and \"stop and start, because the environment changed\" or \"by a touch\"\nend)")
}

// read adds what the function returned to a part.
func read(stream *event.Stream, part event.PlanPart, value any) (event.PlanPart, error) {
	var table script.Table
	switch v := value.(type) {
	case nil:
	case string:
		part.Text = v
	case script.Table:
		table = v
	default:
		return part, fmt.Errorf("want nil, a text or a table from the function, got %s", script.Describe(value))
	}
	if len(table.List) > 0 {
		return part, errors.New("the table has list items; write rows = { … }")
	}
	var before, after string
	for name, v := range table.Fields {
		text, isText := v.(string)
		number, isNumber := v.(float64)
		rows, isRows := readRows(v)
		switch {
		case name == "text" && isText:
			part.Text = text
		case name == "warning" && isText:
			part.Warning = text
		case name == "before" && isText:
			before = text
		case name == "after" && isText:
			after = text
		case name == "omitted" && isNumber:
			part.Omitted = int(number)
		case name == "rows" && isRows:
			part.Rows = rows
		default:
			return part, fmt.Errorf("%s = %s is not a field of a plan: see runbook docs host:plan", name,
				script.Describe(v))
		}
	}
	if before != after {
		change := Compare(stream, part.Title, before, after)
		part.Diff = change.Diff
		if change.Note != "" {
			part.Text = joinLines(part.Text, change.Note)
		}
	}
	return part, nil
}

func joinLines(text, line string) string {
	if text == "" {
		return line
	}
	return text + "\n" + line
}

// readRows reads a list of lists of texts and numbers.
func readRows(v any) ([][]string, bool) {
	table, ok := v.(script.Table)
	if !ok || len(table.Fields) > 0 {
		return nil, false
	}
	rows := [][]string{}
	for _, item := range table.List {
		cells, ok := item.(script.Table)
		if !ok || len(cells.Fields) > 0 {
			return nil, false
		}
		row := []string{}
		for _, cell := range cells.List {
			switch cell := cell.(type) {
			case string:
				row = append(row, cell)
			case float64:
				row = append(row, fmt.Sprint(cell))
			default:
				return nil, false
			}
		}
		rows = append(rows, row)
	}
	return rows, true
}
