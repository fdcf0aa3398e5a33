package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// asked is the body of an intent: what was decided, and no more.
type asked struct {
	Template string            `json:"template"`
	Version  int               `json:"version"`
	Variant  string            `json:"variant,omitempty"`
	Purpose  string            `json:"purpose"`
	Key      string            `json:"key"`
	Fields   map[string]string `json:"fields,omitempty"`
}

// Prepare makes the body of an intent of kind email: it fixes the version of the
// template that is in force.
func (p *Post) Prepare(in *tracker.MailIntent) ([]byte, error) {
	a, err := p.ask(in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(a)
}

func (p *Post) ask(in *tracker.MailIntent) (*asked, error) {
	t, err := p.Template(in.Tenant, in.Template, 0)
	if err != nil {
		return nil, err
	}
	switch {
	case in.Key == "" || len(in.Key) > tracker.MaxID:
		return nil, invalid("key", fmt.Sprintf("need what names this mail, of at most %d bytes: of one key there is one mail", tracker.MaxID))
	case in.Purpose != "" && in.Purpose != t.Purpose:
		return nil, invalid("purpose", fmt.Sprintf("the template is %s, not %s", t.Purpose, in.Purpose))
	}
	ready, err := p.template(in.Tenant, in.Template, t.Version)
	if err != nil {
		return nil, err
	}
	if ready.words[in.Variant] == nil {
		return nil, invalid("variant", "the template has "+strings.Join(append(t.Variants, "no other"), ", "))
	}
	for name := range in.Fields {
		if !fieldName.MatchString(name) {
			return nil, invalid("fields", fmt.Sprintf("%q is no name of a field", name))
		}
	}
	return &asked{Template: in.Template, Version: t.Version, Variant: in.Variant, Purpose: t.Purpose, Key: in.Key, Fields: in.Fields}, nil
}

// letter is a mail to one person, in words.
type letter struct {
	written
	to       string
	lead     *tracker.Lead
	headers  [][2]string
	campaign string
	wanted   string // why it may leave: granted or transactional
}

// errStop says why a mail is not to leave any more.
type errStop struct{ why string }

func (e *errStop) Error() string { return e.why }

// compose writes a mail, after it has asked whether it may leave. Where it may
// not, it returns an [*errStop], and the mail if it could be written.
func (p *Post) compose(ctx context.Context, tenant tracker.TenantID, who string, a *asked, id string) (*letter, error) {
	t := p.cfg.Tenant(tenant)
	if t == nil {
		return nil, &errStop{"the tenant is gone"}
	}
	last, err := p.Follow(ctx)
	if err != nil {
		return nil, err
	}
	l, err := p.cfg.Lead(ctx, tenant, who, last)
	if tracker.KindOf(err) == tracker.KindNotFound {
		return nil, &errStop{"the lead is not there any more"}
	}
	if err != nil {
		return nil, err
	}
	if !isAddress(l.Email) {
		return nil, &errStop{"the lead has no e-mail address that can be written to"}
	}
	ready, err := p.template(tenant, a.Template, a.Version)
	if err != nil {
		return nil, err
	}
	out := &letter{to: l.Email, lead: l, wanted: tracker.MailTransactional}
	if a.Purpose == tracker.MailMarketing {
		out.wanted = tracker.Granted.String()
	}
	if err := p.put(t, out, ready, a, id); err != nil {
		return nil, err
	}
	return out, p.may(t, l, a.Purpose)
}

// may says whether a person may be written to.
func (p *Post) may(t *tracker.Tenant, l *tracker.Lead, purpose string) error {
	marketing := purpose == tracker.MailMarketing
	if yes := l.Consent.Of(tracker.Marketing); marketing && yes != tracker.Granted {
		if yes == tracker.Refused {
			return &errStop{"consent: the lead said no to marketing"}
		}
		return &errStop{"consent: the lead has not said yes to marketing"}
	}
	ids := []tracker.LeadID{emailID(t, l.Email)}
	for _, i := range l.Identities {
		if i.Kind == tracker.UserIdentity {
			ids = append(ids, tracker.LeadID{Kind: i.Kind, Hash: i.Hash})
		}
	}
	return p.meta.View(func(tx *storage.Tx) error {
		for _, id := range ids {
			s, has, err := suppressed(tx, t.ID, id)
			if err != nil {
				return err
			}
			if has && (s.All || marketing) {
				return &errStop{"suppressed: " + s.Why}
			}
		}
		return nil
	})
}

// put fills a letter with its words, its links and the headers that are added.
func (p *Post) put(t *tracker.Tenant, out *letter, ready *template, a *asked, id string) error {
	f := &ready.file
	out.campaign = f.campaign()
	link := func(kind, target string) (string, error) {
		l := tracker.MailLink{Kind: kind, Email: out.to, Message: id, Campaign: f.campaign(), URL: target}
		if kind == tracker.MailUnsubscribeKind {
			l.List = tracker.MailMarketing
		}
		m, err := p.cfg.Mint(t, l)
		return m.URL, err
	}
	unsubscribe, err := link(tracker.MailUnsubscribeKind, "")
	if err != nil {
		return err
	}
	base, _, _ := strings.Cut(unsubscribe, "/u/")
	lang := "?lang=" + f.Language
	unsubscribe += lang
	fixed := map[string]string{"email": out.to, "unsubscribe": unsubscribe}
	err = f.Question.answers(f.Mail, func(answer tracker.MailAnswer) (string, error) {
		m, err := p.cfg.Mint(t, tracker.MailLink{Kind: tracker.MailAnswerKind, Email: out.to, Message: id, Campaign: f.campaign(), Answer: answer})
		return m.URL + lang, err
	}, fixed)
	if err != nil {
		return err
	}
	w := ready.words[a.Variant]
	if w == nil {
		return fmt.Errorf("template %s@%d has no variant %q", a.Template, a.Version, a.Variant)
	}
	out.written, err = w.write(&values{fields: a.Fields, attrs: out.lead.Attributes, fixed: fixed})
	if err != nil {
		return err
	}
	if a.Purpose == tracker.MailMarketing {
		out.headers = [][2]string{{"List-Unsubscribe", "<" + unsubscribe + ">"}, {"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"}}
		out.addFooter(f.Language, unsubscribe)
	}
	k := tracks{mint: link, own: [...]string{base + "/u/", base + "/a/"}, params: [][2]string{{"utm_source", "ripen"}, {"utm_medium", "email"}, {"utm_campaign", f.campaign()}}}
	if out.lead.Consent.Of(tracker.Profiling) == tracker.Refused {
		k.mint = nil
	}
	return k.follow(&out.written)
}

// footers say how to unsubscribe, to who finds no link in the author's words.
var footers = map[string]string{"en": "Unsubscribe or choose what you get", "es": "Darse de baja o elegir qué recibir"}

func (l *letter) addFooter(lang, unsubscribe string) {
	if !strings.Contains(l.text, unsubscribe) {
		l.text = strings.TrimRight(l.text, "\n") + "\n\n-- \n" + footers[lang] + ": " + unsubscribe + "\n"
	}
	escaped := strings.ReplaceAll(unsubscribe, "&", "&amp;")
	if l.html == "" || strings.Contains(l.html, unsubscribe) || strings.Contains(l.html, escaped) {
		return
	}
	line := `<p style="font-size:12px;color:#555"><a href="` + escaped + `">` + footers[lang] + `</a></p>`
	if at := bodyEnds.FindStringIndex(l.html); at != nil {
		l.html = l.html[:at[0]] + line + l.html[at[0]:]
		return
	}
	l.html += line
}

// Preview writes a mail as a lead would get it now, and says whether it might
// leave.
func (p *Post) Preview(ctx context.Context, in *tracker.MailIntent) (out tracker.MailPreview, err error) {
	s, err := p.sender(in.Tenant)
	if err != nil && !errors.Is(err, errNoSender) {
		return out, err
	}
	if s != nil {
		out.From = s.from.String()
	} else {
		out.Refused = "the tenant has no sender"
	}
	a, err := p.ask(in)
	if err != nil {
		return out, err
	}
	l, err := p.compose(ctx, in.Tenant, in.Lead.String(), a, "preview")
	if stop, ok := errors.AsType[*errStop](err); ok {
		out.Refused, err = stop.why, nil
	}
	if err == nil && l != nil {
		out.To, out.Subject, out.Text, out.HTML, out.Headers = l.to, l.subject, l.text, l.html, l.headers
	}
	return out, err
}

// Send makes one attempt at a mail.
func (p *Post) Send(ctx context.Context, d *tracker.Delivery) tracker.DeliveryResult {
	put := func(detail string, park bool) tracker.DeliveryResult {
		return tracker.DeliveryResult{Outcome: tracker.OutcomeUnreachable, Detail: detail, Park: park, Place: !park}
	}
	var a asked
	if err := json.Unmarshal(d.Body, &a); err != nil {
		return put("the intent cannot be read", true)
	}
	s, err := p.sender(d.Tenant)
	if errors.Is(err, errNoSender) {
		return put(errNoSender.Error(), true)
	}
	var l *letter
	if err == nil {
		l, err = p.compose(ctx, d.Tenant, d.Lead.String(), &a, d.ID)
	}
	if stop, ok := errors.AsType[*errStop](err); ok {
		return tracker.DeliveryResult{Outcome: tracker.OutcomeUnreachable, Detail: stop.why, End: true}
	}
	if refused, ok := errors.AsType[*tracker.Error](err); ok && refused.Kind != tracker.KindBusy {
		return put(refused.Detail, true)
	}
	if err != nil {
		p.slog.Error("mail: cannot be written", "tenant", d.Tenant, "intent", d.ID, "err", err)
		return put("this server could not write it: its log says why", false)
	}
	now := p.db.Now()
	if wait := p.turn(d.Tenant, l.to, d.ID, s.Rate, now); wait > 0 {
		return tracker.DeliveryResult{Outcome: tracker.OutcomePutOff, After: wait}
	}
	mail, err := l.bytes(s, d.ID, time.UnixMilli(now))
	if err != nil {
		return put("the mail cannot be put together: "+err.Error(), true)
	}
	res, bounced := judge(s.pool.sendMail(ctx, s.from.Address, l.to, mail))
	switch {
	case res.Outcome == tracker.OutcomeAccepted:
		p.tell(ctx, d, l, &a, "email_sent", "")
	case bounced == hardBounce:
		if err := p.bounced(d.Tenant, l.to); err != nil {
			p.slog.Error("mail: a bounce cannot be written down", "tenant", d.Tenant, "intent", d.ID, "err", err)
			return put("this server could not write down that it bounced", false)
		}
		p.tell(ctx, d, l, &a, "email_bounce", "hard")
	case bounced == softBounce:
		p.tell(ctx, d, l, &a, "email_bounce", "soft")
	}
	return res
}

// again is the pause after an append that failed.
const again = time.Second

// tell makes an event of what became of a mail: durable before the outcome is,
// and once, as its id is made of the intent's. It gives up when ctx ends.
func (p *Post) tell(ctx context.Context, d *tracker.Delivery, l *letter, a *asked, what, kind string) {
	rec, err := p.record(d, l, a, what, kind)
	for err == nil {
		if err = p.log.Append(context.WithoutCancel(ctx), 0, []storage.Record{rec}); err == nil {
			return // the commit point of the event
		}
		p.slog.Warn("mail: the log does not take what became of one", "tenant", d.Tenant, "intent", d.ID, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(again):
			err = nil
		}
	}
	p.slog.Error("mail: an event is lost", "tenant", d.Tenant, "intent", d.ID, "type", what, "err", err)
}

func (p *Post) record(d *tracker.Delivery, l *letter, a *asked, what, kind string) (rec storage.Record, err error) {
	t, src := p.cfg.Tenant(d.Tenant), p.cfg.Source(d.Tenant)
	if t == nil || src == nil {
		return rec, errors.New("the tenant has no source")
	}
	mid := tracker.DerivedID("mail sent", d.ID, what)
	e := tracker.Event{
		Time: p.db.Now(), Type: []byte(what), MessageID: mid, MessageUUID: true, Source: src.ID, Machine: tracker.Server,
		Email: emailID(t, l.to).Hash,
	}
	if l.lead.ID.Kind == tracker.UserIdentity {
		e.User = l.lead.ID.Hash
	}
	text := func(space tracker.Space, name, v string) {
		if v != "" {
			e.Fields = append(e.Fields, tracker.Field{Space: space, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(v)}})
		}
	}
	text(tracker.Property, "message", d.ID)
	text(tracker.Property, "template", fmt.Sprintf("%s@%d", a.Template, a.Version))
	text(tracker.Property, "variant", a.Variant)
	text(tracker.Property, "purpose", a.Purpose)
	text(tracker.Property, "wanted", l.wanted)
	text(tracker.Property, "type", kind)
	text(tracker.Context, "campaign.name", l.campaign)
	rec = storage.Record{Tenant: t.ID, ID: mid, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e)}
	rec.Subject = e.Subject().Key()
	return rec, nil
}
