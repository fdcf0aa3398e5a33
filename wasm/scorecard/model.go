package scorecard

import (
	"fmt"
	"slices"
	"strconv"

	"ripen/wasm"
	"ripen/wasm/scorecard/expr"
)

// Model is a learned model: what it asks of a lead's attributes and of what the lead
// did, and what each answer is worth. It is a card of its own, read from a file of its own
// ([Parse] takes both), with one dimension of points and one rule for each
// feature; other cards name it in a dimension of kind model.
//
// An answer is a code: 0 is none, of a number its bin counts from 1 up, of a text
// its place in Values, and one more for any other. Worths are whole 256ths of a
// point, so that sums are exact in any order.
//
// Trees say why by their paths (Saabas 2014, "Interpreting random forests"): each
// step from a node to the one below is worth the difference of their values, and is
// the doing of the feature that was asked. The steps of a path add up to the leaf
// less the root, so the parts of all features add up to the score, exactly.
type Model struct {
	Kind     string // logistic or gbdt
	Features []*Feature
	Weights  [][]int32 // of logistic: by feature and code
	Trees    []Tree    // of gbdt
}

// Limits of a model.
const (
	FeaturesMax = 128
	CodesMax    = 255 // the greatest code
	TreesMax    = 200
	DepthMax    = 6
	PointParts  = 256     // a point has so many
	worthMax    = 1 << 19 // 2048 points
	modelMax    = 1 << 20 // bytes of a file
)

// Feature is what a model asks of one attribute.
type Feature struct {
	Name   string    // of the attribute
	Label  string    // for people; empty = Name
	Below  []float64 // of a number: the upper ends of its bins, themselves included; the last bin has none
	Values []string  // of a text: those with a code of their own

	number bool
	keeper *Rule          // keeps what people did, of which the feature is a number; nil = an attribute
	slot   int            // in Card.Slots; of an attribute
	codes  map[string]int // :: value → its code
}

// Codes is how many codes a feature has, 0 included.
func (f *Feature) Codes() int {
	if f.number {
		return len(f.Below) + 2
	}
	return len(f.Values) + 2
}

// Slot is where an event carries the feature's code.
func (f *Feature) Slot() int { return f.slot }

// Keeper is the rule that keeps what the feature counts of events, or whose silence it
// measures in spans of the rule; nil if the feature is an attribute.
func (f *Feature) Keeper() *Rule { return f.keeper }

// Number says whether the feature is of a number.
func (f *Feature) Number() bool { return f.number }

// Tree is its nodes, the root first; what is below a node comes after it.
type Tree []TreeNode

// TreeNode is a leaf, or asks for a feature.
type TreeNode struct {
	Value       int32 // in 256ths of a point
	Leaf        bool
	Feature     int
	Left, Right int
	Set         [4]uint64 // the codes that go left
	UpTo        int       // of a number: codes from 1 to here go left
}

// Has says whether a code goes left.
func (n *TreeNode) Has(code int) bool { return n.Set[code>>6]>>(code&63)&1 != 0 }

// parts writes what each feature is worth to a lead with these codes.
func (m *Model) parts(codes []uint8, out []int32) {
	clear(out)
	for i, w := range m.Weights {
		out[i] = w[codes[i]]
	}
	for _, t := range m.Trees {
		n := &t[0]
		for !n.Leaf {
			to := n.Right
			if n.Has(int(codes[n.Feature])) {
				to = n.Left
			}
			out[n.Feature] += t[to].Value - n.Value
			n = &t[to]
		}
	}
}

// codeOf is the code of a value that an attribute holds.
func (c *Card) codeOf(f *Feature, e *wasm.Event, v wasm.Slot) int {
	if f.number {
		v = number(v)
		if v.Tag != wasm.Float {
			return 0
		}
		i, _ := slices.BinarySearch(f.Below, floatOf(&v))
		return i + 1
	}
	v = c.text(e, v)
	if v.Tag != wasm.String || len(v.Str) == 0 {
		return 0
	}
	if code, ok := f.codes[string(v.Str)]; ok {
		return code
	}
	return len(f.Values) + 1
}

// assignModel gives each feature its slot.
func (c *Card) assignModel() {
	if c.Model == nil {
		return
	}
	for _, f := range c.Model.Features {
		if f.keeper == nil {
			f.slot = c.slot(SlotDef{View: ViewCode, Name: f.Name, Trait: true, feature: f})
			continue
		}
		f.keeper.Index = len(c.Rules)
		c.Rules = append(c.Rules, f.keeper)
	}
}

// say says a feature's answer in words.
func (f *Feature) say(code int, es bool) string {
	w := teller{es: es}
	name := f.Label
	if name == "" {
		name = f.Name
	}
	plain := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	switch n := f.Codes() - 1; {
	case code <= 0 || code > n:
		return name + ": " + w.say("not known", "no se sabe")
	case !f.number && code == n:
		return name + ": " + w.say("anything else", "cualquier otra cosa")
	case !f.number:
		return name + ": " + f.Values[code-1]
	case n == 1:
		return name + ": " + w.say("any number", "cualquier número")
	case code == 1:
		return name + ": " + w.say("at most ", "hasta ") + plain(f.Below[0])
	case code == n:
		return name + ": " + w.say("more than ", "más de ") + plain(f.Below[n-2])
	default:
		return fmt.Sprintf(w.say("%s: more than %s, at most %s", "%s: más de %s, hasta %s"), name, plain(f.Below[code-2]), plain(f.Below[code-1]))
	}
}

// model says what a model asks.
func (w *teller) model(m *Model) {
	if m.Kind == "logistic" {
		w.linef(w.say("  Each answer has its points, %d attributes in all:", "  Cada respuesta vale sus puntos, %d atributos en total:"), len(m.Features))
	} else {
		w.linef(w.say("  %d trees over %d attributes; of each, how far it moves the score of a lead is a reason:",
			"  %d árboles sobre %d atributos; de cada uno, cuánto mueve la puntuación de un contacto es un motivo:"), len(m.Trees), len(m.Features))
	}
	for i, f := range m.Features {
		what := fmt.Sprintf(w.say("a text, %d values", "un texto, %d valores"), len(f.Values))
		if f.number {
			what = fmt.Sprintf(w.say("a number in %d bins", "un número en %d tramos"), len(f.Below)+1)
		}
		if f.keeper != nil && f.keeper.Kind == Count {
			what = fmt.Sprintf(w.say("how often, in %d bins", "cuántas veces, en %d tramos"), len(f.Below)+1)
		} else if f.keeper != nil {
			what = fmt.Sprintf(w.say("how long, in %d bins", "cuánto tiempo, en %d tramos"), len(f.Below)+1)
		}
		line := "  - " + f.Name + " (" + what + ")"
		if m.Weights != nil {
			best, worst := 0, 0
			for code, p := range m.Weights[i] {
				if p > m.Weights[i][best] {
					best = code
				}
				if p < m.Weights[i][worst] {
					worst = code
				}
			}
			line += fmt.Sprintf(w.say("; most: %s, %s; least: %s, %s", "; máximo: %s, %s; mínimo: %s, %s"),
				f.say(best, w.es), signed(pointsOf(m.Weights[i][best])), f.say(worst, w.es), signed(pointsOf(m.Weights[i][worst])))
		}
		w.linef("%s", line)
	}
}

func pointsOf(parts int32) float64 { return float64(parts) / PointParts }

// Depth is how many questions the longest path of all trees asks.
func (m *Model) Depth() (most int) {
	for _, t := range m.Trees {
		most = max(most, t.depth(0, 0))
	}
	return most
}

func (t Tree) depth(at, upto int) int {
	if n := &t[at]; !n.Leaf && upto <= DepthMax {
		return max(t.depth(n.Left, upto+1), t.depth(n.Right, upto+1))
	}
	return upto
}

// behave works out the codes of what people did, and notes when they may change.
func (e *Eval) behave(m *Model, k *clock) {
	for i, f := range m.Features {
		r := f.keeper
		switch {
		case r == nil:
		case r.Kind == Count:
			e.codes[i] = uint8(f.above(int64(e.past(expr.ReadCount, r, k))))
		case e.seen:
			since := e.first
			if e.active {
				since = e.last
			}
			for _, end := range f.Below {
				k.at(since + (int64(end)+1)*r.Span)
			}
			e.codes[i] = uint8(f.above((k.now - since) / r.Span))
		}
	}
}

// above is the code of a whole number: 1, and 1 more for each bin that it is above.
func (f *Feature) above(n int64) int {
	code := 1
	for _, end := range f.Below {
		if n > int64(end) {
			code++
		}
	}
	return code
}

// foldCodes keeps the codes of the attributes that an event carries.
func (e *Eval) foldCodes(ev *wasm.Event) {
	for i := range e.codes {
		if e.card.Model.Features[i].keeper != nil {
			continue
		}
		if s := &ev.Slots[e.card.Model.Features[i].slot]; s.Tag != wasm.Missing {
			e.codes[i] = uint8(s.Num)
		}
	}
}
