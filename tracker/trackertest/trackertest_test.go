package trackertest

import (
	"testing"
	"time"
)

const card = `scorecard: shop
dimensions:
  interest:
    kind: behaviour
    max: 100
    groups:
      web: {max: 100, rules: [
        {id: price, event: page_view, where: {path: "/price*"}, points: 10, per: day, cap: 40, half_life: 7d, why: "Looks at prices"},
        {id: order, event: purchase, points: 60, cap: 60, half_life: 7d, why: "Has bought"}]}
score:
  combine: sum
  of: [{dimension: interest, times: 1}]
  scale: {from: [0, 100], to: [1, 100]}
bands:
  - {name: cold, from: 1}
  - {name: hot, from: 50, leave: 40}
`

func page(visitor, id, path string) map[string]any {
	return map[string]any{"type": "page", "anonymousId": visitor, "messageId": id, "properties": map[string]any{"path": path}}
}

// TestWholePath follows one visit from the request to the ranked list, over a
// restart and through time.
func TestWholePath(t *testing.T) {
	k := Start(t)
	k.Publish("shop", card)
	order := map[string]any{"type": "track", "event": "Order Completed", "anonymousId": "v1", "messageId": "o1"}
	who := map[string]any{"type": "identify", "anonymousId": "v1", "userId": "ana", "messageId": "i1", "traits": map[string]any{"email": "Ana@Example.org"}}
	for _, v := range k.Send(page("v1", "p1", "/prices"), order, who, page("v2", "p2", "/prices")) {
		if v.Status != "ok" {
			t.Errorf("event %s: %+v", v.MessageID, v)
		}
	}
	check := func(when string, first, second int, band string) {
		t.Helper()
		ls := k.Leads()
		if len(ls) != 2 || ls[0].Score == nil || *ls[0].Score != first || *ls[1].Score != second || ls[0].Band != band || ls[0].Email != "ana@example.org" {
			t.Errorf("%s: got %+v, want scores %d and %d, band %s", when, ls, first, second, band)
		}
	}
	check("at once", 70, 11, "hot")
	if v := k.Send(order); v[0].Status != "duplicate" {
		t.Errorf("the same order again: %+v", v)
	}
	k.Restart()
	k.Settle()
	check("after a restart", 70, 11, "hot")
	k.Advance(7 * 24 * time.Hour)
	check("a half-life later", 36, 6, "cold")
}
