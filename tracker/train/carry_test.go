package train

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// inForce is a card of somebody's: bands, gates and what they set off.
const inForce = `scorecard: shop
label: won within 60d
dimensions:
  interest:
    kind: behaviour
    max: 60
    groups:
      web: {rules: [{id: view, event: page_view, points: 6, cap: 60}]}
score: {of: [{dimension: interest}], scale: {from: [0, 60], to: [1, 100]}}
bands:
  - {name: cold, from: 1}
  - {name: mql, from: 60, leave: 50}
  - {name: sql, from: 90}
gates:
  - {id: rival, when: {company: Rival}, skip: true, why: "A competitor"}
  - {id: student, when: "place == 'school' && seats >= -5", max: 35}
  - {id: idle, when: "interest < 5", max: 5}
on_band:
  sql: [{handoff: crm, queue: sales, sla: 4h}, {notify: owner, when: "interest > 10"}]
  mql: [{journey: teach}]
`

// against makes a table of leads that stand somewhere by the card in force.
func against(t *testing.T, score func(i int) int64) *Table {
	t.Helper()
	card, err := scorecard.Parse("shop", []byte(inForce))
	if err != nil {
		t.Fatal(err)
	}
	s := NewSnapshots(SnapshotOptions{Label: label(t, "won within 60d"), Until: 800 * day, Seed: 5})
	s.Against("shop@3", card)
	for i, p := range pasts(3000, 4) {
		if !s.Lead(p.id, p.first) {
			continue
		}
		s.Stands(score(i), true)
		for i := range p.events {
			if err := s.Event(&p.events[i], p.id, func(*tracker.Event) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	table, err := s.Table()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestCarry: a learned card keeps the bands of the card in force, each with about as many
// leads, its gates and what bands set off; the report says what it cannot keep, and why.
func TestCarry(t *testing.T) {
	table := against(t, func(i int) int64 { return int64(1+i*7919%100) * 1000 })
	for _, kind := range []string{KindCard, KindLogistic} {
		r, err := Run(t.Context(), table, Options{Name: "shop", Seed: 5, Model: kind, Language: "en"})
		if err != nil {
			t.Fatal(err)
		}
		card, err := scorecard.Parse("shop", r.Card)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Card)
		}
		names, people, all := []string{}, map[string]int{}, 0
		for _, b := range card.Bands {
			names, people[b.Name], all = append(names, b.Name), b.People, all+b.People
		}
		if !slices.Equal(names, []string{"cold", "mql", "sql"}) {
			t.Fatalf("%s: bands %v", kind, names)
		}
		for name, want := range map[string]float64{"mql": .30, "sql": .11} {
			if got := float64(people[name]) / float64(all); got < want-.04 || got > want+.04 {
				t.Errorf("%s: %.3f of the leads are %s, were %.2f\n%s", kind, got, name, want, r.Card)
			}
		}
		if b := card.Bands[1]; b.Leave >= b.From {
			t.Errorf("%s: mql begins at %d and is left at %d", kind, b.From, b.Leave)
		}
		if a := card.Bands[2].Actions; len(a) != 1 || a[0].Do != "handoff" || a[0].Queue != "sales" || a[0].SLA != 4*hour {
			t.Errorf("%s: sql sets off %+v", kind, a)
		}
		if a := card.Bands[1].Actions; len(a) != 1 || a[0].To != "teach" {
			t.Errorf("%s: mql sets off %+v", kind, a)
		}
		if len(card.Gates) != 2 || card.Gates[0].ID != "rival" || !card.Gates[0].Skip || card.Gates[0].Why != "A competitor" || card.Gates[1].ID != "student" {
			t.Fatalf("%s: gates %+v\n%s", kind, card.Gates, r.Card)
		}
		// What was bounded at a score of 59, where mql begins at 60, stays below mql.
		s, g := &card.Score, card.Gates[1]
		if at := int(s.To[0] + (g.Max-s.From[0])*s.K() + .5); at >= card.Bands[1].From || at < card.Bands[1].From-6 {
			t.Errorf("%s: the gate's bound is a score of %d, mql begins at %d", kind, at, card.Bands[1].From)
		}
		c := r.Report.Champion
		lost := []string{}
		for _, l := range c.Lost {
			lost = append(lost, l.What)
		}
		if !slices.Equal(lost, []string{"gate idle", "on_band sql: notify owner"}) || len(c.Carried) != 7 {
			t.Errorf("%s: carried %q, lost %q", kind, c.Carried, lost)
		}
		var en, es, page bytes.Buffer
		if err := errors.Join(r.Report.Text(&en, "en"), r.Report.Text(&es, "es"), r.Report.HTML(&page, "es")); err != nil {
			t.Fatal(err)
		}
		for want, in := range map[string]string{
			"Taken over from it: band cold, band mql": en.String(), "NOT taken over: gate idle: it asks for points of a dimension": en.String(),
			"NO se conserva: gate idle": es.String(), "No se conserva:": page.String(),
		} {
			if !strings.Contains(in, want) {
				t.Errorf("%s: nothing says %q in\n%s", kind, want, in)
			}
		}
	}
}

// TestCarryCoarse: a card in force that knows two scores still leaves bands in order.
func TestCarryCoarse(t *testing.T) {
	for _, score := range []func(i int) int64{
		func(int) int64 { return 1000 },
		func(int) int64 { return 100_000 },
		func(i int) int64 { return int64(i%2)*99_000 + 1000 },
	} {
		table := against(t, score)
		r, err := Run(t.Context(), table, Options{Name: "shop", Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		card, err := scorecard.Parse("shop", r.Card)
		if err != nil || len(card.Bands) != 3 {
			t.Fatalf("%v\n%s", err, r.Card)
		}
	}
}

// TestBlind: a challenger whose best tenth may be chance says so, whatever it replaces.
func TestBlind(t *testing.T) {
	y := make([]uint8, 1000)
	for i := range 200 {
		y[i*5] = 1
	}
	if got := chanceLift(y); got < 1.30 || got > 1.32 {
		t.Errorf("a tenth of 1000 rows at 20 %% stays below %.3f 95 times in 100", got)
	}
	table := against(t, func(i int) int64 { return int64(1+i*7919%100) * 1000 })
	for i := range table.y { // nothing tells
		table.y[i] = uint8(drawn(tracker.LeadID{Hash: tracker.Hash{byte(i), byte(i >> 8)}}, 3) * 1.3)
	}
	for _, lang := range []string{"en", "es"} {
		r, err := Run(t.Context(), table, Options{Name: "shop", Seed: 5, Language: lang})
		if err != nil {
			t.Fatal(err)
		}
		if c := r.Report.Champion; !c.Blind {
			t.Fatalf("lift %.3f of labels that are drawn: %+v", c.Challenger.Lift, c)
		}
		var text, page bytes.Buffer
		if err := errors.Join(r.Report.Text(&text, lang), r.Report.HTML(&page, lang)); err != nil {
			t.Fatal(err)
		}
		want := say(lang, "no better than a tenth drawn at random", "no mejora a un décimo elegido al azar")
		if !strings.Contains(text.String(), want) || !strings.Contains(page.String(), want) {
			t.Errorf("%s: neither says %q", lang, want)
		}
	}
}
