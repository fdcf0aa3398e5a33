package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The import law: who may know whom. It is checked on the source, so that a
// breach is a red test with a sentence, not a review comment.

// homes lists, for each third-party module, the packages that may import it
// outside tests. A path ending in "/..." stands for a subtree.
var homes = map[string][]string{
	"github.com/dgraph-io/badger/v4":          {"storage"},
	"github.com/tetratelabs/wazero":           {"wasm/host"},
	"github.com/valyala/fasthttp":             {"tracker/ingest", "tracker/email", "tracker/export", "tracker/console", "tracker/demo", "tracker/server", "bench/..."},
	"github.com/klauspost/compress":           {"storage", "tracker/ingest", "tracker/export", "bench/..."},
	"github.com/dchest/siphash":               {"storage"},
	"github.com/tidwall/btree":                {"tracker/rank"},
	"github.com/goccy/go-yaml":                {"wasm/scorecard", "tracker/mail", "cmd/ripen"},
	"github.com/VictoriaMetrics/metrics":      {"tracker/server", "tracker/ingest", "bench/..."},
	"github.com/evanw/esbuild":                {"snippet/..."},
	"github.com/mileusna/useragent":           {"tracker/ingest"},
	"github.com/oschwald/maxminddb-golang/v2": {"tracker/ingest"},
	"github.com/maxmind/mmdbwriter":           {"tracker/ingest/geotest"},
	"golang.org/x/sys":                        {"storage/...", "tracker/ingest", "tracker/server", "bench/..."},
	"golang.org/x/term":                       {"cmd/ripen"},
	"github.com/HdrHistogram/hdrhistogram-go": {"bench/..."},
	"github.com/chromedp/chromedp":            {"snippet/browsertest", "bench/..."},
	"github.com/chromedp/cdproto":             {"snippet/browsertest", "bench/..."},
	"github.com/rogpeppe/go-internal":         {},
	"github.com/andybalholm/brotli":           {"tracker/ingest"},
	"github.com/wneessen/go-mail":             {"tracker/mail"},
	"github.com/emersion/go-msgauth":          {"tracker/mail/..."},
	"github.com/emersion/go-smtp":             {"tracker/mail/mailtest"},
	"github.com/emersion/go-sasl":             {"tracker/mail/mailtest"},
	"google.golang.org/protobuf":              {},
	"github.com/dgraph-io/ristretto/v2":       {"storage"},
}

// leaves import nothing of ours outside their own subtree.
var leaves = []string{"storage", "wasm", "snippet"}

// wires are the packages that may know every stage.
var wires = []string{"tracker/server", "tracker/trackertest"}

// source is one Go file of the tree, as the law sees it.
type source struct {
	file    string // slash path from the top
	test    bool
	imports []string
}

func (s *source) pkg() string { return path.Dir(s.file) }

// breaches returns a sentence for every import that breaks the law.
func breaches(files []source) (found []string) {
	for _, f := range files {
		for _, imp := range f.imports {
			if why := breach(&f, imp); why != "" {
				found = append(found, fmt.Sprintf("%s imports %s: %s", f.file, imp, why))
			}
		}
	}
	return found
}

func breach(f *source, imp string) string {
	if ours, ok := strings.CutPrefix(imp, "ripen/"); ok {
		return ourBreach(f, ours)
	}
	first, _, _ := strings.Cut(imp, "/")
	switch {
	case !strings.Contains(first, "."):
		return "" // the standard library
	case f.test:
		return "" // tests may use what is in go.mod
	case f.pkg() == "tracker":
		return "the vocabulary imports only the standard library"
	}
	for module, list := range homes {
		if imp == module || strings.HasPrefix(imp, module+"/") {
			if !slices.ContainsFunc(list, func(home string) bool { return lives(f.pkg(), home) }) {
				return fmt.Sprintf("its homes are %v", list)
			}
			return ""
		}
	}
	return "this module has no home: name one in cmd/ripen/law_test.go, with the reason in the commit"
}

// lives says whether pkg is the home, or in its subtree.
func lives(pkg, home string) bool {
	sub, isTree := strings.CutSuffix(home, "/...")
	return pkg == home || isTree && (pkg == sub || strings.HasPrefix(pkg, sub+"/"))
}

// ourBreach judges an import of one of our own packages.
func ourBreach(f *source, imp string) string {
	from := f.pkg()
	top := func(p string) string { t, _, _ := strings.Cut(p, "/"); return t }
	switch {
	case top(imp) == "bench":
		if top(from) != "bench" {
			return "nothing imports bench"
		}
	case slices.Contains(leaves, top(from)):
		if top(imp) != top(from) {
			return "a leaf imports nothing of ours outside its own subtree"
		}
	case from == "tracker":
		return "the vocabulary imports only the standard library"
	case isStage(from) && isStage(imp) && stageOf(from) != stageOf(imp):
		if !f.test || !slices.Contains(wires, imp) {
			return "stages never import each other: they meet in the database and in server"
		}
	case isStage(from) && slices.Contains(wires, imp) && !f.test:
		return "only cmd imports server"
	case imp == "tracker/trackertest" && !f.test && top(from) != "bench":
		return "trackertest is for tests"
	}
	return ""
}

func isStage(p string) bool {
	return strings.HasPrefix(p, "tracker/") && !slices.Contains(wires, p)
}

func stageOf(p string) string { return strings.Split(p, "/")[1] }

func TestLaw(t *testing.T) {
	files := readTree(t, "../..")
	if len(files) < 20 {
		t.Fatalf("read %d files: the tree is not where the test looks", len(files))
	}
	for _, b := range breaches(files) {
		t.Error(b)
	}
}

// TestLawCanFail proves that the law bites: a breach of every kind is found.
func TestLawCanFail(t *testing.T) {
	f := func(file, imp string, legal bool) {
		t.Helper()
		got := breaches([]source{{file: file, test: strings.HasSuffix(file, "_test.go"), imports: []string{imp}}})
		if (len(got) == 0) != legal {
			t.Errorf("%s importing %s: legal = %v, want %v: %v", file, imp, len(got) == 0, legal, got)
		}
	}
	f("storage/log.go", "ripen/tracker", false)
	f("storage/log_test.go", "ripen/tracker", false)
	f("storage/log.go", "ripen/storage/storagetest", true)
	f("wasm/host/host.go", "ripen/wasm/scorecard", true)
	f("tracker/event.go", "ripen/storage", false)
	f("tracker/event.go", "github.com/tidwall/btree", false)
	f("tracker/rank/rank.go", "ripen/tracker/fold", false)
	f("tracker/rank/rank.go", "ripen/tracker/server", false)
	f("tracker/rank/rank_test.go", "ripen/tracker/trackertest", true)
	f("tracker/export/leads.go", "ripen/tracker/export/table", true)
	f("tracker/server/server.go", "ripen/tracker/fold", true)
	f("tracker/server/server.go", "ripen/bench/load", false)
	f("bench/cmd/bench/main.go", "ripen/bench/load", true)
	f("cmd/ripen/main.go", "ripen/tracker/server", true)
	f("cmd/ripen/main.go", "ripen/tracker/trackertest", false)
	f("tracker/fold/fold.go", "github.com/dgraph-io/badger/v4", false)
	f("storage/log.go", "github.com/dgraph-io/badger/v4/options", true)
	f("storage/log.go", "example.org/unknown", false)
	f("tracker/fold/fold.go", "encoding/json", true)
}

// readTree parses the imports of every Go file under top.
func readTree(t *testing.T, top string) (files []source) {
	t.Helper()
	walkGo(t, top, func(file, name string) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		s := source{file: name, test: strings.HasSuffix(name, "_test.go")}
		for _, i := range parsed.Imports {
			s.imports = append(s.imports, strings.Trim(i.Path.Value, `"`))
		}
		files = append(files, s)
	})
	return files
}

// walkGo visits the Go files under top that are part of the build.
func walkGo(t *testing.T, top string, visit func(file, name string)) {
	t.Helper()
	err := filepath.WalkDir(top, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, other := os.Stat(filepath.Join(file, "go.mod")) // a module of its own
			name := d.Name()
			if file != top && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules" || other == nil) {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(file, ".go") {
			name, err := filepath.Rel(top, file)
			if err != nil {
				return err
			}
			visit(file, filepath.ToSlash(name))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestTopLevel keeps the house as DESIGN draws it.
func TestTopLevel(t *testing.T) {
	allowed := []string{"cmd", "tracker", "wasm", "snippet", "storage", "bench", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "CHANGELOG.md"}
	ignored := []string{"bin", "data"} // what make and a first try leave behind; not committed
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); !strings.HasPrefix(n, ".") && !slices.Contains(allowed, n) && !slices.Contains(ignored, n) {
			t.Errorf("%s does not belong at the top level: %v", n, allowed)
		}
	}
}

// Sizes: a function is at most 100 lines and a file 800, unless listed here
// with the reason.
const (
	maxFunction = 100
	maxFile     = 800
)

// large names what may be longer, and why. A name that needs no exception is
// an error, so that the list stays short.
var large = map[string]string{}

func TestSizes(t *testing.T) {
	used := map[string]bool{}
	report := func(name string, lines, limit int) {
		if lines <= limit {
			return
		}
		if used[name] = true; large[name] == "" {
			t.Errorf("%s has %d lines, more than %d: split it, or list it with a reason", name, lines, limit)
		}
	}
	walkGo(t, "../..", func(file, name string) {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if ast.IsGenerated(parsed) {
			return
		}
		report(name, set.File(parsed.Pos()).LineCount(), maxFile)
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				report(name+": "+fn.Name.Name, set.Position(fn.End()).Line-set.Position(fn.Pos()).Line+1, maxFunction)
			}
		}
	})
	for _, name := range slices.Sorted(maps.Keys(large)) {
		if !used[name] {
			t.Errorf("%s is listed as large and is not, or is gone: take it off the list", name)
		}
	}
}
