package check

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/yuin/gopher-lua/ast"

	"runbook/runtime/script/source"
	"runbook/runtime/script/template"
	"runbook/runtime/script/types"
)

// longString matches the beginning of a string in brackets, and the line break that Lua leaves out.
var longString = regexp.MustCompile(`^\[=*\[(\r?$)?`)

// templateCall checks a call of template whose text is written in the recipe: the text, and the
// names of the values if the recipe has them. A mistake is reported at its line in the text.
func (f *fileChecker) templateCall(e *ast.FuncCallExpr) {
	if f.globalName(e.Func) != "template" || len(e.Args) != 2 {
		return
	}
	if name, ok := f.readHere(e.Args[0]); ok {
		if path, text, err := f.project.FindFile(name.Value); err == nil { // here reports an error
			f.fillFile(path, newTemplateText(path, text), name, e.Args[1])
		}
		return
	}
	text, ok := e.Args[0].(*ast.StringExpr)
	if !ok {
		return
	}
	t, err := template.Compile("template", text.Value)
	if err != nil {
		f.reportTemplate(text, err)
		return
	}
	if names, ok := constructorNames(e.Args[1]); ok {
		for _, err := range t.Missing(names) {
			f.reportTemplate(text, err)
		}
	}
}

// readHere returns NAME of localhost.fs:read(here(NAME)).
func (f *fileChecker) readHere(e ast.Expr) (name *ast.StringExpr, ok bool) {
	read, ok := e.(*ast.FuncCallExpr)
	if !ok || read.Method != "read" || source.Name(read.Receiver) != "localhost.fs" || len(read.Args) != 1 {
		return nil, false
	}
	here, ok := read.Args[0].(*ast.FuncCallExpr)
	if !ok || f.globalName(here.Func) != "here" || len(here.Args) != 1 {
		return nil, false
	}
	name, ok = here.Args[0].(*ast.StringExpr)
	return name, ok
}

// templateText is a template in a file.
type templateText struct {
	compiled *template.Template
	read     error // why the file cannot be read
	mistake  error
}

func newTemplateText(path string, text []byte) templateText {
	compiled, err := template.Compile(path, string(text))
	return templateText{compiled: compiled, mistake: err}
}

// templateFile checks the file that the option template names, if it is written in the recipe. The
// option values has its values.
func (f *fileChecker) templateFile(table *ast.TableExpr, options types.Params) {
	if values, ok := options.Find("values"); !ok || values.Type.Kind != types.Map {
		return
	}
	var name *ast.StringExpr
	var values ast.Expr = &ast.TableExpr{}
	for _, field := range table.Fields {
		switch key, ok := field.Key.(*ast.StringExpr); {
		case !ok:
			return
		case key.Value == "template":
			name, _ = field.Value.(*ast.StringExpr)
		case key.Value == "values":
			values = field.Value
		}
	}
	if name == nil || name.Value == "" {
		return
	}
	path := source.ProjectPath(f.project.Dir, name.Value)
	t, ok := f.templates[path]
	if !ok {
		if text, err := source.ReadFile(path); err != nil {
			t.read = err
		} else {
			t = newTemplateText(path, text)
		}
		f.templates[path] = t
	}
	f.fillFile(path, t, name, values)
}

// fillFile reports the mistakes of a template at their lines in its file. name is where the recipe
// names it.
func (f *fileChecker) fillFile(path string, t templateText, name *ast.StringExpr, values ast.Expr) {
	if t.read != nil { // the recipe may write the file first
		f.warnAt(name.Line(), source.Text(name), "template: %v: paths on this machine are relative to the project",
			t.read)
		return
	}
	mistakes := []error{t.mistake}
	if names, ok := constructorNames(values); ok && t.mistake == nil {
		mistakes = t.compiled.Missing(names)
	}
	for _, err := range mistakes {
		var at source.Problem
		switch {
		case err == nil:
		case errors.As(err, &at):
			f.problems = append(f.problems, problem{source.Problem{File: path, Line: at.Line, Col: 1,
				Message: fmt.Sprintf("template: %s, in the template of %s:%d", at.Message, f.Path, name.Line())},
				f.File, ""})
		default:
			f.reportAt(name, "template: %v", err)
		}
	}
}

// constructorNames returns the names in a table constructor, and whether these are all of its
// names.
func constructorNames(e ast.Expr) (names []string, ok bool) {
	table, ok := e.(*ast.TableExpr)
	if !ok {
		return nil, false
	}
	for _, field := range table.Fields {
		key, ok := field.Key.(*ast.StringExpr)
		if !ok {
			return nil, false
		}
		names = append(names, key.Value)
	}
	return names, true
}

// reportTemplate reports a mistake in a text.
func (f *fileChecker) reportTemplate(text *ast.StringExpr, err error) {
	var at source.Problem
	if !errors.As(err, &at) {
		f.reportAt(text, "template: %v", err)
		return
	}
	line, col := f.Place(text.Line(), text.Value)
	if first := longString.FindStringSubmatchIndex(f.Lines[line-1][col-1:]); first != nil { // else it is on one line
		line += at.Line - 1
		if first[2] >= 0 {
			line++
		}
	}
	f.report(line, "", "template: %s", at.Message)
}
