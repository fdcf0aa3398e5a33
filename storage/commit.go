package storage

import (
	"fmt"
	"time"
)

// committer is the state of the one goroutine that writes the log.
type committer struct {
	next     uint64    // sequence of the next record
	prev     chainHash // what the next block must follow
	received int64     // receive time of the last group
	epoch    uint32    // part of the nonces; never used again after a failed commit
	ids      *knownIDs

	group   []*waiter
	recs    []Record // the group's new records, Personal sealed
	sealer  sealer
	blocks  []*block
	wire    []byte   // the blocks as they are stored
	encoded [][]byte // each of them
	fresh   []freshBlock
	undo    []idHash // ids marked by the group
}

// groupBytes and maxBlockRecords bound a group, but for one Append on top.
const groupBytes = 768 << 10

// A group is cut into blocks that are cheap to unpack for one record. Blocks of a
// quarter of that size are as good as joined ones: they are packed as those are, and
// stay.
const (
	hotRecords = 512
	hotBytes   = 96 << 10 // of rows and sealed parts; about two thirds are left
)

// run forms groups and commits them until the log is closed and the queue is
// empty. There is no linger: the next group forms while this one syncs.
func (l *diskLog) run() {
	defer close(l.done)
	probe := time.NewTicker(l.db.opts.probeEvery())
	defer probe.Stop()
	for {
		l.take()
		if len(l.c.group) > 0 {
			l.settle(l.commitGroup())
			continue
		}
		l.mu.Lock()
		closed := l.closed && len(l.queue) == 0
		latched := l.latch != nil
		l.mu.Unlock()
		if closed {
			return
		}
		if !latched {
			<-l.wake
			continue
		}
		select {
		case <-l.wake:
		case <-probe.C:
			l.heal()
		}
	}
}

// take moves the oldest waiters from the queue into the group.
func (l *diskLog) take() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.c.group = l.c.group[:0]
	recs, bytes, n := 0, int64(0), 0
	for n < len(l.queue) && recs < maxBlockRecords && bytes < groupBytes {
		w := l.queue[n]
		l.c.group = append(l.c.group, w)
		recs += len(w.recs)
		bytes += w.bytes
		n++
	}
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
}

// settle tells every waiter of the group what became of it.
func (l *diskLog) settle(err error) {
	for i, w := range l.c.group {
		w.err = err
		l.c.group[i] = nil
		w.done <- struct{}{}
	}
	l.c.group = l.c.group[:0]
}

// commitGroup stores the group's new records. On error nothing of the group is
// acknowledged and nothing of it stays marked.
func (l *diskLog) commitGroup() error {
	c := &l.c
	l.mu.Lock()
	latch := l.latch
	l.mu.Unlock()
	if latch != nil {
		return fmt.Errorf("%w: %w", ErrReadOnly, latch)
	}
	if err := l.db.guard.check(l.db.guard.reserve); err != nil {
		return err
	}
	if err := l.lookup(); err != nil {
		l.fail(err)
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	l.stamp()
	if len(c.recs) == 0 {
		return nil // duplicates of what is committed
	}
	l.seal()
	if err := l.write(); err != nil {
		l.abandon()
		l.fail(err)
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	l.publish()
	return nil
}

// lookup finds the group's ids in the tables.
func (l *diskLog) lookup() error {
	l.c.ids.takeOver()
	for _, w := range l.c.group {
		if err := l.c.ids.inTables(w); err != nil {
			return err
		}
	}
	return nil
}

// stamp drops duplicates and gives the new records their sequence and time.
func (l *diskLog) stamp() {
	c := &l.c
	c.recs, c.undo = c.recs[:0], c.undo[:0]
	c.received = max(c.received, l.db.opts.now())
	next := c.next
	for _, w := range c.group {
		for i := range w.recs {
			r := &w.recs[i]
			r.Seq, r.Received, r.Dup = 0, c.received, false
			if len(r.ID) > 0 {
				if w.known[i] || !c.ids.add(w.ids[i]) {
					r.Dup = true
					continue
				}
				c.undo = append(c.undo, w.ids[i])
			}
			r.Seq = next
			next++
			c.recs = append(c.recs, *r)
			c.recs[len(c.recs)-1].epoch = c.epoch
		}
	}
}

// seal replaces the personal parts of the new records by sealed ones.
func (l *diskLog) seal() {
	c := &l.c
	size := 0
	for i := range c.recs {
		if n := len(c.recs[i].Personal); n > 0 {
			size += n + sealExtra
		}
	}
	c.sealer.newKeys = c.sealer.newKeys[:0]
	c.sealer.buf = grow(c.sealer.buf[:0], size)
	for i := range c.recs {
		if r := &c.recs[i]; len(r.Personal) > 0 {
			c.sealer.seal(l.db.keys, r)
		}
	}
}

// abandon takes back what stamp marked and numbered.
func (l *diskLog) abandon() {
	c := &l.c
	for _, h := range c.undo {
		c.ids.remove(h)
	}
	for _, w := range c.group {
		for i := range w.recs {
			w.recs[i].Seq, w.recs[i].Dup = 0, false
		}
	}
}

// weight is what a record takes of a hot block.
func weight(r *Record) int { return max(len(r.Row)+len(r.Personal), hotBytes/hotRecords) }

// encode cuts the new records into blocks of much the same size, chained to what
// is stored.
func (l *diskLog) encode() {
	c := &l.c
	c.blocks, c.encoded, c.wire = c.blocks[:0], c.encoded[:0], c.wire[:0]
	rest := 0
	for i := range c.recs {
		rest += weight(&c.recs[i])
	}
	prev := c.prev
	for from := 0; from < len(c.recs); {
		share := rest / (1 + rest/hotBytes)
		to, part := from, 0
		for to < len(c.recs) && part < share {
			part += weight(&c.recs[to])
			to++
		}
		codec := byte(codecS2)
		if part >= hotBytes/4 {
			codec = codecZstd
		}
		b := makeBlock(blockHeader{Codec: codec, Prev: prev}, c.recs[from:to])
		n := len(c.wire)
		c.wire = appendBlock(c.wire, &b.blockHeader, b.raw, b.sealed)
		c.blocks = append(c.blocks, b)
		c.encoded = append(c.encoded, c.wire[n:])
		prev, from, rest = b.Link, to, rest-part
	}
}

// makeBlock builds a block of sealed records in memory; appendBlock finishes
// its header. It takes from h what the records do not say.
func makeBlock(h blockHeader, recs []Record) *block {
	size, sealed := 0, 0
	for i := range recs {
		size += len(recs[i].Row) + 24
		sealed += len(recs[i].Personal)
	}
	h.Count, h.First = uint32(len(recs)), recs[0].Seq
	b := &block{blockHeader: h, raw: appendRaw(make([]byte, 0, size), recs), sealed: make([]byte, 0, sealed)}
	for i := range recs {
		b.sealed = append(b.sealed, recs[i].Personal...)
	}
	return b
}

// write makes the group's new keys durable, then its blocks. The blocks are built
// while the keys sync.
func (l *diskLog) write() error {
	c := &l.c
	keys := make(chan error, 1)
	if entries := c.sealer.newKeys; len(entries) > 0 {
		go func() { keys <- l.db.keys.append(entries) }()
	} else {
		keys <- nil
	}
	l.encode()
	if err := <-keys; err != nil {
		l.db.keys.unmake(c.sealer.newKeys)
		return err
	}
	c.fresh = c.fresh[:0]
	for _, b := range c.blocks {
		c.fresh = append(c.fresh, freshBlock{day: dayOf(c.received), first: b.First, end: b.end()})
	}
	return l.db.opts.faultAt(WriteCommit).of(func() error { return l.blocks.write(c.fresh, c.encoded, c.wire) })
}

// publish makes the committed group visible to readers.
func (l *diskLog) publish() {
	c := &l.c
	l.blocks.add(c.fresh)
	for i, b := range c.blocks {
		l.ring.push(b)
		c.next, c.prev = b.end(), b.Link
		c.blocks[i], c.encoded[i] = nil, nil
	}
	l.days.note(dayOf(c.received), c.recs[0].Seq)
	l.groups.Add(1)
	oldest := c.received - l.db.opts.dedupeWindow().Milliseconds()
	if err := c.ids.committed(c.next, c.received, oldest, l.db.opts.faultAt); err != nil {
		l.fail(err) // this group is stored; the next ones wait until ids can be
	}
	l.commitMark()
}

// fail latches the log: whether the group is on disk is unknown until heal has
// opened the database again. A sync that failed is never tried again on the
// same file.
func (l *diskLog) fail(err error) {
	l.db.slog.Error("storage: commit failed, the log is read-only until a probe write works", "err", err)
	l.mu.Lock()
	l.latch = err
	l.latched.Store(true)
	l.mu.Unlock()
}

// heal opens the database again, recovers what is there and unlatches the log
// if a probe write works.
func (l *diskLog) heal() {
	if err := l.db.guard.check(l.db.guard.reserve); err != nil {
		return
	}
	err := l.kv.close(true)
	if err != nil {
		l.db.slog.Warn("storage: close of the failed log", "err", err)
	}
	if err = l.recover(); err != nil {
		l.db.slog.Warn("storage: the log is still read-only", "err", err)
		return
	}
	l.mu.Lock()
	l.latch = nil
	l.latched.Store(false)
	l.mu.Unlock()
	l.db.slog.Info("storage: the log takes records again")
}
