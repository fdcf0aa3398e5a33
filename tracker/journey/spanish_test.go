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

// grounds finds why steps do what they do: of notes, of choices and of what keeps a
// channel from somebody.
func grounds(t *testing.T) (all []string) {
	for _, name := range []string{"walk.go", "sms.go", "letter.go", "content.go", "send.go"} {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		add := func(e ast.Expr) {
			if s := sentences(e); strings.ContainsRune(s, ' ') && !strings.HasPrefix(s, "%s") {
				all = append(all, s)
			}
		}
		for _, d := range f.Decls {
			fn, _ := d.(*ast.FuncDecl)
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					if k, ok := n.Key.(*ast.Ident); ok && (k.Name == "Detail" || k.Name == "why") {
						add(n.Value)
					}
				case *ast.ReturnStmt:
					if fn != nil && (fn.Name.Name == "mayText" || fn.Name.Name == "mayPost") {
						add(n.Results[0])
					}
				}
				return true
			})
		}
	}
	return append(all, noYes, noTopic, allSent, noContent, noTopic+", and x too",
		"2026-01-01, they read about 09:00, 3 of 4 times", "2026-01-01, the usual hour: they are known to have read 1 times")
}

func TestReasons(t *testing.T) {
	all := grounds(t)
	if len(all) < 12 {
		t.Fatalf("found only %q", all)
	}
	for _, s := range all {
		for _, s := range []string{s, "guide (" + s + ")"} {
			s = strings.ReplaceAll(s, "%s", "x")
			if es := Reason("es", s); es == s || strings.Contains(es, "%!") || strings.Contains(es, " is ") {
				t.Errorf("%s: %s", s, es)
			}
		}
	}
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
