package train

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
)

// FileOrder, as a time column, says that the file is in the order of time.
const FileOrder = "@row"

// Options say what to learn.
type Options struct {
	Name        string   // of the card
	Label       string   // the column that says who converted
	Positive    string   // its value that means converted; may be empty if it is plain
	Sep         rune     // between columns; 0 = found out
	Drop        []string // columns not to learn from
	Keep        []string // columns to learn from although they look like running numbers or names
	TimeColumn  string   // a column of dates or growing numbers, or FileOrder
	Missing     []string // further words for no answer
	Constraints []Constraint
	Seed        uint64
	Plan        string                // how the card is learned anew, as it stands under learn: in one; empty = by hand
	Model       string                // what to write: KindCard if empty, KindLogistic or KindTrees
	Language    string                // of the report and the card: en or es
	Progress    func(done, total int) // told after each fit; may be nil
}

// Constraint is what the tenant asks of one attribute's points, whatever the file
// says.
type Constraint struct {
	Attribute      string
	Rising         int // 1: more is never worth less; −1: more is never worth more
	Floor, Ceiling int // points; NoFloor and NoCeiling are none
}

// Points without a bound.
const (
	NoFloor   = math.MinInt32
	NoCeiling = math.MaxInt32
)

var constraintText = regexp.MustCompile(`^\s*(.+?)\s*(?:(>=|<=)\s*(-?\d{1,5})|=\s*(rising|falling))\s*$`)

// ParseConstraint reads visits=rising, age=falling, newsletter>=0 or country<=15.
func ParseConstraint(s string) (Constraint, error) {
	m := constraintText.FindStringSubmatch(s)
	if m == nil {
		return Constraint{}, fmt.Errorf("constraint %q: write NAME=rising, NAME=falling, NAME>=POINTS or NAME<=POINTS", s)
	}
	c := Constraint{Attribute: m[1], Floor: NoFloor, Ceiling: NoCeiling}
	points, _ := strconv.Atoi(m[3]) // the expression lets digits through alone
	switch {
	case m[4] == "rising":
		c.Rising = 1
	case m[4] == "falling":
		c.Rising = -1
	case m[2] == ">=":
		c.Floor = points
	default:
		c.Ceiling = points
	}
	return c, nil
}

// shapes are the constraints by attribute.
func (o *Options) shapes(t *Table) (map[string]shape, error) {
	out := map[string]shape{}
	for _, c := range o.Constraints {
		i := slices.IndexFunc(t.columns, func(col *column) bool { return col.name == c.Attribute || col.attr == c.Attribute })
		if i < 0 {
			return nil, fmt.Errorf("constraint on %q: it is no column that is learned from; the report says which are, and why others are left out", c.Attribute)
		}
		col := t.columns[i]
		s, ok := out[col.attr]
		if !ok {
			s = free
		}
		if c.Rising != 0 {
			if col.kind != number {
				return nil, fmt.Errorf("constraint on %s: rising and falling are for numbers, and it holds texts", c.Attribute)
			}
			s.rising = c.Rising
		}
		if col.does != nil && (c.Floor != NoFloor || c.Ceiling != NoCeiling) {
			return nil, fmt.Errorf("constraint on %s: what people do has no bounds of points, write %s=rising or =falling", c.Attribute, col.attr)
		}
		if c.Floor != NoFloor {
			s.floor = float64(c.Floor) / pointsOf
		}
		if c.Ceiling != NoCeiling {
			s.ceiling = float64(c.Ceiling) / pointsOf
		}
		if s.floor > s.ceiling {
			return nil, fmt.Errorf("constraints on %s: no points are at least %d and at most %d", c.Attribute, c.Floor, c.Ceiling)
		}
		out[col.attr] = s
	}
	return out, nil
}

// written is the learner whose work is written.
func (o *Options) written() string {
	switch o.Model {
	case KindLogistic:
		return "exact"
	case KindTrees:
		return "trees"
	}
	return "card"
}

// say picks a language.
func say(lang, en, es string) string {
	if lang == "es" {
		return es
	}
	return en
}
