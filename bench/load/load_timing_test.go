package load

import (
	"testing"
	"time"
)

func BenchmarkBuild(b *testing.B) {
	f := func(name string, events int) {
		b.Run(name, func(b *testing.B) {
			cfg := Config{Addr: "127.0.0.1:80", WriteKey: "wk", Events: events}
			r := &run{cfg: &cfg, frags: newFragments(&cfg)}
			var q request
			q.init(r, 0)
			now := time.Now()
			b.ReportAllocs()
			b.SetBytes(int64(len(q.build(now))))
			for b.Loop() {
				q.build(now)
			}
		})
	}
	f("pixel", 0)
	f("20 events", 20)
}
