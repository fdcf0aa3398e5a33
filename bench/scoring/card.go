package scoring

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"ripen/wasm/scorecard"
)

// card times the twenty rules on a record: compiled, by hand in Go, and by the
// engines that others use. All have to say the same of every record first.
func (b *bench) card(ctx context.Context) (err error) {
	t, err := openTwenty(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	all := records()
	if err := t.checkRecords(all); err != nil {
		return err
	}
	lanes := []lane{t.compiled(), t.byHand(), ofStruct(all)}
	engines, err := b.openEngines(ctx, all)
	if err != nil {
		b.note("expr-lang, cel-go, goja: %v", err)
	} else {
		defer func() { err = errors.Join(err, engines.close()) }()
		for _, name := range engineNames {
			lanes = append(lanes, engines.lane(name))
		}
	}
	r, err := run(ctx, b.tempo.rounds, b.tempo.slice, lanes...)
	if err != nil {
		return err
	}
	v, note := r.ratio(0, 1)
	b.report.Set(figNative, v, note+"; "+r.best(2))
	if engines == nil {
		return nil
	}
	for i, fig := range []string{figExpr, figCel, figGoja} {
		v, note := r.ratio(3+i, 0)
		b.report.Set(fig, v, note)
	}
	return nil
}

// compiled is the module as the host runs it: a record's events are copied into
// its memory and folded for a new lead, the lead is scored, with gas, and each rule's
// points are read back.
func (t *twenty) compiled() lane {
	i := 0
	return inProcess("compiled", func() error {
		evs := t.events[i]
		if i++; i == len(t.events) {
			i = 0
		}
		_, _, err := t.in.FoldRaw(nil, evs, evs[len(evs)-1].TimeMs)
		return err
	})
}

// byHand is the same in plain Go, from the same events.
func (t *twenty) byHand() lane {
	i, l := 0, layoutOf(t.card)
	var v verdict
	return inProcess("Go by hand", func() error {
		var d lead
		d.fold(l, t.events[i])
		d.score(&v)
		if i++; i == len(t.events) {
			i = 0
		}
		return nil
	})
}

// ofStruct is Go that finds everything in a struct.
func ofStruct(all []record) lane {
	i := 0
	var v verdict
	return inProcess("Go on a struct, stateless", func() error {
		all[i].score(&v)
		if i++; i == len(all) {
			i = 0
		}
		return nil
	})
}

// checkRecords holds the module and the rules by hand to the same score and the
// same points, bit for bit, for each record, and the records to asking something:
// no rule holds for all of them, or for none.
func (t *twenty) checkRecords(all []record) error {
	held, l := make([]int, len(rules())), layoutOf(t.card)
	for i := range all {
		evs := t.events[i]
		_, raw, err := t.in.FoldRaw(nil, evs, evs[len(evs)-1].TimeMs)
		if err != nil {
			return err
		}
		var v, s verdict
		var d lead
		d.fold(l, evs)
		d.score(&v)
		if all[i].score(&s); s.scaled != v.scaled || !slices.Equal(s.points, v.points) {
			return fmt.Errorf("record %d: Go by hand says %v %v, of a struct %v %v", i, v.scaled, v.points, s.scaled, s.points)
		}
		if math.Float64bits(raw.Scaled) != math.Float64bits(v.scaled) || !slices.Equal(raw.Points, v.points) {
			return fmt.Errorf("record %d: the module says %v %v, Go by hand %v %v", i, raw.Scaled, raw.Points, v.scaled, v.points)
		}
		for _, p := range v.points {
			held[p.ID]++
		}
	}
	for i, n := range held {
		if n == 0 || n == len(all) {
			return fmt.Errorf("rule %s holds for %d of %d records", rules()[i].id, n, len(all))
		}
	}
	return nil
}

// bitsOf are the rules that give points.
func bitsOf(points []scorecard.RulePoints) (bits uint32) {
	for _, p := range points {
		bits |= 1 << p.ID
	}
	return bits
}
