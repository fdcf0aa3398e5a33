package journey

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// click is the event type that counts when it has settled.
const click = "email_click"

// listen says what a record of the log is for journeys: somebody's event that
// something waits for, or an erasure.
func (e *Engine) listen(rec *storage.Record) ([]job, error) {
	f := e.tenants[tracker.TenantID(rec.Tenant)]
	if f == nil || f.empty() {
		return nil, nil
	}
	return e.hear(f, rec)
}

// hear is listen, for what some are waiting for.
func (e *Engine) hear(f *inForce, rec *storage.Record) ([]job, error) {
	if rec.Kind == storage.KindControl {
		c, err := tracker.DecodeControl(rec.Row)
		if err != nil || len(c.Erased) == 0 {
			return nil, err
		}
		return []job{{erase: c.Erased, event: noEvent(rec.Seq)}}, nil
	}
	if rec.Kind != storage.KindEvent {
		return nil, nil
	}
	var x tracker.Event
	if err := tracker.DecodeRow(rec.Row, &x); err != nil {
		return nil, err
	}
	typ := string(x.Type)
	if !x.Counts() || x.Machine.IsMachine() && !byProxy(&x) || !f.events[typ] && !f.events[anyEvent] {
		return nil, nil
	}
	out, err := e.event(rec)
	if err != nil {
		return nil, err
	}
	j := job{lead: leadOf(out), event: out}
	if typ == click { // whether a person did it shows later
		j.due = &due{kind: dueClick}
	}
	return []job{j}, nil
}

// event decodes an event that outlives its record, with its sealed part unless
// that was erased.
func (e *Engine) event(rec *storage.Record) (*tracker.Event, error) {
	x := &tracker.Event{}
	if err := tracker.DecodeRow(slices.Clone(rec.Row), x); err != nil {
		return nil, err
	}
	x.Seq, x.Received = rec.Seq, rec.Received
	plain, err := e.db.Unseal(nil, rec)
	if errors.Is(err, storage.ErrErased) {
		return x, nil
	}
	if err == nil && len(plain) > 0 {
		x.Personal, err = tracker.DecodeFields(nil, plain)
	}
	return x, err
}

// leadOf is the strongest identity of an event.
func leadOf(e *tracker.Event) tracker.LeadID {
	switch {
	case !e.User.IsZero():
		return tracker.LeadID{Kind: tracker.UserIdentity, Hash: e.User}
	case !e.Email.IsZero():
		return tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email}
	}
	return tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: e.Visitor}
}

// later puts a click off until it has settled.
func (w *world) later(p *Person, j *job) error {
	at := max(j.event.Time, j.event.Received) + j.event.Settle()
	return w.rows.set(dueKey(at, p.Lead.ID, dueClick, string(binary.BigEndian.AppendUint64(nil, j.event.Seq))), []byte{})
}

// click reads the click that has settled.
func (e *Engine) click(j *job) error {
	if len(j.due.name) != 8 {
		return fmt.Errorf("journey: a click of %d bytes", len(j.due.name))
	}
	seq := binary.BigEndian.Uint64([]byte(j.due.name))
	return e.db.Get(context.Background(), 0, []uint64{seq}, func(rec *storage.Record) (err error) {
		j.event, err = e.event(rec)
		return err
	})
}

// settled says whether a person did what an event says. Only of clicks is that
// asked late.
func settled(p *Person, e *tracker.Event) (bool, error) {
	if string(e.Type) != click {
		return true, nil
	}
	acts, err := p.past()
	return slices.ContainsFunc(acts, func(a Act) bool { return a.Seq == e.Seq }), err
}

// setting is attributes on their way into the log.
type setting struct {
	Time   int64       `json:"time"`
	Values [][2]string `json:"values"` // name, JSON
	Key    string      `json:"key"`
	Type   string      `json:"type,omitempty"`   // another event than that attributes are set
	Fields [][2]string `json:"fields,omitempty"` // of it: name, text, in the clear
}

// setting writes down what a step sets. The log says it after the commit: see
// settings.
func (w *world) setting(x *Effect) error {
	s := setting{Time: x.Now, Key: x.Key + "\x00" + x.Cause}
	for _, v := range x.Step.Values {
		b, err := json.Marshal(v.To)
		if err != nil {
			return err
		}
		s.Values = append(s.Values, [2]string{v.Name, string(b)})
	}
	return w.saying(x.Person.Lead.ID, &s)
}

// saying writes down what the log is to be told of a lead.
func (w *world) saying(id tracker.LeadID, s *setting) error {
	sum := sha256.Sum256([]byte(s.Key))
	return w.rows.setJSON(leadKey(rowSetting, id, string(sum[:16])), s)
}

// settings tells the log what was set. Their ids come from what set them, so the
// log drops one that it was told before.
func (e *Engine) settings(t *tracker.Tenant, _ *inForce) (more bool, err error) {
	var recs []storage.Record
	var keys [][]byte
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		return newRows(tx, t.ID).scan([]byte{rowSetting}, func(k, v []byte) error {
			var s setting
			if err := json.Unmarshal(v, &s); err != nil {
				return err
			}
			rec, err := e.record(t, parseLead(k[1:]), &s)
			recs, keys = append(recs, rec), append(keys, slices.Clone(k))
			if err == nil && len(recs) == e.batch {
				err = storage.ErrStop
			}
			return err
		})
	})
	if err != nil || len(recs) == 0 {
		return false, err
	}
	if err := e.log.Append(context.Background(), 0, recs); err != nil { // the commit point of the attributes
		return false, fmt.Errorf("set attributes: %w", err)
	}
	return true, e.cfg.Update(func(tx *storage.Tx) error {
		r := newRows(tx, t.ID)
		for _, k := range keys {
			if err := r.drop(k); err != nil {
				return err
			}
		}
		return nil
	})
}

// record makes the event that sets attributes.
func (e *Engine) record(t *tracker.Tenant, lead tracker.LeadID, s *setting) (rec storage.Record, err error) {
	src := e.cfg.Source(t.ID)
	if src == nil {
		return rec, errors.New("set attributes: the tenant has no source")
	}
	mid := tracker.DerivedID("journey set", lead.String(), s.Key)
	x := tracker.Event{
		Time: s.Time, Type: []byte(cmp.Or(s.Type, tracker.JourneySet)), MessageID: mid, MessageUUID: true, Source: src.ID, Machine: tracker.Server, Proved: true,
	}
	if lead.Kind == tracker.UserIdentity {
		x.User = lead.Hash
	} else {
		x.Email = lead.Hash
	}
	for _, f := range s.Fields {
		x.Fields = append(x.Fields, tracker.Field{Space: tracker.Property, Name: []byte(f[0]), Value: tracker.Value{Tag: tracker.String, Str: []byte(f[1])}})
	}
	var personal []tracker.Field
	for _, v := range s.Values {
		f := tracker.Field{Space: tracker.Trait, Name: []byte(v[0])}
		var to any
		if err := json.Unmarshal([]byte(v[1]), &to); err != nil {
			return rec, err
		}
		switch to := to.(type) {
		case string:
			f.Value = tracker.Value{Tag: tracker.String, Str: []byte(to)}
		case float64:
			f.Value = tracker.Value{Tag: tracker.Float, Num: math.Float64bits(to)}
		case bool:
			f.Value.Tag = tracker.False
			if to {
				f.Value.Tag = tracker.True
			}
		}
		personal = append(personal, f)
	}
	rec = storage.Record{Tenant: t.ID, ID: mid, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &x), Personal: tracker.AppendFields(nil, personal)}
	rec.Subject = x.Subject().Key()
	return rec, nil
}
