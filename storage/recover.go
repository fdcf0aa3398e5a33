package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"path/filepath"
	"strconv"
	"time"

	"github.com/dgraph-io/badger/v4"
)

func newLog(db *DB, k *kv) *diskLog {
	return &diskLog{db: db, kv: k, blocks: newBlockFiles(k.dir), wake: make(chan struct{}, 1), done: make(chan struct{}), stop: make(chan struct{})}
}

// open recovers the log and starts the committer.
func (l *diskLog) open() error {
	l.opened = true
	if err := l.recover(); err != nil {
		close(l.done)
		return err
	}
	l.db.epoch = l.c.epoch
	go l.run()
	l.background.Go(l.keepHighWater)
	l.background.Go(l.keepReblocking)
	l.background.Go(l.keepLean)
	l.background.Go(l.keepReclaiming)
	return nil
}

// leanEvery is how often mapped tables are let go of. 130 tables took 50 ms on
// a busy machine; what is read again costs a fault for each 64 KiB.
const leanEvery = 30 * time.Second

// keepLean lets go of the tables of all databases, see letGo.
func (l *diskLog) keepLean() {
	l.repeat(leanEvery, func() {
		for _, k := range []*kv{l.kv, l.db.leads.kv, l.db.meta.kv} {
			if err := k.letGo(); err != nil && !errors.Is(err, ErrClosed) {
				l.db.slog.Warn("storage: tables stay in memory", "err", err)
			}
		}
	})
}

// repeat calls fn at intervals until the background ends.
func (l *diskLog) repeat(every time.Duration, fn func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			fn()
		}
	}
}

// keepHighWater writes the high-water mark every second.
func (l *diskLog) keepHighWater() {
	l.repeat(hwInterval, func() {
		if err := l.writeHighWater(); err != nil {
			l.db.slog.Warn("storage: the high-water mark stays behind", "err", err)
		}
	})
}

func (l *diskLog) writeHighWater() error {
	l.mu.Lock()
	mark := l.mark
	l.mu.Unlock()
	if err := l.writeRows(); err != nil {
		return err
	}
	return errors.Join(l.hw.write(mark.seq, mark.link, l.db.opts.faultAt(WriteHighWater)), l.db.meta.writeHighWater())
}

func (l *diskLog) closeHighWater() error {
	if l.hw == nil {
		return nil
	}
	return errors.Join(l.writeHighWater(), l.hw.f.Close())
}

func (l *diskLog) closeIDs() error {
	if l.c.ids == nil {
		return nil
	}
	return l.c.ids.close()
}

func (l *diskLog) close() error {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.nudge()
	<-l.done
	l.wakeReaders()
	l.stopOnce.Do(func() { close(l.stop) })
	l.background.Wait()
	return errors.Join(l.closeHighWater(), l.closeIDs(), l.kv.close(false), l.blocks.close())
}

// recover opens the database and finds where the log stands. It runs at open
// and after every failed commit, so a group that was kept though reported lost
// is adopted: its ids are known and a retry of it is a duplicate.
func (l *diskLog) recover() error {
	if err := l.blocks.open(); err != nil { // first: whoever waits for the database writes there
		return err
	}
	if err := l.kv.open(); err != nil {
		return err
	}
	if err := l.settings(); err != nil {
		return err
	}
	if err := l.days.load(l.kv); err != nil {
		return err
	}
	anchor, err := l.anchor()
	if err != nil {
		return err
	}
	l.first.Store(anchor.first)
	l.days.drop(anchor.first)
	if err := l.dropBlocks(context.Background(), anchor.first); err != nil {
		return err
	}
	tail, hot, err := l.lastBlock()
	if err != nil {
		return err
	}
	c := &l.c
	c.next, c.prev = anchor.first, anchor.link
	if tail != nil && tail.end() > anchor.first {
		recs, err := tail.records(nil)
		if err != nil {
			return l.gap(tail.First, tail.end(), err.Error())
		}
		c.next, c.prev = tail.end(), tail.Link
		c.received = max(c.received, recs[len(recs)-1].Received)
	}
	if err := l.openHighWater(); err != nil {
		return err
	}
	if err := l.adopt(hot); err != nil {
		return err
	}
	if last := l.last.Load(); c.next <= last {
		return l.gap(c.next, last+1, "the log ends before what was acknowledged")
	}
	if err := l.checkHighWater(); err != nil {
		return err
	}
	if err := l.checkFirst(anchor); err != nil {
		return err
	}
	if err := l.rememberIDs(); err != nil {
		return err
	}
	l.commitMark()
	return nil
}

// commitMark makes the committer's position what readers see.
func (l *diskLog) commitMark() {
	l.clock.Store(l.c.received)
	l.mu.Lock()
	l.mark = highWater{seq: l.c.next - 1, link: l.c.prev}
	l.mu.Unlock()
	l.last.Store(l.c.next - 1)
	l.wakeReaders()
}

// openHighWater refuses a log whose rows end before the high-water mark, which is
// written after them.
func (l *diskLog) openHighWater() error {
	if l.hw == nil {
		hw, err := openHighWater(filepath.Join(l.db.dir, hwName), l.c.next == 1, l.db.slog)
		if err != nil {
			return damage(l.db.dir, hwName, err)
		}
		l.hw = hw
	}
	if mark := l.hw.durable(); mark.seq >= l.c.next {
		return l.gap(l.c.next, mark.seq+1, "the log ends before its high-water mark")
	}
	return nil
}

// checkHighWater refuses a log that holds another block than the high-water mark
// names.
func (l *diskLog) checkHighWater() error {
	mark := l.hw.durable()
	if mark.seq < l.first.Load() {
		return nil
	}
	blocks, err := l.fetch(mark.seq, 1)
	if err != nil {
		return err
	}
	if b := blocks[0]; b.end() != mark.seq+1 || b.Link != mark.link {
		return l.gap(b.First, b.end(), "the block is not the one that the high-water mark names")
	}
	return l.readTo(mark.seq, l.c.next-1, func([]Record) error { return nil }) // checks the chain
}

// checkFirst refuses a log whose oldest block does not follow the anchor.
func (l *diskLog) checkFirst(anchor logStart) error {
	if l.c.next == anchor.first {
		return nil
	}
	blocks, err := l.fetch(anchor.first, 1)
	if err != nil {
		return err
	}
	if b := blocks[0]; b.First != anchor.first || b.Prev != anchor.link {
		return l.gap(anchor.first, b.end(), "the oldest block is not the one that the anchor names")
	}
	return nil
}

// logStart is the anchor: the oldest record kept and what its block follows.
type logStart struct {
	first uint64
	link  chainHash
}

func appendAnchor(dst []byte, a *logStart) []byte {
	dst = binary.BigEndian.AppendUint64(dst, a.first)
	dst = append(dst, a.link[:]...)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli))
}

func parseAnchor(b []byte) (a logStart, err error) {
	if len(b) != 28 || crc32.Checksum(b[:24], castagnoli) != binary.BigEndian.Uint32(b[24:]) {
		return a, errors.New("anchor: checksum does not match")
	}
	return logStart{binary.BigEndian.Uint64(b), chainHash(b[8:24])}, nil
}

// anchor reads where the log starts; without one it starts at 1.
func (l *diskLog) anchor() (a logStart, err error) {
	a.first = 1
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		v, err := getValue(txn, logKey(0, logAnchor))
		if err != nil || v == nil {
			return err
		}
		if a, err = parseAnchor(v); err != nil {
			return l.kv.corrupt(err)
		}
		return nil
	})
	return a, err
}

// settings reads or makes the secret of the id hashes, takes the next epoch
// for the nonces, and by that proves that the log can be written.
func (l *diskLog) settings() error {
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
		if l.secret == (idSecret{}) { // else it is known, and Appends read it
			l.secret = secretOf(secret)
		}
		epoch := uint32(1)
		if v, err := getValue(txn, logKey(0, logEpoch)); err != nil {
			return err
		} else if len(v) == 4 {
			epoch = binary.BigEndian.Uint32(v)
		}
		if epoch >= epochLimit {
			return errors.New("open: the log has used up its epochs: back it up and restore into a new directory")
		}
		l.c.epoch = epoch
		return l.db.commit(txn, logKey(0, logEpoch), binary.BigEndian.AppendUint32(nil, epoch+1), WriteCommit)
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

// lastBlock returns the newest block that has a row, nil if there is none, and where
// hot goes on: behind it, or in the file with which hot began at the last recovery, if
// that is later.
func (l *diskLog) lastBlock() (found *block, hot filePlace, err error) {
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		begins, err := getValue(txn, logKey(0, logHot))
		if err != nil {
			return err
		}
		if len(begins) == 4 {
			hot.file = binary.BigEndian.Uint32(begins)
		}
		prefix := logKey(0, logBlock)
		it := txn.NewIterator(badger.IteratorOptions{Reverse: true, Prefix: prefix})
		defer it.Close()
		it.Seek(blockKey(0, math.MaxUint32, math.MaxUint64))
		if !it.ValidForPrefix(prefix) {
			return nil
		}
		_, first, _ := parseBlockKey(it.Item().Key())
		v, err := l.blocks.stored(it.Item())
		if err == nil {
			found, err = openBlock(v)
		}
		if err != nil {
			return l.blocks.named(it.Item(), l.gap(first, first+1, err.Error()))
		}
		if it.Item().UserMeta() != metaHot {
			return nil
		}
		_, at, err := l.blocks.placeOf(it.Item())
		if err == nil && at.file >= hot.file {
			hot = at
		}
		return err
	})
	return found, hot, err
}

// gap reports records [from, to) as lost from log/.
func (l *diskLog) gap(from, to uint64, why string) error {
	return &GapError{From: from, To: to, Dir: l.db.dir, File: "log/", Why: why}
}

// errHole is what a reader says of a hole.
func errHole(want, have uint64) string {
	return "the next block starts at " + strconv.FormatUint(have, 10) + ", need " + strconv.FormatUint(want, 10)
}
