package scoring

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/bench/suite"
)

// smallest is a run whose figures say nothing, but which goes the whole way.
func smallest(t *testing.T, only ...string) (*bench, *bytes.Buffer) {
	var log bytes.Buffer
	return &bench{
		Options: Options{Quick: true, Only: only, Dir: t.TempDir(), Log: &log},
		tempo:   tempo{2, 2 * time.Millisecond, 2, 8, 1, 5, 200, 200},
	}, &log
}

// measured runs parts and wants their figures, and no note beside the first.
func measured(t *testing.T, b *bench, log *bytes.Buffer, figures ...string) *suite.Report {
	t.Helper()
	r, err := b.run(t.Context())
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	for i := range r.Figures {
		f := &r.Figures[i]
		if f.Known != slices.Contains(figures, f.ID) {
			t.Errorf("%s: known = %v", f.ID, f.Known)
		}
		if f.Known && f.Note == "" {
			t.Errorf("%s: %v without a word of how", f.ID, f.Measured)
		}
	}
	if len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "--quick") {
		t.Errorf("notes: %q", r.Notes)
	}
	return r
}

func TestInProcess(t *testing.T) {
	b, log := smallest(t, "runnable", "resident", "stall", "neighbour")
	r := measured(t, b, log, figRunnable, figTenant, figInstance, figStall, figNeighbour)
	if f := r.Figure(figStall); !strings.Contains(f.Note, "grow p50") {
		t.Errorf("not every way is in the note: %s", f.Note)
	}
	var out bytes.Buffer
	if err := r.Print(&out); err != nil || !strings.Contains(out.String(), "not measured") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestTrees(t *testing.T) {
	b, log := smallest(t, "trees")
	measured(t, b, log, figTrees)
}

func TestCard(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the engines of comparison")
	}
	b, log := smallest(t, "card")
	measured(t, b, log, figNative, figExpr, figCel, figGoja)
}

func TestGuest(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler here")
	}
	b, log := smallest(t, "guest")
	measured(t, b, log, figOne, figBatch)
}

func TestThroughTheBinary(t *testing.T) {
	if testing.Short() {
		t.Skip("builds ripen and drives it for some seconds")
	}
	b, log := smallest(t, "upload", "simulate", "rescore")
	r := measured(t, b, log, figAlive, figAnswer, figGrowth, figSimulate, figRescore)
	if f := r.Figure(figAlive); f.Measured != 100 {
		t.Errorf("the process survived %v %% of the uploads: %s", f.Measured, f.Note)
	}
}

// TestGasIsRead holds the reader to what the benchmark of ripen/wasm/host prints.
func TestGasIsRead(t *testing.T) {
	out, err := os.ReadFile("testdata/gas.txt")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := smallest(t)
	b.report.Figures = bars()
	if err := b.readGas(string(out)); err != nil {
		t.Fatal(err)
	}
	if mean, worst := b.report.Figure(figGasMean), b.report.Figure(figGasWorst); mean.Measured != 1.146 || worst.Measured != 1.308 || !strings.HasPrefix(worst.Note, "fac-opt;") {
		t.Errorf("%+v %+v", mean, worst)
	}
	if err := b.readGas("ok ripen/wasm/host 1.0s"); err == nil {
		t.Error("nothing is read from nothing")
	}
}

// TestDifferent shows that what does not agree is never timed.
func TestDifferent(t *testing.T) {
	w, err := openTwenty(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	all := records()
	if err := w.checkRecords(all); err != nil {
		t.Fatal(err)
	}
	all[0].Country = "JP"
	if err := w.checkRecords(all); err == nil || !strings.Contains(err.Error(), "record 0") {
		t.Errorf("a record that is another: %v", err)
	}
	same := slices.Repeat(records()[:1], 64)
	for i := range w.events {
		w.events[i] = w.events[0]
	}
	if err := w.checkRecords(same); err == nil || !strings.Contains(err.Error(), "of 64 records") {
		t.Errorf("records that ask nothing: %v", err)
	}
}

func TestUnknownPart(t *testing.T) {
	if _, err := Run(t.Context(), Options{Only: []string{"speed"}}); err == nil || !strings.Contains(err.Error(), "simulate") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, Options{Quick: true, Only: []string{"runnable"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("a run that is cancelled: %v", err)
	}
}

func TestRatio(t *testing.T) {
	r := &race{[]lane{{name: "a"}, {name: "b"}}, [][]float64{{10, 40, 20}, {10, 10, 10}}}
	if v, note := r.ratio(0, 1); v != 2 || note != "a 10 ns ÷ b 10 ns, 1.00–4.00 in 3 rounds" {
		t.Errorf("%v %s", v, note)
	}
	if p := percentile([]float64{5, 1, 4, 2, 3}, 95); p != 5 {
		t.Errorf("p95 = %v", p)
	}
	if p := percentile([]float64{5, 1, 4, 2, 3}, 50); p != 3 {
		t.Errorf("p50 = %v", p)
	}
}
