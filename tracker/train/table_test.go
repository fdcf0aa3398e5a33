package train

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// lines makes a file of n rows: row i is f(i).
func lines(head string, n int, f func(i int) string) string {
	var b strings.Builder
	b.WriteString(head + "\n")
	for i := range n {
		b.WriteString(f(i) + "\n")
	}
	return b.String()
}

func TestSniff(t *testing.T) {
	f := func(want, why string, cell func(i int) string) {
		t.Helper()
		table, err := ReadTable(strings.NewReader(lines("pad|Lead Number|won", 100, func(i int) string {
			return fmt.Sprintf("%d|%s|%d", i%3, cell(i), i%2)
		})), &Options{Label: "won"})
		if err != nil {
			t.Fatal(err)
		}
		got, left := "left out", ""
		for _, c := range table.columns {
			if c.attr == "lead_number" {
				got = [...]string{"number", "category"}[c.kind]
			}
		}
		for _, l := range table.leftOut {
			left += l.Why
		}
		if got != want || !strings.Contains(left, why) {
			t.Errorf("%q…: %s (%s), want %s (%s)", cell(0), got, left, want, why)
		}
	}
	each := func(words ...string) func(int) string { return func(i int) string { return words[i%len(words)] } }
	f("number", "", each("1", "2.5", "-3", "1e2", ""))
	f("number", "", func(i int) string { return fmt.Sprint(i * 7 % 100 * 3 % 50) })
	f("category", "", each("a", "b", ""))
	f("category", "", each("1", "two"))
	f("category", "", each("TRUE", "FALSE"))
	f("category", "", each("08", "09"))
	f("left out", "nobody answered", each("", "N/A", "Unknown"))
	f("left out", "the same value", each("x"))
	f("left out", "a running number", func(i int) string { return fmt.Sprint(1000 - 3*i) })
	f("left out", "a running number", func(i int) string { return fmt.Sprint(i * 37 % 100) })
	f("left out", "names or ids", func(i int) string { return fmt.Sprintf("user-%d", i) })
	f("left out", "dates", func(i int) string { return fmt.Sprintf("2026-01-%02d", 1+i%28) })
	f("left out", "dates", func(i int) string { return fmt.Sprintf("%02d/02/2026 10:30", 1+i%28) })
	f("left out", "decimal comma", each("1,5", "2,25"))
}

func TestReadTable(t *testing.T) {
	table := read(t, "\ufeffa;Is it, now?;Won\n1;x;Yes\n2;Select;no\nlots;;\n 3 ;x;yes?\n", Options{Label: "won", Positive: "Yes"})
	if table.Len() != 3 || table.Conversions() != 1 || table.censored != 1 {
		t.Errorf("%d rows, %d converted, %d without a label", table.Len(), table.Conversions(), table.censored)
	}
	b := table.columns[1]
	if b.attr != "is_it_now" || !b.there(1) || b.answered(1) || !b.answered(0) {
		t.Errorf("a form that nobody chose from: %+v", b)
	}
	number := read(t, lines("n,won", 100, func(i int) string {
		return []string{fmt.Sprint(i), "lots"}[bit(i == 7)] + "," + fmt.Sprint(i%2)
	}), Options{Label: "won", Keep: []string{"n"}}).columns[0]
	if number.kind != 0 || !math.IsNaN(number.nums[7]) || fmt.Sprint(number.words) != "[lots]" {
		t.Errorf("a word among numbers: %+v", number)
	}
}

func TestReadTableRefuses(t *testing.T) {
	f := func(text, want string, o Options) {
		t.Helper()
		if _, err := ReadTable(strings.NewReader(text), &o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	ok := Options{Label: "won"}
	f("", "the file is empty: its first line names the columns", ok)
	f("a,won\nx,1\nLe\xf3n,0\n", "line 3 is not UTF-8", ok)
	f("\xff\xfea\x00,\x00", "line 1 is not UTF-8", ok)
	f("a,b\n1,2\n", `no column "won": it has a, b`, ok)
	f("a,a,won\n1,2,1\n", `two columns are called "a"`, ok)
	f("a,won\n1,0\n1\n", "line 3: need 2 values, one a column, have 1", ok)
	f("a,won\n1,x\n2,z\n3,z\n", "which value of won means converted? It has z, x", ok)
	f("a,won\n1,x\n2,y\n", "which value", Options{Label: "won", Positive: "z"})
	f("a,won\n1,0\n1,1\n", "no column is left", ok)
	f("a,won\n1,0\n2,1\n", `no column "b"`, Options{Label: "won", Drop: []string{"b"}})
	f("a,won\n1,0\n2,1\n", "missing word -1 is a number", Options{Label: "won", Missing: []string{"-1"}})
	f("a,won,at\n1,0,soon\n2,1,2026-01-01\n", `row 1 holds "soon"`, Options{Label: "won", TimeColumn: "at"})
}

func TestCuts(t *testing.T) {
	how := coarseness{bins: 4, own: .2, named: 2, rarest: 2}
	f := func(want string, values ...float64) {
		t.Helper()
		c := &column{kind: number, nums: values}
		table := &Table{columns: []*column{c}, y: make([]uint8, len(values))}
		k := cutNumbers(c, table.allRows(), how)
		if got := fmt.Sprint(k.edges); got != want {
			t.Errorf("edges of %v: %s, want %s", values, got, want)
		}
		for i, v := range values {
			b := k.binOf(c, i)
			if math.IsNaN(v) != (b == k.missing()) {
				t.Errorf("%v is in bin %d of %d", v, b, k.n)
			} else if !math.IsNaN(v) && (v > k.edges[b] || b > 0 && v <= k.edges[b-1]) {
				t.Errorf("%v is in bin %d of %v", v, b, k.edges)
			}
		}
	}
	nan := math.NaN()
	f("[0 2 5 +Inf]", 0, 0, 0, 1, 2, 3, 4, 5, 6, 7)
	f("[+Inf]", 3, 3, 3, 3)
	f("[+Inf]", nan, nan)
	f("[1 2 +Inf]", 1, 1, 1, 2, 2, 2, 3, 3, 3)
	c := &column{kind: category, values: []string{"a", "b*", "c", "d", "e"}, codes: []int32{0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 4, 4, 4, -1}}
	table := &Table{columns: []*column{c}, y: make([]uint8, len(c.codes))}
	k := cutCategories(c, table.allRows(), how)
	if fmt.Sprint(k.named, k.bin, k.n) != "[3 4] [2 2 2 0 1] 4" {
		t.Errorf("named %v, bins %v of %d", k.named, k.bin, k.n)
	}
}
