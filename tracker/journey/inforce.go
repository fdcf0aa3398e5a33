package journey

import (
	"maps"
	"slices"

	"ripen/tracker"
)

// inForce is what a tenant has in force.
type inForce struct {
	docs     map[string]*tracker.JourneyDoc // :: name → journey with its versions
	parsed   map[string]map[int]*Journey    // :: name → version → journey
	listed   []*Journey                     // in force, by name
	segments []*Segment                     // in force, by name
	events   map[string]bool                // :: type of event that something waits for
	texts    bool                           // some journey sends SMS
}

func (f *inForce) empty() bool { return len(f.docs) == 0 && len(f.segments) == 0 }

func (f *inForce) version(name string, n int) *Journey { return f.parsed[name][n] }

// listen sets what is listened for.
func (f *inForce) listen() {
	f.events, f.texts = map[string]bool{}, false
	for _, versions := range f.parsed {
		for _, j := range versions { // of all versions: leads walk the one they entered
			f.texts = f.texts || j.Sends(SMS)
			if slices.ContainsFunc(j.Steps, (*Step).isAnswered) {
				for typ := range answers {
					f.events[typ] = true
				}
			}
			for _, t := range j.triggers() {
				if t.Event != "" {
					f.events[t.Event] = true
				}
				if t.When != nil {
					f.events[anyEvent] = true
				}
			}
		}
	}
	if len(f.segments) > 0 {
		f.events[anyEvent] = true
	}
	f.listed = nil
	for _, name := range slices.Sorted(maps.Keys(f.docs)) {
		if j := f.version(name, f.docs[name].Current); j != nil {
			f.listed = append(f.listed, j)
		}
	}
}

// anyEvent stands for all types of events.
const anyEvent = "*"
