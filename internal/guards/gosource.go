package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
)

// ofGo are the conditions of a Go file: of ifs and cases, what they are joined of by && and ||, and
// comparisons that a function returns. Errors are not among them: what fails is tested by faults.
func ofGo(file string, source []byte) ([]guard, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []guard
	for _, d := range tree.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil {
			continue
		}
		add := func(e ast.Expr, without bool) {
			from, to := set.Position(e.Pos()).Offset, set.Position(e.End()).Offset
			text := string(source[from:to])
			if !strings.Contains(text, "err != nil") && !strings.Contains(text, "err == nil") {
				all = append(all, guard{file: file, in: f.Name.Name, text: text, from: from, to: to, without: without})
			}
		}
		ast.Inspect(f.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.IfStmt:
				alone(n.Cond, add)
			case *ast.SwitchStmt:
				if n.Tag == nil {
					for _, c := range n.Body.List {
						for _, e := range c.(*ast.CaseClause).List {
							alone(e, add)
						}
					}
				}
			case *ast.ReturnStmt:
				for _, e := range n.Results {
					if compares(e) {
						alone(e, add)
					}
				}
			case *ast.BinaryExpr:
				for _, e := range []ast.Expr{n.X, n.Y} {
					if joined := bare(e); joins(n) && !sameJoin(joined, n.Op) {
						add(e, n.Op == token.LAND)
					}
				}
			}
			return true
		})
	}
	return all, nil
}

// alone adds a condition that is not joined of others: those are added one by one.
func alone(e ast.Expr, add func(ast.Expr, bool)) {
	if b, ok := bare(e).(*ast.BinaryExpr); !ok || !joins(b) {
		add(e, false)
	}
}

func bare(e ast.Expr) ast.Expr {
	for {
		p, ok := e.(*ast.ParenExpr)
		if !ok {
			return e
		}
		e = p.X
	}
}

func joins(b *ast.BinaryExpr) bool { return b.Op == token.LAND || b.Op == token.LOR }

func sameJoin(e ast.Expr, op token.Token) bool {
	b, ok := e.(*ast.BinaryExpr)
	return ok && b.Op == op
}

// compares tells whether an expression is a condition by how it is written.
func compares(e ast.Expr) bool {
	switch e := bare(e).(type) {
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR, token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			return true
		}
	}
	return false
}

// breakable is a Go file in which each guard asks whether it is the one that is broken.
func breakable(source []byte, guards []guard) []byte {
	marks := map[int]string{}
	for _, g := range guards { // the outer one of two that begin or end together comes first
		marks[g.from] += "brokenGuard(" + strconv.Itoa(g.n) + ", " + strconv.FormatBool(g.without) +
			", func() bool { return "
		marks[g.to] += " })"
	}
	var out bytes.Buffer
	for at, c := range source {
		out.WriteString(marks[at])
		out.WriteByte(c)
	}
	return out.Bytes()
}

// asks is the file that is put beside those: it knows from the environment which guard is broken.
const asks = `package %s

import (
	"fmt"
	"os"
	"sync"
)

var (
	brokenN   int
	brokenHow string
	reached   = os.Getenv("` + reachedEnv + `")
	seen      sync.Map
)

func init() { fmt.Sscan(os.Getenv("` + brokenEnv + `"), &brokenN, &brokenHow) }

func noteReached(what any) {
	if _, again := seen.LoadOrStore(what, true); !again {
		if f, err := os.OpenFile(reached, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			fmt.Fprintln(f, what)
			f.Close()
		}
	}
}

func brokenGuard(n int, without bool, holds func() bool) bool {
	if reached != "" {
		noteReached(n)
	}
	switch {
	case n != brokenN:
		return holds()
	case brokenHow == "` + dropped + `":
		return without
	}
	return !holds()
}
`

const (
	brokenEnv  = "BROKEN_GUARD"   // "12 dropped", "12 negated"
	reachedEnv = "REACHED_GUARDS" // a file for the numbers of those that were asked
)
