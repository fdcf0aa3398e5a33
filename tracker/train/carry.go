package train

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

	"ripen/wasm/scorecard"
)

// Lost is something of the card in force that a learned card cannot take over.
type Lost struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// carried is what a learned card takes over from the one in force: the tenant's bands,
// each begun where as many leads stand as do now; its gates, and what entering a band sets
// off, as far as they ask for nothing that only the card in force has.
type carried struct {
	lang   string
	old    *scorecard.Card
	before []int // scores of the rows by it, in order
	after  []int // the same by what was learned

	bands []banded
	gates []*scorecard.Gate
	names []string // what was taken over, for people
	lost  []Lost
}

// carry prepares what is taken over; nil if no card is in force.
func (r *training) carry(k *calibration) *carried {
	if r.t.inForce == nil {
		return nil
	}
	c := &carried{lang: r.o.Language, old: r.t.inForce, after: k.shown()}
	for _, exact := range r.t.scores { // thousandths + 1; 0 = it does not score the lead
		c.before = append(c.before, (exact+499)/1000)
	}
	slices.Sort(c.before)
	slices.Sort(c.after)
	c.place()
	for _, g := range c.old.Gates {
		if g.When.OfDims() {
			c.lose(c.named(g), "it asks for points of a dimension, and the learned ones mean something else", "pregunta por puntos de una dimensión, y los aprendidos significan otra cosa")
		} else {
			c.gates = append(c.gates, g)
		}
	}
	if c.old.Rollup != nil {
		c.lose("rollup", "what is learned is of leads alone", "lo aprendido es solo de leads")
	}
	return c
}

func (c *carried) named(g *scorecard.Gate) string { return say(c.lang, "gate ", "condición ") + g.ID }

func (c *carried) lose(what, en, es string) {
	c.lost = append(c.lost, Lost{what, say(c.lang, en, es)})
}

// same is the learned score at or above which about as many rows stand as do at or above
// an old one.
func (c *carried) same(score int) int {
	all := len(c.before)
	below, _ := slices.BinarySearch(c.before, score)
	switch below {
	case all:
		return min(c.after[all-1]+1, 100)
	case 0:
		return min(score, c.after[0])
	}
	at := c.after[below]
	under, _ := slices.BinarySearch(c.after, at)
	over, _ := slices.BinarySearch(c.after, at+1)
	if over < all && over-below < below-under { // of rows with one score all stand on one side
		return c.after[over]
	}
	return at
}

// place puts the bands where they hold as many rows as they do now.
func (c *carried) place() {
	for _, b := range c.old.Bands {
		c.bands = append(c.bands, banded{name: b.Name, from: c.same(b.From), leave: c.same(b.Leave)})
		if len(b.Grades) > 0 {
			c.lose(say(c.lang, "band ", "banda ")+b.Name+": require", "it asks for a grade, and the learned card gives none", "pide una nota, y la tarjeta aprendida no las da")
		}
		c.names = append(c.names, say(c.lang, "band ", "banda ")+b.Name)
	}
	for i := range c.bands { // each above the one before, and room for those that follow
		b := &c.bands[i]
		if i > 0 {
			b.from = max(b.from, c.bands[i-1].from+1)
		}
		b.from = min(b.from, 101-len(c.bands)+i)
		b.leave = min(b.leave, b.from)
	}
}

// write adds gates and what bands set off to a card whose scale goes from 1 at lo to 100
// at hi, one by one: what does not check is lost.
func (c *carried) write(card []byte, lo, hi float64) []byte {
	var gates, actions bytes.Buffer
	adds := func(to *bytes.Buffer, what, line string) bool {
		was := to.Len()
		to.WriteString(line)
		_, err := scorecard.Parse("card", slices.Concat(card, gates.Bytes(), actions.Bytes()))
		if err == nil {
			c.names = append(c.names, what)
			return true
		}
		to.Truncate(was)
		first, _, _ := strings.Cut(err.Error(), "\n")
		c.lost = append(c.lost, Lost{what, first})
		return false
	}
	for _, g := range c.gates {
		head := ""
		if gates.Len() == 0 {
			head = "gates:\n"
		}
		adds(&gates, c.named(g), head+"  - "+c.gate(g, lo, hi)+"\n")
	}
	for i, b := range c.old.Bands {
		begun := false
		for _, a := range b.Actions {
			what := fmt.Sprintf("on_band %s: %s %s", b.Name, a.Do, a.To)
			if a.When.OfDims() {
				c.lose(what, "its when asks for points of a dimension, and the learned ones mean something else", "su when pregunta por puntos de una dimensión, y los aprendidos significan otra cosa")
				continue
			}
			head := ""
			if actions.Len() == 0 {
				head = "on_band:\n"
			}
			if !begun {
				head += "  " + c.bands[i].name + ":\n"
			}
			begun = adds(&actions, what, head+"    - "+a.Text+"\n") || begun
		}
	}
	return slices.Concat(card, gates.Bytes(), actions.Bytes())
}

// gate writes a gate. What it bounds is bounded where as many stand as do now.
func (c *carried) gate(g *scorecard.Gate, lo, hi float64) string {
	does := "skip: true"
	if s := &c.old.Score; !g.Skip {
		shown := s.To[0] + (g.Max-s.From[0])*s.K()
		top := c.same(int(math.Floor(min(max(shown, 0), 100)+.5))+1) - 1
		does = "max: " + plainText(math.Floor(lo+float64(max(top, 1)-1)*(hi-lo)/99))
	}
	why := ""
	if g.Why != "" {
		why = ", why: " + quoted(g.Why)
	}
	return fmt.Sprintf("{id: %s, when: %s, %s%s}", quoted(g.ID), g.Text, does, why)
}
