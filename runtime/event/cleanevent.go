package event

import "slices"

// cleaner cleans texts and hides secrets in them.
type cleaner struct{ secrets *Redactor }

// CleanEvent cleans an event that did not come through a Stream, for example from a file that
// another program may have written.
func CleanEvent(e Event) Event { return cleaner{&Redactor{}}.event(e) }

// event cleans all fields. Control characters are removed before secrets are replaced: between the
// letters of a secret they would hide it from the search.
func (c cleaner) event(e Event) Event {
	clean := strip(e.Text)
	shown := c.secrets.Replace(clean)
	switch {
	case e.Kind != Output && e.Kind != Printed:
	case clean == e.Text:
		e.raw = shown
	default:
		e.raw = c.secrets.Replace(e.Text)
	}
	e.Text = cutLines(shown, LongestLine)
	for _, text := range []*string{&e.Error, &e.Hint} {
		*text = c.text(*text)
	}
	for _, line := range []*string{(*string)(&e.Kind), &e.Host, &e.Stream, &e.State, &e.Tone, &e.Line, &e.By} {
		*line = c.line(*line)
	}
	e.Step, e.Header, e.Hosts, e.Order = c.lines(e.Step), c.lines(e.Header), c.lines(e.Hosts), c.lines(e.Order)
	if e.Faults != nil {
		faults := slices.Clone(e.Faults)
		for i := range faults {
			f := &faults[i]
			for _, text := range []*string{&f.Message, &f.Command, &f.Hint} {
				*text = c.text(*text)
			}
			f.Host, f.Line, f.Step = c.line(f.Host), c.line(f.Line), c.lines(f.Step)
		}
		e.Faults = faults
	}
	if e.Columns != nil {
		columns := make(map[string]string, len(e.Columns))
		for name, v := range e.Columns {
			columns[c.line(name)] = c.line(v)
		}
		e.Columns = columns
	}
	e.Rows, e.Plan = c.rows(e.Rows), c.plan(e.Plan)
	if e.Args != nil {
		e.Args = c.value(e.Args).(map[string]any)
	}
	return e
}

// text cleans a text of several lines.
func (c cleaner) text(text string) string {
	return cutLines(c.secrets.Replace(strip(text)), LongestLine)
}

// line cleans a part of a line.
func (c cleaner) line(text string) string {
	return cutLines(c.secrets.Replace(stripLine(text)), LongestName)
}

func (c cleaner) lines(texts []string) []string {
	texts = slices.Clone(texts)
	for i, text := range texts {
		texts[i] = c.line(text)
	}
	return texts
}

// rows cleans the cells of a table.
func (c cleaner) rows(rows [][]string) [][]string {
	rows = slices.Clone(rows)
	for i, row := range rows {
		rows[i] = c.lines(row)
	}
	return rows
}

// value cleans the value of a recipe's option.
func (c cleaner) value(v any) any {
	switch v := v.(type) {
	case string:
		return c.text(v)
	case []string:
		out := slices.Clone(v)
		for i, item := range out {
			out[i] = c.text(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = c.value(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[c.line(name)] = c.value(item)
		}
		return out
	}
	return v
}
