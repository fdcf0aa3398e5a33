package score

import (
	"bytes"
	"cmp"
	"slices"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// Recorder collects what a card would have seen of events that happened, for a
// module to be tried on: one run of events for each subject.
type Recorder struct {
	walker Walker
	card   *scorecard.Card
	leads  map[tracker.LeadID]*recorded
	order  []*recorded
}

type recorded struct {
	walk Walk // for its sessions
	evs  []wasm.Event
}

// NewRecorder returns a recorder for a card. open is as [Walker.Open].
func NewRecorder(c *scorecard.Card, open func(e *tracker.Event) error) *Recorder {
	r := &Recorder{walker: Walker{Open: open}, card: c, leads: make(map[tracker.LeadID]*recorded)}
	r.walker.src.places = readsPlace(c)
	return r
}

// Add takes an event. personal says that it has a sealed part.
func (r *Recorder) Add(e *tracker.Event, personal bool) error {
	l := r.leads[e.Subject()]
	if l == nil {
		l = &recorded{}
		r.leads[e.Subject()], r.order = l, append(r.order, l)
	}
	src := &r.walker.src
	src.reset(&r.walker, e, l.walk.session(e, e.Subject()), personal)
	at := len(l.evs)
	l.evs = r.card.Bind(l.evs, src)
	for i := at; i < len(l.evs); i++ {
		for j := range l.evs[i].Slots { // they point into the event
			s := &l.evs[i].Slots[j]
			s.Str = bytes.Clone(s.Str)
		}
	}
	return src.err
}

// Leads returns the runs, each by time.
func (r *Recorder) Leads() [][]wasm.Event {
	var out [][]wasm.Event
	for _, l := range r.order {
		if len(l.evs) > 0 {
			slices.SortStableFunc(l.evs, func(a, b wasm.Event) int { return cmp.Compare(a.TimeMs, b.TimeMs) })
			out = append(out, l.evs)
		}
	}
	return out
}
