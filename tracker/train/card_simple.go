package train

import (
	"cmp"
	"math"
	"slices"
)

// A card is read by people: answers whose points hardly differ need no rules of their
// own, and those worth next to nothing need none. How coarse that may be the rows say:
// as coarse as costs the order of people no more than simpleCost, and where few stand
// in the wrong order no more than a hundredth of those.
const simpleCost = 0.001 // AUC

// simplify makes points alike that hardly differ.
func (c *Card) simplify(fs []*feature, y []uint8) {
	whole, found := aucOfSums(sumsOf(fs, c.points), y), c.points
	defer func() { c.points = found }()
	for _, near := range []int{1, 2, 3, 4, 5, 6, 8, 10, 12} {
		points := make([][]int, len(fs))
		for i, f := range fs {
			points[i] = c.points[i]
			if c.t.columns[c.used[i]].does == nil { // what people do is counted in steps that add up
				points[i] = f.alike(c.points[i], c.cuts[i], near)
			}
		}
		if aucOfSums(sumsOf(fs, points), y) < whole-min(simpleCost, (1-whole)/100) {
			return
		}
		found = points
	}
}

// segment is bins that have the same points.
type segment struct {
	bins   []int
	points float64
	rows   float64
}

// alike returns the points of an attribute where bins side by side (of a category:
// values whose points are next to each other) that differ by no more than near have
// one mean, and where half of that is nothing, unless the tenant bound the points.
func (f *feature) alike(points []int, k *cut, near int) []int {
	rows := make([]float64, len(points))
	for _, b := range f.bins {
		rows[b]++
	}
	var segments []segment
	for b := range len(points) - 1 { // no answer stands alone
		segments = append(segments, segment{[]int{b}, float64(points[b]), max(rows[b], 1e-3)})
	}
	if k.kind == category {
		slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.points, b.points) })
	}
	for len(segments) > 1 {
		best, gap := 0, math.Inf(1)
		for i := range segments[1:] {
			if d := math.Abs(segments[i+1].points - segments[i].points); d < gap {
				best, gap = i, d
			}
		}
		if gap > float64(near) {
			break
		}
		a, b := segments[best], segments[best+1]
		all := a.rows + b.rows
		segments[best] = segment{append(slices.Clip(a.bins), b.bins...), (float64(a.points*a.rows) + float64(b.points*b.rows)) / all, all}
		segments = slices.Delete(segments, best+1, best+2)
	}
	out := slices.Clone(points)
	bound := !math.IsInf(f.shape.floor, -1) || !math.IsInf(f.shape.ceiling, 1)
	for _, s := range append(segments, segment{bins: []int{len(points) - 1}, points: float64(points[len(points)-1])}) {
		p := int(math.Round(s.points))
		if !bound && 2*max(p, -p) <= near {
			p = 0
		}
		for _, b := range s.bins {
			out[b] = p
		}
	}
	return out
}

// sumsOf adds up the points of rows.
func sumsOf(fs []*feature, points [][]int) []int {
	if len(fs) == 0 {
		return nil
	}
	sums := make([]int, len(fs[0].bins))
	for i, f := range fs {
		for r, b := range f.bins {
			sums[r] += points[i][b]
		}
	}
	return sums
}

// aucOfSums is auc of whole points, by counting.
func aucOfSums(sums []int, y []uint8) float64 {
	if len(sums) == 0 {
		return .5
	}
	least := slices.Min(sums)
	count := make([][2]float64, slices.Max(sums)-least+1)
	for r, s := range sums {
		count[s-least][y[r]]++
	}
	below, right, all := 0.0, 0.0, [2]float64{}
	for _, n := range count {
		right += float64(n[1] * (below + n[0]/2))
		below += n[0]
		all[0], all[1] = all[0]+n[0], all[1]+n[1]
	}
	if all[0] == 0 || all[1] == 0 {
		return .5
	}
	return right / float64(all[0]*all[1])
}
