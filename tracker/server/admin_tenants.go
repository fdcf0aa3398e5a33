package server

import (
	"encoding/json"

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
	Disabled  bool     `json:"disabled"`
	Snippet   string   `json:"snippet,omitempty"`
	Integrity string   `json:"integrity,omitempty"`
}

func sourceToJSON(s *tracker.Source) sourceJSON {
	origins := s.Origins
	if origins == nil {
		origins = []string{}
	}
	return sourceJSON{
		Source: s.Name, ID: s.ID, WriteKey: s.WriteKey, Origins: origins, FastAck: s.FastAck, Server: s.Server,
		KeepIP: s.KeepIP, BodyLimit: s.BodyLimit(), Disabled: s.Disabled,
	}
}

func readBody(ctx *fasthttp.RequestCtx, out any) error {
	if err := json.Unmarshal(ctx.PostBody(), out); err != nil {
		return invalid("body", "need a JSON object: "+err.Error())
	}
	return nil
}

func (s *Server) adminTenants(ctx *fasthttp.RequestCtx, _ string) error {
	out := []tenantJSON{}
	for _, t := range s.registry.Tenants() {
		row := tenantJSON{Tenant: t.Name, ID: t.ID.String(), Created: timeText(t.Created), Ranking: t.Ranking, Sources: []sourceJSON{}}
		for _, src := range s.registry.Sources(t.ID) {
			row.Sources = append(row.Sources, sourceToJSON(src))
		}
		out = append(out, row)
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"tenants": out})
	return nil
}

func (s *Server) adminCreateTenant(ctx *fasthttp.RequestCtx, _ string) error {
	var body struct {
		Name string `json:"name"`
	}
	if err := readBody(ctx, &body); err != nil {
		return err
	}
	t, src, secret, err := s.registry.Create(body.Name, "", "")
	if err != nil {
		return err
	}
	s.log.Info("tenant created", "tenant", t.ID)
	writeJSON(ctx, fasthttp.StatusCreated, map[string]string{"tenant": t.Name, "write_key": src.WriteKey, "secret_key": secret})
	return nil
}

func (s *Server) adminRotate(ctx *fasthttp.RequestCtx, name string) error {
	t, err := s.registry.Named(name)
	if err != nil {
		return err
	}
	secret, err := s.registry.Rotate(t.ID)
	if err != nil {
		return err
	}
	s.log.Info("secret key rotated", "tenant", t.ID)
	writeJSON(ctx, fasthttp.StatusOK, map[string]string{"tenant": t.Name, "secret_key": secret})
	return nil
}

// headTenant is the tenant that the request's header names.
func (s *Server) headTenant(ctx *fasthttp.RequestCtx) (*tracker.Tenant, error) {
	return s.registry.Named(string(ctx.Request.Header.Peek(TenantHeader)))
}

func (s *Server) adminSources(ctx *fasthttp.RequestCtx, _ string) error {
	t, err := s.headTenant(ctx)
	if err != nil {
		return err
	}
	out := []sourceJSON{}
	for _, src := range s.registry.Sources(t.ID) {
		out = append(out, sourceToJSON(src))
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"sources": out})
	return nil
}

func (s *Server) adminSource(ctx *fasthttp.RequestCtx, name string) error {
	t, err := s.headTenant(ctx)
	if err != nil {
		return err
	}
	src, err := s.registry.Source(t.ID, name)
	if err != nil {
		return err
	}
	s.answerSource(ctx, src)
	return nil
}

// answerSource shows a source with the tag for its pages.
func (s *Server) answerSource(ctx *fasthttp.RequestCtx, src *tracker.Source) {
	out := sourceToJSON(src)
	out.Snippet, out.Integrity = snippet.Tag("http://"+string(ctx.Host()), src.WriteKey, ""), snippet.SRI
	writeJSON(ctx, fasthttp.StatusOK, out)
}

// sourceChange is what a request says about a source; nil leaves it as it is.
type sourceChange struct {
	Name      string    `json:"name"`
	Origins   *[]string `json:"origins"`
	FastAck   *bool     `json:"fast_ack"`
	Server    *bool     `json:"server_side"`
	KeepIP    *bool     `json:"keep_ip"`
	BodyLimit *int      `json:"body_limit"`
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
}

func (s *Server) adminCreateSource(ctx *fasthttp.RequestCtx, _ string) error {
	t, err := s.headTenant(ctx)
	if err != nil {
		return err
	}
	var change sourceChange
	if err := readBody(ctx, &change); err != nil {
		return err
	}
	src := tracker.Source{Tenant: t, Name: change.Name}
	change.apply(&src)
	return s.saveSource(ctx, src)
}

func (s *Server) adminUpdateSource(ctx *fasthttp.RequestCtx, name string) error {
	t, err := s.headTenant(ctx)
	if err != nil {
		return err
	}
	var change sourceChange
	if err := readBody(ctx, &change); err != nil {
		return err
	}
	old, err := s.registry.Source(t.ID, name)
	if err != nil {
		return err
	}
	src := *old
	change.apply(&src)
	return s.saveSource(ctx, src)
}

func (s *Server) saveSource(ctx *fasthttp.RequestCtx, src tracker.Source) error {
	saved, err := s.registry.SaveSource(src)
	if err != nil {
		return err
	}
	s.answerSource(ctx, saved)
	return nil
}
