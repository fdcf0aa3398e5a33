package rank

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

func item(rnd *rand.Rand) Item {
	it := Item{Key: rnd.Int32N(5) * 1000, Seen: rnd.Int64N(3), ID: tracker.LeadID{Kind: 'v'}}
	it.ID.Hash[0] = byte(rnd.IntN(50))
	return it
}

func TestOrderIsTheSortedSet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	o, at := NewOrder(nil), map[tracker.LeadID]Item{}
	for range 5000 {
		to := item(rnd)
		from := at[to.ID]
		if rnd.IntN(5) == 0 {
			to = Item{}
		}
		o.Move(from, to)
		if !from.ID.IsZero() {
			delete(at, from.ID)
		}
		if !to.ID.IsZero() {
			at[to.ID] = to
		}
	}
	var got, want []Item
	o.After(Cursor{}, func(it Item) bool { got = append(got, it); return true })
	for _, it := range at {
		want = append(want, it)
	}
	slices.SortFunc(want, Compare)
	if !reflect.DeepEqual(got, want) || o.Len() != len(want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
	if again := NewOrder(want); again.Len() != len(want) {
		t.Fatalf("loaded %d of %d", again.Len(), len(want))
	}
}

// A reader that pages through while leads move sees each lead that did not
// move exactly once.
func TestCursorNeitherSkipsNorRepeats(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	o, still, moving := NewOrder(nil), map[tracker.LeadID]int{}, []Item(nil)
	for i := range 200 {
		it := Item{Key: rnd.Int32N(100) * 1000, Seen: rnd.Int64N(9), ID: tracker.LeadID{Kind: 'u', Hash: tracker.Hash{byte(i), 1}}}
		o.Move(Item{}, it)
		if i%2 == 0 {
			still[it.ID] = 0
		} else {
			moving = append(moving, it)
		}
	}
	c, err := ParseCursor("")
	for err == nil {
		n, last := 0, Item{}
		o.After(c, func(it Item) bool {
			if _, ok := still[it.ID]; ok {
				still[it.ID]++
			}
			n, last = n+1, it
			return n < 7
		})
		if n == 0 {
			break
		}
		for i := range moving {
			to := moving[i]
			to.Key = rnd.Int32N(100) * 1000
			o.Move(moving[i], to)
			moving[i] = to
		}
		c, err = ParseCursor(At(last).String())
	}
	if err != nil {
		t.Fatal(err)
	}
	for id, n := range still {
		if n != 1 {
			t.Fatalf("%s was seen %d times", id, n)
		}
	}
	if _, err := ParseCursor("x"); tracker.KindOf(err) != tracker.KindInvalid {
		t.Fatalf("a bad cursor: %v", err)
	}
}

func TestCopyStandsStill(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	o := NewOrder(nil)
	for i := range 100 {
		o.Move(Item{}, Item{Key: int32(i), ID: tracker.LeadID{Kind: 'v', Hash: tracker.Hash{byte(i)}}})
	}
	c := o.Copy()
	for i := range 100 {
		o.Move(Item{Key: int32(i), ID: tracker.LeadID{Kind: 'v', Hash: tracker.Hash{byte(i)}}}, item(rnd))
	}
	n := 0
	c.After(Cursor{}, func(it Item) bool { n++; return it.Key == int32(100-n) })
	if n != 100 {
		t.Fatalf("the copy changed at place %d", n)
	}
}

func TestTimersFireInOrder(t *testing.T) {
	ts := NewTimers()
	id := func(i int) tracker.LeadID { return tracker.LeadID{Kind: 'v', Hash: tracker.Hash{byte(i)}} }
	ts.Move(id(1), 0, 30)
	ts.Move(id(2), 0, 10)
	ts.Move(id(3), 0, 20)
	ts.Move(id(2), 10, 40)
	ts.Move(id(3), 20, 0)
	if _, _, ok := ts.Due(29); ok || ts.Next() != 30 || ts.Len() != 2 {
		t.Fatalf("due before its time: next %d of %d", ts.Next(), ts.Len())
	}
	if got, at, ok := ts.Due(30); !ok || got != id(1) || at != 30 {
		t.Fatalf("got %s at %d", got, at)
	}
}

func changes(from uint64, n int) (cs []tracker.Change) {
	for i := range n {
		c := tracker.Change{
			Seq: from + uint64(i), At: 1000, Time: int64(900 + i), Card: "saas@7", Lead: tracker.LeadID{Kind: 'u', Hash: tracker.Hash{byte(i % 3)}},
			OldScore: i - 1, NewScore: i, OldBand: "lead", NewBand: fmt.Sprint("band", i%4), NewGrade: "A1", Cause: "event", Event: uint64(i),
		}
		if i%5 == 4 {
			c.MergedInto, c.NewScore = tracker.LeadID{Kind: 'u', Hash: tracker.Hash{9}}, -1
		}
		if c.Seq > 3 {
			c.Prev = c.Seq - 3
		}
		cs = append(cs, c)
	}
	return cs
}

func TestBlockRoundTrip(t *testing.T) {
	want := changes(5, 50)
	b := AppendBlock(nil, want)
	var got []tracker.Change
	if err := readBlock(b, 5, func(c *tracker.Change) error { got = append(got, *c); return nil }); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v\nwant %+v", got, want)
	}
	for n := range b {
		if readBlock(b[:n], 5, func(*tracker.Change) error { return nil }) == nil {
			t.Fatalf("a block cut at %d of %d bytes was accepted", n, len(b))
		}
	}
}

func FuzzReadBlock(f *testing.F) {
	f.Add(AppendBlock(nil, changes(1, 5)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var cs []tracker.Change
		if readBlock(b, 0, func(c *tracker.Change) error { cs = append(cs, *c); return nil }) != nil || len(cs) == 0 {
			return
		}
		var again []tracker.Change
		if err := readBlock(AppendBlock(nil, cs), 0, func(c *tracker.Change) error { again = append(again, *c); return nil }); err != nil || !reflect.DeepEqual(cs, again) {
			t.Fatalf("%+v became %+v: %v", cs, again, err)
		}
	})
}

// A commit that was lost, or kept and reported lost, is made again: each change
// is there once, and the numbers stay dense.
func TestCommitAgainAfterAFault(t *testing.T) {
	for _, fault := range []storage.Fault{storage.FaultLost, storage.FaultReported} {
		failing := false
		db, err := storage.Open(t.TempDir(), storage.Options{ReblockEvery: -1, Fault: func(write string) storage.Fault {
			if failing && write == storage.WriteMeta {
				return fault
			}
			return storage.FaultNone
		}})
		if err != nil {
			t.Fatal(err)
		}
		tenant := tracker.TenantID{1}
		f := OpenFeed(db.Meta())
		first, second := Line{tenant, changes(1, 10)}, Line{tenant, changes(11, 2500)}
		if err := f.Commit([]Line{first}, 100); err != nil {
			t.Fatal(err)
		}
		failing = true
		if err := f.Commit([]Line{second}, 200); err == nil {
			t.Fatal("a commit under fault succeeded")
		}
		if last, _ := f.Last(tenant); last != 10 {
			t.Fatalf("last is %d before the commit is known to be there", last)
		}
		failing = false
		if err := f.Commit([]Line{second}, 200); err != nil {
			t.Fatal(err)
		}
		again := OpenFeed(db.Meta())
		if last, err := again.Last(tenant); last != 2510 || err != nil {
			t.Fatalf("last is %d: %v", last, err)
		}
		if mark, err := again.Watermark(); mark != 200 || err != nil {
			t.Fatalf("watermark is %d: %v", mark, err)
		}
		for _, after := range []uint64{0, 3, 10, 2009, 2509, 2510} {
			seq := after
			err := again.Read(tenant, after, func(c *tracker.Change) error {
				if seq++; c.Seq != seq {
					return fmt.Errorf("got change %d, want %d", c.Seq, seq)
				}
				return nil
			})
			if err != nil || seq != 2510 {
				t.Fatalf("after %d: read to %d: %v", after, seq, err)
			}
		}
		n := 0
		err = again.History(tenant, 2510, func(c *tracker.Change) error {
			if n++; n == 4 {
				return storage.ErrStop
			}
			return nil
		})
		if n != 4 || err != nil {
			t.Fatalf("history ended after %d: %v", n, err)
		}
		if err := db.Close(); err != nil && !errors.Is(err, storage.ErrClosed) {
			t.Fatal(err)
		}
	}
}
