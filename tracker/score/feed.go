package score

import (
	"math"
	"slices"
	"strings"

	"ripen/wasm/scorecard"
)

// A card may name a module of the tenant's, or a model, whose word is a dimension
// of its own. Such a module is a card in force like any other: it has its state
// and its timer in the walk, and its integer score is what the card is told; of a
// model it is the probability at its unrounded score. So the card is scored again
// when that moves, whatever moved it. A module that trapped or was given up is told
// with its last good score, one that is not in force or does not score the lead with
// NaN, which counts as 0.

// fed says that a module which the card names has moved in the pass at hand.
func (d *Deck) fed(c *Card) bool {
	for _, f := range c.feeds {
		for _, o := range d.Cards {
			if o.moved && isOf(o.Name, f.Source()) {
				return true
			}
		}
	}
	return false
}

// isOf says whether a name@version is of a card.
func isOf(card, name string) bool {
	return len(card) > len(name) && card[len(name)] == '@' && strings.HasPrefix(card, name)
}

// meet finds the models that the card names among those beside it.
func (c *Card) meet(deck []*Card) {
	models := map[string]*scorecard.Card{}
	for _, f := range c.feeds {
		for _, o := range deck {
			if f.Model != "" && o.Card.Model != nil && isOf(o.Name, f.Model) {
				models[f.Model] = o.Card
			}
		}
	}
	c.models.Store(&models)
}

// Inputs returns what those say whom the card names, by dimension, for
// [Guest.SetInputs]. It is valid until the next call.
func (c *Card) Inputs(states []State) []float64 {
	c.inputs = c.inputsOf(c.inputs, func(f *scorecard.Feed) (float64, bool) {
		for i := range states {
			if s := &states[i]; isOf(s.Card, f.Source()) {
				return c.word(f, s.Score, s.Exact, s.Null)
			}
		}
		return 0, false
	})
	return c.inputs
}

// word is what a module or model says of a lead with a score.
func (c *Card) word(f *scorecard.Feed, score int, exact int64, null bool) (float64, bool) {
	if null {
		return 0, false
	}
	if f.Model == "" {
		return float64(score), true
	}
	if models := c.models.Load(); models != nil && (*models)[f.Model] != nil {
		return (*models)[f.Model].Likely(exact)
	}
	return 0, false
}

func (c *Card) inputsOf(v []float64, word func(*scorecard.Feed) (float64, bool)) []float64 {
	v = slices.Grow(v[:0], len(c.Card.Dims))[:len(c.Card.Dims)]
	for i := range v {
		v[i] = math.NaN()
	}
	for _, f := range c.feeds {
		if x, ok := word(f); ok {
			v[f.Dim] = x
		}
	}
	return v
}

// Names returns the cards that the card names as modules or models.
func (c *Card) Names() (names []string) {
	for _, f := range c.feeds {
		names = append(names, f.Source())
	}
	return names
}
