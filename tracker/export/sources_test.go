package export_test

import (
	"net/http"
	"strings"
	"testing"

	"ripen/snippet"
	"ripen/tracker/server"
	"ripen/tracker/trackertest"
)

type source struct {
	Source    string   `json:"source"`
	WriteKey  string   `json:"write_key"`
	Origins   []string `json:"origins"`
	KeepIP    bool     `json:"keep_ip"`
	BodyLimit int      `json:"body_limit"`
	Disabled  bool     `json:"disabled"`
	Snippet   string   `json:"snippet"`
}

func TestSources(t *testing.T) {
	k := trackertest.Start(t)
	var s source
	k.Call("POST", "/v1/admin/sources", k.AdminKey, map[string]any{"name": "blog", "keep_ip": true, "origins": []string{"https://blog.example"}}, &s)
	if s.Source != "blog" || s.WriteKey == k.WriteKey || !s.KeepIP || s.BodyLimit != 4<<20 || !strings.Contains(s.Snippet, s.WriteKey) {
		t.Errorf("got %+v", s)
	}
	send := func(want int) {
		t.Helper()
		if status, b := k.Do("POST", "/v1/track?writeKey="+s.WriteKey, "", map[string]any{"event": "x", "anonymousId": "a"}); status != want {
			t.Errorf("an event of the source: got %d %s, want %d", status, b, want)
		}
	}
	send(200)
	k.Call("PATCH", "/v1/admin/sources/blog", k.AdminKey, map[string]any{"disabled": true}, &s)
	if !s.Disabled || !s.KeepIP || len(s.Origins) != 1 {
		t.Errorf("what was not named changed: %+v", s)
	}
	send(401)
	k.Restart()
	send(401)
	k.Call("PATCH", "/v1/admin/sources/blog", k.AdminKey, map[string]any{"disabled": false}, &s)
	send(200)
	f := func(method, path string, body map[string]any, want int, code string) {
		t.Helper()
		if status, b := k.Do(method, path, k.AdminKey, body); status != want || !strings.Contains(string(b), code) {
			t.Errorf("%s %s %v: got %d %s, want %d %s", method, path, body, status, b, want, code)
		}
	}
	f("POST", "/v1/admin/sources", map[string]any{"name": "blog"}, 409, "source_exists")
	f("POST", "/v1/admin/sources", map[string]any{"name": "a/b"}, 400, "bad_name")
	f("PATCH", "/v1/admin/sources/blog", map[string]any{"body_limit": 1 << 30}, 400, "bad_body_limit")
	for _, no := range []string{"blog.example", "https://blog.example/", "https://blog.example/x", "*.blog.example", "https://", "null", ""} {
		f("PATCH", "/v1/admin/sources/blog", map[string]any{"origins": []string{"https://a.example", no}}, 400, "bad_origins")
	}
	for _, yes := range []string{"https://blog.example:8443", "https://*.blog.example", "*", "capacitor://localhost"} {
		f("PATCH", "/v1/admin/sources/blog", map[string]any{"origins": []string{yes}}, 200, yes)
	}
	f("PATCH", "/v1/admin/sources/blog", map[string]any{"rate": -1}, 400, "bad_rate")
	f("PATCH", "/v1/admin/sources/blog", map[string]any{"rat": 1}, 400, "bad_body")
	f("PATCH", "/v1/admin/sources/none", map[string]any{}, 404, "unknown_source")
	f("POST", "/v1/admin/tenants", map[string]any{"name": ""}, 400, "bad_name")
	f("GET", "/v1/admin/sources/default", nil, 200, k.WriteKey)
}

// TestRate proves that a source is held to its rate, alone, and hears when to
// come again.
func TestRate(t *testing.T) {
	k := trackertest.Start(t)
	var s source
	k.Call("POST", "/v1/admin/sources", k.AdminKey, map[string]any{"name": "slow", "rate": 1}, &s)
	send := func(key string) (status int, retry string) {
		t.Helper()
		resp, err := http.Post(k.URL+"/v1/track?writeKey="+key, "application/json", strings.NewReader(`{"event":"x","anonymousId":"a"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Retry-After")
	}
	refused := 0
	for range 5 {
		status, retry := send(s.WriteKey)
		if status == 429 && retry != "" {
			refused++
		} else if status != 200 {
			t.Fatalf("got %d, Retry-After %q", status, retry)
		}
	}
	if refused < 3 {
		t.Errorf("%d of 5 requests at once were refused at one a second", refused)
	}
	if status, _ := send(k.WriteKey); status != 200 {
		t.Errorf("another source of the tenant: %d", status)
	}
	k.Call("PATCH", "/v1/admin/sources/slow", k.AdminKey, map[string]any{"rate": 0}, nil)
	for range 5 {
		if status, _ := send(s.WriteKey); status != 200 {
			t.Errorf("without a rate: %d", status)
		}
	}
}

func TestTagNamesThePublicAddress(t *testing.T) {
	k := trackertest.Start(t, func(c *server.Config) { c.PublicURL = "https://t.acme.es" })
	f := func(path string, want ...string) {
		t.Helper()
		var s struct {
			Snippet   string `json:"snippet"`
			Pinned    string `json:"snippet_pinned"`
			Integrity string `json:"integrity"`
			Types     string `json:"types"`
			Manager   string `json:"tag_manager"`
		}
		k.Call("GET", path, k.AdminKey, nil, &s)
		for _, w := range want {
			if !strings.Contains(s.Snippet+s.Pinned+s.Types+s.Manager, w) || s.Integrity != snippet.SRI {
				t.Errorf("%s: got %+v, want %s", path, s, w)
			}
		}
	}
	f("/v1/admin/sources/default", `src="https://t.acme.es/r.js"`, `src="https://t.acme.es/r/`+snippet.Version+`.js" integrity="`+snippet.SRI+`" crossorigin`)
	f("/v1/admin/sources/default?public_url=https://x.example", `src="https://x.example/r.js"`, "https://x.example/r.d.ts", "https://x.example/r.tpl")
	f("/v1/admin/sources/default?nonce=n0", `<script nonce="n0">`, `<script nonce="n0" async src="https://t.acme.es/r/`)
	for _, bad := range []string{"t.acme.es", "https://t.acme.es/x", "javascript:alert(1)", "https://a%22onload=b"} {
		if status, b := k.Do("GET", "/v1/admin/sources/default?public_url="+bad, k.AdminKey, nil); status != 400 {
			t.Errorf("%s: %d %s", bad, status, b)
		}
	}
}
