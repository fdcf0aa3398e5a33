package server

import (
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// ofMail makes a record of an event of the mail "news" to m1.
func ofMail(id uint64, typ string, at int64, link string, why tracker.MachineReason) storage.Record {
	clear := []tracker.Field{text(tracker.Property, "message", "news")}
	if link != "" {
		clear = append(clear, text(tracker.Property, "link", link))
	}
	r := event(id, typ, at, "", "", "m1", clear, nil)
	if why != tracker.NoReason {
		var e tracker.Event
		if err := tracker.DecodeRow(r.Row, &e); err != nil {
			panic("BUG: " + err.Error())
		}
		e.Machine, e.MachineReason = tracker.Bot, why
		r.Row = tracker.AppendRow(nil, &e)
	}
	return r
}

func (r *rig) history() (causes []string, scores []int) {
	r.t.Helper()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	hist, err := r.s.History(c, testTenant, tracker.LeadID{Kind: 'e', Hash: hash("m1")}.String(), "", 0, 100)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := len(hist) - 1; i >= 0; i-- {
		causes, scores = append(causes, hist[i].Cause), append(scores, hist[i].NewScore)
	}
	return causes, scores
}

func (r *rig) verdicts() map[uint64]string {
	r.t.Helper()
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	page, err := r.s.Timeline(c, testTenant, tracker.LeadID{Kind: 'e', Hash: hash("m1")}.String(), "", 100, false)
	if err != nil {
		r.t.Fatal(err)
	}
	out := map[uint64]string{}
	for i := range page.Events {
		out[page.Events[i].Seq] = page.Events[i].Machine.String() + " " + page.Events[i].MachineReason.String()
	}
	return out
}

func TestAClickSettlesAndIsWithdrawn(t *testing.T) {
	start := int64(1_763_784_000_000)
	r := newRig(t, start)
	r.append(activation(testCard, 1), ofMail(1, "email_click", start-1000, "a", 0))
	r.turns()
	if causes, scores := r.history(); len(scores) != 1 || causes[0] != causeEvent {
		t.Fatalf("a click that waits: %v %v", causes, scores)
	}
	r.now = start + 58_999
	r.turns()
	if _, scores := r.history(); len(scores) != 1 {
		t.Fatalf("it counts too early: %v", scores)
	}
	r.now = start + 59_000
	r.turns()
	causes, scores := r.history()
	if len(scores) != 2 || causes[1] != causeTime || scores[1] <= scores[0] {
		t.Fatalf("after its window: %v %v", causes, scores)
	}
	// Ten minutes later the provider reports what else happened in that second.
	r.now = start + 600_000
	r.append(ofMail(2, "email_click", start-900, "trap", tracker.TrapLink))
	r.turns()
	causes, scores = r.history()
	if len(scores) != 3 || causes[2] != causeWithdrawn || scores[2] != scores[0] {
		t.Fatalf("after the trap: %v %v", causes, scores)
	}
	if got := r.verdicts(); got[2] != "bot trap_burst" || got[3] != "bot trap_link" {
		t.Errorf("the timeline says %v", got)
	}
	// A second report of the same changes nothing, nor does a crash.
	r.append(ofMail(3, "email_click", start-800, "trap", tracker.TrapLink))
	r.turns()
	r.crash()
	r.turns()
	if causes, _ := r.history(); len(causes) != 3 {
		t.Errorf("told again: %v", causes)
	}
	// A person's click next day counts.
	r.now = start + day
	r.append(ofMail(4, "email_click", start+day, "a", 0))
	r.turns()
	r.now += 60_000
	r.turns()
	if causes, scores := r.history(); causes[len(causes)-1] != causeTime || scores[len(scores)-1] <= scores[0] {
		t.Errorf("next day: %v %v", causes, scores)
	}
}

func TestEvidenceInTimeWithdrawsNothing(t *testing.T) {
	start := int64(1_763_784_000_000)
	r := newRig(t, start)
	r.append(activation(testCard, 1), ofMail(1, "email_click", start-1000, "a", 0))
	r.turns()
	r.append(ofMail(2, "email_click", start-900, "a", tracker.HeadRequest))
	r.turns()
	r.now += 3_600_000
	r.turns()
	if causes, scores := r.history(); len(scores) != 1 {
		t.Errorf("a scanner's click moved the score: %v %v", causes, scores)
	}
}

// TestAClickProvesOnceItHasSettled follows who a lead is known to be: what a click
// proves waits with the click, and is withdrawn with it.
func TestAClickProvesOnceItHasSettled(t *testing.T) {
	start := int64(1_763_784_000_000)
	r := newRig(t, start)
	click := func(id uint64, at int64, link string, why tracker.MachineReason) storage.Record {
		rec := ofMail(id, "email_click", at, link, why)
		var e tracker.Event
		if err := tracker.DecodeRow(rec.Row, &e); err != nil {
			t.Fatal(err)
		}
		e.Proved = true
		rec.Row = tracker.AppendRow(nil, &e)
		return rec
	}
	want := func(when string, proved bool) {
		t.Helper()
		c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
		l, err := r.s.Lead(c, testTenant, tracker.LeadID{Kind: 'e', Hash: hash("m1")}.String())
		if err != nil || len(l.Identities) != 1 {
			t.Fatalf("%s: %+v, %v", when, l, err)
		}
		if l.Identities[0].Proved != proved {
			t.Errorf("%s: proved is %t", when, !proved)
		}
	}
	r.append(activation(testCard, 1), click(1, start-1000, "a", 0))
	r.turns()
	want("while it waits", false)
	r.now = start + 59_000
	r.turns()
	want("after its window", true)
	r.crash()
	want("after a crash before any checkpoint", false)
	r.turns()
	want("after the log was read again", true)
	r.now = start + 600_000
	r.append(click(2, start-900, "trap", tracker.TrapLink))
	r.turns()
	want("after the trap", false)
	r.crash()
	r.turns()
	want("after the trap and a crash", false)
	r.now = start + day
	r.append(click(3, start+day, "a", 0))
	r.turns()
	want("a click of the next day waits", false)
	r.now += 60_000
	r.turns()
	want("a person's click of the next day", true)
}
