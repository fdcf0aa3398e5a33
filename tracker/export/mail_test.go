package export_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ripen/tracker/trackertest"
)

type minted struct {
	Success bool
	Links   []struct {
		URL, Expires string
		Headers      map[string]string
		Error        *struct{ Code, Detail string }
	}
}

func TestMintLinks(t *testing.T) {
	k := trackertest.Start(t)
	var m minted
	k.Call("POST", "/v1/mail/links?public_url=https://t.acme.es", k.SecretKey, map[string]any{"links": []any{
		map[string]any{"kind": "link", "email": "ana@example.org", "message": "m1", "url": "https://acme.es/", "expires": k.Now().Add(time.Hour)},
		map[string]any{"kind": "unsubscribe", "user_id": "u1", "message": "m1", "list": "news"},
		map[string]any{"kind": "link", "email": "ana@example.org", "message": "m1", "url": "javascript:alert(1)"},
		map[string]any{"kind": "pixel", "email": "ana@example.org", "message": "m1", "colour": "red"},
		17,
	}}, &m)
	if m.Success || len(m.Links) != 5 {
		t.Fatalf("got %+v", m)
	}
	if l := m.Links[0]; !strings.HasPrefix(l.URL, "https://t.acme.es/c/") || l.Expires != "2026-01-12T10:00:00.000Z" {
		t.Errorf("got %+v", l)
	}
	if l := m.Links[1]; l.Headers["List-Unsubscribe"] != "<"+l.URL+">" || l.Headers["List-Unsubscribe-Post"] != "List-Unsubscribe=One-Click" {
		t.Errorf("got %+v", l)
	}
	for i, code := range map[int]string{2: "bad_url", 3: "bad_link", 4: "bad_link"} {
		if e := m.Links[i].Error; e == nil || e.Code != code || m.Links[i].URL != "" {
			t.Errorf("link %d: %+v, want %s", i, e, code)
		}
	}
	f := func(path string, body any, want int) {
		t.Helper()
		if status, b := k.Do("POST", path, k.SecretKey, body); status != want {
			t.Errorf("%s %v: %d %s, want %d", path, body, status, b, want)
		}
	}
	f("/v1/mail/links", map[string]any{"links": []any{}}, 400)
	f("/v1/mail/links", map[string]any{"links": make([]int, 2501)}, 400)
	f("/v1/mail/links", map[string]any{"urls": []any{}}, 400)
	f("/v1/mail/links?public_url=https://t.acme.es/x", map[string]any{"links": []any{17}}, 400)
}

// TestMailKeysAPI proves that an address is good for the tenant's time with a
// key, as the operator says.
func TestMailKeysAPI(t *testing.T) {
	k := trackertest.Start(t)
	mint := func() string {
		t.Helper()
		var m minted
		k.Call("POST", "/v1/mail/links", k.SecretKey, map[string]any{"links": []any{
			map[string]any{"kind": "link", "email": "ana@example.org", "message": "m1", "url": "https://acme.es/"},
		}}, &m)
		return m.Links[0].URL[strings.Index(m.Links[0].URL, "/c/"):]
	}
	follow := func(path string, want int) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", k.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("got %d, want %d", resp.StatusCode, want)
		}
	}
	first := mint()
	k.Call("POST", "/v1/admin/mail-keys", k.AdminKey, map[string]any{}, nil)
	second := mint()
	follow(first, 302)
	k.Restart()
	follow(first, 302)
	k.Call("POST", "/v1/admin/mail-keys", k.AdminKey, map[string]any{"old_until": k.Now().Add(-time.Hour)}, nil)
	follow(first, 302)
	follow(second, 404)
	var list struct {
		Keys []struct {
			ID    string
			Signs bool
			Until string
		}
	}
	k.Call("GET", "/v1/admin/mail-keys", k.AdminKey, nil, &list)
	if len(list.Keys) != 3 || !list.Keys[0].Signs || list.Keys[1].Until == "" {
		t.Errorf("got %+v", list)
	}
	k.Advance(4 * 366 * 24 * time.Hour)
	follow(first, 404)
}

// TestProviderSource proves that a provider's webhook moves a lead once, by a
// secret that is never shown, and that its key opens nothing else.
func TestProviderSource(t *testing.T) {
	k := trackertest.Start(t)
	k.Publish("shop", `scorecard: shop
dimensions:
  interest: {kind: behaviour, max: 100, groups: {mail: {max: 100, rules: [{id: click, event: email_click, points: 7, why: "Clicks"}]}}}
score: {combine: sum, of: [{dimension: interest, times: 1}]}
`)
	key := func(n byte) string {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string('a'+rune(n)), 24)))
	}
	var s struct {
		WriteKey string `json:"write_key"`
		Hook     string
		Kind     string
		Secrets  int
		Window   string
	}
	admin := func(method, path string, body map[string]any, want int) {
		t.Helper()
		status, b := k.Do(method, path, k.AdminKey, body)
		if status != want || strings.Contains(string(b), key(0)) || strings.Contains(string(b), key(1)) {
			t.Errorf("%s %s %v: %d %s", method, path, body, status, b)
		}
	}
	admin("POST", "/v1/admin/sources", map[string]any{"name": "bad", "kind": "resend"}, 400)
	admin("POST", "/v1/admin/sources", map[string]any{"name": "bad", "kind": "resend", "secret": "short"}, 400)
	admin("POST", "/v1/admin/sources", map[string]any{"name": "mails", "kind": "resend", "secret": key(0), "window": "10m"}, 200)
	k.Call("GET", "/v1/admin/sources/mails?public_url=https://t.acme.es", k.AdminKey, nil, &s)
	if s.Hook != "https://t.acme.es/hooks/resend?writeKey="+s.WriteKey || s.Secrets != 1 || s.Window != "10m0s" {
		t.Errorf("got %+v", s)
	}
	send := func(secret, id string, want int, verdict string) {
		t.Helper()
		body := `{"type":"email.clicked","created_at":"2026-01-12T08:59:00Z","data":{"email_id":"r1","to":["ana@example.org"],"click":{"link":"https://acme.es/","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}}}`
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, raw)
		stamp := fmt.Sprint(k.Now().Unix())
		mac.Write([]byte(id + "." + stamp + "." + body))
		req, err := http.NewRequestWithContext(t.Context(), "POST", k.URL+"/hooks/resend?writeKey="+s.WriteKey, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Svix-Id", id)
		req.Header.Set("Svix-Timestamp", stamp)
		req.Header.Set("Svix-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
		status, b := do(t, req)
		if status != want || !strings.Contains(b, verdict) {
			t.Errorf("%s: %d %s, want %d %s", id, status, b, want, verdict)
		}
	}
	send(key(0), "e1", 200, `"status":"ok"`)
	k.Restart()
	send(key(0), "e1", 200, `"status":"duplicate"`)
	k.Settle()
	before := k.Leads()
	if len(before) != 1 || before[0].Email != "ana@example.org" {
		t.Fatalf("leads: %+v", before)
	}
	admin("PATCH", "/v1/admin/sources/mails", map[string]any{"secret": key(1), "keep_secret": true}, 200)
	send(key(0), "e2", 200, `"status":"ok"`)
	send(key(1), "e3", 200, `"status":"ok"`)
	k.Settle()
	if after := k.Leads(); *after[0].Score <= *before[0].Score {
		t.Errorf("two more clicks moved the lead from %d to %d", *before[0].Score, *after[0].Score)
	}
	admin("PATCH", "/v1/admin/sources/mails", map[string]any{"secret": key(1)}, 200)
	send(key(0), "e4", 401, "not_verified")
	admin("PATCH", "/v1/admin/sources/mails", map[string]any{"keep_secret": true}, 400)
	admin("PATCH", "/v1/admin/sources/mails", map[string]any{"window": "soon"}, 400)
	admin("GET", "/v1/admin/sources", nil, 200)
	admin("GET", "/v1/admin/tenants", nil, 200)
	if status, b := k.Do("POST", "/v1/track?writeKey="+s.WriteKey, "", map[string]any{"event": "x", "anonymousId": "a"}); status != 401 {
		t.Errorf("an event with the provider's key: %d %s", status, b)
	}
}

// do sends a request and returns status and body.
func do(t *testing.T, req *http.Request) (int, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}
