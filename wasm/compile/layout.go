package compile

import (
	"fmt"
	"slices"
	"strings"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// The state begins with what every card keeps; the rest is layout's.
//
//	u32 entries in the list    u32 bits: 1 = seen, 2 = active, 4 = replied
//	i64 time of the first event
//	i64 time of the last activity
const (
	atList   = wasm.IOState + 0
	atBits   = wasm.IOState + 4
	atFirst  = wasm.IOState + 8
	atLast   = wasm.IOState + 16
	atTraits = wasm.IOState + 24

	bitSeen    = 1
	bitActive  = 2
	bitReplied = 4
)

// dayBit tells day 0 from no day yet.
const dayBit = 1 << 62

// layout says where in the state each rule keeps what it keeps. Behind the fixed
// part stands one list for all rules, as long as it has entries: the top byte
// names the owner, the rest is a hash or a time. A new lead's state is short.
type layout struct {
	value  []int   // per rule: address of its f64, and of its i64 time behind it
	day    []int   // per rule: address of the last day counted
	hashes []int64 // per rule: owner of its hashes, shifted to the top; 0 = none
	times  []int64 // per rule: owner of its times
	cells  int     // address of the first cell, an i64
	codes  int     // address of what a model's features keep
	reply  int     // address of the time of the last answer; 0 = no rule asks
	counts int     // address of byte 0 of the owners' counters; owner 0 is nobody
	list   int     // address of the first entry
	max    int     // most bytes of state
	gas    struct{ fold, score int64 }
}

// Gas: a base far above what a call costs by itself, then for each rule or test,
// each byte of a long text, and each turn of a loop over the list.
const (
	foldGas  = 20_000
	scoreGas = 100_000
	ruleGas  = 400
	byteGas  = 8
	foldTurn = 60
	readTurn = 80
	termGas  = 60   // of a series
	lineGas  = 2000 // halving a curve of up to thousands of lines

	searchTurn = 35
	runesTurn  = 18
)

// budget says how much gas an event and a score may take: with the list full, each
// rule that keeps something in it walks all of it. No event can need more.
func (l *layout) budget(c *scorecard.Card, m *learned, entries int) error {
	most := 0
	for i := range c.Types {
		n := 0
		for _, r := range c.Types[i].Rules {
			hashes, times := r.Keep()
			n += ruleGas + testGas(r.Tests) + whenGas(r.When) + foldTurn*entries*(min(hashes, 1)+min(times, 1))
			if isBuyer(r) {
				n += foldTurn * entries // a time and an amount may both be taken out
			}
		}
		most = max(most, n)
	}
	for _, cell := range c.Cells {
		most += askGas(cell.Expr)
	}
	l.gas.fold = int64(foldGas + most + testGas(c.Traits) + m.foldGas())
	score := scoreGas
	for _, r := range c.Rules {
		_, times := r.Keep()
		if r.Kind == scorecard.Attribute {
			score += whenGas(r.When) + pastGas(r.When, entries)
		}
		score += ruleGas*(2+len(r.Tests)) + 8*len(r.Steps) + readTurn*entries*min(times, 1)
		switch r.Kind {
		case scorecard.Renewal:
			score += lineGas
		case scorecard.Returning:
			score += 2 * (lineGas + termGas*r.Returns.Terms)
		}
	}
	for _, g := range c.Gates {
		score += whenGas(g.When) + pastGas(g.When, entries)
	}
	l.gas.score = int64(score + m.scoreGas())
	if most := max(l.gas.fold, l.gas.score); most > wasm.GasMax {
		return fmt.Errorf("card %s: a call could cost %d gas, at most %d: it has too many rules that remember, or long expressions: use per: day or session, or fewer count, expire, linear and distinct rules",
			c.Name, most, wasm.GasMax)
	}
	return nil
}

// isBuyer says whether a rule counts or sums up purchases.
func isBuyer(r *scorecard.Rule) bool {
	return r.Kind == scorecard.Frequency || r.Kind == scorecard.Money
}

func testGas(tests []*scorecard.Test) (n int) {
	for _, t := range tests {
		n += ruleGas
		for _, s := range t.Texts {
			n += 16 + byteGas*len(s)
		}
		n += 4 * len(t.Nums)
	}
	return n
}

func (l *layout) fit(c *scorecard.Card, m *learned) error {
	n := len(c.Rules)
	l.value, l.day = make([]int, n), make([]int, n)
	l.hashes, l.times = make([]int64, n), make([]int64, n)
	l.cells = atTraits + (len(c.Traits)+7)&^7
	l.codes = l.cells + 8*len(c.Cells)
	if c.Model != nil && l.codes != atTraits {
		panic("BUG: a model has attributes or expressions beside its features")
	}
	at := l.codes + (m.width()+7)&^7
	if c.Answers() {
		l.reply = at
		at += 8
	}
	owners, entries := int64(0), 0
	for i, r := range c.Rules {
		l.value[i] = at
		switch {
		case r.Kind == scorecard.Sum, isBuyer(r) && r.Span == 0:
			at += 8
		case r.Kind == scorecard.HalfLife, r.Kind == scorecard.Renewal, r.Kind == scorecard.Recency, r.Kind == scorecard.Absent && r.Event != "":
			at += 16
		case r.Kind == scorecard.Returning:
			at += returnSize
		}
		if r.Per == scorecard.PerDay {
			l.day[i] = at
			at += 8
		}
		hashes, times := r.Keep()
		if hashes > 0 {
			owners++
			l.hashes[i] = owners << 56
		}
		if times > 0 {
			owners++
			l.times[i] = owners << 56
		}
		entries += hashes + times
	}
	l.counts = at - 1
	at = (at + int(owners) + 7) &^ 7
	l.list = at
	l.max = at - wasm.IOState + 8*entries
	if l.max > wasm.StateMax || owners > 255 {
		return l.tooBig(c)
	}
	if err := l.budget(c, m, entries); err != nil {
		return err
	}
	if n, most := c.EventMax(), wasm.IOSize-wasm.IOEvents; n > most {
		return fmt.Errorf("card %s: an event may take %d bytes, at most %d: compare fewer texts of one event type, or use matches and in_list", c.Name, n, most)
	}
	return nil
}

func (l *layout) tooBig(c *scorecard.Card) error {
	rules := slices.Clone(c.Rules)
	need := func(r *scorecard.Rule) int { h, t := r.Keep(); return h + t }
	slices.SortStableFunc(rules, func(a, b *scorecard.Rule) int { return need(b) - need(a) })
	var names []string
	for _, r := range rules[:min(5, len(rules))] {
		names = append(names, r.ID)
	}
	return fmt.Errorf("card %s: it would remember %d bytes of a lead, at most %d: rules %s remember most; use per: day or session, or fewer count, expire and distinct rules",
		c.Name, l.max, wasm.StateMax, strings.Join(names, ", "))
}
