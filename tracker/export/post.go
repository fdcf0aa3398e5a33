package export

import (
	"context"
	"slices"
	"strconv"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// Post is the mails of a tenant. Who may call is asked before.
type Post interface {
	// Sender returns through which server and as whom mails leave.
	Sender(t tracker.TenantID) (tracker.MailSender, error)
	// SetSender declares that.
	SetSender(t tracker.TenantID, m tracker.MailSender) (tracker.MailSender, error)
	// Check says what a template is, and keeps nothing.
	Check(name string, text []byte) (tracker.MailTemplate, error)
	// Publish keeps a template as a version and puts it in force.
	Publish(t tracker.TenantID, name string, text []byte) (tracker.MailTemplate, error)
	// Rollback puts the version before the one in force in its place.
	Rollback(t tracker.TenantID, name string) (tracker.MailTemplate, error)
	// Template returns one version; 0 is the one in force.
	Template(t tracker.TenantID, name string, version int) (tracker.MailTemplate, error)
	// Templates returns all that are in force.
	Templates(t tracker.TenantID) ([]tracker.MailTemplate, error)
	// Preview writes a mail as a lead would get it now.
	Preview(ctx context.Context, in *tracker.MailIntent) (tracker.MailPreview, error)
	// Order makes the intent of a mail; of one key there is one.
	Order(in *tracker.MailIntent) (tracker.Intent, error)
	// Suppressed says whether an address gets no mail, or no marketing.
	Suppressed(ctx context.Context, t *tracker.Tenant, email string) (tracker.MailSuppressed, bool, error)
	// Suppress lets an address get no mail any more, or again what its owner allows.
	Suppress(t *tracker.Tenant, email string, end bool) error
}

// senderJSON is a sender as the API shows it: without its password and key.
type senderJSON struct {
	URL      string  `json:"url"`
	From     string  `json:"from"`
	ReplyTo  string  `json:"reply_to,omitempty"`
	Rate     float64 `json:"rate"`
	Selector string  `json:"selector,omitempty"`
	Record   string  `json:"record,omitempty"` // TXT of <selector>._domainkey.<domain>
	Password bool    `json:"password"`
	Created  string  `json:"created"`
}

func (c *call) answerSender(m tracker.MailSender, err error) error {
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, senderJSON{m.URL, m.From, m.ReplyTo, m.Rate, m.Selector, m.Record, m.Password != "", Time(m.Created)})
	return nil
}

func (c *call) mailSender() error { return c.answerSender(c.cfg.Post.Sender(c.tenant.ID)) }

func (c *call) setMailSender() error {
	var body struct {
		URL      string  `json:"url"`
		Password string  `json:"password"`
		From     string  `json:"from"`
		ReplyTo  string  `json:"reply_to"`
		Rate     float64 `json:"rate"`
		Selector string  `json:"selector"`
		Key      string  `json:"key"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	c.log.Info("mail sender set", "tenant", c.tenant.ID, "key", c.caller.Key)
	return c.answerSender(c.cfg.Post.SetSender(c.tenant.ID, tracker.MailSender{
		URL: body.URL, Password: body.Password, From: body.From, ReplyTo: body.ReplyTo, Rate: body.Rate, Selector: body.Selector, Key: body.Key,
	}))
}

// mailJSON is a template as the API shows it.
type mailJSON struct {
	Name     string   `json:"name"`
	Version  int      `json:"version,omitempty"`
	Versions int      `json:"versions,omitempty"`
	InForce  bool     `json:"in_force"`
	Created  string   `json:"created,omitempty"`
	Language string   `json:"language"`
	Purpose  string   `json:"purpose"`
	Topics   []string `json:"topics"`
	Stage    string   `json:"stage,omitempty"`
	Subject  string   `json:"subject"`
	Variants []string `json:"variants"`
	Warnings []string `json:"warnings,omitempty"`
	YAML     string   `json:"yaml,omitempty"`
}

func mailToJSON(t *tracker.MailTemplate, whole bool) mailJSON {
	out := mailJSON{
		Name: t.Name, Version: t.Version, Versions: t.Versions, InForce: t.InForce, Language: t.Language, Purpose: t.Purpose,
		Topics: append([]string{}, t.Topics...), Stage: t.Stage, Subject: t.Subject, Variants: append([]string{}, t.Variants...), Warnings: t.Warnings,
	}
	if t.Created != 0 {
		out.Created = Time(t.Created)
	}
	if whole {
		out.YAML = string(t.YAML)
	}
	return out
}

func (c *call) answerMail(t tracker.MailTemplate, err error) error {
	if err == nil {
		JSON(c.ctx, fasthttp.StatusOK, mailToJSON(&t, true))
	}
	return err
}

// mailTemplates lists the content library; topic, stage, language and purpose
// say which part of it.
func (c *call) mailTemplates() error {
	list, err := c.cfg.Post.Templates(c.tenant.ID)
	if err != nil {
		return err
	}
	topic, stage, purpose, lang := c.text("topic"), c.text("stage"), c.text("purpose"), c.text("language")
	out := []mailJSON{}
	for i := range list {
		t := &list[i]
		if (stage == "" || t.Stage == stage) && (purpose == "" || t.Purpose == purpose) && (lang == "" || t.Language == lang) && (topic == "" || slices.Contains(t.Topics, topic)) {
			out = append(out, mailToJSON(t, false))
		}
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"templates": out})
	return nil
}

func (c *call) mailTemplate() error {
	version, err := strconv.Atoi("0" + c.text("version"))
	if err != nil {
		return invalid("version", "need a number")
	}
	return c.answerMail(c.cfg.Post.Template(c.tenant.ID, c.name, version))
}

// publishMail takes a template; with check=true it only looks at it.
func (c *call) publishMail() error {
	check := c.flag("check")
	if c.err != nil {
		return c.err
	}
	if check {
		return c.answerMail(c.cfg.Post.Check(c.name, c.ctx.PostBody()))
	}
	return c.answerMail(c.cfg.Post.Publish(c.tenant.ID, c.name, c.ctx.PostBody()))
}

func (c *call) rollbackMail() error { return c.answerMail(c.cfg.Post.Rollback(c.tenant.ID, c.name)) }

// orderedMail reads what a mail is to be; who is named by any identity.
func (c *call) orderedMail() (in tracker.MailIntent, err error) {
	var body struct {
		Template string            `json:"template"`
		Lead     string            `json:"lead"`
		Variant  string            `json:"variant"`
		Purpose  string            `json:"purpose"`
		Key      string            `json:"key"`
		Fields   map[string]string `json:"fields"`
	}
	if err := c.body(&body); err != nil {
		return in, err
	}
	if body.Lead == "" {
		return in, invalid("lead", "need whom the mail goes to")
	}
	st, done, err := c.at()
	if err != nil {
		return in, err
	}
	defer done()
	l, err := st.Lead(c.caller, c.tenant.ID, body.Lead)
	if err != nil {
		return in, err
	}
	return tracker.MailIntent{
		Tenant: c.tenant.ID, Key: body.Key, Lead: l.ID, Template: body.Template, Variant: body.Variant, Purpose: body.Purpose, Fields: body.Fields,
	}, nil
}

func (c *call) sendMail() error {
	in, err := c.orderedMail()
	if err != nil {
		return err
	}
	made, err := c.cfg.Post.Order(&in)
	if err != nil {
		return err
	}
	c.log.Info("mail ordered", "tenant", c.tenant.ID, "intent", made.ID, "key", c.caller.Key)
	JSON(c.ctx, fasthttp.StatusAccepted, intentToJSON(&made))
	return nil
}

func (c *call) previewMail() error {
	in, err := c.orderedMail()
	if err != nil {
		return err
	}
	if in.Key == "" {
		in.Key = "preview"
	}
	p, err := c.cfg.Post.Preview(c.cfg.Life, &in)
	if err != nil {
		return err
	}
	headers := map[string]string{}
	for _, h := range p.Headers {
		headers[h[0]] = h[1]
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{
		"from": p.From, "to": p.To, "subject": p.Subject, "headers": headers, "text": p.Text, "html": p.HTML, "refused": p.Refused,
	})
	return nil
}

// suppressedMail asks of, sets or ends the suppression of an address.
func (c *call) suppressedMail() error {
	s, has, err := c.cfg.Post.Suppressed(c.cfg.Life, c.tenant, c.name)
	if err != nil {
		return err
	}
	out := map[string]any{"suppressed": has}
	if has {
		out["why"], out["all"], out["since"] = s.Why, s.All, Time(s.At)
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) suppressMail() error { return c.changeSuppressed(false) }

func (c *call) allowMail() error { return c.changeSuppressed(true) }

func (c *call) changeSuppressed(end bool) error {
	if err := c.cfg.Post.Suppress(c.tenant, c.name, end); err != nil {
		return err
	}
	c.log.Info("mail suppression changed", "tenant", c.tenant.ID, "ended", end, "key", c.caller.Key)
	return c.suppressedMail()
}
