package server

import (
	"strings"
	"sync/atomic"
	"testing"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm/host"
)

// bigCard is testCard with rules that cost more than the gas of the test.
var bigCard = strings.Replace(testCard, "      intent: {max: 80, rules: [\n", "      intent: {max: 80, rules: [\n"+wideRules(), 1)

func wideRules() string {
	var b strings.Builder
	for i := range 200 {
		n := string(rune('a'+i/26)) + string(rune('a'+i%26))
		b.WriteString("        {id: wide_" + n + ", event: page_view, where: {path: \"/pricing/" + n + "*\"}, points: 1, half_life: 7d},\n")
	}
	return b.String()
}

// TestQuarantine puts a version in force that has not the gas for one event: it
// is given up after some traps, and the version before serves with the scores it
// had, for the events between, too.
func TestQuarantine(t *testing.T) {
	now := int64(1_763_784_000_000)
	h, err := host.New(t.Context(), host.Config{FoldGas: 2500})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	r := newRig(t, now)
	var told atomic.Pointer[string]
	r.cfg.Host = h
	r.cfg.Quarantine = func(id tracker.TenantID, a tracker.Activation, why string) {
		if id != testTenant || a.Name() != "saas@2" || !told.CompareAndSwap(nil, &why) {
			t.Errorf("told of %s of %s: %s", a.Name(), id, why)
		}
	}
	r.crash() // with this configuration
	r.append(activation(testCard, 1), view(1, now-9000, "v1", "/pricing/aa"))
	r.turns()
	score := func() int {
		t.Helper()
		page, err := r.s.Leads(tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}, testTenant, export.LeadQuery{})
		if err != nil || len(page.Leads) != 1 {
			t.Fatalf("%d leads, %v", len(page.Leads), err)
		}
		return page.Leads[0].Scores["saas"].Score
	}
	before := score()
	r.append(activation(bigCard, 2))
	var recs []storage.Record
	for i := range int64(8) {
		recs = append(recs, view(uint64(10+i), now-8000+i*100, "v1", "/pricing/aa"))
	}
	r.append(recs...)
	r.turns()
	r.s.telling.Wait()
	if why := told.Load(); why == nil || !strings.Contains(*why, "out of gas") {
		t.Fatal("nobody was told of the version that failed")
	}
	if n := r.s.Traps(); n < 3 || n > 6 {
		t.Errorf("%d traps before it was given up", n)
	}
	r.append(activation(testCard, 1)) // as the server does when told
	r.turns()
	if got := score(); got <= before {
		t.Errorf("the last good version scores %d, before the other %d: events were lost", got, before)
	}
}
