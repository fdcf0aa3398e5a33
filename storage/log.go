package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// diskLog is the log on the local disk: part 0 of one.
type diskLog struct {
	db     *DB
	kv     *kv
	blocks *blockFiles
	secret idSecret
	ring   ring
	days   dayIndex
	cache  blockCache

	first   atomic.Uint64 // oldest record kept
	last    atomic.Uint64 // newest committed record
	clock   atomic.Int64  // receive time of the newest committed record
	groups  atomic.Int64  // commits so far
	pending atomic.Int64  // bytes from Append's entry to the end of the commit

	mu      sync.Mutex
	queue   []*waiter     // guarded by mu; in order of arrival
	closed  bool          // guarded by mu
	latch   error         // guarded by mu; why the log is read-only, or nil
	latched atomic.Bool   // latch != nil, for those who ask without mu
	tail    chan struct{} // guarded by mu; closed at every commit if somebody waits

	mark highWater // guarded by mu; the newest commit

	wake chan struct{} // capacity 1: something to do for the committer
	done chan struct{} // closed when the committer has ended

	stop       chan struct{} // closed to end the background
	stopOnce   sync.Once
	background sync.WaitGroup
	hw         *highWaterFile

	maintain sync.Mutex // held while blocks are joined or trimmed
	joined   uint64     // guarded by maintain: blocks before it are joined already
	opened   bool       // recovery was tried: there is something to close

	c committer // owned by the committer goroutine
}

// waiter is one Append under way.
type waiter struct {
	recs  []Record
	ids   []idHash // of the records with an ID, by index; zero otherwise
	known []bool   // by the committer: the id is in a table
	bytes int64
	err   error
	done  chan struct{} // capacity 1
}

var waiters = sync.Pool{New: func() any { return &waiter{done: make(chan struct{}, 1)} }}

// One Append larger than this is committed in several groups.
const (
	appendRecords = maxBlockRecords
	appendBytes   = 512 << 10
)

func (l *diskLog) Parts() int { return 1 }

func (l *diskLog) checkPart(part int) error {
	if part != 0 {
		return fmt.Errorf("partition %d: this log has partitions 0 to 0", part)
	}
	return nil
}

func (l *diskLog) Append(ctx context.Context, part int, recs []Record) error {
	if err := errors.Join(l.checkPart(part), ctx.Err()); err != nil {
		return err
	}
	total := int64(0)
	for i := range recs {
		if err := checkRecord(&recs[i]); err != nil {
			return err
		}
		total += recordBytes(&recs[i])
	}
	l.pending.Add(total)
	defer l.pending.Add(-total)
	for len(recs) > 0 {
		n, bytes := 0, int64(0)
		for n < len(recs) && n < appendRecords && bytes < appendBytes {
			bytes += recordBytes(&recs[n])
			n++
		}
		if err := l.appendSome(recs[:n], bytes); err != nil {
			return err
		}
		recs = recs[n:]
	}
	return nil
}

// recordBytes is roughly what a record costs in memory and in a block.
func recordBytes(r *Record) int64 { return int64(len(r.Row)+len(r.Personal)+len(r.ID)) + 64 }

// appendSome queues the records for the committer and waits for the commit.
func (l *diskLog) appendSome(recs []Record, bytes int64) error {
	w := waiters.Get().(*waiter)
	w.recs, w.bytes, w.err = recs, bytes, nil
	w.ids = w.ids[:0]
	for i := range recs {
		var h idHash
		if len(recs[i].ID) > 0 {
			h = l.secret.hash(&recs[i].Tenant, recs[i].ID)
		}
		w.ids = append(w.ids, h)
	}
	if err := l.enqueue(w); err != nil {
		return err
	}
	<-w.done // the committer holds recs until here, whatever became of ctx
	err := w.err
	w.recs = nil
	waiters.Put(w)
	return err
}

func (l *diskLog) enqueue(w *waiter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.latch != nil:
		return fmt.Errorf("%w: %w", ErrReadOnly, l.latch)
	}
	l.queue = append(l.queue, w)
	l.nudge()
	return nil
}

func (l *diskLog) nudge() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *diskLog) First(_ context.Context, part int) (uint64, error) {
	return l.first.Load(), l.checkPart(part)
}

func (l *diskLog) Last(_ context.Context, part int) (uint64, error) {
	return l.last.Load(), l.checkPart(part)
}

func (l *diskLog) Wait(ctx context.Context, part int, after uint64) error {
	if err := l.checkPart(part); err != nil {
		return err
	}
	for {
		l.mu.Lock()
		closed := l.closed
		if l.tail == nil {
			l.tail = make(chan struct{})
		}
		tail := l.tail
		l.mu.Unlock()
		switch {
		case l.last.Load() > after:
			return nil
		case closed:
			return ErrClosed
		}
		select {
		case <-tail:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wakeReaders ends the present waits; called after last moved and at close.
func (l *diskLog) wakeReaders() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tail != nil {
		close(l.tail)
		l.tail = nil
	}
}

func (l *diskLog) Claim(_ context.Context, part int, id, data []byte) (won bool, err error) {
	if err := l.checkPart(part); err != nil {
		return false, err
	}
	if len(id) == 0 || len(id) > MaxID {
		return false, fmt.Errorf("claim: id has %d bytes, need 1 to %d", len(id), MaxID)
	}
	if err := l.db.guard.check(l.db.guard.reserve); err != nil {
		return false, err
	}
	l.db.claims.Lock()
	defer l.db.claims.Unlock()
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		switch _, err := txn.Get(claimKey(part, id)); {
		case err == nil:
			return nil
		case !errors.Is(err, badger.ErrKeyNotFound):
			return err
		}
		won = true
		return l.db.commit(txn, claimKey(part, id), data, WriteClaim)
	})
	return won && err == nil, err
}
