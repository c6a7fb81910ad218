package jsonl_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"runbook/runtime/event"
	"runbook/runtime/event/jsonl"
)

var update = flag.Bool("update", false, "rewrite schema.json")

// source holds the comments of declarations in package event.
type source struct {
	kinds  []*jsonschema.Schema         // one per kind, in order
	fields map[string]map[string]string // struct → JSON name → comment
}

func readSource(t *testing.T) source {
	t.Helper()
	s := source{fields: map[string]map[string]string{}}
	for _, name := range []string{"../event.go", "../plan.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s.read(t, file)
	}
	return s
}

func (s *source) read(t *testing.T, file *ast.File) {
	t.Helper()
	var fields map[string]string // of the current struct
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSpec:
			fields = map[string]string{}
			s.fields[n.Name.Name] = fields
		case *ast.ValueSpec:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Kind" {
				value, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				kind := any(value)
				s.kinds = append(s.kinds, &jsonschema.Schema{Const: &kind,
					Description: comment(n.Comment, n.Doc)})
			}
		case *ast.Field:
			if n.Tag != nil {
				name, _, _ := strings.Cut(strings.TrimPrefix(n.Tag.Value, "`json:\""), ",")
				fields[strings.TrimSuffix(name, "\"`")] = comment(n.Comment, n.Doc)
			}
		}
		return true
	})
}

// comment returns the comment beside a declaration, or else the one above it, as one line.
func comment(beside, above *ast.CommentGroup) string {
	return strings.Join(strings.Fields(cmp.Or(beside.Text(), above.Text())), " ")
}

// schema returns the JSON Schema of one line, from the Go types and their comments.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.For[event.Event](nil)
	if err != nil {
		t.Fatal(err)
	}
	from := readSource(t)
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = fmt.Sprintf("An event of runbook run --json, version %d", event.Version)
	s.Description = "One line of the output, and of a run's file in the journal. " +
		"The first is run_begun, the last run_ended. " +
		"Kinds say which fields they set, by their names in Go: DryRun is dry_run. " +
		"A later runbook may add fields and kinds without another version."
	s.AdditionalProperties = nil // a reader must ignore unknown fields
	plan := s.Properties["plan"]
	parts := plan.Properties["groups"].Items
	for name, object := range map[string]*jsonschema.Schema{"Event": s, "Fault": s.Properties["faults"].Items,
		"Plan":      plan,
		"PlanGroup": parts, "PlanPart": parts.Properties["parts"].Items, "PlanCall": plan.Properties["calls"].Items} {
		describe(t, object, name, from.fields[name])
	}
	s.Properties["kind"] = &jsonschema.Schema{Type: "string", AnyOf: from.kinds,
		Description: from.fields["Event"]["kind"]}
	s.Properties["time"].Format = "date-time"
	return s
}

// describe gives the properties of an object the comments of its struct, and allows more
// properties.
func describe(t *testing.T, object *jsonschema.Schema, name string, comments map[string]string) {
	t.Helper()
	object.AdditionalProperties = nil
	for field, property := range object.Properties {
		if property.Description = comments[field]; property.Description == "" {
			t.Errorf("the field %s of event.%s has no comment", field, name)
		}
		neverNull(property)
	}
}

// neverNull removes null from a schema: a missing field is omitted, and a nested list is never
// null.
func neverNull(s *jsonschema.Schema) {
	for ; s != nil; s = s.Items {
		if len(s.Types) > 0 {
			s.Type, s.Types = s.Types[len(s.Types)-1], nil
		}
	}
}

// schema.json is the interface for programs that read --json.
func TestSchemaIsCurrent(t *testing.T) {
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(schema(t)); err != nil {
		t.Fatal(err)
	}
	const path = "schema.json"
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("%s differs from the Go types (go test ./... -update rewrites it); got:\n%s", path, got.String())
	}
}

func TestEventsFollowTheSchema(t *testing.T) {
	resolved, err := schema(t).Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	stream := event.NewStream(jsonl.New(&out))
	ctx := event.WithLine(event.WithStep(event.WithHost(event.WithStream(t.Context(), stream), "web1"), "build"),
		"r.lua:3")
	code := 0
	for _, e := range []event.Event{
		{Kind: event.RunBegun, Text: "r.lua", Args: map[string]any{"n": 1.5, "list": []string{"a"}},
			Hosts: []string{"web1"}, DryRun: true, Version: event.Version},
		{Kind: event.CommandEnded, Text: "true", Code: &code, Seconds: 0.25},
		{Kind: event.Table, Header: []string{"a"}, Rows: [][]string{{"1"}, {}}},
		{Kind: event.PlanMade, Plan: &event.Plan{Groups: []event.PlanGroup{{Hosts: []string{"web1"},
			Parts: []event.PlanPart{{Title: "commits",
				Rows: [][]string{{"8f14e45fce", "2026-01-05", "Ada", "Fix"}}}}}},
			Calls: []event.PlanCall{{Hosts: []string{"web1"}, Text: "true"}}}},
		{Kind: event.Result, State: "done", Columns: map[string]string{"release": "r1"}},
	} {
		event.Emit(ctx, e)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range append(lines, `{"kind":"a later one","time":"x"}`, `{"kind":"info","time":"x","seconds":"1"}`,
		`{"kind":"info"}`) {
		var value any
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			t.Fatal(err)
		}
		right := strings.Contains(line, `"host":"web1"`)
		if err := resolved.Validate(value); (err == nil) != right {
			t.Errorf("%s: %v", line, err)
		}
	}
}
