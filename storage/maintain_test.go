package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// fakeClock is a wall clock that tests move.
type fakeClock struct{ ms atomic.Int64 }

func newFakeClock() *fakeClock {
	c := &fakeClock{}
	c.ms.Store(20_000 * dayMillis)
	return c
}

func (c *fakeClock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *fakeClock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// fill appends records [from, to) in groups of a few.
func fill(t testing.TB, db *DB, from, to int) {
	t.Helper()
	for i := from; i < to; {
		var recs []Record
		for ; i < to && len(recs) < 7; i++ {
			recs = append(recs, testRecord(i))
		}
		appendOne(t, db, recs...)
	}
}

func countBlocks(t testing.TB, db *DB) (n int) {
	t.Helper()
	from, last := db.log.first.Load(), db.log.last.Load()
	for from <= last {
		blocks, err := db.log.fetchStored(from)
		if err != nil {
			t.Fatal(err)
		}
		from = blocks.end()
		n++
	}
	return n
}

// fetchStored is fetch without the ring.
func (l *diskLog) fetchStored(seq uint64) (*block, error) {
	saved := l.ring.blocks
	l.ring.blocks = nil
	blocks, err := l.fetch(seq, 1)
	l.ring.blocks = saved
	if err != nil {
		return nil, err
	}
	return blocks[0], nil
}

func sameRecords(t testing.TB, got, want []Record) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("have %d records, want %d", len(got), len(want))
	}
	for i := range got {
		if fmt.Sprint(got[i]) != fmt.Sprint(want[i]) {
			t.Fatalf("record %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestReblockKeepsEverything(t *testing.T) {
	dir, clock := t.TempDir(), newFakeClock()
	o := Options{Now: clock.now, ReblockEvery: -1}
	db := openTest(t, dir, o)
	fill(t, db, 0, 3000)
	clock.advance(24 * time.Hour) // the first day ends in the middle of a run
	fill(t, db, 3000, 4500)
	want := readAll(t, db, 1)
	before := countBlocks(t, db)
	db.SyncHighWater()
	done, err := db.log.reblock()
	if err != nil || done < 3500 {
		t.Fatalf("joined %d records, %v", done, err)
	}
	if after := countBlocks(t, db); after*5 > before {
		t.Fatalf("%d blocks became %d", before, after)
	}
	db.log.ring.blocks = nil // read what is stored
	sameRecords(t, readAll(t, db, 1), want)
	if done, err := db.log.reblock(); err != nil || done != 0 {
		t.Fatalf("joined %d records again, %v", done, err)
	}
	fill(t, db, 4500, 4600)
	db.Close()
	db = openTest(t, dir, o)
	sameRecords(t, readAll(t, db, 1)[:4500], want)
	db.SyncHighWater()
	if _, err := db.log.reblock(); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, readAll(t, db, 1)[:4500], want)
}

func TestReblockUnderFaults(t *testing.T) {
	for _, fault := range []Fault{FaultLost, FaultReported} {
		armed := true
		db := openTest(t, t.TempDir(), Options{ReblockEvery: -1, Fault: func(w string) Fault {
			if w == WriteReblock && armed {
				armed = false
				return fault
			}
			return FaultNone
		}})
		fill(t, db, 0, 3000)
		want := readAll(t, db, 1)
		db.SyncHighWater()
		if _, err := db.log.reblock(); err == nil {
			t.Fatal("the fault was not reported")
		}
		if _, err := db.log.reblock(); err != nil {
			t.Fatal(err)
		}
		db.log.ring.blocks = nil
		sameRecords(t, readAll(t, db, 1), want)
	}
}

func TestTrimDropsWholeDays(t *testing.T) {
	for _, fault := range []string{"", WriteAnchor, WriteTrim} {
		armed, dir, clock := false, t.TempDir(), newFakeClock()
		o := Options{Now: clock.now, ReblockEvery: -1, DedupeWindow: 24 * time.Hour, Fault: func(w string) Fault {
			if armed && w == fault {
				return FaultLost
			}
			return FaultNone
		}}
		db := openTest(t, dir, o)
		for day := range 4 {
			fill(t, db, day*100, day*100+100)
			clock.advance(24 * time.Hour)
		}
		armed = true
		err := db.Log().Trim(t.Context(), 0, 250)
		if err == nil != (fault == "") {
			t.Fatalf("fault %q: %v", fault, err)
		}
		db.Close()
		armed = false
		db = openTest(t, dir, o)
		if fault == WriteAnchor {
			if len(readAll(t, db, 1)) != 400 {
				t.Fatal("something is gone without an anchor")
			}
			continue
		}
		if first, _ := db.Log().First(t.Context(), 0); first != 201 {
			t.Fatalf("first is %d, want 201", first)
		}
		if n := len(readAll(t, db, 201)); n != 200 {
			t.Fatalf("have %d records, want 200", n)
		}
		var gap *GapError
		if err := db.Log().Read(t.Context(), 0, 100, nil); !errors.As(err, &gap) || gap.From != 100 || gap.To != 201 {
			t.Fatalf("reading what is trimmed: %v", err)
		}
		if err := db.Log().Trim(t.Context(), 0, 1<<40); err != nil {
			t.Fatal(err)
		}
		if first, _ := db.Log().First(t.Context(), 0); first != 301 {
			t.Fatalf("first is %d: the newest day must stay", first)
		}
	}
}

// TestDedupeOverTables uses tiny generations, so that most ids are in tables.
func TestDedupeOverTables(t *testing.T) {
	dir, clock := t.TempDir(), newFakeClock()
	o := Options{Now: clock.now, ReblockEvery: -1, RecentIDs: 50}
	db := openTest(t, dir, o)
	check := func(db *DB, from, to int, want bool) {
		t.Helper()
		for i := from; i < to; i += 13 {
			recs := []Record{testRecord(i)}
			appendOne(t, db, recs...)
			if recs[0].Dup != want {
				t.Fatalf("record %d: duplicate %v, want %v", i, recs[0].Dup, want)
			}
		}
	}
	reopen := func() {
		t.Helper()
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = openTest(t, dir, o)
	}
	fill(t, db, 0, 3000)
	check(db, 0, 3000, true)
	tables, _ := filepath.Glob(filepath.Join(dir, "log", "ids", "*.ids"))
	if len(tables) == 0 {
		t.Fatal("no table was written")
	}
	t.Logf("%d tables", len(tables))
	reopen()
	check(db, 0, 3000, true)

	// Tables are derived: without some of them, or with one damaged, the log
	// gives them back.
	db.Close()
	tables, _ = filepath.Glob(filepath.Join(dir, "log", "ids", "*.ids"))
	for i, path := range tables {
		if i%2 == 0 {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/3] ^= 4
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.ProbeEvery = time.Millisecond
	db = openTest(t, dir, o)
	for i := range 3000 {
		recs := []Record{testRecord(i)}
		err := db.Log().Append(t.Context(), 0, recs)
		for errors.Is(err, ErrReadOnly) {
			err = db.Log().Append(t.Context(), 0, recs)
		}
		if err != nil || !recs[0].Dup {
			t.Fatalf("record %d: %v, duplicate %v", i, err, recs[0].Dup)
		}
	}

	clock.advance(20 * 24 * time.Hour) // out of the window
	fill(t, db, 3000, 4000)
	reopen()
	check(db, 3000, 4000, true)
	check(db, 0, 1000, false)
}

func TestIDTablesUnderFaults(t *testing.T) {
	for _, fault := range []Fault{FaultLost, FaultReported} {
		var n atomic.Int64
		dir := t.TempDir()
		o := Options{ReblockEvery: -1, RecentIDs: 50, ProbeEvery: time.Millisecond, Fault: func(w string) Fault {
			if w != WriteIDs {
				return FaultNone
			}
			if n.Add(1)%2 == 1 {
				return fault
			}
			return FaultNone
		}}
		db := openTest(t, dir, o)
		add := func(i int) *Record {
			recs := []Record{testRecord(i)}
			err := db.Log().Append(t.Context(), 0, recs)
			for errors.Is(err, ErrReadOnly) { // too many failed in a row: it heals
				err = db.Log().Append(t.Context(), 0, recs)
			}
			if err != nil {
				t.Fatal(err)
			}
			return &recs[0]
		}
		for i := range 2000 {
			add(i)
		}
		for range 2 {
			for i := 0; i < 2000; i += 7 {
				if !add(i).Dup {
					t.Fatalf("record %d is stored twice", i)
				}
			}
			db.Close()
			o.Fault = nil
			db = openTest(t, dir, o)
		}
	}
}

// TestIDTable: two tables that overlap, and what they are joined to.
func TestIDTable(t *testing.T) {
	var hashes []idHash
	for i := range uint64(5000) {
		hashes = append(hashes, idHash{i * 0x9E3779B97F4A7C15, i*0xC2B2AE3D27D4EB4F | 1})
	}
	dir := t.TempDir()
	write := func(each idSource, most int, r idRange) *idTable {
		tb, err := writeIDTable(dir, uint64(most), each, r, FaultNone)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { tb.close() })
		return tb
	}
	a := write(sorted(slices.Clone(hashes[:3000])), 3000, idRange{1, 3001, 70})
	b := write(sorted(slices.Clone(append(hashes[2000:], hashes[4000:]...))), 4000, idRange{3001, 5001, 77})
	both := write(merged([]*idTable{a, b}), 7000, idRange{1, 5001, 77})
	if a.count != 3000 || b.count != 3000 || both.count != 5000 {
		t.Fatalf("%d and %d hashes, together %d", a.count, b.count, both.count)
	}
	hits := 0
	for i, h := range hashes {
		for tb, in := range map[*idTable]bool{a: i < 3000, b: i >= 2000, both: true} {
			if ok, err := tb.has(h); err != nil || ok != in {
				t.Fatalf("hash %d: %v, %v, want %v", i, ok, err, in)
			}
		}
		if ok, _ := both.has(idHash{h[0] + 1, h[1] + 4}); ok {
			hits++
		}
	}
	if hits > 0 {
		t.Fatalf("%d hashes are found that are not there", hits)
	}
}

// TestIDBlooms: a filter made page by page is the one made at once.
func TestIDBlooms(t *testing.T) {
	var hashes []idHash
	for i := range uint64(9000) {
		hashes = append(hashes, idHash{i * 0x9E3779B97F4A7C15, i*0xC2B2AE3D27D4EB4F | 1})
	}
	each := sorted(hashes)
	whole, err := encodeBlooms(4, 0, 4, each)
	if err != nil {
		t.Fatal(err)
	}
	var parts []byte
	for i := range uint64(4) {
		b, err := encodeBlooms(4, i, i+1, each)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, b...)
	}
	if !bytes.Equal(parts, whole) || bytes.Equal(whole[:idPage], whole[idPage:2*idPage]) {
		t.Fatal("the filter depends on how it is cut")
	}
}

// TestIDSet compares the set with Go's map under random adds and removes.
func TestIDSet(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var s idSet
	m := make(map[idHash]bool)
	for range 200_000 {
		h := idHash{rng.Uint64N(3000) * 0x10001, 1}
		switch rng.IntN(3) {
		case 0, 1:
			if s.add(h) == m[h] {
				t.Fatal("add disagrees")
			}
			m[h] = true
		default:
			s.remove(h)
			delete(m, h)
		}
		if h[0] = rng.Uint64N(3000) * 0x10001; s.has(h) != m[h] {
			t.Fatal("has disagrees")
		}
	}
	if len(s.hashes()) != len(m) || s.n != len(m) {
		t.Fatalf("%d hashes, want %d", len(s.hashes()), len(m))
	}
}

func FuzzIDTable(f *testing.F) {
	tb, err := writeIDTable(f.TempDir(), 2, sorted([]idHash{{1, 2}, {3, 4}}), idRange{1, 3, 5}, FaultNone)
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(tb.path)
	if err = errors.Join(err, tb.close()); err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	path := filepath.Join(f.TempDir(), "fuzzed.ids")
	f.Fuzz(func(t *testing.T, b []byte) {
		for at := 0; at+idPage <= len(b) && len(b)%2 == 0; at += idPage { // past the checksums
			sealIDPage(b[at : at+idCRC : at+idPage])
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if tb, err := openIDTable(path); err == nil {
			_, _ = tb.has(idHash{1, 2})
			_ = merged([]*idTable{tb, tb})(func(idHash) {})
			_ = tb.close()
		}
	})
}

func FuzzBlock(f *testing.F) {
	recs := []Record{testRecord(1), testRecord(2)}
	for i := range recs {
		recs[i].Seq, recs[i].Received = uint64(i+9), 5
	}
	for _, codec := range []byte{codecNone, codecS2, codecZstd} {
		b := makeBlock(blockHeader{Codec: codec}, recs)
		enc := appendBlock(nil, &b.blockHeader, b.raw, b.sealed)
		f.Add(enc, b.raw, b.sealed)
	}
	f.Fuzz(func(t *testing.T, enc, raw, sealed []byte) {
		if b, err := openBlock(enc); err == nil {
			_, _ = b.records(nil)
			_ = b.record(0, &Record{})
		}
		b := &block{blockHeader{Count: uint32(min(len(raw)/3, 7)), First: 1}, raw, sealed}
		_ = b.record(1, &Record{})
		got, err := b.records(nil)
		if err != nil || len(got) == 0 {
			return
		}
		for i := range got {
			var one Record
			if err := b.record(i, &one); err != nil || fmt.Sprint(one) != fmt.Sprint(got[i]) {
				t.Fatalf("record %d alone is %v, %v; want %v", i, one, err, got[i])
			}
		}
		b = makeBlock(blockHeader{Codec: codecS2}, got)
		enc = appendBlock(nil, &b.blockHeader, b.raw, b.sealed)
		again, err := openBlock(enc)
		if err != nil {
			t.Fatal(err)
		}
		recs, err := again.records(nil)
		if err != nil || fmt.Sprint(recs) != fmt.Sprint(got) {
			t.Fatalf("a second round trip changed the records: %v", err)
		}
	})
}

// TestRecordAlone cuts records one by one and all at once.
func TestRecordAlone(t *testing.T) {
	for _, tenants := range []int{1, 3} {
		var recs []Record
		for i := range 40 {
			r := testRecord(i)
			r.Tenant = Tenant{byte(i % tenants)}
			r.Seq, r.Received, r.epoch = uint64(i+5), int64(i/7), uint32(i/20)
			switch i % 5 {
			case 1:
				r.ID = []byte("not in the row")
			case 2:
				r.Subject, r.Personal = Subject{}, nil
			case 3:
				r.ID, r.Subject[9] = nil, 0xEE // a subject that is not in the row
			}
			recs = append(recs, r)
		}
		b := makeBlock(blockHeader{}, recs)
		all, err := b.records(nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			var one Record
			if err := b.record(i, &one); err != nil || fmt.Sprint(one) != fmt.Sprint(all[i]) {
				t.Fatalf("record %d alone is %v, %v; want %v", i, one, err, all[i])
			}
			if string(one.ID) != string(recs[i].ID) || string(one.Row) != string(recs[i].Row) || one.Subject != recs[i].Subject || one.epoch != recs[i].epoch {
				t.Fatalf("record %d is %v, want %v", i, one, recs[i])
			}
		}
	}
}
