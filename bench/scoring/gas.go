package scoring

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// gasRounds is how often the workloads are gone through; each time is the best of
// 25 turns of raw and metered code by itself.
const gasRounds = 5

// gas asks the benchmark of ripen/wasm/host, where the workloads live: raw code
// needs an engine, and that is the engine's home.
func (b *bench) gas(ctx context.Context) error {
	rounds := gasRounds
	if b.Quick {
		rounds = 2
	}
	cmd := exec.CommandContext(ctx, "go", "test", "ripen/wasm/host", "-run", "^$", "-bench", "^BenchmarkGas$", "-benchtime", "1x", "-count", strconv.Itoa(rounds))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("go test ripen/wasm/host: %w: %s", err, bytes.TrimSpace(out))
	}
	return b.readGas(string(out))
}

func (b *bench) readGas(out string) error {
	mean, err := metrics(out, "geomean")
	if err != nil {
		return err
	}
	worst, err := metrics(out, "worst")
	if err != nil {
		return err
	}
	var names []string
	for _, f := range strings.Fields(out) {
		if name, ok := strings.CutPrefix(f, "x:"); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) < 10 {
		return fmt.Errorf("the benchmark names %d workloads, need 10: %s", len(names), out)
	}
	worstName, worstOf := "", 0.0
	for _, n := range names {
		each, err := metrics(out, "x:"+n)
		if err != nil {
			return err
		}
		slices.Sort(each)
		if v := median(each); v > worstOf {
			worstName, worstOf = n, v
		}
	}
	slices.Sort(worst)
	slices.Sort(mean)
	b.report.Set(figGasMean, median(mean), fmt.Sprintf("%d workloads, %.3f–%.3f in %d rounds", len(names), mean[0], mean[len(mean)-1], len(mean)))
	b.report.Set(figGasWorst, worstOf, fmt.Sprintf("%s; the worst of any round %.2f", worstName, worst[len(worst)-1]))
	return nil
}

// metrics reads the values that a benchmark reported under a name.
func metrics(out, name string) (v []float64, err error) {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if i := slices.Index(f, name); i > 0 && strings.HasPrefix(f[0], "BenchmarkGas") {
			x, err := strconv.ParseFloat(f[i-1], 64)
			if err != nil {
				return nil, err
			}
			v = append(v, x)
		}
	}
	if len(v) == 0 {
		return nil, fmt.Errorf("the benchmark reports no %s: %s", name, out)
	}
	return v, nil
}
