package export_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"ripen/tracker/export"
	"ripen/tracker/trackertest"
)

// TestShadow lets a draft run beside the card in force: what is shown and the
// change feed stay as they are, and publishing shows what the shadow said.
func TestShadow(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(60)), nil)
	k.Settle()
	var begun struct{ Scorecard, Since string }
	k.Call("PUT", "/v1/scorecards/shop/shadow", k.SecretKey, nil, &begun)
	if begun.Scorecard != "shop@2" || begun.Since == "" {
		t.Errorf("begun: %+v", begun)
	}
	ask := func() (out export.Shadow) {
		t.Helper()
		k.Call("GET", "/v1/scorecards/shop/shadow?wait=20s", k.SecretKey, nil, &out)
		return out
	}
	if got := ask(); !got.Ready || got.Leads != 1 || got.Rose != 1 || got.InForce != "shop@1" {
		t.Errorf("got %+v", got)
	}
	k.Send(visit("b", 2)...)
	k.Settle()
	before := everything(t, k)
	said := ask()
	if said.Scorecard != "shop@2" || said.Leads != 2 || said.Rose != 2 || len(said.Risers) != 2 || said.Events != 2 || len(said.Risers[0].After.Reasons) == 0 {
		t.Fatalf("got %+v", said)
	}
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(20)), nil) // another draft: the shadow keeps its own
	k.Call("PUT", "/v1/scorecards/shop", k.SecretKey, []byte(shop(60)), nil)
	if after := everything(t, k); after != before || !strings.Contains(after, `"shadow":"shop@2"`) {
		t.Errorf("a shadow changed something:\n%s\n%s", before, after)
	}
	k.Restart()
	if got := ask(); fmt.Sprint(got.Moves, got.Before, got.After, got.Leads) != fmt.Sprint(said.Moves, said.Before, said.After, said.Leads) || got.Since != said.Since {
		t.Errorf("after a restart: %+v, before: %+v", got, said)
	}
	k.Call("POST", "/v1/scorecards/shop/publish", k.SecretKey, nil, nil)
	k.Settle()
	for _, l := range k.Leads() {
		found := false
		for _, q := range said.Risers {
			found = found || q.ID == l.ID && *q.After.Score == *l.Score && q.After.Band == l.Band
		}
		if !found {
			t.Errorf("published: %+v, said: %+v", l, said.Risers)
		}
	}
	if status, answer := k.Do("GET", "/v1/scorecards/shop/shadow", k.SecretKey, nil); status != 404 || !strings.Contains(string(answer), "no_shadow") {
		t.Errorf("published: %d %s", status, answer)
	}
}

// TestShadowModule shadows a module's next version whose draft is replaced
// meanwhile: the shadow's bytes stay until it ends.
func TestShadowModule(t *testing.T) {
	k := trackertest.Start(t)
	k.Send(visit("a", 3)...)
	counter, err := os.ReadFile("../../wasm/host/testdata/counter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	k.Call("PUT", "/v1/modules/counter", k.SecretKey, counter, nil)
	var begun struct {
		Scorecard string
		Module    bool
	}
	k.Call("PUT", "/v1/modules/counter/shadow", k.SecretKey, nil, &begun)
	other := append(append([]byte{}, counter...), 0, 3, 1, 'x', 0) // with one more custom section
	k.Call("PUT", "/v1/modules/counter", k.SecretKey, other, nil)
	var got export.Shadow
	k.Call("GET", "/v1/modules/counter/shadow?wait=20s", k.SecretKey, nil, &got)
	if begun.Scorecard != "counter@1" || !begun.Module || got.Leads != 1 || got.Rose != 1 || got.InForce != "" || len(got.Failed) != 0 {
		t.Errorf("begun %+v, got %+v", begun, got)
	}
	if status, answer := k.Do("DELETE", "/v1/modules/counter/shadow", k.SecretKey, nil); status != 204 {
		t.Errorf("stop: %d %s", status, answer)
	}
	k.Call("POST", "/v1/modules/counter/publish", k.SecretKey, nil, nil) // the other draft is whole
}

// TestShadowIsolation lets a tenant ask about, begin and end nothing of another.
func TestShadowIsolation(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Publish("shop", shop(20))
	k.Call("PUT", "/v1/scorecards/shop/shadow?version=1", k.SecretKey, nil, nil)
	var other struct {
		SecretKey string `json:"secret_key"`
	}
	k.Call("POST", "/v1/admin/tenants", k.AdminKey, map[string]string{"name": "other"}, &other)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if status, answer := k.Do(method, "/v1/scorecards/shop/shadow", other.SecretKey, nil); status != 404 {
			t.Errorf("%s another's shadow: %d %s", method, status, answer)
		}
	}
	f := func(method, path string, want int, say string) {
		t.Helper()
		if status, answer := k.Do(method, path, k.SecretKey, nil); status != want || !strings.Contains(string(answer), say) {
			t.Errorf("%s %s: got %d %s, want %d %s", method, path, status, answer, want, say)
		}
	}
	f("PUT", "/v1/scorecards/shop/shadow?version=2", 409, "in_force")
	f("PUT", "/v1/scorecards/shop/shadow?version=9", 404, "unknown_version")
	f("PUT", "/v1/scorecards/none/shadow", 404, "no_draft")
	f("PUT", "/v1/scorecards/shop/shadow?sample=3", 400, "unknown_parameter")
	f("GET", "/v1/scorecards/shop/shadow?wait=soon", 400, "bad_wait")
	f("GET", "/v1/scorecards/none/shadow", 404, "no_shadow")
	k.Call("PUT", "/v1/scorecards/next", k.SecretKey, []byte(strings.Replace(shop(5), "scorecard: shop", "scorecard: next", 1)), nil)
	f("PUT", "/v1/scorecards/next/shadow", 409, "shadow_exists")
	f("POST", "/v1/scorecards/shop/rollback", 200, "shop@1")
	f("GET", "/v1/scorecards/shop/shadow", 404, "no_shadow")
	f("PUT", "/v1/scorecards/next/shadow", 200, "next@1")
}
