package journey_test

import (
	"testing"

	"ripen/tracker"
)

// A rule of who owns a lead is a branch and a set before the hand-off: what has just
// been set is in what sales is told, in the queue, and in the next branch.
func TestOwnerRule(t *testing.T) {
	w := start(t)
	w.publish("journeys", "own", `journey: own
enter: {event: hello}
goal: {event: purchase}
steps:
  - {id: who, branch: [{when: "country == 'ES'", go: luis}], go: eva}
  - {id: luis, set: {owner: luis}, go: seen}
  - {id: eva, set: {owner: eva}}
  - {id: seen, branch: [{when: "has(owner)", go: sales}], go: exit}
  - {id: sales, handoff: {to: crm, queue: sales, sla: 4h}}
`, "")
	var queue struct {
		Handoffs []struct {
			ID, Lead, Owner string
			Reasons         []tracker.Reason
			Links           map[string]string
		}
	}
	w.send(map[string]any{"type": "identify", "userId": "ana", "traits": map[string]any{"country": "ES"}})
	for _, who := range []string{"ana", "bea"} {
		w.track(who, "hello", nil)
	}
	w.Call("GET", "/v1/handoffs", w.SecretKey, nil, &queue)
	if len(queue.Handoffs) != 2 || queue.Handoffs[0].Owner != "eva" || queue.Handoffs[1].Owner != "luis" {
		t.Errorf("%+v", queue)
	}
}
