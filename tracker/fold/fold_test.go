package fold

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

func randomPlace(rnd *rand.Rand) Place { return Place{rnd.Int64N(20), rnd.Uint64N(2), rnd.Uint64N(2)} }

func TestPlaceOrdersLikeTimeAndMessageID(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	one := func() *tracker.Event {
		id := make([]byte, 16)
		for i := range id {
			id[i] = byte(rnd.IntN(2)) * 255
		}
		return &tracker.Event{Time: rnd.Int64N(3) - 1, MessageID: id, MessageUUID: true}
	}
	for range 2000 {
		a, b := one(), one()
		p, q := PlaceOf(a), PlaceOf(b)
		if p.Compare(q) != a.Compare(b) || p.Less(q) != (a.Compare(b) < 0) {
			t.Fatalf("%v and %v", p, q)
		}
		if back, rest, err := ReadPlace(AppendPlace(nil, p)); back != p || len(rest) > 0 || err != nil {
			t.Fatalf("%v became %v: %v", p, back, err)
		}
		if (bytes.Compare(sortable(nil, p.Time), sortable(nil, q.Time)) < 0) != (p.Time < q.Time) {
			t.Fatalf("times %d and %d do not sort as keys", p.Time, q.Time)
		}
	}
	long := bytes.Repeat([]byte("x"), 40)
	p := PlaceOf(&tracker.Event{MessageID: long})
	long[39] = 'y'
	if p == PlaceOf(&tracker.Event{MessageID: long}) {
		t.Fatal("two long ids have one place")
	}
}

// The runs of a subject are the run-length form of its marks in order, in
// whatever order the marks came, unless one falls inside another's run.
func TestRunsAreTheMarksInOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	type markAt struct {
		p Place
		e tracker.Event
	}
	for range 3000 {
		var s subject
		var all []markAt
		whole := true
		for range 1 + rnd.IntN(8) {
			m := markAt{p: randomPlace(rnd)}
			if slices.ContainsFunc(all, func(o markAt) bool { return o.p == m.p }) {
				continue
			}
			m.e.User[0], m.e.Proved = byte(1+rnd.IntN(2)), rnd.IntN(2) == 0
			all = append(all, m)
			if whole = s.insert(m.p, &m.e); !whole {
				break
			}
		}
		slices.SortFunc(all, func(a, b markAt) int { return a.p.Compare(b.p) })
		var want []run
		for _, m := range all {
			if n := len(want); n > 0 && want[n-1].user == m.e.User {
				want[n-1].last, want[n-1].proved = m.p, want[n-1].proved || m.e.Proved
				continue
			}
			want = append(want, run{first: m.p, last: m.p, user: m.e.User, proved: m.e.Proved})
		}
		if whole && !reflect.DeepEqual(s.runs, want) {
			t.Fatalf("got %+v\nwant %+v", s.runs, want)
		}
		if !whole && len(want) < 3 {
			t.Fatalf("a mark is said to fall inside a run of %+v", want)
		}
		for range 5 {
			p, got := randomPlace(rnd), 0
			for i := range want {
				if want[i].first.Time <= p.Time {
					got = i
				}
			}
			if whole && s.runAt(p, false) != got {
				t.Fatalf("an event at %v lies in run %d, want %d", p, s.runAt(p, false), got)
			}
		}
	}
}

func sampleSubject() *subject {
	p := func(n int64) Place { return Place{n, uint64(n), 7} }
	return &subject{applied: 9, first: p(1), last: p(8), stored: p(8), filed: 20_000, counted: 19_000, limit: p(5), runs: []run{
		{first: p(1), last: p(2), user: tracker.Hash{1}},
		{first: p(3), last: p(3), email: tracker.Hash{2}, proved: true},
		{first: p(4), last: p(6), user: tracker.Hash{1}, email: tracker.Hash{2}},
	}}
}

func TestRecordsRoundTrip(t *testing.T) {
	s, s2 := sampleSubject(), &subject{}
	b := s.append(nil)
	if err := s2.decode(b); err != nil || !reflect.DeepEqual(s, s2) {
		t.Fatalf("got %+v\nwant %+v: %v", s2, s, err)
	}
	m, m2 := &mail{claims: []claim{{Place{1, 2, 3}, tracker.Hash{4}}, {Place{2, 2, 3}, tracker.Hash{5}}}, deps: []tracker.LeadID{{Kind: 'v', Hash: tracker.Hash{5}}}}, &mail{}
	if err := m2.decode(m.append(nil)); err != nil || !reflect.DeepEqual(m, m2) {
		t.Fatalf("got %+v\nwant %+v: %v", m2, m, err)
	}
	for n := range b {
		if (&subject{}).decode(b[:n]) == nil {
			t.Fatalf("a head cut at %d of %d bytes was accepted", n, len(b))
		}
	}
	if err := (&subject{}).decode([]byte{99}); err == nil {
		t.Fatal("a head of version 99 was accepted")
	}
}

func FuzzDecodeRecords(f *testing.F) {
	f.Add(sampleSubject().append(nil))
	f.Add((&mail{claims: []claim{{user: tracker.Hash{4}}, {user: tracker.Hash{5}}}}).append(nil))
	f.Add((&link{ties: []tie{{time: 5, joined: true}}}).append(nil))
	f.Add((&Lead{Members: []Member{{Last: 5}}}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, s2 subject
		if s.decode(b) == nil && s.filed > 0 {
			if err := s2.decode(s.append(nil)); err != nil || !reflect.DeepEqual(s, s2) {
				t.Fatalf("%+v became %+v: %v", s, s2, err)
			}
		}
		var m mail
		_ = m.decode(b)
		_ = (&link{}).decode(b)
		l := Lead{}
		_ = l.decode(b, func(tracker.LeadID, []byte) (Body, error) { return nil, nil })
		var e tracker.Event
		_, _ = readEntry(b, tracker.LeadID{}, &e)
	})
}

func TestArenaChains(t *testing.T) {
	var a arena
	for round := range 2 {
		heads := make([]uint32, 10)
		want := make([][]string, 10)
		for i := range 5000 {
			k := i % 10
			body := fmt.Sprint(round, " ", i, string(bytes.Repeat([]byte("x"), i%700)))
			heads[k] = a.add(heads[k], []byte("head "), []byte(body))
			want[k] = append(want[k], "head "+body)
		}
		for k, ref := range heads {
			var got []string
			for ref > 0 {
				var b []byte
				b, ref = a.get(ref)
				got = append(got, string(b))
			}
			slices.Reverse(got)
			if !slices.Equal(got, want[k]) {
				t.Fatalf("round %d: chain %d differs", round, k)
			}
		}
		a = arena{}
	}
}

type noBody struct{}

func (noBody) Append(dst []byte) []byte { return dst }
func (noBody) Size() int                { return 0 }

// checkpoint stores all of a fold.
func checkpoint(t *testing.T, f *Fold, db *storage.DB) {
	t.Helper()
	if err := f.Begin(func(Rows) error { return nil }); err != nil {
		t.Fatal(err)
	}
	update := func(fn func(Rows) error) (*Commit, error) {
		c := &Commit{Done: make(chan struct{})}
		close(c.Done)
		return c, db.Leads().Update(func(tx *storage.Tx) error { return fn(tx) })
	}
	for done := false; !done; {
		var err error
		if done, err = f.Store(update, func(fn func() error) error { return fn() }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCacheKeepsWhatIsNotStored(t *testing.T) {
	db, err := storage.Open(t.TempDir(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	f, err := New(Config{Table: db.Leads(), Cache: 4096, NewBody: func(tracker.TenantID, tracker.LeadID, []byte) (Body, error) { return noBody{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	rec := func(seq uint64) storage.Record {
		e := tracker.Event{Type: []byte("page_view"), Time: int64(seq), MessageID: []byte(fmt.Sprint(seq))}
		e.Visitor[0], e.Visitor[1] = byte(seq), 1
		return storage.Record{Kind: storage.KindEvent, Seq: seq, Received: int64(seq), Row: tracker.AppendRow(nil, &e)}
	}
	for seq := uint64(1); seq <= 1000; seq++ {
		touches, err := f.Apply([]storage.Record{rec(seq)}, int64(seq))
		if err != nil || len(touches) != 1 {
			t.Fatalf("record %d touched %d leads: %v", seq, len(touches), err)
		}
		if seq%300 == 0 {
			checkpoint(t, f, db)
			if n := len(f.subjects.m); n > 20 {
				t.Fatalf("%d heads are kept in a cache of 4 KiB", n)
			}
		}
	}
	r := f.Reader()
	for v := range 200 {
		id := tracker.LeadID{Kind: 'v', Hash: tracker.Hash{byte(v), 1}}
		l, err := r.Lead(tracker.TenantID{}, id)
		if err != nil || l == nil {
			t.Fatalf("%s is out of view: %v", id, err)
		}
		want := 0
		for seq := 1; seq <= 1000; seq++ {
			if byte(seq) == byte(v) {
				want++
			}
		}
		if es, err := history(r, l); len(es) != want || err != nil {
			t.Fatalf("%s has %d events, want %d: %v", id, len(es), want, err)
		}
	}
	// The same records again change nothing.
	touches, err := f.Apply([]storage.Record{rec(500), rec(900)}, 1000)
	if err != nil || len(touches) != 0 {
		t.Fatalf("records filed before touched %d leads: %v", len(touches), err)
	}
}

func history(r Reader, l *Lead) ([]Entry, error) {
	h, err := r.History(l)
	if err != nil {
		return nil, err
	}
	return h.Read()
}
