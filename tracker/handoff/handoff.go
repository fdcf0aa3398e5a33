// Package handoff keeps the queue of leads that were handed to sales.
//
// It promises that a lead is handed over once for one cause, and that the state
// of a hand-off is what the events of the log say: handoff_accepted,
// handoff_rejected, won and lost, whoever sent them, if they were sent with a
// secret key or by a server-side source. The last one in the log stands. What
// sales decides here is such an event, so that it can be scored and learned from
// like any other.
//
// It stores, in meta/ under storage.SpaceHandoff of the tenant:
//
//	h id16       → hand-off, JSON
//	t seq8       → id16: all, in order
//	o seq8       → id16: open, pending or accepted
//	l lead17 seq8 → id16: a lead's
//	n            → last seq given
//
// and under the machine's: c → the last record of the log that was looked at.
// Reasons may speak of people: they stay in their events, sealed.
package handoff

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"ripen/storage"
	"ripen/tracker"
)

// Config is what a [Queue] needs. All but Logger is required.
type Config struct {
	DB *storage.DB
	// Tenant returns a tenant by its id, or nil.
	Tenant func(tracker.TenantID) *tracker.Tenant
	// Source is the source that decisions come from: the tenant's first.
	Source func(tracker.TenantID) *tracker.Source
	// Logger takes what goes wrong; nil = slog.Default().
	Logger *slog.Logger
}

// Queue is the hand-offs of all tenants. Its methods may be called concurrently.
type Queue struct {
	cfg  Config
	db   *storage.DB
	meta *storage.Table
	log  storage.Log
	slog *slog.Logger

	deciding sync.Mutex // held by a decision, from the look at the state to the event's effect
	follows  sync.Mutex // held while the log is followed
}

// New returns the queue that lies in meta/.
func New(cfg Config) *Queue {
	q := &Queue{cfg: cfg, db: cfg.DB, meta: cfg.DB.Meta(), log: cfg.DB.Log(), slog: cfg.Logger}
	if q.slog == nil {
		q.slog = slog.Default()
	}
	return q
}

// row is how a hand-off is stored; its fields are only ever added.
type row struct {
	Seq   uint64 `json:"seq"`
	At    int64  `json:"at"`
	Lead  string `json:"lead"`
	Card  string `json:"card"`
	Band  string `json:"band"`
	Grade string `json:"grade,omitempty"`
	Score int    `json:"score"`
	Cause string `json:"cause"`
	To    string `json:"to"`
	Queue string `json:"queue,omitempty"`
	Due   int64  `json:"due,omitempty"`

	State string `json:"state"`
	Since int64  `json:"since"`
	Event uint64 `json:"event,omitempty"`
}

type id [16]byte

func parseID(s string) (out id, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(out) {
		return out, errNone
	}
	return id(b), nil
}

var errNone error = &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "no hand-off of yours has this id: list them"}

// The kinds of rows.
const (
	rowHandoff = 'h'
	rowOrder   = 't'
	rowOpen    = 'o'
	rowLead    = 'l'
	rowLast    = 'n'
	rowCursor  = 'c'
)

func idKey(i id) []byte { return append([]byte{rowHandoff}, i[:]...) }

func seqKey(kind byte, seq uint64) []byte { return binary.BigEndian.AppendUint64([]byte{kind}, seq) }

func leadKey(lead tracker.LeadID) []byte {
	return append([]byte{rowLead, byte(lead.Kind)}, lead.Hash[:]...)
}

// rows reads and writes the rows of one tenant in a transaction.
type rows struct {
	tx *storage.Tx
	t  tracker.TenantID
}

func (r rows) get(k []byte) ([]byte, error) { return r.tx.Get(r.t, storage.SpaceHandoff, k) }

func (r rows) set(k, v []byte) error { return r.tx.Set(r.t, storage.SpaceHandoff, k, v) }

// handoff reads a hand-off; nil if there is none.
func (r rows) handoff(i id) (*row, error) {
	b, err := r.get(idKey(i))
	if err != nil || b == nil {
		return nil, err
	}
	h := &row{}
	if err := json.Unmarshal(b, h); err != nil {
		return nil, fmt.Errorf("decode hand-off %x: %w", i, err)
	}
	return h, nil
}

func (r rows) save(i id, h *row) error {
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return r.set(idKey(i), b)
}

// Add puts a hand-off into the queue, once: of one ID there is never a second.
// It is called within a transaction of meta/, one at a time.
func (q *Queue) Add(tx *storage.Tx, t tracker.TenantID, h *tracker.Handoff) error {
	r := rows{tx, t}
	i, err := parseID(h.ID)
	if err != nil {
		return fmt.Errorf("BUG: hand-off %q", h.ID)
	}
	if old, err := r.get(idKey(i)); err != nil || old != nil {
		return err
	}
	last, err := r.get([]byte{rowLast})
	if err != nil {
		return err
	}
	cursor, err := tx.Get(storage.Tenant{}, storage.SpaceHandoff, []byte{rowCursor})
	if err == nil && cursor == nil { // the first of all: now the log is listened to
		err = tx.Set(storage.Tenant{}, storage.SpaceHandoff, []byte{rowCursor}, make([]byte, 8))
	}
	if err != nil {
		return err
	}
	seq := uint64(1)
	if len(last) == 8 {
		seq += binary.BigEndian.Uint64(last)
	}
	return errors.Join(
		r.set([]byte{rowLast}, binary.BigEndian.AppendUint64(nil, seq)),
		r.set(seqKey(rowOrder, seq), i[:]), r.set(seqKey(rowOpen, seq), i[:]),
		r.set(binary.BigEndian.AppendUint64(leadKey(h.Lead), seq), i[:]),
		r.save(i, &row{
			Seq: seq, At: h.At, Lead: h.Lead.String(), Card: h.Card, Band: h.Band, Grade: h.Grade, Score: h.Score, Cause: h.Cause,
			To: h.To, Queue: h.Queue, Due: h.Due, State: tracker.HandoffPending, Since: h.At,
		}),
	)
}

func (h *row) public(i id) tracker.Handoff {
	lead, err := tracker.ParseLeadID(h.Lead)
	if err != nil {
		panic("BUG: a stored hand-off has the lead " + h.Lead)
	}
	return tracker.Handoff{
		ID: hex.EncodeToString(i[:]), Seq: h.Seq, At: h.At, Lead: lead, Card: h.Card, Band: h.Band, Grade: h.Grade, Score: h.Score,
		Cause: h.Cause, To: h.To, Queue: h.Queue, Due: h.Due, State: h.State, Since: h.Since, Event: h.Event,
	}
}

// List returns a tenant's hand-offs, the newest first.
func (q *Queue) List(t tracker.TenantID, f tracker.HandoffQuery) (out []tracker.Handoff, err error) {
	kind := byte(rowOrder)
	switch f.State {
	case "open", tracker.HandoffPending, tracker.HandoffIsTaken:
		kind = rowOpen
	case "", tracker.HandoffIsBack, tracker.HandoffIsWon, tracker.HandoffIsLost:
	default:
		return nil, invalid("state", "need open, pending, accepted, rejected, won or lost")
	}
	to := storage.Behind([]byte{kind})
	if f.Before != 0 {
		to = seqKey(kind, f.Before)
	}
	err = q.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, t}
		return tx.ScanReverse(t, storage.SpaceHandoff, []byte{kind}, to, func(_, v []byte) error {
			i := id(v)
			h, err := r.handoff(i)
			if err != nil {
				return err
			}
			if f.State != "" && f.State != "open" && h.State != f.State || f.Queue != "" && h.Queue != f.Queue {
				return nil
			}
			if out = append(out, h.public(i)); len(out) == f.Limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	for i := range out {
		if err == nil {
			err = q.tell(&out[i])
		}
	}
	return out, err
}

// Of returns a lead's hand-offs without what their events say, the newest first,
// from before a sequence if that is not 0.
func (q *Queue) Of(t tracker.TenantID, lead tracker.LeadID, before uint64, limit int) (out []tracker.Handoff, err error) {
	prefix := leadKey(lead)
	to := storage.Behind(prefix)
	if before != 0 {
		to = binary.BigEndian.AppendUint64(leadKey(lead), before)
	}
	err = q.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, t}
		return tx.ScanReverse(t, storage.SpaceHandoff, prefix, to, func(_, v []byte) error {
			h, err := r.handoff(id(v))
			if err != nil || h == nil {
				return err
			}
			if out = append(out, h.public(id(v))); len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	return out, err
}

// Get returns one hand-off.
func (q *Queue) Get(t tracker.TenantID, name string) (out tracker.Handoff, err error) {
	i, err := parseID(name)
	if err != nil {
		return out, err
	}
	err = q.meta.View(func(tx *storage.Tx) error {
		h, err := rows{tx, t}.handoff(i)
		if err == nil && h == nil {
			err = errNone
		}
		if err == nil {
			out = h.public(i)
		}
		return err
	})
	if err != nil {
		return out, err
	}
	return out, q.tell(&out)
}

// tell adds what the event of its state says. An event that was erased, or that
// retention has moved, says nothing.
func (q *Queue) tell(h *tracker.Handoff) error {
	if h.Event == 0 {
		return nil
	}
	err := q.db.Get(context.Background(), 0, []uint64{h.Event}, func(rec *storage.Record) error {
		var e tracker.Event
		if err := q.read(rec, &e); err != nil {
			return err
		}
		h.Message = e.MessageText()
		if v, ok := e.Find("reason"); ok {
			h.Reason = string(v.Str)
		}
		return nil
	})
	var gap *storage.GapError
	if errors.As(err, &gap) {
		return nil
	}
	return err
}

// Open returns the open hand-off that any of some leads has at a destination, an
// empty ID if there is none. A transaction sees what it has added itself.
func (q *Queue) Open(tx *storage.Tx, t tracker.TenantID, leads []tracker.LeadID, to string) (string, error) {
	r := rows{tx, t}
	for _, lead := range leads {
		i, err := r.latestOpen(lead, to)
		if err != nil {
			return "", err
		}
		if i != (id{}) {
			return hex.EncodeToString(i[:]), nil
		}
	}
	return "", nil
}

// latestOpen is the newest open hand-off of a lead, at one destination if it is
// named; zero if there is none.
func (r rows) latestOpen(lead tracker.LeadID, to string) (found id, err error) {
	prefix := leadKey(lead)
	err = r.tx.ScanReverse(r.t, storage.SpaceHandoff, prefix, storage.Behind(prefix), func(_, v []byte) error {
		i := id(v)
		h, err := r.handoff(i)
		if err != nil {
			return err
		}
		if p := h.public(i); p.IsOpen() && (to == "" || h.To == to) {
			found = i
			return storage.ErrStop
		}
		return nil
	})
	return found, err
}

// Count says how many hand-offs of a tenant nobody has taken yet, how many of
// these later than was promised, and how many were accepted and are not ended.
func (q *Queue) Count(t tracker.TenantID) (pending, overdue, accepted int, err error) {
	now := q.db.Now()
	err = q.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, t}
		return tx.Scan(t, storage.SpaceHandoff, []byte{rowOpen}, storage.Behind([]byte{rowOpen}), func(_, v []byte) error {
			h, err := r.handoff(id(v))
			switch {
			case err != nil:
				return err
			case h.State == tracker.HandoffIsTaken:
				accepted++
			default:
				pending++
				if h.Due != 0 && h.Due < now {
					overdue++
				}
			}
			return nil
		})
	})
	return pending, overdue, accepted, err
}

func invalid(field, fix string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_" + field, Detail: field + ": " + fix}
}
