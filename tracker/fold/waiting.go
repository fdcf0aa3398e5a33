package fold

import (
	"container/heap"
	"encoding/binary"
	"errors"

	"ripen/storage"
	"ripen/tracker"
)

// Events that were received before their own time wait here until it comes:
// neither their identity nor their score may count before. They lie in leads/
// as rows of the machine under storage.SpaceTimer:
//
//	key = time:8 sequence:8, value = empty
//
// An event is one of these by its record alone, not by when it is read. It is
// filed once, whoever asks how often: the timeline is searched for it first.

type waiter struct {
	time int64
	seq  uint64
}

type waiters []waiter

func (w waiters) Len() int { return len(w) }
func (w waiters) Less(i, j int) bool {
	return w[i].time < w[j].time || w[i].time == w[j].time && w[i].seq < w[j].seq
}
func (w waiters) Swap(i, j int) { w[i], w[j] = w[j], w[i] }
func (w *waiters) Push(x any)   { *w = append(*w, x.(waiter)) }
func (w *waiters) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}

func (w waiter) key() []byte {
	return binary.BigEndian.AppendUint64(sortable(nil, w.time), w.seq)
}

func (f *Fold) await(w waiter) {
	heap.Push(&f.waiting, w)
	f.came = append(f.came, w)
}

// Due returns the sequences of events whose time has come, at most n. They are
// to be given to [Fold.ApplyDue] next.
func (f *Fold) Due(now int64, n int) (seqs []uint64) {
	for len(f.waiting) > 0 && f.waiting[0].time <= now && len(seqs) < n {
		w := heap.Pop(&f.waiting).(waiter)
		f.went = append(f.went, w)
		seqs = append(seqs, w.seq)
	}
	return seqs
}

// NextDue is when the next waiting event's time comes; 0 = none waits.
func (f *Fold) NextDue() int64 {
	if len(f.waiting) == 0 {
		return 0
	}
	return f.waiting[0].time
}

// ApplyDue is [Fold.Apply] for events whose time has come.
func (f *Fold) ApplyDue(recs []storage.Record, now int64) ([]Touch, error) {
	f.due = true
	defer func() { f.due = false }()
	return f.Apply(recs, now)
}

// isFiled searches a timeline for an event.
func (f *Fold) isFiled(s *subject, p Place) (found bool, err error) {
	if s.filed == 0 || s.last.Less(p) {
		return false, nil
	}
	err = f.scan(s, p, func(n *Entry, _ *tracker.Event) error {
		found = found || n.Place == p
		return nil
	})
	return found, err
}

func (f *Fold) saveWaiting(tx Rows) error {
	for _, w := range f.came {
		if err := tx.Set(storage.Tenant{}, storage.SpaceTimer, w.key(), []byte{}); err != nil {
			return err
		}
	}
	for _, w := range f.went {
		if err := tx.Delete(storage.Tenant{}, storage.SpaceTimer, w.key()); err != nil {
			return err
		}
	}
	return nil
}

var errWaiting = errors.New("a waiting event's row has a bad key: run ripen replay")

func (f *Fold) loadWaiting() error {
	err := f.cfg.Table.View(func(tx *storage.Tx) error {
		return tx.Scan(storage.Tenant{}, storage.SpaceTimer, nil, nil, func(k, _ []byte) error {
			if len(k) != 16 {
				return errWaiting
			}
			t := int64(binary.BigEndian.Uint64(k) ^ 1<<63)
			f.waiting = append(f.waiting, waiter{t, binary.BigEndian.Uint64(k[8:])})
			return nil
		})
	})
	heap.Init(&f.waiting)
	return err
}
