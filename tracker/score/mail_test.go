package score

import (
	"fmt"
	"slices"
	"testing"

	"ripen/tracker"
)

// mailEvent is an event of a mail at a moment, in ms.
func mailEvent(typ string, at int64, link string, why tracker.MachineReason) *tracker.Event {
	e := &tracker.Event{Type: []byte(typ), Time: at, MessageID: []byte(fmt.Sprint(at, link)), Seq: uint64(at) + 1, MachineReason: why}
	if why != tracker.NoReason {
		e.Machine = tracker.Bot
	}
	for name, v := range map[string]string{"message": "news", "link": link} {
		if v != "" {
			e.Fields = append(e.Fields, tracker.Field{Space: tracker.Property, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(v)}})
		}
	}
	return e
}

func TestWhatShowsAScanner(t *testing.T) {
	const at = 1_000_000
	click := mailEvent("email_click", at, "a", 0)
	f := func(want tracker.MachineReason, others ...*tracker.Event) {
		t.Helper()
		all := append([]*tracker.Event{click}, others...)
		slices.SortFunc(all, (*tracker.Event).Compare)
		var j Judge
		for _, e := range all {
			j.Add(e)
		}
		if _, is := j.Verdicts[click.Seq]; is {
			t.Error("judged before its window ended")
		}
		j.Until(at + tracker.DefaultSettle)
		if got := j.Verdicts[click.Seq]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	f(tracker.NoReason)

	f(tracker.TrapBurst, mailEvent("email_click", at-59_999, "t", tracker.TrapLink))
	f(tracker.TrapBurst, mailEvent("email_click", at+59_999, "t", tracker.TrapLink))
	f(tracker.NoReason, mailEvent("email_click", at-60_000, "t", tracker.TrapLink))

	f(tracker.HeadPair, mailEvent("email_click", at-2000, "a", tracker.HeadRequest))
	f(tracker.HeadPair, mailEvent("email_click", at+2000, "a", tracker.HeadRequest))
	f(tracker.NoReason, mailEvent("email_click", at-2001, "a", tracker.HeadRequest))
	f(tracker.NoReason, mailEvent("email_click", at+2001, "a", tracker.HeadRequest))
	f(tracker.NoReason, mailEvent("email_click", at-1500, "b", tracker.HeadRequest)) // of another link

	f(tracker.ManyLinks, mailEvent("email_click", at+1000, "b", 0))
	f(tracker.NoReason, mailEvent("email_click", at+1001, "b", 0))
	f(tracker.NoReason, mailEvent("email_click", at+100, "a", 0)) // a double click
	f(tracker.ManyLinks, mailEvent("email_click", at-5000, "b", 0), mailEvent("email_click", at+5000, "c", 0))
	f(tracker.NoReason, mailEvent("email_click", at-5001, "b", 0), mailEvent("email_click", at+5000, "c", 0))
	f(tracker.ManyLinks, mailEvent("email_click", at-5000, "b", tracker.AgentList), mailEvent("email_click", at+5000, "c", tracker.AgentList))

	f(tracker.TooSoon, mailEvent("email_delivered", at-5000, "", 0))
	f(tracker.NoReason, mailEvent("email_delivered", at-5001, "", 0))
	f(tracker.TooSoon, mailEvent("email_delivered", at+40_000, "", 0)) // before it was delivered
	f(tracker.TooSoon, mailEvent("email_sent", at-5000, "", 0))
	f(tracker.NoReason, mailEvent("email_sent", at+1, "", 0))

	// Of several, the strongest is told.
	f(tracker.TrapBurst, mailEvent("email_delivered", at-10, "", 0), mailEvent("email_click", at+10, "b", 0), mailEvent("email_click", at+20, "t", tracker.TrapLink))
	f(tracker.ManyLinks, mailEvent("email_delivered", at-10, "", 0), mailEvent("email_click", at+10, "b", 0))

	// Of another mail nothing counts.
	other := mailEvent("email_click", at+10, "t", tracker.TrapLink)
	other.Fields = nil
	f(tracker.NoReason, other)
}

func TestMailsOfAWalkAreStored(t *testing.T) {
	k := Walk{Level: tracker.Anonymous, First: 100}
	w := &Walker{}
	for _, e := range []*tracker.Event{
		mailEvent("email_delivered", 1000, "", 0), mailEvent("email_click", 2000, "a", tracker.HeadRequest),
		mailEvent("email_click", 30_000, "a", 0), mailEvent("email_click", 40_000, "b", 0),
	} {
		w.hold(&k, e, 7, e.Time == 40_000)
	}
	if len(k.held) != 2 || len(k.marks) != 4 || k.Next() != 30_000+tracker.DefaultSettle {
		t.Fatalf("got %d clicks, %d marks, next %d", len(k.held), len(k.marks), k.Next())
	}
	var got Walk
	b := k.Append(nil)
	if err := got.Decode(b, &Texts{}); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.marks, got.held) != fmt.Sprint(k.marks, k.held) {
		t.Errorf("got  %v %v\nwant %v %v", got.marks, got.held, k.marks, k.held)
	}
	for n := range b { // no prefix reads past its end
		_ = got.Decode(b[:n], &Texts{})
	}
}
