package expr

import "strings"

// Nearest returns the known word closest to s if it is close enough to be a
// slip of the hand, else "".
func Nearest(s string, known []string) string {
	best, bestD := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(s), strings.ToLower(k)); d < bestD && d < len(k) {
			best, bestD = k, d
		}
	}
	return best
}

// distance is how many letters to insert, drop, change or swap to get from a to b.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	var before, prev, cur [65]int
	for j := range b {
		prev[j+1] = j + 1
	}
	for i := range len(a) {
		cur[0] = i + 1
		for j := range len(b) {
			d := min(prev[j+1]+1, cur[j]+1)
			if a[i] == b[j] {
				d = min(d, prev[j])
			} else {
				d = min(d, prev[j]+1)
			}
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				d = min(d, before[j-1]+1)
			}
			cur[j+1] = d
		}
		before, prev = prev, cur
	}
	return prev[len(b)]
}
