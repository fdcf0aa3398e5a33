package export_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ripen/tracker/trackertest"
)

// TestTemplates starts a card from each template, as a page would.
func TestTemplates(t *testing.T) {
	k := trackertest.Start(t)
	type row struct {
		Name, About, YAML string
		Cases             json.RawMessage
	}
	var list struct{ Templates []row }
	k.Call("GET", "/v1/templates?lang=es", k.SecretKey, nil, &list)
	if len(list.Templates) < 6 || list.Templates[0].YAML != "" {
		t.Fatalf("got %v", list)
	}
	for _, r := range list.Templates {
		var got row
		k.Call("GET", "/v1/templates/"+r.Name+"?lang=es", k.SecretKey, nil, &got)
		if got.About != r.About || !strings.Contains(got.YAML, "language: es") || !json.Valid(got.Cases) {
			t.Errorf("%s: got %v", r.Name, got)
		}
		k.Publish(r.Name, got.YAML)
	}
	var own struct{ Scorecards []struct{ Name string } }
	k.Call("GET", "/v1/scorecards", k.SecretKey, nil, &own)
	if len(own.Scorecards) != len(list.Templates) {
		t.Errorf("%d cards of %d templates", len(own.Scorecards), len(list.Templates))
	}
	f := func(path string, want int, say string) {
		t.Helper()
		if status, answer := k.Do("GET", path, k.SecretKey, nil); status != want || !strings.Contains(string(answer), say) {
			t.Errorf("%s: got %d %s, want %d %s", path, status, answer, want, say)
		}
	}
	f("/v1/templates/simpel", 404, "did you mean simple?")
	f("/v1/templates?lang=fr", 400, "need en or es")
	if status, _ := k.Do("GET", "/v1/templates", "wrong", nil); status != 401 {
		t.Errorf("a wrong key gets %d", status)
	}
}
