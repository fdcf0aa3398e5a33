package host

import (
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/meter"
)

// BenchmarkGas is what metering costs: for each workload the time of metered code
// over that of raw code, the best of many rounds in turn, and their geometric
// mean.
func BenchmarkGas(b *testing.B) {
	ratios, worst := 0.0, 0.0
	loads := workloads(b)
	for b.Loop() {
		ratios, worst = 0, 0
		for _, w := range loads {
			best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
			for range 25 {
				for i, f := range w.run {
					began := time.Now()
					for range w.times {
						f()
					}
					best[i] = min(best[i], time.Since(began))
				}
			}
			r := float64(best[1]) / float64(best[0])
			ratios, worst = ratios+math.Log(r), max(worst, r)
			b.ReportMetric(r, "x:"+strings.ReplaceAll(filepath.Base(w.name), " ", "-"))
		}
	}
	b.ReportMetric(math.Exp(ratios/float64(len(loads))), "geomean")
	b.ReportMetric(worst, "worst")
}

type workload struct {
	name  string
	times int
	run   [2]func() // raw, metered
}

func workloads(b *testing.B) (list []workload) {
	for _, name := range []string{"saas.yaml", "interes.yaml", "../../../tracker/demo/cafeteras.yaml", "../../../tracker/demo/machines.yaml"} {
		c := card(b, name)
		src, err := compile.Module(c)
		if err != nil {
			b.Fatal(err)
		}
		evs := bind(c, visits(start, 20))
		in := open(b, Config{}, c)
		state, err := in.Fold(nil, evs[:len(evs)-1])
		if err != nil {
			b.Fatal(err)
		}
		state = append([]byte(nil), state...)
		fill := func(mem api.Memory) {
			io, _ := mem.Read(0, wasm.IOSize)
			copy(io[wasm.IOState:], state)
			binary.LittleEndian.PutUint32(io[wasm.OffStateLen:], uint32(len(state)))
			writeEvent(io[wasm.IOEvents:], &evs[len(evs)-1])
		}
		now := uint64(evs[len(evs)-1].TimeMs)
		list = append(list, pairOf(b, name+" fold", src, wasm.ExportFold, 1, 500, fill), pairOf(b, name+" score", src, wasm.ExportScore, now, 500, fill))
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		b.Fatal(err)
	}
	fac, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "internal/integration_test/spectest/v2/testdata/fac.0.wasm"))
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range []string{"fac-rec", "fac-iter", "fac-opt"} {
		list = append(list, pairOf(b, f, fac, f, 25, 2000, nil))
	}
	return list
}

// pairOf instantiates a module raw and metered.
func pairOf(b *testing.B, name string, src []byte, export string, arg uint64, times int, fill func(api.Memory)) workload {
	w := workload{name: name, times: times}
	m, err := meter.Parse(src, meter.Own, "")
	if err != nil {
		b.Fatal(err)
	}
	metered, err := m.Metered(0)
	if err != nil {
		b.Fatal(err)
	}
	rt := wazero.NewRuntime(b.Context())
	b.Cleanup(func() { rt.Close(b.Context()) })
	for i, code := range [][]byte{src, metered} {
		mod, err := rt.InstantiateWithConfig(b.Context(), code, wazero.NewModuleConfig().WithName(""))
		if err != nil {
			b.Fatal(err)
		}
		if fill != nil {
			fill(mod.Memory())
		}
		f, stack := mod.ExportedFunction(export), make([]uint64, 1)
		gas, _ := mod.ExportedGlobal(meter.ExportGas).(api.MutableGlobal)
		w.run[i] = func() {
			if gas != nil {
				gas.Set(wasm.GasMax)
			}
			stack[0] = arg
			if err := f.CallWithStack(b.Context(), stack); err != nil {
				b.Fatal(err)
			}
		}
	}
	return w
}
