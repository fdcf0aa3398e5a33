package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/train"
)

const (
	newLeast    = 10        // new conversions, fewer teach nothing new
	countMost   = 1_000_000 // records of the log that a turn reads for it
	planSavedIn = time.Minute
)

// planOf returns how far a card's plan is: from its publication on if it was never met.
func (l *learner) planOf(p *planned) (*planRow, error) {
	key := cardKey{p.tenant, p.card()}
	row := l.plans[key]
	if row == nil {
		var err error
		if row, err = l.rows.plan(p.tenant, key.card); err != nil {
			return nil, err
		}
	}
	if row == nil {
		row = &planRow{Since: l.s.db.Now(), Label: p.label.Text}
		card, err := l.cardOf(p)
		if err != nil {
			return nil, err
		}
		if card != nil {
			if v := card.Version(p.inForce.Version); v != nil {
				row.Since = v.At
			}
		}
		if err := l.rows.savePlan(p.tenant, key.card, row); err != nil {
			return nil, err
		}
	}
	if row.Label != p.label.Text { // another label: what was counted is something else
		*row = planRow{Since: row.Since, Open: row.Open, Label: p.label.Text}
	}
	l.plans[key] = row
	return row, nil
}

// count reads on in the log and counts the conversions that plans wait for. The number
// and how far it is counted are stored as one, so that none counts twice.
func (l *learner) count(ctx context.Context, plans []*planned) error {
	last, err := l.s.db.Log().Last(ctx, 0)
	if err != nil {
		return err
	}
	from := uint64(math.MaxUint64)
	var counted []*planned
	for _, p := range plans {
		if p.plan.New > 0 {
			counted, from = append(counted, p), min(from, p.row.Seq+1)
		}
	}
	if from > last {
		return nil
	}
	first, err := l.s.db.Log().First(ctx, 0)
	if err != nil {
		return err
	}
	from = max(from, first)
	end := min(last, from+countMost)
	err = l.s.db.Log().Read(ctx, 0, from, func(recs []storage.Record) error {
		for i := range recs {
			if recs[i].Seq > end {
				return errEnough
			}
			if err := l.countRecord(counted, &recs[i]); err != nil {
				return fmt.Errorf("record %d: %w", recs[i].Seq, err)
			}
		}
		return ctx.Err()
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	for _, p := range counted {
		p.row.Seq = max(p.row.Seq, end)
		p.row.Based = p.row.Based || p.row.Seq >= last
	}
	if time.Since(l.saved) < planSavedIn {
		return nil
	}
	l.saved = time.Now()
	return l.savePlans(counted)
}

func (l *learner) savePlans(plans []*planned) error {
	var errs []error
	for _, p := range plans {
		errs = append(errs, l.rows.savePlan(p.tenant, p.card(), p.row))
	}
	return errors.Join(errs...)
}

// countRecord lets a record count for the plans of its tenant that have not seen it.
func (l *learner) countRecord(plans []*planned, rec *storage.Record) error {
	if rec.Kind != storage.KindEvent {
		return nil
	}
	e := &l.event
	for _, p := range plans {
		if rec.Tenant != storage.Tenant(p.tenant) || rec.Seq <= p.row.Seq {
			continue
		}
		if err := tracker.DecodeRowHead(rec.Row, e); err != nil {
			return err
		}
		if string(e.Type) != p.label.Event {
			continue
		}
		if err := tracker.DecodeRow(rec.Row, e); err != nil {
			return err
		}
		e.Seq, e.Received, e.Personal = rec.Seq, rec.Received, e.Personal[:0]
		is, err := train.Converts(p.label, e, func(e *tracker.Event) (err error) {
			if len(rec.Personal) == 0 {
				return nil
			}
			if l.plain, err = l.s.db.Unseal(l.plain[:0], rec); errors.Is(err, storage.ErrErased) {
				return nil
			} else if err == nil {
				e.Personal, err = tracker.DecodeFields(e.Personal[:0], l.plain)
			}
			return err
		})
		if err != nil {
			return err
		}
		if is && e.Counts() {
			p.row.Total++
			if !p.row.Based && rec.Received <= p.row.Since {
				p.row.Base++
			}
		}
	}
	return nil
}

// due says why a card is to be learned now; empty = it is not.
func (p *planned) due(now int64) string {
	switch r := p.row; {
	case p.plan.Every > 0 && now >= r.Since+p.plan.Every:
		return tracker.TrainedByTime
	case p.plan.New > 0 && r.Based && r.Total-r.Base >= newLeast && float64(r.Total-r.Base) >= float64(p.plan.New*float64(r.Base)):
		return tracker.TrainedByNew
	}
	return ""
}
