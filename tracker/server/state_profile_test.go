package server

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/fold"
)

// checkProfiles compares what lists show of identified leads with what the log
// says of them.
func (w *world) checkProfiles(s *State, how string) {
	w.t.Helper()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	err := s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
		if l.ID.Kind == tracker.VisitorIdentity {
			return nil
		}
		_, es, err := s.history(testTenant, l.ID.String())
		if err != nil {
			return err
		}
		told := *l
		told.Identities = append([]tracker.Identity(nil), l.Identities...)
		for i := range told.Identities {
			told.Identities[i].Value = ""
		}
		if err := s.fill(&told, es); err != nil {
			return err
		}
		if !maps.Equal(l.Attributes, told.Attributes) || fmt.Sprint(l.Identities) != fmt.Sprint(told.Identities) || l.Email != told.Email {
			w.t.Fatalf("%s: %s shows\n%v %v %s, the log says\n%v %v %s", how, l.ID, l.Attributes, l.Identities, l.Email, told.Attributes, told.Identities, told.Email)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestProfileWithoutTheErased(t *testing.T) {
	now := int64(1_763_784_000_000)
	w := &world{rig: newRig(t, now)}
	job := func(s string) []tracker.Field {
		return []tracker.Field{text(tracker.System, "user_id", "ana"), text(tracker.Trait, "job", s), text(tracker.Trait, s, "x")}
	}
	w.append(activation(testCard, 1))
	w.append(event(1, "identify", now-3000, "v1", "ana", "", nil, job("cto")), event(2, "identify", now-2000, "v2", "ana", "", nil, job("dev")))
	w.turns()
	show := func(want string) {
		t.Helper()
		page, err := w.s.Leads(tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}, testTenant, export.LeadQuery{})
		if err != nil || len(page.Leads) != 1 {
			t.Fatalf("got %d leads: %v", len(page.Leads), err)
		}
		if got := fmt.Sprint(page.Leads[0].Attributes); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	show("map[cto:x dev:x job:dev]")
	erase := func(visitor string) {
		t.Helper()
		subject := tracker.LeadID{Kind: 'v', Hash: hash(visitor)}.Key()
		if err := w.db.Erase(context.Background(), testTenant, []storage.Subject{subject}); err != nil {
			t.Fatal(err)
		}
	}
	erase("v2")
	show("map[cto:x job:cto]")
	w.checkProfiles(w.s, "one erased")
	erase("v1")
	show("map[]")
	w.append(event(3, "identify", now-1000, "v2", "ana", "", nil, job("ceo")))
	w.turns()
	w.crash()
	w.turns()
	show("map[ceo:x job:ceo]")
	w.checkProfiles(w.s, "after a crash")
}

func TestProfileDoesNotDependOnOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	type word struct {
		at     fold.Place
		fields []tracker.Field
	}
	var words []word
	for i := range 60 {
		q := word{at: fold.Place{Time: int64(i / 2), Lo: uint64(i)}}
		for range 12 {
			q.fields = append(q.fields, text(tracker.Trait, fmt.Sprint(rnd.IntN(500)), fmt.Sprint(i)))
		}
		words = append(words, q)
	}
	var want []byte
	for round := range 20 {
		var all said
		for n, i := range rnd.Perm(len(words)) {
			all.tell(words[i].at, words[i].fields)
			if n%7 == 0 { // stored and read again
				var again said
				if err := again.decode(all.append(nil)); err != nil {
					t.Fatal(err)
				}
				all = again
			}
			all.tell(words[i].at, words[i].fields)
		}
		kept := 0
		for i := range all.events {
			kept += len(all.events[i].fields)
		}
		if kept != mostAttributes {
			t.Fatalf("round %d keeps %d attributes, want %d", round, kept, mostAttributes)
		}
		if got := all.append(nil); round == 0 {
			want = got
		} else if !bytes.Equal(got, want) {
			t.Fatalf("round %d differs", round)
		}
	}
}

func TestLongTextsAreCut(t *testing.T) {
	f := text(tracker.Trait, "about", string(bytes.Repeat([]byte("ä"), longestText)))
	if got := cutField(f).Value.Str; len(got) != longestText {
		t.Fatalf("got %d bytes", len(got))
	}
	f.Value.Tag = tracker.JSON
	if got := cutField(f).Value; got.Tag != tracker.Null {
		t.Fatalf("got %v", got.Tag)
	}
}
