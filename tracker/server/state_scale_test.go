package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// TestScale fills a log with RIPEN_SCALE_EVENTS events (default ten times the
// leads) of RIPEN_SCALE_LEADS leads, every fifth identified, follows it, asks
// meanwhile for lists and timelines, opens the state again, and says what it
// cost. Without RIPEN_SCALE_LEADS it is skipped.
func TestScale(t *testing.T) {
	leads, err := strconv.Atoi(os.Getenv("RIPEN_SCALE_LEADS"))
	if err != nil {
		t.Skip("RIPEN_SCALE_LEADS is not set to a number of leads")
	}
	events, err := strconv.Atoi(os.Getenv("RIPEN_SCALE_EVENTS"))
	if err != nil {
		events = 10 * leads
	}
	r := newRig(t, 1_763_784_000_000)
	rnd := rand.New(rand.NewPCG(1, 2))
	r.append(activation(testCard, 1))
	identifyAll(r, leads)
	r.turns()
	var lists, lines []time.Duration
	var used time.Duration
	const step = 200_000
	for done := 0; done < events; done += step {
		traffic(t, r, rnd, step, leads)
		before := cpu()
		stop, asked := make(chan struct{}), make(chan struct{})
		go func() { // waited for below
			defer close(asked)
			ask(t, r.s, stop, &lists, &lines)
		}()
		r.turns()
		used += cpu() - before
		close(stop)
		<-asked
	}
	t.Logf("%d leads, %d events: fold with queries %d ns CPU/event, RSS %d MB", leads, events, used.Nanoseconds()/int64(events), rss())
	t.Logf("while following: %d lists of 100 p50 %v p99 %v; %d timelines p50 %v p99 %v", len(lists), share(lists, 50), share(lists, 99), len(lines), share(lines, 50), share(lines, 99))
	if err := r.s.checkpoint(context.Background()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	r.crash()
	opened := time.Since(begun)
	runtime.GC()
	t.Logf("closed and opened in %v, RSS %d MB", opened, rss())
	lists, lines = nil, nil
	stop := make(chan struct{})
	time.AfterFunc(3*time.Second, func() { close(stop) })
	ask(t, r.s, stop, &lists, &lines)
	t.Logf("at rest: lists p50 %v p99 %v; timelines p50 %v p99 %v", share(lists, 50), share(lists, 99), share(lines, 50), share(lines, 99))
}

// identifyAll ties every fifth visitor of traffic to a user id.
func identifyAll(r *rig, leads int) {
	var recs []storage.Record
	for i := 0; i < leads; i += 5 {
		r.now++
		user := fmt.Sprint("user", i)
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], uint64(i)+1)
		e := tracker.Event{Type: []byte("identify"), Time: r.now - 500, MessageID: id[:], MessageUUID: true, Source: 1}
		binary.BigEndian.PutUint64(e.Visitor[:], uint64(i)*0x9e3779b97f4a7c15+1)
		copy(e.User[:], fmt.Sprintf("%x", uint64(i)*0x9e3779b97f4a7c15))
		rec := storage.Record{Tenant: testTenant, Kind: storage.KindEvent, ID: id[:], Row: tracker.AppendRow(nil, &e), Subject: e.Subject().Key()}
		rec.Personal = tracker.AppendFields(nil, []tracker.Field{
			text(tracker.System, "user_id", user), text(tracker.System, "visitor", "v"+user),
			text(tracker.Trait, "job", "cto"), text(tracker.Trait, "email", user+"@example.org"), text(tracker.Trait, "name", "A Person With A Name"),
		})
		if recs = append(recs, rec); len(recs) == 2048 || i+5 >= leads {
			r.append(recs...)
			recs = recs[:0]
		}
	}
}

// ask asks for lists, and for timelines of the leads in them, until stop.
func ask(t *testing.T, s *State, stop <-chan struct{}, lists, lines *[]time.Duration) {
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	after := ""
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		begun := time.Now()
		page, err := s.Leads(c, testTenant, export.LeadQuery{After: after})
		if err != nil {
			t.Error(err)
			return
		}
		*lists = append(*lists, time.Since(begun))
		if after = page.Next; n%5 == 0 {
			after = "" // mostly further down, where no cache helps
		}
		for _, l := range page.Leads[:min(len(page.Leads), 3)] {
			begun := time.Now()
			if _, err := s.Timeline(c, testTenant, l.ID.String(), "", 100, false); err != nil && tracker.KindOf(err) != tracker.KindNotFound {
				t.Error(err)
				return
			}
			*lines = append(*lines, time.Since(begun))
		}
	}
}

func share(ds []time.Duration, percent int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	slices.Sort(ds)
	return ds[min(len(ds)*percent/100, len(ds)-1)].Round(10 * time.Microsecond)
}

// rss is the memory of the process, in MB.
func rss() int {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "VmRSS:")
	kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.Atoi(kb)
	if err != nil {
		return 0
	}
	return n >> 10
}
