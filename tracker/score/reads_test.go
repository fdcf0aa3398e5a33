package score

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"ripen/tracker"
)

// When a person reads is what people did, once an hour, without what turns out to
// be a machine's; it is the latest, and survives storage.
func TestReadings(t *testing.T) {
	d := NewDeck(1)
	f := func(want []int64, events ...*tracker.Event) {
		t.Helper()
		k := walked(t, &d, nil, events...)
		if got := k.Readings(); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
		var again Walk
		if err := again.Decode(k.Append(nil), new(Texts)); err != nil || !reflect.DeepEqual(again.Readings(), want) {
			t.Errorf("stored: %v %v", again.Readings(), err)
		}
	}
	proxy := did("email_open", 2*day)
	proxy.Machine = tracker.Proxy
	bot := did("email_click", 3*day, "link", "l", "message", "m")
	bot.Machine = tracker.Bot
	f(nil, did("page_view", day), proxy, bot)
	f([]int64{day, day + hour}, did("email_open", day+1), did("email_open", day+hour/2), did("email_open", day+hour))
	f([]int64{2 * day}, did("email_click", 2*day, "message", "m", "link", "l")) // when it happened, not when it settled
	// Three links in a second are a scanner's.
	f(nil, did("email_click", day, "message", "m", "link", "a"), did("email_click", day+100, "message", "m", "link", "b"), did("email_click", day+200, "message", "m", "link", "c"))
	var many []*tracker.Event
	for i := range int64(tracker.ReadingsMost + 10) {
		many = append(many, did("email_open", (i+1)*day))
	}
	if got := walked(t, &d, nil, many...).Readings(); len(got) != tracker.ReadingsMost || got[0] != 11*day {
		t.Errorf("%d kept, the first %d", len(got), got[0]/day)
	}
}

// A set of moments is kept in whatever order clicks settle.
func TestReadingsOrder(t *testing.T) {
	var first *Walk
	for n := range uint64(20) {
		r := rand.New(rand.NewPCG(n, 1))
		k := &Walk{}
		for _, i := range r.Perm(50) {
			k.reads(&tracker.Event{Time: int64(i+1) * 2 * hour}, "email_open")
		}
		if first == nil {
			first = k
		}
		if !reflect.DeepEqual(k.Readings(), first.Readings()) {
			t.Fatalf("%v\n%v", k.Readings(), first.Readings())
		}
	}
}
