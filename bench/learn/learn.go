// Package learn is the bench of learning: what a card and boosted trees of 45,000
// rows and 16 columns cost in processor time and memory, on one core, beside
// scikit-learn in the same run where it is installed. Each fit is a process of its
// own, and says how well it orders the rows, so that nobody is fast by doing less.
package learn

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"ripen/bench/suite"
	"ripen/tracker/train"
)

const rows, columns = 45_000, 16

// Options says what to run.
type Options struct {
	Self string    // path of this program, for the fits
	Log  io.Writer // progress
}

const (
	figTrees      = "fit_trees"
	figCard       = "fit_card"
	figTreesPeak  = "fit_trees_peak"
	figTreesRatio = "fit_trees_sklearn"
	figCardRatio  = "fit_card_sklearn"
)

func bars() []suite.Figure {
	return []suite.Figure{
		{ID: figTrees, Name: "boosted trees of 45 k rows × 16 columns, processor time", Unit: "s", Reach: 3, Stretch: 1.5, Digits: 2},
		{ID: figTreesPeak, Name: "  peak memory of the process, file included", Unit: "MB", Reach: 400, Stretch: 200},
		{ID: figTreesRatio, Name: "  ÷ scikit-learn's histogram trees of the same size", Reach: 2, Stretch: 1, Digits: 2},
		{ID: figCard, Name: "learned card of the same rows, processor time", Unit: "s", Reach: 2, Stretch: 1, Digits: 2},
		{ID: figCardRatio, Name: "  ÷ scikit-learn's binned logistic regression", Reach: 2, Stretch: 1, Digits: 2},
	}
}

// Fit is what one fit cost, and how well it orders the rows it learned from.
type Fit struct {
	CPU  float64 `json:"cpu"` // seconds
	AUC  float64 `json:"auc"`
	Peak float64 `json:"peak_mb"`
}

// One reads a file and makes one fit of it: model is card or trees.
func One(file, model string) (*Fit, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := train.ReadTable(f, &train.Options{Label: "won"})
	if err != nil {
		return nil, err
	}
	before, _, err := used()
	if err != nil {
		return nil, err
	}
	var p []float64
	switch model {
	case "card":
		p = train.FitCard(t)
	case "trees":
		p = train.FitTrees(t, 1)
	default:
		return nil, fmt.Errorf("model %q is not card or trees", model)
	}
	after, peak, err := used()
	return &Fit{after - before, t.AUC(p), peak}, err
}

// used is the processor time of this process so far, in seconds, and its peak memory
// in MB.
func used() (cpu, peak float64, err error) {
	var u syscall.Rusage
	err = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds(), float64(u.Maxrss) / 1024, err
}

// Run measures.
func Run(ctx context.Context, o Options) (*suite.Report, error) {
	r := &suite.Report{Begun: time.Now(), Figures: bars()}
	r.Machine = fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
	dir, err := os.MkdirTemp("", "ripen-learn-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "people.csv")
	if err := os.WriteFile(file, people(), 0o600); err != nil {
		return nil, err
	}
	fits := map[string]*Fit{}
	for model, id := range map[string]string{"card": figCard, "trees": figTrees} {
		fmt.Fprintf(o.Log, "fit: %s\n", model)
		fits[model] = &Fit{}
		if err := ask(ctx, fits[model], o.Self, "fit", "--model", model, "--file", file); err != nil {
			return nil, err
		}
		r.Set(id, fits[model].CPU, fmt.Sprintf("AUC %.3f of the rows learned from", fits[model].AUC))
	}
	r.Set(figTreesPeak, fits["trees"].Peak, "")
	fmt.Fprintln(o.Log, "scikit-learn")
	if err := compare(ctx, r, fits, dir, file); err != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("not compared with scikit-learn: %v (apt-get install python3-sklearn)", err))
	}
	r.Seconds = time.Since(r.Begun).Seconds()
	return r, nil
}

// ask runs a program on one core and reads what it says.
func ask(ctx context.Context, into any, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, lines[len(lines)-1])
	}
	return json.Unmarshal(out, into)
}

//go:embed sklearn.py
var script []byte

// compare sets the ratios to scikit-learn, which Debian's Python has.
func compare(ctx context.Context, r *suite.Report, fits map[string]*Fit, dir, file string) error {
	py := filepath.Join(dir, "yardstick.py")
	if err := os.WriteFile(py, script, 0o600); err != nil {
		return err
	}
	var said struct {
		Version string
		Trees   Fit
		Card    Fit
		Peak    float64 `json:"peak_mb"`
	}
	err := ask(ctx, &said, "/usr/bin/python3", py, file)
	if err != nil {
		return err
	}
	note := func(f Fit) string {
		return fmt.Sprintf("scikit-learn %s: %.2f s, AUC %.3f", said.Version, f.CPU, f.AUC)
	}
	r.Set(figTreesRatio, fits["trees"].CPU/said.Trees.CPU, note(said.Trees)+fmt.Sprintf(", %.0f MB", said.Peak))
	r.Set(figCardRatio, fits["card"].CPU/said.Card.CPU, note(said.Card))
	return nil
}

// people is a file of people: eight numbers, eight choices, and whether they
// converted, about one in eight.
func people() []byte {
	r := rand.New(rand.NewPCG(1, 45))
	var b bytes.Buffer
	for j := range columns {
		fmt.Fprintf(&b, "%s_%d,", [...]string{"number", "choice"}[j%2], j)
	}
	b.WriteString("won\n")
	for range rows {
		m := -3.0
		for j := range columns {
			v := r.ExpFloat64()
			if j%2 == 1 {
				k := min(int(3*v), 4+j)
				b.WriteString("value " + strconv.Itoa(k) + ",")
				m += float64(k*(j%5)%7) / 8
			} else if r.IntN(20) == 0 {
				b.WriteByte(',')
			} else {
				b.WriteString(strconv.FormatFloat(v*float64(10+j), 'f', 2, 64) + ",")
				m += math.Sin(v*2) * float64(j%3) / 3
			}
		}
		won := "0\n"
		if r.Float64() < 1/(1+math.Exp(2.5-m/2)) {
			won = "1\n"
		}
		b.WriteString(won)
	}
	return b.Bytes()
}
