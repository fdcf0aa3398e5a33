// Package cases reads worked examples of a scorecard and holds a card to them:
// a lead's attributes and events by day, and what the card must say at given
// moments. It is what `ripen scorecard eval FILE --cases CASES.json` runs.
//
// A case is walked as a tracker would: every moment at which the score may move
// by itself is visited, so that bands keep their hysteresis. Numbers are held to
// the digits that the file prints.
package cases

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// Case is one lead and what is expected of its score.
type Case struct {
	Scorecard  string              `json:"scorecard"`
	Name       string              `json:"name"`
	Attributes map[string]any      `json:"attributes"`
	Lists      map[string][]string `json:"lists"`
	Inputs     map[string]float64  `json:"inputs"` // dimension of kind model or wasm → what it is told
	Events     []map[string]any    `json:"events"`
	MonthDays  float64             `json:"-"`
	Expect     []Expect            `json:"-"`
}

// Expect is what must hold at one moment.
type Expect struct {
	Day     float64
	Values  map[string]any // a dimension, score, band or grade → what it must be
	Reasons map[string]any // rule → points
	Because string         // how the numbers are worked out, for whoever reads the case
}

// Check is one comparison.
type Check struct {
	Case, Key string
	Day       float64
	Want, Got string
	OK        bool
	Because   string `json:",omitempty"` // of the [Expect]
}

// Report is what came of a case: its checks, or why it was left out.
type Report struct {
	Case    string
	Skipped string // why the card cannot be held to it; empty if it was
	Checks  []Check
}

// Failed returns the checks that do not hold.
func (r *Report) Failed() []Check {
	return slices.DeleteFunc(slices.Clone(r.Checks), func(c Check) bool { return c.OK })
}

// Engine scores one lead: an instance of the host with its state, or Eval.
type Engine interface {
	// SetInputs gives what models and modules say of the lead, by dimension.
	SetInputs(v []float64)
	Fold(evs []wasm.Event) error
	Score(now int64) (*scorecard.Result, error)
}

// Read reads a cases file.
func Read(src []byte) ([]Case, error) {
	var raw []map[string]json.RawMessage
	if err := decode(src, &raw); err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	out := make([]Case, len(raw))
	for i := range raw {
		c := &out[i]
		all, err := json.Marshal(raw[i])
		if err == nil {
			err = decode(all, c)
		}
		if err == nil {
			err = c.expectations(raw[i])
		}
		if err != nil {
			return nil, fmt.Errorf("cases: case %d: %w", i+1, err)
		}
	}
	return out, nil
}

func decode(src []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(src))
	d.UseNumber()
	return d.Decode(to)
}

// expectations reads expect_at_day, expect_at_month and reasons_at_day_<day>.
func (c *Case) expectations(raw map[string]json.RawMessage) error {
	c.MonthDays = 30.4375
	if m, ok := raw["month_days"]; ok {
		if err := json.Unmarshal(m, &c.MonthDays); err != nil {
			return fmt.Errorf("month_days: %w", err)
		}
	}
	for key, unit := range map[string]float64{"day": 1, "month": c.MonthDays} {
		var rows []map[string]any
		if v, ok := raw["expect_at_"+key]; ok {
			if err := decode(v, &rows); err != nil {
				return fmt.Errorf("expect_at_%s: %w", key, err)
			}
		}
		for _, row := range rows {
			at, err := float(row[key])
			if err != nil {
				return fmt.Errorf("expect_at_%s: %s: %w", key, key, err)
			}
			because, _ := row["because"].(string)
			delete(row, key)
			delete(row, "because")
			c.Expect = append(c.Expect, Expect{Day: at * unit, Values: row, Because: because})
		}
	}
	for key, v := range raw {
		text, ok := strings.CutPrefix(key, "reasons_at_day_")
		if !ok {
			continue
		}
		day, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", "."), 64)
		e := Expect{Day: day}
		if err == nil {
			err = decode(v, &e.Reasons)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		c.Expect = append(c.Expect, e)
	}
	slices.SortStableFunc(c.Expect, func(a, b Expect) int { return int(math.Copysign(1, a.Day-b.Day)) })
	return nil
}

func float(v any) (float64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, errors.New("need a number")
	}
	return n.Float64()
}

// Run holds a card to one case through an engine that has folded nothing yet.
// Lists the case gives must have been set on the card before; see [Case.Lists].
func Run(card *scorecard.Card, c *Case, e Engine) (*Report, error) {
	r := &Report{Case: c.Name}
	if r.Skipped = c.foreign(card); r.Skipped != "" {
		return r, nil
	}
	w := walk{card: card, engine: e, eval: card.NewEval(), zero: time.Date(2026, 1, 1, 0, 0, 0, 0, card.Zone).UnixMilli()}
	e.SetInputs(c.inputs(card))
	evs, err := c.sources(w.zero)
	if err != nil {
		return nil, err
	}
	for _, want := range c.Expect {
		now := w.zero + int64(math.Round(want.Day*864e5))
		for len(evs) > 0 && evs[0].time <= now {
			if err := w.fold(evs[0]); err != nil {
				return nil, err
			}
			evs = evs[1:]
		}
		if err := w.until(now); err != nil {
			return nil, err
		}
		w.compare(r, &want, now)
	}
	return r, nil
}

// inputs orders what models and modules say by dimension; NaN is no word.
func (c *Case) inputs(card *scorecard.Card) []float64 {
	out := make([]float64, len(card.Dims))
	for i, d := range card.Dims {
		v, ok := c.Inputs[d.Name]
		if !ok {
			v = math.NaN()
		}
		out[i] = v
	}
	return out
}

// foreign says why the card cannot be held to the case.
func (c *Case) foreign(card *scorecard.Card) string {
	if c.Scorecard != "" && c.Scorecard != card.Name {
		return fmt.Sprintf("it is of scorecard %s", c.Scorecard)
	}
	known := []string{"p", "score", "band", "grade"}
	for _, d := range card.Dims {
		known = append(known, d.Name)
	}
	for _, e := range c.Expect {
		for k := range e.Values {
			if !slices.Contains(known, k) {
				return fmt.Sprintf("the card has no dimension %s", k)
			}
		}
	}
	return ""
}

// walk is a case under way.
type walk struct {
	card   *scorecard.Card
	engine Engine
	zero   int64
	next   int64
	last   *scorecard.Result
	band   string
	eval   *scorecard.Eval // for what a module does not say: chances
	buf    []wasm.Event
}

func (w *walk) fold(s *source) error {
	if err := w.until(s.time); err != nil {
		return err
	}
	w.buf = w.card.Bind(w.buf[:0], s)
	if err := w.engine.Fold(w.buf); err != nil {
		return err
	}
	w.eval.Fold(w.buf...)
	return w.score(s.time)
}

// until visits every moment at which the score may move, then now.
func (w *walk) until(now int64) error {
	for w.next != 0 && w.next < now {
		if err := w.score(w.next); err != nil {
			return err
		}
	}
	return w.score(now)
}

func (w *walk) score(now int64) error {
	r, err := w.engine.Score(now)
	if err != nil {
		return err
	}
	w.last, w.next = r, r.Next
	if w.band = w.card.Band(w.band, r.Score, r.Grade); r.Null {
		w.band = "" // as a tracker does: who is not scored is in no band
	}
	return nil
}

// said writes a value; null is the score of a lead that a gate takes out of the card.
func said(v any) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}

func (w *walk) compare(r *Report, want *Expect, now int64) {
	put := func(key string, v any, got any) {
		c := Check{Case: r.Case, Key: key, Day: want.Day, Want: said(v), Because: want.Because}
		if f, ok := got.(float64); ok {
			c.Got = printed(f, c.Want)
		} else {
			c.Got = said(got)
		}
		c.OK = c.Got == c.Want
		r.Checks = append(r.Checks, c)
	}
	for k, v := range want.Values {
		switch k {
		case "p":
			p, ok := w.eval.Chance(now)
			if !ok {
				put(k, v, "no chance: no dimension has a lifetime and its anchor")
				continue
			}
			put(k, v, p)
		case "score":
			if w.last.Null {
				put(k, v, nil)
				continue
			}
			put(k, v, w.last.Score)
		case "band":
			put(k, v, w.band)
		case "grade":
			put(k, v, w.last.Grade)
		default:
			i := slices.IndexFunc(w.card.Dims, func(d *scorecard.Dimension) bool { return d.Name == k })
			put(k, v, w.last.Dims[i])
		}
	}
	for rule, v := range want.Reasons {
		i := slices.IndexFunc(w.last.Reasons, func(x scorecard.Reason) bool { return x.Rule == rule })
		if i < 0 {
			put("reason "+rule, v, "none")
			continue
		}
		put("reason "+rule, v, w.last.Reasons[i].Points)
	}
	slices.SortFunc(r.Checks, func(a, b Check) int {
		if a.Day != b.Day {
			return int(math.Copysign(1, a.Day-b.Day))
		}
		return strings.Compare(a.Key, b.Key)
	})
}

// printed rounds f to as many decimals as like has.
func printed(f float64, like string) string {
	_, decimals, _ := strings.Cut(like, ".")
	return strconv.FormatFloat(f, 'f', len(decimals), 64)
}
