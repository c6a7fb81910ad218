package event

import "slices"

// event is e as it may be shown: every text in it is replaced, whatever it says.
func (r *Redactor) event(e Event) Event {
	if len(r.forms) == 0 {
		return e
	}
	for _, text := range []*string{&e.Text, &e.Error, &e.Hint, &e.State, &e.Line, &e.By} {
		*text = r.Replace(*text)
	}
	e.Step, e.Header = r.list(e.Step), r.list(e.Header)
	if e.Faults != nil {
		faults := slices.Clone(e.Faults)
		for i := range faults {
			f := &faults[i]
			for _, text := range []*string{&f.Line, &f.Message, &f.Command, &f.Hint} {
				*text = r.Replace(*text)
			}
			f.Step = r.list(f.Step)
		}
		e.Faults = faults
	}
	if e.Columns != nil {
		columns := make(map[string]string, len(e.Columns))
		for name, v := range e.Columns {
			columns[r.Replace(name)] = r.Replace(v)
		}
		e.Columns = columns
	}
	if e.Rows != nil {
		rows := make([][]string, len(e.Rows))
		for i, row := range e.Rows {
			rows[i] = r.list(row)
		}
		e.Rows = rows
	}
	if e.Args != nil {
		e.Args = r.value(e.Args).(map[string]any)
	}
	return e
}

func (r *Redactor) list(texts []string) []string {
	texts = slices.Clone(texts)
	for i, text := range texts {
		texts[i] = r.Replace(text)
	}
	return texts
}

// value is a recipe option's value.
func (r *Redactor) value(v any) any {
	switch v := v.(type) {
	case string:
		return r.Replace(v)
	case []string:
		return r.list(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = r.value(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[r.Replace(name)] = r.value(item)
		}
		return out
	}
	return v
}
