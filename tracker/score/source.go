package score

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// source is one event as a card's rules see it. It opens the sealed part only
// when a rule reads a field that is not in the clear.
type source struct {
	w        *Walker
	e        *tracker.Event
	session  uint64
	personal bool          // there is a sealed part, not opened yet
	traits   bool          // the event sets attributes
	level    tracker.Level // of the lead, this event included
	rose     bool          // it was lower before this event
	consent  tracker.Consent
	chose    bool // it was another before this event
	places   bool // the card reads attributes that say where the lead is
	products int  // -1 = not counted yet
	list     []product
	typ      string
	types    map[string]string // :: event type → the same, once
	topics   *scorecard.Topics
	err      error
}

func (s *source) reset(w *Walker, e *tracker.Event, session uint64, personal bool) {
	s.w, s.e, s.session, s.personal, s.products, s.err = w, e, session, personal, -1, nil
	if t, ok := s.types[string(e.Type)]; ok {
		s.typ = t
	} else {
		if s.types == nil || len(s.types) > 4096 {
			s.types = make(map[string]string)
		}
		s.typ = string(e.Type)
		s.types[s.typ] = s.typ
	}
	s.traits = s.typ == "identify" || s.typ == "group" || s.typ == "alias"
}

func (s *source) Type() string    { return s.typ }
func (s *source) Time() int64     { return s.e.Time }
func (s *source) Session() uint64 { return s.session }
func (s *source) Send() bool      { return s.e.IsSend() }
func (s *source) HasTraits() bool {
	return s.traits || s.rose || s.chose || s.places && s.e.Moves()
}

func (s *source) Ignore() string {
	if m := s.e.Machine; m.IsMachine() {
		return m.String()
	}
	return ""
}

// open unseals the personal part, once.
func (s *source) open() bool {
	if !s.personal {
		return false
	}
	s.personal = false
	s.err = s.w.Open(s.e)
	return s.err == nil
}

// identityLevel is the field, and the attribute, that says how sure it is who the
// lead is: anonymous, claimed or proved.
const identityLevel = "identity_level"

// trusted is the field that says that an event came from where its source's
// events come from. An attribute of that name is the sender's own.
const trusted = "trusted"

var levels = [...][]byte{[]byte("anonymous"), []byte("claimed"), []byte("proved")}

func (s *source) known() wasm.Slot { return wasm.Slot{Tag: wasm.String, Str: levels[s.level]} }

// reserved looks a field up that only the tracker can say. news says that this
// event changed it.
func (s *source) reserved(name string) (v wasm.Slot, found, news bool) {
	switch name {
	case identityLevel:
		return s.known(), true, s.rose
	case trusted:
		v = wasm.Slot{Tag: wasm.Bool}
		if !s.e.OffOrigin {
			v.Num = 1
		}
		return v, true, false
	case "consent.analytics":
		v = s.said(tracker.Analytics)
	case "consent.marketing":
		v = s.said(tracker.Marketing)
	case "consent.profiling":
		v = s.said(tracker.Profiling)
	default:
		if tracker.IsPlace(name) {
			return s.place(name), true, s.e.Moves()
		}
		return v, false, false
	}
	return v, true, s.chose
}

// place is where the event came from; null if that is not known.
func (s *source) place(name string) wasm.Slot {
	v, ok := s.e.Place(name)
	if !ok && s.e.Placed && s.open() {
		v, ok = s.e.Place(name)
	}
	if !ok {
		return wasm.Slot{Tag: wasm.Null}
	}
	return slot(v)
}

// readsPlace says that a card reads attributes that say where a lead is.
func readsPlace(c *scorecard.Card) bool {
	return slices.ContainsFunc(c.Slots, func(s scorecard.SlotDef) bool { return s.Trait && tracker.IsPlace(s.Name) })
}

// said is the person's last word on a purpose, null if there is none.
func (s *source) said(p tracker.Purpose) wasm.Slot {
	c := s.consent.Of(p)
	if c == tracker.Unasked {
		return wasm.Slot{Tag: wasm.Null}
	}
	return wasm.Slot{Tag: wasm.String, Str: choices[c]}
}

var choices = [...][]byte{nil, []byte("granted"), []byte("denied"), []byte("pending")}

// Field looks a rule's field up. A property of the same name may be sealed
// while a weaker field is in the clear, so only a property ends the search.
func (s *source) Field(name string) (wasm.Slot, bool) {
	if v, ok, _ := s.reserved(name); ok {
		return v, v.Tag != wasm.Null
	}
	if topic, ok := strings.CutPrefix(name, scorecard.TopicField); ok {
		return s.topic(topic) // only the tenant's map says it
	}
	for i := range s.e.Fields {
		if f := &s.e.Fields[i]; f.Space == tracker.Property && string(f.Name) == name {
			return slot(f.Value), true
		}
	}
	if s.e.Seals.May(name) {
		s.open()
	}
	v, ok := s.e.Find(name)
	return slot(v), ok
}

// Trait looks an attribute up that the event sets. The domain of an e-mail is
// an attribute of its own unless the sender gives one.
func (s *source) Trait(name string) (wasm.Slot, bool) {
	if v, ok, news := s.reserved(name); ok && name != trusted {
		return v, news
	}
	if !s.traits {
		return wasm.Slot{}, false
	}
	s.open()
	if v, ok := trait(s.e, name); ok {
		return slot(v), true
	}
	if name == "email_domain" {
		if v, ok := trait(s.e, "email"); ok && v.Tag == tracker.String {
			if i := bytes.LastIndexByte(v.Str, '@'); i >= 0 {
				d := bytes.ToLower(bytes.TrimSpace(v.Str[i+1:]))
				return wasm.Slot{Tag: wasm.String, Str: d}, true
			}
		}
	}
	return wasm.Slot{}, false
}

func trait(e *tracker.Event, name string) (v tracker.Value, ok bool) {
	for _, fs := range [2][]tracker.Field{e.Fields, e.Personal} {
		for i := range fs {
			if f := &fs[i]; f.Space == tracker.Trait && string(f.Name) == name {
				return f.Value, true
			}
		}
	}
	return v, false
}

func (s *source) Products() int {
	if s.products < 0 {
		s.products = 0
		for i := range s.e.Fields {
			if f := &s.e.Fields[i]; f.Space == tracker.Product {
				s.products = max(s.products, int(f.Index)+1)
			}
		}
	}
	return s.products
}

// Product returns product i; it is valid until the next event.
func (s *source) Product(i int) scorecard.Source {
	for len(s.list) <= i {
		s.list = append(s.list, product{})
	}
	s.list[i] = product{source: s, index: uint16(i)}
	return &s.list[i]
}

// product is one product of an event: only Field is its own.
type product struct {
	*source
	index uint16
}

func (p *product) Field(name string) (wasm.Slot, bool) {
	if _, ours, _ := p.reserved(name); ours {
		return wasm.Slot{}, false // the event says it
	}
	find := func(fs []tracker.Field) (wasm.Slot, bool) {
		for i := range fs {
			if f := &fs[i]; f.Space == tracker.Product && f.Index == p.index && string(f.Name) == name {
				return slot(f.Value), true
			}
		}
		return wasm.Slot{}, false
	}
	if v, ok := find(p.e.Fields); ok {
		return v, true
	}
	p.open()
	return find(p.e.Personal)
}

func slot(v tracker.Value) wasm.Slot {
	switch v.Tag {
	case tracker.Null:
		return wasm.Slot{Tag: wasm.Null}
	case tracker.False:
		return wasm.Slot{Tag: wasm.Bool}
	case tracker.True:
		return wasm.Slot{Tag: wasm.Bool, Num: 1}
	case tracker.Int:
		return wasm.Slot{Tag: wasm.Int, Num: v.Num}
	case tracker.Float, tracker.Number:
		return wasm.Slot{Tag: wasm.Float, Num: v.Num}
	case tracker.String, tracker.JSON:
		return wasm.Slot{Tag: wasm.String, Str: v.Str}
	}
	return wasm.Slot{}
}

// session returns the number of the session the event belongs to and notes that
// it goes on. A client's own session id wins; else a session is a subject's run
// of events with gaps under half an hour, named by its first.
func (k *Walk) session(e *tracker.Event, subject tracker.LeadID) uint64 {
	id := mix(binary.LittleEndian.Uint64(subject.Hash[:]), uint64(subject.Kind))
	at := -1
	keep := k.sessions[:0]
	for _, s := range k.sessions {
		if e.Time-s.last >= tracker.DefaultSession {
			continue // it has ended
		}
		if s.subject == id {
			at = len(keep)
		}
		keep = append(keep, s)
	}
	k.sessions = keep
	if at < 0 {
		at = len(keep)
		k.sessions = append(keep, session{subject: id, id: mix(id, uint64(e.Time))})
	}
	s := &k.sessions[at]
	s.last = e.Time
	if own := ownSession(e); own != 0 {
		s.id = own
	}
	return s.id
}

// ownSession is the client's session id, hashed; 0 if it sent none.
func ownSession(e *tracker.Event) uint64 {
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Space != tracker.Context || string(f.Name) != "session" {
			continue
		}
		h := mix(uint64(f.Value.Tag), f.Value.Num)
		for _, b := range f.Value.Str {
			h = (h ^ uint64(b)) * 1099511628211
		}
		return mix(h, 1)
	}
	return 0
}

// mix is the finaliser of splitmix64 over both numbers; never 0.
func mix(a, b uint64) uint64 {
	x := a*0x9e3779b97f4a7c15 + b
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31 | 1
}
