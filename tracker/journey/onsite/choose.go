package onsite

import (
	"slices"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/journey"
	"ripen/wasm/scorecard"
)

// Ask is what a page says when it asks what to show.
type Ask struct {
	Path     string
	Language string       // of the page
	Visitor  tracker.Hash // zero = somebody who may not be known
	Denied   bool         // the person said no, or the browser for them
	Skip     []string     // names of messages that the browser has shown often enough
}

// leaseFor is how long what waits is given to no other page: the one that has it
// tells that it was shown, or was left before.
const leaseFor = 2 * 60_000

// waitsFor is how long a message waits for somebody who does not come.
const waitsFor = 90 * day

// Choose returns the answer to a page, as JSON: at most one message of those that
// stand on their own, and one chat.
func (s *Site) Choose(t *tracker.Tenant, a *Ask) ([]byte, error) {
	f, err := s.inForce(t.ID)
	if err != nil {
		return nil, err
	}
	c := &chooser{s: s, t: t, a: a, now: s.db.Now()}
	var list []*Message
	for _, m := range f.listed {
		if c.mayFit(m) {
			list = append(list, m)
		}
	}
	if len(list) == 0 {
		return answer(nil), nil
	}
	if err := c.meet(); err != nil {
		return nil, err
	}
	if err := c.waiting(f); err != nil {
		return nil, err
	}
	for _, m := range list {
		if err := c.consider(m); err != nil {
			return nil, err
		}
	}
	return answer(slices.DeleteFunc([]*Shown{c.one, c.chat}, func(s *Shown) bool { return s == nil })), nil
}

// chooser answers one page.
type chooser struct {
	s   *Site
	t   *tracker.Tenant
	a   *Ask
	now int64

	person *journey.Person     // nil = nobody, or not known yet
	ids    []tracker.LeadID    // all by which the person was seen
	seen   map[string]*seenRow // :: message → what they have seen of it
	waits  []wait

	one, chat *Shown // what was chosen
}

// place is where a message goes of what is chosen.
func (c *chooser) place(m *Message) **Shown {
	if m.Kind == Chat {
		return &c.chat
	}
	return &c.one
}

// consider chooses a message if it fits and its place is free. A chat that was
// opened often enough stays there for whoever wants it.
func (c *chooser) consider(m *Message) error {
	to := c.place(m)
	if m.Show.ByJourney || *to != nil {
		return nil
	}
	if m.personal() {
		if ok, err := c.chosen(m); err != nil || !ok {
			return err
		}
	}
	often := c.often(m) || slices.Contains(c.a.Skip, m.Name)
	if often && m.Kind != Chat {
		return nil
	}
	*to = m.in(c.a.Language)
	(*to).Quiet = often || (*to).Quiet
	return nil
}

// mayFit says whether a message fits the page, and what the person allows.
func (c *chooser) mayFit(m *Message) bool {
	matches := func(p string) bool { return scorecard.Glob([]byte(c.a.Path), p) }
	switch {
	case m.Show.Pages != nil && !slices.ContainsFunc(m.Show.Pages, matches), slices.ContainsFunc(m.Show.Except, matches):
		return false
	case c.a.Denied && (m.personal() || m.asks()):
		return false
	}
	return true
}

// meet finds who asks, and what they have seen.
func (c *chooser) meet() error {
	c.seen = map[string]*seenRow{}
	if c.a.Denied || c.a.Visitor.IsZero() {
		return nil
	}
	visitor := tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: c.a.Visitor}
	p, err := c.s.cfg.Person(c.t, visitor)
	if err != nil {
		return err
	}
	c.ids = []tracker.LeadID{visitor}
	if p != nil && !p.Lead.Consent.Denied() {
		c.person = p
		for _, i := range p.Lead.Identities {
			if id := (tracker.LeadID{Kind: i.Kind, Hash: i.Hash}); !slices.Contains(c.ids, id) {
				c.ids = append(c.ids, id)
			}
		}
	}
	return c.s.db.Meta().View(func(tx *storage.Tx) (err error) {
		r := rows{tx, c.t.ID}
		if c.person != nil {
			if c.waits, err = r.waiting(c.person.IDs()); err != nil {
				return err
			}
		}
		for _, id := range c.ids {
			if err := r.saw(id, c.seen); err != nil {
				return err
			}
		}
		return nil
	})
}

// mayMarket says whether somebody may be shown what was chosen for them.
func (c *chooser) mayMarket(m *Message) bool {
	return c.person != nil && (m.Service || c.person.Lead.Consent.Of(tracker.Marketing) < tracker.Refused)
}

// chosen says whether what is known of the person is what a message asks for.
func (c *chooser) chosen(m *Message) (bool, error) {
	if !c.mayMarket(m) {
		return false, nil
	}
	if m.Show.Segment != "" {
		is, err := c.s.cfg.Belongs(c.t.ID, c.person.IDs(), m.Show.Segment)
		if err != nil || !is {
			return false, err
		}
	}
	ok, _, err := m.Show.When.Holds(c.person, c.now)
	return ok, err
}

// sessionGap ends a session.
const sessionGap = 30 * 60_000

// often says whether the caps are full.
func (c *chooser) often(m *Message) bool {
	row := c.seen[m.Name]
	if row == nil {
		return false
	}
	within := func(span int64) (n int) {
		for _, at := range row.Shown {
			if at > c.now-span {
				n++
			}
		}
		return n
	}
	answered := row.Answered > 0 && (m.Cap.Again == againNever || m.Cap.Again > 0 && row.Answered+m.Cap.Again > c.now)
	return answered || within(m.Cap.Per) >= m.Cap.Most || within(sessionGap) >= m.Cap.Session
}

// waiting chooses of what waits for the person the first that fits the page, and
// lends it to this page.
func (c *chooser) waiting(f *inForce) error {
	for _, w := range c.waits {
		m := f.named(w.Name)
		if m == nil || w.At+waitsFor < c.now || *c.place(m) != nil || !c.mayFit(m) || slices.Contains(c.a.Skip, w.id) {
			continue
		}
		ok, err := c.chosen(m)
		if err != nil {
			return err
		}
		if ok && c.s.lend(w.id, c.now) {
			out := m.in(c.a.Language)
			out.ID, out.Quiet = w.id, false
			*c.place(m) = out
		}
	}
	return nil
}

// lend gives what waits to one page at a time.
func (s *Site) lend(id string, now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, until := range s.leases {
		if until <= now {
			delete(s.leases, k)
		}
	}
	if s.leases[id] > now {
		return false
	}
	s.leases[id] = now + leaseFor
	return true
}
