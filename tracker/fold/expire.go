package fold

import (
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// sight is what of the filed entries is in view. What is not may still be stored:
// the snapshot that readers use is older than the sweep. It is passed by value, and
// what it points at is never changed.
type sight struct {
	floor   uint64                    // entries of earlier records are not there any more
	expired map[uint32]tracker.Expiry // :: source → its last expiry, without subjects
}

// of is the sight of one subject's entries.
func (v sight) of(s *subject) sight {
	v.floor = max(v.floor, s.floor)
	return v
}

// shows says whether an entry is in view; of one that an expiry left bare it takes
// the sealed part. e is the entry's event.
func (v sight) shows(n *Entry, e *tracker.Event) bool {
	if n.Seq < v.floor {
		return false
	}
	x, ok := v.expired[e.Source]
	if !ok {
		return true
	}
	gone, bare := x.Takes(e, n.Received)
	if bare {
		n.Personal, n.Sealed = false, nil
	}
	return !gone
}

// expires says whether a record that comes late was taken away before; of one that
// was left bare it takes the sealed part.
func (v sight) expires(e *tracker.Event, rec *storage.Record) bool {
	if len(v.expired) == 0 {
		return false
	}
	x, ok := v.expired[e.Source]
	gone, bare := x.Takes(e, rec.Received)
	if ok && bare {
		rec.Personal = nil
	}
	return ok && gone
}

// with returns what is expired after one more expiry.
func (v sight) with(x *tracker.Expiry) map[uint32]tracker.Expiry {
	expired := maps.Clone(v.expired)
	if expired == nil {
		expired = make(map[uint32]tracker.Expiry)
	}
	expired[x.Source] = tracker.Expiry{Source: x.Source, Before: max(x.Before, expired[x.Source].Before)}
	return expired
}

// Expire lets an expiry take effect, with what the marks it takes away said of
// others, and returns the leads it touched; see [Fold.Apply]. at is its record.
// [Fold.Sweep] removes the entries.
func (f *Fold) Expire(t tracker.TenantID, x *tracker.Expiry, at uint64, now int64) ([]Touch, error) {
	f.begin(nil, now)
	f.at = at
	if err := f.Meet(t); err != nil {
		return nil, err
	}
	users, expired := slices.Clone(x.Subjects), f.cfg.seen.with(x)
	f.cfg.seen.expired = nil // one of several records of a pass may have taken these out of view already
	var some []*subject
	for _, id := range x.Subjects {
		s, err := f.subject(key{t, id})
		if err != nil {
			return nil, fmt.Errorf("expire events of %s: %w", id, err)
		}
		for i := range s.runs {
			if u := s.runs[i].user; !u.IsZero() {
				users = append(users, tracker.LeadID{Kind: tracker.UserIdentity, Hash: u})
			}
		}
		taken := false
		err = f.scan(s, Place{}, func(n *Entry, e *tracker.Event) error {
			gone, bare := x.Takes(e, n.Received)
			taken = taken || gone || bare && n.Personal
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("expire events of %s: %w", id, err)
		}
		if taken { // a replay meets records that are blank already
			some = append(some, s)
		}
	}
	f.cfg.seen.expired = expired
	if len(some) == 0 {
		return nil, nil
	}
	err := f.unfile(t, users, some, at)
	return f.touches, err
}

// unfile counts again what is filed of subjects after some of it went out of view,
// and lets what is left of their marks decide whose everything is.
func (f *Fold) unfile(t tracker.TenantID, users []tracker.LeadID, some []*subject, at uint64) error {
	whose, err := f.around(t, users)
	if err != nil {
		return err
	}
	return f.settle(whose, func() error {
		for _, s := range some {
			s.applied = max(s.applied, at)
			if err := f.recount(s); err != nil {
				return err
			}
		}
		for _, s := range whose {
			f.union(whose[0], s)
		}
		return f.tellAnew(whose, users)
	})
}
