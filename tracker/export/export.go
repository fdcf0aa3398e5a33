// Package export answers the tenants' questions over HTTP: their ranked leads,
// one lead with its reasons, its timeline and score history, the feed of
// changes, their accounts; and takes what they decide: scorecards from draft to
// rollback, who is one person, who is to be forgotten. The operator's calls about
// tenants and sources are here too.
//
// It promises that every call asks for a key first and acts for that key's
// tenant alone, that a parameter it does not know is refused and not passed
// over, that each error is RFC 9457 problem JSON with a stable code, that a
// stream which breaks off cannot be taken for whole, and that no answer allows
// another site's scripts to read it (no CORS header).
//
// It stores nothing. What it knows it asks of [Leads] and [Registry].
package export

import (
	"bufio"
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// TenantHeader names the tenant that a request with the admin key acts for. It
// may be left out while the machine has one tenant.
const TenantHeader = "Ripen-Tenant"

// Config is what a [Handler] needs. Registry, Mail, State, Caller and Life are
// required.
type Config struct {
	Registry Registry
	// Mail signs the addresses in mails.
	Mail Mail
	// State returns the leads as they stand, or as they stood at a moment; done
	// is called when the answer is given.
	State func(asOf time.Time) (st Leads, done func(), err error)
	// DeadLetters keeps the events that were refused for good.
	DeadLetters DeadLetters
	// Post is the tenant's mails.
	Post Post
	// Checklist says what a tenant lacks before it goes live.
	Checklist func(t *tracker.Tenant) ([]tracker.Check, error)
	// Outbox is what leaves, and where it goes.
	Outbox Outbox
	// Handoffs are the leads that were handed to sales.
	Handoffs Handoffs
	// Trainings tells of the cards that were learned.
	Trainings Trainings
	// Journeys are journeys and segments.
	Journeys Journeys
	// Moments returns a page of a lead's timeline.
	Moments func(c tracker.Caller, t *tracker.Tenant, q tracker.MomentQuery) (tracker.MomentPage, error)
	// Tail writes what becomes of a source's events, a line each: what is kept of
	// them from a sequence number on, if past, and if follow then what comes, until
	// the reader or the server goes.
	Tail func(w *bufio.Writer, src *tracker.Source, from uint64, past, follow bool) error
	// Caller says whose secret this is: a tenant's, or the operator's.
	Caller func(secret string) (tracker.Caller, bool)
	// Now is the clock in unix ms; nil is the machine's.
	Now func() int64
	// Life ends when streams must.
	Life context.Context
	// PublicURL is the origin under which sites reach this machine, for the
	// snippet's tag; empty is the Host of the request, over plain HTTP.
	PublicURL string
	// SitePath is the further path under which the server takes events and
	// serves the snippet; empty is none.
	SitePath string
	// Heartbeat keeps a quiet event stream alive; 0 is 15 s.
	Heartbeat time.Duration
	// Logger takes what went wrong behind an answer; nil is slog.Default().
	Logger *slog.Logger
}

func (c *Config) heartbeat() time.Duration {
	if c.Heartbeat > 0 {
		return c.Heartbeat
	}
	return 15 * time.Second
}

// Handler answers the API. It is safe for concurrent use.
type Handler struct {
	cfg Config
	log *slog.Logger
}

// New returns a handler.
func New(cfg Config) *Handler {
	h := &Handler{cfg: cfg, log: cfg.Logger}
	if h.cfg.Now == nil {
		h.cfg.Now = func() int64 { return time.Now().UnixMilli() }
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	return h
}

// call is one request on its way to an answer.
type call struct {
	*Handler
	ctx    *fasthttp.RequestCtx
	caller tracker.Caller
	tenant *tracker.Tenant // whom it is about; nil for the operator's calls that name none
	name   string          // the name in the path
	query
}

// route is one call of the API.
type route struct {
	method string
	path   string // below /v1/; * stands for one name
	params string // the query parameters it knows
	answer func(c *call) error
	need   need
}

// need is whose key a route asks for.
type need byte

const (
	tenantKey   need = iota // of the tenant, or the operator's with the tenant's name
	operatorKey             // the operator's, about the machine
	operatorFor             // the operator's, about the tenant that it names
)

const listParams = "scorecard limit after min_score band grade dimension min q sort as_of"

var routes = []route{
	{"GET", "leads", listParams, (*call).leads, tenantKey},
	{"GET", "leads/*", "scorecard as_of", (*call).lead, tenantKey},
	{"GET", "leads/*/events", "limit after personal as_of", (*call).timeline, tenantKey},
	{"GET", "leads/*/timeline", "kinds scorecard limit after personal", (*call).moments, tenantKey},
	{"GET", "leads/*/scores", "scorecard limit before", (*call).history, tenantKey},
	{"GET", "leads/*/impact", "as_of", (*call).impact, tenantKey},
	{"GET", "accounts", "scorecard account limit as_of", (*call).accounts, tenantKey},
	{"DELETE", "leads/*", "", (*call).erase, tenantKey},
	{"GET", "leads/*/archive", "", (*call).archive, tenantKey},
	{"POST", "leads/*/merge", "", (*call).merge, tenantKey},
	{"POST", "leads/*/unmerge", "", (*call).unmerge, tenantKey},
	{"GET", "changes", "after limit scorecard wait", (*call).changes, tenantKey},
	{"GET", "scorecards", "", (*call).cards, tenantKey},
	{"GET", "scorecards/*", "", (*call).card, tenantKey},
	{"PUT", "scorecards/*", "", (*call).draft, tenantKey},
	{"POST", "scorecards/*/simulate", "version sample", (*call).simulate, tenantKey},
	{"POST", "scorecards/*/train", "label by seed lang drop constrain publish_if_better as_of model", (*call).train, tenantKey},
	{"GET", "trainings", "scorecard before limit", (*call).trainings, tenantKey},
	{"GET", "trainings/*", "", (*call).training, tenantKey},
	{"POST", "useful", "scorecard label by seed lang drop", (*call).useful, tenantKey},
	{"POST", "typology", "types columns drop name seed lang", (*call).typology, tenantKey},
	{"GET", "scorecards/*/shadow", "wait", (*call).shadow, tenantKey},
	{"PUT", "scorecards/*/shadow", "version", (*call).beginShadow, tenantKey},
	{"DELETE", "scorecards/*/shadow", "", (*call).endShadow, tenantKey},
	{"POST", "scorecards/*/publish", "ranking", (*call).publish, tenantKey},
	{"POST", "scorecards/*/rollback", "", (*call).rollback, tenantKey},
	{"GET", "topics", "", (*call).topics, tenantKey},
	{"PUT", "topics", "", (*call).setTopics, tenantKey},
	{"GET", "topics/audience", "scorecard min_score band grade as_of", (*call).audience, tenantKey},
	{"GET", "offers", "", (*call).offers, tenantKey},
	{"PUT", "offers", "", (*call).setOffers, tenantKey},
	{"GET", "templates", "lang", (*call).templates, tenantKey},
	{"GET", "templates/*", "lang", (*call).template, tenantKey},
	{"PUT", "modules/*", "", (*call).draftModule, tenantKey},
	{"POST", "modules/*/simulate", "version sample", (*call).simulate, tenantKey},
	{"GET", "modules/*/shadow", "wait", (*call).shadow, tenantKey},
	{"PUT", "modules/*/shadow", "version", (*call).beginShadow, tenantKey},
	{"DELETE", "modules/*/shadow", "", (*call).endShadow, tenantKey},
	{"POST", "modules/*/publish", "ranking", (*call).publish, tenantKey},
	{"POST", "modules/*/rollback", "", (*call).rollback, tenantKey},
	{"GET", "deadletters", "code before limit", (*call).deadLetters, tenantKey},
	{"GET", "deadletters/*", "", (*call).deadLetter, tenantKey},
	{"PUT", "deadletters/*", "", (*call).fixDeadLetter, tenantKey},
	{"POST", "deadletters/*/replay", "", (*call).replayDeadLetter, tenantKey},

	{"GET", "handoffs", "state queue before limit", (*call).handoffs, tenantKey},
	{"GET", "handoffs/*", "", (*call).handoff, tenantKey},
	{"POST", "handoffs/*/accept", "", (*call).acceptHandoff, tenantKey},
	{"POST", "handoffs/*/reject", "", (*call).rejectHandoff, tenantKey},
	{"POST", "handoffs/*/won", "", (*call).wonHandoff, tenantKey},
	{"POST", "handoffs/*/lost", "", (*call).lostHandoff, tenantKey},
	{"GET", "journeys", "", (*call).texts, tenantKey},
	{"GET", "journeys/*", "", (*call).oneText, tenantKey},
	{"PUT", "journeys/*", "", (*call).draftText, tenantKey},
	{"POST", "journeys/*/check", "lang", (*call).checkJourney, tenantKey},
	{"POST", "journeys/*/simulate", "since lang", (*call).simulateJourney, tenantKey},
	{"POST", "journeys/*/publish", "migrate lang", (*call).publishText, tenantKey},
	{"POST", "journeys/*/rollback", "", (*call).rollbackText, tenantKey},
	{"GET", "journeys/*/stats", "", (*call).statsOfText, tenantKey},
	{"GET", "journeys/*/effect", "days lang lead", (*call).effect, tenantKey},
	{"GET", "segments", "", (*call).texts, tenantKey},
	{"GET", "segments/*", "", (*call).oneText, tenantKey},
	{"PUT", "segments/*", "", (*call).draftText, tenantKey},
	{"POST", "segments/*/publish", "", (*call).publishText, tenantKey},
	{"POST", "segments/*/rollback", "", (*call).rollbackText, tenantKey},
	{"GET", "segments/*/stats", "", (*call).statsOfText, tenantKey},
	{"GET", "segments/*/members", "limit after", (*call).members, tenantKey},
	{"GET", "onsite", "", (*call).texts, tenantKey},
	{"GET", "onsite/*", "", (*call).oneText, tenantKey},
	{"PUT", "onsite/*", "", (*call).draftText, tenantKey},
	{"POST", "onsite/*/publish", "", (*call).publishText, tenantKey},
	{"POST", "onsite/*/rollback", "", (*call).rollbackText, tenantKey},
	{"GET", "onsite/*/stats", "", (*call).onsiteStats, tenantKey},
	{"GET", "onsite/*/preview", "lang draft", (*call).onsitePreview, tenantKey},
	{"GET", "letters", "batch", (*call).letters, tenantKey},
	{"POST", "letters/export", "", (*call).exportLetters, tenantKey},
	{"GET", "leads/*/onsite", "", (*call).onsiteOf, tenantKey},
	{"GET", "leads/*/journeys", "limit", (*call).journeysOf, tenantKey},
	{"GET", "outbox", "state before limit", (*call).intents, tenantKey},
	{"GET", "outbox/*", "", (*call).intent, tenantKey},
	{"POST", "outbox/*/retry", "", (*call).retryIntent, tenantKey},
	{"GET", "webhooks", "", (*call).webhooks, tenantKey},
	{"POST", "webhooks", "", (*call).createWebhook, tenantKey},
	{"POST", "webhooks/*/rotate", "", (*call).rotateWebhook, tenantKey},
	{"DELETE", "webhooks/*", "", (*call).deleteWebhook, tenantKey},
	{"GET", "sources/*/events", "from follow", (*call).tail, tenantKey},

	{"POST", "mail/links", "public_url", (*call).mintLinks, tenantKey},
	{"GET", "mail/sender", "", (*call).mailSender, tenantKey},
	{"PUT", "mail/sender", "", (*call).setMailSender, tenantKey},
	{"GET", "mail/templates", "topic stage purpose language", (*call).mailTemplates, tenantKey},
	{"GET", "mail/templates/*", "version", (*call).mailTemplate, tenantKey},
	{"PUT", "mail/templates/*", "check", (*call).publishMail, tenantKey},
	{"POST", "mail/templates/*/rollback", "", (*call).rollbackMail, tenantKey},
	{"POST", "mail/preview", "", (*call).previewMail, tenantKey},
	{"GET", "checklist", "lang", (*call).checklist, tenantKey},
	{"POST", "mail/send", "", (*call).sendMail, tenantKey},
	{"GET", "mail/suppressed/*", "", (*call).suppressedMail, tenantKey},
	{"PUT", "mail/suppressed/*", "", (*call).suppressMail, tenantKey},
	{"DELETE", "mail/suppressed/*", "", (*call).allowMail, tenantKey},

	{"GET", "admin/mail-keys", "", (*call).mailKeys, operatorFor},
	{"POST", "admin/mail-keys", "", (*call).rotateMailKeys, operatorFor},
	{"GET", "admin/tenants", "", (*call).tenants, operatorKey},
	{"POST", "admin/tenants", "", (*call).createTenant, operatorKey},
	{"POST", "admin/tenants/*/rotate-keys", "", (*call).rotate, operatorKey},
	{"GET", "admin/sources", "", (*call).sources, operatorFor},
	{"POST", "admin/sources", "public_url", (*call).createSource, operatorFor},
	{"GET", "admin/sources/*", "public_url nonce", (*call).source, operatorFor},
	{"PATCH", "admin/sources/*", "public_url", (*call).updateSource, operatorFor},
	{"GET", "admin/sources/*/identity-key", "", (*call).identityKey, operatorFor},
	{"POST", "admin/sources/*/identity-key", "", (*call).rotateIdentityKey, operatorFor},
}

// Handle answers a request of the API and returns true, or returns false if the
// path is another's.
func (h *Handler) Handle(ctx *fasthttp.RequestCtx) bool {
	path, ok := strings.CutPrefix(string(ctx.URI().PathOriginal()), "/v1/")
	if !ok {
		return false
	}
	var allow []string
	for i := range routes {
		r := &routes[i]
		name, ok := MatchRoute(r.path, path)
		if !ok {
			continue
		}
		if r.method != string(ctx.Method()) {
			allow = append(allow, r.method)
			continue
		}
		if err := h.answer(ctx, r, name); err != nil {
			h.refuse(ctx, err)
		}
		return true
	}
	if len(allow) > 0 {
		NotAllowed(ctx, allow)
	}
	return len(allow) > 0
}

func (h *Handler) answer(ctx *fasthttp.RequestCtx, r *route, name string) error {
	c := call{Handler: h, ctx: ctx, name: name, query: query{args: ctx.QueryArgs()}}
	if err := c.authorize(r.need); err != nil {
		return err
	}
	if err := c.known(r.params); err != nil {
		return err
	}
	return r.answer(&c)
}

// refuse answers with an error; what is our own fault goes to the log.
func (h *Handler) refuse(ctx *fasthttp.RequestCtx, err error) {
	if tracker.KindOf(err) == tracker.KindInternal {
		h.log.Error("request failed", "err", err)
		err = &tracker.Error{Code: "internal", Detail: "the server failed at this request; its log says why"}
	}
	Error(ctx, err)
}

var errNeedKey error = &tracker.Error{
	Kind: tracker.KindUnknownKey, Code: "unknown_key",
	Detail: "send the tenant's secret key: Authorization: Bearer sk_…",
}

var errNeedAdmin error = &tracker.Error{
	Kind: tracker.KindUnknownKey, Code: "unknown_key",
	Detail: "this needs the admin key: Authorization: Bearer <admin.key of the data directory>",
}

// authorize finds who asks: a tenant by its secret key, or the machine's
// operator by the admin key, who names the tenant in a header.
func (c *call) authorize(need need) (err error) {
	secret, ok := strings.CutPrefix(string(c.ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)), "Bearer ")
	if ok {
		c.caller, ok = c.cfg.Caller(secret)
	}
	switch {
	case need != tenantKey && (!ok || c.caller.Role != tracker.AdminRole):
		return errNeedAdmin
	case !ok:
		return errNeedKey
	case need == operatorKey:
		return nil
	case c.caller.Role == tracker.AdminRole:
		c.tenant, err = c.cfg.Registry.Named(string(c.ctx.Request.Header.Peek(TenantHeader)))
	default:
		c.tenant = c.cfg.Registry.Tenant(c.caller.Tenant)
	}
	if err == nil && c.tenant == nil {
		return errNeedKey // its tenant is gone
	}
	return err
}

// MatchRoute compares a path, as it was sent, with a pattern in which * stands
// for one name, and returns that name, decoded.
func MatchRoute(pattern, path string) (name string, ok bool) {
	before, after, hasName := strings.Cut(pattern, "*")
	if !hasName {
		return "", pattern == path
	}
	rest, ok := strings.CutPrefix(path, before)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(rest, after)
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", false
	}
	b := fasthttp.AcquireArgs()
	defer fasthttp.ReleaseArgs(b)
	b.Parse("n=" + strings.NewReplacer("+", "%2B", "&", "%26").Replace(name))
	return string(b.Peek("n")), true
}
