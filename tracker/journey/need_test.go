package journey

import (
	"strings"
	"testing"

	"ripen/tracker"
)

// What is wrong in a need is said with what to write instead; what is right is told back
// in both languages.
func TestNeedText(t *testing.T) {
	way := func(w string) string { return base + "  - {id: two, branch: [{" + w + "}]}\n" }
	bad := func(w, want string) {
		t.Helper()
		_, err := Parse("a.yaml", []byte(way(w)))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", w, err, want)
		}
	}
	bad("go: one", "a way has no when and no need")
	bad("need: renew, go: one", "need wants keys and values")
	bad("need: {}, go: one", "need wants one of topic, offer; write need: {topic: maintenance, from: 0.5}, or need: {offer: [renew, refill]}")
	bad("need: {topic: a, offer: up}, go: one", "need wants one of topic, offer")
	bad("need: {offer: renewal}, go: one", `offer is "renewal"; it may be renew, refill, up, cross, down`)
	bad("need: {offer: up, from: 1}, go: one", "from belongs to a topic")
	bad("need: {topic: a, from: much}, go: one", `from is "much"; write an affinity above 0`)
	bad("need: {topic: a, form: 1}, go: one", "did you mean from?")
	good := func(w, en, es string) {
		t.Helper()
		j, err := Parse("a.yaml", []byte(way(w)))
		if err != nil {
			t.Fatal(err)
		}
		for lang, want := range map[string]string{"en": en, "es": es} {
			if told := j.Explain(lang); !strings.Contains(told, want) {
				t.Errorf("%s lacks %q", told, want)
			}
		}
		if !strings.Contains(string(j.Draw("en")), "two") {
			t.Error("it is not drawn")
		}
	}
	good("need: {topic: care, from: 0.5}, go: one", "if the lead cares about care (0.5 or more), go to one", "si al lead le interesa care (0.5 o más), ir a one")
	good("need: {topic: care}, go: one", "if what the lead cares about most is care", "si lo que más interesa al lead es care")
	good("need: {offer: [renew, refill]}, when: \"score >= 60\", go: one", "if there is to offer: a renewal or a refill, and score ≥ 60, go to one",
		"si hay que ofrecer: renovación o reposición, y además score ≥ 60, ir a one")
}

// A lead needs what it cares about enough, or what its purchases say.
func TestNeedHolds(t *testing.T) {
	p := &Person{Card: "shop", Lead: &tracker.Lead{
		Scores:    map[string]*tracker.Score{"shop": {Score: 70}},
		Interests: &tracker.Interests{Topics: []tracker.Affinity{{Topic: "care", Value: 2}, {Topic: "beans", Value: 0.4}}},
	}}
	p.Offers = func(at int64) ([]tracker.Offer, int64, error) {
		if at < 1000 {
			return nil, 1000, nil
		}
		return []tracker.Offer{{Kind: "refill", Product: "beans"}}, 0, nil
	}
	f := func(way string, at int64, want bool) {
		t.Helper()
		j, err := Parse("a.yaml", []byte(base+"  - {id: two, branch: [{"+way+", go: one}]}\n"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := j.Steps[1].Ways[0].holds(p, at)
		if got != want || err != nil {
			t.Errorf("%s: %v %v", way, got, err)
		}
	}
	f("need: {topic: care}", 0, true)
	f("need: {topic: beans}", 0, false)
	f("need: {topic: beans, from: 0.4}", 0, true)
	f("need: {topic: beans, from: 0.5}", 0, false)
	f("need: {topic: ships, from: 0.1}", 0, false)
	f("need: {offer: [renew, refill]}", 1000, true)
	f("need: {offer: [renew, refill]}", 999, false)
	f("need: {offer: renew}", 1000, false)
	f("need: {topic: care}, when: \"score >= 70\"", 0, true)
	f("need: {topic: care}, when: \"score > 70\"", 0, false)
	p.Lead.Interests, p.Offers = nil, nil
	f("need: {topic: care}", 0, false)
	f("need: {topic: care, from: 1}", 0, false)
	f("need: {offer: refill}", 1000, false)
}
