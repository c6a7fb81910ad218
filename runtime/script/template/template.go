// Package template fills texts with values: {{ expression }} and {% if … %}, {% for … %}, where
// expressions are Lua's.
package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/spell"
)

// Template is a text that was compiled.
type Template struct {
	proto *lua.FunctionProto
	used  []Name
}

// Name is a value that a template uses.
type Name struct {
	Name string
	Line int // in the template, from 1
}

// tag matches what is not copied. A statement or comment that is alone on its lines takes them with
// it, so that it leaves no empty line.
var tag = regexp.MustCompile(`(?m:^)[ \t]*(?:` + statementTag + `|` + commentTag +
	`)[ \t]*(?:\r?\n|\z)|(?s:\{\{.*?\}\})|` +
	statementTag + `|` + commentTag)

const (
	statementTag = `\{%(?:[^%]|%+[^%}])*%+\}`
	commentTag   = `\{#(?:[^#]|#+[^#}])*#+\}`
)

// The names of the functions that the compiled code calls.
const (
	writeName = "template_write"
	listName  = "template_list"
)

// Compile translates a template to Lua: every line of it becomes the same line of Lua. name is what
// errors call it. An error is a source.Problem.
//
//	{{ E }}                           the value of E: a string, a number, true or false
//	{% if E %} {% elseif E %} {% else %} {% end %}
//	{% for x in E %} {% end %}        for each value of the list E
//	{% for k, v in E %} {% end %}     for each key of the table E, sorted
//	{% for i = E, E %} {% end %}      for each number
//	{% local x = E %}
//	{# a comment #}
func Compile(name, text string) (*Template, error) {
	c := &compiler{name: name}
	c.code.WriteString("local " + writeName + ", " + listName + " = ... ")
	at := 0
	for _, place := range tag.FindAllStringIndex(text, -1) {
		c.copy(text[at:place[0]])
		c.tag(text[place[0]:place[1]])
		at = place[1]
	}
	c.copy(text[at:])
	if c.err == nil && len(c.open) > 0 {
		last := c.open[len(c.open)-1]
		c.fail(last.line, "%s has no {%% end %%}", last.head)
	}
	if c.err != nil {
		return nil, c.err
	}
	file := source.Read(name, []byte(c.code.String()))
	if file.Problem != nil {
		return nil, file.Problem
	}
	return &Template{proto: file.Proto, used: freeNames(file.Chunk)}, nil
}

// freeNames returns the names that are used and nowhere declared, in the order of their lines.
func freeNames(chunk []ast.Stmt) []Name {
	declared := map[string]bool{}
	var used []Name
	source.Walk(chunk, func(node any) {
		switch n := node.(type) {
		case *ast.LocalAssignStmt:
			addNames(declared, n.Names)
		case *ast.GenericForStmt:
			addNames(declared, n.Names)
		case *ast.NumberForStmt:
			declared[n.Name] = true
		case *ast.FunctionExpr:
			addNames(declared, n.ParList.Names)
		case *ast.IdentExpr:
			used = append(used, Name{n.Value, n.Line()})
		}
	})
	return slices.DeleteFunc(used, func(n Name) bool {
		return declared[n.Name] ||
			slices.Contains(Functions(), n.Name)
	})
}

func addNames(set map[string]bool, names []string) {
	for _, n := range names {
		set[n] = true
	}
}

// Missing returns the names that the template uses and that are not among those given, with an
// error for each.
func (t *Template) Missing(given []string) []error {
	var missing []error
	for _, n := range t.used {
		if !slices.Contains(given, n.Name) {
			missing = append(missing, source.Problem{File: t.proto.SourceName, Line: n.Line, Col: 1,
				Message: undeclared(n.Name, given)})
		}
	}
	return missing
}

// undeclared returns the message about a name that has no value.
func undeclared(name string, given []string) string {
	return fmt.Sprintf("there is no value for %q%s", name, spell.DidYouMean(name, given))
}

// Functions returns the names of Lua that every template has.
func Functions() []string {
	return []string{"ipairs", "math", "next", "pairs", "string", "table", "tonumber", "tostring", "type", "unpack"}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
