package email

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// bed is a handler on a real log, with one tenant and a clock of its own.
type bed struct {
	t      testing.TB
	dir    string
	db     *storage.DB
	keys   *Keys
	h      *Handler
	tenant *tracker.Tenant
	site   *tracker.Source
	clock  atomic.Int64 // unix ms
	busy   bool

	sources map[string]*tracker.Source
	fetched []string
	pages   map[string][]byte // :: URL → what fetch gets
	dropped []string

	mu     sync.Mutex
	counts map[string]int
}

var begin = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{t: t, dir: t.TempDir(), pages: map[string][]byte{}, counts: map[string]int{}, sources: map[string]*tracker.Source{}}
	b.tenant = &tracker.Tenant{ID: tracker.TenantID{1}, Name: "acme", Identity: tracker.IdentityKey{7}}
	b.site = &tracker.Source{ID: 1, Tenant: b.tenant, Name: "default"}
	b.clock.Store(begin.UnixMilli())
	b.open()
	t.Cleanup(func() {
		if err := b.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bed) open() {
	b.t.Helper()
	var err error
	if b.db, err = storage.Open(b.dir, storage.Options{Now: b.now}); err != nil {
		b.t.Fatal(err)
	}
	if b.keys, err = OpenKeys(b.db.Meta(), []*tracker.Tenant{b.tenant}); err != nil {
		b.t.Fatal(err)
	}
	judge := func(agent []byte, _ string) (tracker.Machine, tracker.MachineReason) {
		switch {
		case bytes.Contains(agent, []byte("bot")):
			return tracker.Bot, tracker.AgentList
		case bytes.Contains(agent, []byte("GoogleImageProxy")):
			return tracker.Proxy, tracker.AgentList
		}
		return tracker.Human, tracker.NoReason
	}
	b.h = New(Config{
		Log: b.db.Log(), Keys: b.keys, Source: func(key string) *tracker.Source { return b.sources[key] },
		Default:    func(tracker.TenantID) *tracker.Source { return b.site },
		JudgeAgent: judge,
		JudgeRequest: func(h *fasthttp.RequestHeader, address string) (tracker.Machine, tracker.MachineReason) {
			return judge(h.UserAgent(), address)
		},
		Now: b.db.Now, Busy: func() bool { return b.busy },
		Problem: func(ctx *fasthttp.RequestCtx, err error) {
			e, ok := errors.AsType[*tracker.Error](err)
			if !ok {
				b.t.Errorf("not an error of ours: %v", err)
				return
			}
			ctx.SetStatusCode(map[tracker.Kind]int{
				tracker.KindUnknownKey: 401, tracker.KindInvalid: 400, tracker.KindBusy: 503, tracker.KindTooLarge: 413, tracker.KindQuota: 429,
			}[e.Kind])
			ctx.SetBodyString(e.Code)
		},
		Count: func(from, verdict string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.counts[from+" "+verdict]++
		},
		Dropped: func(_ *tracker.Source, d *tracker.DeadLetter) { b.dropped = append(b.dropped, d.Code) },
		Fetch: func(_ context.Context, url string) ([]byte, error) {
			b.fetched = append(b.fetched, url)
			if p, ok := b.pages[url]; ok {
				return p, nil
			}
			return nil, errors.New("nothing there")
		},
	})
}

func (b *bed) now() time.Time { return time.UnixMilli(b.clock.Load()) }

func (b *bed) advance(d time.Duration) { b.clock.Add(d.Milliseconds()) }

// restart closes everything and opens it again.
func (b *bed) restart() {
	b.t.Helper()
	if err := b.db.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
}

// source adds a source that takes a provider's webhooks.
func (b *bed) source(s tracker.Source) *tracker.Source {
	b.t.Helper()
	s.ID, s.Tenant, s.Name, s.WriteKey = uint32(len(b.sources)+2), b.tenant, s.Kind, "wk_"+s.Kind
	if err := CheckSource(&s); err != nil {
		b.t.Fatal(err)
	}
	b.sources[s.WriteKey] = &s
	return &s
}

// answer is what came of a request.
type answered struct {
	status int
	body   string
	head   *fasthttp.ResponseHeader
}

// do sends a request; headers are name, value, name, value.
func (b *bed) do(method, target, body string, headers ...string) answered {
	b.t.Helper()
	var ctx fasthttp.RequestCtx
	var req fasthttp.Request
	req.Header.SetMethod(method)
	req.SetRequestURI("http://t.example" + target)
	req.SetBodyString(body)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	ctx.Init(&req, nil, nil)
	if !b.h.Handle(&ctx) {
		b.t.Fatalf("%s %s is nobody's", method, target)
	}
	return answered{ctx.Response.StatusCode(), string(ctx.Response.Body()), &ctx.Response.Header}
}

// events reads all events of the log, one line each: what is in the clear, and
// behind | what is sealed.
func (b *bed) events() (out []string) {
	b.t.Helper()
	err := b.db.Log().Read(context.Background(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			out = append(out, b.line(&recs[i]))
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

func (b *bed) line(r *storage.Record) string {
	b.t.Helper()
	var e tracker.Event
	if err := tracker.DecodeRow(r.Row, &e); err != nil {
		b.t.Fatal(err)
	}
	words := []string{string(e.Type), e.Machine.String()}
	if e.MachineReason != tracker.NoReason {
		words = append(words, "("+e.MachineReason.String()+")")
	}
	if e.Proved {
		words = append(words, "proved")
	}
	if e.IsDenied() {
		words = append(words, "denied")
	}
	words = append(words, time.UnixMilli(e.Time).UTC().Format("15:04:05"))
	for _, f := range e.Fields {
		words = append(words, string(f.Name)+"="+string(f.Value.Str))
	}
	words = append(words, "|")
	if len(r.Personal) > 0 {
		plain, err := b.db.Unseal(nil, r)
		if err != nil {
			b.t.Fatal(err)
		}
		fields, err := tracker.DecodeFields(nil, plain)
		if err != nil {
			b.t.Fatal(err)
		}
		for _, f := range fields {
			words = append(words, string(f.Name)+"="+string(f.Value.Str))
		}
	}
	return strings.Join(words, " ")
}

// expect compares the events of the log.
func (b *bed) expect(want ...string) {
	b.t.Helper()
	got := b.events()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		b.t.Errorf("events:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// mint returns the path of an address.
func (b *bed) mint(l tracker.MailLink) string {
	b.t.Helper()
	m, err := b.keys.Mint(b.tenant, "https://t.example", l, b.db.Now())
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.TrimPrefix(m.URL, "https://t.example")
}

// verdicts are the statuses and codes of an answer to a report.
func (a answered) verdicts(t testing.TB) string {
	t.Helper()
	if a.status != 200 {
		return fmt.Sprint(a.status, " ", a.body)
	}
	var v struct {
		Results []struct{ Status, Code string }
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, r := range v.Results {
		words = append(words, strings.TrimSpace(r.Status+" "+r.Code))
	}
	return strings.Join(words, ", ")
}

// tokens counts the used tokens that are kept.
func (b *bed) tokens() (n int) {
	b.t.Helper()
	err := b.db.Meta().View(func(tx *storage.Tx) error {
		return tx.Scan(b.tenant.ID, storage.SpaceMailToken, nil, nil, func(_, _ []byte) error {
			n++
			return nil
		})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}
