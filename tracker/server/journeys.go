package server

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/journey"
	"ripen/tracker/outbox"
	"ripen/tracker/rank"
	"ripen/wasm/scorecard"
)

// journeyWorld is what journeys know of leads, and how what they ask for becomes
// intents and hand-offs.
type journeyWorld struct {
	s *Server

	mu     sync.Mutex                            // guards what follows
	people map[tracker.TenantID][]tracker.LeadID // ids in order, while a sweep goes on
	cards  actor                                 // knows what cards ask for
}

// openJourneys opens the engine of journeys and segments.
func (s *Server) openJourneys() *journey.Engine {
	w := &journeyWorld{s: s, people: map[tracker.TenantID][]tracker.LeadID{}, cards: actor{s: s, cards: map[string]*scorecard.Card{}}}
	return journey.New(journey.Config{
		DB: s.db, Tenants: s.registry.Tenants, Source: s.registry.FirstSource, Update: s.outbox.Update,
		Do: w.do, Person: w.person, People: w.next, Changes: w.changes, Seen: w.seen, Check: w.check, Library: w.library, Silent: w.silent, Begins: w.begins, Onsite: readOnsite, Logger: s.log,
		Last: func(t tracker.TenantID) (uint64, error) { return rank.OpenFeed(s.db.Meta()).Last(t) }, // a feed remembers what it wrote itself
	})
}

// state is the leads, without waiting for them.
func (w *journeyWorld) state() (*State, error) {
	if st := w.s.folder.state(); st != nil {
		return st, nil
	}
	return nil, errors.New("the state is being opened")
}

// changes takes what the feed has, and waits for nothing.
func (w *journeyWorld) changes(t tracker.TenantID, after uint64, limit int) ([]tracker.Change, error) {
	st, err := w.state()
	if err != nil {
		return nil, err
	}
	now, cancel := context.WithCancel(w.s.life)
	cancel()
	return st.Changes(now, journeyCaller, t, after, limit)
}

// seen is the last record whose effects leads show; not while a replay or a
// start hides some of them.
func (w *journeyWorld) seen(ctx context.Context) (uint64, bool) {
	st, err := w.s.folder.wait(ctx)
	if err != nil || !st.steady(ctx, actAgain) {
		return 0, false
	}
	return st.Seen(), true
}

var journeyCaller = tracker.Caller{Role: tracker.AdminRole, Key: "journeys"}

// person finds a lead. Whoever is not there any more is nil.
func (w *journeyWorld) person(t *tracker.Tenant, who tracker.LeadID) (*journey.Person, error) {
	st, err := w.state()
	if err != nil {
		return nil, err
	}
	opened := st.opened.Load()
	if anonymous, err := st.isAnonymous(t.ID, who); anonymous || err != nil {
		return nil, err
	}
	if err := st.present(w.s.life, t.ID, who); err != nil {
		return nil, err
	}
	l, err := st.Lead(journeyCaller, t.ID, who.String())
	if errors.Is(err, errNoLead) {
		if st != w.s.folder.state() || opened != st.opened.Load() || !st.steady(w.s.life, 0) {
			return nil, errors.New("a replay began meanwhile")
		}
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if l.ID.Kind == tracker.VisitorIdentity {
		return nil, nil
	}
	subjects, err := st.Subjects(journeyCaller, t.ID, l.ID.String())
	if errors.Is(err, errNoLead) || err == nil && len(subjects) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &journey.Person{
		Lead: l, Subject: subjects[0], Card: t.Ranking,
		Past:   func() ([]journey.Act, error) { return st.acts(t.ID, l.ID) },
		Offers: w.offered(st, t.ID, l.ID.String()),
	}, nil
}

// presentWait is how long a journey waits for a lead whose timer is due, and
// presentPoll how often it looks.
const (
	presentWait = time.Second
	presentPoll = 2 * time.Millisecond
)

// present waits until a lead's timer that is due has gone off. A click that has settled
// wakes the lead and the journey that waits for it at one moment; what the journey then
// does, a hand-off, is to know the score of now.
func (s *State) present(ctx context.Context, t tracker.TenantID, who tracker.LeadID) error {
	for end := time.Now().Add(presentWait); s.isDue(t, who) && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(presentPoll):
		}
	}
	return nil
}

// isDue says whether a lead is to be woken by time, and has not been.
func (s *State) isDue(t tracker.TenantID, who tracker.LeadID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l, err := s.find(t, who.String())
	if err != nil {
		return false // whoever asks for it next is told
	}
	b := l.Body.(*body)
	return b.wake != 0 && b.wake <= s.clock()
}

// isAnonymous says that an id is a visitor's of whom no more is known. Most events
// are such ones, and to look a visitor's lead up all that it did has to be read.
func (s *State) isAnonymous(t tracker.TenantID, who tracker.LeadID) (bool, error) {
	if who.Kind != tracker.VisitorIdentity {
		return false, nil
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	now, err := s.fold.Reader().Resolve(t, who)
	return now.Kind == tracker.VisitorIdentity, err
}

// acts are the events of a lead that a person did, as far as that shows now.
func (s *State) acts(t tracker.TenantID, id tracker.LeadID) ([]journey.Act, error) {
	_, es, err := s.history(t, id.String())
	if errors.Is(err, errNoLead) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	verdicts, err := clickVerdicts(es, s.clock())
	if err != nil {
		return nil, err
	}
	var out []journey.Act
	var e tracker.Event
	for i := range es {
		if err := es[i].Decode(&e); err != nil {
			return nil, err
		}
		_, judged := verdicts[e.Seq]
		if !judged && e.Counts() && !e.Machine.IsMachine() {
			out = append(out, journey.Act{Seq: e.Seq, Time: e.Time, Type: string(e.Type), Sent: sentTemplate(&e)})
		}
	}
	return out, nil
}

// sentTemplate is the name of the template that an event says was sent.
func sentTemplate(e *tracker.Event) string {
	if string(e.Type) != "email_sent" {
		return ""
	}
	v, _ := e.Find("template")
	name, _, _ := strings.Cut(string(v.Str), "@")
	return name
}

// library is what steps choose from that say content: by_interest.
func (w *journeyWorld) library(t tracker.TenantID) (lib *journey.Library, err error) {
	lib = &journey.Library{}
	row, err := w.s.registry.Topics(t)
	if err != nil {
		return nil, err
	}
	if v := row.Version(row.Current); v != nil {
		topics, err := scorecard.ParseTopics("topics.yaml", v.YAML)
		if err != nil {
			return nil, err // unreachable unless what was published is wrong
		}
		lib.Topics = topics.Names
	}
	lib.Contents, err = w.s.post.Contents(t)
	return lib, err
}

// begins names the journeys that a lead's entry into a band begins, as the card says.
func (w *journeyWorld) begins(t *tracker.Tenant, c *tracker.Change, l *tracker.Lead) (names []string, err error) {
	if !entered(c) {
		return nil, nil
	}
	w.mu.Lock()
	card, err := w.cards.card(t.ID, c.Card)
	w.mu.Unlock()
	if card == nil || err != nil {
		return nil, err
	}
	for i := range card.Bands {
		for k := range card.Bands[i].Actions {
			x := &card.Bands[i].Actions[k]
			if card.Bands[i].Name == c.NewBand && x.Do == "journey" && x.Holds(dimsOf(card, l)) {
				names = append(names, x.To)
			}
		}
	}
	return names, nil
}

// silent says why a telephone number gets no SMS any more; nil if it does.
func (w *journeyWorld) silent(t *tracker.Tenant, number string) (*tracker.MailSuppressed, error) {
	s, is, err := w.s.post.Suppressed(w.s.life, t, number)
	if !is || err != nil {
		return nil, err
	}
	return &s, nil
}

// next returns known leads behind one, in the order of their ids. The list is
// made when a sweep begins.
func (w *journeyWorld) next(t tracker.TenantID, after tracker.LeadID, limit int) ([]tracker.LeadID, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list, known := w.people[t]
	if !known || after.IsZero() {
		st, err := w.state()
		if err != nil {
			return nil, err
		}
		ids, err := st.leadIDs(w.s.life, t)
		if err != nil {
			return nil, err
		}
		list = slices.DeleteFunc(ids, func(id tracker.LeadID) bool { return id.Kind == tracker.VisitorIdentity })
	}
	i, found := slices.BinarySearchFunc(list, after, tracker.LeadID.Compare)
	if found {
		i++
	}
	out := slices.Clone(list[i:min(len(list), i+limit)])
	if w.people[t] = list; len(out) == 0 {
		delete(w.people, t)
	}
	return out, nil
}

// stepBody is what a destination is told of a step.
type stepBody struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Data      struct {
		Key     string            `json:"key"` // the same at every attempt
		Journey string            `json:"journey"`
		Step    string            `json:"step"`
		Phone   string            `json:"phone,omitempty"` // of an SMS
		Text    string            `json:"text,omitempty"`
		Lead    any               `json:"lead"`
		Links   map[string]string `json:"links"`
	} `json:"data"`
}

// do makes the intent that a step asks for.
func (w *journeyWorld) do(tx *storage.Tx, e *journey.Effect) (string, error) {
	l := e.Person.Lead
	id := outbox.NewID(e.Tenant.ID, l.ID, e.Key, e.Cause)
	if e.Step.Kind == journey.Message && e.Step.Channel == journey.ChannelOnsite {
		return w.show(tx, e, id.String())
	}
	if e.Step.Channel == journey.Paper { // it leaves when somebody exports it
		return id.String(), nil
	}
	in := outbox.Intent{Tenant: e.Tenant.ID, ID: id, Kind: string(e.Step.Kind), To: e.Step.To, Lead: l.ID, Subject: e.Person.Subject}
	var err error
	switch {
	case e.Step.Kind == journey.Handoff:
		in.Body, err = w.handoff(tx, e, id)
	case e.Step.Channel == journey.SMS:
		in.Kind = journey.SMS
		in.Body, err = w.tell(e, id, journey.SMS)
	case e.Step.Kind == journey.Message:
		fields := map[string]string{"journey": e.Journey.FullName()}
		offerFields(fields, e.Offer)
		in, err = w.s.mailIntent(&tracker.MailIntent{
			Tenant: e.Tenant.ID, Key: id.String(), Lead: l.ID, Template: e.Template, Purpose: purposeOf(e.Journey),
			Fields: fields,
		})
		id = in.ID
	default:
		in.Body, err = w.tell(e, id, e.Step.Type)
	}
	if err != nil || in.Body == nil {
		return "", err
	}
	in.Noted = true // with the step
	_, err = w.s.outbox.Enqueue(tx, &in)
	return id.String(), err
}

// purposeOf is what a journey's mails are sent for.
func purposeOf(j *journey.Journey) string {
	if j.Service {
		return tracker.MailTransactional
	}
	return tracker.MailMarketing
}

func (w *journeyWorld) tell(e *journey.Effect, id outbox.ID, typ string) ([]byte, error) {
	l := e.Person.Lead
	var b stepBody
	b.Type, b.Timestamp = typ, export.Time(e.Now)
	d := &b.Data
	d.Key, d.Journey, d.Step = id.String(), e.Journey.FullName(), e.Step.ID
	d.Phone, d.Text = e.Phone, e.Text
	d.Lead = export.Lead(l, e.Person.Card)
	base := w.s.publicURL()
	d.Links = map[string]string{
		"timeline": base + "/v1/leads/" + l.ID.String() + "/timeline",
		"page":     base + "/?tenant=" + e.Tenant.ID.String() + "#" + l.ID.String(),
	}
	out, err := json.Marshal(&b)
	if err == nil && len(out) > outbox.MaxBody { // somebody has very long attributes
		short := *l
		short.Attributes = map[string]any{}
		d.Lead = export.Lead(&short, e.Person.Card)
		out, err = json.Marshal(&b)
	}
	return out, err
}

// handoff puts the lead into the queue of sales, unless it stands there already,
// and returns what its destination is told.
func (w *journeyWorld) handoff(tx *storage.Tx, e *journey.Effect, id outbox.ID) ([]byte, error) {
	l, t := e.Person.Lead, e.Tenant
	open, err := w.s.handoffs.Open(tx, t.ID, e.Person.IDs(), e.Step.To)
	if open != "" || err != nil {
		return nil, err
	}
	c := tracker.Change{Time: e.Now, Lead: l.ID, Card: e.Journey.FullName(), NewScore: -1, Cause: "journey"}
	if sc := l.Scores[e.Person.Card]; sc != nil {
		c.Card, c.NewScore, c.NewBand, c.NewGrade = sc.Card, sc.Score, sc.Band, sc.Grade
	}
	h := tracker.Handoff{
		ID: id.String(), At: e.Now, Lead: l.ID, Card: c.Card, Band: c.NewBand, Grade: c.NewGrade, Score: c.NewScore,
		Cause: c.Cause, To: e.Step.To, Queue: e.Step.Queue, State: tracker.HandoffPending,
	}
	if e.Step.SLA > 0 {
		h.Due = h.At + e.Step.SLA
	}
	if err := w.s.handoffs.Add(tx, t.ID, &h); err != nil {
		return nil, err
	}
	return (&actor{s: w.s}).tell(t, &c, l, &h)
}
