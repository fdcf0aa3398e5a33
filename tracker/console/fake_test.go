package console

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"ripen/tracker"
)

var (
	tenantA = Tenant{ID: tracker.TenantID{1}, Name: "Vaho", Ranking: "cafeteras"}
	tenantB = Tenant{ID: tracker.TenantID{2}, Name: "Other"}
)

// fake is a source with leads that tests move.
type fake struct {
	mu    sync.Mutex // guards the rest
	leads map[tracker.TenantID][]*person
	made  []tracker.Training // of tenantA
	subs  map[chan struct{}]tracker.TenantID
}

// person is a lead of the fake.
type person struct {
	lead    tracker.Lead
	row     Row
	moments []tracker.Moment
	page    int // the first page of the timeline ends here; 0 = it is all
	history []tracker.Change
}

func newFake() *fake {
	return &fake{leads: map[tracker.TenantID][]*person{}, subs: map[chan struct{}]tracker.TenantID{}}
}

func leadID(kind tracker.IdentityKind, n byte) tracker.LeadID {
	return tracker.LeadID{Kind: kind, Hash: tracker.Hash{n, n * 7, n * 31, 15: n}}
}

// put adds or moves a lead, and tells the subscribers.
func (f *fake) put(t Tenant, id tracker.LeadID, email string, score int, why string, seen time.Time) *person {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.leads[t.ID], func(p *person) bool { return p.row.ID == id })
	if i < 0 {
		f.leads[t.ID] = append(f.leads[t.ID], &person{})
		i = len(f.leads[t.ID]) - 1
	}
	p := f.leads[t.ID][i]
	band := []string{"frio", "templado", "caliente"}[min(2, score/30)]
	p.row = Row{ID: id, Email: email, Score: score, Band: band, Why: why, LastSeen: seen}
	p.lead = tracker.Lead{
		ID: id, Email: email, FirstSeen: seen.Add(-40 * time.Hour), LastSeen: seen, Events: 14,
		Identities: []tracker.Identity{{Kind: tracker.VisitorIdentity, Value: "5b0c7c2e-7d0e-4f0a-9d55-0a8f4f0f8f11", From: seen.UnixMilli()}},
		Scores:     map[string]*tracker.Score{"cafeteras": sampleScore(score, band, seen)},
	}
	p.history = append([]tracker.Change{{Card: "cafeteras@1", Time: seen.UnixMilli(), NewScore: score, NewBand: band, Cause: "event"}}, p.history...)
	slices.SortStableFunc(f.leads[t.ID], func(a, b *person) int { return cmp.Compare(b.row.Score, a.row.Score) })
	for ch, of := range f.subs {
		if of == t.ID {
			select {
			case ch <- struct{}{}:
			default:
			}
		}
	}
	return p
}

func sampleScore(score int, band string, seen time.Time) *tracker.Score {
	third := int64(score) * 1000 / 3
	return &tracker.Score{
		Card: "cafeteras@1", Score: score, Band: band, Dims: map[string]float64{"interes": 41.2, "perfil": 65}, Next: seen.Add(5 * time.Hour).UnixMilli(),
		Reasons: []tracker.Reason{
			{Rule: "carrito", Why: "Tiene un carrito abierto", Points: 14.73, Share: third},
			{Rule: "comparativa", Why: "Compara modelos", Points: 9.95, Share: third - 4321},
			{Rule: "negocio", Why: "Es para una oficina o un local", Points: 60, Share: int64(score)*1000 - 2*third + 4321 + 250 - 1000},
			{Rule: "base", Points: 1, Share: 1000},
			{Rule: "rounding", Points: 0, Share: -250},
		},
	}
}

func (f *fake) Tenants(c tracker.Caller) ([]Tenant, error) {
	if c.Role == tracker.AdminRole {
		return []Tenant{tenantA, tenantB}, nil
	}
	return []Tenant{tenantA}, nil
}

func (f *fake) Top(c tracker.Caller, t tracker.TenantID, limit int) ([]Row, int, error) {
	if err := c.May(tracker.SecretRole, t); err != nil {
		return nil, 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var rows []Row
	for _, p := range f.leads[t] {
		if len(rows) < limit {
			rows = append(rows, p.row)
		}
	}
	return rows, len(f.leads[t]), nil
}

func (f *fake) find(c tracker.Caller, t tracker.TenantID, id tracker.LeadID) (*person, error) {
	if err := c.May(tracker.SecretRole, t); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.leads[t] {
		if p.row.ID == id {
			copied := *p
			return &copied, nil
		}
	}
	return nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "there is no such lead"}
}

func (f *fake) Lead(c tracker.Caller, t tracker.TenantID, id tracker.LeadID) (*tracker.Lead, error) {
	p, err := f.find(c, t, id)
	if err != nil {
		return nil, err
	}
	return &p.lead, nil
}

func (f *fake) Moments(c tracker.Caller, t tracker.TenantID, q tracker.MomentQuery) (tracker.MomentPage, error) {
	id, err := tracker.ParseLeadID(q.Who)
	if err != nil {
		return tracker.MomentPage{}, err
	}
	p, err := f.find(c, t, id)
	if err != nil {
		return tracker.MomentPage{}, err
	}
	page := tracker.MomentPage{Lead: id}
	for _, m := range p.moments {
		if q.Wants(m.Kind) {
			page.Moments = append(page.Moments, m)
		}
	}
	if q.After == "behind" {
		page.Moments = page.Moments[p.page:]
	} else if p.page > 0 && q.Kinds == nil {
		page.Moments, page.Next = page.Moments[:p.page], "behind"
	}
	return page, nil
}

func (f *fake) History(c tracker.Caller, t tracker.TenantID, id tracker.LeadID, limit int) ([]tracker.Change, error) {
	p, err := f.find(c, t, id)
	if err != nil {
		return nil, err
	}
	return p.history, nil
}

func (f *fake) Trainings(c tracker.Caller, t tracker.TenantID, limit int) ([]tracker.Training, error) {
	if err := c.May(tracker.SecretRole, t); err != nil || t != tenantA.ID {
		return nil, err
	}
	return f.made[:min(limit, len(f.made))], nil
}

func (f *fake) TrainingReport(c tracker.Caller, t tracker.TenantID, id uint64, lang string) ([]byte, error) {
	if err := c.May(tracker.SecretRole, t); err != nil {
		return nil, err
	}
	if t != tenantA.ID || id != 4 {
		return nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_training", Detail: "there is no training of this number"}
	}
	return []byte("<!doctype html><style>p{color:red}</style><p lang=" + lang + ">"), nil
}

// taught is one training of each outcome that there is much to say of.
func taught(now time.Time) []tracker.Training {
	at := func(days int) int64 { return now.AddDate(0, 0, -days).UnixMilli() }
	one := func(id uint64, state string) tracker.Training {
		return tracker.Training{
			ID: id, Card: "cafeteras", Version: "cafeteras@4", Begun: at(10 * (6 - int(id))), Cause: tracker.TrainedByTime, State: state, Rows: 5120, Conversions: 431,
			AUC: .8441, AUCTime: .8127, Lift: 3.1, Champion: "cafeteras@3", OldLift: 2.4,
		}
	}
	out := []tracker.Training{one(5, tracker.TrainingShadows), one(4, tracker.TrainingPublished), one(3, tracker.TrainingStopped), one(2, tracker.TrainingAsks), one(1, tracker.TrainingStopped)}
	out[0].Until, out[0].Cause, out[0].New = at(-1), tracker.TrainedByNew, 44
	out[1].Blind, out[1].Lift, out[1].OldLift = true, 1, .8
	out[2].Guard, out[2].Why = tracker.GuardLeakage, "<b>Estado</b>: por sí solo alcanza un AUC de 0.982"
	out[3].Cause = tracker.TrainedByHand
	out[4] = tracker.Training{ID: 1, Card: "cafeteras", Begun: at(60), Cause: tracker.TrainedByTime, State: tracker.TrainingStopped, Guard: tracker.GuardTooFew}
	return out
}

func (f *fake) Subscribe(ctx context.Context, t tracker.TenantID) <-chan struct{} {
	ch := make(chan struct{}, 1)
	f.mu.Lock()
	f.subs[ch] = t
	f.mu.Unlock()
	context.AfterFunc(ctx, func() {
		f.mu.Lock()
		delete(f.subs, ch)
		f.mu.Unlock()
	})
	return ch
}

// sampleEvent makes the moment of an event with text fields.
func sampleEvent(kind string, at time.Time, machine tracker.Machine, fields ...string) tracker.Moment {
	e := &tracker.Event{Type: []byte(kind), Time: at.UnixMilli(), Machine: machine}
	for i := 0; i+1 < len(fields); i += 2 {
		e.Fields = append(e.Fields, tracker.Field{Space: tracker.Property, Name: []byte(fields[i]), Value: tracker.Value{Tag: tracker.String, Str: []byte(fields[i+1])}})
	}
	m := tracker.Moment{Time: e.Time, Event: e}
	m.Kind, m.What = tracker.MomentOf(e)
	return m
}

// people fills the fake with a list to look at.
func people(t *testing.T, f *fake, now time.Time) {
	t.Helper()
	why := []string{"Tiene un carrito abierto", "Compara modelos", "Descarga la guía", "Mira cafeteras", "Se apunta al boletín", "Es para una oficina o un local"}
	names := []string{"ana.ferreiro@acme.es", "", "compras@hotelbahia.com", "j.ortega@ejemplo.org", "", "", "maria-del-carmen.villanueva@una-empresa-de-nombre-largo.example", "", "bob@example.com", ""}
	for i := range 24 {
		kind := tracker.VisitorIdentity
		if names[i%len(names)] != "" {
			kind = tracker.EmailIdentity
		}
		score := max(1, 93-i*4-(i*i)%7)
		p := f.put(tenantA, leadID(kind, byte(i+1)), names[i%len(names)], score, why[i%len(why)], now.Add(-time.Duration(i*i*7)*time.Minute))
		if i > 0 {
			continue
		}
		p.lead.Attributes = map[string]any{"cups": 12.0, "place": "office", "name": "Ana Ferreiro"}
		p.lead.Identities = append(p.lead.Identities, tracker.Identity{Kind: tracker.EmailIdentity, Value: "ana.ferreiro@acme.es", Proved: true})
		p.lead.Consent = tracker.ConsentUnknown.With(tracker.Marketing, tracker.Granted).With(tracker.Profiling, tracker.Refused)
		p.lead.Interests = &tracker.Interests{
			Topics: []tracker.Affinity{{Topic: "precios", Value: 3.5}, {Topic: "<b>eventos</b>", Value: 1}}, Mails: 4, Opened: 1, OpenRate: 0.25, Shares: 2,
			Pages: []tracker.PageUse{{Path: "/precios", Seconds: 70.5, Visits: 3}},
		}
		p.lead.Superseded = []tracker.LeadID{leadID('v', 77)}
		p.lead.Scores["cafeteras"].Trouble = ""
		p.history = nil
		for k := range 40 {
			s := int(46 + 40*math.Sin(float64(k)/9) + float64(k%3))
			p.history = append([]tracker.Change{{Card: "cafeteras@1", Time: now.Add(time.Duration(k-40) * time.Hour).UnixMilli(), NewScore: s, Cause: "event"}}, p.history...)
		}
		p.moments = []tracker.Moment{
			sampleEvent("add_to_cart", now.Add(-time.Minute), tracker.Human, "name", "Faro", "sku", "faro", "price", "599"),
			sampleEvent("page_view", now.Add(-2*time.Minute), tracker.Human, "title", "Faro · Vaho", "path", "/demo/es/cafeteras/faro"),
			sampleEvent("page_view", now.Add(-3*time.Minute), tracker.Bot, "title", "<img src=x onerror=alert(1)>", "path", "/demo/es/comparativa"),
			sampleEvent("identify", now.Add(-4*time.Minute), tracker.Human, "email", "ana.ferreiro@acme.es"),
			sampleEvent("form_submit", now.Add(-4*time.Minute), tracker.Human, "form", "newsletter"),
			sampleEvent("download", now.Add(-50*time.Minute), tracker.Human, "file", "/demo/es/guia-cafeteras.pdf"),
			sampleEvent("page_view", now.Add(-51*time.Minute), tracker.Prefetch, "title", "Cafeteras · Vaho", "path", "/demo/es/cafeteras"),
		}
		p.moments = append(p.moments, nurtured(now.Add(-26*time.Hour))...)
	}
}

// nurtured is what was done with somebody, one moment of each kind and more.
func nurtured(at time.Time) (out []tracker.Moment) {
	ms := func(minutes int) int64 { return at.Add(-time.Duration(minutes) * time.Minute).UnixMilli() }
	step := func(name, what, detail string) *tracker.JourneyStep {
		return &tracker.JourneyStep{Journey: "educar@2", Step: name, What: what, Detail: detail}
	}
	sent := func(state, why string, outcomes ...string) *tracker.Intent {
		in := &tracker.Intent{ID: "6f1c", Kind: tracker.MailKind, To: tracker.MailPlace, State: state, Why: why}
		for _, o := range outcomes {
			in.Attempts = append(in.Attempts, tracker.Attempt{Outcome: o})
		}
		return in
	}
	score := func(minutes, from, to int, cause string, because ...string) tracker.Moment {
		c := &tracker.Change{Card: "cafeteras@3", OldScore: from, NewScore: to, OldBand: "frio", NewBand: "templado", Cause: cause}
		what := "rose"
		if to < from {
			what = "fell"
		}
		return tracker.Moment{Time: ms(minutes), Kind: tracker.MomentScore, What: what, Change: c, Because: because, Source: "email_click"}
	}
	out = append(out,
		sampleEvent(tracker.HandoffRejected, at, tracker.Server, "reason", "Compra el año que viene"),
		tracker.Moment{
			Time: ms(30), Kind: tracker.MomentHandoff, What: "offered", Step: step("ventas", "handoff", "crm"), Intent: sent("delivered", "", "accepted"),
			Handoff: &tracker.Handoff{ID: "ab", To: "crm", Queue: "ventas", State: tracker.HandoffIsBack},
		},
		score(31, 40, 80, "event", "Pulsa en los correos"),
		sampleEvent("email_click", at.Add(-32*time.Minute), tracker.Human, "link", "vaho.example/guia"),
		sampleEvent("email_click", at.Add(-90*time.Minute), tracker.Bot, "link", "vaho.example/guia"),
		tracker.Moment{Time: ms(100), Kind: tracker.MomentTouch, What: "delivered", Words: "guia@4", Step: step("guia", "message", "guia"), Intent: sent("delivered", "", "unknown", "accepted")},
		tracker.Moment{Time: ms(100), Kind: tracker.MomentJourney, What: "waits", Step: step("leer", "waits", at.Add(72*time.Hour).UTC().Format(time.RFC3339))},
		tracker.Moment{Time: ms(101), Kind: tracker.MomentJourney, What: "entered", Step: step("", "entered", "")},
		tracker.Moment{Time: ms(102), Kind: tracker.MomentTouch, What: "parked", Step: step("aviso", "webhook", "chat"), Intent: &tracker.Intent{ID: "7a", Kind: "webhook", To: "chat", State: "parked", Why: "410: gone"}},
		score(103, 52, 40, "time"),
	)
	return out
}
