package journey

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// tree is a text that a test takes apart: a value, and how it is written again.
type tree struct {
	text   string
	isMap  bool
	isList bool
	keys   []string
	values []*tree
}

func treeOf(n *node) *tree {
	out := &tree{text: n.Text, isMap: n.IsMap, isList: n.IsList}
	for _, k := range n.Keys {
		out.keys = append(out.keys, k.Text)
	}
	for _, v := range n.Values {
		out.values = append(out.values, treeOf(v))
	}
	return out
}

// write writes a value as YAML, a line each, so that places tell one from another.
func (n *tree) write(b *strings.Builder, in string) {
	switch {
	case n.isMap && len(n.values) == 0:
		b.WriteString(" {}\n")
	case n.isList && len(n.values) == 0:
		b.WriteString(" []\n")
	case n.isMap || n.isList:
		b.WriteString("\n")
		for i, v := range n.values {
			b.WriteString(in + "-")
			if n.isMap {
				fmt.Fprintf(b, "\b%q:", n.keys[i])
			}
			v.write(b, in+"  ")
		}
	default:
		fmt.Fprintf(b, " %q\n", n.text)
	}
}

func (n *tree) String() string {
	var b strings.Builder
	n.write(&b, "")
	return strings.ReplaceAll(b.String(), "-\b", "")
}

// mutate makes one change after another to a value of the tree, and undoes each.
func (n *tree) mutate(root *tree, try func(what, src string)) {
	was := *n
	as := func(what string, to tree) {
		*n = to
		try(what, root.String())
		*n = was
	}
	word := &tree{text: "a word"}
	for _, text := range []string{"", "0", "-1", "99999999999", "ñ {{", "1d", "10%", "true", "exit", strings.Repeat("long", 500)} {
		as("retype to "+fmt.Sprintf("%.9q", text), tree{text: text})
	}
	as("retype to a map", tree{isMap: true, keys: []string{"odd"}, values: []*tree{word}})
	as("retype to a list", tree{isList: true, values: []*tree{word}})
	as("retype to an empty map", tree{isMap: true})
	as("retype to an empty list", tree{isList: true})
	as("wrap in a list", tree{isList: true, values: []*tree{{text: was.text, isMap: was.isMap, isList: was.isList, keys: was.keys, values: was.values}}})
	for i := range was.values {
		put := func(what string, to ...int) {
			c := tree{isMap: n.isMap, isList: n.isList}
			for _, at := range to {
				if n.isMap {
					c.keys = append(c.keys, n.keys[at])
				}
				c.values = append(c.values, n.values[at])
			}
			as(fmt.Sprintf("%s %d", what, i), c)
		}
		var without, twice []int
		for at := range was.values {
			if at != i {
				without = append(without, at)
			}
			if twice = append(twice, at); at == i {
				twice = append(twice, at)
			}
		}
		put("delete", without...)
		put("double", twice...)
		if n.isMap {
			for _, key := range []string{n.keys[i] + "x", "", "~", "chat"} {
				keys := append([]string{}, was.keys...)
				keys[i] = key
				as(fmt.Sprintf("rename to %q: %s", key, was.keys[i]), tree{isMap: true, keys: keys, values: was.values})
			}
		}
		was.values[i].mutate(root, try)
	}
}

// Of a template in which one value is taken away, doubled, renamed or of another kind,
// whatever is read is said, drawn and simulated, and whatever is not says where and what
// to do.
func TestMutated(t *testing.T) {
	b := newBed(t)
	b.enters(3)
	if err := b.happens(3, "purchase"); err != nil {
		t.Fatal(err)
	}
	b.e.cfg.Library = func(tracker.TenantID) (*Library, error) { return &Library{}, nil }
	for _, name := range Templates {
		src, err := Template(name, "en")
		if err != nil {
			t.Fatal(err)
		}
		_, root := scorecard.ReadDocument(name, src)
		whole := treeOf(root)
		if _, err := Parse(name, []byte(whole.String())); err != nil {
			t.Fatalf("%v\nof\n%s", err, whole)
		}
		right, wrong := 0, 0
		whole.mutate(whole, func(what, src string) {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("%s, %s: panic %v\nof\n%s", name, what, r, src)
				}
			}()
			j, err := Parse(name, []byte(src))
			if err != nil {
				wrong++
				checkErrors(t, name+", "+what, src, err)
				return
			}
			if strings.HasPrefix(what, "rename to \"\"") {
				t.Errorf("%s, %s: a key is empty\nof\n%s", name, what, src)
			}
			right++
			b.mutant(j, name+", "+what)
		})
		t.Logf("%s: %d mutants are right, %d wrong", name, right, wrong)
	}
}

func checkErrors(t *testing.T, what, src string, err error) {
	t.Helper()
	list, _ := errors.AsType[scorecard.Errors](err)
	if len(list) == 0 {
		t.Errorf("%s: %v", what, err)
	}
	lines := strings.Split(src, "\n")
	told := map[string]bool{}
	for _, e := range list {
		if told[fmt.Sprint(e.Line, e.Col, e.What)] || len(e.What) > 3*wordMax {
			t.Errorf("%s: twice, or too much: %v\nof\n%s", what, e, src)
		}
		told[fmt.Sprint(e.Line, e.Col, e.What)] = true
		if e.Line < 1 || e.Line > len(lines) || e.Col < 1 || e.Col > len(lines[e.Line-1])+1 || e.What == "" || e.Fix == "" || strings.Contains(e.Error(), "%!") {
			t.Errorf("%s: %v\nof\n%s", what, e, src)
		}
	}
}

// mutant does with a journey all that is done before it is published.
func (b *bed) mutant(j *Journey, what string) {
	b.t.Helper()
	for _, lang := range []string{"en", "es"} {
		if told := j.Explain(lang); strings.Contains(told, "%!") || strings.Count(told, "\n") < len(j.Steps)+3 {
			b.t.Errorf("%s:\n%s", what, told)
		}
		j.Notes(lang)
		d := xml.NewDecoder(strings.NewReader(string(j.Draw(lang))))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				b.t.Errorf("%s: not XML: %v", what, err)
				break
			}
		}
	}
	if _, err := b.e.simulate(b.t.Context(), b.tenant, j, "draft", 0, "es"); err != nil {
		b.t.Errorf("%s: %v", what, err)
	}
}
