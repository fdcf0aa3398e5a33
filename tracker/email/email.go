// Package email knows what becomes of a mail: it signs the addresses that stand
// in one and answers whoever follows them (open pixels /o/, click links /c/,
// unsubscribe links /u/, answers to a mail's question /a/), and takes the reports of mail providers
// (/hooks/<provider>).
//
// It promises that an address that it did not sign, or signed for another use,
// another tenant or another time, leads nowhere: a pixel still answers with a
// picture, anything else is a page that says 404. A link leads to its http or
// https target and to nothing else. A HEAD request is kept as evidence of a machine and
// counts for nobody ([tracker.Event.Counts]), a GET never unsubscribes anybody
// (RFC 8058), and a report counts only if the provider's secret vouches for the
// very bytes that came, and counts once, however often it is sent again. One
// broken report of a batch never harms its neighbours.
//
// Each of these becomes one event in the log, of the same types whoever told of
// it: email_sent, email_delivered, email_open, email_click, email_bounce,
// email_complaint, unsubscribe; the replies to SMS become sms_replied. A click that no machine made proves whose
// address the mail went to.
//
// It stores, in meta/, each tenant's signing keys under storage.SpaceMailKey
// and the used tokens of webhooks that sign a token instead of their body under
// storage.SpaceMailToken.
//
// It does not send mail, does not know who is unsubscribed, and never fetches
// an address that a report names. DESIGN.md argues the promises.
package email

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// Log is where events become durable; [storage.Log] is one.
type Log interface {
	Append(ctx context.Context, part int, recs []storage.Record) error
}

// Config is what a [Handler] needs. All but the last group is required.
type Config struct {
	Log  Log
	Keys *Keys
	// Source finds who a webhook's write key belongs to, or nil.
	Source func(writeKey string) *tracker.Source
	// Default names the source of what happens to a tenant's own addresses.
	Default func(tracker.TenantID) *tracker.Source
	// JudgeRequest and JudgeAgent say who seems to be behind a request, or behind
	// an agent that a provider saw, and the address that it comes from.
	JudgeRequest func(head *fasthttp.RequestHeader, address string) (tracker.Machine, tracker.MachineReason)
	JudgeAgent   func(agent []byte, address string) (tracker.Machine, tracker.MachineReason)
	// Place returns the fields that say where an address is, coarsely if the person
	// may not be known; nil, or no fields, knows of none.
	Place func(address string, coarse bool) []tracker.Field
	// Now is the log's clock in unix milliseconds.
	Now func() int64
	// Problem answers a request with an error as problem JSON.
	Problem func(ctx *fasthttp.RequestCtx, err error)

	// Number says to whom an SMS went at a number last, and which; nil knows none.
	Number func(t *tracker.Tenant, number string) (tracker.LeadID, string, error)
	// Public is the server's address as the world knows it: Twilio signs it; nil is
	// none.
	Public func() string
	// Busy says that nothing can be stored now; nil is never.
	Busy func() bool
	// Quota says how long a source must wait; nil never limits.
	Quota func(src *tracker.Source, bytes int) time.Duration
	// Dropped is told of each report that is refused for good, and gives the letter
	// its id; it must not keep the letter's bytes. nil forgets it.
	Dropped func(src *tracker.Source, d *tracker.DeadLetter)
	// Watch returns who wants to know what becomes of a source's events, or nil for
	// nobody; nil is nobody ever.
	Watch func(src *tracker.Source) func(tracker.Outcome)
	// Count is told of each event: what told of it (a provider, or visit) and
	// what became of it; nil counts nothing.
	Count func(from, verdict string)
	// ClientIP finds the address of who follows a link; nil is the connection's.
	ClientIP func(*fasthttp.RequestCtx) string
	// Fetch gets an address of a provider; nil is over HTTPS, from public
	// addresses only.
	Fetch func(ctx context.Context, url string) ([]byte, error)
	// Logger takes trouble with the log; nil is slog.Default().
	Logger *slog.Logger
}

// Handler answers what a mail sets off. It is safe for concurrent use.
type Handler struct {
	cfg   Config
	fetch func(ctx context.Context, url string) ([]byte, error)
	log   *slog.Logger

	fetching sync.Mutex // held while a certificate is fetched

	mu    sync.Mutex      // guards certs
	certs map[string]cert // :: URL → an SNS signing certificate
}

// New returns a handler.
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg, fetch: cfg.Fetch, log: cfg.Logger, certs: map[string]cert{}}
	if h.fetch == nil {
		h.fetch = fetchPublic
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	return h
}

// Handle answers a request to /o/, /c/, /u/, /a/ or /hooks/ and returns true, or
// returns false if the path is another's.
func (h *Handler) Handle(ctx *fasthttp.RequestCtx) bool {
	path := string(ctx.URI().PathOriginal())
	if kind, ok := strings.CutPrefix(path, "/hooks/"); ok {
		h.hook(ctx, strings.TrimSuffix(kind, "/"))
		return true
	}
	if len(path) < 3 || path[0] != '/' || path[2] != '/' {
		return false
	}
	token := path[3:]
	switch purpose(path[1]) {
	case open:
		h.opened(ctx, token)
	case click:
		h.clicked(ctx, token)
	case unsub:
		h.unsubscribe(ctx, token)
	case ask:
		h.asked(ctx, token)
	default:
		return false
	}
	return true
}

// busy says that nothing can be stored now.
func (h *Handler) busy() bool { return h.cfg.Busy != nil && h.cfg.Busy() }

func (h *Handler) count(from, verdict string) {
	if h.cfg.Count != nil {
		h.cfg.Count(from, verdict)
	}
}
