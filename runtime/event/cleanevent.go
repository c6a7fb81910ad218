package event

import "slices"

// cleaner makes texts fit to be shown.
type cleaner struct{ secrets *Redactor }

// CleanEvent is e as a stream would show it, for events from elsewhere, such as a file that somebody else may have written.
func CleanEvent(e Event) Event { return cleaner{&Redactor{}}.event(e) }

// event is e as it may be shown. In each field control characters go first: between the letters of a secret they would hide it.
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
	for _, line := range []*string{(*string)(&e.Kind), &e.Host, &e.Stream, &e.State, &e.Line, &e.By} {
		*line = c.line(*line)
	}
	e.Step, e.Header, e.Hosts = c.lines(e.Step), c.lines(e.Header), c.lines(e.Hosts)
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
	if e.Rows != nil {
		rows := make([][]string, len(e.Rows))
		for i, row := range e.Rows {
			rows[i] = c.lines(row)
		}
		e.Rows = rows
	}
	if e.Args != nil {
		e.Args = c.value(e.Args).(map[string]any)
	}
	return e
}

// text may have several lines.
func (c cleaner) text(text string) string {
	return cutLines(c.secrets.Replace(strip(text)), LongestLine)
}

// line stands in one.
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

// value is a recipe option's value.
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
