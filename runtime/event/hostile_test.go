package event_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"runbook/runtime/event"
	"runbook/runtime/event/ci"
	"runbook/runtime/event/html"
	"runbook/runtime/event/journal"
	"runbook/runtime/event/jsonl"
	"runbook/runtime/event/otlp"
	"runbook/runtime/event/terminal"
)

// hostile lists texts that a terminal or a service would obey, or that a reader would misread. Each
// contains a word that must be shown.
var hostile = []string{
	"\x1b[31;5mHOSTILE\x1b[0m",
	"\x1b]0;HOSTILE\x07",                          // renames the window
	"\x1b]52;c;SE9TVElMRQ==\x07HOSTILE",           // fills the clipboard
	"\x1b]8;;http://example.org\x1b\\HOSTILE",     // a link
	"\x1b[2J\x1b[1;1HHOSTILE",                     // clears the screen
	"\x1bP+q544e\x1b\\HOSTILE",                    // asks the terminal, which types its answer
	"safe\rHOSTILE",                               // overwrites the line
	"HOSTILE\b\b\b\b\b\b\b",                       //
	"HOSTILE\x0e\x0f\x05\x11\x13",                 // another character set, an answer, flow control
	"HOSTILE\x00",                                 //
	"HOSTILE\x7f\x7f",                             //
	"\u009b31mHOSTILE",                            // CSI in one character
	"\x9b31mHOSTILE",                              // and in one byte
	"\u0085\u008dHOSTILE",                         // moves to another line
	"\u202eHOSTILE\u202c",                         // from right to left
	"\u2066\u2067\u2068HOSTILE\u2069",             //
	"HOSTILE\xff\xc3\xed\xa0\x80",                 // invalid UTF-8
	"HOSTILE\n::error::HOSTILE\n##[error]HOSTILE", // commands of a job
	"section_start:1:HOSTILE\r\x1b[0K",
	strings.Repeat("HOSTILE ", event.LongestLine/len("HOSTILE ")+2),
}

// obeyed reports whether a character must not be written: it is a control character, or reorders a
// line.
func obeyed(r rune) bool {
	return r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 &&
		r <= 0x2069
}

// escaped matches these characters as JSON writes them.
var escaped = regexp.MustCompile(
	`^\\([bfr]|u00(0[0-8bceBCE]|0[fF]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])|u20(2[a-eA-E]|6[6-9]))`)

// kinds returns the constants of event.Kind from the source, so that new ones are included.
func kinds(t *testing.T) []event.Kind {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all []event.Kind
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Type != nil {
			if name, ok := v.Type.(*ast.Ident); ok && name.Name == "Kind" {
				text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, event.Kind(text))
			}
		}
		return true
	})
	if len(all) < 20 {
		t.Fatalf("%d kinds", len(all))
	}
	return all
}

// places calls visit for each text in an event, with a function that sets it.
func places(t *testing.T, visit func(name string, set func(e *event.Event, text string))) {
	t.Helper()
	var within func(name string, typ reflect.Type, get func(e reflect.Value) reflect.Value)
	within = func(name string, typ reflect.Type, get func(e reflect.Value) reflect.Value) {
		set := func(value func(text string) any) {
			visit(name, func(e *event.Event, text string) {
				get(reflect.ValueOf(e).Elem()).Set(reflect.ValueOf(value(text)).Convert(typ))
			})
		}
		switch {
		case typ == reflect.TypeFor[time.Time]():
		case typ.Kind() == reflect.String:
			set(func(text string) any { return text })
		case typ == reflect.TypeFor[[]string]():
			set(func(text string) any { return []string{"first", text} })
		case typ == reflect.TypeFor[[][]string]():
			set(func(text string) any { return [][]string{{"cell", text}} })
		case typ == reflect.TypeFor[map[string]string]():
			set(func(text string) any { return map[string]string{"name": text, text: "value"} })
		case typ == reflect.TypeFor[map[string]any]():
			set(func(text string) any {
				return map[string]any{"name": text, text: 1, "list": []any{text, []string{text}},
					"map": map[string]any{text: text}}
			})
		case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct:
			for i := range typ.Elem().NumField() {
				within(name+"."+typ.Elem().Field(i).Name, typ.Elem().Field(i).Type,
					func(e reflect.Value) reflect.Value {
						list := get(e)
						if list.Len() == 0 {
							list.Set(reflect.MakeSlice(typ, 1, 1))
						}
						return list.Index(0).Field(i)
					})
			}
		case typ == reflect.TypeFor[*event.Plan]():
			for i := range typ.Elem().NumField() {
				within(name+"."+typ.Elem().Field(i).Name, typ.Elem().Field(i).Type,
					func(e reflect.Value) reflect.Value {
						plan := get(e)
						if plan.IsNil() {
							plan.Set(reflect.New(typ.Elem()))
						}
						return plan.Elem().Field(i)
					})
			}
		case typ.Kind() == reflect.Bool, typ.Kind() == reflect.Int, typ.Kind() == reflect.Int64,
			typ.Kind() == reflect.Float64, typ == reflect.TypeFor[*int]():
		default:
			t.Errorf("no hostile text is tried in %s, a %v", name, typ)
		}
	}
	typ := reflect.TypeFor[event.Event]()
	for i := range typ.NumField() {
		if f := typ.Field(i); f.IsExported() && f.Name != "Kind" {
			within(f.Name, f.Type, func(e reflect.Value) reflect.Value { return e.Field(i) })
		}
	}
}

// severalLines lists the fields that may have several lines.
var severalLines = map[string]bool{"Text": true, "Error": true, "Hint": true, "Args": true, "Faults.Message": true,
	"Faults.Command": true, "Faults.Hint": true,
	"Plan.Groups.Parts.Warning": true, "Plan.Groups.Parts.Text": true, "Plan.Groups.Parts.Diff": true,
	"Plan.Calls.Text": true, "Plan.Calls.Note": true, "Plan.Calls.Diff": true}

// TestHostileTexts puts each hostile text into each field of each kind of event, for each sink.
func TestHostileTexts(t *testing.T) {
	for i, text := range hostile {
		// Each call of written sets up all sinks, so several kinds share one.
		for group := range slices.Chunk(kinds(t), 5) {
			var events []event.Event
			var names []string // of the field with the text; "" for all
			for _, kind := range group {
				one := 1
				base := event.Event{Kind: kind, Host: "web1", Step: []string{"step"}, Seconds: 1, Code: &one}
				all := base
				places(t, func(name string, set func(*event.Event, string)) {
					if strings.HasPrefix(name, "Plan.") && kind != event.PlanMade {
						return
					}
					e := base
					set(&e, text)
					set(&all, text)
					events, names = append(events, e), append(names, name)
				})
				events, names = append(events, all), append(names, "")
			}
			seen := &recorder{}
			got := written(t, events, seen)
			for n, name := range names {
				if name == "" {
					continue
				}
				field := strings.Join(textsIn(reflect.ValueOf(seen.events[n+2]).FieldByName(strings.Split(name,
					".")[0])), "|")
				if !severalLines[name] && strings.ContainsAny(field, "\n\t") || !strings.Contains(field, "HOSTILE") {
					t.Errorf("text %d in %s of %s became %.200q", i, name, events[n].Kind, field)
				}
			}
			for sink, text := range got {
				hold(t, fmt.Sprintf("text %d in %v: %s", i, group, sink), sink, text)
			}
		}
	}
}

// hold fails the test if the output of a sink contains a hostile text that is not made harmless.
func hold(t *testing.T, where, sink, text string) {
	t.Helper()
	if !utf8.ValidString(text) {
		t.Errorf("%s wrote what is no UTF-8", where)
	}
	at := strings.IndexFunc(text, obeyed)
	for i := strings.IndexByte(text, '\\'); i >= 0 &&
		at < 0; { // searching for the whole pattern takes ten times as long
		if escaped.MatchString(text[i:]) {
			at = i
			break
		}
		next := strings.IndexByte(text[i+1:], '\\')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	if at >= 0 {
		t.Errorf("%s wrote %q", where, text[max(0, at-60):min(len(text), at+66)])
	}
	for line := range strings.Lines(text) {
		if (sink == "terminal" || sink == "exec") && len(line) > event.LongestLine+10*event.LongestName {
			t.Errorf("%s wrote a line of %d bytes", where, len(line))
		}
		if sink == "github" && (strings.HasPrefix(line, "::error::HOSTILE") || strings.HasPrefix(line, "##[")) {
			t.Errorf("%s wrote the command %.100q", where, line)
		}
	}
}

// recorder keeps events.
type recorder struct{ events []event.Event }

func (r *recorder) Event(e event.Event) { r.events = append(r.events, e) }
func (r *recorder) Close() error        { return nil }

// textsIn returns all texts in a value.
func textsIn(v reflect.Value) []string {
	var all []string
	switch v.Kind() {
	case reflect.String:
		all = []string{v.String()}
	case reflect.Slice:
		for i := range v.Len() {
			all = append(all, textsIn(v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			all = append(append(all, key.String()), textsIn(v.MapIndex(key))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			all = append(all, textsIn(v.Field(i))...)
		}
	case reflect.Interface, reflect.Pointer:
		all = textsIn(v.Elem())
	}
	return all
}

// written returns the output of each sink for a run with these events.
func written(t *testing.T, events []event.Event, seen *recorder) map[string]string {
	t.Helper()
	dir := t.TempDir()
	var out, shown, outputs, commands bytes.Buffer
	env := map[string]string{"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": dir,
		"GITHUB_STEP_SUMMARY": filepath.Join(dir, "summary"), "GITLAB_CI": "true", "CI_PROJECT_DIR": dir}
	getenv := func(name string) string { return env[name] }
	shield, err := ci.Protect(getenv, &commands)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := journal.Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	sinks := append(ci.Sinks(getenv, shield), jsonl.New(&out), kept,
		terminal.New(terminal.Options{Out: &shown, Err: &shown, Level: terminal.Verbose, Hosts: []string{"web1"}}))
	sinks = append(sinks, terminal.NewOutputs(terminal.Options{Out: &outputs, Err: &outputs,
		Hosts: []string{"web1", "web2"}}))
	report, spans := &html.Report{}, &spans{}
	server := httptest.NewServer(spans)
	defer server.Close()
	trace, err := otlp.New(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	sinks = append(sinks, seen, reporting{report}, trace)
	stream := event.NewStream(sinks...)
	ctx := event.WithStream(t.Context(), stream)
	code := 0
	event.Emit(ctx, event.Event{Kind: event.RunBegun, Text: "r.lua"})
	event.Emit(ctx, event.Event{Kind: event.StepBegun, Host: "web1", Step: []string{"step"}})
	for _, e := range events {
		event.Emit(ctx, e)
	}
	event.Emit(ctx, event.Event{Kind: event.RunEnded, Code: &code})
	if err := errors.Join(stream.Close(), shield.Close()); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{"jsonl": out.String(), "terminal": shown.String(), "exec": outputs.String(),
		"github": commands.String(), "otlp": spans.text}
	for sink, name := range map[string]string{"journal": kept.ID() + ".jsonl", "summary": "summary",
		"gitlab": ci.GitLabReport} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		got[sink] = string(text)
	}
	var page strings.Builder
	if err := report.Write(&page, html.Options{ID: "1"}); err != nil {
		t.Fatal(err)
	}
	got["html"] = asset.ReplaceAllString(page.String(), "")
	return got
}

// asset matches the page's style and script.
var asset = regexp.MustCompile(`(?s)(<style>|<script>).*?(</style>|</script>)`)

type reporting struct{ *html.Report }

func (reporting) Close() error { return nil }

// spans receives OTLP requests.
type spans struct {
	mu   sync.Mutex
	text string
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var traces tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &traces)
	}
	text, marshalling := protojson.Marshal(&traces)
	if err := errors.Join(err, marshalling); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text += string(text)
}
