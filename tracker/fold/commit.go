package fold

import "fmt"

// Commit is a transaction on leads/ on its way to the disk, while events are applied.
type Commit struct {
	Done chan struct{} // closed when it has ended
	Err  error         // how; set before
}

// Update begins a transaction on leads/. It returns when build has filled it; an
// error is build's, or why it was not called. What was built commits beside the caller.
type Update func(build func(tx Rows) error) (*Commit, error)

// wait runs a transaction to its end.
func (u Update) wait(build func(tx Rows) error) error {
	c, err := u(build)
	if err != nil {
		return err
	}
	<-c.Done
	return c.Err
}

// sent is a record in a transaction that is on its way.
type sent struct {
	record
	tail uint32 // of a timeline, its newest entry in the transaction
	last Place  // and its last place
}

func sentNow(r record) sent {
	q := sent{record: r}
	if s, ok := r.(*subject); ok {
		q.tail, q.last = s.tail, s.last
	}
	return q
}

// Committing is closed when the transaction of the checkpoint under way that is on
// its way to the disk has ended; nil if there is none.
func (f *Fold) Committing() <-chan struct{} {
	if f.storing == nil || f.storing.commit == nil {
		return nil
	}
	return f.storing.commit.Done
}

// send notes that what was sent need not be stored again, unless it changes. It stays
// in memory until it has landed: the cache drops nothing while a checkpoint goes on.
func (f *Fold) send() error {
	for i := range f.storing.sent {
		n := f.storing.sent[i].base()
		f.dirty[n.dirty-1] = nil
		f.unsaved--
		n.dirty = 0
		if x := extra(f.storing.sent[i].record); x != nil {
			x.Sent()
		}
	}
	return nil
}

// land waits for the transaction on its way. ended says that it was the checkpoint's
// last.
func (f *Fold) land(lock func(func() error) error) (ended bool, err error) {
	q := f.storing
	<-q.commit.Done
	if err := q.commit.Err; err != nil {
		return false, fmt.Errorf("store leads: %w", err)
	}
	part := q.sent
	q.commit, q.sent = nil, nil
	if part == nil {
		return true, f.finish(lock)
	}
	return false, f.saved(part, lock)
}

// saved lets what was sent be read from the table. A reader in between finds some
// entries both there and in an arena, and takes them for one.
func (f *Fold) saved(part []sent, lock func(func() error) error) error {
	snap, err := f.cfg.Table.Snapshot()
	if err != nil {
		return err
	}
	f.stored.Close()
	err = lock(func() error {
		f.snap.Close()
		f.snap = snap
		return nil
	})
	for len(part) > 0 && err == nil {
		n := min(lockRecords, len(part))
		err = lock(func() error { f.clean(part[:n]); return nil })
		part = part[n:]
	}
	return err
}

// clean forgets in memory what the table holds now: all that was sent, not what came
// since.
func (f *Fold) clean(part []sent) {
	for i := range part {
		switch r := part[i].record.(type) {
		case *subject:
			if r.tail == part[i].tail {
				r.tail = 0
			} else {
				f.arenas.cut(r.tail, part[i].tail)
			}
			r.ahead, r.stored = 0, part[i].last
			f.subjects.weigh(r)
		case *mail:
			f.mails.weigh(r)
		case *Lead:
			if x := extra(r); x != nil {
				x.Saved()
			}
			f.leads.weigh(r)
			if r.Gone && r.dirty == 0 {
				f.leads.forget(r)
			}
		}
	}
}

// extra is a lead's body that keeps rows of its own; nil = none.
func extra(r record) Extra {
	if l, ok := r.(*Lead); ok {
		x, _ := l.Body.(Extra)
		return x
	}
	return nil
}
