package guest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/cases"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// TestMain lets the test binary be the child that compiles strangers' modules.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == host.WorkerCommand {
		if err := host.Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// built is the most that a starter's module may have: its bytes without the
// manifest, and the gas of an event and of a score. Budgets are a tenth above
// what was measured when they were set.
var built = map[string]struct{ code, fold, score int64 }{
	"rust":           {1990, 330, 390},
	"c":              {2060, 370, 400},
	"assemblyscript": {1660, 770, 440},
	"wat":            {1400, 370, 380},
}

func read(t testing.TB, s Starter, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(s.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func newHost(t testing.TB) *host.Host {
	t.Helper()
	h, err := host.New(t.Context(), host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// TestModules holds each module as built to what a server asks of an upload, to
// its budgets, to its cases, and to the reference: metered, and as it came.
func TestModules(t *testing.T) {
	h := newHost(t)
	for _, s := range Starters() {
		t.Run(s.Lang, func(t *testing.T) {
			src := read(t, s, "score.wasm")
			if !bytes.Contains(src, []byte("\x10"+wasm.ExportBoth+"\x00")) {
				t.Errorf("it does not export %s: each event costs two calls", wasm.ExportBoth)
			}
			m, r := load(t, h, src)
			holdToBudget(t, s, r)
			holdToCases(t, s, m)
			holdToReference(t, &one{in: instance(t, m)}, newRaw(t, src), 1500)
		})
	}
}

// holdToBudget looks at what a module took of made-up events, such as a visitor
// could send.
func holdToBudget(t *testing.T, s Starter, r *host.Report) {
	t.Helper()
	budget, code := built[s.Lang], int64(r.Size-len(read(t, s, "manifest.json")))
	t.Logf("%d bytes, %d without the manifest; gas of an event %+v, of a score %+v", r.Size, code, r.Fold, r.Score)
	if code > budget.code || r.Fold.Max > budget.fold || r.Score.Max > budget.score {
		t.Errorf("%d bytes, an event takes %d gas, a score %d; budget %+v", code, r.Fold.Max, r.Score.Max, budget)
	}
	if r.Fold.Max > r.Fold.Given/2 || r.Score.Max > r.Score.Given/2 {
		t.Errorf("the manifest gives %d and %d gas, less than twice of what it takes", r.Fold.Given, r.Score.Given)
	}
	if r.Compared == 0 || r.Again == 0 || r.StateMax != 40 || r.Pages[1] > 2 {
		t.Errorf("%+v", *r)
	}
}

// one is a lead in a module.
type one struct {
	in    *host.Instance
	state []byte
	last  scorecard.Result
}

func (o *one) SetInputs(v []float64) { o.in.SetInputs(v) }

func (o *one) Fold(evs []wasm.Event) error {
	state, err := o.in.Fold(o.state, evs)
	o.state = append(o.state[:0], state...)
	return err
}

func (o *one) Score(now int64) (*scorecard.Result, error) {
	return &o.last, o.in.Score(o.state, now, &o.last)
}

// load admits a module and makes it ready. A machine that is busy with other tests
// may take longer than the child is given, which is not the module's fault: it is
// asked again, aloud.
func load(t testing.TB, h *host.Host, src []byte) (*host.Module, *host.Report) {
	t.Helper()
	r, err := h.Admit(t.Context(), src, nil)
	for try := 0; try < 4 && err != nil && strings.Contains(err.Error(), "signal: killed"); try++ {
		t.Logf("again: %v", err)
		r, err = h.Admit(t.Context(), src, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.LoadUpload(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

func instance(t testing.TB, m *host.Module) *host.Instance {
	t.Helper()
	in, err := m.NewInstance(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

// holdToCases walks the starter's cases through a module.
func holdToCases(t *testing.T, s Starter, m *host.Module) {
	t.Helper()
	list, err := cases.Read(read(t, s, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	checks := 0
	for i := range list {
		r, err := cases.Run(m.Card(), &list[i], &one{in: instance(t, m)})
		if err != nil {
			t.Fatal(err)
		}
		checks += len(r.Checks)
		for _, c := range r.Failed() {
			t.Errorf("%s: %s, day %g: %s is %s, want %s", s.Lang, c.Case, c.Day, c.Key, c.Got, c.Want)
		}
	}
	if checks < 40 {
		t.Errorf("%s: only %d expectations were held", s.Lang, checks)
	}
}

// TestSame holds what all starters share to being the same.
func TestSame(t *testing.T) {
	first := Starters()[0]
	for _, s := range Starters()[1:] {
		for _, name := range []string{"manifest.json", "cases.json"} {
			if !bytes.Equal(read(t, s, name), read(t, first, name)) {
				t.Errorf("%s/%s differs from %s/%s", s.Lang, name, first.Lang, name)
			}
		}
	}
}

// TestComplete holds every file of a starter that is kept in the repository to
// being part of what `ripen module new` writes, and its README to naming it.
func TestComplete(t *testing.T) {
	for _, s := range Starters() {
		about := string(read(t, s, "README.md"))
		for name := range onDisk(t, s.Lang) {
			if name == "score.wasm.sum" { // the repository's, not the tenant's
				continue
			}
			read(t, s, name)
			switch base := path.Base(name); base {
			case "Makefile", "README.md", ".gitignore", "rustfmt.toml", "Cargo.toml", "Cargo.lock", "package.json", "package-lock.json":
			default:
				if !strings.Contains(about, base) {
					t.Errorf("%s: the README does not name %s", s.Lang, name)
				}
			}
		}
		for _, word := range []string{s.Build, s.Test} {
			if !strings.Contains(about, "\n    "+word+"\n") {
				t.Errorf("%s: the README does not tell to run %q", s.Lang, word)
			}
		}
	}
}

// TestNoHosts holds the starters to naming no registry: whoever installs them
// has one of their own.
func TestNoHosts(t *testing.T) {
	for _, s := range Starters() {
		for name, b := range onDisk(t, s.Lang) {
			if bytes.Contains(b, []byte("://")) {
				t.Errorf("%s/%s names an address", s.Lang, name)
			}
		}
	}
}

// onDisk reads a starter's folder without what its tools leave there, which its
// .gitignore names.
func onDisk(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	found := map[string][]byte{}
	left, err := os.ReadFile(filepath.Join(dir, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	isLeft := func(name string) bool {
		return slices.ContainsFunc(strings.Fields(string(left)), func(pattern string) bool {
			match, err := path.Match(strings.Trim(pattern, "/"), name)
			return match || err != nil
		})
	}
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case isLeft(name) && d.IsDir():
			return fs.SkipDir
		case isLeft(name) || d.IsDir():
			return nil
		}
		found[name], err = os.ReadFile(file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// sources names what a module is built from.
func sources(files map[string][]byte) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(name string) bool {
		base := path.Base(name)
		return strings.HasPrefix(base, "score.wasm") || strings.Contains(base, "test") ||
			slices.Contains([]string{"README.md", "cases.json", ".gitignore", "rustfmt.toml"}, base)
	})
}

// sums are the hashes of a module and of what it is built from, as sha256sum
// writes them.
func sums(files map[string][]byte) []byte {
	var b bytes.Buffer
	for _, name := range append(sources(files), "score.wasm") {
		sum := sha256.Sum256(files[name])
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), name)
	}
	return b.Bytes()
}

// TestFresh holds each module to being built from the sources beside it. It needs
// no toolchain: whoever builds writes the hashes.
func TestFresh(t *testing.T) {
	for _, s := range Starters() {
		files := onDisk(t, s.Lang)
		if n := len(sources(files)); n < 3 {
			t.Errorf("%s: %d sources", s.Lang, n)
		}
		if want := sums(files); !bytes.Equal(files["score.wasm.sum"], want) {
			t.Errorf("%s/score.wasm is not built from the sources beside it: run make guests\nnow:\n%sthen:\n%s", s.Lang, want, files["score.wasm.sum"])
		}
	}
}
