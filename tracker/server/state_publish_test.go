package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm/host"
)

// TestPublishIsAtomic publishes one version after the other while readers ask: every
// answer is of one version as a whole, and its reasons come to its score.
func TestPublishIsAtomic(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	heavier := strings.Replace(testCard, "dimension: engagement, times: 0.6", "dimension: engagement, times: 0.9", 1)
	ask := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	first := func() (*tracker.Score, error) {
		page, err := r.s.Leads(ask, testTenant, export.LeadQuery{})
		if err != nil || len(page.Leads) != 1 {
			return nil, fmt.Errorf("%d leads, %w", len(page.Leads), err)
		}
		l, err := r.s.Lead(ask, testTenant, page.Leads[0].ID.String())
		if err != nil {
			return nil, err
		}
		return l.Scores["saas"], nil
	}
	r.append(activation(testCard, 1), view(1, now-9000, "v1", "/pricing/aa"))
	r.turns()
	want := map[string]int{} // :: version → its score
	for i, yaml := range []string{testCard, heavier} {
		r.append(activation(yaml, 1+i))
		r.turns()
		is, err := first()
		if err != nil {
			t.Fatal(err)
		}
		want[is.Card] = is.Score
	}
	if len(want) != 2 || want["saas@1"] == want["saas@2"] {
		t.Fatalf("the versions do not differ: %v", want)
	}
	ctx, end := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for ctx.Err() == nil {
				is, err := first()
				if err != nil {
					t.Error(err)
					return
				}
				var sum int64
				for _, why := range is.Reasons {
					sum += why.Share
				}
				// A version that its lead has not met yet gives no reasons.
				if is.Score != want[is.Card] || len(is.Reasons) > 0 && sum != 1000*int64(is.Score) {
					t.Errorf("%s answers %d with reasons of %d, want %v", is.Card, is.Score, sum, want)
					return
				}
			}
		})
	}
	for i := range 40 {
		r.append(activation([]string{testCard, heavier}[i%2], 1+i%2))
		r.turns()
	}
	end()
	readers.Wait()
	// A lead that the version in force has not met yet stands as the one before left it.
	tenant, err := r.s.met(testTenant)
	if err == nil {
		err = r.s.activate(t.Context(), tenant, tracker.Activation{Card: "saas", Version: 1, YAML: []byte(testCard), Ranking: true}, 1<<40)
	}
	if err != nil {
		t.Fatal(err)
	}
	if is, err := first(); err != nil || is.Card != "saas@2" || is.Score != want["saas@2"] {
		t.Errorf("before the lead met the new version: %+v, %v, want %v", is, err, want)
	}
	r.turns()
	if is, err := first(); err != nil || is.Card != "saas@1" || is.Score != want["saas@1"] {
		t.Errorf("once it met it: %+v, %v, want %v", is, err, want)
	}
}

// TestPublishWaitsForCalls publishes while a call of the old version is under way: the
// call ends on its own version, which is closed only then.
func TestPublishWaitsForCalls(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1), view(1, now-9000, "v1", "/pricing/aa"))
	r.turns()
	old := r.s.tenants[testTenant].on("saas")
	before, err := old.reader.ScoreFast(nil, now)
	if err != nil {
		t.Fatal(err)
	}
	tenant, err := r.s.met(testTenant)
	if err != nil {
		t.Fatal(err)
	}
	old.mu.Lock() // as a call holds it
	published := make(chan error, 1)
	go func() {
		published <- r.s.activate(t.Context(), tenant, tracker.Activation{Card: "saas", Version: 2, YAML: []byte(otherCard), Ranking: true}, 1000)
	}()
	for r.s.mu.TryRLock() { // until the new version is being put in force
		r.s.mu.RUnlock()
		select {
		case err := <-published:
			t.Fatalf("the publication did not wait: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	for range 1000 {
		is, err := old.reader.ScoreFast(nil, now)
		if err != nil || is != before || old.closed {
			t.Errorf("the call under way: %v, %v, closed %t", is, err, old.closed)
			break
		}
	}
	old.mu.Unlock()
	if err := <-published; err != nil {
		t.Fatal(err)
	}
	old.mu.Lock()
	defer old.mu.Unlock()
	if is := r.s.tenants[testTenant].on("saas"); !old.closed || is == old || is.activation.Version != 2 {
		t.Errorf("version %d is in force, the old one closed: %t", is.activation.Version, old.closed)
	}
}

// TestRunawayLeavesOthersAlone lets a tenant's version burn all its gas at every event,
// between the events of another tenant in one log. However many they are, it is called a
// few times, each within its budget, before it is given up; the other's leads stand as
// they do without it.
func TestRunawayLeavesOthersAlone(t *testing.T) {
	now := int64(1_763_784_000_000)
	other := tracker.TenantID{9}
	of := func(rec storage.Record) storage.Record { rec.Tenant = other; return rec }
	beside := func(events int) (leads string, traps uint64) {
		h, err := host.New(t.Context(), host.Config{FoldGas: 2500})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() }) // after the rig's
		r := newRig(t, now)
		r.cfg.Host = h
		r.crash() // with this configuration
		r.append(of(activation(testCard, 1)), activation(testCard, 1))
		r.turns()
		r.append(activation(bigCard, 2)) // has not the gas for one event
		for i := range uint64(40) {
			recs := []storage.Record{of(view(1000+i, now-8000+int64(i)*100, fmt.Sprint("v", i%7), "/pricing/aa"))}
			for k := range uint64(events) {
				recs = append(recs, view(2000+i*100+k, now-8000, fmt.Sprint("w", k), "/pricing/aa"))
			}
			r.append(recs...)
		}
		r.turns()
		page, err := r.s.Leads(tracker.Caller{Tenant: other, Role: tracker.SecretRole}, other, export.LeadQuery{})
		if err != nil || len(page.Leads) != 7 {
			t.Fatalf("the other has %d leads, %v", len(page.Leads), err)
		}
		var b strings.Builder
		for _, l := range page.Leads {
			fmt.Fprintln(&b, l.ID, l.Scores["saas"].Card, l.Scores["saas"].Score, l.Scores["saas"].Band)
		}
		return b.String(), uint64(r.s.Traps())
	}
	alone, none := beside(0)
	few, some := beside(2)
	many, same := beside(20)
	if none != 0 || few != alone || many != alone {
		t.Errorf("alone, with %d traps:\n%s\nbeside a few:\n%s\nand many:\n%s", none, alone, few, many)
	}
	if some == 0 || some > 6 || same > 6 {
		t.Errorf("%d and %d traps, want at least one and at most 6", some, same)
	}
}
