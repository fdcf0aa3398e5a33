package journey

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// simulation walks what happened through a journey that may not be in force.
// Nothing is written, nothing leaves. Leads are walked one after the other, each
// in the order of its own time; attributes are today's.
type simulation struct {
	e     *Engine
	t     *tracker.Tenant
	j     *Journey
	since int64
	now   int64
	lang  string                   // of the notes
	found map[tracker.LeadID][]job // :: an identity → what happened
	out   *tracker.JourneySimulation

	library *Library // nil until a step chooses from it
}

// gone is what a lead would have been sent so far.
type gone struct {
	at        map[string][]int64 // :: channel → when
	templates []string
}

// simulateMost is how many things that happened are looked at.
const simulateMost = 1_000_000

// Simulate walks what happened since a moment through the draft of a journey, or
// the version in force if there is none.
func (e *Engine) Simulate(ctx context.Context, t *tracker.Tenant, name string, since int64, lang string) (*tracker.JourneySimulation, error) {
	d, err := e.Doc(t.ID, Journeys, name)
	if err != nil {
		return nil, err
	}
	src, version := d.Draft, name+"@draft"
	if v := d.Version(d.Current); v != nil && (src == nil || string(src) == string(v.YAML)) {
		src, version = v.YAML, fmt.Sprintf("%s@%d", name, v.Version)
	}
	j, err := Parse(name+".yaml", src)
	if err != nil {
		return nil, invalid(Journeys, err.Error())
	}
	return e.simulate(ctx, t, j, version, since, lang)
}

func (e *Engine) simulate(ctx context.Context, t *tracker.Tenant, j *Journey, version string, since int64, lang string) (*tracker.JourneySimulation, error) {
	s := &simulation{e: e, t: t, j: j, since: since, now: e.db.Now(), lang: lang, found: map[tracker.LeadID][]job{}}
	s.out = &tracker.JourneySimulation{
		Journey: version, Since: instant(since), Until: instant(s.now), Messages: map[string]int{}, Offers: map[string]int{}, Notes: []string{},
		Tally: tracker.JourneyTally{Ended: map[string]int{}, Steps: map[string]int{}, Answers: map[string]map[string]int{}},
	}
	for _, x := range j.triggers() {
		if x.Segment != "" {
			s.note("who entered the segment "+x.Segment+" when is not known of the past: nobody does here",
				"de lo pasado no se sabe quién entró cuándo en el segmento "+x.Segment+": aquí no entra nadie")
		}
	}
	if err := s.lacks(); err != nil {
		return nil, err
	}
	if err := s.changes(); err != nil {
		return nil, err
	}
	if err := s.events(ctx); err != nil {
		return nil, err
	}
	return s.out, s.walkAll(ctx)
}

func (s *simulation) note(en, es string) {
	s.out.Notes = append(s.out.Notes, tracker.Words{EN: en, ES: es}.In(s.lang))
}

// lacks notes what the journey needs and the tenant has not, and what is not known
// of the past.
func (s *simulation) lacks() error {
	list, err := s.e.lacks(s.t.ID, s.j)
	for _, c := range list {
		if !c.OK {
			s.out.Notes = append(s.out.Notes, c.Name.In(s.lang)+": "+c.Fix.In(s.lang))
		}
	}
	needs := s.j.Offers()
	s.j.needed(func(string, string) { needs = true })
	if needs {
		s.note("topics, and the table of offers, are as they are known today", "los temas y la tabla de ofertas son los de hoy")
	}
	if slices.ContainsFunc(s.j.Steps, func(x *Step) bool { return x.Pick != nil }) {
		s.note("contents are chosen by today's interests from today's library", "los contenidos se eligen por los intereses de hoy, de la biblioteca de hoy")
	}
	if slices.ContainsFunc(s.j.Steps, func(x *Step) bool { return x.Send != nil }) {
		s.note("when leads read is as it is known today", "cuándo leen los leads es lo que se sabe hoy")
	}
	return err
}

func (s *simulation) content() (lib *Library, err error) {
	if s.library == nil {
		if s.library, err = s.e.cfg.Library(s.t.ID); err != nil {
			s.library = nil
		}
	}
	return s.library, err
}

// changes collects what the feed tells.
func (s *simulation) changes() error {
	for from := uint64(0); ; {
		list, err := s.e.cfg.Changes(s.t.ID, from, 1000)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			if c := &list[i]; c.Time >= s.since && c.Lead.Kind != tracker.VisitorIdentity {
				s.found[c.Lead] = append(s.found[c.Lead], job{lead: c.Lead, change: c})
			}
		}
		from = list[len(list)-1].Seq
	}
}

// events collects what the log tells, of what the journey looks at.
func (s *simulation) events(ctx context.Context) error {
	f := &inForce{docs: map[string]*tracker.JourneyDoc{s.j.Name: {}}, parsed: map[string]map[int]*Journey{s.j.Name: {0: s.j}}}
	f.listen()
	if len(f.events) == 0 {
		return nil
	}
	first, err := s.e.log.First(ctx, 0)
	if err != nil {
		return err
	}
	n := 0
	err = s.e.log.Read(ctx, 0, first, func(recs []storage.Record) error {
		for i := range recs {
			if recs[i].Tenant != s.t.ID || recs[i].Received < s.since {
				continue
			}
			jobs, err := s.e.hear(f, &recs[i])
			if err != nil {
				return err
			}
			for _, j := range jobs {
				if j.event == nil || j.erase != nil || byProxy(j.event) {
					continue
				}
				if n++; n > simulateMost {
					s.note(fmt.Sprintf("only the first %d events were looked at: begin later", simulateMost),
						fmt.Sprintf("solo se han mirado los primeros %d eventos: empieza más tarde", simulateMost))
					return storage.ErrStop
				}
				s.found[j.lead] = append(s.found[j.lead], job{lead: j.lead, event: j.event})
			}
		}
		return ctx.Err()
	})
	if errors.Is(err, storage.ErrStop) {
		err = nil
	}
	return err
}

// walkAll walks one lead after the other: first those whose events name them by
// another identity than they have now are put together.
func (s *simulation) walkAll(ctx context.Context) error {
	ids := slices.SortedFunc(maps.Keys(s.found), func(a, b tracker.LeadID) int { return -a.Compare(b) }) // weakest first
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		jobs := s.found[id]
		delete(s.found, id)
		p, err := s.e.cfg.Person(s.t, id)
		switch {
		case err != nil:
			return err
		case p == nil:
		case p.Lead.ID != id && p.Lead.ID.Compare(id) < 0:
			s.found[p.Lead.ID] = append(s.found[p.Lead.ID], jobs...)
			if !slices.Contains(ids, p.Lead.ID) {
				if err := s.walk(p, s.found[p.Lead.ID]); err != nil {
					return err
				}
				delete(s.found, p.Lead.ID)
			}
		default:
			if err := s.walk(p, jobs); err != nil {
				return err
			}
		}
	}
	return nil
}

// walk walks one lead.
func (s *simulation) walk(p *Person, jobs []job) error {
	s.out.Leads++
	if s.j.Sends(SMS) {
		if err := s.e.hush(s.t, p); err != nil {
			return err
		}
	}
	at := func(j job) int64 {
		if j.change != nil {
			return j.change.Time
		}
		return j.event.Time
	}
	slices.SortStableFunc(jobs, func(a, b job) int { return cmp.Compare(at(a), at(b)) })
	st := &stand{lead: p.Lead.ID, name: s.j.Name}
	sent := gone{at: map[string][]int64{}}
	for i := range jobs {
		now := max(at(jobs[i]), s.since)
		if err := s.pass(p, st, now, &sent); err != nil {
			return err
		}
		h := &happening{job: &jobs[i], person: p, now: now}
		begins, err := s.e.begins(s.t, h)
		if err != nil {
			return err
		}
		h.moved = begins
		if c := jobs[i].change; c != nil && h.isRanking() {
			p.standing = &standing{c.NewScore, c.NewBand, c.NewGrade}
		}
		if err := s.happens(h, st, &sent); err != nil {
			return err
		}
	}
	return s.pass(p, st, s.now, &sent)
}

// pass lets time pass for a lead.
func (s *simulation) pass(p *Person, st *stand, until int64, sent *gone) error {
	for n := 0; st.open() && st.Due != 0 && st.Due <= until && n < 10*stepsMax; n++ {
		if err := s.step(p, st, st.Due, sent, (*walker).wake); err != nil {
			return err
		}
	}
	return nil
}

func (s *simulation) step(p *Person, st *stand, now int64, sent *gone, do func(*walker) error) error {
	wasOpen, t := st.open(), &s.out.Tally
	err := do(&walker{
		j: s.j, p: &st.place, q: p, now: now,
		do: func(x *Effect) (string, error) {
			t.Steps[x.Step.ID+" "+string(x.Step.Kind)]++
			if x.Step.Kind == Message {
				s.out.Messages[cmp.Or(x.Template, x.Step.Channel+" "+x.Step.ID)]++
				if x.Offer != nil {
					s.out.Offers[x.Offer.Kind+" "+x.Offer.Product]++
				}
			}
			return "", nil
		},
		say: func(note) {}, sent: func(channel string) []int64 { return sent.at[channel] },
		leaves: func(channel, template string) {
			sent.at[channel], sent.templates = append(sent.at[channel], now), append(sent.templates, template)
		},
		library: s.content,
		had:     func(template string) (bool, error) { return slices.Contains(sent.templates, template), nil },
	})
	if err == nil {
		tell(t, st, wasOpen)
	}
	return err
}

// happens lets a lead meet one thing, as meet and letIn do.
func (s *simulation) happens(h *happening, st *stand, sent *gone) error {
	w := &world{t: s.t, now: h.now, simulated: func(p *Person, _ *Journey, st *stand, do func(*walker) error) error {
		return s.step(p, st, h.now, sent, do)
	}, f: &inForce{parsed: map[string]map[int]*Journey{s.j.Name: {s.j.Version: s.j}}}}
	st.Version = s.j.Version
	if err := w.meet(h, st); err != nil {
		return err
	}
	return w.letIn(h, s.j, []*stand{st})
}
