package journey

import (
	"runtime"
	"testing"
)

// BenchmarkEnter lets leads enter a journey that sends at once and then waits:
// places, due rows, notes, counts and names of intents, without the outbox's own
// rows. heap/lead is what a waiting lead adds to the memory in use.
func BenchmarkEnter(b *testing.B) {
	const leads = 20_000
	for b.Loop() {
		b.StopTimer()
		d := newBed(b)
		d.publish("journey: t\nenter: {band: warm}\ngoal: {event: bought}\nsteps:\n  - {id: tell, webhook: crm}\n  - {id: rest, wait: 30d}\n")
		d.enters(leads)
		before := heap()
		b.StartTimer()
		if err := d.e.Settle(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(heap()-before)/leads, "heap/lead")
		if n := len(d.intents()); n != leads {
			b.Fatalf("%d intents", n)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)*leads/b.Elapsed().Seconds(), "leads/s")
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
