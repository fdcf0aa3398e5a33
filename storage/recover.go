package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/dgraph-io/badger/v4"
)

func newLog(db *DB, k *kv) *badgerLog {
	return &badgerLog{db: db, kv: k, wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// open recovers the log and starts the committer.
func (l *badgerLog) open() error {
	if err := l.recover(); err != nil {
		close(l.done)
		return err
	}
	go l.run()
	return nil
}

func (l *badgerLog) close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.nudge()
	<-l.done
	l.wakeReaders()
	return l.kv.close()
}

// recover opens the database and finds where the log stands. It runs at open
// and after every failed commit, so a group that was kept though reported lost
// is adopted: its ids are known and a retry of it is a duplicate.
func (l *badgerLog) recover() error {
	if err := l.kv.open(); err != nil {
		return err
	}
	if err := l.settings(); err != nil {
		return err
	}
	if err := l.days.load(l.kv); err != nil {
		return err
	}
	l.first.Store(max(l.days.firstSeq(), 1))
	tail, err := l.lastBlock()
	if err != nil {
		return err
	}
	c := &l.c
	if tail == nil {
		if last := l.last.Load(); last > 0 {
			return l.gap(1, last+1, "the log is empty")
		}
		c.next = 1
		c.recent = newRecentIDs(l.db.opts.recentIDs(), 1)
		return nil
	}
	if last := l.last.Load(); tail.end() <= last {
		return l.gap(tail.end(), last+1, "the log ends before what was acknowledged")
	}
	recs, err := tail.records(nil)
	if err != nil {
		return err
	}
	c.next, c.prev = tail.end(), tail.Link
	c.received = max(c.received, recs[len(recs)-1].Received)
	if err := l.rememberIDs(); err != nil {
		return err
	}
	l.clock.Store(c.received)
	l.last.Store(c.next - 1)
	return nil
}

// settings reads or makes the secret of the id hashes, reserves epochs for the
// nonces, and by that proves that the log can be written.
func (l *badgerLog) settings() error {
	const reserve = 1024 // failed commits before the next open or reserve
	return l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		secret, err := getValue(txn, logKey(0, logSecret))
		if err != nil {
			return err
		}
		if len(secret) != 16 {
			secret = randomBytes(16)
			if err := txn.Set(logKey(0, logSecret), secret); err != nil {
				return err
			}
		}
		l.secret = secretOf(secret)
		epoch := uint32(1)
		if v, err := getValue(txn, logKey(0, logEpoch)); err != nil {
			return err
		} else if len(v) == 4 {
			epoch = binary.BigEndian.Uint32(v)
		}
		if epoch > math.MaxUint32-reserve {
			return errors.New("open: the log has used up its epochs: back it up and restore into a new directory")
		}
		// Reserved in full though one open uses few: an epoch is never used twice.
		l.c.epoch, l.c.epochEnd = epoch, epoch+reserve
		return l.db.commit(txn, logKey(0, logEpoch), binary.BigEndian.AppendUint32(nil, l.c.epochEnd), WriteCommit)
	})
}

// getValue returns a copy of a key's value, nil if there is none.
func getValue(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// lastBlock returns the newest block, nil if there is none.
func (l *badgerLog) lastBlock() (*block, error) {
	var found *block
	err := l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		prefix := logKey(0, logBlock)
		it := txn.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: prefix})
		defer it.Close()
		it.Seek(blockKey(0, math.MaxUint32, math.MaxUint64))
		if !it.ValidForPrefix(prefix) {
			return nil
		}
		_, first, _ := parseBlockKey(it.Item().Key())
		v, err := it.Item().ValueCopy(nil)
		if err == nil {
			found, err = openBlock(v)
		}
		if err != nil {
			return l.gap(first, first+1, err.Error())
		}
		return nil
	})
	return found, err
}

// gap reports records [from, to) as lost from log/.
func (l *badgerLog) gap(from, to uint64, why string) error {
	return &GapError{From: from, To: to, File: l.kv.dir, Why: why}
}

// rememberIDs marks the ids of the newest records.
func (l *badgerLog) rememberIDs() error {
	limit := l.db.opts.recentIDs()
	from := uint64(1)
	if n := uint64(2 * limit); l.c.next > n {
		from = l.c.next - n
	}
	from = max(from, l.first.Load())
	l.c.recent = newRecentIDs(limit, from)
	return l.readTo(from, l.c.next-1, func(recs []Record) error {
		for i := range recs {
			if r := &recs[i]; len(r.ID) > 0 {
				l.c.recent.add(l.secret.hash(&r.Tenant, r.ID))
			}
		}
		return nil
	})
}

// errGapAt is what a reader says of a hole.
func errHole(want, have uint64) string {
	return "the next block starts at " + strconv.FormatUint(have, 10) + ", need " + strconv.FormatUint(want, 10)
}


func (l *badgerLog) String() string { return fmt.Sprintf("log in %s", l.kv.dir) }
