package event

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// Redactor replaces secrets by value, also where they stand base64-encoded. The zero value replaces nothing.
type Redactor struct {
	values   []string
	replacer *strings.Replacer
}

// shortest is the length in bytes under which a value is not replaced: a secret of one or two letters would
// blank out half of every line and so give itself away.
const shortest = 4

// Add makes r replace value from now on. A value of several lines is replaced line by line too, because
// output is cut into lines.
func (r *Redactor) Add(value string) {
	candidates := append(strings.Split(value, "\n"), value,
		base64.StdEncoding.EncodeToString([]byte(value)), base64.URLEncoding.EncodeToString([]byte(value)))
	for _, c := range candidates {
		c = strings.TrimSpace(c)
		if len(c) >= shortest && !slices.Contains(r.values, c) {
			r.values = append(r.values, c)
		}
	}
	// The longest first: a whole key must go before one of its lines does.
	slices.SortFunc(r.values, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(r.values))
	for _, v := range r.values {
		pairs = append(pairs, v, "[secret]")
	}
	r.replacer = strings.NewReplacer(pairs...)
}

// Replace returns text with every secret replaced by "[secret]".
func (r *Redactor) Replace(text string) string {
	if r.replacer == nil {
		return text
	}
	return r.replacer.Replace(text)
}

func (r *Redactor) event(e Event) Event {
	if r.replacer == nil {
		return e
	}
	e.Text, e.Error, e.Hint = r.Replace(e.Text), r.Replace(e.Error), r.Replace(e.Hint)
	if e.Columns != nil {
		e.Columns = maps.Clone(e.Columns)
		for k, v := range e.Columns {
			e.Columns[k] = r.Replace(v)
		}
	}
	if e.Rows != nil {
		rows := make([][]string, len(e.Rows))
		for i, row := range e.Rows {
			rows[i] = slices.Clone(row)
			for j := range row {
				rows[i][j] = r.Replace(row[j])
			}
		}
		e.Rows = rows
	}
	if e.Args != nil {
		e.Args = maps.Clone(e.Args)
		for k, v := range e.Args {
			if s, ok := v.(string); ok {
				e.Args[k] = r.Replace(s)
			}
		}
	}
	return e
}
