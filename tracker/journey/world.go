package journey

import (
	"slices"

	"ripen/tracker"
)

// world is one transaction in which things happen to leads of one tenant.
type world struct {
	e    *Engine
	t    *tracker.Tenant
	f    *inForce
	rows *rows
	now  int64
	// known is where leads stand that were met in this transaction.
	known map[tracker.LeadID][]*stand
	// library is nil until a step chooses from it.
	library *Library
	// simulated walks instead, if it is not nil.
	simulated func(p *Person, j *Journey, s *stand, do func(*walker) error) error
}

func (w *world) flush() error { return w.rows.flush() }

// one does one job. Somebody who is gone is forgotten.
func (w *world) one(p *Person, j *job) error {
	switch {
	case j.erase != nil:
		return w.forget(j.erase)
	case p == nil && j.due != nil:
		return w.forget([]tracker.LeadID{j.lead})
	case p == nil:
		return nil
	case j.due == nil || j.due.kind != dueClick:
		return w.job(p, j)
	case j.due.name == "":
		return w.later(p, j)
	}
	if ok, err := settled(p, j.event); err != nil || !ok {
		return err
	}
	return w.job(p, j)
}

func (w *world) forget(ids []tracker.LeadID) error {
	for _, id := range ids {
		delete(w.known, id)
	}
	return w.rows.forget(ids)
}

// job lets something happen to somebody: segments first, then the journeys they
// are in, then those that they enter.
func (w *world) job(p *Person, j *job) error {
	if j.event != nil {
		if err := w.answered(p, j.event); err != nil || byProxy(j.event) {
			return err
		}
	}
	stands, err := w.stands(p)
	if err != nil {
		return err
	}
	h := happening{job: j, person: p, now: w.now}
	if h.moved, err = w.e.begins(w.t, &h); err != nil {
		return err
	}
	if h.entered, err = w.segments(p, j); err != nil {
		return err
	}
	if j.due != nil && j.due.kind == dueStep {
		return w.wake(p, stands, j.due)
	}
	for i := range stands {
		if err := w.meet(&h, stands[i]); err != nil {
			return err
		}
	}
	for _, jn := range w.f.listed {
		if err := w.letIn(&h, jn, stands); err != nil {
			return err
		}
	}
	return nil
}

// stands returns where somebody stands, under the name they have now. Of two
// places in one journey, which a merge brought together, the one that is under
// way stays.
func (w *world) stands(p *Person) ([]*stand, error) {
	if list, met := w.known[p.Lead.ID]; met {
		return list, nil
	}
	all, err := w.rows.places(p.IDs())
	if err != nil {
		return nil, err
	}
	for _, old := range p.Lead.Superseded {
		if err := w.quit(old); err != nil {
			return nil, err
		}
	}
	moved := slices.ContainsFunc(all, func(o stand) bool { return o.lead != p.Lead.ID })
	var out []*stand
	for i := range all {
		s := &all[i]
		if s.lead != p.Lead.ID {
			if err := w.rows.drop(leadKey(rowPlace, s.lead, s.name)); err != nil {
				return nil, err
			}
			if err := w.rows.drop(dueKey(s.Due, s.lead, dueStep, s.name)); err != nil {
				return nil, err
			}
			s.lead = p.Lead.ID
		}
		k := slices.IndexFunc(out, func(o *stand) bool { return o.name == s.name })
		if k < 0 {
			out = append(out, s)
			k = len(out) - 1
		} else if keep := out[k]; s.open() && (!keep.open() || s.Entered < keep.Entered) {
			s.Entry = max(s.Entry, keep.Entry)
			s.join(&keep.trial)
			if err := w.merged(keep); err != nil {
				return nil, err
			}
			out[k] = s
		} else {
			keep.join(&s.trial)
			if err := w.merged(s); err != nil {
				return nil, err
			}
		}
		if moved {
			if err := w.rows.save(out[k], 0); err != nil {
				return nil, err
			}
		}
	}
	w.known[p.Lead.ID] = out
	return out, nil
}

// quit takes a name that somebody had out of all segments: they belong under the
// name they have now.
func (w *world) quit(old tracker.LeadID) error {
	prefix := leadKey(rowMember, old, "")
	var drop [][]byte
	err := w.rows.scan(prefix, func(k, v []byte) error {
		name, m := string(k[len(prefix):]), parseMember(v)
		drop = append(drop, slices.Clone(k), memberKey(name, old), dueKey(m.next, old, dueSegment, name))
		if m.since == 0 {
			return nil
		}
		t, err := w.rows.count(segmentTally(name))
		if err != nil {
			return err
		}
		t.Active--
		t.Ended["merged"]++
		return nil
	})
	for _, k := range drop {
		if err == nil {
			err = w.rows.drop(k)
		}
	}
	return err
}

// merged counts a place that gave way to another of the same person.
func (w *world) merged(s *stand) error {
	if !s.open() {
		return nil
	}
	if err := w.rows.drop(dueKey(s.Due, s.lead, dueStep, s.name)); err != nil {
		return err
	}
	j := w.f.version(s.name, s.Version)
	if j == nil {
		return nil
	}
	t, err := w.rows.count(j.FullName())
	if err != nil {
		return err
	}
	t.Active--
	t.Ended["merged"]++
	return nil
}

// walk makes what takes a lead along, and what stores where it ends.
func (w *world) walk(p *Person, j *Journey, s *stand, do func(*walker) error) error {
	if w.simulated != nil {
		return w.simulated(p, j, s, do)
	}
	was, wasOpen := s.Due, s.open()
	var failed error
	note1 := func(n note) {
		n.Journey = j.FullName()
		if err := w.rows.say(s.lead, &noteRow{At: w.now, note: n}); err != nil {
			failed = err
		}
	}
	t, err := w.rows.count(j.FullName())
	if err != nil {
		return err
	}
	k := &walker{
		j: j, p: &s.place, q: p, now: w.now,
		do:  func(x *Effect) (string, error) { return w.do(x, t) },
		say: note1,
		sent: func(channel string) []int64 {
			list, err := w.rows.sent(p.IDs(), channel)
			if err != nil {
				failed = err
			}
			return list
		},
		leaves: func(channel, template string) {
			if err := w.rows.leaves(p.Lead.ID, channel, template, w.now); err != nil {
				failed = err
			}
		},
		library: w.content,
		had:     func(template string) (bool, error) { return w.had(p, template) },
	}
	if err := do(k); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	tell(t, s, wasOpen)
	return w.rows.save(s, was)
}

// do does what a step asks for, and counts it.
func (w *world) do(x *Effect, t *tracker.JourneyTally) (id string, err error) {
	x.Tenant = w.t
	if x.Step.Kind == Set {
		err = w.setting(x)
	} else {
		id, err = w.e.cfg.Do(w.rows.tx, x)
	}
	if err == nil && x.Step.Channel == SMS {
		err = w.texted(x, id)
	}
	if err == nil && x.Step.Channel == Paper {
		err = w.posted(x, id)
	}
	if err == nil {
		t.Steps[x.Step.ID+" "+string(x.Step.Kind)]++
		err = w.ask(x, id)
	}
	return id, err
}

// content reads the library, once for a transaction.
func (w *world) content() (*Library, error) {
	if w.library == nil {
		lib, err := w.e.cfg.Library(w.t.ID)
		if err != nil {
			return nil, err
		}
		w.library = lib
	}
	return w.library, nil
}

// had says whether somebody was sent a template: by a journey, which may be on its
// way still, or by whoever else said so in the log.
func (w *world) had(p *Person, template string) (bool, error) {
	had, err := w.rows.had(p.IDs(), template)
	if had || err != nil {
		return had, err
	}
	acts, err := p.past()
	return slices.ContainsFunc(acts, func(a Act) bool { return a.Sent == template }), err
}

// tell counts what a walk did to a place.
func tell(t *tracker.JourneyTally, s *stand, wasOpen bool) {
	if !wasOpen { // it entered
		t.Entered++
		t.Active++
		if s.Held {
			t.HoldOut++
		}
	}
	if s.open() {
		return
	}
	t.Active--
	t.Ended[s.Why]++
	if s.Why == whyGoal {
		t.Goal++
		if s.Held {
			t.HoldGoal++
		}
	}
}

// wake goes on where somebody's step is due.
func (w *world) wake(p *Person, stands []*stand, d *due) error {
	i := slices.IndexFunc(stands, func(s *stand) bool { return s.name == d.name })
	if i < 0 || !stands[i].open() || stands[i].Due == 0 || stands[i].Due > w.now {
		return nil
	}
	s := stands[i]
	j, err := w.migrate(s)
	if j == nil || err != nil {
		return err
	}
	return w.walk(p, j, s, (*walker).wake)
}

// migrate returns the version that a lead walks, after moving it to the one in
// force if that was asked for and has its step.
func (w *world) migrate(s *stand) (*Journey, error) {
	d := w.f.docs[s.name]
	j := w.f.version(s.name, s.Version)
	if d == nil || s.Version >= d.Migrated || !s.open() {
		return j, nil
	}
	to := w.f.version(s.name, d.Current)
	if to == nil || to == j {
		return j, nil
	}
	if step, _ := to.step(s.Step); step == nil {
		return j, nil
	}
	for name, n := range map[string]int{j.FullName(): -1, to.FullName(): 1} {
		t, err := w.rows.count(name)
		if err != nil {
			return nil, err
		}
		t.Active += n
		t.Entered += max(n, 0)
		t.Ended["migrated"] += max(-n, 0)
	}
	s.Version = d.Current
	return to, nil
}

// meet lets a place meet what happened: the goal first, then what else ends it,
// then what it waits for.
func (w *world) meet(h *happening, s *stand) error {
	if !s.open() {
		return w.watch(h, s)
	}
	j, err := w.migrate(s)
	if j == nil || err != nil {
		return err
	}
	goal, err := h.pulls(j.Goal)
	if err != nil {
		return err
	}
	leave, err := h.pulls(j.Leave)
	if err != nil {
		return err
	}
	move := j.move(h)
	step, i := j.step(s.Step)
	waited := false
	if step != nil && step.Until != nil && !s.Put && !s.Held {
		if waited, err = h.pulls(step.Until); err != nil {
			return err
		}
	}
	switch {
	case goal:
		return w.walk(h.person, j, s, func(k *walker) error { k.end(whyGoal, h.at()); return nil })
	case leave:
		return w.walk(h.person, j, s, func(k *walker) error { k.end(whyLeft, h.at()); return nil })
	case move != "":
		h.moved = append(h.moved, move)
		return w.walk(h.person, j, s, func(k *walker) error { k.end(whyMoved, h.at()); return nil })
	case waited:
		return w.walk(h.person, j, s, func(k *walker) error {
			k.say(note{Step: step.ID, What: "goes on", Detail: h.what()})
			return k.run(j.after(i), h.at())
		})
	}
	return nil
}

// move is the journey that a lead goes over to.
func (j *Journey) move(h *happening) string {
	c := h.job.change
	if c == nil || !h.isRanking() || c.NewBand == c.OldBand {
		return ""
	}
	for _, m := range j.Moves {
		if m.Band == c.NewBand {
			return m.To
		}
	}
	return ""
}

// letIn begins a journey for a lead, if what happened is what it begins with.
func (w *world) letIn(h *happening, j *Journey, stands []*stand) error {
	moved := slices.Contains(h.moved, j.Name)
	enters, err := h.enters(j)
	if err != nil || !enters && !moved {
		return err
	}
	s := &stand{lead: h.person.Lead.ID, name: j.Name}
	i := slices.IndexFunc(stands, func(o *stand) bool { return o.name == j.Name })
	if i >= 0 {
		s = stands[i]
	}
	switch {
	case s.open():
		return nil
	case s.Entry > 0 && j.Again == againNever:
		return nil
	case s.Entry > 0 && w.now < s.Ended+max(j.Again, 0):
		return nil
	case s.Entry > 0 && h.at() < s.Entered: // it happened before: it is only told now
		return nil
	}
	ok, _, err := j.If.Holds(h.person, w.now)
	if err != nil || !ok {
		return err
	}
	if i < 0 && w.known != nil {
		w.known[s.lead] = append(w.known[s.lead], s)
	}
	return w.walk(h.person, j, s, func(k *walker) error { return k.enter(h.at()) })
}
