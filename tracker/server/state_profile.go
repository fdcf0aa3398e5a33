package server

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// A profile is what an identified lead's events said of the person: the text of
// its identities, and for each attribute the last word by (time, message id).
// It is kept with the lead so that lists need not read the log. It is in parts,
// one for each subject whose events said something, sealed under that subject's
// key: erasing the subject takes from the lead exactly what its events said.
//
//	profile = count:uvarint part*
//	part    = subject:17 known:uvarint (8 bytes)* length:uvarint sealed
//	sealed  = names:uvarint (kind:1 hash:16 text)* count:uvarint (place length:uvarint fields)*
//
// It is a function of the set of events: the greater place wins whatever came
// first, and an identity's text is normalised, so that every event tells the
// same one. Only an event that leaves the lead makes it be read anew.
type part struct {
	subject tracker.LeadID
	known   []uint64 // identities whose text is in sealed
	sealed  []byte
}

// What a profile keeps of each subject: the attributes told last, and of long
// texts the beginning.
const (
	mostAttributes = 256
	longestText    = 2 << 10
)

// said is a part, opened.
type said struct {
	names  []named
	events []told // by place
}

type named struct {
	id   tracker.LeadID
	text []byte
}

// told is what one event set and no later one has set again. A field that is
// Null was taken back.
type told struct {
	at     fold.Place
	fields []tracker.Field
}

func short(id tracker.LeadID) uint64 {
	return binary.LittleEndian.Uint64(id.Hash[:]) ^ uint64(id.Kind)*0x9e3779b97f4a7c15
}

// identities calls visit with what an event says whose it is.
func identities(e *tracker.Event, visit func(field string, id tracker.LeadID)) {
	if !e.User.IsZero() {
		visit("user_id", tracker.LeadID{Kind: tracker.UserIdentity, Hash: e.User})
	}
	if !e.Email.IsZero() {
		visit("email", tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email})
	}
	if !e.Visitor.IsZero() {
		visit("visitor", tracker.LeadID{Kind: tracker.VisitorIdentity, Hash: e.Visitor})
	}
}

// learn adds what an event says to the lead's profile; moves says that it tells
// where the person is. The common event says nothing new, and that is seen without
// opening anything.
func (s *State) learn(b *body, e *tracker.Event, p fold.Place, personal, moves bool) error {
	if b.id.Kind == tracker.VisitorIdentity || !personal || !e.Counts() {
		return nil
	}
	i := slices.IndexFunc(b.parts, func(q part) bool { return q.subject == e.Subject() })
	news := fold.SetsTraits(e) || moves || i < 0
	if !news {
		identities(e, func(_ string, id tracker.LeadID) { news = news || !slices.Contains(b.parts[i].known, short(id)) })
	}
	if !news {
		return nil
	}
	if err := s.unseal(e); err != nil || len(e.Personal) == 0 {
		return err
	}
	if i < 0 {
		i = len(b.parts)
		b.parts = append(b.parts, part{subject: e.Subject()})
	}
	q := &b.parts[i]
	var all said
	plain, err := s.openPart(b, q)
	if err == nil {
		err = all.decode(plain)
	}
	if errors.Is(err, storage.ErrErased) {
		q.known, err = nil, nil
	}
	if err != nil {
		return err
	}
	changed := all.name(q, e)
	if all.tell(p, attributes(e, moves)) || changed {
		return s.sealPart(b, q, all.append(nil))
	}
	return nil
}

// Derived bytes are bound to the lead: copied to another they do not open.
func (s *State) openPart(b *body, q *part) ([]byte, error) {
	if len(q.sealed) == 0 {
		return nil, nil
	}
	return s.db.OpenFor(nil, q.sealed, storage.Tenant(b.tenant.id), q.subject.Key(), short(b.id))
}

func (s *State) sealPart(b *body, q *part, plain []byte) (err error) {
	q.sealed, err = s.db.SealFor(nil, plain, storage.Tenant(b.tenant.id), q.subject.Key(), short(b.id))
	if errors.Is(err, storage.ErrErased) {
		q.sealed, q.known = nil, nil
		return nil
	}
	return err
}

// name takes the text of identities from an event.
func (a *said) name(q *part, e *tracker.Event) (changed bool) {
	identities(e, func(field string, id tracker.LeadID) {
		if slices.Contains(q.known, short(id)) {
			return
		}
		for i := range e.Personal {
			if f := &e.Personal[i]; f.Space == tracker.System && string(f.Name) == field && len(f.Value.Str) > 0 {
				text := strings.TrimSpace(string(f.Value.Str))
				if id.Kind == tracker.EmailIdentity {
					text = strings.ToLower(text)
				}
				a.names = append(a.names, named{id, []byte(text)})
				q.known = append(q.known, short(id))
				changed = true
				return
			}
		}
	})
	return changed
}

// tell takes the attributes that the event at p sets.
func (a *said) tell(p fold.Place, fields []tracker.Field) (changed bool) {
	at, found := slices.BinarySearchFunc(a.events, p, func(t told, p fold.Place) int { return t.at.Compare(p) })
	if found {
		return false
	}
	sets := told{at: p}
	for _, f := range fields {
		if !a.later(at, f.Name) {
			sets.fields = slices.DeleteFunc(sets.fields, named1(f.Name)) // unreachable unless a key came twice
			sets.fields = append(sets.fields, cutField(f))
		}
	}
	if len(sets.fields) == 0 {
		return false
	}
	for i := range at {
		for _, f := range sets.fields {
			a.events[i].fields = slices.DeleteFunc(a.events[i].fields, named1(f.Name))
		}
	}
	a.events = slices.Insert(a.events, at, sets)
	a.bound()
	return true
}

// isAttribute says that a field of an event that sets traits is an attribute: a
// trait, or the company that a group call names. Where the person is nobody else
// can say.
func isAttribute(f *tracker.Field) bool {
	return f.Space == tracker.Trait && !tracker.IsPlace(f.Name) || f.Space == tracker.System && string(f.Name) == "group_id"
}

// attributes are those that an event sets, and if it moves the person all that
// says where they are: what is not known of the new place is taken back.
func attributes(e *tracker.Event, moves bool) (out []tracker.Field) {
	if fold.SetsTraits(e) {
		for i := range e.Personal {
			if f := &e.Personal[i]; isAttribute(f) {
				out = append(out, *f)
			}
		}
	}
	if !moves {
		return out
	}
	for _, name := range tracker.PlaceNames {
		v, _ := e.Place(name)
		out = append(out, tracker.Field{Space: tracker.Trait, Name: []byte(name), Value: v})
	}
	return out
}

// lastMoves are the last events of each subject among entries that tell where the
// person is: those before them need not be opened.
func lastMoves(es []fold.Entry, e *tracker.Event) (map[tracker.LeadID]uint64, error) {
	last := map[tracker.LeadID]uint64{}
	for i := range es {
		if err := es[i].Decode(e); err != nil {
			return nil, err
		}
		if e.Moves() && es[i].Personal {
			last[es[i].Subject] = es[i].Seq
		}
	}
	return last, nil
}

func named1(name []byte) func(tracker.Field) bool {
	return func(f tracker.Field) bool { return string(f.Name) == string(name) }
}

// later says that an event from at on has set the attribute.
func (a *said) later(at int, name []byte) bool {
	return slices.ContainsFunc(a.events[at:], func(t told) bool { return slices.ContainsFunc(t.fields, named1(name)) })
}

// cutField cuts what is too long to keep.
func cutField(f tracker.Field) tracker.Field {
	if len(f.Value.Str) <= longestText {
		return f
	}
	if f.Value.Tag != tracker.String {
		f.Value = tracker.Value{} // a part of a list is none
		return f
	}
	n := longestText
	for n > 0 && !utf8.RuneStart(f.Value.Str[n]) {
		n--
	}
	f.Value.Str = f.Value.Str[:n]
	return f
}

// bound keeps the attributes told last; of one event those first by name, so
// that it does not matter which events came first.
func (a *said) bound() {
	left := mostAttributes
	for i := len(a.events) - 1; i >= 0; i-- {
		t := &a.events[i]
		if len(t.fields) > left {
			slices.SortFunc(t.fields, func(x, y tracker.Field) int { return strings.Compare(string(x.Name), string(y.Name)) })
			t.fields = t.fields[:left]
		}
		left -= len(t.fields)
	}
	a.events = slices.DeleteFunc(a.events, func(t told) bool { return len(t.fields) == 0 })
}

func (a *said) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(a.names)))
	for _, n := range a.names {
		dst = appendText(append(append(dst, byte(n.id.Kind)), n.id.Hash[:]...), string(n.text))
	}
	dst = binary.AppendUvarint(dst, uint64(len(a.events)))
	for _, t := range a.events {
		fields := tracker.AppendFields(nil, t.fields)
		dst = binary.AppendUvarint(fold.AppendPlace(dst, t.at), uint64(len(fields)))
		dst = append(dst, fields...)
	}
	return dst
}

func (a *said) decode(plain []byte) error {
	if len(plain) == 0 {
		return nil
	}
	r := bodyReader{b: plain}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		a.names = append(a.names, named{r.id(), r.take(r.uvarint())})
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		t := told{at: r.place()}
		fields, err := tracker.DecodeFields(nil, r.take(r.uvarint()))
		if err != nil {
			return err
		}
		t.fields = fields
		a.events = append(a.events, t)
	}
	return r.err
}

func (b *body) appendParts(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b.parts)))
	for i := range b.parts {
		q := &b.parts[i]
		dst = append(append(dst, byte(q.subject.Kind)), q.subject.Hash[:]...)
		dst = binary.AppendUvarint(dst, uint64(len(q.known)))
		for _, k := range q.known {
			dst = binary.LittleEndian.AppendUint64(dst, k)
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(q.sealed))), q.sealed...)
	}
	return dst
}

func (r *bodyReader) parts() (out []part) {
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		q := part{subject: r.id()}
		for k := r.uvarint(); k > 0 && r.err == nil; k-- {
			if b := r.take(8); len(b) == 8 {
				q.known = append(q.known, binary.LittleEndian.Uint64(b))
			}
		}
		q.sealed = slices.Clone(r.take(r.uvarint()))
		out = append(out, q)
	}
	return out
}

// portray shows what a profile holds. What was erased is not there.
func (s *State) portray(l *tracker.Lead, b *body, parts []part) error {
	type word struct {
		at fold.Place
		v  any
	}
	last := make(map[string]word)
	for i := range parts {
		plain, err := s.openPart(b, &parts[i])
		if errors.Is(err, storage.ErrErased) {
			continue
		}
		var all said
		if err == nil {
			err = all.decode(plain)
		}
		if err != nil {
			return err
		}
		for _, n := range all.names {
			for j := range l.Identities {
				if id := &l.Identities[j]; id.Kind == n.id.Kind && id.Hash == n.id.Hash {
					id.Value = string(n.text)
				}
			}
		}
		for _, t := range all.events {
			for _, f := range t.fields {
				if w, ok := last[string(f.Name)]; !ok || w.at.Less(t.at) {
					last[string(f.Name)] = word{t.at, f.Value.Any()}
				}
			}
		}
	}
	l.Attributes = make(map[string]any, len(last))
	for name, w := range last {
		if w.v != nil {
			l.Attributes[name] = w.v
		}
	}
	return nil
}
