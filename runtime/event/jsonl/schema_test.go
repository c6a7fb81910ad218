package jsonl_test

import (
	"bytes"
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

// source is what the Go source of package event says beside its declarations.
type source struct {
	kinds  []*jsonschema.Schema // one a kind, in their order
	fields map[string]string    // JSON name → comment
}

func readSource(t *testing.T) source {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../event.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	s := source{fields: map[string]string{}}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Kind" {
				value, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				kind := any(value)
				s.kinds = append(s.kinds, &jsonschema.Schema{Const: &kind, Description: strings.TrimSpace(n.Comment.Text())})
			}
		case *ast.Field:
			if n.Tag != nil {
				name, _, _ := strings.Cut(strings.TrimPrefix(n.Tag.Value, "`json:\""), ",")
				s.fields[strings.TrimSuffix(name, "\"`")] = strings.TrimSpace(n.Comment.Text())
			}
		}
		return true
	})
	return s
}

// schema is the JSON Schema of one line, made from the Go types and what stands beside them.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.For[event.Event](nil)
	if err != nil {
		t.Fatal(err)
	}
	from := readSource(t)
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = fmt.Sprintf("An event of runbook run --json, version %d", event.Version)
	s.Description = "One line of the output, and of a run's file in the journal. The first is run_begun, the last run_ended. " +
		"Kinds say which fields they set, by their names in Go: DryRun is dry_run. A later runbook may add fields and kinds without another version."
	s.AdditionalProperties = nil // which a reader has to pass over
	for name, property := range s.Properties["faults"].Items.Properties {
		property.Description = from.fields[name]
		neverNull(property)
	}
	s.Properties["faults"].Items.AdditionalProperties = nil
	for name, property := range s.Properties {
		if property.Description = from.fields[name]; property.Description == "" {
			t.Errorf("the field %s has no comment in runtime/event/event.go", name)
		}
		neverNull(property)
	}
	s.Properties["kind"] = &jsonschema.Schema{Type: "string", AnyOf: from.kinds, Description: from.fields["kind"]}
	s.Properties["time"].Format = "date-time"
	return s
}

// neverNull leaves null out of a schema: what isn't there is left out of the line, and a list in a list is made.
func neverNull(s *jsonschema.Schema) {
	for ; s != nil; s = s.Items {
		if len(s.Types) > 0 {
			s.Type, s.Types = s.Types[len(s.Types)-1], nil
		}
	}
}

// schema.json is what a program that reads --json can rely on.
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
	ctx := event.WithLine(event.WithStep(event.WithHost(event.WithStream(t.Context(), stream), "web1"), "build"), "r.lua:3")
	code := 0
	for _, e := range []event.Event{
		{Kind: event.RunBegun, Text: "r.lua", Args: map[string]any{"n": 1.5, "list": []string{"a"}}, Hosts: []string{"web1"}, DryRun: true, Version: event.Version},
		{Kind: event.CommandEnded, Text: "true", Code: &code, Seconds: 0.25},
		{Kind: event.Table, Header: []string{"a"}, Rows: [][]string{{"1"}, {}}},
		{Kind: event.Result, State: "done", Columns: map[string]string{"release": "r1"}},
	} {
		event.Emit(ctx, e)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range append(lines, `{"kind":"a later one","time":"x"}`, `{"kind":"info","time":"x","seconds":"1"}`, `{"kind":"info"}`) {
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
