package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestHeads: every head of a table that the source writes out has its Spanish word,
// and no word is left that no table has.
func TestHeads(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || path == "heads.go" {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			for _, word := range headWords(n) {
				if met[word] = true; headsES[word] == "" {
					t.Errorf("%s: the head %q has no Spanish word in headsES", path, word)
				}
			}
			return true
		})
	}
	if len(met) < 100 {
		t.Errorf("only %d heads were found", len(met))
	}
	for word := range headsES {
		if !met[word] {
			t.Errorf("headsES has %q, which no table has", word)
		}
	}
}

// headWords are the heads that a node writes out: what is given to head and table, and
// what a variable named head is made of.
func headWords(n ast.Node) (out []string) {
	var from []ast.Expr
	switch n := n.(type) {
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.SelectorExpr); ok && (f.Sel.Name == "head" || f.Sel.Name == "table") {
			from = n.Args[:1]
		}
	case *ast.AssignStmt:
		if name, ok := n.Lhs[0].(*ast.Ident); ok && name.Name == "head" {
			from = n.Rhs
		}
	}
	for _, x := range from {
		ast.Inspect(x, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, _ := strconv.Unquote(lit.Value)
				if s = strings.TrimPrefix(s, ">"); s != "" && !strings.Contains(s, "%") {
					out = append(out, s)
				}
			}
			return true
		})
	}
	return out
}

func TestTableSpeaksSpanish(t *testing.T) {
	var b bytes.Buffer
	c := &call{streams: &streams{out: &b}, lang: "es"}
	c.table([]string{">SCORE", "LEAD", ">tibio"}, [][]string{{"7", "ana", "3"}})
	if want := "PUNTUACIÓN  LEAD  tibio\n         7  ana       3\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
