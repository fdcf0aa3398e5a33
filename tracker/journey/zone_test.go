package journey

import (
	"testing"
	"time"

	"ripen/tracker"
)

func TestZoneOfALead(t *testing.T) {
	f := func(told, place any, want string) {
		t.Helper()
		p := Person{Lead: &tracker.Lead{Attributes: map[string]any{"timezone": told, tracker.PlaceZone: place}}}
		if got := p.zone(time.UTC).String(); got != want {
			t.Errorf("told %v, in %v: %s, want %s", told, place, got, want)
		}
	}
	f(nil, nil, "UTC")
	f("Europe/Lisbon", "Europe/Madrid", "Europe/Lisbon")
	f(nil, "Europe/Madrid", "Europe/Madrid")
	f("nowhere", "Europe/Madrid", "Europe/Madrid")
	f(3, "Local", "UTC")
}
