package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// Carry appends records once more that retention is about to drop: records as
// Read gave them, their personal parts still sealed, with the Kind, ID and Row
// that they are to have from now on. Each is sealed anew for its subject; what
// was erased meanwhile comes without its personal part, and none is erased
// between being opened and being sealed. recs is changed as by Append.
func (db *DB) Carry(ctx context.Context, part int, recs []Record) error {
	db.carry.RLock()
	defer db.carry.RUnlock()
	for i := range recs {
		r := &recs[i]
		plain, err := db.Unseal(nil, r)
		if err != nil && !errors.Is(err, ErrErased) {
			return fmt.Errorf("carry record %d: %w", r.Seq, err)
		}
		if r.Personal = plain; err != nil {
			r.Personal = nil
		}
	}
	return db.log.Append(ctx, part, recs)
}

// DayStart returns where a partition can be trimmed so that the day of a
// receive time and all later ones stay: the first sequence of that day, or of
// the next one that has records; one behind the last if there is none.
func (db *DB) DayStart(part int, received int64) (uint64, error) {
	l := db.log
	if err := l.checkPart(part); err != nil {
		return 0, err
	}
	last := l.last.Load() // before the days: a later record is not of an earlier day
	l.days.mu.RLock()
	defer l.days.mu.RUnlock()
	for _, d := range l.days.days {
		if d.day >= dayOf(received) {
			return max(d.first, l.first.Load()), nil
		}
	}
	return last + 1, nil
}

// Sync makes what was written to the table durable; meta/ always is.
func (t *Table) Sync() error {
	return t.kv.use(func(b *badger.DB) error { return b.Sync() })
}
