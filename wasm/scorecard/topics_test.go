package scorecard

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func caring(t *testing.T, when string) *Card {
	t.Helper()
	c, err := Parse("c.yaml", []byte("scorecard: c\ndimensions: {d: {kind: attributes, groups: {g: {rules: [{id: a, points: 40, when: '"+when+"'}]}}}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func about(typ string, at int64, weight float64) *ev {
	return &ev{typ: typ, time: at, fields: fields{"topic.pricing": weight}}
}

// TestAffinity holds what halves to numbers worked out by hand: a page view (1), and
// after thirty days, half of it and a download (3), 3.5; which is 2 after
// 30·log2(3.5/2) = 24.2206 days more.
func TestAffinity(t *testing.T) {
	events := []*ev{about("page_view", t0, 1), about("download", t0+30*day, 3)}
	f := func(when string, days float64, want float64) {
		t.Helper()
		if r := at(caring(t, when), t0+int64(days*float64(day)), events...); r.Dims[0] != want {
			t.Errorf("%s after %v days: %v points, want %v", when, days, r.Dims[0], want)
		}
	}
	f("affinity(pricing) >= 3.5", 30, 40)
	f("affinity(pricing) > 3.5", 30, 0)
	f("affinity(pricing) == 1.75", 60, 40)
	f("affinity(pricing) == 0.875", 90, 40)
	f("affinity(pricing, 15d) == 3.25", 30, 40) // a quarter of the page view is left
	f("affinity(pricing, 15d) == 0.8125", 60, 40)
	f("affinity(other) == 0", 60, 40)
	f("affinity(pricing) >= 2", 30+24.22, 40)
	f("affinity(pricing) >= 2", 30+24.221, 0)
	f("max(affinity(pricing), affinity(other)) - affinity(other) >= 2 && open_rate() == 0", 54.22, 40)
}

// TestAffinityWakes follows the moments at which a score says that it may change, and
// finds the end of an affinity there: to the second, and in few steps.
func TestAffinityWakes(t *testing.T) {
	c := caring(t, "affinity(pricing) >= 2")
	events := []*ev{about("page_view", t0, 1), about("download", t0+30*day, 3)}
	end := t0 + 30*day + int64(30*float64(day)*math.Log2(1.75))
	now, steps := t0+30*day, 0
	for at(c, now, events...).Dims[0] == 40 {
		next := at(c, now, events...).Next
		if steps++; next <= now || steps > 40 {
			t.Fatalf("after %d steps the score of %d wakes at %d", steps, now, next)
		}
		now = next
	}
	if off := now - end; off < 0 || off > 2000 {
		t.Errorf("ended %d ms after the moment worked out by hand, in %d steps", off, steps)
	}
	if next := at(c, now, events...).Next; next != 0 {
		t.Errorf("nothing can change any more, and it wakes at %d", next)
	}
}

func TestBehaviour(t *testing.T) {
	mail := func(typ, message string) *ev {
		return &ev{typ: typ, time: t0, fields: fields{"message": message}, send: typ == "email_sent"}
	}
	on := func(e *ev, machine string) *ev { e.machine = machine; return e }
	page := func(path string, session uint64) *ev {
		return &ev{typ: "page_view", time: t0, session: session, fields: fields{"path": path}}
	}
	stay := func(path string, seconds any) *ev {
		return &ev{typ: "engaged", time: t0, fields: fields{"path": path, "seconds": seconds}}
	}
	f := func(when string, events ...*ev) {
		t.Helper()
		if r := at(caring(t, when), t0, events...); r.Dims[0] != 40 {
			t.Errorf("%s does not hold", when)
		}
	}
	sent := []*ev{mail("email_sent", "a"), mail("email_delivered", "a"), mail("email_sent", "b"), mail("email_delivered", "c"), mail("email_sent", "d")}
	f("open_rate() == 0")
	f("open_rate() == 0", sent...)
	f("open_rate() == 0.25", append(sent, mail("email_open", "a"), mail("email_open", "a"))...)
	f("open_rate() == 0.25", append(sent, mail("email_open", "a"), on(mail("email_open", "b"), "bot"), on(mail("email_open", "c"), "prefetch"))...)
	f("open_rate() == 0.5", append(sent, mail("email_open", "a"), on(mail("email_open", "b"), "proxy"))...) // Gmail's proxy opens for a person
	f("open_rate() == 1", mail("email_sent", "a"), mail("email_open", "a"), mail("email_open", "unknown"))

	f(`dwell("/pricing*") == 100.5 && dwell("/blog") == 7 && dwell("*") == 107.5`,
		stay("/pricing", 60), stay("/pricing/pro", 40.5), stay("/blog", 7), stay("/blog", -5), stay("/blog", 90_000), stay("/blog", "x"), on(stay("/blog", 9), "bot"))
	f(`returns("/pricing*") == 2 && returns("/blog") == 0 && returns("/never") == 0`,
		page("/pricing", 1), page("/pricing", 1), page("/pricing/pro", 2), page("/blog", 2), page("/pricing", 3), on(page("/pricing", 4), "bot"))
	share := func(path string) *ev { return &ev{typ: "share", time: t0, fields: fields{"path": path}} }
	f(`shares() == 3 && shares("/blog/*") == 2`, share("/blog/a"), share("/blog/b"), share("/pricing"))
}

func TestBehaviourRefused(t *testing.T) {
	f := func(rule, want string) {
		t.Helper()
		kind := "behaviour"
		if !strings.Contains(rule, "event:") {
			kind = "attributes"
		}
		_, err := Parse("c.yaml", []byte("scorecard: c\ndimensions:\n  d:\n    kind: "+kind+"\n    groups:\n      g: {rules: [\n"+rule+"]}\n"))
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", rule, err, want)
		}
	}
	f(`{id: a, event: v, points: 1, when: 'affinity(x) > 2'}`,
		`c.yaml:7:37: rule "a": affinity is asked of a lead, not of an event; ask it in a gate, or in when: of a rule that names no event`)
	f(`{id: a, points: 1, when: 'affinity(x, 5m) > 2'}`,
		`c.yaml:7:39: rule "a": affinity wants a half-life from 10m on; write as in affinity(pricing, 14d); m, h, d, w, mo and y are its units`)
	f(`{id: a, points: 1, when: 'affinity(2) > 2'}`,
		`c.yaml:7:36: rule "a": affinity wants a topic of the tenant's topic map; write as in affinity(pricing) or affinity(pricing, 14d)`)
	f(`{id: a, points: 1, when: 'dwell(path) > 2'}`, `c.yaml:7:33: rule "a": dwell wants a path in quotes; write as in dwell("/pricing*")`)
	f(`{id: a, points: 1, when: 'open_rate(3) > 2'}`, `c.yaml:7:27: rule "a": open_rate has 1 arguments; write as in open_rate()`)
	f(`{id: a, points: 1, when: 'floor(affinity(x)) > 2'}`, `c.yaml:7:27: rule "a": affinity(x) moves by itself and is rounded; compare it by itself`)
}

func TestTopics(t *testing.T) {
	m, err := ParseTopics("t.yaml", []byte("topics:\n  a: {paths: [\"/pricing*\"], titles: [\"*Price*\"]}\n  b: {campaigns: spring-*}\nhalf_life: 14d\nweights: {download: 5, email_open: 0}\n"))
	if err != nil {
		t.Fatal(err)
	}
	about := func(topic string, texts ...string) bool {
		return m.About(m.Index(topic), func(i TopicText) []byte { return []byte(texts[i]) })
	}
	if m.HalfLife != 14*day || m.Weight("download") != 5 || m.Weight("page_view") != 1 || m.Weight("email_open") != 0 || m.Weight("email_click") != 2 || m.Weight("purchase") != 0 {
		t.Errorf("the map is %+v", m)
	}
	if !about("a", "/pricing/x", "", "") || !about("a", "/x", "Our Prices", "") || about("a", "/x", "", "spring-1") || !about("b", "", "", "spring-1") || about("b", "", "", "") {
		t.Error("an event is about what it is not about")
	}
	if got := strings.Join(m.Fields(), " "); got != "file title" {
		t.Errorf("it reads %q", got)
	}
	_, err = ParseTopics("t.yaml", []byte("topic: {}\n"))
	if list, ok := errors.AsType[Errors](err); !ok || len(list) != 2 || list[0].Line != 1 {
		t.Errorf("got %v", err)
	}
}
