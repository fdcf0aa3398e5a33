package server

import (
	"context"
	"slices"

	"ripen/tracker"
	"ripen/tracker/score"
)

// all lets every lead be walked and forgets those that are gone. mu is held, as
// in all that follows.
func (sh *shadow) all(ctx context.Context) error {
	ids, err := sh.s.leadIDs(ctx, sh.tenant)
	if err != nil {
		return err
	}
	if sh.beyond = max(len(ids)-shadowMost, 0); sh.beyond > 0 {
		slices.SortFunc(ids, bySample)
		ids = slices.Clip(ids[:shadowMost])
		slices.SortFunc(ids, tracker.LeadID.Compare)
	}
	for id := range sh.leads {
		if _, is := slices.BinarySearchFunc(ids, id, tracker.LeadID.Compare); !is {
			sh.forget(id)
		}
	}
	sh.queue = ids
	return nil
}

// fill lets those leads be walked that were touched, then those whose moment has
// come.
func (sh *shadow) fill(ctx context.Context) error {
	sh.noted.Lock()
	some, lost := sh.touched, sh.lost
	sh.touched, sh.lost = sh.spare, false
	sh.noted.Unlock()
	sh.spare = some
	defer clear(some)
	if lost {
		return sh.all(ctx)
	}
	sh.queue = nil
	for id := range some {
		sh.queue = append(sh.queue, id)
	}
	for now := sh.s.clock(); len(sh.queue) < simulateMost; {
		id, at, ok := sh.timers.Due(now)
		if !ok {
			break
		}
		sh.timers.Move(id, at, 0)
		e := sh.leads[id]
		e.next = 0
		sh.leads[id] = e
		sh.queue = append(sh.queue, id)
	}
	return nil
}

// walk walks the first leads of the queue.
func (sh *shadow) walk() error {
	sh.m.at = sh.s.clock()
	some, n, err := sh.m.take(sh.queue[:min(len(sh.queue), simulateMost)])
	if err != nil {
		return err
	}
	left := some // take keeps the order
	for _, id := range sh.queue[:n] {
		if len(left) > 0 && left[0].id == id {
			left = left[1:]
		} else {
			sh.forget(id)
		}
	}
	sh.queue = sh.queue[n:]
	return sh.m.score(some, sh.keep)
}

// forget forgets a lead that is gone.
func (sh *shadow) forget(id tracker.LeadID) {
	sh.timers.Move(id, sh.leads[id].next, 0)
	delete(sh.leads, id)
}

// keep keeps what is counted of a lead.
func (sh *shadow) keep(one *simulated, after *score.State) {
	was, known := sh.leads[one.id]
	if !known && len(sh.leads) >= shadowMost {
		sh.beyond++
		return
	}
	o := sh.m.outline(one, after)
	e := shadowed{
		next: sh.m.walk.Next(), actions: o.actions, before: int8(min(o.before, 100)), after: int8(min(o.after, 100)),
		from: sh.bands.Index(o.from), to: sh.bands.Index(o.to), why: sh.reason(o.why), unscored: o.unscored,
	}
	sh.timers.Move(one.id, was.next, e.next)
	sh.leads[one.id] = e
	sh.walks++
}

// reason numbers what went wrong; what is one too many is told by the last.
func (sh *shadow) reason(why string) uint8 {
	if why == "" {
		return 0
	}
	i := slices.Index(sh.whys, why)
	if i < 0 && len(sh.whys) == reasonsMost {
		why = otherReasons
		i = slices.Index(sh.whys, why)
	}
	if i < 0 {
		i = len(sh.whys)
		sh.whys = append(sh.whys, why)
	}
	return uint8(i + 1)
}

func (sh *shadow) outline(e *shadowed) outline {
	o := outline{
		before: int(e.before), after: int(e.after), from: sh.bands.Name(e.from), to: sh.bands.Name(e.to),
		actions: e.actions, unscored: e.unscored,
	}
	if e.why > 0 {
		o.why = sh.whys[e.why-1]
	}
	return o
}

// tally counts what is kept. The leads that move furthest are walked once more,
// for their reasons.
func (sh *shadow) tally() (*tally, error) {
	t := &tally{}
	t.begin(sh.m)
	none := score.State{Null: true}
	for id, e := range sh.leads {
		o := sh.outline(&e)
		t.count(&o, &simulated{id: id, before: none}, &none)
	}
	sh.m.at = sh.s.clock()
	var err error
	if t.risers, err = sh.explain(t.risers); err == nil {
		t.fallers, err = sh.explain(t.fallers)
	}
	return t, err
}

// explain lets movers show where they stand. One that is gone meanwhile is left
// out.
func (sh *shadow) explain(list []mover) (out []mover, err error) {
	for i := range list {
		some, _, err := sh.m.take([]tracker.LeadID{list[i].id})
		if err == nil {
			err = sh.m.score(some, func(one *simulated, after *score.State) {
				q := mover{simulated: *one, by: list[i].by}
				q.hold(after)
				out = append(out, q)
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
