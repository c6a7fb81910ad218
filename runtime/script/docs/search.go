package docs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"runbook/runtime/script"
	"runbook/runtime/script/spell"
	"runbook/runtime/script/types"
)

// hit is a place where a search found its words. Equal options of several primitives are one hit.
type hit struct {
	what, doc string   // the name of an option, or where a text is; and the documentation
	in        []string // the primitives that have the option
}

// finding is everything that a search found.
type finding struct{ names, options, texts []hit }

// search returns the names, the options and the texts that have all words: names and options
// anywhere, texts at the beginning of a word.
func search(lib *script.Library, words []string) string {
	var f finding
	q := newQuery(words)
	for _, t := range topics {
		f.text(q, t.name, t.text, q.names(t.name))
	}
	for _, m := range lib.Modules() {
		for _, field := range m.Fields {
			f.text(q, m.FieldPath(field.Name), field.Doc, q.names(field.Name))
		}
		for _, p := range m.Primitives {
			path := m.Path(p.Name)
			f.text(q, path, p.Doc, q.names(path))
			for _, ps := range []types.Params{p.Signature().Positional(), p.Signature().Options} {
				f.params(q, path, ps)
			}
			if r := p.Signature().Result; r.Kind == types.Record {
				f.params(q, "what "+path+" returns", r.Fields)
			}
		}
	}
	return f.String()
}

// seeAlso lists the entries that have an option of this name, or returns "".
func seeAlso(lib *script.Library, name string) string {
	var f finding
	for _, m := range lib.Modules() {
		for _, p := range m.Primitives {
			for _, o := range p.Signature().Options {
				if o.Name == name && p.Name != name {
					f.params(newQuery([]string{name}), m.Path(p.Name), types.Params{o})
				}
			}
		}
	}
	if len(f.options) == 0 {
		return ""
	}
	return "\nalso " + strings.TrimSuffix(f.String(), searchEnd)
}

// text adds a path whose name matches, or else the best matching sentence of its documentation.
func (f *finding) text(q query, path, doc string, named bool) {
	sentences := strings.SplitAfter(strings.ReplaceAll(doc, "\n", " "), ". ")
	if named {
		f.names = append(f.names, hit{what: path, doc: strings.TrimSpace(sentences[0])})
		return
	}
	if q.mentions(doc) {
		best := slices.MaxFunc(sentences, func(a, b string) int { return q.count(a) - q.count(b) })
		f.texts = append(f.texts, hit{what: path, doc: strings.TrimSpace(best)})
	}
}

// params adds the parameters, or the fields of a result, whose name or documentation matches.
func (f *finding) params(q query, path string, ps types.Params) {
	for _, p := range ps {
		if !q.names(p.Name) && !q.mentions(p.Doc) {
			continue
		}
		same := func(h hit) bool { return h.what == p.Name && h.doc == p.Doc }
		if i := slices.IndexFunc(f.options, same); i >= 0 {
			f.options[i].in = append(f.options[i].in, path)
		} else {
			f.options = append(f.options, hit{p.Name, p.Doc, []string{path}})
		}
	}
}

const searchEnd = "\nrunbook docs NAME shows one of these in full.\n"

// String writes what was found, or returns "".
func (f finding) String() string {
	var b strings.Builder
	section := func(title string, hits []hit) {
		if len(hits) > 0 {
			fmt.Fprintf(&b, "%s\n", title)
		}
		for _, h := range hits {
			fmt.Fprintf(&b, "  %-24s %s\n", h.what, h.doc)
			if len(h.in) > 0 {
				fmt.Fprintf(&b, "  %-24s in %s\n", "", strings.Join(h.in, ", "))
			}
		}
	}
	section("names", f.names)
	section("options, arguments and fields of results", f.options)
	section("texts", f.texts)
	if b.Len() > 0 {
		b.WriteString(searchEnd)
	}
	return b.String()
}

// query is the words of a search.
type query struct {
	words []string // in small letters
	begin []*regexp.Regexp
}

func newQuery(words []string) query {
	var q query
	for _, w := range words {
		q.words = append(q.words, strings.ToLower(w))
		q.begin = append(q.begin, regexp.MustCompile(`(?i)(^|\W)`+regexp.QuoteMeta(w)))
	}
	return q
}

// names reports whether a name contains all words.
func (q query) names(name string) bool {
	return !slices.ContainsFunc(q.words, func(w string) bool { return !strings.Contains(strings.ToLower(name), w) })
}

// mentions reports whether a text has all words, or longer ones that begin with them.
func (q query) mentions(text string) bool { return q.count(text) == len(q.begin) }

// count returns how many of the words a text has.
func (q query) count(text string) int {
	n := 0
	for _, r := range q.begin {
		if r.MatchString(text) {
			n++
		}
	}
	return n
}

// unknown returns the error of a search that found nothing, with the nearest words.
func unknown(lib *script.Library, words []string) error {
	near := []string{}
	for _, w := range words {
		candidates := vocabulary(lib)
		for n := spell.Nearest(w, candidates); n != "" && len(near) < 4; n = spell.Nearest(w, candidates) {
			near = append(near, n)
			candidates = slices.DeleteFunc(candidates, func(c string) bool { return c == n })
		}
	}
	text := fmt.Sprintf("the API has no name, option or text with %q", strings.Join(words, " "))
	if len(near) > 0 {
		text += "; near words: " + strings.Join(near, ", ")
	}
	return fmt.Errorf("%s", text)
}

// vocabulary returns the names, options and topics that a misspelt word may mean.
func vocabulary(lib *script.Library) []string {
	all := Names(lib)
	for _, m := range lib.Modules() {
		for _, p := range m.Primitives {
			all = append(all, p.Name)
			for _, ps := range []types.Params{p.Signature().Positional(), p.Signature().Options} {
				for _, param := range ps {
					all = append(all, param.Name)
				}
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
