package train

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ripen/wasm/scorecard"
)

// behaviour is what a column counts, so that rules can count the same.
type behaviour struct {
	aspect
	window  int // index in windows
	silence bool
	shared  bool // of a path: others begin like it
}

// Of all that people do, so much becomes columns.
const (
	aspectsUsed = 24 // the most frequent
	aspectsRare = 20 // leads that must have done it, at least
)

// behaviours adds columns of what people did.
func (s *Snapshots) behaviours(t *Table) {
	leads := make([]int, len(s.list))
	for _, h := range s.hits {
		leads[h.aspect]++
	}
	var used []int
	for i, n := range leads {
		if n >= max(aspectsRare, len(s.rows)/200) {
			used = append(used, i)
		}
	}
	slices.SortFunc(used, func(a, b int) int { return cmp.Or(leads[b]-leads[a], s.list[a].compare(s.list[b])) })
	used = used[:min(len(used), aspectsUsed)]
	column0 := make([]int, len(s.list)) // of an aspect, + 1
	for _, i := range used {
		column0[i] = len(t.columns) + 1
		for w := range windows {
			b := &behaviour{aspect: s.list[i], window: w, shared: s.isShared(s.list[i])}
			t.columns = append(t.columns, &column{name: b.words(s.o.Language), attr: b.key(), kind: number, nums: make([]float64, len(s.rows)), does: b})
		}
	}
	silence := &behaviour{silence: true}
	still := &column{name: silence.words(s.o.Language), attr: silence.key(), kind: number, does: silence}
	t.columns = append(t.columns, still)
	at := 0
	for row := range s.rows {
		for ; at < s.rows[row].hits; at++ {
			h := &s.hits[at]
			if c := column0[h.aspect]; c > 0 {
				for w, n := range h.n {
					t.columns[c-1+w].nums[row] = float64(n)
				}
			}
		}
		still.nums = append(still.nums, float64(s.rows[row].silence))
	}
}

// isShared says whether other paths begin with the letters of one.
func (s *Snapshots) isShared(a aspect) bool {
	return a.field == "path" && slices.ContainsFunc(s.list, func(b aspect) bool {
		return b.field == "path" && b.value != a.value && strings.HasPrefix(b.value, a.value)
	})
}

func (a aspect) compare(b aspect) int {
	return cmp.Or(cmp.Compare(a.event, b.event), cmp.Compare(a.field, b.field), cmp.Compare(a.value, b.value), cmp.Compare(a.per, b.per))
}

// ages says that a lead has less of it, or more, the longer ago its events lie.
func (b *behaviour) ages() bool { return b != nil && (b.silence || b.window < len(windows)-1) }

// words name the column for people.
func (b *behaviour) words(lang string) string {
	if b.silence {
		return b.what(lang)
	}
	return b.what(lang) + fmt.Sprintf(say(lang, ", last %s", ", últimos %s"), windows[b.window].text)
}

// what names it without its window.
func (b *behaviour) what(lang string) string {
	switch {
	case b.silence:
		return say(lang, "days since the last activity", "días desde la última actividad")
	case b.per != "":
		return say(lang, "sessions", "sesiones")
	case b.field == "path":
		return fmt.Sprintf(say(lang, "%s of %s", "%s de %s"), b.event, b.value)
	case b.field == scorecard.TopicField:
		return fmt.Sprintf(say(lang, "%s about %s", "%s sobre %s"), b.event, b.value)
	case b.field != "":
		return fmt.Sprintf(say(lang, "%s with %s %s", "%s con %s %s"), b.event, b.field, b.value)
	}
	return b.event
}

// key names it for constraints and ids.
func (b *behaviour) key() string {
	if b.silence {
		return "silence_days"
	}
	if b.per != "" {
		return "sessions_" + windows[b.window].text
	}
	if b.field == scorecard.TopicField {
		return snake(b.event + " about " + b.value + " " + windows[b.window].text)
	}
	return snake(b.event + " " + b.value + " " + windows[b.window].text)
}

// asks is the part of a rule that waits for at least n of it.
func (b *behaviour) asks(n int) string {
	if b.silence {
		return "absent: any_activity, after: " + strconv.Itoa(n) + "d"
	}
	out := "event: " + quoted(b.event)
	switch {
	case b.per != "":
		out += ", per: " + b.per
	case b.field == "path" && b.value == "/":
		out += `, where: {path: "/"}`
	case b.field == "path" && b.shared:
		out += ", where: {path: {matches: " + quoted("^"+regexp.QuoteMeta(b.value)+"(/|$)") + "}}"
	case b.field == "path":
		out += ", where: {path: " + quoted(b.value+"*") + "}"
	case b.field == scorecard.TopicField:
		out += ", where: {" + quoted(b.field+b.value) + ": {gt: 0}}"
	case b.field != "":
		out += ", where: {" + quoted(b.field) + ": " + quoted(b.value) + "}"
	}
	return out + fmt.Sprintf(", count: {gte: %d, within: %s}, ignore: [bot, prefetch, proxy]", n, windows[b.window].text)
}

// counts is what a model's feature counts: what the rules of a card would wait for.
func (b *behaviour) counts(k *cut) string {
	if b.silence {
		return b.asks(1)
	}
	most := 0
	for _, e := range k.edges[:len(k.edges)-1] {
		most = int(e)
	}
	return b.asks(most + 1)
}

// remembered is a table without the behaviours that a model has no room to remember: the
// most telling ones stay.
func (t *Table) remembered(rows []int, p plan) *Table {
	if t.log == nil {
		return t
	}
	by := cuts(t, rows, p.coarseness)
	bins, y := binned(t, by, rows), t.labels(rows)
	iv := make([]float64, len(by))
	var order []int
	for j, c := range t.columns {
		if c.does != nil {
			iv[j] = information(bins[j], by[j].n, y)
			order = append(order, j)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(iv[b], iv[a]) })
	out := *t
	out.columns = nil
	kept := make([]bool, len(by))
	for rules, times := 0, 0; len(order) > 0; order = order[1:] {
		n := t.columns[order[0]].does.keeps()
		if rules+1 > featuresMost || (rules+1)*(times+n) > memoryMost {
			break
		}
		rules, times, kept[order[0]] = rules+1, times+n, true
	}
	for j, c := range t.columns {
		if c.does == nil || kept[j] {
			out.columns = append(out.columns, c)
		}
	}
	return &out
}

// featuresMost is how many behaviours a model has at most, so that attributes find room.
const featuresMost = 64

// keeps is how many times and sessions a model keeps for a behaviour at most.
func (b *behaviour) keeps() int {
	switch {
	case b.silence:
		return 0
	case b.per != "":
		return countMost + scorecard.SessionsMax
	}
	return countMost
}

// reasons are the words of the rule.
func (b *behaviour) reason(n int, lang string) string {
	if b.silence {
		return fmt.Sprintf(say(lang, "%d or more", "%d o más"), n)
	}
	if n == 1 {
		return say(lang, "at least one", "al menos una vez")
	}
	return fmt.Sprintf(say(lang, "%d or more", "%d o más"), n)
}

// memory is what the rules of a column cost a card: their number, and the times that
// they keep.
func (k *cut) memory(b *behaviour) (rules, times int) {
	rules = len(k.edges) - 1
	if b.silence {
		return rules, 0
	}
	for _, e := range k.edges[:rules] {
		times += int(e) + 1
	}
	return rules, times
}

// memoryMost bounds the product of a card's rules that remember and the times that
// they keep: a call of its module walks all of them, and its gas has an end.
const memoryMost = 5000

// behaviourBins is how many bins a behaviour has at most: each keeps times.
const behaviourBins = 5

// behaviourRules writes what more of it is worth than less.
func (w *cardWriter) behaviourRules(i int, col *column, k *cut) (rules []rule) {
	points := w.card.points[i]
	for b := 1; b < len(k.edges); b++ {
		n := int(k.edges[b-1]) + 1
		rules = append(rules, rule{col.does.asks(n), col.does.reason(n, w.lang), points[b] - points[b-1]})
	}
	return rules
}
