package email

import (
	"context"
	"mime"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// visit is the name under which what happens to our own addresses is counted.
const visit = "visit"

// sameVisit is how long a second request of the same address by the same agent
// is the same event: a retry, a double click, a picture that is drawn again.
const sameVisit = 60_000 // ms

// opened answers a pixel: with a picture, whatever happens.
func (h *Handler) opened(ctx *fasthttp.RequestCtx, token string) {
	guard(ctx)
	ctx.SetContentType("image/gif")
	ctx.Response.SetBodyRaw(tracker.GIF)
	t, c, err := h.cfg.Keys.open(open, token, h.cfg.Now())
	if err != nil || !ctx.IsGet() && !ctx.IsHead() {
		return
	}
	h.remember(ctx, t, &c, &happened{typ: "email_open", id: []string{"o", token}})
}

// clicked leads to the target of a link. A person is never left standing: if
// the click cannot be stored, the target is shown all the same.
func (h *Handler) clicked(ctx *fasthttp.RequestCtx, token string) {
	guard(ctx)
	if !ctx.IsGet() && !ctx.IsHead() {
		notAllowed(ctx, "GET, HEAD")
		return
	}
	t, c, err := h.cfg.Keys.open(click, token, h.cfg.Now())
	if err != nil {
		showPage(ctx, fasthttp.StatusNotFound, pageGone)
		return
	}
	ev := &happened{typ: "email_click", id: []string{"c", token}, url: c.url, link: c.link, proved: true}
	if ev.link == "" {
		ev.link = linkName(c.url)
	}
	h.remember(ctx, t, &c, ev)
	ctx.SetStatusCode(fasthttp.StatusFound)
	ctx.Response.Header.Set("Location", c.url)
}

// unsubscribe shows a page that asks, or takes the answer: a form's, or that of
// a mail program (RFC 8058), which may come without anybody looking.
func (h *Handler) unsubscribe(ctx *fasthttp.RequestCtx, token string) {
	guard(ctx)
	isPost := ctx.IsPost()
	if !isPost && !ctx.IsGet() && !ctx.IsHead() {
		notAllowed(ctx, "GET, HEAD, POST")
		return
	}
	t, c, err := h.cfg.Keys.open(unsub, token, h.cfg.Now())
	if err != nil {
		showPage(ctx, fasthttp.StatusNotFound, pageGone)
		return
	}
	if !isPost {
		showPage(ctx, fasthttp.StatusOK, pageAsk)
		return
	}
	if choice := chosen(ctx); choice != tracker.ConsentUnknown {
		h.choose(ctx, t, &c, choice)
		return
	}
	asked, byPage := oneClick(ctx)
	if !asked {
		showPage(ctx, fasthttp.StatusBadRequest, pageAsk)
		return
	}
	ev := &happened{typ: "unsubscribe", id: []string{"u", token}, list: c.list, detail: "one_click"}
	if byPage {
		ev.detail = "page"
	}
	status := h.remember(ctx, t, &c, ev)
	switch {
	case status == tracker.Retry:
		ctx.Response.Header.Set("Retry-After", "5")
		showPage(ctx, fasthttp.StatusServiceUnavailable, pageLater)
	case byPage:
		showPage(ctx, fasthttp.StatusOK, pageDone)
	default:
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("unsubscribed\n")
	}
}

// chosen reads what the form of the preference page says; what it leaves open
// stays as it is.
func chosen(ctx *fasthttp.RequestCtx) (c tracker.Consent) {
	args := ctx.PostArgs()
	if !args.Has(fieldPreferences) {
		return c
	}
	for _, p := range tracker.Purposes {
		if choice := tracker.ParseChoice(args.Peek(p.String())); choice == tracker.Granted || choice == tracker.Refused {
			c = c.With(p, choice)
		}
	}
	return c
}

// choose stores what a person allows from now on.
func (h *Handler) choose(ctx *fasthttp.RequestCtx, t tracker.TenantID, c *claims, choice tracker.Consent) {
	id := []string{"p", strconv.FormatInt(h.cfg.Now(), 10), strconv.Itoa(int(choice)), c.email, c.user} // each choice is an event of its own
	ev := &happened{typ: "consent", id: id, detail: "preferences", consent: choice, proved: true}
	if h.remember(ctx, t, c, ev) == tracker.Retry {
		ctx.Response.Header.Set("Retry-After", "5")
		showPage(ctx, fasthttp.StatusServiceUnavailable, pageLater)
		return
	}
	showPage(ctx, fasthttp.StatusOK, pageSaved)
}

// oneClick reads the body of RFC 8058, in either of its two forms; our own page
// adds a field to it.
func oneClick(ctx *fasthttp.RequestCtx) (asked, byPage bool) {
	kind, _, err := mime.ParseMediaType(string(ctx.Request.Header.ContentType()))
	if err != nil {
		return false, false
	}
	const field, value = "List-Unsubscribe", "One-Click"
	switch kind {
	case "application/x-www-form-urlencoded":
		args := ctx.PostArgs()
		return string(args.Peek(field)) == value, args.Has("page")
	case "multipart/form-data":
		form, err := ctx.MultipartForm()
		return err == nil && len(form.Value[field]) == 1 && form.Value[field][0] == value, false
	}
	return false, false
}

// remember stores what happened to an address, and says so in a header.
func (h *Handler) remember(ctx *fasthttp.RequestCtx, t tracker.TenantID, c *claims, ev *happened) tracker.Status {
	status := h.store(ctx, t, c, ev)
	h.count(visit, status.String())
	ctx.Response.Header.Set("Ripen-Verdict", status.String())
	return status
}

func (h *Handler) store(ctx *fasthttp.RequestCtx, t tracker.TenantID, c *claims, ev *happened) tracker.Status {
	src := h.cfg.Default(t)
	if src == nil || h.busy() {
		return tracker.Retry
	}
	head := &ctx.Request.Header
	now := h.cfg.Now()
	ev.time = now
	ev.email, ev.user, ev.message, ev.campaign = c.email, c.user, c.message, c.campaign
	ev.agent, ev.ip = string(head.UserAgent()), h.address(ctx)
	ev.machine, ev.why = h.cfg.JudgeRequest(head, ev.ip)
	if c.trap {
		ev.machine, ev.why = tracker.Bot, tracker.TrapLink
	}
	if ctx.IsHead() {
		ev.machine, ev.why = tracker.Bot, tracker.HeadRequest
	}
	ev.proved = ev.proved && ev.machine == tracker.Human
	// What a person asks for about their mail is kept whatever else they allow.
	ev.denied = ev.typ != "unsubscribe" && ev.consent == tracker.ConsentUnknown && trimmed(head.Peek("Sec-GPC")) == "1"
	h.locate(ev)
	ev.id = append(ev.id, strconv.FormatInt(now/sameVisit, 10), ev.agent, ev.machine.String())
	if ctx.IsHead() {
		ev.id = append(ev.id, "HEAD") // it must not stand in the way of what comes after it
	}
	recs := []storage.Record{ev.record(src, now)}
	v := tracker.Verdict{Status: tracker.OK}
	if err := h.cfg.Log.Append(context.Background(), 0, recs); err != nil {
		h.log.Warn("the log did not take what happened to a mail", "err", err)
		v = tracker.Verdict{Status: tracker.Retry, Code: tracker.CodeStorage}
	}
	// The commit point: from here on the event is durable.
	if recs[0].Dup {
		v.Status = tracker.Duplicate
	}
	h.tell(visit, src, now, ev, &recs[0], v)
	return v.Status
}

// locate finds where a mail was opened, or its link followed. Whoever opens it for
// a person is elsewhere.
func (h *Handler) locate(ev *happened) {
	if h.cfg.Place != nil && ev.ip != "" && ev.machine == tracker.Human {
		ev.place = h.cfg.Place(ev.ip, ev.denied)
	}
}

// tell shows an event to who watches its source; rec is nil if it made none.
func (h *Handler) tell(from string, src *tracker.Source, now int64, ev *happened, rec *storage.Record, v tracker.Verdict) {
	if h.cfg.Watch == nil {
		return
	}
	watcher := h.cfg.Watch(src)
	if watcher == nil {
		return
	}
	var e tracker.Event
	if !ev.denied {
		ev.identify(&e, src.Tenant)
	}
	o := tracker.Outcome{
		Protocol: from, Type: ev.typ, Received: now, Status: v.Status, Code: v.Code, Subject: e.Subject(), Letter: ev.letter,
		Judged: rec != nil, Machine: ev.machine, Reason: ev.why,
	}
	if rec != nil {
		o.Seq, o.MessageID = rec.Seq, (&tracker.Event{MessageID: rec.ID, MessageUUID: true}).MessageText()
	}
	watcher(o)
}

func (h *Handler) address(ctx *fasthttp.RequestCtx) string {
	if h.cfg.ClientIP != nil {
		return h.cfg.ClientIP(ctx)
	}
	return ctx.RemoteIP().String()
}

// guard sets what every answer to a stranger carries.
func guard(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex, nofollow")
}

func notAllowed(ctx *fasthttp.RequestCtx, allow string) {
	ctx.SetStatusCode(fasthttp.StatusMethodNotAllowed)
	ctx.Response.Header.Set("Allow", allow)
	ctx.SetContentType("text/plain; charset=utf-8")
	ctx.SetBodyString("use " + strings.ReplaceAll(allow, ", ", " or ") + "\n")
}
