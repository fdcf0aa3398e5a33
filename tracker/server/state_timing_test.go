package server

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm/scorecard"
)

// traffic appends records of random visitors to the log, in the order of time.
func traffic(b testing.TB, r *rig, rnd *rand.Rand, events, leads int) {
	trafficOf(b, r, rnd, events, leads, func(*tracker.Event) []tracker.Field { return nil })
}

// trafficOf is traffic whose events say more, the last of it personal.
func trafficOf(b testing.TB, r *rig, rnd *rand.Rand, events, leads int, more func(*tracker.Event) []tracker.Field) {
	recs := make([]storage.Record, 0, 2048)
	var fields []tracker.Field
	for i := range events {
		r.now++
		fields = append(fields[:0],
			text(tracker.Property, "path", [...]string{"/pricing", "/", "/about", "/blog/a-post-about-coffee"}[rnd.IntN(4)]),
			text(tracker.Context, "campaign.source", "newsletter"), text(tracker.Context, "library.name", "ripen.js"),
			text(tracker.Context, "session", fmt.Sprint(i%leads, "-", i/leads/8)),
			tracker.Field{Space: tracker.Property, Name: []byte("width"), Value: tracker.Value{Tag: tracker.Int, Num: 1440}})
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], rnd.Uint64())
		binary.BigEndian.PutUint64(id[8:], rnd.Uint64())
		e := tracker.Event{Type: []byte("page_view"), Time: r.now - 500, MessageID: id[:], MessageUUID: true, Source: 1, Fields: fields}
		binary.BigEndian.PutUint64(e.Visitor[:], uint64(rnd.IntN(leads))*0x9e3779b97f4a7c15+1)
		personal := more(&e)
		rec := storage.Record{Tenant: testTenant, Kind: storage.KindEvent, ID: id[:], Row: tracker.AppendRow(nil, &e)}
		sub := e.Subject()
		rec.Subject[0] = byte(sub.Kind)
		copy(rec.Subject[1:], sub.Hash[:])
		rec.Personal = tracker.AppendFields(nil, append(personal, text(tracker.Context, "page.title", "A page about coffee machines"), text(tracker.System, "agent", "Mozilla/5.0 (X11; Linux x86_64)")))
		if recs = append(recs, rec); len(recs) == cap(recs) || i == events-1 {
			r.append(recs...)
			recs = recs[:0]
		}
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkStateFollowsTheLog measures fold, score, rank, feed and checkpoints
// together, on real storage, reading a log that is there already.
func BenchmarkStateFollowsTheLog(b *testing.B) {
	for _, leads := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(leads), func(b *testing.B) {
			r := newRig(b, 1_763_784_000_000)
			rnd := rand.New(rand.NewPCG(1, 2))
			r.append(activation(testCard, 1))
			traffic(b, r, rnd, leads, leads)
			r.turns()
			n := 0
			var used time.Duration
			for b.Loop() {
				b.StopTimer()
				traffic(b, r, rnd, 200_000, leads)
				n += 200_000
				before := cpu()
				b.StartTimer()
				r.turns()
				if err := r.s.checkpoint(context.Background()); err != nil {
					b.Fatal(err)
				}
				used += cpu() - before
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(n), "cpu-ns/event")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/event")
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapInuse)/(1<<20), "MB-heap")
		})
	}
}

// BenchmarkStateFollowsPlaces measures what it costs that events of known people say
// where they are: each is opened, and what is known of the person sealed anew.
func BenchmarkStateFollowsPlaces(b *testing.B) {
	const leads, events = 10_000, 100_000
	for name, more := range map[string]func(*tracker.Event) []tracker.Field{
		"nobody": func(*tracker.Event) []tracker.Field { return nil },
		"known": func(e *tracker.Event) []tracker.Field {
			e.User = e.Visitor
			return []tracker.Field{text(tracker.System, "user_id", "somebody-1234")}
		},
		"known, placed": func(e *tracker.Event) []tracker.Field {
			e.User, e.Placed = e.Visitor, true
			return []tracker.Field{
				text(tracker.System, "user_id", "somebody-1234"), text(tracker.Context, tracker.PlaceCountry, "ES"),
				text(tracker.Context, tracker.PlaceCity, "Madrid"), text(tracker.Context, tracker.PlaceZone, "Europe/Madrid"),
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, 1_763_784_000_000)
			rnd := rand.New(rand.NewPCG(1, 2))
			r.append(activation(testCard, 1))
			trafficOf(b, r, rnd, leads, leads, more)
			r.turns()
			n := 0
			var used time.Duration
			for b.Loop() {
				b.StopTimer()
				trafficOf(b, r, rnd, events, leads, more)
				n += events
				before := cpu()
				b.StartTimer()
				r.turns()
				used += cpu() - before
			}
			b.ReportMetric(float64(used.Nanoseconds())/float64(n), "cpu-ns/event")
		})
	}
}

// BenchmarkStateMeetsANewCard measures a publication: every lead of ten events is
// walked through the card that comes in force, and stored.
func BenchmarkStateMeetsANewCard(b *testing.B) {
	const leads = 30_000
	r := newRig(b, 1_763_784_000_000)
	r.append(activation(testCard, 1))
	traffic(b, r, rand.New(rand.NewPCG(1, 2)), 10*leads, leads)
	r.turns()
	version, used := 1, time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		if err := r.s.checkpoint(context.Background()); err != nil {
			b.Fatal(err)
		}
		version++
		r.append(activation([...]string{testCard, otherCard}[version%2], version))
		before := cpu()
		b.StartTimer()
		r.turns()
		if err := r.s.checkpoint(context.Background()); err != nil {
			b.Fatal(err)
		}
		used += cpu() - before
	}
	b.ReportMetric(float64(used.Microseconds())/float64(b.N)/leads, "cpu-µs/lead")
}

// BenchmarkSnapshots looks at 100,000 leads of 20 events each, as stored and sealed,
// as learning from the log does.
func BenchmarkSnapshots(b *testing.B) {
	const leads, each = 100_000, 20
	r := newRig(b, 1_763_784_000_000)
	traffic(b, r, rand.New(rand.NewPCG(3, 4)), leads*each, leads)
	r.turns()
	if err := r.s.checkpoint(context.Background()); err != nil {
		b.Fatal(err)
	}
	r.now += 100 * 86_400_000
	l, err := scorecard.ParseLabel("won within 90d")
	if err != nil {
		b.Fatal(err)
	}
	var rows int
	before := cpu()
	for b.Loop() {
		t, err := r.s.snapshots(context.Background(), testTenant, export.Training{Card: "learned", Label: l, Seed: 1}, func(int, int) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		rows = t.Len()
	}
	if rows < leads*9/10 {
		b.Fatalf("%d rows", rows)
	}
	b.ReportMetric((cpu()-before).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/op")
}
