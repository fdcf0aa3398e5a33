package scorecard

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestSpanish reads our own source: whatever a card's reader says in words, as a text,
// a format or texts put together, has its Spanish.
func TestSpanish(t *testing.T) {
	files := []string{"account.go", "label.go", "parse.go", "place.go", "plan.go", "probability.go", "rollup.go", "topics.go", "yaml.go"}
	// Models are written by ripen train, not by hand: parse_model.go is not among them.
	for _, pattern := range []string{"parse_[bcdrs]*.go", "expr/behaviour.go", "expr/check.go", "expr/functions.go", "expr/lex.go", "expr/parse.go", "expr/split.go", "expression.go"} {
		more, err := filepath.Glob(pattern)
		if err != nil || len(more) == 0 {
			t.Fatal(pattern, err)
		}
		files = append(files, more...)
	}
	verb := regexp.MustCompile(`%(\[\d\])?(\.0f|[sdqvtc])`)
	plain := func(format string) string {
		return strings.ReplaceAll(verb.ReplaceAllString(format, "%s"), "%%", "%")
	}
	known := map[string]bool{}
	for _, s := range sentences {
		if known[s[0]] {
			t.Errorf("%q stands twice", s[0])
		}
		known[s[0]], known[plain(s[0])] = true, true
		if got := strings.Count(plain(s[1]), "%s"); got != strings.Count(plain(s[0]), "%s") {
			t.Errorf("%q has %d arguments", s[1], got)
		}
		if s[1] == "" || s[1] == s[0] && strings.Contains(s[0], " ") {
			t.Errorf("%q has no Spanish", s[0])
		}
	}
	said := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, text := range saidIn(t, file) {
			said++
			if _, value, _ := strings.Cut(plain(text), " "); value == "is %s" {
				text = "%s is %s" // a key and what stands there
			}
			if !known[plain(text)] {
				t.Errorf("%s: no Spanish for %q", file, text)
			}
		}
	}
	if said < 300 {
		t.Errorf("only %d texts found", said)
	}
}

// saidIn returns the texts of more than a word in a file that are not said in two
// languages already, nor looked for in other texts.
func saidIn(t *testing.T, file string) (out []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"say", "pick", "linef", "TrimPrefix", "TrimLeft", "ContainsRune"}, sel.Sel.Name) {
				return false
			}
		case *ast.KeyValueExpr:
			if k, ok := n.Key.(*ast.Ident); ok && k.Name == "use" {
				return false // how a function is called, in its own language
			}
		}
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := textOf(e)
		if ok && strings.Contains(strings.TrimSpace(text), " ") && text != "%s: %s" && text != "%s within %s" {
			out = append(out, text)
		}
		return !ok
	})
	return out
}

// textOf is a text, or the format that stands for texts put together.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		return s, e.Kind == token.STRING && err == nil
	case *ast.BinaryExpr:
		a, isA := textOf(e.X)
		b, isB := textOf(e.Y)
		if e.Op == token.ADD && (isA || isB) {
			return a + b, true
		}
	case *ast.CallExpr:
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sprintf" {
			return textOf(e.Args[0])
		}
	}
	return "%s", false
}

// TestInSpanish holds that what a person reads is Spanish throughout, arguments and
// all, and that what stands in the card stays as it is.
func TestInSpanish(t *testing.T) {
	f := func(what, fix, want string) {
		t.Helper()
		e := &Error{File: "c.yaml", Line: 1, Col: 2, Rule: "a", What: what, Fix: fix}
		if got := e.In("es").Error(); got != `c.yaml:1:2: regla "a": `+want {
			t.Errorf("%s", got)
		}
		if e.In("en").Error() != e.Error() {
			t.Errorf("%s in English", e.In("en"))
		}
	}
	f(`a rule has no key "pionts"`, "did you mean points?", `una regla no tiene la clave "pionts"; ¿querías decir points?`)
	f(`points is "x"`, "write a number", `points es "x"; escribe un número`)
	f(`kind is "one that is b"`, "write a number", `kind es "one that is b"; escribe un número`)
	f(`points is a map`, "write a number", `points es un mapa; escribe un número`)
	f(`group web wants keys and values, not a list`, "write key: value", `el grupo web pide claves y valores, no una lista; escribe clave: valor`)
	f("the length of time 7d stands where an operator is wanted", "complete the expression, or remove what is too much",
		"el plazo 7d está donde se espera un operador; completa la expresión, o quita lo que sobra")
	f("gte is \"40\"", "write a whole number from 1 to 32", `gte es "40"; escribe un número entero de 1 a 32`)
	f("new is \"x\"", "write a share in % above 0, up to 100%", `new es "x"; escribe una parte en % mayor que 0, hasta el 100%`)
	f(`dimension fit has no key "grupos"`, "did you mean groups?", `la dimensión fit no tiene la clave "grupos"; ¿querías decir groups?`)
	f(`grade A is "x"`, "write a number", `la nota A es "x"; escribe un número`)
	f(`grade A is a map`, "write a number", `la nota A es un mapa; escribe un número`)
	f(`matches is not a regular expression: missing closing ]: `+"`[a`", "shorten it", "matches no es una expresión regular: falta el ] de cierre: `[a`; acórtalo")
	// Quoted words of the card are the card's, even where they are ours too.
	f(`id "a rule is a map" is not a name`, "use letters, digits, _ - and ., at most 128", `id: "a rule is a map" no es un nombre; usa letras sin acento, cifras, _ - y ., 128 como mucho`)
	f(`08 is octal to some YAML readers`, `write a plain number, or "08" in quotes if it is text`, `08 es octal para algunos lectores de YAML; escribe un número corriente, o "08" entre comillas si es texto`)
	f("no format at all", "", "no format at all")
}
