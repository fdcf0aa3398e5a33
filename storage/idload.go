package storage

import (
	"path/filepath"
)

// rememberIDs loads what dedupe knows: tables, and from the log what no table
// holds. A hole among the tables is filled with a new one.
func (l *diskLog) rememberIDs() error {
	c := &l.c
	if c.ids != nil {
		if err := c.ids.close(); err != nil {
			return err
		}
	}
	c.ids = newKnownIDs(filepath.Join(l.kv.dir, "ids"), l.db.opts.recentIDs())
	if err := c.ids.load(l.db.slog.Warn); err != nil {
		return err
	}
	oldest := l.db.opts.now() - l.db.opts.dedupeWindow().Milliseconds()
	c.ids.expire(oldest)
	from := max(l.first.Load(), l.days.start(dayOf(oldest)))
	holes := c.ids.holes(from, c.next)
	for i, hole := range holes {
		if i == len(holes)-1 && hole.to == c.next {
			return l.rememberTail(hole)
		}
		if err := l.fillHole(hole); err != nil {
			return err
		}
	}
	c.ids.start(c.next)
	return nil
}

// rememberTail marks the ids of the newest records; should there be more than
// a generation, the first ones become tables.
func (l *diskLog) rememberTail(r idRange) error {
	c := &l.c
	for n := uint64(c.ids.limit); r.to-r.from > 2*n; r.from += n {
		if err := l.fillHole(idRange{from: r.from, to: r.from + n}); err != nil {
			return err
		}
	}
	c.ids.start(r.from)
	c.ids.young.to = r.to
	return l.readTo(r.from, r.to-1, func(recs []Record) error {
		for i := range recs {
			if rec := &recs[i]; len(rec.ID) > 0 {
				c.ids.young.add(l.secret.hash(&rec.Tenant, rec.ID))
			}
			c.ids.young.newest = recs[i].Received
		}
		return nil
	})
}

// fillHole writes a table of the records of a range, in pieces.
func (l *diskLog) fillHole(r idRange) error {
	for piece := uint64(8 * l.c.ids.limit); r.to-r.from > piece; r.from += piece {
		if err := l.fillHole(idRange{from: r.from, to: r.from + piece}); err != nil {
			return err
		}
	}
	var hashes []idHash
	err := l.readTo(r.from, r.to-1, func(recs []Record) error {
		for i := range recs {
			if rec := &recs[i]; len(rec.ID) > 0 {
				hashes = append(hashes, l.secret.hash(&rec.Tenant, rec.ID))
			}
			r.newest = recs[i].Received
		}
		return nil
	})
	if err != nil {
		return err
	}
	t, err := writeIDTable(l.c.ids.dir, uint64(len(hashes)), sorted(hashes), r, l.db.opts.faultAt(WriteIDs))
	if err != nil {
		return err
	}
	l.c.ids.tables = append(l.c.ids.tables, t)
	l.c.ids.sort()
	return nil
}

// start returns the first sequence of the first day at or after a day; if there
// is none, the start of the newest day.
func (d *dayIndex) start(day uint32) uint64 {
	d.mu.RLock()
	defer d.mu.RUnlock()
	seq := uint64(1)
	for _, s := range d.days {
		seq = s.first
		if s.day >= day {
			break
		}
	}
	return seq
}
