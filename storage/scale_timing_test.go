package storage_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ripen/storage"
)

// scaleEnv asks TestScale for a number of events: RIPEN_STORAGE_SCALE=10000000.
const scaleEnv = "RIPEN_STORAGE_SCALE"

// TestScale loads many events of 100,000 visitors in a process of its own,
// kills it, and reports what that cost: memory, disk, opening, reading.
func TestScale(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(scaleEnv))
	if err != nil {
		t.Skipf("set %s to a number of events", scaleEnv)
	}
	dir := t.TempDir()
	if os.Getenv(childEnv+"_SCALE") == "" {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestScale$", "-test.v")
		cmd.Env = append(os.Environ(), childEnv+"_SCALE="+dir)
		out, _ := cmd.CombinedOutput() // it kills itself
		t.Logf("%s", out)
		scaleReport(t, dir)
		return
	}
	scaleLoad(t, os.Getenv(childEnv+"_SCALE"), n)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func scaleLoad(t *testing.T, dir string, n int) {
	db, err := storage.Open(dir, storage.Options{ReblockEvery: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	var sent atomic.Int64
	start, cpu := time.Now(), processCPU()
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(g), 7))
			recs := make([]storage.Record, 20)
			for sent.Add(20) <= int64(n) {
				for i := range recs {
					scaleRecord(&recs[i], rng)
				}
				if err := db.Log().Append(t.Context(), 0, recs); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	wall := time.Since(start)
	fmt.Printf("load: %.0f events/s, %.2f µs CPU per event with making it, %s\n", float64(n)/wall.Seconds(), float64((processCPU()-cpu).Nanoseconds())/float64(n)/1e3, memory())
	time.Sleep(12 * time.Second) // two rounds of joining, which is what is measured
	fmt.Printf("idle: %s\n", memory())
	if path := os.Getenv(scaleEnv + "_HEAP"); path != "" {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		_ = pprof.WriteHeapProfile(f)
		_ = f.Close()
	}
	debug.FreeOSMemory()
	fmt.Printf("collected: %s\n", memory())
}

func scaleRecord(r *storage.Record, rng *rand.Rand) {
	visitor := rng.IntN(100_000)
	r.Tenant, r.Kind, r.Subject = storage.Tenant{7}, storage.KindEvent, storage.Subject{0: 'v'}
	vr := rand.New(rand.NewPCG(uint64(visitor), 3))
	for i := range 16 {
		r.Subject[1+i] = byte(vr.Uint32())
	}
	row := append(r.Row[:0], 1, 9, 0, 0, 3)
	row = fmt.Appendf(row, "%06x", time.Now().UnixMilli()&0xffffff)
	at := len(row)
	for range 16 {
		row = append(row, byte(rng.Uint32()))
	}
	row = append(row, r.Subject[1:]...)
	row = fmt.Appendf(row, "\x09page_view\x05\x01\x05\x04path/catalogue/machines/espresso-%d\x01\x03\x05price%d\x01\x05\x08category\x08machines\x03\x05\x0fcampaign.source\x06google\x03\x05\x0fcampaign.medium\x03cpc", rng.IntN(500), rng.IntN(900))
	r.Row, r.ID = row, row[at:at+16]
	r.Personal = fmt.Appendf(r.Personal[:0], "\x03\x05\x05\x05agentoMozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\x03\x05\x0apage.title\x18Espresso machine no. %4d", rng.IntN(500))
}

func processCPU() time.Duration {
	var ru syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

func memory() string {
	b, _ := os.ReadFile("/proc/self/status")
	var out []string
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "VmHWM") || strings.HasPrefix(line, "Rss") || strings.HasPrefix(line, "VmRSS") {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(out, ", ")
}

func scaleReport(t *testing.T, dir string) {
	start := time.Now()
	db, err := storage.Open(dir, storage.Options{ReblockEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	t.Logf("open after kill: %v, %s", time.Since(start), memory())
	last, _ := db.Log().Last(t.Context(), 0)
	for _, sub := range []string{"log", "log/ids", "keys", "."} {
		t.Logf("%s: %.1f bytes per event", sub, float64(diskUse(filepath.Join(dir, sub)))/float64(last))
	}
	start = time.Now()
	n := 0
	err = db.Log().Read(t.Context(), 0, 1, func(recs []storage.Record) error { n += len(recs); return nil })
	t.Logf("read: %.0f events/s, %v", float64(n)/time.Since(start).Seconds(), err)
	var took []time.Duration
	for range 100 {
		seqs := make([]uint64, 100)
		for i := range seqs {
			seqs[i] = 1 + rand.Uint64N(last)
		}
		slices.Sort(seqs)
		start := time.Now()
		err := db.Get(t.Context(), 0, seqs, func(r *storage.Record) error {
			_, err := db.Unseal(nil, r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("get of 100 records anywhere: p50 %v, p99 %v, %s", took[50], took[98], memory())
}

func diskUse(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		var st syscall.Stat_t
		if err == nil && !d.IsDir() && syscall.Stat(path, &st) == nil {
			n += st.Blocks * 512
		}
		return nil
	})
	return n
}
