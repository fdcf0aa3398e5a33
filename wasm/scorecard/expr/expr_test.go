package expr

import (
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"
)

// values is an environment of one test: a name that it lacks is missing.
type values map[string]any

func (v values) in(e *Expr) func(i int) Value {
	return func(i int) Value {
		def := e.Inputs[i]
		x, ok := v[def.Name]
		switch def.Read {
		case ReadHas:
			return Truth(ok && x != "")
		case ReadMatches:
			s, ok := x.(string)
			return Truth(ok && regexp.MustCompile(def.Arg).MatchString(s))
		case ReadListed:
			return Truth(def.Arg == "names" && x == "hello")
		case ReadText:
			s, _ := x.(string)
			return Value{Text: s}
		}
		f, _ := x.(float64)
		return Value{Num: f}
	}
}

var testEnv = Env{
	Fields: map[string]Field{"fit": {Type: Num, Moves: true}, "engagement": {Type: Num, Moves: true}},
	Open:   true, Of: "a dimension",
}

func check(t *testing.T, src string) *Expr {
	t.Helper()
	e, errs := Check(src, testEnv)
	if len(errs) > 0 {
		t.Fatalf("%s: %v", src, errs)
	}
	return e
}

// TestEval fixes what expressions mean: precedence, missing values, division by
// zero, and the functions.
func TestEval(t *testing.T) {
	in := values{
		"n": 7.0, "zero": 0.0, "big": math.Inf(1), "neg": -2.5, "exact": float64(1 << 53),
		"s": "hello", "es": "España", "empty": "", "vip": "true", "company.size": 5.0, "a-b": 1.0,
		"fit": 50.0, "engagement": 20.0,
	}
	f := func(src string, want bool) {
		t.Helper()
		e := check(t, src)
		if got := e.Eval(in.in(e), nil).Num != 0; got != want {
			t.Errorf("%s is %t, want %t", src, got, want)
		}
	}
	// Precedence.
	f("n + 1 * 2 == 9", true)
	f("(n + 1) * 2 == 16", true)
	f("n - 2 - 1 == 4", true)
	f("12 / 2 / 3 == n - 5", true)
	f("-n + 8 == 1", true)
	f("n == 1 || n == 7 && s == 'hello'", true)
	f("n == 7 || n == 7 && s == 'x'", true)
	f("(n == 7 || n == 7) && s == 'x'", false)
	f("!vip || n > 5", true)
	f("!(vip || n > 5)", false)
	f("n > 5 ? s == 'x' : s == 'hello'", false)
	f("(n > 5 ? 1 : 2) + (n > 9 ? 10 : 20) == 21", true)
	f("n < 0 ? false : n < 5 ? false : n < 10 ? true : false", true)
	f("(n > 5 ? s : es) == 'hello'", true)
	f("n in [1, 7] && s in ['x', 'hello']", true)
	f("(1 < n) == true", true)
	// What is missing is a zero value.
	f("nothing == 0", true)
	f("nothing == ''", true)
	f("nothing < 5", true)
	f("nothing", false)
	f("!nothing", true)
	f("has(nothing)", false)
	f("has(empty)", false)
	f("has(s) && has(n)", true)
	f("nothing.contains('')", true)
	f("size(nothing) == 0", true)
	f("double(s) == 0", true)
	// No errors.
	f("n / zero == 0", true)
	f("zero / zero == 0", true)
	f("n / -zero == 0", true)
	f("big - big == 0", true)
	f("big * zero == 0", true)
	f("big / big == 0", true)
	f("big > 1e308", true)
	f("1e308 * 10 * n > 1e308", true)
	f("-zero == zero", true)
	f("exact + 1 == exact", true)
	// Functions.
	f("min(n, 3, 5) == 3 && max(n, 3, 5) == 7", true)
	f("clamp(n, 0, 5) == 5 && clamp(neg, 0, 5) == 0 && clamp(n, 0, 10) == 7", true)
	f("abs(neg) == 2.5 && floor(neg) == -3 && floor(2.5 * n) == 17", true)
	f("size(es) == 6 && size(s) == 5", true)
	f("s.contains('ell') && s.startsWith('he') && s.endsWith('lo')", true)
	f("s.contains('elo') || s.startsWith('el') || s.endsWith('el')", false)
	f("es.endsWith('ña') && es.contains(\"spa\")", true)
	f("double(s) == double(empty)", true)
	f("string(s) != string(empty)", true)
	f("vip == true && vip", true)
	f("s in names && !(es in names) && !(s in others) && !(nothing in names)", true)
	f("s.matches('^h.*o$') && !es.matches('^h') && !nothing.matches('')", true)
	f("s == true", false)
	f("company.size == 5 && `a-b` == 1", true)
	f("nothing == '\\'\\\"\\\\\\n'", false)
	// Moving numbers have reached a threshold when they are near it.
	f("fit >= 50.00000005 && fit <= 49.99999995 && fit == 50.00000005", true)
	f("fit > 49.99999995 || fit < 50.00000005 || fit != 50.00000005", false)
	f("fit > 49.9999 && fit < 50.0001 && fit != 50.0001", true)
	f("fit + engagement / 2 - 10 >= 50 && -fit < 0 && 2 * fit == 100", true)
	f("min(fit, engagement) == 20 && max(fit, n) == 50 && abs(engagement - fit) == 30 && clamp(fit, 0, 9) == 9", true)
	f("(fit > 10 ? 1 : 2) == 1", true)
}

// TestRefused fixes each error: where it points, what it says and what to do.
func TestRefused(t *testing.T) {
	f := func(src, want string) {
		t.Helper()
		_, errs := Check(src, testEnv)
		var got []string
		for _, e := range errs {
			got = append(got, e.Error())
		}
		if strings.Join(got, " | ") != want {
			t.Errorf("%s:\n got %s\nwant %s", src, strings.Join(got, " | "), want)
		}
	}
	f("", "at 0: the expression is empty; write one, as in amount > 50")
	f("n = 5", `at 2: "=" is not an operator here; write ==`)
	f("n <> 5", `at 2: "<>" is not an operator here; write !=`)
	f("n > 5 and m > 2", `at 6: "and" is not an operator here; write &&`)
	f("n > 5 y m > 2", `at 6: "y" is not an operator here; write &&`)
	f("not n", `at 0: "not" is not an operator here; write !`)
	f("n & m", `at 2: "&" is not an operator here; write &&`)
	f("n % 2 == 0", `at 2: "%" is not an operator here; operators are == != < <= > >= && || ! + - * / ?: in`)
	f("1 < n < 5", "at 6: comparisons do not chain; write a < b && b < c")
	f("n > 5)", `at 5: ) stands where an operator is wanted; complete the expression, or remove what is too much`)
	f("(n > 5", `at 6: the end stands where ) is wanted; complete the expression, or remove what is too much`)
	f("n >", `at 3: the end stands where a value is wanted; complete the expression, or remove what is too much`)
	f("n ? 1", `at 5: the end stands where : is wanted; complete the expression, or remove what is too much`)
	f("s == 'abc", "at 5: a text has no closing quote; close it with '")
	f(`s == '\d'`, `at 6: \d is not an escape; write \\ for a backslash; \" \' \n \t \r are the others`)
	f("n > 50k", "at 4: 50k is not a number; write a plain number like 50 or 0.25; texts stand in quotes")
	f("s == `x", "at 5: a backtick without its other; write `a name` between two")
	f("amount", "")
	f("n + 1", "at 2: a number stands where true or false is wanted; compare it, as in field > 50")
	f("'x'", `at 0: a text stands where true or false is wanted; compare it, as in field == "a text"`)
	f("n > '5'", "at 4: a text stands where a number is wanted; write the number without quotes")
	f("s.contains(5)", "at 11: a number stands where a text is wanted; write the text in quotes")
	f("(n > 5) + 1 > 2", "at 3: true or false stands where a number is wanted; write condition ? 1 : 0 to count it")
	f("s + 'x' > 3", "at 2: + adds numbers; texts cannot be joined: compare each by itself")
	f("a == b", "at 2: a and b may be numbers or texts; write double(a) == b, or string(a) == b")
	f("1 < 2", "at 2: the expression is always true; compare a field, as in amount > 50")
	f("n in 5", `at 5: in wants a list of numbers or texts; write in ["a", "b"], or in and the name of a list`)
	f("'x' in free_mail", "at 0: this question is asked of a field; write the name of a field before it")
	f("fit in free_mail", "at 4: a dimension is a number, and always there; compare it, as in fit > 0")
	f("n in [1, 'a']", "at 9: a text stands where a number is wanted; write the number without quotes")
	f("n in [m]", `at 6: a list holds what is not a number or text written out; write in ["a", "b"]; compare fields with ==`)
	f("[1, 2] == n", `at 0: a list stands alone; write field in ["a", "b"]`)
	f("contain(s)", "at 0: there is no function contain; did you mean contains?")
	f("s.startswith('x')", "at 2: there is no function startswith; did you mean startsWith?")
	f("contains(s, 'x')", `at 0: contains is called on a text; write field.contains("text")`)
	f("s.size() > 3", "at 2: size is not called on a value; write as in size(message)")
	f("frob(s)", "at 0: there is no function frob; there are abs, affinity, clamp, contains, count, days_since, double, dwell, endsWith, floor, has, matches, max, min, open_rate, returns, shares, size, startsWith, string")
	f("count(demo, 7) > 3", "at 0: count is asked in gates only; write a rule: {event: demo, count: {gte: 3, within: 7d}, points: 10}")
	f("days_since(demo) > 3", "at 0: days_since is asked in gates only; write a rule: {absent: demo, after: 30d, points: -10}")
	f("s.matches('(')", "at 10: not a regular expression: missing closing ): `(`; RE2 syntax; write \\\\b for \\b")
	f("(n > 1 ? s : m).matches('x')", "at 7: this question is asked of a field; write the name of a field before it")
	f("min(n) > 3", "at 0: min has 1 arguments; write as in min(a, b)")
	f("s.contains('a', 'b')", `at 2: contains has 2 arguments; write field.contains("text")`)
	f("s.contains(m)", `at 11: contains wants a text written out; write field.contains("text"); compare fields with ==`)
	f("s.contains('"+strings.Repeat("x", 65)+"')", "at 11: contains looks for 65 bytes; at most 64: shorten it")
	f("has(n + 1)", "at 0: has wants the name of a field; write as in has(phone)")
	f("has(fit)", "at 0: a dimension is a number, and always there; compare it, as in fit > 0")
	f("engagment > 5", "at 0: engagment is not a dimension; did you mean engagement? write `engagment` in backticks if not")
	f("`engagment` > 5", "")
	f("fit == 'x'", "at 7: a text stands where a number is wanted; write the number without quotes")
	f("fit * n > 5", "at 4: fit is multiplied by what is not a number written out; write as in 2 * fit")
	f("n / fit > 5", "at 2: fit moves by itself and stands in a division; divide it by a number written out, or compare it with a product")
	f("floor(fit) > 5", "at 0: fit moves by itself and is rounded; compare it by itself")
	f("(n > 1 ? fit : 5) > 5", "at 7: fit moves by itself and stands in a ? b : c; write condition && fit > 5 || !condition && …")
	f("fit in [1, 2]", "at 4: fit moves by itself and is looked for in a list; write a range, as in fit >= 40 && fit < 60")
	f(strings.Repeat("(", 70)+"n"+strings.Repeat(")", 70), "at 64: too many levels inside one another; at most 64")
	f(strings.Repeat("!", 70)+"n", "at 64: too many levels inside one another; at most 64")
	f("s == '"+strings.Repeat("x", 1025)+"'", "at 5: a text has 1025 bytes; values are cut at 1024 bytes: shorten it")
	f(strings.Repeat(" ", 4097), "at 0: the expression has 4097 bytes; at most 4096: split the rule in two, or use a named list")
	f(strings.Repeat("n", 129), "at 0: a name is too long; at most 128 bytes")
	f("n > 'a' && frob(s)", "at 4: a text stands where a number is wanted; write the number without quotes | at 11: there is no function frob; there are abs, affinity, clamp, contains, count, days_since, double, dwell, endsWith, floor, has, matches, max, min, open_rate, returns, shares, size, startsWith, string")
	// A closed environment has no other names.
	if _, errs := Check("fti > 5", Env{Fields: testEnv.Fields, Of: "a dimension"}); len(errs) != 1 || errs[0].Fix != "there are engagement, fit" {
		t.Errorf("%v", errs)
	}
	if _, errs := Check("engagemnt > 5", Env{Fields: testEnv.Fields, Of: "a dimension"}); len(errs) != 1 || errs[0].Fix != "did you mean engagement?" {
		t.Errorf("%v", errs)
	}
}

func TestSay(t *testing.T) {
	f := func(src, en, es string) {
		t.Helper()
		e := check(t, src)
		if got := e.Say(false); got != en {
			t.Errorf("%s:\n got %s\nwant %s", src, got, en)
		}
		if got := e.Say(true); got != es {
			t.Errorf("%s:\n got %s\nwant %s", src, got, es)
		}
	}
	f("amount >= 50 && currency in ['EUR', 'USD'] || vip",
		`amount ≥ 50 and currency one of "EUR", "USD" or vip is true`,
		`amount ≥ 50 y currency uno de "EUR", "USD" o vip es true`)
	f("(a == 1 || b != 'x') && !has(phone)",
		`(a = 1 or b is not "x") and phone unknown`, `(a = 1 o b no es "x") y phone sin dato`)
	f("!(path.startsWith('/a') && path.endsWith('b')) && path.contains('c')",
		`not (path begins with "/a" and path ends with "b") and path contains "c"`,
		`no (path empieza por "/a" y path termina en "b") y path contiene "c"`)
	f("!vip && !(n > 5) && !(s in ['a']) && !s.contains('b') && !s.startsWith('c') && !s.endsWith('d') && n != 3",
		`vip is not true and n ≤ 5 and s none of "a" and s does not contain "b" and s does not begin with "c" and s does not end with "d" and n ≠ 3`,
		`vip no es true y n ≤ 5 y s ninguno de "a" y s no contiene "b" y s no empieza por "c" y s no termina en "d" y n ≠ 3`)
	f("(a + b) * 2 - -c / 4 < size(s)",
		"(a + b) × 2 − −c ÷ 4 < the length of s", "(a + b) × 2 − −c ÷ 4 < la longitud de s")
	f("a in free_mail && !(b in free_mail) && c.matches('^x') && !d.matches('y')",
		"a in the list free_mail and b not in the list free_mail and c matching ^x and d not matching y",
		"a en la lista free_mail y b fuera de la lista free_mail y c que casa con ^x y d que no casa con y")
	f("(fit > 5 ? min(a, 3) : max(a, 9)) == floor(abs(b) + 1)",
		"(if fit > 5 then the lower of a and 3 else the higher of a and 9) = (the size without sign of b + 1) rounded down",
		"(si fit > 5 entonces lo menor de a y 3, si no lo mayor de a y 9) = (el valor sin signo de b + 1) redondeado hacia abajo")
}

// TestPast checks what gates ask of the past.
func TestPast(t *testing.T) {
	env := testEnv
	env.Past = true
	f := func(src, want string) {
		t.Helper()
		e, errs := Check(src, env)
		got := ""
		if e != nil {
			got = e.Say(false) + " | " + e.Say(true)
		}
		for _, err := range errs {
			got += err.Error()
		}
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", src, got, want)
		}
	}
	f("count(demo, 7d) >= 3", "the number of demo in 7d ≥ 3 | el número de demo en 7d ≥ 3")
	f("days_since('Order Completed') > 1.5", "the days since Order Completed > 1.5 | los días desde Order Completed > 1.5")
	f("count(demo, 7) > 3", "at 12: count wants a length of time; write as in count(demo, 7d); m, h, d, w, mo and y are its units")
	f("count(demo, 900y) > 3", "at 12: count wants a length of time; write as in count(demo, 7d); m, h, d, w, mo and y are its units")
	f("count(demo) > 3", "at 0: count has 1 arguments; write as in count(demo, 7d)")
	f("count(3, 7d) > 3", "at 6: count wants the type of an event; write as in count(demo, 7d)")
	f("count(demo, 7d) > 33", "at 16: count counts no further than 32; ask for fewer, or for a shorter time")
	f("33 <= count(demo, 7d)", "at 3: count counts no further than 32; ask for fewer, or for a shorter time")
	f("days_since(demo) > 7d", "at 19: a length of time stands alone; it belongs to count, as in count(demo, 7d); days are numbers, as in days_since(demo) > 7")
	f("floor(days_since(demo)) > 7", "at 0: days_since(demo) moves by itself and is rounded; compare it by itself")
	f("demo.count(7d) > 7", "at 5: count is not called on a value; write as in count(demo, 7d)")
	for src, ms := range map[string]int64{"30m": 18e5, "1.5h": 54e5, "7d": 6048e5, "2w": 12096e5, "1mo": 26298e5, "1y": 315576e5} {
		e, errs := Check("count(x, "+src+") > 1", env)
		if errs != nil || e.Inputs[0].Span != ms {
			t.Errorf("%s: %v, %v", src, errs, e)
		}
	}
}

// TestSplit takes expressions apart by field and puts them together again.
func TestSplit(t *testing.T) {
	names := map[string]int{"a": 0, "b": 1, "c": 2}
	group := func(in InputDef) int {
		if g, ok := names[in.Name]; ok {
			return g
		}
		return -1
	}
	f := func(src string, parts int, want string) {
		t.Helper()
		e := check(t, src)
		rest, ps, err := e.Split(group)
		if (err != nil) != (want != "") || err != nil && !strings.Contains(err.What, want) {
			t.Errorf("%s: %v, want %q", src, err, want)
		}
		if err != nil {
			return
		}
		if len(ps) != parts {
			t.Errorf("%s: %d parts, want %d", src, len(ps), parts)
		}
		for i := range 64 {
			in := values{"fit": float64(i % 4)}
			for j, n := range []string{"a", "b", "c"} {
				switch i >> (2 * j) & 3 {
				case 1:
					in[n] = float64(i % 7)
				case 2:
					in[n] = []string{"x", "y", "true", ""}[i%4]
				}
			}
			whole := e.Eval(in.in(e), nil)
			again := rest.Eval(func(i int) Value {
				if p := rest.Inputs[i].Part; p > 0 {
					return ps[p-1].Eval(in.in(ps[p-1]), nil)
				}
				return in.in(rest)(i)
			}, nil)
			if whole != again {
				t.Fatalf("%s with %v: %v, in parts %v", src, in, whole, again)
			}
		}
	}
	f("a > 5", 1, "")
	f("a > 5 && a < 9 && has(a)", 1, "")
	f("a > 5 && b == 'x'", 2, "")
	f("a > 5 && b == 'x' || a > 5 && c", 3, "")
	f("a + b * 2 > c - 1", 3, "")
	f("a * 2 + b > fit + size(c)", 3, "")
	f("fit > 2", 0, "")
	f("has(a) ? b > 3 : c == 'y'", 3, "")
	f("string(a) == string(b)", 0, "texts of several attributes meet")
	f("(a > 3 ? b : c) == 'x'", 0, "texts of several attributes meet")
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"a > 5 && b in ['x'] ? !c : size(d) / 2 <= -1e3", "`a b`.contains('\\n')", "1<2", "((", "clamp(fit,0,1)==min(a,b)", "count(x,7d)>1&&days_since(y)<2w"} {
		f.Add(s)
	}
	env := testEnv
	env.Past = true
	f.Fuzz(func(t *testing.T, src string) {
		e, errs := Check(src, env)
		for _, err := range errs {
			if err.Pos < 0 || err.Pos > len(src) || err.What == "" || err.Fix == "" {
				t.Fatalf("%q: %+v", src, err)
			}
		}
		if (e == nil) == (len(errs) == 0) {
			t.Fatalf("%q: %v, %v", src, e, errs)
		}
		if e == nil {
			return
		}
		e.Say(true)
		in := values{"a": 1.0, "b": "x"}
		v := e.Eval(in.in(e), nil)
		if v.Num != 0 && v.Num != 1 {
			t.Fatalf("%q: %v", src, v)
		}
		rest, parts, err := e.Split(func(in InputDef) int { return len(in.Name)%3 - 1 })
		if err == nil && (rest.Root.Type != Bool || fmt.Sprint(parts) == "") {
			t.Fatalf("%q", src)
		}
	})
}
