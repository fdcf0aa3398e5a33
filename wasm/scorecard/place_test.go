package scorecard

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlacesAreTexts shows what is said of conditions on where a lead is.
func TestPlacesAreTexts(t *testing.T) {
	f := func(rule, want string) {
		t.Helper()
		_, err := Parse("c", []byte("scorecard: c\ndimensions:\n  d:\n    kind: "+strings.Replace(rule, "RULE", "max: 9\n    groups:\n      g: {max: 9, rules: [{id: a, points: 1, why: W, ", 1)+
			"}]}\nscore: {combine: sum, of: [{dimension: d, times: 1}], scale: {from: [0, 100], to: [1, 100]}}\n"))
		if got := fmt.Sprint(err); want == "" && err != nil || !strings.Contains(got, want) {
			t.Errorf("%s: %v, want %s", rule, err, want)
		}
	}
	who := func(when, want string) { t.Helper(); f("attributes\n    RULE when: "+when, want) }
	did := func(where, want string) {
		t.Helper()
		f("behaviour\n    RULE event: look, decay: none, "+where, want)
	}
	who("{geo.country: ES}", "")
	who(`{geo.country: "NO"}`, "")
	who("{geo.country: {in: [ES, PT]}}", "")
	who("{geo.country: {not_in: [ES, pt]}}", "two capital letters")
	who("{geo.country: Spain}", `two capital letters (ISO 3166), not "Spain"`)
	who("{geo.country: {gt: 5}}", "geo.country is a text, not a number")
	who("{geo.city: 28001}", "geo.city is a text, not a number")
	who("{geo.city: Mad*}", "")
	who("{geo.timezone: Europe/*}", "")
	who("{geo.timezome: Europe/*}", "did you mean geo.timezone?")
	who("{geo.accuracy: {lt: 5}}", "") // the sender's own
	who(`'geo.country == "ES" && geo.region != "CN"'`, "")
	who(`'geo.country > 5'`, "a text stands where a number is wanted")
	who(`'geo.contry == "ES"'`, "did you mean geo.country?")
	did("where: {geo.country: {gt: 5}}", "geo.country is a text, not a number")
	did("where: {geo.country: ES}", "")
	did("when: 'geo.city'", `compare it, as in field == "a text"`)
	did(`when: 'geo.city.startsWith("San ")'`, "")
}
