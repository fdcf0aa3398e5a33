package compile_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

// asks folds one event of each value of x through a card of one rule per
// expression, in Eval and in the module, and returns the points of each.
func asks(t *testing.T, values []wasm.Slot, exprs ...string) [][]float64 {
	t.Helper()
	c := parse(t, "behaviour", rulesOf(exprs)...)
	in := instanceOf(t, c)
	var out [][]float64
	for _, v := range values {
		e := &event{typ: "v", time: 1, fields: map[string]wasm.Slot{"x": v, "y": str("abc"), "z": str(strings.Repeat("a", 1023) + "b")}}
		evs := c.Bind(nil, e)
		eval := c.NewEval()
		eval.Fold(evs...)
		state, err := in.Fold(nil, evs)
		if err != nil {
			t.Fatalf("%v of %d bytes: %v", v.Tag, len(v.Str), err)
		}
		want := eval.Score(1)
		var got scorecard.Result
		if err := in.Score(state, 1, &got); err != nil {
			t.Fatal(err)
		}
		points := func(r *scorecard.Result) []float64 {
			out := make([]float64, len(exprs))
			for _, x := range r.Reasons {
				var i int
				if n, _ := fmt.Sscanf(x.Rule, "r%d", &i); n == 1 {
					out[i] = x.Points
				}
			}
			return out
		}
		for i, p := range points(&got) {
			if w := points(&want)[i]; p != w {
				t.Errorf("%s with %v %.40q of %d bytes: module %v, eval %v", exprs[i], v.Tag, v.Str, len(v.Str), p, w)
			}
		}
		out = append(out, points(&want))
	}
	return out
}

// TestPastGas asks one gate for many counts over a list that is full.
func TestPastGas(t *testing.T) {
	src := "scorecard: c\ndimensions: {d: {kind: behaviour, groups: {g: {rules: [{id: a, event: e0, points: 1, expire: 1y}]}}}}\ngates:\n  - {max: 1, when: '"
	for i := range 28 {
		src += fmt.Sprintf("count(e%d, 1y) + ", i%8)
	}
	card, err := scorecard.Parse("c.yaml", []byte(src+"d > 800'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := instanceOf(t, card)
	w := &pair{t: t, card: card, in: in, eval: card.NewEval()}
	for i := range int64(300) {
		evs := card.Bind(nil, &event{typ: fmt.Sprintf("e%d", i%8), time: i})
		w.eval.Fold(evs...)
		state, err := in.Fold(w.state, evs)
		if err != nil {
			t.Fatal(err)
		}
		w.state = append(w.state[:0], state...)
	}
	w.score(1000)
	if w.eval.Score(1000).Score != 2 {
		t.Errorf("8 × 32 events three times over: %+v", w.eval.Score(1000))
	}
}

func str(s string) wasm.Slot { return wasm.Slot{Tag: wasm.String, Str: []byte(s)} }

func num(f float64) wasm.Slot { return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(f)} }

// TestExpressionTexts compares, looks for and counts texts of every length up to
// beyond what rules see, with needles of every way to compare them.
func TestExpressionTexts(t *testing.T) {
	var exprs []string
	needles := []string{"", "a", "ab", "abc", "aab", "abcdefg", "abcdefgh", "ñ", "日本語", strings.Repeat("a", 16) + "b", strings.Repeat("ab", 32), strings.Repeat("a", 64)}
	for _, n := range append(needles, strings.Repeat("a", 65), strings.Repeat("x", 1024)) {
		exprs = append(exprs, fmt.Sprintf("x == %q", n), fmt.Sprintf("x.startsWith(%q)", n), fmt.Sprintf("x.endsWith(%q)", n), fmt.Sprintf("x in [%q, %q]", n, n+"."[len(n)/1024:]))
		if len(n) <= 64 {
			exprs = append(exprs, fmt.Sprintf("x.contains(%q)", n))
		}
	}
	exprs = append(exprs, "size(x) == 1024", "size(x) > 100", "size(x) * 2 == size(y)", "string(x) == y", "x.contains(\"b\") ? string(x) != y : has(x)", `(has(x) ? x : y) == "abc"`)
	values := []wasm.Slot{{}, {Tag: wasm.Null}, {Tag: wasm.Bool, Num: 1}, {Tag: wasm.Int, Num: 3}, num(math.Inf(1)), num(math.NaN())}
	for _, n := range needles {
		for _, at := range []int{0, 1, 7, 8, 100, 1023, 1024 - len(n), 1025 - len(n), 1024, 3000} {
			fill := strings.Repeat("a", max(at, 0))
			values = append(values, str(fill+n), str(n+fill), str(fill+n+fill))
		}
	}
	values = append(values, str(strings.Repeat("ñ", 600)), str(strings.Repeat("日", 342)), str(strings.Repeat("x", 1024)))
	held := 0
	for i := 0; i < len(exprs); i += 20 { // a card's event is bounded by the texts it reads, not by its rules
		for _, points := range asks(t, values, exprs[i:min(i+20, len(exprs))]...) {
			for _, p := range points {
				held += int(p)
			}
		}
	}
	if held < 1000 {
		t.Errorf("only %d answers were yes", held)
	}
}

// TestExpressionPages puts the constants of a card at the very end of its memory,
// where one byte too many read would trap.
func TestExpressionPages(t *testing.T) {
	const room = 1<<16 - wasm.DimsMax*32 - 4*scorecard.FeaturesMax // of data in the second page
	for _, n := range []int{1, 17, 24, 64} {
		last := strings.Repeat("z", n-1) + "y"
		for _, e := range []string{"x == %q", "x.startsWith(%q)", "x.endsWith(%q)", "x.contains(%q)", "x in [\"?\", %q]"} {
			const ahead = 32 // what a comparison may read beyond
			size := ahead
			if n > 32 { // less is part of the code
				size += n
			}
			if strings.Contains(e, "contains") {
				size += 256 + 8*(1+min(n, 2))
			}
			if size == ahead {
				continue
			}
			fill := func(more int) (out []string) {
				for left := room - size + more; left > 0; {
					k := min(left, 1000)
					if left-k > 0 && left-k < 100 {
						k -= 100
					}
					out = append(out, fmt.Sprintf("x == %q", fmt.Sprintf("%03d", len(out))+strings.Repeat("f", k-3)))
					left -= k
				}
				return append(out, fmt.Sprintf(e, last))
			}
			if a, b := pages(t, fill(0)), pages(t, fill(1)); a != 2 || b != 3 {
				t.Fatalf("%s of %d bytes: %d pages, with one byte more %d: the data does not end where the page does", e, n, a, b)
			}
			asks(t, []wasm.Slot{str(last), str(strings.Repeat("z", 1024)), str("q" + last), str(last + "q"), {}}, fill(0)...)
		}
	}
}

// pages returns how much memory the module of a card has.
func pages(t *testing.T, exprs []string) uint64 {
	t.Helper()
	b, err := compile.Module(parse(t, "behaviour", rulesOf(exprs)...))
	if err != nil {
		t.Fatal(err)
	}
	for at := 8; at < len(b); {
		size, n := binary.Uvarint(b[at+1:])
		body := b[at+1+n:]
		if b[at] == 5 {
			least, _ := binary.Uvarint(body[2:])
			return least
		}
		at += 1 + n + int(size)
	}
	t.Fatal("no memory section")
	return 0
}

func rulesOf(exprs []string) (rules []string) {
	for _, e := range exprs {
		rules = append(rules, "event: v, when: '"+strings.ReplaceAll(e, "'", "''")+"'")
	}
	return rules
}

// TestExpressionNumbers asks arithmetic of the numbers that go wrong elsewhere.
func TestExpressionNumbers(t *testing.T) {
	exprs := []string{
		"x == 0", "x / 0 == 0", "1 / x == 0", "x * x > 1e308", "x - x == 0", "x * 0 == 0", "0 / x == 0 && x / x <= 1", "-x == 0",
		"x + 1 == x", "floor(x) == x", "floor(-x) <= 0", "abs(x) == x", "min(x, -x) <= max(x, -x)", "clamp(x, -1, 1) == 1", "clamp(x, 5, 1) == 5",
		"x in [0, 3, 9007199254740992]", "(x > 2 ? x : -x) > 2", "1 / (0 * -x) == 0", "double(x) != x",
		"x * 1e300 * 1e300 - x * 1e300 * 1e300 == 0", "size(x) == 1",
	}
	values := []wasm.Slot{
		{},
		str(""), str("3"), str(" -0 "), str("NaN"), str("1e5"), num(0), num(math.Copysign(0, -1)), num(1 << 53), num(1<<53 + 2), num(-7.5),
		num(5e-324), num(math.MaxFloat64), num(math.Inf(1)), num(math.Inf(-1)), num(math.NaN()),
		{Tag: wasm.Int, Num: 1 << 62},
		{Tag: wasm.Time, Num: 1 << 53},
	}
	asks(t, values, exprs...)
}

// TestExpressionGas shows that the dearest texts stay within the gas that the
// compiler asks for, and that a card that could cost too much is refused.
func TestExpressionGas(t *testing.T) {
	dear := func(n int, write func(i int) string, v wasm.Slot) {
		t.Helper()
		var exprs []string
		for i := range n {
			exprs = append(exprs, write(i))
		}
		asks(t, []wasm.Slot{v}, exprs...)
	}
	all := str(strings.Repeat("a", 1024))
	dear(26, func(i int) string {
		return fmt.Sprintf("x.contains(%q)", strings.Repeat("a", 63)+string(rune('A'+i)))
	}, all)
	dear(48, func(i int) string { return fmt.Sprintf("size(x) > %d", 2000+i) }, all)
	dear(85, func(i int) string { return fmt.Sprintf("x == %q", strings.Repeat("a", 1020)+fmt.Sprint(1000+i)) }, all)
	dear(85, func(i int) string { return fmt.Sprintf("string(x) != string(z) || x == %q", fmt.Sprint(i)) }, all)

	var rules []string
	for i := range 60 {
		rules = append(rules, fmt.Sprintf(`event: v, when: 'x.contains("%d")'`, 1000+i))
	}
	_, err := compile.Module(parse(t, "behaviour", rules...))
	if err == nil || !strings.Contains(err.Error(), "a call could cost") || !strings.Contains(err.Error(), "long expressions") {
		t.Errorf("sixty searches of one event: %v", err)
	}

	// Each abs asks for both directions of what is in it: written out, sixty would
	// fill any memory.
	card, err := scorecard.Parse("c.yaml", []byte("scorecard: c\ndimensions: {d: {kind: behaviour, groups: {g: {rules: [{id: a, event: v, points: 1, half_life: 7d}]}}}}\n"+
		"gates: [{max: 1, when: '"+strings.Repeat("abs(", 60)+"d"+strings.Repeat(")", 60)+" > 3'}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := compile.Module(card); err == nil || !strings.Contains(err.Error(), "long expressions") {
		t.Errorf("sixty abs inside one another: %v", err)
	}
}

// TestLong loads the longest card that is not refused: what the compiler writes,
// the host takes.
func TestLong(t *testing.T) {
	sums := func(n int) *scorecard.Card {
		var rules []string
		for i := range n {
			rules = append(rules, fmt.Sprintf("event: v%d, when: '%s0 > %d'", i, strings.Repeat("x/(y+1)+", 450), i))
		}
		return parse(t, "behaviour", rules...)
	}
	for n := 1; ; n++ {
		_, err := compile.Module(sums(n))
		if err == nil {
			continue
		}
		if !strings.Contains(err.Error(), "shorter expressions") || n < 5 {
			t.Fatalf("%d long rules: %v", n, err)
		}
		c := sums(n - 1)
		b, err := compile.Module(c)
		if err != nil {
			t.Fatal(err)
		}
		mod, err := newHost(t).Load(t.Context(), c, b)
		if err != nil {
			t.Fatalf("%d long rules, %d bytes: %v", n-1, len(b), err)
		}
		mod.Close()
		return
	}
}
