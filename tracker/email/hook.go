package email

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// provider is how one mail provider reports. Each has a file of its own.
type provider struct {
	// window is how old a signed report may be; 0 if reports are not signed with
	// a time, and their events' own time must do.
	window time.Duration
	// check says whether a secret of the provider can be one.
	check func(secret string) error
	// verify says whether the secret vouches for the post: nil, or why not.
	verify func(h *Handler, p *post, secret string) error
	// read takes a post apart that was verified.
	read func(h *Handler, p *post) ([]*happened, error)
}

var providers = map[string]*provider{
	"sendgrid": {24 * time.Hour, checkSendGrid, verifySendGrid, readSendGrid},
	"mailgun":  {24 * time.Hour, checkAny, verifyMailgun, readMailgun},
	"postmark": {0, checkAny, verifyPassword, readPostmark},
	"ses":      {24 * time.Hour, nil, verifySNS, readSNS},
	"brevo":    {0, checkAny, verifyPassword, readBrevo},
	"resend":   {5 * time.Minute, checkStandard, verifyStandard, readStandard},
	"standard": {5 * time.Minute, checkStandard, verifyStandard, readStandard},
	"twilio":   {0, checkAny, verifyTwilio, readTwilio},
}

// maxWindow is how long a report may be on its way: the log knows the ids of
// events that long, so what comes again within it counts once, and what comes
// later is refused.
const maxWindow = 7 * day

// ahead is how far the clock of a provider may be before ours.
const ahead = 5 * time.Minute

// CheckSource says whether a source can take the reports of its provider.
func CheckSource(s *tracker.Source) error {
	if s.Kind == "" {
		if len(s.Secrets) > 0 || s.Topic != "" || s.Window != 0 {
			return invalid("kind", "secret, topic and window are of a mail provider's source: say which, with kind")
		}
		return nil
	}
	p := providers[s.Kind]
	switch {
	case p == nil:
		return invalid("kind", "need one of "+strings.Join(slices.Sorted(maps.Keys(providers)), ", "))
	case p.check != nil && len(s.Secrets) == 0:
		return invalid("secret", "need what "+s.Kind+" signs its webhooks with")
	case p.check == nil && len(s.Secrets) > 0:
		return invalid("secret", s.Kind+" has none: its reports are signed with Amazon's own key")
	case s.Kind == "ses" && topicRegion(s.Topic) == "":
		return invalid("topic", "need the topic that SES reports to: arn:aws:sns:eu-west-1:123456789012:mail")
	case s.Kind != "ses" && s.Topic != "":
		return invalid("topic", "is of kind ses alone")
	case s.Window < 0 || s.Window > maxWindow || s.Window != 0 && s.Window < time.Second:
		return invalid("window", "need 1s to 168h")
	case s.Window != 0 && p.window == 0:
		return invalid("window", s.Kind+" does not say when it sent a report: there is no window to set")
	}
	for _, secret := range s.Secrets {
		if err := p.check(secret); err != nil {
			return invalid("secret", err.Error())
		}
	}
	return nil
}

// checkAny asks a secret not to be guessable at once.
func checkAny(secret string) error {
	if len(secret) < 8 || len(secret) > 500 || !isPlain(secret) {
		return fmt.Errorf("need 8 to 500 bytes without control characters")
	}
	return nil
}

// post is one request of a provider.
type post struct {
	src    *tracker.Source
	head   *fasthttp.RequestHeader
	uri    string // as it was asked for
	body   []byte
	now    int64 // unix ms
	window time.Duration
	sns    *envelope // of SES: the body, read to be verified
}

// fresh says whether a moment, in unix seconds, lies within the window.
func (p *post) fresh(seconds int64) bool {
	age := p.now/1000 - seconds
	return age <= int64(p.window/time.Second) && age >= -int64(ahead/time.Second)
}

func (p *post) header(name string) string { return trimmed(p.head.Peek(name)) }

var (
	errHookKey error = &tracker.Error{
		Kind: tracker.KindUnknownKey, Code: "unknown_key",
		Detail: "no source of this provider has this write key: use the address that 'ripen source show' prints",
	}
	errHookBusy error = &tracker.Error{Kind: tracker.KindBusy, Code: tracker.CodeStorage, Detail: "nothing can be stored now: send it again later"}
)

// unverified refuses a post without saying more than what would help its
// sender.
func unverified(why string) error {
	return &tracker.Error{Kind: tracker.KindUnknownKey, Code: "not_verified", Detail: why}
}

func unreadable(why string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: tracker.CodeInvalidJSON, Detail: why}
}

// hook takes a report.
func (h *Handler) hook(ctx *fasthttp.RequestCtx, kind string) {
	guard(ctx)
	if !ctx.IsPost() {
		notAllowed(ctx, "POST")
		return
	}
	list, err := h.report(ctx, kind)
	if err != nil {
		if providers[kind] == nil {
			kind = "unknown"
		}
		h.count(kind, "refused")
		h.cfg.Problem(ctx, err)
		return
	}
	if kind == "twilio" { // which says to the person what an answer holds
		ctx.SetContentType("text/xml")
		ctx.SetBodyString("<Response></Response>\n")
		return
	}
	answer(ctx, list)
}

// report verifies, reads and stores a report, in that order.
func (h *Handler) report(ctx *fasthttp.RequestCtx, kind string) ([]tracker.Verdict, error) {
	provider := providers[kind]
	src := h.cfg.Source(string(ctx.QueryArgs().Peek("writeKey")))
	if provider == nil || src == nil || src.Kind != kind || src.Disabled {
		return nil, errHookKey
	}
	p := &post{src: src, head: &ctx.Request.Header, uri: string(ctx.RequestURI()), body: ctx.PostBody(), now: h.cfg.Now(), window: provider.window}
	if src.Window != 0 {
		p.window = src.Window
	}
	if h.busy() {
		return nil, errHookBusy
	}
	if len(p.body) > src.BodyLimit() {
		return nil, &tracker.Error{Kind: tracker.KindTooLarge, Code: tracker.CodeTooLarge, Detail: "the body is over the source's limit"}
	}
	if h.cfg.Quota != nil && h.cfg.Quota(src, len(p.body)) > 0 {
		return nil, &tracker.Error{Kind: tracker.KindQuota, Code: tracker.CodeQuota, Detail: "the source sends more than its quota: send it again later"}
	}
	if err := h.verify(provider, p); err != nil {
		return nil, err
	}
	list, err := provider.read(h, p)
	if err != nil {
		return nil, err
	}
	return h.keep(kind, p, list)
}

// verify asks each secret of the source: while one is replaced there are two.
func (h *Handler) verify(provider *provider, p *post) (err error) {
	secrets := p.src.Secrets
	if provider.check == nil {
		secrets = []string{""}
	}
	err = errHookKey
	for _, secret := range secrets {
		if err = provider.verify(h, p, secret); err == nil || tracker.KindOf(err) == tracker.KindBusy {
			return err
		}
	}
	return err
}

// tellDropped passes on a report that is refused for good. Its key is that of
// whom it names, if it says so much.
func (h *Handler) tellDropped(p *post, ev *happened) {
	if h.cfg.Dropped == nil {
		return
	}
	var e tracker.Event
	ev.identify(&e, p.src.Tenant)
	d := tracker.DeadLetter{Protocol: p.src.Kind, Code: ev.code, Received: p.now, Subject: e.Subject(), Trusted: true, Text: ev.raw}
	h.cfg.Dropped(p.src, &d)
	ev.letter = d.ID
}

// keep stores what a report tells, all at once, and says of each what became of
// it.
func (h *Handler) keep(kind string, p *post, list []*happened) ([]tracker.Verdict, error) {
	verdicts := make([]tracker.Verdict, len(list))
	recs, at := []storage.Record{}, make([]int, len(list)) // at: of each verdict, its record, counted from 1
	for i, ev := range list {
		if ev.code == "" {
			ev.provider = kind
			ev.code = h.judge(p, ev)
		}
		switch verdicts[i].Code = ev.code; ev.code {
		case "":
			rec := ev.record(p.src, p.now)
			verdicts[i].MessageID = (&tracker.Event{MessageID: rec.ID, MessageUUID: true}).MessageText()
			recs = append(recs, rec)
			at[i] = len(recs)
		case codeIgnored:
		default:
			verdicts[i].Status = tracker.Drop
			h.tellDropped(p, ev)
		}
	}
	if len(recs) > 0 {
		if err := h.cfg.Log.Append(context.Background(), 0, recs); err != nil {
			h.log.Warn("the log did not take a report", "provider", kind, "err", err)
			return nil, errHookBusy
		}
	}
	// The commit point: from here on the events are durable.
	for i := range verdicts {
		var rec *storage.Record
		if at[i] > 0 {
			if rec = &recs[at[i]-1]; rec.Dup {
				verdicts[i].Status = tracker.Duplicate
			}
		}
		h.tell(kind, p.src, p.now, list[i], rec, verdicts[i])
		word := verdicts[i].Status.String()
		if verdicts[i].Code == codeIgnored {
			word = codeIgnored
		}
		h.count(kind, word)
	}
	return verdicts, nil
}

// codeIgnored is of a report that says nothing about a person's mail: it is
// right, and not kept.
const codeIgnored = "ignored"

// judge completes an event and says why it is refused, if it is.
func (h *Handler) judge(p *post, ev *happened) string {
	if ev.email = strings.TrimSpace(ev.email); ev.lead.IsZero() && !ev.denied && !isEmail(ev.email) {
		return tracker.CodeMissingID
	}
	if age := p.now - ev.time; ev.time == 0 || age > maxWindow.Milliseconds() || age < -tracker.ClampAhead {
		return tracker.CodeTimeOutOfRange
	}
	if ev.link == "" && ev.url != "" {
		ev.link = linkName(ev.url)
	}
	switch {
	case ev.flag != "":
		ev.why = tracker.ProviderFlag // the provider's file said which
	case ev.agent != "":
		ev.machine, ev.why = h.cfg.JudgeAgent([]byte(cut(ev.agent, maxAgent)), ev.ip)
	case ev.typ == "email_open" || ev.typ == "email_click" || ev.typ == tracker.SMSReplied:
		// Nothing speaks against a person.
	default:
		ev.machine = tracker.Server
	}
	ev.proved = ev.typ == "email_click" && ev.machine == tracker.Human
	h.locate(ev)
	return ""
}

// answer shows the verdicts in the shape of every other answer to events.
func answer(ctx *fasthttp.RequestCtx, list []tracker.Verdict) {
	type verdict struct {
		MessageID string `json:"messageId,omitempty"`
		Status    string `json:"status"`
		Code      string `json:"code,omitempty"`
	}
	out := struct {
		Success bool      `json:"success"`
		Results []verdict `json:"results"`
	}{true, []verdict{}}
	for _, v := range list {
		out.Success = out.Success && v.Status != tracker.Drop
		out.Results = append(out.Results, verdict{v.MessageID, v.Status.String(), v.Code})
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic("BUG: verdicts have no JSON: " + err.Error())
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(append(b, '\n'))
}

// same compares in constant time, whatever the lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// verifyPassword is for providers that sign nothing: they send a password, as
// user:password (Basic) or alone (Bearer).
func verifyPassword(_ *Handler, p *post, secret string) error {
	scheme, value, _ := strings.Cut(p.header(fasthttp.HeaderAuthorization), " ")
	value = strings.TrimSpace(value)
	switch strings.ToLower(scheme) {
	case "basic":
		if b, err := base64.StdEncoding.DecodeString(value); err == nil && same(string(b), secret) {
			return nil
		}
	case "bearer":
		if same(value, secret) {
			return nil
		}
	}
	return unverified("the password of the webhook is missing or wrong: set the source's secret as user:password (Basic) or as a token (Bearer)")
}

// seconds reads a whole number of seconds.
func seconds(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0
}
