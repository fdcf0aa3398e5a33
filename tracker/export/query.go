package export

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// query reads the parameters of a request; the first that is no good is kept.
type query struct {
	args *fasthttp.Args
	err  error
}

// known refuses parameters that are not in the list, naming the one that was
// probably meant, and those that are given twice.
func (q *query) known(list string) error {
	names := strings.Fields(list)
	seen := map[string]bool{}
	for key := range q.args.All() {
		name := string(key)
		if !slices.Contains(names, name) {
			return &tracker.Error{Kind: tracker.KindInvalid, Code: "unknown_parameter", Detail: quote(name) + ": unknown parameter; " + suggest(name, names)}
		}
		if seen[name] {
			return invalid(name, "given twice")
		}
		seen[name] = true
	}
	return nil
}

// quote makes a sender's text fit for a sentence.
func quote(s string) string {
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strconv.Quote(s)
}

// suggest says what may stand where a name does not.
func suggest(name string, names []string) string {
	if len(names) == 0 {
		return "this path takes none"
	}
	best := slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
	if distance(name, best) <= 1+len(best)/3 {
		return "did you mean " + best + "?"
	}
	return "this path knows " + strings.Join(names, ", ")
}

// distance is the number of letters to change, add or take away to make one
// word of the other.
func distance(a, b string) int {
	if len(a) > 40 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := left
			if a[i] != b[j] {
				cost++
			}
			left = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func (q *query) has(name string) bool { return q.args.Has(name) }

func (q *query) text(name string) string { return string(q.args.Peek(name)) }

func (q *query) bad(name, need string) {
	if q.err == nil {
		q.err = invalid(name, need)
	}
}

func (q *query) number(name string) uint64 {
	v := q.text(name)
	if v == "" {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		q.bad(name, "need a whole number, 0 or more")
	}
	return n
}

// limit is how many things a page may hold; 0 leaves it to who answers.
func (q *query) limit() int {
	n := q.number("limit")
	if n > maxPage {
		q.bad("limit", "a page holds at most "+strconv.Itoa(maxPage)+": ask for that many and read on behind it")
		return 0
	}
	return int(n)
}

// maxPage bounds every page.
const maxPage = 1000

// percent is a number from 0 to 100.
func (q *query) percent(name string) int {
	n := q.number(name)
	if n > 100 {
		q.bad(name, "need a whole number from 0 to 100")
		return 0
	}
	return int(n)
}

func (q *query) float(name string) float64 {
	v := q.text(name)
	if v == "" {
		return 0
	}
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		q.bad(name, "need a number")
	}
	return f
}

func (q *query) flag(name string) bool {
	switch q.text(name) {
	case "", "false", "0":
		return false
	case "true", "1":
		return true
	}
	q.bad(name, "need true or false")
	return false
}

func (q *query) time(name string) time.Time {
	v := q.text(name)
	if v == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		q.bad(name, "need a time like 2026-01-31T12:00:00Z")
	}
	return t
}

func (q *query) duration(name string, most time.Duration) time.Duration {
	v := q.text(name)
	if v == "" {
		return 0
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		q.bad(name, "need a duration like 30s")
	}
	return min(d, most)
}
