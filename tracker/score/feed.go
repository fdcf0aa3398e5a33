package score

import (
	"math"
	"slices"
	"strings"
)

// A card may name a module of the tenant's, or a model, whose word is a dimension
// of its own. Such a module is a card in force like any other: it has its state
// and its timer in the walk, and its integer score is what the card is told. So
// the card is scored again when that moves, whatever moved it. A module that
// trapped or was given up is told with its last good score, one that is not in
// force or does not score the lead with NaN, which counts as 0. Nothing trains a
// model yet, so it has no word either.

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

// Inputs returns what those say whom the card names, by dimension, for
// [Guest.SetInputs]. It is valid until the next call.
func (c *Card) Inputs(states []State) []float64 {
	c.inputs = c.inputsOf(c.inputs, func(name string) (int, bool) {
		for i := range states {
			if isOf(states[i].Card, name) {
				return states[i].Score, !states[i].Null
			}
		}
		return 0, false
	})
	return c.inputs
}

func (c *Card) inputsOf(v []float64, word func(name string) (score int, ok bool)) []float64 {
	v = slices.Grow(v[:0], len(c.Card.Dims))[:len(c.Card.Dims)]
	for i := range v {
		v[i] = math.NaN()
	}
	for _, f := range c.feeds {
		if f.Model != "" {
			continue
		}
		if score, ok := word(f.Source()); ok {
			v[f.Dim] = float64(score)
		}
	}
	return v
}

// Names returns the cards that the card names as modules.
func (c *Card) Names() (names []string) {
	for _, f := range c.feeds {
		if f.Module != "" {
			names = append(names, f.Source())
		}
	}
	return names
}
