package scorecard

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ripen/wasm"
)

// Limits of a card.
const (
	rulesMax = 500
	gatesMax = wasm.ReasonsMax - rulesMax
	wordMax  = 128
	listMax  = 100_000
	gasMax   = wasm.GasMax
)

// Parse reads a card, or a model ([IsModel]) as the card that it is. Its error is
// [Errors], every one found in one reading.
func Parse(file string, src []byte) (*Card, error) {
	p := newReader(file)
	if IsModel(src) {
		p.parseModel(src)
	} else if root := p.readYAML(src); root != nil {
		p.read(root)
	}
	if err := p.found(); err != nil {
		return nil, err
	}
	p.card.assign()
	return p.card, nil
}

// found returns what is wrong, in the order of the file; nil if nothing is.
func (p *reader) found() error {
	if len(p.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(p.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	return p.errs[:min(len(p.errs), errorsMax)]
}

func newReader(file string) *reader {
	return &reader{file: file, card: &Card{
		Language: "en", Zone: time.UTC, Entity: entityLead,
		lists: map[string]map[string]struct{}{},
	}}
}

// reader collects what is wrong while it reads on, so that one reading reports
// everything.
type reader struct {
	file string
	rule string // the id of the rule being read
	card *Card
	errs Errors

	asked   []asked                         // named lists, as rules ask for them
	meet    func(of string, known []string) // told of every map and its keys; nil but in tests of the reference
	inRules bool                            // while YAML is read: the next maps are rules
}

// asked is a place where a rule asks for a named list.
type asked struct {
	list, rule string
	at         *node
}

func (p *reader) listName(v *node, of string) string {
	name := p.name(v, of)
	p.asked = append(p.asked, asked{name, p.rule, v})
	return name
}

// knownLists refuses a list that is a slip of the hand beside one of the card's.
func (p *reader) knownLists() {
	var names []string
	for name := range p.card.lists {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, a := range p.asked {
		if w := nearest(a.list, names); !slices.Contains(names, a.list) && w != "" {
			p.rule = a.rule
			p.add(a.at, fmt.Sprintf("the card has no list %q", a.list), fmt.Sprintf("did you mean %s?", w))
			p.rule = ""
		}
	}
}

// add notes an error, unless the reading of the YAML named one at this place.
func (p *reader) add(at *node, what, fix string) {
	if at.bad {
		return
	}
	p.errs = append(p.errs, &Error{File: p.file, Line: at.line, Col: at.col, Rule: p.rule, What: what, Fix: fix})
}

// fields calls the function of each key of a map. A key without a function is
// unknown; a map is wanted where n is something else.
func (p *reader) fields(n *node, of string, known map[string]func(k, v *node)) {
	if n.kind != mapNode {
		p.add(n, fmt.Sprintf("%s wants keys and values, not %s", of, n.word()), "write key: value")
		return
	}
	if p.meet != nil {
		p.meet(of, slices.Sorted(maps.Keys(known)))
	}
	for i, k := range n.keys {
		if f, ok := known[k.text]; ok && f != nil {
			f(k, n.values[i])
			continue
		}
		p.unknown(k, of, known)
	}
}

func (p *reader) unknown(k *node, of string, known map[string]func(k, v *node)) {
	words := slices.Sorted(maps.Keys(known))
	fix := "it has " + strings.Join(words, ", ")
	if w := nearest(k.text, words); w != "" {
		fix = fmt.Sprintf("did you mean %s?", w)
	}
	p.add(k, fmt.Sprintf("%s has no key %q", of, k.text), fix)
}

func (p *reader) read(root *node) {
	c := p.card
	has := map[string]bool{}
	note := func(f func(v *node)) func(k, v *node) {
		return func(k, v *node) { has[k.text] = true; f(v) }
	}
	var gates, score, bands, onBand, label, learn, probability *node
	p.fields(root, "a scorecard", map[string]func(k, v *node){
		"scorecard":  note(func(v *node) { c.Name = p.name(v, "scorecard") }),
		"version":    note(func(v *node) { c.Version = int(p.whole(v, "version", 0, math.MaxInt32)) }),
		"language":   note(func(v *node) { c.Language = p.oneOf(v, "language", "en", "es") }),
		"timezone":   note(p.zone),
		"entity":     note(p.entity),
		"dimensions": note(p.dimensions),
		"lists":      note(p.lists),
		"label":      note(func(v *node) { label = v }),
		"learn":      note(func(v *node) { learn = v }),
		"gates":      note(func(v *node) { gates = v }),
		"score":      note(func(v *node) { score = v }),
		"bands":      note(func(v *node) { bands = v }),
		"rollup":     note(p.rollup),
		"on_band":    note(func(v *node) { onBand = v }),

		"probability": note(func(v *node) { probability = v }),
	})
	if !has["scorecard"] {
		p.add(root, "the card has no name", "start with scorecard: <name>")
	}
	if !has["dimensions"] {
		p.add(root, "the card has no dimensions", "write dimensions: with at least one")
	}
	c.Score = Combine{How: "sum", From: [2]float64{0, 100}, To: [2]float64{1, 100}}
	if score != nil {
		p.score(score)
	}
	p.defaultTerms()
	if gates != nil {
		p.gates(gates)
	}
	if bands != nil {
		p.bands(bands)
	}
	if onBand != nil {
		p.onBand(onBand)
	}
	if label != nil {
		p.label(label)
	}
	if learn != nil {
		p.plan(learn)
		p.planned(learn)
	}
	if probability != nil {
		p.probability(probability)
	}
	p.knownLists()
	p.entities(root)
}

func (p *reader) zone(v *node) {
	z, err := time.LoadLocation(p.text(v, "timezone"))
	if err != nil || v.text == "" || v.text == "Local" {
		p.add(v, fmt.Sprintf("timezone %s is not known", v.word()), "write it as in Europe/Madrid")
		return
	}
	p.card.Zone = z
}

func (p *reader) lists(v *node) {
	if v.kind != mapNode {
		p.add(v, "lists wants a map of names to lists", "write lists: {free_mail: [gmail.com]}")
		return
	}
	for i, k := range v.keys {
		var values []string
		for _, item := range p.items(v.values[i], "a list", listMax) {
			values = append(values, p.text(item, "a list's item"))
		}
		p.card.SetList(p.name(k, "a list's name"), values)
	}
}

// text wants a scalar.
func (p *reader) text(n *node, of string) string {
	if n.kind != scalarNode {
		p.add(n, fmt.Sprintf("%s wants one value, not %s", of, n.word()), "write it on one line")
		return ""
	}
	return n.text
}

// name wants a word that can stand in URLs, JSON keys and reasons.
func (p *reader) name(n *node, of string) string {
	s := p.text(n, of)
	if n.kind == scalarNode && !isName(s) {
		p.add(n, fmt.Sprintf("%s %q is not a name", of, s), "use letters, digits, _ - and ., at most 128")
	}
	return s
}

func isName(s string) bool {
	ok := s != "" && len(s) <= wordMax
	for _, r := range s {
		ok = ok && (r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	return ok
}

func (p *reader) oneOf(n *node, of string, words ...string) string {
	s := p.text(n, of)
	if n.kind != scalarNode || slices.Contains(words, s) {
		return s
	}
	fix := "write " + strings.Join(words, ", ")
	if w := nearest(s, words); w != "" {
		fix = fmt.Sprintf("did you mean %s?", w)
	}
	p.add(n, fmt.Sprintf("%s is %q", of, s), fix)
	return ""
}

// items wants a list; one scalar is a list of itself.
func (p *reader) items(n *node, of string, most int) []*node {
	switch {
	case n.kind == scalarNode && n.text != "":
		return []*node{n}
	case n.kind != listNode:
		p.add(n, fmt.Sprintf("%s wants a list", of), "write [a, b]")
		return nil
	case len(n.values) > most:
		p.add(n, fmt.Sprintf("%s has %d items", of, len(n.values)), fmt.Sprintf("at most %d", most))
		return nil
	}
	return n.values
}

func plainNumber(n *node) (float64, bool) {
	if n.kind != scalarNode || n.quoted {
		return 0, false
	}
	for _, r := range n.text {
		if (r < '0' || r > '9') && !strings.ContainsRune("+-.", r) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(n.text, 64)
	return f + 0, err == nil && !math.IsInf(f, 0) // + 0: no minus zero
}

// pointsMax bounds points, caps and weights, so that sums of them keep far more
// digits than a threshold needs.
const pointsMax = 1e5

func (p *reader) points(n *node, of string) float64 {
	f := p.number(n, of)
	if math.Abs(f) > pointsMax {
		p.add(n, fmt.Sprintf("%s is %s", of, n.text), "stay within a hundred thousand")
		return 0
	}
	return f
}

func (p *reader) number(n *node, of string) float64 {
	f, ok := plainNumber(n)
	if !ok {
		p.add(n, fmt.Sprintf("%s is %s", of, n.word()), "write a number")
	}
	return f
}

func (p *reader) whole(n *node, of string, least, most float64) float64 {
	f, ok := plainNumber(n)
	if !ok || f != math.Trunc(f) || f < least || f > most {
		p.add(n, fmt.Sprintf("%s is %s", of, n.word()), fmt.Sprintf("write a whole number from %.0f to %.0f", least, most))
		return least
	}
	return f
}

func (p *reader) boolean(n *node, of string) bool {
	return p.oneOf(n, of, "true", "false") == "true"
}

// units are the lengths of time words, in ms.
var units = []struct {
	name string
	ms   float64
}{
	{"ms", 1},
	{"mo", 30.4375 * 864e5},
	{"s", 1e3},
	{"m", 6e4},
	{"h", 36e5},
	{"d", 864e5},
	{"w", 7 * 864e5},
	{"y", 365.25 * 864e5},
}

// span reads a length of time: 7d, 24mo, 1.5h.
func (p *reader) span(n *node, of string) int64 {
	s := p.text(n, of)
	for _, u := range units {
		num, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		f, ok := plainNumber(&node{text: num})
		if ms := f * u.ms; ok && num != "" && ms >= 1 && ms <= 200*365.25*864e5 {
			return int64(math.Round(ms))
		}
	}
	if n.kind == scalarNode {
		p.add(n, fmt.Sprintf("%s is %q", of, s), "write a length of time like 30m, 12h, 7d, 2w, 24mo or 1y")
	}
	return 1
}

// dimensionsMax is the room for them in the header of the ABI.
const dimensionsMax = wasm.DimsMax
