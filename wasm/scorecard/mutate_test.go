package scorecard_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
	"ripen/wasm/template"
)

// TestMutated takes each card that we ship apart: every node in turn is left out, stands
// twice, gets another name or another type. Whatever is left of the card is
// either fine, and then it explains itself and compiles, or refused with a place and
// a fix: it never ends the process.
func TestMutated(t *testing.T) {
	cards := map[string][]byte{}
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no cards", err)
	}
	for _, f := range files {
		if cards[f], err = os.ReadFile(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, tpl := range template.Templates() {
		cards[tpl.Name] = tpl.Card("es")
	}
	for name, src := range cards {
		t.Run(name, func(t *testing.T) {
			m := &mutator{t: t}
			m.root = m.read(src)
			m.walk(m.root, func(v any) { m.root = v })
			if m.refused == 0 || m.taken == 0 {
				t.Errorf("%d refused, %d taken", m.refused, m.taken)
			}
		})
	}
}

type mutator struct {
	t              *testing.T
	root           any
	turn           int // of mutations: the test takes one in every
	refused, taken int
}

// every is how many mutations go by until one is tried: a prime, so that it is
// another one of each node. RIPEN_MUTATIONS=all tries all, some 60,000.
const every = 101

func (m *mutator) read(src []byte) (root yaml.MapSlice) {
	m.t.Helper()
	if err := yaml.UnmarshalWithOptions(src, &root, yaml.UseOrderedMap()); err != nil {
		m.t.Fatal(err)
	}
	return root
}

// others are what may stand where something else is wanted.
var others = []any{nil, "", "x", "*", "{", "a b", true, 0, -1, 0.5, 7, 1000000000, []any{}, yaml.MapSlice{}}

// walk tries a node's mutations, puts it back and goes into it.
func (m *mutator) walk(v any, put func(any)) {
	for _, o := range others {
		put(o)
		m.try()
	}
	put([]any{v})
	m.try()
	put(yaml.MapSlice{{Key: "x", Value: v}})
	m.try()
	put(v)
	switch v := v.(type) {
	case yaml.MapSlice:
		for i := range v {
			key := v[i].Key
			names := []any{"x", fmt.Sprint(key) + "s", "when", ""}
			for _, k := range v {
				names = append(names, k.Key) // one of them twice
			}
			for _, n := range names {
				v[i].Key = n
				m.try()
			}
			v[i].Key = key
			put(slices.Delete(slices.Clone(v), i, i+1))
			m.try()
			put(slices.Insert(slices.Clone(v), i, v[i]))
			m.try()
			put(v)
			m.walk(v[i].Value, func(x any) { v[i].Value = x })
		}
	case []any:
		for i := range v {
			put(slices.Delete(slices.Clone(v), i, i+1))
			m.try()
			put(slices.Insert(slices.Clone(v), i, v[i]))
			m.try()
			put(v)
			m.walk(v[i], func(x any) { v[i] = x })
		}
	}
}

// try reads the card as it stands.
func (m *mutator) try() {
	if m.turn++; m.turn%every != 0 && os.Getenv("RIPEN_MUTATIONS") != "all" {
		return
	}
	src, err := yaml.Marshal(m.root)
	if err != nil {
		m.t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			m.t.Fatalf("%v\n%s", r, src)
		}
	}()
	card, err := scorecard.Parse("c.yaml", src)
	if err != nil {
		m.refused++
		var es scorecard.Errors
		if !errors.As(err, &es) || len(es) == 0 {
			m.t.Fatalf("%v\n%s", err, src)
		}
		lines := strings.Count(string(src), "\n") + 1
		for _, e := range es {
			if e.Line < 1 || e.Line > lines || e.Col < 1 || e.What == "" || e.Fix == "" {
				m.t.Fatalf("%v\n%s", e, src)
			}
			if es := e.In("es"); es.What == e.What || es.Fix == e.Fix {
				m.t.Errorf("in Spanish: %v", es)
			}
		}
		return
	}
	m.taken++
	for _, lang := range []string{"en", "es"} {
		if card.Explain(lang) == "" {
			m.t.Fatalf("says nothing in %s\n%s", lang, src)
		}
	}
	if _, err := compile.Module(card); err != nil {
		m.t.Errorf("%v\n%s", err, src)
	}
}
