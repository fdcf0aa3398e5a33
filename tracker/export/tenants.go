package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/snippet"
	"ripen/tracker"
)

// tenantJSON and sourceJSON are what the admin API shows.
type tenantJSON struct {
	Tenant  string       `json:"tenant"`
	ID      string       `json:"id"`
	Created string       `json:"created"`
	Ranking string       `json:"ranking,omitempty"`
	Sources []sourceJSON `json:"sources"`
}

type sourceJSON struct {
	Source    string   `json:"source"`
	ID        uint32   `json:"id"`
	WriteKey  string   `json:"write_key"`
	Origins   []string `json:"origins"`
	Others    bool     `json:"off_origin"` // events of other origins are taken, and marked
	FastAck   bool     `json:"fast_ack"`
	Server    bool     `json:"server_side"`
	KeepIP    bool     `json:"keep_ip"`
	BodyLimit int      `json:"body_limit"`
	Rate      int      `json:"rate"` // requests a second; 0 = no limit
	Disabled  bool     `json:"disabled"`
	Kind      string   `json:"kind,omitempty"`    // the mail provider whose webhooks it takes
	Hook      string   `json:"hook,omitempty"`    // the address to give to the provider
	Secrets   int      `json:"secrets,omitempty"` // how many its webhooks may be signed with; never which
	Topic     string   `json:"topic,omitempty"`
	Window    string   `json:"window,omitempty"`
	Settle    string   `json:"settle"`    // how long a click in a mail waits before it counts
	Retention int64    `json:"retention"` // seconds; 0 = as long as the machine keeps events
	Snippet   string   `json:"snippet,omitempty"`
	Pinned    string   `json:"snippet_pinned,omitempty"`
	Integrity string   `json:"integrity,omitempty"`
	Types     string   `json:"types,omitempty"`       // where the snippet's TypeScript declarations are
	Manager   string   `json:"tag_manager,omitempty"` // where the template for Google Tag Manager is
}

func sourceToJSON(s *tracker.Source) sourceJSON {
	origins := s.Origins
	if origins == nil {
		origins = []string{}
	}
	out := sourceJSON{
		Source: s.Name, ID: s.ID, WriteKey: s.WriteKey, Origins: origins, Others: s.Others, FastAck: s.FastAck, Server: s.Server,
		KeepIP: s.KeepIP, BodyLimit: s.BodyLimit(), Rate: s.Rate, Disabled: s.Disabled,
		Kind: s.Kind, Secrets: len(s.Secrets), Topic: s.Topic, Retention: int64(s.Retention.Seconds()),
	}
	out.Settle = max(cmp.Or(s.Settle, tracker.DefaultSettle*time.Millisecond), 0).String()
	if s.Window != 0 {
		out.Window = s.Window.String()
	}
	return out
}

// body reads the JSON object that a request carries; a member it does not know
// is refused, not passed over.
func (c *call) body(out any) error {
	d := json.NewDecoder(bytes.NewReader(c.ctx.PostBody()))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return invalid("body", "need a JSON object with "+strings.Join(members(out), ", ")+": "+strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// members are the names that a JSON object for out may hold.
func members(out any) (names []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeOf(out).Elem()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

func (c *call) tenants() error {
	out := []tenantJSON{}
	for _, t := range c.cfg.Registry.Tenants() {
		row := tenantJSON{Tenant: t.Name, ID: t.ID.String(), Created: Time(t.Created), Ranking: t.Ranking, Sources: []sourceJSON{}}
		for _, src := range c.cfg.Registry.Sources(t.ID) {
			row.Sources = append(row.Sources, sourceToJSON(src))
		}
		out = append(out, row)
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"tenants": out})
	return nil
}

func (c *call) createTenant() error {
	var body struct {
		Name string `json:"name"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	t, src, secret, err := c.cfg.Registry.Create(body.Name, "", "")
	if err != nil {
		return err
	}
	c.log.Info("tenant created", "tenant", t.ID)
	JSON(c.ctx, fasthttp.StatusCreated, map[string]string{"tenant": t.Name, "write_key": src.WriteKey, "secret_key": secret})
	return nil
}

func (c *call) rotate() error {
	t, err := c.cfg.Registry.Named(c.name)
	if err != nil {
		return err
	}
	secret, err := c.cfg.Registry.Rotate(t.ID)
	if err != nil {
		return err
	}
	c.log.Info("secret key rotated", "tenant", t.ID)
	JSON(c.ctx, fasthttp.StatusOK, map[string]string{"tenant": t.Name, "secret_key": secret})
	return nil
}

func (c *call) sources() error {
	out := []sourceJSON{}
	for _, src := range c.cfg.Registry.Sources(c.tenant.ID) {
		out = append(out, sourceToJSON(src))
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"sources": out})
	return nil
}

func (c *call) source() error {
	src, err := c.cfg.Registry.Source(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	return c.answerSource(src)
}

// publicURL is the origin under which the world reaches this machine.
func (c *call) publicURL() (string, error) {
	u := cmp.Or(c.text("public_url"), c.cfg.PublicURL, "http://"+string(c.ctx.Host()))
	if !IsOrigin(u) {
		return "", invalid("public_url", "need an origin like https://t.example.org, without a path")
	}
	return u, nil
}

// answerSource shows a source with the tags for its pages: one that follows the
// versions of the snippet, and one of this version that browsers check; or with
// the address of its webhook.
func (c *call) answerSource(src *tracker.Source) error {
	host, err := c.publicURL()
	if err != nil {
		return err
	}
	out := sourceToJSON(src)
	if src.Kind != "" {
		out.Hook = host + "/hooks/" + src.Kind + "?writeKey=" + src.WriteKey
		JSON(c.ctx, fasthttp.StatusOK, out)
		return nil
	}
	page := snippet.Page{Host: host, Key: src.WriteKey, Nonce: c.text("nonce"), Path: c.cfg.SitePath}
	out.Snippet, out.Integrity = page.Tag(), snippet.SRI
	page.Pinned = true
	out.Pinned = page.Tag()
	out.Types, out.Manager = host+"/r.d.ts", host+"/r.tpl"
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

// sourceChange is what a request says about a source; nil leaves it as it is.
type sourceChange struct {
	Name      string    `json:"name"`
	Origins   *[]string `json:"origins"`
	Others    *bool     `json:"off_origin"`
	FastAck   *bool     `json:"fast_ack"`
	Server    *bool     `json:"server_side"`
	KeepIP    *bool     `json:"keep_ip"`
	BodyLimit *int      `json:"body_limit"`
	Rate      *int      `json:"rate"`
	Disabled  *bool     `json:"disabled"`

	Kind       *string `json:"kind"`
	Secret     *string `json:"secret"`      // of the provider's webhooks; never shown again
	KeepSecret bool    `json:"keep_secret"` // the one before goes on working
	Topic      *string `json:"topic"`
	Window     *string `json:"window"`    // a duration like 10m; 0s = the provider's default
	Retention  *int64  `json:"retention"` // seconds; 0 = as long as the machine keeps events
	Settle     *string `json:"settle"`    // a duration; 0s = clicks in mails count at once
}

// The bounds of a source's retention: what senders may still repeat, and what a late
// event may reach, must be there.
const (
	leastRetention = 2629800 // a month, in seconds
	mostRetention  = 100 * 365 * 86400
)

// applyRetention takes over what is said of retention.
func (c *sourceChange) applyRetention(s *tracker.Source) error {
	if c.Retention == nil {
		return nil
	}
	if n := *c.Retention; n != 0 && (n < leastRetention || n > mostRetention) {
		return invalid("retention", "need seconds, 0 (as long as the machine keeps events) or from a month (2629800) to 100 years")
	}
	s.Retention = time.Duration(*c.Retention) * time.Second
	return nil
}

// applyMail takes over what is said of a mail provider's source.
func (c *sourceChange) applyMail(s *tracker.Source) error {
	if c.Kind != nil {
		s.Kind = *c.Kind
	}
	if c.Topic != nil {
		s.Topic = *c.Topic
	}
	switch {
	case c.Secret == nil && c.KeepSecret:
		return invalid("keep_secret", "goes with a new secret")
	case c.Secret == nil:
	case *c.Secret == "":
		s.Secrets = nil
	case c.KeepSecret && len(s.Secrets) > 0:
		s.Secrets = []string{*c.Secret, s.Secrets[0]}
	default:
		s.Secrets = []string{*c.Secret}
	}
	if c.Settle != nil {
		d, err := time.ParseDuration(*c.Settle)
		if err != nil || d < 0 || d > tracker.MaxSettle*time.Millisecond {
			return invalid("settle", "need a duration like 90s, up to 10m; 0s lets clicks count at once")
		}
		if s.Settle = d; d == 0 {
			s.Settle = -1
		} else if d == tracker.DefaultSettle*time.Millisecond {
			s.Settle = 0
		}
	}
	if c.Window != nil {
		d, err := time.ParseDuration(*c.Window)
		if err != nil {
			return invalid("window", "need a duration like 10m or 24h")
		}
		s.Window = d
	}
	return nil
}

func (c *sourceChange) apply(s *tracker.Source) error {
	set := func(to *bool, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	set(&s.Others, c.Others)
	set(&s.FastAck, c.FastAck)
	set(&s.Server, c.Server)
	set(&s.KeepIP, c.KeepIP)
	set(&s.Disabled, c.Disabled)
	if c.BodyLimit != nil {
		s.MaxBody = *c.BodyLimit
	}
	if c.Rate != nil {
		s.Rate = *c.Rate
	}
	return cmp.Or(c.applyOrigins(s), c.applyRetention(s), c.applyMail(s))
}

// applyOrigins takes over from which pages events come. What no browser sends as an
// Origin would shut out every page.
func (c *sourceChange) applyOrigins(s *tracker.Source) error {
	if c.Origins == nil {
		return nil
	}
	for _, o := range *c.Origins {
		u, err := url.Parse(strings.Replace(o, "://*.", "://", 1))
		if o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != u.String()) {
			return invalid("origins", strconv.Quote(o)+" is none: need scheme and host as in https://acme.es, https://*.acme.es for all that is under it, or *")
		}
	}
	s.Origins = *c.Origins
	return nil
}

func (c *call) createSource() error {
	var change sourceChange
	if err := c.body(&change); err != nil {
		return err
	}
	src := tracker.Source{Tenant: c.tenant, Name: change.Name}
	if err := change.apply(&src); err != nil {
		return err
	}
	return c.saveSource(src)
}

func (c *call) updateSource() error {
	var change sourceChange
	if err := c.body(&change); err != nil {
		return err
	}
	old, err := c.cfg.Registry.Source(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	src := *old
	if err := change.apply(&src); err != nil {
		return err
	}
	return c.saveSource(src)
}

func (c *call) saveSource(src tracker.Source) error {
	saved, err := c.cfg.Registry.SaveSource(src)
	if err != nil {
		return err
	}
	return c.answerSource(saved)
}

func (c *call) identityKey() error { return c.answerIdentityKey(c.cfg.Registry.IdentityKey) }

func (c *call) rotateIdentityKey() error {
	return c.answerIdentityKey(c.cfg.Registry.RotateIdentityKey)
}

func (c *call) answerIdentityKey(ask func(tracker.TenantID, string) (string, error)) error {
	key, err := ask(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]string{"source": c.name, "identity_key": key})
	return nil
}

// IsOrigin says that a URL is a scheme and a host, nothing else.
func IsOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsAny(u.Host, "\"'<>@ ") && s == u.Scheme+"://"+u.Host
}
