package scoring

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// lane is one of the things that are timed against each other. run works for
// about a slice of time and says how many nanoseconds one unit took at best.
type lane struct {
	name string
	run  func(slice time.Duration) (ns float64, err error)
}

// portions is how often a slice is looked at: the best portion counts, for what
// else runs on the machine only ever adds.
const portions = 8

// inProcess is a lane of this process; f does one unit of work.
func inProcess(name string, f func() error) lane {
	return lane{name, func(slice time.Duration) (float64, error) {
		best := math.MaxFloat64
		for range portions {
			n, began := 0, time.Now()
			var took time.Duration
			for took < slice/portions {
				for range 32 {
					if err := f(); err != nil {
						return 0, fmt.Errorf("%s: %w", name, err)
					}
				}
				n += 32
				took = time.Since(began)
			}
			best = min(best, float64(took.Nanoseconds())/float64(n))
		}
		return best, nil
	}}
}

// race is what came of it: ns of each lane in each round.
type race struct {
	lanes []lane
	ns    [][]float64
}

// run lets the lanes work in turn, round after round, so that a machine that is
// slow for a while is slow for all.
func run(ctx context.Context, rounds int, slice time.Duration, lanes ...lane) (*race, error) {
	r := &race{lanes, make([][]float64, len(lanes))}
	for range rounds {
		for i, l := range lanes {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			ns, err := l.run(slice)
			if err != nil {
				return nil, err
			}
			r.ns[i] = append(r.ns[i], ns)
		}
	}
	return r, nil
}

// ratio is the median over rounds of lane a by lane b, and a note of what it is
// made of.
func (r *race) ratio(a, b int) (float64, string) {
	var all []float64
	for i := range r.ns[a] {
		all = append(all, r.ns[a][i]/r.ns[b][i])
	}
	slices.Sort(all)
	return median(all), fmt.Sprintf("%s ÷ %s, %.2f–%.2f in %d rounds", r.best(a), r.best(b), all[0], all[len(all)-1], len(all))
}

// best names a lane and its quickest round.
func (r *race) best(i int) string {
	return fmt.Sprintf("%s %.0f ns", r.lanes[i].name, slices.Min(r.ns[i]))
}

func median(sorted []float64) float64 {
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// percentile of values, which it sorts.
func percentile(v []float64, p float64) float64 {
	slices.Sort(v)
	return v[min(len(v)-1, int(math.Ceil(p/100*float64(len(v))))-1)]
}
