package outbox

import (
	"encoding/binary"
	"errors"

	"ripen/storage"
	"ripen/tracker"
)

// List returns a tenant's intents without their bodies, the newest first, from
// before a sequence if that is not 0, in one state if it is named.
func (o *Outbox) List(t tracker.TenantID, before uint64, state string, limit int) (out []tracker.Intent, err error) {
	kind := byte(rowOrder)
	switch state {
	case tracker.IntentParked:
		kind = rowParked
	case "", tracker.IntentPending, tracker.IntentDelivered, tracker.IntentWithdrawn:
	default:
		return nil, invalid("state", "need pending, delivered, parked or withdrawn")
	}
	to := storage.Behind([]byte{kind})
	if before != 0 {
		to = seqKey(kind, before)
	}
	err = o.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, t}
		return tx.ScanReverse(t, storage.SpaceOutbox, []byte{kind}, to, func(_, v []byte) error {
			id := ID(v)
			row, err := r.intent(id)
			if err != nil || row == nil || state != "" && row.State != state {
				return err
			}
			if out = append(out, row.public(id)); len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	return out, err
}

// Of returns a lead's intents, but for those that their maker notes, without their
// bodies, the newest first, from before a sequence if that is not 0.
func (o *Outbox) Of(t tracker.TenantID, lead tracker.LeadID, before uint64, limit int) (out []tracker.Intent, err error) {
	prefix := appendLead([]byte{rowLead}, lead)
	to := storage.Behind(prefix)
	if before != 0 {
		to = leadKey(lead, before)
	}
	err = o.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, t}
		return tx.ScanReverse(t, storage.SpaceOutbox, prefix, to, func(_, v []byte) error {
			id := ID(v)
			row, err := r.intent(id)
			if err != nil || row == nil {
				return err
			}
			if out = append(out, row.public(id)); len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	return out, err
}

// Get returns an intent with its body.
func (o *Outbox) Get(t tracker.TenantID, name string) (in tracker.Intent, err error) {
	id, err := parseID(name)
	if err != nil {
		return in, err
	}
	err = o.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, t}
		row, err := r.intent(id)
		if err != nil {
			return err
		}
		if row == nil {
			return errNoIntent
		}
		in = row.public(id)
		if row.State == tracker.IntentWithdrawn {
			return nil
		}
		if in.Body, err = o.open(r, id, row); errors.Is(err, storage.ErrErased) {
			in.Body, in.Why = nil, whyErased
			return nil
		}
		return err
	})
	return in, err
}

// Retry lets an intent that is parked, or waits for its next attempt, be due at
// once, with all its attempts before it again.
func (o *Outbox) Retry(t tracker.TenantID, name string) (in tracker.Intent, err error) {
	id, err := parseID(name)
	if err != nil {
		return in, err
	}
	err = o.Update(func(tx *storage.Tx) error {
		r := rows{tx, t}
		row, err := r.intent(id)
		switch {
		case err != nil:
			return err
		case row == nil:
			return errNoIntent
		case row.State != tracker.IntentPending && row.State != tracker.IntentParked:
			return &tracker.Error{Kind: tracker.KindConflict, Code: "intent_ended", Detail: "it is " + row.State + ": there is nothing to retry"}
		case o.hook(t, row.To) == nil:
			return &tracker.Error{Kind: tracker.KindConflict, Code: "unknown_webhook", Detail: noDestination(row.To)}
		}
		if err := o.release(r, id, row); err != nil {
			return err
		}
		in = row.public(id)
		return nil
	})
	return in, err
}

var errFlies error = &tracker.Error{Kind: tracker.KindBusy, Code: "sending", Detail: "an attempt for this lead is under way: ask again in a moment"}

// release makes an intent due. Nothing may be on its way to its place for its
// lead: what is first there would change under it.
func (o *Outbox) release(r rows, id ID, row *intentRow) error {
	first, waits, err := r.first(placeOf(row.To), row.lead())
	if err != nil {
		return err
	}
	if waits {
		flies, err := r.get(idKey(rowFlying, first))
		if err != nil {
			return err
		}
		if flies != nil {
			return errFlies
		}
	}
	o.mu.Lock() // its place is tried at once, however often it failed
	if p := o.places[placeKey{r.t, row.To}]; p != nil {
		p.until = 0
	}
	o.mu.Unlock()
	now, wasParked := o.db.Now(), row.State == tracker.IntentParked
	row.State, row.Why, row.Tries = tracker.IntentPending, "", 0
	if wasParked {
		return errors.Join(r.drop(seqKey(rowParked, row.Seq)), r.join(id, row, now))
	}
	if row.Due != 0 {
		return r.schedule(id, row, now, now)
	}
	before, err := r.intent(first) // it waits for that one
	if err != nil {
		return err
	}
	return errors.Join(r.save(id, row), r.schedule(first, before, now, now))
}

// Count says how many intents of all tenants wait to be delivered, and how many
// are parked.
func (o *Outbox) Count() (waiting, parked int, err error) {
	err = o.meta.View(func(tx *storage.Tx) error {
		for _, t := range o.cfg.Tenants() {
			r := rows{tx, t.ID}
			err := errors.Join(
				r.scan([]byte{rowQueue}, nil, func(_, _ []byte) error { waiting++; return nil }),
				r.scan([]byte{rowParked}, nil, func(_, _ []byte) error { parked++; return nil }),
			)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return waiting, parked, err
}

// Keep is how long an intent that has ended is kept, in ms.
const Keep = 90 * 86_400_000

// Forget drops intents that ended long ago, some at a time: the oldest are
// looked at first, one that still waits keeps its place. It says whether there
// may be more.
func (o *Outbox) Forget(t tracker.TenantID, from uint64) (next uint64, err error) {
	const most = 500
	before := o.db.Now() - Keep
	err = o.Update(func(tx *storage.Tx) error {
		r := rows{tx, t}
		var gone [][]byte
		n := 0
		err := r.scan([]byte{rowOrder}, seqKey(rowOrder, from), func(k, v []byte) error {
			id := ID(v)
			row, err := r.intent(id)
			if err != nil {
				return err
			}
			if row.Created > before {
				next = 0
				return storage.ErrStop
			}
			next = binary.BigEndian.Uint64(k[1:]) + 1
			if row.State == tracker.IntentDelivered || row.State == tracker.IntentWithdrawn {
				gone = append(gone, idKey(rowIntent, id), idKey(rowBody, id), leadKey(row.lead(), row.Seq), append([]byte(nil), k...))
			}
			if n++; n == most {
				return storage.ErrStop
			}
			return nil
		})
		if n < most {
			next = 0
		}
		for _, k := range gone {
			if err == nil {
				err = r.drop(k)
			}
		}
		return err
	})
	return next, err
}
