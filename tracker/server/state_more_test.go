package server

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

var secret = tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}

// A state whose first checkpoint is cut short before the cursor is written
// still shows the leads that were stored.
func TestFirstCheckpointTorn(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.append(view(1, r.now-5000, "v1", "/pricing"), view(2, r.now-4000, "v2", "/about"), activation(testCard, 1))
	writes := 0
	r.fault = func(write string) storage.Fault {
		if write == storage.WriteLeads {
			if writes++; writes > 1 {
				return storage.FaultLost
			}
		}
		return storage.FaultNone
	}
	if _, err := r.s.turn(context.Background()); err == nil {
		t.Fatal("the checkpoint was not torn")
	}
	r.fault = nil
	r.crash()
	r.turns()
	if n, err := r.s.Count(secret, testTenant); n != 2 || err != nil {
		t.Fatalf("got %d leads, want 2: %v", n, err)
	}
}

// At any moment the list equals a full re-score within a point: timers follow
// the clock with no event at all.
func TestTimersKeepTheListTrue(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.append(activation(testCard, 1))
	rnd := rand.New(rand.NewPCG(3, 4))
	for i := range uint64(200) {
		r.append(view(i+1, r.now-rnd.Int64N(3*day), fmt.Sprint("v", rnd.IntN(20)), "/pricing"))
	}
	r.turns()
	for range 40 {
		r.now += rnd.Int64N(2 * day)
		r.turns()
		for _, q := range r.shown() {
			l, err := r.s.Lead(secret, testTenant, q.id.String())
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Scores["saas"].Score; got != q.score {
				t.Fatalf("%s is listed with %d; at this moment its score is %d", q.id, q.score, got)
			}
		}
	}
}

type rankShown struct {
	id    tracker.LeadID
	score int
}

// shown reads the order itself, without scoring anything.
func (r *rig) shown() (out []rankShown) {
	t := r.s.tenants[testTenant]
	items, err := byScore(t.orders["saas"], &export.LeadQuery{Limit: 1 << 30}, &filter{min: -1 << 31}, &export.LeadPage{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, it := range items {
		out = append(out, rankShown{it.ID, int(it.Key) / 1000})
	}
	return out
}

func TestOnlyTheFirstTenThousandPlacesCount(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.append(activation(testCard, 1))
	var recs []storage.Record
	const extra = 40
	for i := range uint64(tracker.MaxTimeline + extra) {
		recs = append(recs, view(i+1, r.now-2*day+int64(i)*1000, "v1", "/about"))
	}
	// Twenty of the earliest come last.
	late := append([]storage.Record(nil), recs[5:25]...)
	recs = append(recs[:5:5], recs[25:]...)
	for len(recs) > 0 {
		n := min(2000, len(recs))
		r.append(recs[:n]...)
		recs = recs[n:]
		r.turns()
	}
	r.append(late...)
	r.turns()
	l, err := r.s.Lead(secret, testTenant, tracker.LeadID{Kind: 'v', Hash: hash("v1")}.String())
	if err != nil {
		t.Fatal(err)
	}
	if l.Events != tracker.MaxTimeline+extra || l.Unscored != extra {
		t.Fatalf("filed %d, unscored %d", l.Events, l.Unscored)
	}
	page, err := r.s.Leads(secret, testTenant, export.LeadQuery{})
	if err != nil || page.Leads[0].Events != tracker.MaxTimeline {
		t.Fatalf("scored %d, want %d: %v", page.Leads[0].Events, tracker.MaxTimeline, err)
	}
	if want := time.UnixMilli(r.now - 2*day + (tracker.MaxTimeline-1)*1000).UTC(); !page.Leads[0].LastSeen.Equal(want) {
		t.Fatalf("the last that counts is at %s, want %s", page.Leads[0].LastSeen, want)
	}
}

func TestQueriesAskTheCaller(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.append(activation(testCard, 1), view(1, r.now, "v1", "/pricing"))
	r.turns()
	ctx := context.Background()
	id := tracker.LeadID{Kind: 'v', Hash: hash("v1")}.String()
	for _, c := range []tracker.Caller{{}, {Tenant: testTenant, Role: tracker.WriteRole}, {Tenant: tracker.TenantID{9}, Role: tracker.SecretRole}} {
		calls := map[string]func() error{
			"leads":    func() error { _, err := r.s.Leads(c, testTenant, export.LeadQuery{}); return err },
			"each":     func() error { return r.s.EachLead(c, testTenant, export.LeadQuery{}, nil) },
			"lead":     func() error { _, err := r.s.Lead(c, testTenant, id); return err },
			"timeline": func() error { _, err := r.s.Timeline(c, testTenant, id, "", 0, true); return err },
			"history":  func() error { _, err := r.s.History(c, testTenant, id, "", 0, 0); return err },
			"changes":  func() error { _, err := r.s.Changes(ctx, c, testTenant, 0, 0); return err },
			"count":    func() error { _, err := r.s.Count(c, testTenant); return err },
			"subjects": func() error { _, err := r.s.Subjects(c, testTenant, id); return err },
		}
		for name, call := range calls {
			if err := call(); !errors.Is(err, tracker.ErrForbidden) {
				t.Errorf("%s for %+v: %v", name, c, err)
			}
		}
	}
}

func TestLeadShowsWhoItIs(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	key := tracker.IdentityKey{7}
	r.cfg.Tenant = func(tracker.TenantID) *tracker.Tenant {
		return &tracker.Tenant{ID: testTenant, Identity: key}
	}
	r.crash()
	v, u, m := key.Hash('v', []byte("anon-1")), key.Hash('u', []byte("ana")), key.Hash('e', []byte("ana@example.org"))
	put := func(id byte, e tracker.Event, personal ...tracker.Field) {
		e.MessageID, e.MessageUUID = make([]byte, 16), true
		e.MessageID[0] = id
		rec := storage.Record{Tenant: testTenant, Kind: storage.KindEvent, ID: e.MessageID, Row: tracker.AppendRow(nil, &e), Personal: tracker.AppendFields(nil, personal)}
		sub := e.Subject()
		rec.Subject[0] = byte(sub.Kind)
		copy(rec.Subject[1:], sub.Hash[:])
		r.append(rec)
	}
	r.append(activation(testCard, 1))
	put(1, tracker.Event{Type: []byte("page_view"), Time: r.now - 3000, Visitor: v}, text(tracker.System, "visitor", "anon-1"))
	put(2, tracker.Event{Type: []byte("identify"), Time: r.now - 2000, Visitor: v, User: u, Email: m, Proved: true},
		text(tracker.System, "visitor", "anon-1"), text(tracker.System, "user_id", "ana"), text(tracker.System, "email", "Ana@Example.org"),
		text(tracker.Trait, "job", "cto"), text(tracker.Trait, "city", "Vigo"))
	put(3, tracker.Event{Type: []byte("identify"), Time: r.now - 1000, Visitor: v, User: u},
		tracker.Field{Space: tracker.Trait, Name: []byte("city"), Value: tracker.Value{Tag: tracker.Null}})
	r.turns()
	for _, who := range []string{"ana", "ana@example.org", "anon-1", tracker.LeadID{Kind: 'v', Hash: v}.String()} {
		l, err := r.s.Lead(secret, testTenant, who)
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		if l.ID != (tracker.LeadID{Kind: 'u', Hash: u}) || l.Email != "ana@example.org" || len(l.Identities) != 3 || len(l.Superseded) != 2 ||
			l.Attributes["job"] != "cto" || len(l.Attributes) != 1 || l.Scores["saas"].Dims["fit"] != 50 {
			t.Fatalf("%s: got %+v", who, l)
		}
	}
	page, err := r.s.Timeline(secret, testTenant, "ana", "", 2, true)
	if err != nil || len(page.Events) != 2 || page.Total != 3 || page.Next == "" {
		t.Fatalf("got %d events of %d: %v", len(page.Events), page.Total, err)
	}
	if page, err = r.s.Timeline(secret, testTenant, "ana", page.Next, 2, true); err != nil || len(page.Events) != 1 || page.Next != "" {
		t.Fatalf("the rest: got %d events, next %q: %v", len(page.Events), page.Next, err)
	}
	if _, err := r.s.Lead(secret, testTenant, "nobody"); tracker.KindOf(err) != tracker.KindNotFound {
		t.Fatalf("nobody: %v", err)
	}
}

func TestPagesNeitherSkipNorRepeat(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.append(activation(testCard, 1))
	for i := range uint64(57) {
		r.append(view(i+1, r.now-int64(i%5), fmt.Sprint("v", i), "/pricing"))
	}
	r.turns()
	for _, q := range []export.LeadQuery{{Limit: 10}, {Limit: 10, Sort: "last_seen"}, {Limit: 10, Dimension: "engagement"}} {
		seen := map[tracker.LeadID]bool{}
		for {
			page, err := r.s.Leads(secret, testTenant, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range page.Leads {
				if seen[l.ID] {
					t.Fatalf("%+v: %s twice", q, l.ID)
				}
				seen[l.ID] = true
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		if len(seen) != 57 {
			t.Fatalf("%+v: %d leads of 57", q, len(seen))
		}
	}
}

func TestRunFollowsAndReplays(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.s.Run(ctx) }()
	recs := []storage.Record{activation(testCard, 1), view(1, r.now, "v1", "/pricing"), view(2, r.now, "v2", "/about")}
	r.append(recs...)
	last := recs[2].Seq
	if err := r.s.WaitSeen(ctx, last); err != nil {
		t.Fatal(err)
	}
	changes, err := r.s.Changes(ctx, secret, testTenant, 0, 0)
	if err != nil || len(changes) != 2 {
		t.Fatalf("got %d changes, want 2: %v", len(changes), err)
	}
	if err := r.s.Replay(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := r.s.Count(secret, testTenant); n != 2 || err != nil {
		t.Fatalf("after a replay: %d leads: %v", n, err)
	}
	done, stop := context.WithCancel(ctx)
	stop()
	if more, err := r.s.Changes(done, secret, testTenant, 2, 0); err != nil || len(more) != 0 {
		t.Fatalf("a replay that changed nothing wrote %+v: %v", more, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestReadersBesideTheLoop(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.cfg.Cache, r.cfg.Checkpoint = 64<<10, time.Millisecond // records come and go
	r.crash()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 5)
	go func() { ended <- r.s.Run(ctx) }()
	r.append(activation(testCard, 1))
	reader := func(read func() error) {
		var err error
		for ctx.Err() == nil && err == nil {
			err = read()
		}
		ended <- err
	}
	go reader(func() error { _, err := r.s.Leads(secret, testTenant, export.LeadQuery{}); return err })
	go reader(func() error {
		return r.s.EachLead(secret, testTenant, export.LeadQuery{}, func(l *tracker.Lead) error {
			_, err := r.s.History(secret, testTenant, l.ID.String(), "", 0, 3)
			if tracker.KindOf(err) == tracker.KindNotFound {
				err = nil
			}
			return err
		})
	})
	go reader(func() error {
		_, err := r.s.Lead(secret, testTenant, tracker.LeadID{Kind: 'u', Hash: hash("u1")}.String())
		return notFoundIsFine(err)
	})
	go reader(func() error { _, err := r.s.Changes(ctx, secret, testTenant, 0, 10); return err })
	rnd := rand.New(rand.NewPCG(5, 6))
	var last uint64
	for i := range uint64(60) {
		var recs []storage.Record
		for j := range uint64(20) {
			e := view(100*i+j+1, r.now-rnd.Int64N(day), fmt.Sprint("v", rnd.IntN(40)), "/pricing")
			if rnd.IntN(9) == 0 {
				e = event(100*i+j+1, "identify", r.now-rnd.Int64N(day), fmt.Sprint("v", rnd.IntN(40)), fmt.Sprint("u", rnd.IntN(9)), "", nil, []tracker.Field{text(tracker.Trait, "job", "cto")})
			}
			recs = append(recs, e)
		}
		r.append(recs...)
		last = recs[len(recs)-1].Seq
	}
	if err := r.s.WaitSeen(ctx, last); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
}

// TestTimelineBesideCheckpoints reads a timeline while its events move from
// memory to storage: none is ever out of view, or there twice.
func TestTimelineBesideCheckpoints(t *testing.T) {
	r := newRig(t, 1_763_784_000_000)
	r.cfg.Cache, r.cfg.Checkpoint = 64<<10, time.Millisecond
	r.crash()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- r.s.Run(ctx) }()
	v1 := tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: hash("v1")}.String()
	var replaying atomic.Bool // the timeline grows again from nothing
	go func() {
		most := 0
		for ctx.Err() == nil {
			page, err := r.s.Timeline(secret, testTenant, v1, "", 1000, false)
			if notFoundIsFine(err) != nil || page.Total < most && !replaying.Load() || len(page.Events) != page.Total {
				ended <- fmt.Errorf("%d events of %d, there were %d: %w", len(page.Events), page.Total, most, err)
				return
			}
			most = page.Total
		}
		ended <- nil
	}()
	r.append(activation(testCard, 1))
	var last uint64
	for i := range uint64(60) {
		var recs []storage.Record
		for j := range uint64(10) {
			recs = append(recs, view(100*i+j+1, r.now-int64(j), "v1", "/pricing"), view(100*i+j+51, r.now, fmt.Sprint("w", 10*i+j), "/about"))
		}
		r.append(recs...)
		last = recs[len(recs)-1].Seq
		if err := r.s.WaitSeen(ctx, last); err != nil {
			t.Fatal(err)
		}
	}
	replaying.Store(true)
	if err := r.s.Replay(ctx, nil); err != nil {
		t.Error(err)
	}
	page, err := r.s.Timeline(secret, testTenant, v1, "", 1000, false)
	if err != nil || page.Total != 600 {
		t.Errorf("in the end %d events of 600: %v", page.Total, err)
	}
	cancel()
	for range cap(ended) {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func notFoundIsFine(err error) error {
	if tracker.KindOf(err) == tracker.KindNotFound {
		return nil
	}
	return err
}

// A visitor may send more between two checkpoints than one transaction of the
// table takes. A crash after a part of it is stored changes nothing.
func TestCheckpointOfOneVisitorIsSplit(t *testing.T) {
	lead := func(faulty int) string {
		r := newRig(t, 1_763_784_000_000)
		size, _ := r.db.Leads().Limit()
		r.append(activation(testCard, 1))
		r.turns()
		r.s.saved = time.Now() // one checkpoint more, when all is read
		r.s.cfg.Checkpoint = time.Hour
		long := "/" + strings.Repeat("x", 30<<10)
		var recs []storage.Record
		for n := int64(0); n < 2*size; n += int64(len(long)) {
			i := uint64(len(recs) + 1)
			recs = append(recs, view(i, r.now-100_000+int64(i), "v1", long), view(1e6+i, r.now-50_000+int64(i), "v1", "/pricing"))
		}
		r.append(recs...)
		writes := 0
		r.fault = func(write string) storage.Fault {
			if write == storage.WriteLeads {
				if writes++; writes == faulty {
					return storage.FaultLost
				}
			}
			return storage.FaultNone
		}
		r.turns()
		err := r.s.checkpoint(context.Background())
		if (err != nil) != (faulty > 0) {
			t.Fatalf("checkpoint with fault %d after %d writes: %v", faulty, writes, err)
		}
		r.fault = nil
		if faulty > 0 {
			r.crash()
		}
		r.turns()
		l, err := r.s.Lead(secret, testTenant, tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: hash("v1")}.String())
		if err != nil || int(l.Events) != len(recs) {
			t.Fatalf("lead %+v, %v; want %d events", l, err, len(recs))
		}
		r.closeDB()
		return fmt.Sprintf("%d %+v", l.Events, *l.Scores["saas"])
	}
	whole := lead(0)
	for faulty := 1; faulty <= 4; faulty++ {
		if got := lead(faulty); got != whole {
			t.Fatalf("crash in write %d: got %s, want %s", faulty, got, whole)
		}
	}
}
