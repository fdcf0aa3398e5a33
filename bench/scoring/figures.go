package scoring

import "ripen/bench/suite"

// The figures, in the order of the table.
const (
	figNative    = "card_native"
	figExpr      = "card_expr"
	figCel       = "card_cel"
	figGoja      = "card_goja"
	figTrees     = "trees_native"
	figOne       = "guest_one"
	figBatch     = "guest_batch"
	figGasMean   = "gas_mean"
	figGasWorst  = "gas_worst"
	figRunnable  = "runnable"
	figStall     = "stall"
	figNeighbour = "neighbour"
	figAlive     = "upload_alive"
	figAnswer    = "upload_answer"
	figGrowth    = "upload_rss"
	figTenant    = "tenant"
	figInstance  = "instance"
	figRescore   = "rescore"
	figSimulate  = "simulate"
)

func bars() []suite.Figure {
	return []suite.Figure{
		{ID: figNative, Name: "20 rules compiled, with gas, reasons, copy-in ÷ by hand in Go", Reach: 2.5, Stretch: 2, Digits: 2},
		{ID: figExpr, Name: "  times faster than expr-lang", Least: true, Reach: 20, Stretch: 30, Digits: 1},
		{ID: figCel, Name: "  times faster than cel-go", Least: true, Reach: 25, Stretch: 40, Digits: 1},
		{ID: figGoja, Name: "  times faster than goja", Least: true, Reach: 40, Stretch: 60, Digits: 1},
		{ID: figTrees, Name: "100 trees of 6 questions compiled, with gas, copy-in ÷ flat in Go", Reach: 1, Stretch: .7, Digits: 2},
		{ID: figOne, Name: "fold + score of an event, guest in C ÷ native", Reach: 4, Stretch: 3.4, Digits: 2},
		{ID: figBatch, Name: "  in batches of 16, per event", Reach: 2.6, Stretch: 2.2, Digits: 2},
		{ID: figGasMean, Name: "metered ÷ raw code, geometric mean of the workloads", Reach: 1.15, Stretch: 1.09, Digits: 3},
		{ID: figGasWorst, Name: "  the worst of them", Reach: 1.6, Stretch: 1.47, Digits: 2},
		{ID: figRunnable, Name: "20-rule YAML → runnable, p95", Unit: "ms", Reach: 10, Stretch: 3, Digits: 1},
		{ID: figStall, Name: "hostile guest at full budget: added stop-the-world, p99", Unit: "ms", Reach: 3, Stretch: 2, Digits: 2},
		{ID: figNeighbour, Name: "another tenant's fold and score beside a runaway ÷ beside busy Go, p99", Reach: 1.5, Stretch: 1.2, Digits: 2},
		{ID: figAlive, Name: "hostile uploads that the process survives", Unit: "%", Least: true, Reach: 100, Stretch: 100},
		{ID: figAnswer, Name: "  answered in, the slowest", Unit: "s", Reach: 6, Stretch: 2, Digits: 2},
		{ID: figGrowth, Name: "  growth of the parent's RSS, at most", Unit: "MB", Reach: 32, Stretch: 16, Digits: 1},
		{ID: figTenant, Name: "resident memory of an idle compiled tenant", Unit: "KB", Reach: 48, Stretch: 32, Digits: 1},
		{ID: figInstance, Name: "  of a live instance", Unit: "KB", Reach: 128, Stretch: 64, Digits: 1},
		{ID: figRescore, Name: "1 M leads of 10 events scored anew after a publication, one core", Unit: "s", Reach: 60, Stretch: 20, Digits: 1},
		{ID: figSimulate, Name: "simulation over 100 k leads of 20 events", Unit: "s", Reach: 10, Stretch: 3, Digits: 1},
	}
}
