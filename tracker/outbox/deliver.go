package outbox

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// placeKey names a destination of a tenant.
type placeKey struct {
	tenant tracker.TenantID
	name   string
}

// place is what is known of a destination while it is running. After a start
// nothing is: it is tried, and found out again.
type place struct {
	flying   map[tracker.LeadID]struct{} // leads whose first intent is being sent
	failures int                         // of the place itself, in a row
	until    int64                       // nothing is sent before, unix ms
	hurry    int64                       // what was put off before this is due now; 0 = nothing
}

// delivery is one attempt at one intent.
type delivery struct {
	id   ID
	lead tracker.LeadID
	at   int64 // unix ms
	hook *tracker.Webhook
	body []byte
}

// result is how an attempt ended.
type result struct {
	outcome string
	status  int
	detail  string
	after   time.Duration // the destination wants to be left alone for so long
	gone    bool          // it wants no more of this

	// Of a channel, which says itself what an answer means.
	channel bool
	places  bool // the place failed, not this one intent
	ended   bool // it is not to leave any more
}

// isPlaces says that the place failed, not that it refused this one intent.
func (r *result) isPlaces() bool {
	if r.channel {
		return r.places
	}
	switch r.outcome {
	case tracker.OutcomeUnreachable, tracker.OutcomeUnknown:
		return true
	case tracker.OutcomeRefused:
		return r.status >= 500 || r.status == 429 || r.status == 408
	}
	return false
}

// lookAgain is how long Run rests at most.
const lookAgain = int64(time.Minute / time.Millisecond)

// sendDue begins every attempt that is due and that its place has room for. It
// returns when to look again, unix ms.
func (o *Outbox) sendDue(ctx, sending context.Context) int64 {
	now := o.db.Now()
	next := now + lookAgain
	for _, t := range o.cfg.Tenants() {
		for _, hook := range o.placesOf(t.ID) {
			if ctx.Err() != nil {
				return next
			}
			at, err := o.sendTo(sending, t.ID, hook, now)
			if err != nil {
				o.slog.Error("outbox: look for what is due", "tenant", t.ID, "to", hook.Name, "err", err)
				at = now + lookAgain
			}
			next = min(next, at)
		}
	}
	return next
}

// sendTo begins what is due at one place and returns when to look at it again.
func (o *Outbox) sendTo(sending context.Context, t tracker.TenantID, hook *tracker.Webhook, now int64) (int64, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	p := o.place(placeKey{t, hook.Name})
	if p.until > now {
		return p.until, nil
	}
	room := hook.Concurrency - len(p.flying)
	if p.failures > 0 { // one alone finds out whether it is back
		room = 1 - len(p.flying)
	}
	if room <= 0 {
		return now + lookAgain, nil // who lands rings
	}
	list, next, err := o.dueAt(t, hook.Name, p, now, room)
	if err != nil {
		return 0, err
	}
	for _, d := range list {
		p.flying[d.lead] = struct{}{}
		o.flying.Go(func() { o.deliver(sending, t, hook, d) })
	}
	return next, nil
}

// place is called with mu held.
func (o *Outbox) place(k placeKey) *place {
	p := o.places[k]
	if p == nil {
		p = &place{flying: make(map[tracker.LeadID]struct{})}
		o.places[k] = p
	}
	return p
}

// dueAt returns up to room first intents that are due at a place, and when the
// next one is. mu is held.
func (o *Outbox) dueAt(t tracker.TenantID, name string, p *place, now int64, room int) (list []due, next int64, err error) {
	next = now + lookAgain
	at := placeOf(name)
	prefix := append([]byte{rowDue}, at[:]...)
	all := false
	err = o.meta.View(func(tx *storage.Tx) error {
		return rows{tx, t}.scan(prefix, nil, func(k, v []byte) error {
			d, err := parseDue(k, v)
			if err != nil {
				return err
			}
			if _, flies := p.flying[d.lead]; flies {
				return nil
			}
			if d.at > now && (p.hurry == 0 || d.set >= p.hurry) {
				next = min(next, d.at)
				if p.hurry == 0 {
					return storage.ErrStop
				}
				return nil
			}
			if len(list) == room {
				all = true
				return storage.ErrStop
			}
			list = append(list, d)
			return nil
		})
	})
	if !all && len(list) == 0 {
		p.hurry = 0 // all that was put off has been tried
	}
	return list, next, err
}

// deliver makes one attempt at an intent. Where a write fails it waits: what
// was not written down is not sent, and what was sent is written down.
func (o *Outbox) deliver(ctx context.Context, t tracker.TenantID, hook *tracker.Webhook, d due) {
	land := func(change func(p *place)) {
		o.mu.Lock()
		p := o.place(placeKey{t, hook.Name})
		delete(p.flying, d.lead)
		change(p)
		o.mu.Unlock()
		o.Wake()
	}
	one := &delivery{id: d.id, lead: d.lead, hook: hook, at: o.db.Now()}
	begun, err := o.begin(t, one)
	if err != nil || !begun {
		if err != nil {
			o.slog.Error("outbox: nothing is sent until an attempt can be written down", "tenant", t, "intent", d.id, "err", err)
		}
		land(func(p *place) {
			if err != nil {
				p.until = o.db.Now() + o.cfg.again().Milliseconds()
			}
		})
		return
	}
	started := time.Now()
	res := o.attempt(ctx, t, one)
	took := time.Since(started).Milliseconds()
	for {
		err := o.commit(func(tx *storage.Tx) error { return o.end(tx, t, one, &res, took) })
		if err == nil {
			break // the commit point: from here on the outcome is known
		}
		o.slog.Error("outbox: the outcome of an attempt cannot be written down", "tenant", t, "intent", d.id, "err", err)
		select {
		case <-ctx.Done(): // the next process takes it for unknown
			land(func(*place) {})
			return
		case <-time.After(o.cfg.again()):
		}
	}
	o.cfg.Count(res.outcome)
	land(func(p *place) { p.learn(&res, o.db.Now()) })
}

// failuresMost is how many failures in a row a place may have before it is left
// alone for a while: a few intents may be bad ones.
const failuresMost = 4

// learn takes what an attempt says of its place.
func (p *place) learn(res *result, now int64) {
	if res.outcome == tracker.OutcomePutOff {
		return
	}
	if !res.isPlaces() {
		if p.failures > failuresMost {
			p.hurry = now + 1 // it was away and is back: what was put off goes at once
		}
		p.failures, p.until = 0, 0
		return
	}
	p.failures++
	if over := p.failures - failuresMost; over > 0 {
		pause := min(5*time.Second<<min(over-1, 10), 5*time.Minute)
		p.until = now + jitter(pause)
	}
	if res.after > 0 {
		p.until = max(p.until, now+res.after.Milliseconds())
	}
}

// jitter is a pause in ms, one tenth more or less.
func jitter(d time.Duration) int64 {
	ms := d.Milliseconds()
	return ms + int64((rand.Float64()-0.5)*0.2*float64(ms))
}

// begin writes down that an attempt begins, and opens what is to be sent. It is
// false if there is nothing to send any more.
func (o *Outbox) begin(t tracker.TenantID, one *delivery) (begun bool, err error) {
	err = o.commit(func(tx *storage.Tx) error {
		begun = false
		r := rows{tx, t}
		row, err := r.intent(one.id)
		if err != nil || row == nil || row.State != tracker.IntentPending || row.Due == 0 {
			return err
		}
		one.body, err = o.open(r, one.id, row)
		if errors.Is(err, storage.ErrErased) {
			row.State, row.Why = tracker.IntentWithdrawn, whyErased
			return errors.Join(r.drop(idKey(rowBody, one.id)), r.leave(one.id, row, one.at))
		}
		if err != nil {
			return err
		}
		begun = true
		row.Tries++
		if n := len(row.Attempts); n > 0 && row.Attempts[n-1].Outcome == "" {
			row.Attempts[n-1].At = one.at // begun before and reported as failed: nothing was sent
			row.Tries--
		} else {
			row.Attempts = append(row.Attempts, tracker.Attempt{At: one.at})
		}
		row.Attempts = row.Attempts[max(0, len(row.Attempts)-attemptsMost):]
		return errors.Join(r.set(idKey(rowFlying, one.id), nil), r.save(one.id, row))
	})
	return begun && err == nil, err
}

// open returns what an intent's body is.
func (o *Outbox) open(r rows, id ID, row *intentRow) ([]byte, error) {
	sealed, err := r.get(idKey(rowBody, id))
	if err != nil {
		return nil, err
	}
	return o.db.OpenFor(nil, sealed, r.t, storage.Subject(row.Subject), id.bind())
}

// end writes down how an attempt ended, and what becomes of the intent. Done
// twice, it is as if it were done once.
func (o *Outbox) end(tx *storage.Tx, t tracker.TenantID, one *delivery, res *result, took int64) error {
	r := rows{tx, t}
	flies, err := r.get(idKey(rowFlying, one.id))
	if err != nil || flies == nil {
		return err // it was written down, though reported as lost
	}
	row, err := r.intent(one.id)
	if err != nil {
		return err
	}
	last := &row.Attempts[len(row.Attempts)-1]
	last.Took, last.Outcome, last.Status, last.Detail = max(took, 1), res.outcome, res.status, res.detail
	if err := r.drop(idKey(rowFlying, one.id)); err != nil {
		return err
	}
	now, pauses := o.db.Now(), o.cfg.pause()
	if row.State == tracker.IntentParked { // its destination was taken away meanwhile
		if res.outcome != tracker.OutcomeAccepted {
			return r.save(one.id, row)
		}
		if err := r.drop(seqKey(rowParked, row.Seq)); err != nil {
			return err
		}
	}
	switch {
	case res.outcome == tracker.OutcomePutOff: // no attempt at all
		row.Tries, row.Attempts = row.Tries-1, row.Attempts[:len(row.Attempts)-1]
		return r.schedule(one.id, row, now+max(res.after.Milliseconds(), 1), now)
	case res.ended:
		row.State, row.Why = tracker.IntentWithdrawn, res.detail
		if err := r.drop(idKey(rowBody, one.id)); err != nil {
			return err
		}
	case res.outcome == tracker.OutcomeAccepted:
		row.State, row.Why = tracker.IntentDelivered, ""
	case res.gone:
		row.State, row.Why = tracker.IntentParked, res.detail
	case row.Tries > len(pauses):
		row.State, row.Why = tracker.IntentParked, "too many attempts failed"
	default:
		return r.schedule(one.id, row, now+max(jitter(pauses[row.Tries-1]), res.after.Milliseconds()), now)
	}
	return r.leave(one.id, row, now)
}

// settle ends the attempts that a former process left open: nobody knows what
// became of them, so they are made again.
func (o *Outbox) settle(ctx context.Context) {
	for _, t := range o.cfg.Tenants() {
		for {
			left, err := o.settleSome(t.ID)
			if err != nil {
				o.slog.Error("outbox: attempts that were cut off", "tenant", t.ID, "err", err)
			}
			if ctx.Err() != nil || !left && err == nil {
				break
			}
			if err != nil {
				select {
				case <-ctx.Done():
				case <-time.After(o.cfg.again()):
				}
			}
		}
	}
}

// settleSome ends some of a tenant's; left says that there may be more.
func (o *Outbox) settleSome(t tracker.TenantID) (left bool, err error) {
	flying, unknown := false, 0
	err = o.meta.View(func(tx *storage.Tx) error {
		return rows{tx, t}.scan([]byte{rowFlying}, nil, func(_, _ []byte) error {
			flying = true
			return storage.ErrStop
		})
	})
	if !flying || err != nil {
		return false, err // most starts: nothing to write
	}
	err = o.commit(func(tx *storage.Tx) error {
		r := rows{tx, t}
		var ids []ID
		unknown = 0
		err := r.scan([]byte{rowFlying}, nil, func(k, _ []byte) error {
			ids = append(ids, ID(k[1:]))
			if left = len(ids) == 100; left {
				return storage.ErrStop
			}
			return nil
		})
		for _, id := range ids {
			if err == nil {
				unknown++
				one := &delivery{id: id}
				err = o.end(tx, t, one, &result{outcome: tracker.OutcomeUnknown, detail: "the process ended meanwhile"}, 0)
			}
		}
		return err
	})
	if err == nil {
		for range unknown {
			o.cfg.Count(tracker.OutcomeUnknown)
		}
	}
	return left, err
}
