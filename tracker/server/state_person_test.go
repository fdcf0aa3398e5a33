package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// decision is a random decision about two identities, taken at a random moment
// that has passed.
func (w *world) decision() storage.Record {
	one := func() tracker.LeadID {
		switch w.rnd.IntN(3) {
		case 0:
			return tracker.LeadID{Kind: 'u', Hash: hash(w.pick("u0", "u1", "u2"))}
		case 1:
			return tracker.LeadID{Kind: 'e', Hash: hash(w.pick("m0", "m1", "m2"))}
		}
		return tracker.LeadID{Kind: 'v', Hash: hash(w.pick("v0", "v1", "v2", "v3", "v4"))}
	}
	d := tracker.Link{A: one(), B: one(), Joined: w.rnd.IntN(2) == 0, Time: w.start + w.rnd.Int64N(w.now-w.start+1)}
	for d.A == d.B {
		d.B = one()
	}
	w.links = append(w.links, d)
	return storage.Record{Tenant: testTenant, Kind: storage.KindControl, Row: tracker.AppendLink(nil, d)}
}

// Decisions and events, in any order: the same people.
func TestDecisionsInAnyOrder(t *testing.T) {
	rounds := 36
	if testing.Short() {
		rounds = 8
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			start := int64(1_763_784_000_000)
			w := &world{rig: newRig(t, start+8*day), rnd: rand.New(rand.NewPCG(uint64(seed), 11)), start: start, retained: true, own: 1 + seed%4}
			w.cfg.baseEvery, w.cfg.txRecords = uint64(seed%3*4), seed%2
			w.crash()
			w.publish(testCard, 1)
			for i := range 10 + w.rnd.IntN(100) {
				w.facts = append(w.facts, w.one(uint64(i+1)))
			}
			all, half := w.facts, len(w.facts)/2
			w.facts = all[:half]
			w.arrive(w.facts)
			w.turns()
			w.check(w.s, w.now, "half")
			if seed%3 == 0 {
				w.eraseFirst()
				w.check(w.s, w.now, "forgotten")
			}
			w.facts = all
			w.arrive(w.facts[half:])
			w.turns()
			w.check(w.s, w.now, "as they came")
			w.checkFeed("as they came")
			w.now += w.rnd.Int64N(40 * day)
			w.turns()
			w.crash()
			w.turns()
			w.check(w.s, w.now, "after a crash")
			if seed%2 == 0 {
				w.wipe()
			} else {
				w.rebuild()
			}
			w.check(w.s, w.now, "rebuilt")
			w.checkFeed("rebuilt")
			if seed%3 != 0 { // what is forgotten is so at every moment
				at := w.start + w.rnd.Int64N(w.now-w.start)
				past, err := AsOf(context.Background(), w.db, StateConfig{}, time.UnixMilli(at), t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				w.check(past, at, "as of a moment")
				if err := past.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// eraseFirst erases the first lead of the list.
func (w *world) eraseFirst() {
	w.t.Helper()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	page, err := w.s.Leads(c, testTenant, export.LeadQuery{Limit: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(page.Leads) == 0 {
		return
	}
	keys, err := w.s.Subjects(c, testTenant, page.Leads[0].ID.String())
	if err == nil {
		err = w.db.Erase(context.Background(), testTenant, keys)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var ids []tracker.LeadID
	for _, k := range keys {
		id := tracker.LeadID{Kind: tracker.IdentityKind(k[0]), Hash: tracker.Hash(k[1:])}
		ids = append(ids, id)
		for _, f := range w.facts {
			sub := tracker.Event{Visitor: hash(f.visitor), User: hash(f.user), Email: hash(f.email)}
			f.erased = f.erased || f.sent && sub.Subject() == id
		}
	}
	w.append(storage.Record{Tenant: testTenant, Kind: storage.KindControl, Row: tracker.AppendErasure(nil, ids)})
	if w.rnd.IntN(2) == 0 {
		w.turns()
		w.tear()
	}
	w.turns()
}

// shown is all that the API tells of the leads, byte for byte.
func (w *world) shown() []byte {
	w.t.Helper()
	var out bytes.Buffer
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	err := w.s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error { return json.NewEncoder(&out).Encode(l) })
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

// seeds is how many worlds a test looks at.
func seeds(n int) int {
	if testing.Short() {
		return n / 5
	}
	return n
}

// newWorld is an empty world in which a card is in force.
func newWorld(t *testing.T, seed uint64) *world {
	start := int64(1_763_784_000_000)
	w := &world{rig: newRig(t, start+8*day), rnd: rand.New(rand.NewPCG(seed, 13)), start: start, retained: true}
	w.publish(testCard, 1)
	return w
}

// Permutations of one set of events and decisions give the same bytes.
func TestLeadsAreTheSameBytes(t *testing.T) {
	for seed := range uint64(seeds(12)) {
		var want []byte
		var facts []*fact
		var decided []storage.Record
		for try := range 3 {
			w := newWorld(t, seed)
			if facts == nil {
				for i := range 60 {
					facts = append(facts, w.one(uint64(i+1)))
				}
				for range 6 {
					decided = append(decided, w.decision())
				}
			}
			w.rnd = rand.New(rand.NewPCG(seed, uint64(try)))
			recs := append([]storage.Record(nil), decided...)
			for _, f := range facts {
				recs = append(recs, w.record(f))
			}
			w.now = w.start + 21*day
			w.rnd.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
			for len(recs) > 0 {
				n := min(1+w.rnd.IntN(9), len(recs))
				w.append(recs[:n]...)
				recs = recs[n:]
				if w.rnd.IntN(3) == 0 {
					w.turns()
				}
			}
			w.turns()
			got := w.shown()
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d: another order shows\n%s\nthan\n%s", seed, got, want)
			}
		}
	}
}

// A merge taken back is the history in which it was never made, and so is one
// that events made: what is left is what would be without those words of theirs.
func TestUnmergeIsNoMerge(t *testing.T) {
	for seed := range uint64(seeds(20)) {
		with, without := newWorld(t, seed), newWorld(t, seed)
		var facts []*fact
		for i := range 40 {
			facts = append(facts, with.one(uint64(i+1)))
		}
		with.decision()
		b := with.links[0]
		pair := b
		again := func(joined bool, at int64) storage.Record {
			pair.Joined, pair.Time = joined, at
			return storage.Record{Tenant: testTenant, Kind: storage.KindControl, Row: tracker.AppendLink(nil, pair)}
		}
		apart := map[[2]tracker.LeadID]bool{{b.A, b.B}: false, {b.B, b.A}: false}
		for _, f := range facts {
			with.append(with.record(f))
			own := *f
			own.blind(apart)
			without.append(without.record(&own))
		}
		with.turns()
		with.append(again(true, with.start+1))
		with.turns()
		with.append(again(false, with.start+2))
		with.now += 21 * day
		without.now += 21 * day
		with.turns()
		without.turns()
		// Identities are shown by text, of which the two logs hold different parts.
		got, want := summary(t, with), summary(t, without)
		if got != want {
			t.Fatalf("seed %d: %s and %s: taken back:\n%s\nnever made:\n%s", seed, b.A, b.B, got, want)
		}
	}
}

// summary is who the leads are, how they score and why.
func summary(t *testing.T, w *world) string {
	t.Helper()
	var out bytes.Buffer
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	err := w.s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
		var ids []string
		for _, id := range l.Identities {
			ids = append(ids, fmt.Sprintf("%s since %d proved %v", tracker.LeadID{Kind: id.Kind, Hash: id.Hash}, id.From, id.Proved))
		}
		sc := l.Scores["saas"]
		fmt.Fprintf(&out, "%s %v %v %v %d %s %s %v %d %v %v %v\n", l.ID, ids, l.Superseded, l.SharedEmail, sc.Score, sc.Grade, sc.Band, sc.Reasons, l.Events, l.FirstSeen, l.LastSeen, l.Attributes)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
