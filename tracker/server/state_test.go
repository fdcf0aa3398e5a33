package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

const testCard = `
scorecard: saas
dimensions:
  fit:
    kind: attributes
    max: 100
    groups:
      cargo: {max: 60, rules: [{id: boss, when: {job: {in: [cto, ceo]}}, points: 50, why: "Decides"}]}
    grades: {A: 50, B: 0}
  engagement:
    kind: behaviour
    max: 100
    groups:
      intent: {max: 80, rules: [
        {id: price, event: page_view, where: {path: "/pricing*"}, points: 10, per: session, cap: 45, half_life: 7d, why: "Looks at prices"},
        {id: demo, event: form_submit, points: 40, cap: 40, half_life: 30d, why: "Asked for a demo"},
        {id: click, event: email_click, points: 7, per: message, half_life: 9d, ignore: [bot], why: "Reads mails"},
        {id: often, event: page_view, count: {gte: 3, within: 7d}, points: 10, why: "Comes back"}]}
      away: {max: 0, min: -40, rules: [
        {id: silent, absent: any_activity, after: 30d, points: -20, why: "Silent"}]}
    grades: {1: 50, 2: 20, 3: 0}
score:
  combine: weighted
  of: [{dimension: fit, times: 0.4}, {dimension: engagement, times: 0.6}]
  scale: {from: [0, 100], to: [1, 100]}
bands:
  - {name: lead, from: 1}
  - {name: mql, from: 30, leave: 20}
  - {name: sql, from: 50, leave: 40, require: {grade: [A1, A2]}}
`

// otherCard weighs things differently and has a coarser scale of bands.
var otherCard = strings.NewReplacer("points: 10, per: session, cap: 45, half_life: 7d", "points: 15, per: day, cap: 60, half_life: 3d",
	"{name: mql, from: 30, leave: 20}", "{name: mql, from: 35, leave: 15}").Replace(testCard)

// placedCard reads where leads are, and where events came from.
var placedCard = strings.NewReplacer("points: 50, why: \"Decides\"}", "points: 50, why: \"Decides\"}, {id: here, when: {geo.country: ES}, points: 9, why: \"Is here\"}",
	"{id: often,", "{id: abroad, event: form_submit, where: {geo.country: PT}, points: 4, why: \"From abroad\"}, {id: often,").Replace(testCard)

var testTenant = tracker.TenantID{1, 2, 3}

// rig is a state on a database, driven turn by turn.
type rig struct {
	t   testing.TB
	dir string
	db  *storage.DB
	s   *State
	now int64
	cfg StateConfig
	// fault is what becomes of the next writes to leads/ and meta/.
	fault func(write string) storage.Fault
}

func newRig(t testing.TB, now int64) *rig {
	r := &rig{t: t, dir: t.TempDir(), now: now}
	r.openDB()
	t.Cleanup(func() { r.closeDB() })
	return r
}

func (r *rig) openDB() {
	r.t.Helper()
	db, err := storage.Open(r.dir, storage.Options{
		Now: func() time.Time { return time.UnixMilli(r.now) },
		Fault: func(write string) storage.Fault {
			switch write {
			case storage.WriteRows, storage.WriteHighWater, storage.WriteReblock, storage.WriteIDs: // by goroutines of their own
				return storage.FaultNone
			}
			if r.fault == nil {
				return storage.FaultNone
			}
			return r.fault(write)
		},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.db = db
	r.open()
}

func (r *rig) open() {
	r.t.Helper()
	cfg := r.cfg
	cfg.Now = func() int64 { return r.now }
	s, err := OpenState(context.Background(), r.db, cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.s = s
}

// crash forgets what is in memory.
func (r *rig) crash() {
	r.t.Helper()
	if err := r.s.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.open()
}

func (r *rig) closeDB() {
	r.t.Helper()
	if err := r.s.Close(); err != nil {
		r.t.Error(err)
	}
	if err := r.db.Close(); err != nil {
		r.t.Error(err)
	}
}

// turns lets the state do all there is to do.
func (r *rig) turns() {
	r.t.Helper()
	for {
		more, err := r.s.turn(context.Background())
		if err != nil {
			r.t.Fatal(err)
		}
		if c := r.s.fold.Committing(); c != nil {
			<-c
			more = true
		}
		if !more {
			return
		}
	}
}

func (r *rig) append(recs ...storage.Record) {
	r.t.Helper()
	if err := r.db.Log().Append(context.Background(), 0, recs); err != nil {
		r.t.Fatal(err)
	}
}

func activation(yaml string, version int) storage.Record {
	return storage.Record{
		Tenant: testTenant, Kind: storage.KindControl,
		Row: tracker.AppendActivation(nil, tracker.Activation{Card: "saas", Version: version, YAML: []byte(yaml), Ranking: true}),
	}
}

func hash(s string) (h tracker.Hash) {
	if s != "" {
		copy(h[:], fmt.Sprintf("%-16s", s))
	}
	return h
}

// event makes a record. id becomes the message id.
func event(id uint64, typ string, at int64, visitor, user, email string, clear, personal []tracker.Field) storage.Record {
	var mid [16]byte
	binary.BigEndian.PutUint64(mid[:], id*0x9e3779b97f4a7c15)
	e := tracker.Event{
		Type: []byte(typ), Time: at, MessageID: mid[:], MessageUUID: true, Source: 1,
		Visitor: hash(visitor), User: hash(user), Email: hash(email), Fields: clear,
	}
	r := storage.Record{Tenant: testTenant, Kind: storage.KindEvent, ID: mid[:], Row: tracker.AppendRow(nil, &e)}
	sub := e.Subject()
	r.Subject[0] = byte(sub.Kind)
	copy(r.Subject[1:], sub.Hash[:])
	if len(personal) > 0 {
		r.Personal = tracker.AppendFields(nil, personal)
	}
	return r
}

func text(space tracker.Space, name, value string) tracker.Field {
	return tracker.Field{Space: space, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(value)}}
}

func view(id uint64, at int64, visitor, path string) storage.Record {
	return event(id, "page_view", at, visitor, "", "", []tracker.Field{text(tracker.Property, "path", path)}, nil)
}

const day = int64(24 * 60 * 60 * 1000)

func TestStateScoresInOrder(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1))
	r.append(view(1, now-3000, "v1", "/pricing"), view(2, now-2000, "v2", "/about"), view(3, now-1000, "v1", "/pricing/x"))
	r.turns()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	page, err := r.s.Leads(c, testTenant, export.LeadQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Leads) != 2 || page.Leads[0].Scores["saas"].Score <= page.Leads[1].Scores["saas"].Score {
		for _, l := range page.Leads {
			t.Logf("%s %+v", l.ID, l.Scores["saas"])
		}
		t.Fatalf("got %d leads", len(page.Leads))
	}
}
