package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"ripen/storage"
	"ripen/tracker"
)

// ID names an intent.
type ID [16]byte

// String returns 32 hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// NewID computes an intent's name from what caused it: whose it is, whom it is
// about, the rule that asked for it, and what the rule answered to.
func NewID(t tracker.TenantID, lead tracker.LeadID, rule, cause string) ID {
	b := append([]byte("ripen intent\x00"), t[:]...)
	for _, part := range []string{lead.String(), rule, cause} {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	sum := sha256.Sum256(b)
	return ID(sum[:16])
}

func parseID(s string) (id ID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, errNoIntent
	}
	return ID(b), nil
}

var errNoIntent error = &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "no intent of yours has this id: list them"}

// intentRow is how an intent is stored; its fields are only ever added.
type intentRow struct {
	Seq      uint64            `json:"seq"`
	Kind     string            `json:"kind"`
	To       string            `json:"to"`
	Lead     string            `json:"lead"`
	Subject  []byte            `json:"subject"` // whose key seals the body
	Created  int64             `json:"created"`
	State    string            `json:"state"`
	Why      string            `json:"why,omitempty"`
	Due      int64             `json:"due,omitempty"` // of the row under d; 0 = it is not the first of its lead
	Tries    int               `json:"tries,omitempty"`
	Attempts []tracker.Attempt `json:"attempts,omitempty"`
}

// attemptsMost is how many attempts an intent remembers.
const attemptsMost = 20

func (r *intentRow) public(id ID) tracker.Intent {
	lead, err := tracker.ParseLeadID(r.Lead)
	if err != nil {
		panic("BUG: a stored intent has the lead " + r.Lead)
	}
	return tracker.Intent{
		ID: id.String(), Seq: r.Seq, Kind: r.Kind, To: r.To, Lead: lead, Created: r.Created,
		State: r.State, Why: r.Why, Next: r.Due, Tries: r.Tries, Attempts: r.Attempts,
	}
}

func (r *intentRow) lead() tracker.LeadID {
	lead, _ := tracker.ParseLeadID(r.Lead) // was written by String
	return lead
}

// The kinds of rows.
const (
	rowIntent = 'i'
	rowBody   = 'b'
	rowOrder  = 't'
	rowParked = 'p'
	rowQueue  = 'q'
	rowDue    = 'd'
	rowFlying = 'f'
	rowLast   = 'n'
	rowLead   = 'l'
)

func idKey(kind byte, id ID) []byte { return append([]byte{kind}, id[:]...) }

func seqKey(kind byte, seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kind}, seq) }

func leadKey(lead tracker.LeadID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(appendLead([]byte{rowLead}, lead), seq)
}

// placeOf is what a destination's name is in keys.
func placeOf(name string) (p [8]byte) {
	sum := sha256.Sum256([]byte("ripen place " + name))
	copy(p[:], sum[:])
	return p
}

func appendLead(dst []byte, lead tracker.LeadID) []byte {
	return append(append(dst, byte(lead.Kind)), lead.Hash[:]...)
}

func queueKey(place [8]byte, lead tracker.LeadID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(appendLead(append([]byte{rowQueue}, place[:]...), lead), seq)
}

func dueKey(place [8]byte, due int64, lead tracker.LeadID) []byte {
	return appendLead(binary.BigEndian.AppendUint64(append([]byte{rowDue}, place[:]...), uint64(due)), lead)
}

// due is a row under d: the first intent that waits for a lead at a place.
type due struct {
	at   int64
	lead tracker.LeadID
	id   ID
	set  int64 // when at was set
}

func parseDue(k, v []byte) (d due, err error) {
	if len(k) != 1+8+8+17 || len(v) != 16+8 {
		return d, fmt.Errorf("outbox: a row of %d and %d bytes, need %d and %d", len(k), len(v), 34, 24)
	}
	d.at = int64(binary.BigEndian.Uint64(k[9:]))
	d.lead = tracker.LeadOf([17]byte(k[17:]))
	d.id, d.set = ID(v[:16]), int64(binary.BigEndian.Uint64(v[16:]))
	return d, nil
}

// rows reads and writes the rows of one tenant in a transaction.
type rows struct {
	tx *storage.Tx
	t  tracker.TenantID
}

func (r rows) get(k []byte) ([]byte, error) { return r.tx.Get(r.t, storage.SpaceOutbox, k) }

func (r rows) set(k, v []byte) error { return r.tx.Set(r.t, storage.SpaceOutbox, k, v) }

func (r rows) drop(k []byte) error { return r.tx.Delete(r.t, storage.SpaceOutbox, k) }

// scan visits the rows that begin with a prefix, from a key on if it is not nil.
func (r rows) scan(prefix, from []byte, visit func(k, v []byte) error) error {
	if from == nil {
		from = prefix
	}
	return r.tx.Scan(r.t, storage.SpaceOutbox, from, storage.Behind(prefix), visit)
}

// intent reads an intent; nil if there is none.
func (r rows) intent(id ID) (*intentRow, error) {
	b, err := r.get(idKey(rowIntent, id))
	if err != nil || b == nil {
		return nil, err
	}
	row := &intentRow{}
	if err := json.Unmarshal(b, row); err != nil {
		return nil, fmt.Errorf("decode intent %s: %w", id, err)
	}
	return row, nil
}

func (r rows) save(id ID, row *intentRow) error {
	b, err := json.Marshal(row)
	if err != nil {
		return err
	}
	return r.set(idKey(rowIntent, id), b)
}

// first is the first intent that waits for a lead at a place; ok says that
// there is one.
func (r rows) first(place [8]byte, lead tracker.LeadID) (id ID, ok bool, err error) {
	prefix := appendLead(append([]byte{rowQueue}, place[:]...), lead)
	err = r.scan(prefix, nil, func(_, v []byte) error {
		id, ok = ID(v), true
		return storage.ErrStop
	})
	return id, ok, err
}

// schedule says when a first intent is due. The row is saved.
func (r rows) schedule(id ID, row *intentRow, at, now int64) error {
	place, lead := placeOf(row.To), row.lead()
	if row.Due != 0 {
		if err := r.drop(dueKey(place, row.Due, lead)); err != nil {
			return err
		}
	}
	row.Due = at
	v := binary.BigEndian.AppendUint64(append([]byte(nil), id[:]...), uint64(now))
	return errors.Join(r.set(dueKey(place, at, lead), v), r.save(id, row))
}

// leave takes an intent out of what waits, in its new state, and lets the next
// one of its lead be due.
func (r rows) leave(id ID, row *intentRow, now int64) error {
	place, lead := placeOf(row.To), row.lead()
	err := r.drop(queueKey(place, lead, row.Seq))
	wasFirst := row.Due != 0
	if err == nil && wasFirst {
		err = r.drop(dueKey(place, row.Due, lead))
	}
	row.Due = 0
	if err == nil && row.State == tracker.IntentParked {
		err = r.set(seqKey(rowParked, row.Seq), id[:])
	}
	if err == nil {
		err = r.save(id, row)
	}
	if err != nil || !wasFirst {
		return err
	}
	next, ok, err := r.first(place, lead)
	if err != nil || !ok {
		return err
	}
	following, err := r.intent(next)
	if err != nil {
		return err
	}
	return r.schedule(next, following, now, now)
}
