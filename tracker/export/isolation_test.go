package export_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"ripen/tracker/export"
	"ripen/tracker/trackertest"
)

// TestIsolation asks every call of the API with every kind of key. Only the
// tenant's own secret and the operator's key may see or change what is the
// tenant's; no answer lets another site's script read it.
func TestIsolation(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	k.Send(map[string]any{"type": "identify", "anonymousId": "a", "userId": "ana", "messageId": "i", "traits": map[string]any{"email": "ana@example.org"}})
	lead := k.Leads()[0].ID
	var other struct {
		WriteKey  string `json:"write_key"`
		SecretKey string `json:"secret_key"`
	}
	k.Call("POST", "/v1/admin/tenants", k.AdminKey, map[string]string{"name": "other"}, &other)
	before := everything(t, k)
	asked, wrong := 0, 0
	for _, r := range export.Routes() {
		for _, name := range []string{lead, "ana", "ana@example.org", "a", "shop", "default", "test"} {
			path := strings.Replace(r.Path, "*", name, 1)
			for kind, key := range map[string]string{
				"none": "", "write": k.WriteKey, "other's write": other.WriteKey, "other's secret": other.SecretKey, "bad": "sk_x",
				"cut": k.SecretKey[:len(k.SecretKey)-1], "admin of nobody": "rk_admin_0",
			} {
				status, answer := ask(t, k, r.Method, path, key, "test")
				asked++
				isOthers := kind == "other's secret" && !r.Operator
				switch {
				case isOthers && (status/100 == 4 || !strings.Contains(answer, lead) && !strings.Contains(answer, `"shop"`)):
				case !isOthers && status == 401 && strings.Contains(answer, `"code":"unknown_key"`):
				default:
					wrong++
					t.Errorf("%s %s with the key %s: %d %.200s", r.Method, path, kind, status, answer)
				}
			}
			if !strings.Contains(r.Path, "*") {
				break
			}
		}
		if r.Operator {
			if status, answer := ask(t, k, r.Method, strings.Replace(r.Path, "*", "test", 1), k.SecretKey, ""); status != 401 {
				t.Errorf("%s %s with a tenant's secret: %d %.200s", r.Method, r.Path, status, answer)
			}
		}
	}
	if after := everything(t, k); after != before {
		t.Errorf("someone changed something:\n%s\n%s", before, after)
	}
	t.Logf("%d requests, %d wrong grants", asked, wrong)
}

// ask sends a request that names a tenant it may not act for.
func ask(t *testing.T, k *trackertest.T, method, path, key, tenant string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, k.URL+path, strings.NewReader(`{"name":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://evil.example")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if tenant != "" {
		req.Header.Set(export.TenantHeader, tenant)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s %s answers %s", method, path, name)
		}
	}
	return resp.StatusCode, string(b)
}

// everything is what the tenant test holds, as its own key sees it.
func everything(t *testing.T, k *trackertest.T) string {
	t.Helper()
	var b strings.Builder
	for _, path := range []string{"/v1/leads", "/v1/scorecards", "/v1/scorecards/shop", "/v1/changes"} {
		status, answer := ask(t, k, "GET", path, k.SecretKey, "")
		fmt.Fprintf(&b, "%d %s\n", status, answer)
	}
	_, sources := ask(t, k, "GET", "/v1/admin/sources", k.AdminKey, "test")
	return b.String() + sources
}

// TestProblems checks what is refused, and how.
func TestProblems(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", shop(10))
	k.Send(visit("a", 1)...)
	f := func(method, path string, want int, code, say string, body ...string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, k.URL+path, strings.NewReader(strings.Join(body, "")))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+k.SecretKey)
		req.Header.Set("Accept", "application/x-ndjson") // a stream is refused like a page
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != want || resp.Header.Get("Content-Type") != "application/problem+json" ||
			!strings.Contains(string(b), `"code":"`+code+`"`) || !strings.Contains(string(b), say) {
			t.Errorf("%s %s: got %d %s, want %d %s %s", method, path, resp.StatusCode, b, want, code, say)
		}
	}
	f("GET", "/v1/leads?minscore=3", 400, "unknown_parameter", "did you mean min_score?")
	f("GET", "/v1/leads?api_key=3", 400, "unknown_parameter", "this path knows scorecard, limit")
	f("GET", "/v1/scorecards?limit=3", 400, "unknown_parameter", "this path takes none")
	f("GET", "/v1/leads?limit=3&limit=4", 400, "bad_limit", "twice")
	f("GET", "/v1/leads/a/events?limit=1001", 400, "bad_limit", "at most 1000")
	f("GET", "/v1/leads/a/scores?limit=1001", 400, "bad_limit", "at most 1000")
	f("GET", "/v1/changes?limit=1001", 400, "bad_limit", "at most 1000")
	f("GET", "/v1/leads?min_score=3000000", 400, "bad_min_score", "0 to 100")
	f("GET", "/v1/leads?min=NaN&dimension=interest", 400, "bad_min", "number")
	f("GET", "/v1/leads?min=3", 400, "bad_min", "dimension=")
	f("GET", "/v1/leads?dimension=fit", 400, "bad_dimension", "shop@1 knows interest")
	f("GET", "/v1/leads?band=hto", 400, "bad_band", "shop@1 knows cold, hot")
	f("GET", "/v1/leads?grade=A1", 400, "bad_grade", "shop@1 has none")
	f("GET", "/v1/leads?limit=-1", 400, "bad_limit", "0 or more")
	f("GET", "/v1/leads?sort=name", 400, "bad_sort", "last_seen")
	f("GET", "/v1/leads?scorecard=none", 404, "unknown_scorecard", "scorecard")
	f("GET", "/v1/leads?after=x", 400, "bad_after", "leave it out")
	f("GET", "/v1/leads/a/events?after=eHg", 400, "bad_cursor", `use the next of a page"`)
	f("GET", "/v1/leads/a/events?personal=yes", 400, "bad_personal", "true or false")
	f("GET", "/v1/leads/nobody", 404, "not_found", "no lead")
	f("GET", "/v1/leads/a?scorecard=none", 404, "unknown_scorecard", "scorecard")
	f("GET", "/v1/changes?wait=soon", 400, "bad_wait", "30s")
	f("GET", "/v1/changes?as_of=2026-01-01T00:00:00Z", 400, "unknown_parameter", "as_of")
	f("GET", "/v1/scorecards/none", 404, "unknown_scorecard", "no card")
	f("POST", "/v1/scorecards/none/simulate", 404, "no_draft", "PUT one first")
	f("POST", "/v1/scorecards/shop/simulate?version=9", 404, "unknown_version", "no version 9")
	f("POST", "/v1/scorecards/shop/simulate?sample=some", 400, "bad_sample", "whole number")
	f("POST", "/v1/scorecards/shop/publish", 400, "bad_body", `ranking, draft_id: unknown field`, `{"rankng":true}`)
	f("POST", "/v1/scorecards/shop/publish", 400, "bad_body", "a JSON object with ranking", "yes")
	f("DELETE", "/v1/leads", 405, "method_not_allowed", "use GET")
	f("GET", "/v1/scorecards/shop/publish", 405, "method_not_allowed", "use POST")
	f("GET", "/v1/lead", 404, "not_found", "nothing lives")
}
