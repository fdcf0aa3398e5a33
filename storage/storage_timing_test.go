package storage

import (
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// benchRecord is a row of about 150 bytes with 16 random id bytes, of one of
// 5,000 visitors, and 150 bytes of personal text.
func benchRecord(r *Record, visitor int, row []byte) {
	r.Tenant, r.Kind = Tenant{7}, KindEvent
	r.Subject = Subject{0: 'v'}
	for i := range 16 {
		r.Subject[1+i] = byte(visitor * (7919*i + 104729) >> (i % 8))
	}
	row = append(row[:0], 1, 8, 0, 0, 3, 0xd0, 0x8c, 0xa5, 0xf2)
	at := len(row)
	row = append(row, make([]byte, 16)...)
	rand.Read(row[at:])
	row = append(row, r.Subject[1:]...)
	row = fmt.Appendf(row, "page_view\x05\x01\x05\x04path/catalogue/machines/espresso-%d\x01\x05\x05title\x01\x03\x05price\x11\x01\x05\x08category\x08machines\x03\x05campaign.source\x06google\x03\x05\x0fcampaign.medium\x03cpc", visitor%500)
	r.Row, r.ID = row, row[at:at+16]
	r.Personal = fmt.Appendf(r.Personal[:0], "\x03\x05\x05\x05agentoMozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\x03\x05\x0apage.title\x18Espresso machine no. %4d", visitor%500)
}

func cpuTime() time.Duration {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func BenchmarkAppend(b *testing.B) {
	for _, batch := range []int{1, 20} {
		b.Run(fmt.Sprintf("256x%d", batch), func(b *testing.B) {
			dir := b.TempDir()
			db := openTest(b, dir, Options{ReblockEvery: -1})
			var n atomic.Int64
			pool := make([][]Record, 256)
			for g := range pool {
				pool[g] = make([]Record, batch)
			}
			b.ReportAllocs()
			start := cpuTime()
			b.ResetTimer()
			var wg sync.WaitGroup
			for g := range 256 {
				wg.Go(func() {
					recs := pool[g]
					var rows [20][]byte
					for i := 0; n.Add(int64(batch)) <= int64(b.N); i++ {
						for j := range recs {
							benchRecord(&recs[j], (g*31+i*7+j)%5000, rows[j])
							rows[j] = recs[j].Row
						}
						if err := db.Log().Append(b.Context(), 0, recs); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			last, _ := db.Log().Last(b.Context(), 0)
			b.ReportMetric(float64(last)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64((cpuTime()-start).Nanoseconds())/float64(last), "cpu-ns/event")
			b.ReportMetric(float64(db.log.groups.Load()), "groups")
		})
	}
}

// BenchmarkCommitter measures the committer's own work on a full group, the
// disk left out: duplicates, seals, columns, compression, hashes.
func BenchmarkCommitter(b *testing.B) {
	db := openTest(b, b.TempDir(), Options{ReblockEvery: -1})
	db.Close() // the goroutine is gone: this test owns the committer's state
	l := db.log
	recs := make([]Record, 4000)
	for i := range recs {
		benchRecord(&recs[i], i%1000, nil)
	}
	w := &waiter{recs: recs, ids: make([]idHash, len(recs))}
	n, cpu := 0, cpuTime()
	b.ReportAllocs()
	for b.Loop() {
		for i := range w.ids {
			n++
			w.ids[i] = idHash{uint64(n) * 0x9E3779B97F4A7C15, uint64(n)}
		}
		if n%500_000 == 0 {
			l.c.ids.start(1)
		}
		l.c.group = append(l.c.group[:0], w)
		if err := l.lookup(); err != nil {
			b.Fatal(err)
		}
		l.stamp()
		l.seal()
		l.encode()
		for i := range l.c.blocks {
			l.ring.push(l.c.blocks[i])
		}
		l.c.next += uint64(len(recs))
	}
	b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(b.N)/float64(len(recs)), "cpu-ns/event")
	size := 0
	for _, e := range l.c.encoded {
		size += len(e)
	}
	b.ReportMetric(float64(size)/float64(len(recs)), "bytes/event")
}
