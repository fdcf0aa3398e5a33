package export

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/url"
	"strings"

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
	FastAck   bool     `json:"fast_ack"`
	Server    bool     `json:"server_side"`
	KeepIP    bool     `json:"keep_ip"`
	BodyLimit int      `json:"body_limit"`
	Rate      int      `json:"rate"` // requests a second; 0 = no limit
	Disabled  bool     `json:"disabled"`
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
	return sourceJSON{
		Source: s.Name, ID: s.ID, WriteKey: s.WriteKey, Origins: origins, FastAck: s.FastAck, Server: s.Server,
		KeepIP: s.KeepIP, BodyLimit: s.BodyLimit(), Rate: s.Rate, Disabled: s.Disabled,
	}
}

// body reads the JSON object that a request carries; a member it does not know
// is refused, not passed over.
func (c *call) body(out any) error {
	d := json.NewDecoder(bytes.NewReader(c.ctx.PostBody()))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return invalid("body", "need a JSON object: "+err.Error())
	}
	return nil
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
	if u := c.text("public_url"); u != "" && !IsOrigin(u) {
		return invalid("public_url", "need an origin like https://t.example.org, without a path")
	}
	src, err := c.cfg.Registry.Source(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	c.answerSource(src)
	return nil
}

// answerSource shows a source with the tags for its pages: one that follows the
// versions of the snippet, and one of this version that browsers check.
func (c *call) answerSource(src *tracker.Source) {
	host := cmp.Or(c.text("public_url"), c.cfg.PublicURL, "http://"+string(c.ctx.Host()))
	out := sourceToJSON(src)
	page := snippet.Page{Host: host, Key: src.WriteKey, Nonce: c.text("nonce"), Path: c.cfg.SitePath}
	out.Snippet, out.Integrity = page.Tag(), snippet.SRI
	page.Pinned = true
	out.Pinned = page.Tag()
	out.Types, out.Manager = host+"/r.d.ts", host+"/r.tpl"
	JSON(c.ctx, fasthttp.StatusOK, out)
}

// sourceChange is what a request says about a source; nil leaves it as it is.
type sourceChange struct {
	Name      string    `json:"name"`
	Origins   *[]string `json:"origins"`
	FastAck   *bool     `json:"fast_ack"`
	Server    *bool     `json:"server_side"`
	KeepIP    *bool     `json:"keep_ip"`
	BodyLimit *int      `json:"body_limit"`
	Rate      *int      `json:"rate"`
	Disabled  *bool     `json:"disabled"`
}

func (c *sourceChange) apply(s *tracker.Source) {
	set := func(to *bool, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	set(&s.FastAck, c.FastAck)
	set(&s.Server, c.Server)
	set(&s.KeepIP, c.KeepIP)
	set(&s.Disabled, c.Disabled)
	if c.Origins != nil {
		s.Origins = *c.Origins
	}
	if c.BodyLimit != nil {
		s.MaxBody = *c.BodyLimit
	}
	if c.Rate != nil {
		s.Rate = *c.Rate
	}
}

func (c *call) createSource() error {
	var change sourceChange
	if err := c.body(&change); err != nil {
		return err
	}
	src := tracker.Source{Tenant: c.tenant, Name: change.Name}
	change.apply(&src)
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
	change.apply(&src)
	return c.saveSource(src)
}

func (c *call) saveSource(src tracker.Source) error {
	saved, err := c.cfg.Registry.SaveSource(src)
	if err != nil {
		return err
	}
	c.answerSource(saved)
	return nil
}

// IsOrigin says that a URL is a scheme and a host, nothing else.
func IsOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && !strings.ContainsAny(u.Host, "\"'<>@ ") && s == u.Scheme+"://"+u.Host
}
