// Package ingest answers the requests that carry events, in the wire formats of
// Segment, RudderStack, Snowplow and PostHog: Segment's HTTP calls
// (POST /v1/batch, track, page, screen, identify, group, alias, import and
// their short forms), the pixel (GET /p.gif, /v1/pixel/<type>), and the paths
// that protocol.go lists.
//
// It promises that "ok" is said after the event is durable in the log (unless
// the source chose to hear it earlier), that each event of a body gets its own
// verdict, that a broken one never harms its neighbours, and that overload is
// refused before anything is parsed. What it stores is one [storage.Record] per
// event: the row of package tracker, its personal fields apart, to be sealed.
// Which field goes where is said in DESIGN.md.
//
// It also holds what a server needs at its door, [CheckHeader] and
// [NewListener], and the readers that turn files into requests of the same
// shape: [AccessLog], [CSV] and [Events].
//
// It does not know leads or scores, keeps no state but its caches, and never
// judges an event by what it knows of the person.
package ingest

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// Log is where events become durable; [storage.Log] is one.
type Log interface {
	// Append returns after recs are durable, their Dup set. It keeps none of
	// their bytes. On error none is acknowledged.
	Append(ctx context.Context, part int, recs []storage.Record) error
}

// Keys finds who sends. Both are asked for every request: they must not block.
type Keys interface {
	// Lookup returns the source of a public write key, or nil. It must not keep
	// the string.
	Lookup(writeKey string) *tracker.Source
	// Caller returns whose secret key this is.
	Caller(secret string) (tracker.Caller, bool)
}

// Config is what a [Handler] needs. Log and Keys are required.
type Config struct {
	Log  Log
	Keys Keys

	// Default names the source of events sent with a tenant's secret key and
	// no write key. Nil, or a nil answer, asks the sender for a write key.
	Default func(tracker.TenantID) *tracker.Source
	// Now is the log's clock in unix milliseconds; nil is the machine's.
	Now func() int64
	// Pending is how many bytes wait for the log, and Writable whether it takes
	// any; both are asked before every request. Nil means none and yes.
	Pending  func() int64
	Writable func() bool
	// MaxPending is how many bytes may wait, bodies in work included, before
	// requests are shed; 0 is 64 MiB.
	MaxPending int64
	// Quota is asked once a request with the body's size and says how long the
	// source must wait; 0 lets it pass. Nil never limits.
	Quota func(src *tracker.Source, bytes int) time.Duration
	// Flood says how long a request with a public key must wait for what else
	// comes from its address or with its key. Nil never limits.
	Flood func(src *tracker.Source, from netip.Addr) time.Duration
	// Client finds the visitor's address; nil is the connection's.
	Client func(*fasthttp.RequestCtx) netip.Addr
	// Dropped is told of each event that is refused for good, and gives the letter
	// its id; it must not keep the text. Nil forgets them.
	Dropped func(src *tracker.Source, d *tracker.DeadLetter)
	// Datacenters are addresses that no person asks from; nil knows none.
	Datacenters *File[Ranges]
	// Places knows where addresses are; nil knows of none.
	Places *File[Places]
	// PublicURL is the origin under which sites reach this machine, for what
	// tells libraries where to send; empty is the Host of the request.
	PublicURL string
	// Watch returns who wants to know what becomes of a source's events, or nil
	// for nobody; it is asked once a request. Nil is nobody ever.
	Watch func(src *tracker.Source) func(tracker.Outcome)
	// Shows says that a tenant has messages for the visitors of its sites; nil is
	// never.
	Shows func(tracker.TenantID) bool
	// Metrics takes the counters; nil keeps them to ourselves.
	Metrics *metrics.Set
	// Logger takes trouble with the log; nil is slog.Default().
	Logger *slog.Logger
}

func (c *Config) maxPending() int64 {
	if c.MaxPending > 0 {
		return c.MaxPending
	}
	return 64 << 20
}

func (c *Config) now() int64 {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now().UnixMilli()
}

func (c *Config) logger() *slog.Logger {
	if c.Logger != nil {
		return c.Logger
	}
	return slog.Default()
}

// Handler answers ingest requests. It is safe for concurrent use.
type Handler struct {
	cfg      Config
	agents   agents
	salts    salts
	jobs     sync.Pool
	verdicts verdicts
	inflight atomic.Int64 // bytes of bodies in work
	count    *counters
	fast     chan *job // batches acknowledged before they are durable
	done     chan struct{}
	closing  sync.RWMutex // held while sending to fast, and by Close
	closed   bool         // guarded by closing
}

// fastQueue is how many fast requests may wait for the log. With a full queue
// the sender is told to come again.
const fastQueue = 1024

// New returns a handler. The caller must Close it, after its last request.
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg, agents: agents{centers: cfg.Datacenters}, fast: make(chan *job, fastQueue), done: make(chan struct{})}
	if h.cfg.Metrics == nil {
		h.cfg.Metrics = metrics.NewSet()
	}
	h.count = newCounters(h.cfg.Metrics)
	go h.runFast()
	return h
}

// Close waits until everything that was acknowledged early is in the log, or
// was refused by it.
func (h *Handler) Close() error {
	h.closing.Lock()
	if !h.closed {
		h.closed = true
		close(h.fast)
	}
	h.closing.Unlock()
	<-h.done
	return nil
}

// Handle answers an ingest request and returns true, or returns false if the
// path is another's.
func (h *Handler) Handle(ctx *fasthttp.RequestCtx) bool {
	r, ok := routeOf(ctx.URI().PathOriginal())
	if !ok {
		return h.startup(ctx) || h.tell(ctx)
	}
	start := time.Now()
	switch {
	case ctx.IsOptions():
		h.preflight(ctx)
	case r.pixel && (ctx.IsGet() || ctx.IsHead()):
		h.pixel(ctx, r)
		h.count.ackPixel.Since(start)
	case !r.pixel && ctx.IsPost():
		h.post(ctx, r, ctx.PostBody())
		h.count.ackPost.Since(start)
	case !r.pixel && r.unpack != nil && ctx.IsGet():
		h.post(ctx, r, ctx.URI().QueryString())
		h.count.ackPost.Since(start)
	default:
		allow := r.allow()
		ctx.Response.Header.Set("Allow", allow)
		problem(ctx, fasthttp.StatusMethodNotAllowed, "method_not_allowed", "use "+allow)
	}
	return true
}

// shed says why the request cannot be taken now; empty if it can.
func (h *Handler) shed() (code string, retryAfter int) {
	pending := h.inflight.Load()
	if h.cfg.Pending != nil {
		pending += h.cfg.Pending()
	}
	if pending > h.cfg.maxPending() {
		h.count.shedPending.Inc()
		return tracker.CodeOverload, 1
	}
	if h.cfg.Writable != nil && !h.cfg.Writable() {
		h.count.shedReadOnly.Inc()
		return tracker.CodeStorage, 5
	}
	return "", 0
}

// job is one request in work: its decoder and its buffers.
type job struct {
	decoder
	inflated []byte
	unpacked [2][]byte // out of a form; out of base64
	answer   []byte
	ticket   ticket // its name
}

func (h *Handler) job() *job {
	if j, ok := h.jobs.Get().(*job); ok {
		return j
	}
	return &job{}
}

// maxKept bounds what a job may hold on to between requests.
const maxKept = 1 << 20

// free gives a job back. Nothing may point into its buffers any more.
func (h *Handler) free(j *job) {
	j.reset(sender{})
	if cap(j.inflated)+cap(j.unpacked[0])+cap(j.unpacked[1])+cap(j.arena)+cap(j.out.row)+cap(j.out.clear)+cap(j.out.personal)+200*cap(j.items) > 4*maxKept {
		return
	}
	j.inflated, j.answer = j.inflated[:0], j.answer[:0]
	h.jobs.Put(j)
}

// commit stores a job's records and returns after they are durable, or, for a
// source that wants it so, after they are queued. owned says that the job now
// belongs to the queue.
func (h *Handler) commit(j *job) (owned bool, err error) {
	if len(j.recs) == 0 {
		return false, nil
	}
	if j.source.FastAck {
		return true, h.enqueue(j)
	}
	return false, h.cfg.Log.Append(context.Background(), 0, j.recs)
}
