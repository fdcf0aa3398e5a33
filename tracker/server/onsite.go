package server

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/journey"
	"ripen/tracker/journey/onsite"
)

// openOnsite opens what chooses the messages of sites.
func (s *Server) openOnsite() *onsite.Site {
	return onsite.New(onsite.Config{
		DB: s.db, Tenants: s.registry.Tenants, Person: s.visitor, Logger: s.log,
		Docs: func(t tracker.TenantID) ([]tracker.JourneyDoc, error) { return s.journeys.Docs(t, tracker.Onsite) },
		Belongs: func(t tracker.TenantID, ids []tracker.LeadID, segment string) (bool, error) {
			return s.journeys.Belongs(t, ids, segment)
		},
	})
}

// shows says which tenants have messages; a server that only captures shows none.
func (s *Server) shows() func(tracker.TenantID) bool {
	if s.folder == nil {
		return nil
	}
	return s.onsite.Any
}

// readOnsite reads a message for the registry of texts.
func readOnsite(file string, src []byte) (name string, base int, err error) {
	m, err := onsite.Parse(file, src)
	if err != nil {
		return "", 0, err
	}
	return m.Name, m.Version, nil
}

// askLimit is how long a page that asks waits for its own view to be scored.
const askLimit = 250 * time.Millisecond

var onsiteCaller = tracker.Caller{Role: tracker.AdminRole, Key: "onsite"}

// visitor finds who a visitor is, with the score that they have after what the
// log holds now. An identity of another kind is never looked up: anybody can name
// somebody else's e-mail.
func (s *Server) visitor(t *tracker.Tenant, visitor tracker.LeadID) (*journey.Person, error) {
	st := s.folder.state()
	if st == nil {
		return nil, nil // it is being opened: what is for everybody can be shown
	}
	last, err := s.db.Log().Last(s.life, 0)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(s.life, askLimit)
	defer cancel()
	_ = st.WaitSeen(ctx, last) // as far as it is, if it is behind
	l, err := st.Lead(onsiteCaller, t.ID, visitor.String())
	if errors.Is(err, errNoLead) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &journey.Person{Lead: l, Card: t.Ranking, Past: func() ([]journey.Act, error) { return st.acts(t.ID, l.ID) }}, nil
}

// Limits of what a page says when it asks.
const (
	maxAsk  = 16 << 10
	maxSkip = 100
)

// serveShow answers a page that asks which messages to show. It tells nothing but
// them.
func (s *Server) serveShow(ctx *fasthttp.RequestCtx) bool {
	if !isPath(ctx, "/v1/show") {
		return false
	}
	if !ctx.IsPost() {
		export.NotAllowed(ctx, []string{"POST"})
		return true
	}
	var in struct {
		WriteKey string   `json:"writeKey"`
		Visitor  string   `json:"visitor"`
		Path     string   `json:"path"`
		Language string   `json:"language"`
		Consent  any      `json:"consent"`
		Skip     []string `json:"skip"`
	}
	body := ctx.PostBody()
	if len(body) > maxAsk || json.Unmarshal(body, &in) != nil || len(in.Skip) > maxSkip || in.WriteKey == "" {
		export.Problem(ctx, fasthttp.StatusBadRequest, "bad_body", "body: need JSON with writeKey, path, language, and perhaps visitor, consent and at most 100 names in skip")
		return true
	}
	page, ok := s.ingest.Admit(ctx, []byte(in.WriteKey), []byte(in.Visitor), len(body))
	if !ok {
		return true
	}
	answer := []byte(`{"messages":[]}`)
	if !page.Machine && s.folder != nil {
		a := onsite.Ask{Path: in.Path, Language: in.Language, Visitor: page.Visitor, Skip: in.Skip}
		a.Denied = page.Denied || consentOf(in.Consent).Denied()
		var err error
		if answer, err = s.onsite.Choose(page.Source.Tenant, &a); err != nil {
			s.log.Error("choose an on-site message", "tenant", page.Source.Tenant.ID, "err", err)
			export.Error(ctx, &tracker.Error{Kind: tracker.KindBusy, Code: "busy", Detail: "the leads cannot be asked now: ask again in a moment"})
			return true
		}
	}
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	ctx.SetContentType("application/json")
	ctx.SetBody(append(answer, '\n'))
	return true
}

// consentOf reads what the snippet says of consent: a word, or one for each
// purpose.
func consentOf(v any) (c tracker.Consent) {
	switch v := v.(type) {
	case string:
		return tracker.ParseChoice([]byte(v)).All()
	case map[string]any:
		for _, p := range tracker.Purposes {
			word, _ := v[p.String()].(string)
			c = c.With(p, tracker.ParseChoice([]byte(word)))
		}
	}
	return c
}

// textsAPI is what export asks of texts: the sites hear of their messages at
// once.
type textsAPI struct {
	*journey.Engine
	s *Server
}

func (a textsAPI) Publish(ctx context.Context, t tracker.TenantID, kind tracker.TextKind, name string, migrate bool) (tracker.JourneyDoc, error) {
	d, err := a.Engine.Publish(ctx, t, kind, name, migrate)
	a.s.onsite.Changed(t)
	if err == nil && kind == tracker.Onsite {
		err = a.s.onsite.Follow(ctx) // what is shown from now on is counted
	}
	return d, err
}

func (a textsAPI) Rollback(t tracker.TenantID, kind tracker.TextKind, name string) (tracker.JourneyDoc, error) {
	d, err := a.Engine.Rollback(t, kind, name)
	a.s.onsite.Changed(t)
	return d, err
}

// OnsiteStats and the rest are of on-site messages alone.
func (a textsAPI) OnsiteStats(t tracker.TenantID, name string) (map[string]*tracker.OnsiteTally, error) {
	if _, err := a.Doc(t, tracker.Onsite, name); err != nil {
		return nil, err
	}
	if err := a.s.onsite.Follow(a.s.life); err != nil {
		return nil, err
	}
	return a.s.onsite.Stats(t, name)
}

// OnsiteWaiting returns what waits for a lead.
func (a textsAPI) OnsiteWaiting(t tracker.TenantID, ids []tracker.LeadID) ([]tracker.OnsiteWaiting, error) {
	return a.s.onsite.Waiting(t, ids)
}

// OnsitePreview returns a page that shows a text as visitors will see it.
func (a textsAPI) OnsitePreview(name, lang string, src []byte) ([]byte, error) {
	m, err := onsite.Parse(name+".yaml", src)
	if err != nil {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_onsite", Detail: err.Error()}
	}
	return m.Preview(lang), nil
}

// show puts the message of a journey's step in wait for its lead.
func (w *journeyWorld) show(tx *storage.Tx, e *journey.Effect, id string) (string, error) {
	return id, w.s.onsite.Wait(tx, e.Tenant.ID, e.Person, id, e.Template)
}

// missingOnsite names the on-site messages of a journey that are not in force.
func (w *journeyWorld) missingOnsite(t tracker.TenantID, j *journey.Journey) (missing []string, err error) {
	for _, name := range j.Templates(journey.ChannelOnsite) {
		has, _, err := w.s.onsite.Has(t, name)
		if err != nil {
			return nil, err
		}
		if !has {
			missing = append(missing, name)
		}
	}
	return slices.Clip(missing), nil
}
