package ingest

import (
	"context"
	"encoding/json"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// testNow is the log's clock in tests.
const testNow = 1_780_000_000_000 // 2026-05-28T20:26:40Z

// fakeLog keeps copies of what it is given.
type fakeLog struct {
	mu   sync.Mutex // guards the rest
	ids  map[string]bool
	recs []storage.Record
	err  error
	gate chan struct{} // if set, Append waits for it
}

func (l *fakeLog) Append(_ context.Context, _ int, recs []storage.Record) error {
	if l.gate != nil {
		<-l.gate
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.ids == nil {
		l.ids = map[string]bool{}
	}
	for i := range recs {
		r := recs[i]
		if len(r.ID) > 0 && l.ids[string(r.ID)] {
			recs[i].Dup = true
			continue
		}
		l.ids[string(r.ID)] = true
		r.ID = append([]byte(nil), r.ID...)
		r.Row = append([]byte(nil), r.Row...)
		r.Personal = append([]byte(nil), r.Personal...)
		l.recs = append(l.recs, r)
	}
	return nil
}

// events decodes what the log holds.
func (l *fakeLog) events(t testing.TB) []tracker.Event {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]tracker.Event, len(l.recs))
	for i, r := range l.recs {
		if err := tracker.DecodeRow(r.Row, &out[i]); err != nil {
			t.Fatal(err)
		}
		var err error
		if out[i].Personal, err = tracker.DecodeFields(nil, r.Personal); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// fakeKeys knows sources by write key and callers by secret.
type fakeKeys struct {
	sources map[string]*tracker.Source
	callers map[string]tracker.Caller
}

func (k *fakeKeys) Lookup(key string) *tracker.Source { return k.sources[key] }
func (k *fakeKeys) Caller(secret string) (tracker.Caller, bool) {
	c, ok := k.callers[secret]
	return c, ok
}

var testTenant = &tracker.Tenant{
	ID: tracker.TenantID{1, 2, 3, 4, 5, 6, 7, 8}, Name: "test", Identity: tracker.IdentityKey{9},
	Clear: map[string]struct{}{"form": {}, "sku": {}, "plan.name": {}},
}

func testSource() *tracker.Source {
	return &tracker.Source{ID: 7, Tenant: testTenant, Name: "site", WriteKey: "wk"}
}

// world is a handler on fakes.
type world struct {
	t   testing.TB
	log *fakeLog
	src *tracker.Source
	h   *Handler
}

func newWorld(t testing.TB, change func(*Config, *tracker.Source)) *world {
	w := &world{t: t, log: &fakeLog{}, src: testSource()}
	cfg := Config{
		Log: w.log,
		Keys: &fakeKeys{
			sources: map[string]*tracker.Source{"wk": w.src},
			callers: map[string]tracker.Caller{
				"sk":    {Tenant: testTenant.ID, Role: tracker.SecretRole, Key: "sk1"},
				"other": {Tenant: tracker.TenantID{0xff}, Role: tracker.SecretRole, Key: "sk2"},
			},
		},
		Default: func(tracker.TenantID) *tracker.Source { return w.src },
		Now:     func() int64 { return testNow },
	}
	if change != nil {
		change(&cfg, w.src)
	}
	w.h = New(cfg)
	t.Cleanup(func() { w.h.Close() })
	return w
}

// answer is a response, read.
type answer struct {
	status  int
	code    string // of a problem
	success bool
	results []result
	body    string
	header  *fasthttp.ResponseHeader
}

type result struct {
	MessageID string `json:"messageId"`
	Status    string
	Code      string
	Detail    string
}

// do sends one request: "POST /v1/batch", headers as "Name: value", a body.
func (w *world) do(line, body string, headers ...string) answer {
	w.t.Helper()
	var ctx fasthttp.RequestCtx
	var req fasthttp.Request
	method, uri, _ := strings.Cut(line, " ")
	req.Header.SetMethod(method)
	req.SetRequestURI(uri)
	req.Header.SetHost("tracker.example")
	req.Header.SetUserAgent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	req.SetBodyString(body)
	ctx.Init(&req, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 9}, nil)
	if !w.h.Handle(&ctx) {
		w.t.Fatalf("%s: not an ingest path", line)
	}
	a := answer{status: ctx.Response.StatusCode(), body: string(ctx.Response.Body()), header: &ctx.Response.Header}
	if strings.HasPrefix(a.body, "{") {
		var v struct {
			Success bool
			Results json.RawMessage
			Code    string
		}
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			w.t.Fatalf("%s: answer %q: %v", line, a.body, err)
		}
		_ = json.Unmarshal(v.Results, &a.results) // PostHog's are no list
		a.success, a.code = v.Success, v.Code
	}
	return a
}

// verdicts shows results as "ok", "drop:nul", …
func (a answer) verdicts() string {
	var out []string
	for _, r := range a.results {
		s := r.Status
		if r.Code != "" {
			s += ":" + r.Code
		}
		out = append(out, s)
	}
	return strings.Join(out, " ")
}

// show writes a value as tests compare it.
func show(v tracker.Value) string {
	switch v.Tag {
	case tracker.Null:
		return "null"
	case tracker.True:
		return "true"
	case tracker.False:
		return "false"
	case tracker.Int:
		b, _ := json.Marshal(int64(v.Num))
		return string(b)
	case tracker.Float:
		f, _ := v.AsFloat()
		b, _ := json.Marshal(f)
		return string(b) + "f"
	case tracker.Number:
		return string(v.Str) + "n"
	case tracker.JSON:
		return "json" + string(v.Str)
	}
	return `"` + string(v.Str) + `"`
}

var spaceNames = map[tracker.Space]string{
	tracker.Property: "p.", tracker.Trait: "t.", tracker.Context: "c.", tracker.Product: "product.", tracker.System: "s.",
}
