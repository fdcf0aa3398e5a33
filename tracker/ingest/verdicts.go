package ingest

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

const (
	keptRequests = 1 << 16          // whose verdicts are kept, about 5 MB of slots
	keptBytes    = 8 << 20          // of what is said about their events
	keptFor      = int64(3_600_000) // ms
	keptOfOne    = 64 << 10         // bytes said about one request's events
)

var (
	requestHeader = []byte("Ripen-Request-Id")
	verdictsPath  = []byte("/v1/verdicts/")
)

// ticket names a request: its number and what makes the name a secret. Who has
// it may ask what became of the request.
type ticket struct{ number, secret uint64 }

func (t ticket) append(dst []byte) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], t.number)
	binary.BigEndian.PutUint64(b[8:], t.secret)
	return hex.AppendEncode(dst, b[:])
}

// told is what became of one request.
type told struct {
	ticket
	source *tracker.Source // nil: an empty slot
	at     int64           // unix ms
	events int
	counts [4]int // :: status → events
	said   []byte // JSON, with commas between, of each event that is not plainly ok
	cut    bool   // said had no room for all
}

// verdicts keeps what became of the last requests, for protocols whose answers
// have no room for it. It lives in memory: it is no record, the log is.
type verdicts struct {
	numbers atomic.Uint64 // the last number given

	mu     sync.Mutex // guards the rest, held for a copy
	ring   []told     // number modulo its length
	oldest uint64     // the first that may still be there
	bytes  int        // of all said
}

// take gives a request its name.
func (v *verdicts) take() ticket { return ticket{v.numbers.Add(1), rand.Uint64()} }

// keep notes what became of a job's events.
func (v *verdicts) keep(j *job, now int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ring == nil {
		v.ring, v.oldest = make([]told, keptRequests), 1
	}
	t := &v.ring[j.ticket.number%keptRequests]
	if t.number > j.ticket.number {
		return // it waited so long that its place is taken
	}
	v.bytes -= len(t.said)
	*t = told{ticket: j.ticket, source: j.source, at: now, events: len(j.items), said: t.said[:0]}
	for i := range j.items {
		it := &j.items[i]
		if t.counts[it.status]++; it.status == tracker.OK && it.code == "" {
			continue
		}
		if len(t.said) > keptOfOne {
			t.cut = true
			continue
		}
		if len(t.said) > 0 {
			t.said = append(t.said, ',')
		}
		t.said = it.brief(t.said)
	}
	v.bytes += len(t.said)
	for ; v.bytes > keptBytes && v.oldest < j.ticket.number; v.oldest++ {
		if old := &v.ring[v.oldest%keptRequests]; old.number == v.oldest {
			v.bytes -= len(old.said)
			*old = told{}
		}
	}
}

// find returns a copy of what is kept under a name, and how many requests later
// it goes at the latest.
func (v *verdicts) find(name []byte, now int64) (t told, left uint64, ok bool) {
	var b [16]byte
	if len(name) != 32 {
		return t, 0, false
	}
	if _, err := hex.Decode(b[:], name); err != nil {
		return t, 0, false
	}
	want := ticket{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ring == nil {
		return t, 0, false
	}
	t = v.ring[want.number%keptRequests]
	if t.source == nil || t.ticket != want || now-t.at > keptFor {
		return t, 0, false
	}
	t.said = bytes.Clone(t.said)
	if last := v.numbers.Load(); last-t.number < keptRequests {
		left = keptRequests - (last - t.number)
	}
	return t, left, true
}

// name puts a request's name into the head of its answer.
func (h *Handler) name(ctx *fasthttp.RequestCtx, j *job) {
	var buf [32]byte
	j.ticket = h.verdicts.take()
	ctx.Response.Header.SetCanonical(requestHeader, j.ticket.append(buf[:0]))
}

// tell answers GET /v1/verdicts/{request id}, for the tenant's secret key or the
// source's write key.
func (h *Handler) tell(ctx *fasthttp.RequestCtx) bool {
	name, ok := bytes.CutPrefix(ctx.URI().PathOriginal(), verdictsPath)
	if !ok || !ctx.IsGet() && !ctx.IsOptions() {
		return false
	}
	if ctx.IsOptions() {
		h.preflight(ctx)
		return true
	}
	a := h.access(ctx)
	origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
	if a.source == nil || allowed(a.source, origin) {
		share(ctx, origin)
	}
	t, left, ok := h.verdicts.find(name, h.cfg.now())
	switch {
	case a.source == nil && !a.secret:
		h.refuse(ctx, errUnknownKey)
	case !ok || !a.sees(t.source):
		problem(ctx, fasthttp.StatusNotFound, "not_found", "no request of yours is kept under this id: ask within the hour, and before 65,536 later requests")
	default:
		ctx.Response.Header.SetCanonical(cacheHeader, noStore)
		ctx.SetContentType("application/json")
		ctx.SetBody(t.json(left))
	}
	return true
}

// sees says that whoever asks may know what a source sent.
func (a *access) sees(src *tracker.Source) bool {
	if a.secret {
		return a.caller.May(tracker.SecretRole, src.Tenant.ID) == nil
	}
	return a.source.ID == src.ID
}

// toldEvent is the verdict of one event.
type toldEvent struct {
	MessageID string `json:"messageId"`
	Status    string `json:"status"`
	Code      string `json:"code,omitempty"`
	Detail    string `json:"detail,omitempty"`
}

func (t *told) json(left uint64) []byte {
	when := func(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }
	results := []toldEvent{}
	if err := json.Unmarshal(append(append([]byte{'['}, t.said...), ']'), &results); err != nil {
		panic("BUG: verdicts that are no JSON: " + err.Error())
	}
	for i := range results {
		results[i].Detail = details[results[i].Code]
	}
	b, err := json.Marshal(struct {
		ID        string      `json:"request_id"`
		Source    string      `json:"source"`
		Received  string      `json:"received"`
		Kept      string      `json:"kept_until"`    // at the latest
		Left      uint64      `json:"requests_left"` // after so many it is gone before
		Events    int         `json:"events"`
		OK        int         `json:"ok"`
		Duplicate int         `json:"duplicate"`
		Drop      int         `json:"drop"`
		Retry     int         `json:"retry"`
		Cut       bool        `json:"results_cut,omitempty"`
		Results   []toldEvent `json:"results"` // what is not plainly ok
	}{
		string(t.append(nil)), t.source.Name, when(t.at), when(t.at + keptFor), left, t.events,
		t.counts[tracker.OK], t.counts[tracker.Duplicate], t.counts[tracker.Drop], t.counts[tracker.Retry], t.cut,
		results,
	})
	if err != nil {
		panic("BUG: verdicts that are no JSON: " + err.Error())
	}
	return append(b, '\n')
}
