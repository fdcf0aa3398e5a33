package server

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/train"
	"ripen/wasm/scorecard"
)

// TestTrain lets people look at prices or not, tells of their plan under seal, and lets
// those who looked win days later. What is learned asks for prices, is the same again,
// and a second tenant's people are not in it.
func TestTrain(t *testing.T) {
	const day = 86_400_000
	r := newRig(t, 1_763_784_000_000)
	add := func(tenant storage.Tenant, i int, typ string, clear, personal []tracker.Field) {
		r.now++
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], uint64(r.now))
		e := tracker.Event{Type: []byte(typ), Time: r.now, MessageID: id[:], MessageUUID: true, Source: 1, Fields: clear}
		binary.BigEndian.PutUint64(e.Visitor[:], uint64(i)*0x9e3779b97f4a7c15+1)
		rec := storage.Record{Tenant: tenant, Kind: storage.KindEvent, ID: id[:], Row: tracker.AppendRow(nil, &e)}
		sub := e.Subject()
		rec.Subject[0] = byte(sub.Kind)
		copy(rec.Subject[1:], sub.Hash[:])
		if personal != nil {
			rec.Personal = tracker.AppendFields(nil, personal)
		}
		r.append(rec)
	}
	const leads = 240
	for i := range leads {
		path := []string{"/blog/a", "/prices"}[i%2]
		add(storage.Tenant(testTenant), i, "page_view", []tracker.Field{text(tracker.Property, "path", path)}, nil)
		add(storage.Tenant(testTenant), i, "identify", nil, []tracker.Field{text(tracker.Trait, "plan", []string{"free", "pro"}[i/2%2])})
		add(storage.Tenant{9}, i, "page_view", []tracker.Field{text(tracker.Property, "path", "/other")}, nil)
	}
	r.now += 30 * day
	for i := range leads {
		if i%2 == 1 && i%10 != 1 || i%20 == 0 {
			add(storage.Tenant(testTenant), i, "won", nil, nil)
		}
	}
	r.now += 60 * day
	r.turns()
	l, err := scorecard.ParseLabel("won within 60d")
	if err != nil {
		t.Fatal(err)
	}
	learn := func(c tracker.Caller) (*export.Trained, error) {
		return r.s.Train(context.Background(), c, testTenant, export.Training{Card: "learned", Label: l, Seed: 3, Language: "es"}, func(int, int) error { return nil })
	}
	mine := tracker.Caller{Role: tracker.SecretRole, Tenant: testTenant}
	if _, err := learn(tracker.Caller{Role: tracker.SecretRole, Tenant: tracker.TenantID{9}}); err == nil {
		t.Error("another tenant's key learns from this one's log")
	}
	one, err := learn(mine)
	if err != nil {
		t.Fatal(err)
	}
	report := one.Report.(*train.Report)
	if report.Log.Leads != leads || report.Log.By != "received" || report.Conversions < 50 || one.Better {
		t.Errorf("%+v, %d converted", report.Log, report.Conversions)
	}
	names := ""
	for _, a := range report.Attributes {
		names += a.Attribute + " "
	}
	if !strings.Contains(one.YAML, `path: "/prices*"`) || !strings.Contains(names, "plan ") || strings.Contains(names, "other") {
		t.Errorf("learned from %s:\n%s", names, one.YAML)
	}
	if err := r.s.checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	r.crash() // what is stored says the same
	r.turns()
	two, err := learn(mine)
	if err != nil {
		t.Fatal(err)
	}
	if one.YAML != two.YAML {
		t.Errorf("another card of the same log:\n%s", two.YAML)
	}
}
