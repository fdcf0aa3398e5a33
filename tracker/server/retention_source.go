package server

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// A source may keep its events for a shorter time than the machine does, whoever is
// known to them. A pass over a source:
//
//  1. a record of the log names the source, a moment, and every timeline that holds
//     an event of the source received before it: reading it, the state forgets them;
//  2. the log's rows of these events are blanked where they stand.
//
// Lasting events stay, in the clear part alone: what a person allowed or forbade,
// and money, must not be forgotten because a site is. A crash between the two leaves
// a log that says the same, and the next pass does it again.

// Expired says what a pass over a source did, or would do.
type Expired struct {
	Tenant  string `json:"tenant"`
	Source  string `json:"source"`
	Keep    int64  `json:"retention"` // seconds
	Cutoff  string `json:"cutoff"`    // what was received before it goes
	Dropped uint64 `json:"dropped"`   // events that are gone
	Bared   uint64 `json:"bared"`     // lasting ones that lost what was sealed in them
}

// expiryChunk is how many timelines one record names: 70 KB of them.
const expiryChunk = 4096

// expiring is one pass over a source.
type expiring struct {
	s      *State
	src    *tracker.Source
	report Expired
	x      tracker.Expiry
	task   storage.BlankTask
	from   uint64                      // where the last pass ended
	whose  map[tracker.LeadID]struct{} // timelines that lose something
	event  tracker.Event
}

// RetainSource does a pass over a source beside Run.
func (s *State) RetainSource(ctx context.Context, src *tracker.Source, dry bool) (Expired, error) {
	ctx, cancel := context.WithTimeout(ctx, retentionWait)
	defer cancel()
	s.keeping.Lock()
	defer s.keeping.Unlock()
	p, due, err := s.planExpiry(ctx, src)
	if err != nil || !due {
		return p.report, err
	}
	if err := p.find(ctx); err != nil || dry {
		return p.report, err
	}
	if err := p.tell(ctx); err != nil {
		return p.report, err
	}
	return p.report, s.db.Blank(ctx, 0, p.task)
}

// planExpiry finds what a pass looks at; due says that there is something.
func (s *State) planExpiry(ctx context.Context, src *tracker.Source) (p *expiring, due bool, err error) {
	p = &expiring{s: s, src: src, whose: make(map[tracker.LeadID]struct{})}
	cutoff := (s.clock() - src.Retention.Milliseconds()) / msPerDay * msPerDay
	p.report = Expired{Tenant: src.Tenant.Name, Source: src.Name, Keep: int64(src.Retention.Seconds()), Cutoff: time.UnixMilli(cutoff).UTC().Format(time.RFC3339)}
	p.x = tracker.Expiry{Source: src.ID, Before: cutoff}
	p.task = storage.BlankTask{Name: fmt.Appendf(nil, "source %d", src.ID), Edit: p.edit}
	if p.task.Before, err = s.db.DayStart(0, cutoff); err != nil {
		return p, false, err
	}
	done, err := s.db.Blanked(0, p.task.Name)
	if err != nil || p.task.Before <= done {
		return p, false, err
	}
	first, err := s.log.First(ctx, 0)
	p.from = max(done, first)
	p.task.Later = first > 1 // days were dropped: what is carried of them may be of the source
	return p, p.from < p.task.Before || p.task.Later, err
}

const msPerDay = 24 * 60 * 60 * 1000

// takes says what becomes of a record.
func (p *expiring) takes(r *storage.Record) (gone, bare bool, err error) {
	if r.Tenant != p.src.Tenant.ID {
		return false, false, nil
	}
	if r.Seq >= p.task.Before && r.Kind != storage.KindCarry {
		return false, false, nil // too young
	}
	row, received := r.Row, r.Received
	switch r.Kind {
	case storage.KindEvent:
	case storage.KindCarry:
		c, err := tracker.DecodeCarry(r.Row)
		if err != nil || c.Row == nil {
			return false, false, err
		}
		row, received = c.Row, c.Received
	default:
		return false, false, nil
	}
	if err := tracker.DecodeRow(row, &p.event); err != nil {
		return false, false, err
	}
	gone, bare = p.x.Takes(&p.event, received)
	return gone, bare && !gone && len(r.Personal) > 0, nil
}

// edit does to a record what find counted.
func (p *expiring) edit(r *storage.Record) (bool, error) {
	gone, bare, err := p.takes(r)
	if gone {
		r.Kind = storage.KindBlank
	} else if bare {
		r.Personal = nil
	}
	return gone || bare, err
}

// find notes whose timelines lose something.
func (p *expiring) find(ctx context.Context) error {
	err := p.s.log.Read(ctx, 0, p.from, func(recs []storage.Record) error {
		for i := range recs {
			r := &recs[i]
			if r.Seq >= p.task.Before && !p.task.Later {
				return storage.ErrStop
			}
			gone, bare, err := p.takes(r)
			if err != nil {
				return fmt.Errorf("record %d: %w", r.Seq, err)
			}
			if gone {
				p.report.Dropped++
			} else if bare {
				p.report.Bared++
			}
			if id := p.event.Subject(); (gone || bare) && !id.IsZero() {
				p.whose[id] = struct{}{}
			}
		}
		return nil
	})
	if err == storage.ErrStop {
		return nil
	}
	return err
}

// records are what the state is told to forget.
func (p *expiring) records() (recs []storage.Record) {
	for some := range slices.Chunk(slices.SortedFunc(maps.Keys(p.whose), tracker.LeadID.Compare), expiryChunk) {
		p.x.Subjects = some
		recs = append(recs, storage.Record{Tenant: p.src.Tenant.ID, Kind: storage.KindControl, Row: tracker.AppendExpiry(nil, p.x)})
	}
	return recs
}

// tell appends what the state is to forget, and waits until it has.
func (p *expiring) tell(ctx context.Context) error {
	recs := p.records()
	if len(recs) == 0 {
		return nil
	}
	if err := p.s.log.Append(ctx, 0, recs); err != nil {
		return err
	}
	return p.s.WaitSeen(ctx, recs[len(recs)-1].Seq)
}

// retainSources does a pass over each source that has a retention of its own.
func (s *Server) retainSources(ctx context.Context, st *State, dry bool) (all []Expired, err error) {
	for _, t := range s.registry.Tenants() {
		for _, src := range s.registry.Sources(t.ID) {
			if src.Retention == 0 {
				continue
			}
			done, err := st.RetainSource(ctx, src, dry)
			if err != nil {
				return all, fmt.Errorf("source %s of tenant %s: %w", src.Name, t.Name, err)
			}
			if all = append(all, done); !dry && done.Dropped+done.Bared > 0 {
				s.retention.expired.Add(int(done.Dropped))
				s.log.Info("retention of a source", "tenant", t.Name, "source", src.Name, "dropped", done.Dropped, "bared", done.Bared, "cutoff", done.Cutoff)
			}
		}
	}
	return all, nil
}
