package journey

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var verb = regexp.MustCompile(`%(\[\d+\])?[a-z]`)

// sentences are what an expression of the source may say: its literals, %s for the rest.
func sentences(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil {
			return s
		}
	case *ast.BinaryExpr:
		return sentences(e.X) + sentences(e.Y)
	case *ast.CallExpr:
		if f, ok := e.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "Sprintf" {
			return verb.ReplaceAllString(sentences(e.Args[0]), "%s")
		}
	}
	return "%s"
}

// faults finds all that the readers of texts say is wrong, and what to do.
func faults(t *testing.T) (all []string) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		if s := sentences(e); s != "%s" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "add" && len(n.Args) == 3 {
					add(n.Args[1])
					add(n.Args[2])
				} else if ok && f.Sel.Name == "fields" {
					if of := sentences(n.Args[1]); strings.HasPrefix(of, "a ") && spanishWords[of] == "" {
						t.Errorf("there is no Spanish for %q", of)
					}
				}
			case *ast.AssignStmt:
				if x, ok := n.Lhs[0].(*ast.Ident); ok && x.Name == "fix" {
					add(n.Rhs[0])
				}
			}
			return true
		})
	}
	for _, why := range notBuilt {
		all = append(all, why)
	}
	return all
}

// Whatever is said of a text in English is said in Spanish, too, and in the words that
// the table has for it, not in those for another sentence.
func TestSpanish(t *testing.T) {
	all := faults(t)
	if len(all) < 90 {
		t.Fatalf("found only %d sentences", len(all))
	}
	used := map[string]bool{}
	for _, s := range all {
		said := strings.ReplaceAll(s, "%s", `"x"`)
		i := slices.IndexFunc(spanish, func(p [2]string) bool { _, ok := holds(p[0], said); return ok })
		if i < 0 {
			t.Errorf("there is no Spanish for %q", s)
			continue
		}
		used[spanish[i][0]] = true
		if got := inSpanish(said); got == said || strings.Contains(got, "%!") || strings.Count(got, `"x"`) != strings.Count(said, `"x"`) {
			t.Errorf("%s: %s", said, got)
		}
	}
	for _, p := range spanish {
		if !used[p[0]] {
			t.Errorf("nobody says %q, or another sentence before it takes its place", p[0])
		}
	}
}
