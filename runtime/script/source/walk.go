package source

import "github.com/yuin/gopher-lua/ast"

// Walk visits the statements and expressions of a syntax tree in source order, each before what it
// contains.
func Walk(stmts []ast.Stmt, visit func(node any)) {
	for _, s := range stmts {
		visit(s)
		walkStmt(s, visit)
	}
}

func walkStmt(s ast.Stmt, visit func(node any)) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		walkExprs(s.Lhs, visit)
		walkExprs(s.Rhs, visit)
	case *ast.LocalAssignStmt:
		walkExprs(s.Exprs, visit)
	case *ast.FuncCallStmt:
		walkExpr(s.Expr, visit)
	case *ast.DoBlockStmt:
		Walk(s.Stmts, visit)
	case *ast.WhileStmt:
		walkExpr(s.Condition, visit)
		Walk(s.Stmts, visit)
	case *ast.RepeatStmt:
		Walk(s.Stmts, visit)
		walkExpr(s.Condition, visit)
	case *ast.IfStmt:
		walkExpr(s.Condition, visit)
		Walk(s.Then, visit)
		Walk(s.Else, visit)
	case *ast.NumberForStmt:
		walkExprs([]ast.Expr{s.Init, s.Limit, s.Step}, visit)
		Walk(s.Stmts, visit)
	case *ast.GenericForStmt:
		walkExprs(s.Exprs, visit)
		Walk(s.Stmts, visit)
	case *ast.FuncDefStmt:
		walkExprs([]ast.Expr{s.Name.Func, s.Name.Receiver, s.Func}, visit)
	case *ast.ReturnStmt:
		walkExprs(s.Exprs, visit)
	}
}

func walkExprs(exprs []ast.Expr, visit func(node any)) {
	for _, e := range exprs {
		walkExpr(e, visit)
	}
}

// walkExpr visits an expression. nil stands for one that was left out, such as the step of a loop.
func walkExpr(e ast.Expr, visit func(node any)) {
	if e == nil {
		return
	}
	visit(e)
	switch e := e.(type) {
	case *ast.AttrGetExpr:
		walkExpr(e.Object, visit)
		walkExpr(e.Key, visit)
	case *ast.TableExpr:
		for _, field := range e.Fields {
			walkExpr(field.Key, visit)
			walkExpr(field.Value, visit)
		}
	case *ast.FuncCallExpr:
		walkExpr(e.Func, visit)
		walkExpr(e.Receiver, visit)
		walkExprs(e.Args, visit)
	case *ast.LogicalOpExpr:
		walkExpr(e.Lhs, visit)
		walkExpr(e.Rhs, visit)
	case *ast.RelationalOpExpr:
		walkExpr(e.Lhs, visit)
		walkExpr(e.Rhs, visit)
	case *ast.StringConcatOpExpr:
		walkExpr(e.Lhs, visit)
		walkExpr(e.Rhs, visit)
	case *ast.ArithmeticOpExpr:
		walkExpr(e.Lhs, visit)
		walkExpr(e.Rhs, visit)
	case *ast.UnaryMinusOpExpr:
		walkExpr(e.Expr, visit)
	case *ast.UnaryNotOpExpr:
		walkExpr(e.Expr, visit)
	case *ast.UnaryLenOpExpr:
		walkExpr(e.Expr, visit)
	case *ast.FunctionExpr:
		Walk(e.Stmts, visit)
	}
}
