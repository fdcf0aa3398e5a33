package journey

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Doc returns one journey or segment.
func (e *Engine) Doc(t tracker.TenantID, kind tracker.TextKind, name string) (tracker.JourneyDoc, error) {
	all, err := e.Docs(t, kind)
	if err != nil {
		return tracker.JourneyDoc{}, err
	}
	i := slices.IndexFunc(all, func(d tracker.JourneyDoc) bool { return d.Name == name })
	if i < 0 {
		return tracker.JourneyDoc{}, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_" + kind.String(), Detail: "the tenant has no " + kind.String() + " of this name"}
	}
	return all[i], nil
}

// Stats counts what became of the leads of each version of a journey, by
// name@version, or of those of a segment.
func (e *Engine) Stats(t tracker.TenantID, kind tracker.TextKind, name string) (map[string]*tracker.JourneyTally, error) {
	d, err := e.Doc(t, kind, name)
	if err != nil {
		return nil, err
	}
	out := map[string]*tracker.JourneyTally{}
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		r := newRows(tx, t)
		if kind == Segments {
			out[name], err = r.count(segmentTally(name))
			return err
		}
		for _, v := range d.Versions {
			full := (&Journey{Name: name, Version: v.Version}).FullName()
			if out[full], err = r.count(full); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Members returns leads that belong to a segment, in the order of their ids, from
// behind one on.
func (e *Engine) Members(t tracker.TenantID, name string, behind tracker.LeadID, limit int) (ids []tracker.LeadID, err error) {
	if _, err := e.Doc(t, Segments, name); err != nil {
		return nil, err
	}
	prefix := append(nameKey(rowMembers, name), 0)
	from := prefix
	if !behind.IsZero() {
		from = append(memberKey(name, behind), 0)
	}
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		return tx.Scan(t, storage.SpaceJourney, from, storage.Behind(prefix), func(k, _ []byte) error {
			if ids = append(ids, parseLead(k[len(prefix):])); len(ids) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	return ids, err
}

// Belongs says whether a lead, given all its names, belongs to a segment now.
func (e *Engine) Belongs(t tracker.TenantID, ids []tracker.LeadID, name string) (is bool, err error) {
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		for _, id := range ids {
			b, err := newRows(tx, t).get(leadKey(rowMember, id, name))
			if err != nil {
				return err
			}
			is = is || parseMember(b).since != 0
		}
		return nil
	})
	return is, err
}

// Places returns where a lead stands or stood, given all its names.
func (e *Engine) Places(t tracker.TenantID, ids []tracker.LeadID) (out []tracker.JourneyPlace, err error) {
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		stands, err := newRows(tx, t).places(ids)
		for i := range stands {
			out = append(out, stands[i].public())
		}
		return err
	})
	return out, err
}

func (s *stand) public() tracker.JourneyPlace {
	return tracker.JourneyPlace{
		Journey: (&Journey{Name: s.name, Version: s.Version}).FullName(), Lead: s.lead.String(), Entry: s.Entry,
		Entered: instant(s.Entered), Step: s.Step, Due: instant(s.Due), Sent: s.Sent, HoldOut: s.Held, Ended: instant(s.Ended), Why: s.Why,
	}
}

// instant is a moment as the API shows it; empty for 0.
func instant(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// Note is what was done with a lead, with its place among the lead's.
type Note struct {
	N  uint64
	At int64 // unix ms
	tracker.JourneyStep
}

// Notes returns what journeys and segments did with a lead under one of its names,
// the latest first, from before a place if that is not 0.
func (e *Engine) Notes(t tracker.TenantID, lead tracker.LeadID, before uint64, limit int) (out []Note, err error) {
	prefix := leadKey(rowNote, lead, "")
	to := storage.Behind(prefix)
	if before != 0 {
		to = binary.BigEndian.AppendUint64(leadKey(rowNote, lead, ""), before)
	}
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		return tx.ScanReverse(t, storage.SpaceJourney, prefix, to, func(k, v []byte) error {
			var n noteRow
			if err := json.Unmarshal(v, &n); err != nil {
				return fmt.Errorf("decode a journey's note: %w", err)
			}
			out = append(out, Note{binary.BigEndian.Uint64(k[len(prefix):]), n.At, tracker.JourneyStep{
				At: instant(n.At), Journey: n.Journey, Segment: n.Segment, Step: n.Step, What: n.What, Detail: n.Detail, Intent: n.Intent,
			}})
			if len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	return out, err
}

// Steps returns what journeys and segments did with a lead, given all its names,
// latest first.
func (e *Engine) Steps(t tracker.TenantID, ids []tracker.LeadID, limit int) ([]tracker.JourneyStep, error) {
	var list []Note
	for _, id := range ids {
		notes, err := e.Notes(t, id, 0, limit)
		if err != nil {
			return nil, err
		}
		list = append(list, notes...)
	}
	slices.SortStableFunc(list, func(a, b Note) int { return cmp.Compare(b.At, a.At) })
	out := make([]tracker.JourneyStep, 0, len(list))
	for _, n := range list[:min(limit, len(list))] {
		out = append(out, n.JourneyStep)
	}
	return out, nil
}
