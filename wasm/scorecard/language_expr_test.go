package scorecard

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// spelling is one line of the reference of expressions: an example, and what it
// means. TestLanguageExpressions reads each.
type spelling struct{ example, means string }

// spellings is what a gate may write, which is everything.
var spellings = []spelling{
	{`amount >= 50`, "numbers: `== != < <= > >=`"},
	{`country == "ES"`, "texts: `==` and `!=`, in `'…'` or `\"…\"`, whole and case by case"},
	{`amount > 5 && !(vip || country == "ES")`, "and, or, not; `&&` before `||`"},
	{`country in ["ES", "PT"]`, "one of these texts, or of these numbers"},
	{`email_domain in free_mail`, "in the list of this name"},
	{`(total - shipping) / items > 10`, "`+ - * /`; what is divided by 0 is 0"},
	{`(vip ? 2 : 1) * amount > 100`, "if, then, else"},
	{`vip`, "the truth (or the text) true"},
	{`has(phone)`, "it is there and not empty"},
	{"company.size > 5 && `job-title` == \"CEO\"", "names with dots; other signs in backticks"},
	{`double(a) == double(b)`, "read as numbers, where it could be either"},
	{`string(code) == "007"`, "read as text"},
	{`size(message) > 20`, "characters of a text"},
	{`max(visits, 3) + min(orders, 5) > 7`, "the highest, the lowest of two or more"},
	{`clamp(amount, 0, 100) > 50`, "bounded below and above"},
	{`abs(balance) > 10 && floor(amount) == 7`, "without its sign; rounded down"},
	{`path.startsWith("/blog") || path.endsWith(".pdf")`, "how a text begins or ends"},
	{`path.contains("price")`, "it is somewhere in it: at most 64 bytes"},
	{`title.matches("(?i)\\bceo\\b")`, "a regular expression, RE2"},
	{`web >= 40 && web < 60`, "a dimension: in gates and on_band"},
	{`count(demo, 7d) >= 3`, "how many such events lie within 7 days, at most 32: in gates"},
	{`affinity(pricing) >= 3`, "how much the lead cares about a topic of the tenant's topic map: pages, files and mails about it, halved every 30 days; affinity(pricing, 14d) halves faster. In gates and attribute rules, as all that follows but days_since"},
	{`open_rate() > 0.25`, "mails opened of those sent or delivered, the latest 64 of each; opens by machines left out"},
	{`dwell("/pricing*") > 60`, "seconds with the page in view and in focus"},
	{`returns("/blog/*") >= 2`, "visits (sessions) with such a page after the first"},
	{`shares("/blog/*") + shares() > 0`, "events `share`, of a path or of any"},
	{`days_since(purchase) > 90`, "days since the last one, without end if there never was one: in gates"},
}

const aboutExpressions = `
## Expressions

Where keys do not reach, ` + "`when:`" + ` is a text: over the fields of the event in a rule that names one, over attributes in an attribute rule, over attributes,
dimensions and the past in a gate, over dimensions in on_band. In YAML it stands in single quotes, or in a block after ` + "`|`" + `.
It never fails: what is missing is 0, "" or false. At most 4 KB and 64 levels.

| example | meaning |
|---|---|
`

func expressions() string {
	var b strings.Builder
	b.WriteString(aboutExpressions)
	for _, s := range spellings {
		code := "`" + s.example + "`"
		if strings.Contains(s.example, "`") {
			code = "`` " + s.example + " ``"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", strings.ReplaceAll(code, "|", "\\|"), strings.ReplaceAll(s.means, "|", "\\|"))
	}
	return b.String()
}

// TestLanguageExpressions reads every example, and finds every function in one.
func TestLanguageExpressions(t *testing.T) {
	gate := func(when string) error {
		_, err := Parse("c.yaml", []byte("scorecard: c\ndimensions: {web: {kind: behaviour, groups: {g: {rules: [{id: a, event: v, points: 1}]}}}}\n"+
			"gates:\n  - {max: 5, when: '"+strings.ReplaceAll(when, "'", "''")+"'}\n"))
		return err
	}
	all := ""
	for _, s := range spellings {
		if err := gate(s.example); err != nil {
			t.Errorf("%s: %v", s.example, err)
		}
		all += s.example + "\n"
	}
	_, list, ok := strings.Cut(fmt.Sprint(gate("frob(x)")), "there are ")
	if !ok {
		t.Fatal("the error of an unknown function names none")
	}
	for _, name := range strings.Split(list, ", ") {
		if !regexp.MustCompile(`\b` + name + `\(`).MatchString(all) {
			t.Errorf("no example of %s", name)
		}
	}
}
