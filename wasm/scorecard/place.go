package scorecard

import (
	"fmt"
	"slices"
	"strings"

	"ripen/wasm/scorecard/expr"
)

// Places are the fields, and the attributes, that say where a lead is, by the
// address of its events: texts that only the tracker says.
var Places = []string{"geo.city", placeCountry, "geo.region", "geo.timezone"}

const placeCountry = "geo.country"

// DeclarePlaces tells an expression that places are texts.
func DeclarePlaces(env expr.Env) {
	for _, name := range Places {
		env.Fields[name] = expr.Field{Type: expr.Text}
	}
}

// placed checks the conditions on a field that says where a lead is, or nearly has
// the name of one.
func (p *reader) placed(k, v *node, tests []*Test) {
	if !strings.HasPrefix(k.text, "geo.") {
		return
	}
	if !slices.Contains(Places, k.text) {
		if near := expr.Nearest(k.text, Places); near != "" {
			p.add(k, fmt.Sprintf("%s is not known", k.text), fmt.Sprintf("did you mean %s? There are %s", near, strings.Join(Places, ", ")))
		}
		return
	}
	for _, t := range tests {
		switch {
		case t.Op == OpNum || t.Op == OpRange:
			p.add(v, k.text+" is a text, not a number", "compare it with texts, as in {geo.country: ES}")
		case t.Op == OpText && k.text == placeCountry && slices.ContainsFunc(t.Texts, notCountry):
			p.add(v, fmt.Sprintf("geo.country is two capital letters (ISO 3166), not %s", v.word()), "write ES for Spain, GB for the United Kingdom")
		}
	}
}

func notCountry(s string) bool {
	return len(s) != 2 || s[0] < 'A' || s[0] > 'Z' || s[1] < 'A' || s[1] > 'Z'
}
