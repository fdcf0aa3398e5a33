package tracker

import "testing"

// TestOfLead tells what a card says of everybody from what it says of one lead.
func TestOfLead(t *testing.T) {
	f := func(rule string, want bool) {
		t.Helper()
		if got := (Reason{Rule: rule}).OfLead(); got != want {
			t.Errorf("a reason by %q is of the lead: %v, want %v", rule, got, want)
		}
	}
	f("base", false)
	f("rounding", false)
	f("pricing", true)
	f("cap:base", true)
	f("gate:rival", true)
}
