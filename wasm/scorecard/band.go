package scorecard

import "slices"

// GradeNames returns the names of all grades; [0] is "", for no grade. With two
// graded dimensions they form a grid: A1, A2, … D4.
func (c *Card) GradeNames() []string {
	out := []string{""}
	var graded []*Dimension
	for _, d := range c.Dims {
		if len(d.Grades) > 0 {
			graded = append(graded, d)
		}
	}
	if len(graded) == 0 {
		return out
	}
	for _, a := range graded[0].Grades {
		if len(graded) == 1 {
			out = append(out, a.Label)
			continue
		}
		for _, b := range graded[1].Grades {
			out = append(out, a.Label+b.Label)
		}
	}
	return out
}

// GradeIndex returns the index in GradeNames of these dimensions' grade.
func (c *Card) GradeIndex(dims []float64) uint8 {
	at := -1
	for i, d := range c.Dims {
		if len(d.Grades) == 0 {
			continue
		}
		at = max(at, 0)*len(d.Grades) + d.grade(dims[i])
	}
	return uint8(at + 1)
}

// grade is the index of the first grade that v reaches, the last if none.
func (d *Dimension) grade(v float64) int {
	for i, g := range d.Grades {
		if v >= g.From-Near {
			return i
		}
	}
	return len(d.Grades) - 1
}

// Edges returns the grades whose beginning the dimension can cross: not the last,
// which holds below it too, and none at or under the dimension's min.
func (d *Dimension) Edges() []Grade {
	n := max(len(d.Grades)-1, 0)
	for n > 0 && d.Grades[n-1].From <= d.Min {
		n--
	}
	return d.Grades[:n]
}

// Band returns the band of a score and grade for a lead whose band was prev: it
// enters a band at From and leaves it below Leave. A score under every band has
// none.
func (c *Card) Band(prev string, score int, grade string) string {
	was := slices.IndexFunc(c.Bands, func(b Band) bool { return b.Name == prev })
	for i := len(c.Bands) - 1; i >= 0; i-- {
		b := &c.Bands[i]
		if score < b.From && (i > was || score < b.Leave) {
			continue
		}
		if len(b.Grades) == 0 || slices.Contains(b.Grades, grade) {
			return b.Name
		}
	}
	return ""
}
