package source

import "github.com/yuin/gopher-lua/ast"

// locals holds the locals of a file by name. A name that is declared twice is ignored.
type locals struct {
	declared, assigned, inBranch map[string]int
	first                        map[string]ast.Expr // the first value; nil for none
	tested                       map[string]bool     // a condition or the like tests the value
}

// UntestedLocal returns the first value of a local, nil for none, if it is the only one, or if the
// only other one is set in an if without else. It returns false for a local whose value the file
// tests, as in a condition.
func (f *File) UntestedLocal(name string) (first ast.Expr, ok bool) {
	l := f.locals()
	first, known := l.first[name]
	if !known || l.declared[name] != 1 || l.tested[name] {
		return nil, false
	}
	return first, l.assigned[name] == 0 || l.assigned[name] == 1 && l.inBranch[name] == 1
}

func findLocals(stmts []ast.Stmt) *locals {
	l := &locals{map[string]int{}, map[string]int{}, map[string]int{}, map[string]ast.Expr{}, map[string]bool{}}
	Walk(stmts, l.visit)
	return l
}

func (l *locals) visit(node any) {
	switch n := node.(type) {
	case *ast.LocalAssignStmt:
		for i, name := range n.Names {
			l.declared[name]++
			switch {
			case i < len(n.Exprs):
				l.first[name] = n.Exprs[i]
			case len(n.Exprs) == 0:
				l.first[name] = nil
			}
		}
	case *ast.FunctionExpr:
		for _, name := range n.ParList.Names {
			l.declared[name]++
		}
	case *ast.NumberForStmt:
		l.declared[n.Name]++
	case *ast.GenericForStmt:
		for _, name := range n.Names {
			l.declared[name]++
		}
	case *ast.AssignStmt:
		countNames(l.assigned, n)
	case *ast.IfStmt:
		l.test(n.Condition)
		for _, s := range n.Then {
			if assign, ok := s.(*ast.AssignStmt); ok && len(n.Else) == 0 {
				countNames(l.inBranch, assign)
			}
		}
	case *ast.WhileStmt:
		l.test(n.Condition)
	case *ast.RepeatStmt:
		l.test(n.Condition)
	case *ast.LogicalOpExpr, *ast.UnaryNotOpExpr, *ast.RelationalOpExpr:
		l.test(n.(ast.Expr))
	case *ast.FuncCallExpr:
		if _, ok := n.Func.(*ast.IdentExpr); ok { // such as assert
			for _, arg := range n.Args {
				l.test(arg)
			}
		}
	}
}

func countNames(names map[string]int, s *ast.AssignStmt) {
	for _, e := range s.Lhs {
		if id, ok := e.(*ast.IdentExpr); ok {
			names[id.Value]++
		}
	}
}

// test marks the names in an expression, but not those in its functions.
func (l *locals) test(e ast.Expr) {
	switch e := e.(type) {
	case *ast.IdentExpr:
		l.tested[e.Value] = true
	case *ast.LogicalOpExpr:
		l.test(e.Lhs)
		l.test(e.Rhs)
	case *ast.RelationalOpExpr:
		l.test(e.Lhs)
		l.test(e.Rhs)
	case *ast.UnaryNotOpExpr:
		l.test(e.Expr)
	}
}
