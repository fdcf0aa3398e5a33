package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// world is a random set of events and the way it arrives.
type world struct {
	*rig
	rnd   *rand.Rand
	start int64
	facts []*fact // as appended, each once
	card  string  // in force

	retained bool // leads may end without an heir, and begin again

	links []tracker.Link // decided, as appended
	own   int            // one in so many batches brings a decision; 0 = none does
}

// publish puts another version of the card in force.
func (w *world) publish(yaml string, version int) {
	w.card = yaml
	w.append(activation(yaml, version))
}

func (w *world) pick(names ...string) string { return names[w.rnd.IntN(len(names))] }

func (w *world) one(id uint64) *fact {
	f := &fact{typ: w.pick("page_view", "page_view", "page_view", "form_submit", "email_sent", "identify", "email_click", "email_click", "email_delivered")}
	binary.BigEndian.PutUint64(f.id[:], id*0x9e3779b97f4a7c15)
	f.at = w.start + w.rnd.Int64N(20*day)
	if w.rnd.IntN(3) == 0 {
		f.at = w.start + w.rnd.Int64N(20)*day // the same moment as others
	}
	if w.rnd.IntN(3) == 0 && len(w.facts) > 0 {
		f.at = w.facts[w.rnd.IntN(len(w.facts))].at + w.rnd.Int64N(40*60*1000)
	}
	f.visitor = w.pick("", "v0", "v1", "v2", "v3", "v4")
	f.path = w.pick("/pricing", "/pricing/x", "/about")
	if w.rnd.IntN(5) == 0 {
		f.user = w.pick("u0", "u1", "u2")
	}
	if w.rnd.IntN(5) == 0 {
		f.email = w.pick("m0", "m1", "m2")
	}
	if f.subject() == "e" {
		f.visitor = "v5"
	}
	f.session = w.pick("", "", "", "s0", "s1")
	f.job = w.pick("", "cto", "dev")
	f.machine = w.pick("", "", "", "bot")
	f.denied, f.head = w.rnd.IntN(12) == 0, w.rnd.IntN(12) == 0
	f.proved, f.signed = w.rnd.IntN(6) == 0, w.rnd.IntN(12) == 0
	f.country, f.city = w.pick("", "", "ES", "ES", "PT"), w.pick("", "Lugo")
	if strings.HasPrefix(f.typ, "email_") {
		w.ofMail(f)
	}
	return f
}

// ofMail makes a fact one of a mail, mostly about when others of its kind were.
func (w *world) ofMail(f *fact) {
	f.message, f.link = w.pick("", "news", "news"), w.pick("", "a", "b", "c")
	f.settle = w.pick64(0, 0, -1, 5000, 300_000)
	if f.typ == "email_click" {
		f.why = tracker.MachineReason(w.pick64(0, 0, 0, 0, int64(tracker.TrapLink)))
		f.head, f.proved = w.rnd.IntN(5) == 0, w.rnd.IntN(3) > 0
		if f.why != tracker.NoReason {
			f.machine = "bot"
		}
	}
	var mails []*fact
	for _, o := range w.facts {
		if o.message != "" {
			mails = append(mails, o)
		}
	}
	if len(mails) > 0 && w.rnd.IntN(5) > 0 {
		o := mails[w.rnd.IntN(len(mails))]
		f.visitor, f.user, f.email, f.message = o.visitor, o.user, o.email, o.message
		f.at = o.at + w.pick64(0, 500, 2000, 2001, 4000, 5000, 30_000, 60_000, 61_000)*w.pick64(-1, 1)
		f.at = max(f.at, w.start)
	}
}

func (w *world) pick64(of ...int64) int64 { return of[w.rnd.IntN(len(of))] }

func (w *world) record(f *fact) storage.Record {
	e := tracker.Event{
		Type: []byte(f.typ), Time: f.at, MessageID: f.id[:], MessageUUID: true, Source: max(f.source, 1),
		Visitor: hash(f.visitor), User: hash(f.user), Email: hash(f.email),
		Proved: f.proved, ProvedUser: f.signed, Placed: f.country != "",
	}
	e.Fields = append(e.Fields, text(tracker.Property, "path", f.path))
	var sealed []tracker.Field
	if e.Placed {
		sealed = append(sealed, text(tracker.Context, tracker.PlaceCountry, f.country), text(tracker.Context, "zone", "x"))
		if f.city != "" {
			sealed = append(sealed, text(tracker.Context, tracker.PlaceCity, f.city))
		}
		if f.id[3]%2 == 0 { // a card named it
			e.Fields, sealed = append(e.Fields, sealed[0]), sealed[1:]
		}
	}
	if f.session != "" {
		e.Fields = append(e.Fields, text(tracker.Context, "session", f.session))
	}
	if f.machine == "bot" {
		e.Machine, e.MachineReason = tracker.Bot, f.why
	}
	for name, v := range map[string]string{"message": f.message, "link": f.link} {
		if v != "" {
			e.Fields = append(e.Fields, text(tracker.Property, name, v))
		}
	}
	if f.typ == "engaged" {
		e.Fields = append(e.Fields, tracker.Field{Space: tracker.Property, Name: []byte("seconds"), Value: tracker.Value{Tag: tracker.Int, Num: 30 + uint64(f.id[2])}})
	}
	if f.settle != 0 {
		own, _ := (&tracker.Source{Settle: time.Duration(f.settle) * time.Millisecond}).SettleField()
		e.Fields = append(e.Fields, own)
	}
	if f.head {
		e.Machine, e.MachineReason = tracker.Bot, tracker.HeadRequest
	}
	if f.denied {
		e.Consent = tracker.ConsentDenied
	}
	r := storage.Record{Tenant: testTenant, Kind: storage.KindEvent, ID: f.id[:], Row: tracker.AppendRow(nil, &e)}
	sub := e.Subject()
	r.Subject[0] = byte(sub.Kind)
	copy(r.Subject[1:], sub.Hash[:])
	if f.job != "" {
		sealed = append(sealed, text(tracker.Trait, "job", f.job), text(tracker.Trait, "job of "+f.path, f.job))
	}
	for _, id := range [3][2]string{{"user_id", f.user}, {"email", f.email}, {"visitor", f.visitor}} {
		if id[1] != "" && f.id[1]%4 > 0 { // some senders' events do not tell
			sealed = append(sealed, text(tracker.System, id[0], id[1]))
		}
	}
	if len(sealed) > 0 {
		r.Personal = tracker.AppendFields(nil, sealed)
	}
	return r
}

// arrive appends the events in a random order and batching, with repetitions,
// crashes and checkpoints in between.
func (w *world) arrive(facts []*fact) {
	order := w.rnd.Perm(len(facts))
	var sent []*fact
	for len(order) > 0 {
		n := 1 + w.rnd.IntN(min(len(order), 12))
		var recs []storage.Record
		for _, i := range order[:n] {
			recs = append(recs, w.record(facts[i]))
			sent = append(sent, facts[i])
			facts[i].sent = true
		}
		if w.own > 0 && w.rnd.IntN(w.own) == 0 {
			recs = append(recs, w.decision())
		}
		if w.rnd.IntN(4) == 0 {
			recs = append(recs, w.record(sent[w.rnd.IntN(len(sent))])) // a repetition
		}
		w.append(recs...)
		order = order[n:]
		w.now += w.rnd.Int64N(12 * 60 * 60 * 1000)
		switch w.rnd.IntN(8) {
		case 0, 1, 2:
			w.turns()
		case 3:
			w.turns()
			w.crash()
		case 4:
			w.turns()
			w.tear()
		case 5:
			w.turns()
			if err := w.s.checkpoint(context.Background()); err != nil {
				w.t.Fatal(err)
			}
		case 6, 7:
			w.turns()
			w.part()
		}
	}
}

// part begins a checkpoint and stores a part of it, one group a transaction: what
// comes next changes what is stored and what is not. Sometimes the process ends
// there.
func (w *world) part() {
	if !w.s.dirtied {
		return
	}
	if err := w.s.begin(); err != nil {
		w.t.Fatal(err)
	}
	for n := w.rnd.IntN(8); n > 0 && w.s.fold.Storing(); n-- {
		err := w.s.publishAll(context.Background())
		if err == nil {
			err = w.s.storePart()
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if w.rnd.IntN(3) == 0 {
		w.crash()
	}
}

// tear lets a checkpoint fail in the middle, one record a transaction, and the
// process end there.
func (w *world) tear() {
	left := w.rnd.IntN(8)
	w.fault = func(write string) storage.Fault {
		if write != storage.WriteLeads {
			return storage.FaultNone
		}
		if left--; left < 0 {
			return storage.FaultLost
		}
		return storage.FaultNone
	}
	err := w.s.checkpoint(context.Background())
	if err == nil && left < 0 {
		w.t.Fatal("a failed checkpoint reported success")
	}
	w.fault = nil
	w.crash()
}

func (w *world) check(s *State, now int64, how string) {
	w.t.Helper()
	want := reference(w.t, w.card, w.facts, w.links, now)
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	var got []*tracker.Lead
	err := s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error { got = append(got, l); return nil })
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range min(len(got), len(want)) {
		g, r := got[i], want[i]
		sc := g.Scores["saas"]
		for _, id := range g.Identities {
			if known := id.Kind != tracker.VisitorIdentity; known && id.Proved != r.proved[tracker.LeadID{Kind: id.Kind, Hash: id.Hash}] {
				for _, f := range r.facts {
					w.t.Logf("%+v", *f)
				}
				w.t.Fatalf("%s: %s: identity %c %s: proved %t", how, g.ID, id.Kind, id.Hash, id.Proved)
			}
		}
		gs := fmt.Sprintf("%s %d %s %s events %d first %d last %d", g.ID, sc.Score, sc.Band, sc.Grade, g.Events, g.FirstSeen.UnixMilli(), g.LastSeen.UnixMilli())
		rs := fmt.Sprintf("%s %d %s %s events %d first %d last %d", r.id, r.score.Score, r.band, r.score.Grade, r.events, r.first, r.last)
		if gs != rs {
			w.t.Logf("got %+v\nwant %+v", sc.Reasons, r.score.Reasons)
			for _, f := range r.facts {
				w.t.Logf("%+v", *f)
			}
			w.t.Fatalf("%s: place %d:\n got %s\nwant %s", how, i, gs, rs)
		}
		sum := int64(0)
		for j, q := range sc.Reasons {
			sum += q.Share
			if q != tracker.Reason(r.score.Reasons[j]) {
				w.t.Fatalf("%s: %s reason %d: got %+v, want %+v", how, g.ID, j, q, r.score.Reasons[j])
			}
		}
		if sum != 1000*int64(sc.Score) {
			w.t.Fatalf("%s: %s shares sum to %d, score %d", how, g.ID, sum, sc.Score)
		}
	}
	if len(got) != len(want) {
		w.t.Fatalf("%s: got %d leads, want %d", how, len(got), len(want))
	}
	w.checkProfiles(s, how)
}

// checkFeed reads the feed: dense, each change beginning where the lead's last
// one ended, and ending at what is shown.
func (w *world) checkFeed(how string) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	last := map[tracker.LeadID]tracker.Change{}
	seq := uint64(0)
	for {
		cs, err := w.s.Changes(ctx, c, testTenant, seq, 7)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(cs) == 0 {
			break
		}
		for _, ch := range cs {
			seq++
			was, ok := last[ch.Lead]
			if !ok {
				was = tracker.Change{NewScore: -1}
			}
			if ch.Seq != seq || ch.Prev != was.Seq && !(w.retained && was.NewScore < 0 && ch.Prev == 0) || ch.OldScore != was.NewScore || ch.OldBand != was.NewBand || ch.OldGrade != was.NewGrade {
				w.t.Fatalf("%s: change %+v\nfollows %+v", how, ch, was)
			}
			if ch.OldScore == ch.NewScore && ch.OldBand == ch.NewBand && ch.OldGrade == ch.NewGrade {
				w.t.Fatalf("%s: change %+v changes nothing", how, ch)
			}
			last[ch.Lead] = ch
		}
	}
	shown := 0
	err := w.s.EachLead(c, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
		shown++
		sc, ch := l.Scores["saas"], last[l.ID]
		if sc.Score != ch.NewScore || sc.Band != ch.NewBand || sc.Grade != ch.NewGrade {
			w.t.Fatalf("%s: lead %s shows %d %s %s, the feed ends with %+v", how, l.ID, sc.Score, sc.Band, sc.Grade, ch)
		}
		hist, err := w.s.History(c, testTenant, l.ID.String(), "", 0, 1000)
		if err != nil || len(hist) == 0 || hist[0] != ch {
			w.t.Fatalf("%s: history of %s begins with %+v, want %+v: %v", how, l.ID, hist, ch, err)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for id, ch := range last {
		if ch.NewScore >= 0 {
			shown--
		} else if ch.MergedInto.IsZero() && !w.retained {
			w.t.Fatalf("%s: %s left the list without a heir: %+v", how, id, ch)
		}
	}
	if shown != 0 {
		w.t.Fatalf("%s: the feed and the list differ by %d leads", how, shown)
	}
}

// rebuild derives leads/ again.
func (w *world) rebuild() {
	w.t.Helper()
	if err := w.s.Close(); err != nil {
		w.t.Fatal(err)
	}
	cfg := w.cfg
	cfg.Now = func() int64 { return w.now }
	if err := Rebuild(context.Background(), w.db, cfg, func(done, total uint64) {}); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// wipe loses leads/, as a disk would.
func (w *world) wipe() {
	w.t.Helper()
	w.closeDB()
	if err := os.RemoveAll(filepath.Join(w.dir, "leads")); err != nil {
		w.t.Fatal(err)
	}
	w.openDB()
	w.turns()
}

func TestAnyOrderEndsInTheSameState(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 5
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			start := int64(1_763_784_000_000)
			w := &world{rig: newRig(t, start+8*day), rnd: rand.New(rand.NewPCG(uint64(seed), 7)), start: start}
			w.cfg.baseEvery, w.cfg.txRecords = uint64(seed%3*4), seed%2
			w.crash()
			first := testCard
			if seed%3 == 0 {
				first = placedCard
			}
			w.publish(first, 1)
			for i := range 10 + w.rnd.IntN(150) {
				w.facts = append(w.facts, w.one(uint64(i+1)))
			}
			if half := len(w.facts) / 2; seed%4 == 0 {
				w.arrive(w.facts[:half])
				w.publish(otherCard, 2)
				w.arrive(w.facts[half:])
			} else {
				w.arrive(w.facts)
			}
			w.turns()
			w.check(w.s, w.now, "as they came")
			w.checkFeed("as they came")
			w.now += w.rnd.Int64N(40 * day)
			w.turns()
			w.check(w.s, w.now, "later")
			w.checkFeed("later")
			w.crash()
			w.turns()
			w.check(w.s, w.now, "after a crash")
			w.checkFeed("after a crash")
			if seed%2 == 0 {
				w.wipe()
			} else {
				w.rebuild()
			}
			w.check(w.s, w.now, "rebuilt")
			w.checkFeed("rebuilt")
			for range 2 {
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
