package outbox

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ripen/storage"
	"ripen/tracker"
)

// Intent is what is to happen, as its maker says it.
type Intent struct {
	Tenant  tracker.TenantID
	ID      ID
	Kind    string
	To      string // the name of the destination
	Lead    tracker.LeadID
	Subject storage.Subject // whose key seals the body
	Body    []byte          // JSON, the same at every attempt
	Noted   bool            // its maker keeps the ID with the lead: Of need not find it
}

// MaxBody bounds an intent's body.
const MaxBody = 256 << 10

// Enqueue makes an intent, once: of one ID there is never a second, and fresh
// says whether this is the first. It is called within [Outbox.Update], whose
// commit makes it durable; nothing leaves before. One whose destination nobody
// has declared is parked.
func (o *Outbox) Enqueue(tx *storage.Tx, in *Intent) (fresh bool, err error) {
	if len(in.Body) > MaxBody {
		return false, fmt.Errorf("intent %s has %d bytes, need at most %d", in.ID, len(in.Body), MaxBody)
	}
	r := rows{tx, in.Tenant}
	if old, err := r.get(idKey(rowIntent, in.ID)); err != nil || old != nil {
		return false, err
	}
	now := o.db.Now()
	row := &intentRow{
		Kind: in.Kind, To: in.To, Lead: in.Lead.String(), Subject: in.Subject[:], Created: now, State: tracker.IntentPending,
	}
	last, err := r.get([]byte{rowLast})
	if err != nil {
		return false, err
	}
	if len(last) == 8 {
		row.Seq = binary.BigEndian.Uint64(last)
	}
	row.Seq++
	sealed, err := o.db.SealFor(nil, in.Body, in.Tenant, in.Subject, in.ID.bind())
	switch {
	case errors.Is(err, storage.ErrErased):
		row.State, row.Why = tracker.IntentWithdrawn, whyErased
	case err != nil:
		return false, err
	case o.hook(in.Tenant, in.To) == nil:
		row.State, row.Why = tracker.IntentParked, noDestination(in.To)
	}
	if !in.Noted {
		if err := r.set(leadKey(in.Lead, row.Seq), in.ID[:]); err != nil {
			return false, err
		}
	}
	return true, o.make(r, in.ID, row, sealed, now)
}

// fresh is what one transaction in which intents are made knows of those that wait.
// A scan in a transaction sorts all that it has written: asked for each of some
// hundred intents that takes longer than all else. Rows of q change under the lock
// that the transaction holds alone, so what was there before it began, and what it
// made, is all there is.
type fresh struct {
	before *storage.Snapshot // nil = not asked yet
	first  map[waitKey]ID    // :: whom, where → the first of those that it made
}

type waitKey struct {
	t     tracker.TenantID
	place [8]byte
	lead  tracker.LeadID
}

func (f *fresh) close() {
	if f.before != nil {
		f.before.Close()
	}
	*f = fresh{}
}

// ahead is the first intent that waits for a lead at a place.
func (o *Outbox) ahead(k waitKey) (id ID, ok bool, err error) {
	if id, ok = o.fresh.first[k]; ok {
		return id, true, nil
	}
	if o.fresh.before == nil {
		if o.fresh.before, err = o.meta.Snapshot(); err != nil {
			return id, false, err
		}
	}
	err = o.fresh.before.View(func(tx *storage.Tx) error {
		id, ok, err = rows{tx, k.t}.first(k.place, k.lead)
		return err
	})
	return id, ok, err
}

const whyErased = "the person was erased"

func noDestination(name string) string {
	return fmt.Sprintf("there is no webhook %s: create it, then retry", name)
}

// bind ties a body to its intent.
func (id ID) bind() uint64 { return binary.BigEndian.Uint64(id[:]) }

// make writes the rows of a new intent.
func (o *Outbox) make(r rows, id ID, row *intentRow, sealed []byte, now int64) error {
	err := errors.Join(
		r.set([]byte{rowLast}, binary.BigEndian.AppendUint64(nil, row.Seq)),
		r.set(seqKey(rowOrder, row.Seq), id[:]),
	)
	if err == nil && len(sealed) > 0 {
		err = r.set(idKey(rowBody, id), sealed)
	}
	switch {
	case err != nil:
		return err
	case row.State == tracker.IntentParked:
		return errors.Join(r.set(seqKey(rowParked, row.Seq), id[:]), r.save(id, row))
	case row.State == tracker.IntentWithdrawn:
		return r.save(id, row)
	}
	k := waitKey{r.t, placeOf(row.To), row.lead()}
	first, waits, err := o.ahead(k)
	if err != nil {
		return err
	}
	if !waits {
		if o.fresh.first == nil {
			o.fresh.first = map[waitKey]ID{}
		}
		o.fresh.first[k] = id
	}
	return r.behind(first, waits, id, row, now)
}

// join puts an intent where it waits, behind those of its lead that were made
// before it. If it is the first it is due at once.
func (r rows) join(id ID, row *intentRow, now int64) error {
	first, waits, err := r.first(placeOf(row.To), row.lead())
	if err != nil {
		return err
	}
	return r.behind(first, waits, id, row, now)
}

// behind is join, given the first that waits.
func (r rows) behind(old ID, waits bool, id ID, row *intentRow, now int64) error {
	place, lead := placeOf(row.To), row.lead()
	err := r.set(queueKey(place, lead, row.Seq), id[:])
	if err != nil || !waits {
		return errors.Join(err, r.schedule(id, row, now, now))
	}
	before, err := r.intent(old)
	if err != nil || before.Seq < row.Seq {
		return errors.Join(err, r.save(id, row))
	}
	err = r.drop(dueKey(place, before.Due, lead)) // it is the second now
	before.Due = 0
	return errors.Join(err, r.save(old, before), r.schedule(id, row, now, now))
}
