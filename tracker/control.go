package tracker

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A control record is a row of storage.KindControl: something that happened to
// the tenant instead of to a person. It stands in the log between the events,
// so that the log alone decides which card is in force at which event.
//
//	control    = version:1 kind:1 body
//	activation = flags:1 version:uvarint card:string yaml:string
//	link       = joined:1 time:varint id id
//	erasure    = count:uvarint id*
//	expiry     = source:uvarint before:varint count:uvarint id*
//	id         = kind:1 hash:16
const controlVersion = 1

const (
	controlActivation = iota + 1
	controlLink
	controlErasure
	controlExpiry
)

const activationRanking = 1

// Activation puts a version of a card in force from its place in the log on.
// Every lead of the tenant is then walked again with it.
type Activation struct {
	Card    string // the card's name
	Version int    // the number the server gave it, from 1
	YAML    []byte // the card's source, whole, or the bytes of a tenant's module: replay needs nothing else
	Ranking bool   // its order is the tenant's default order from now on
}

// Name returns name@version, as scores and changes carry it.
func (a *Activation) Name() string { return fmt.Sprintf("%s@%d", a.Card, a.Version) }

// AppendActivation appends the control record that puts a in force.
func AppendActivation(dst []byte, a Activation) []byte {
	var flags byte
	if a.Ranking {
		flags |= activationRanking
	}
	dst = append(dst, controlVersion, controlActivation, flags)
	dst = binary.AppendUvarint(dst, uint64(a.Version))
	dst = appendString(dst, []byte(a.Card))
	return appendString(dst, a.YAML)
}

// Link is what somebody decided about two identities of the tenant: that they are
// one person, or that they are two, whatever events say. Of several decisions
// about one pair the latest stands; of those of one moment, that they are two.
type Link struct {
	A, B   LeadID
	Joined bool
	Time   int64 // unix ms, when it was decided
}

// AppendLink appends the control record of a decision.
func AppendLink(dst []byte, l Link) []byte {
	joined := byte(0)
	if l.Joined {
		joined = 1
	}
	dst = binary.AppendVarint(append(dst, controlVersion, controlLink, joined), l.Time)
	return appendID(appendID(dst, l.A), l.B)
}

func appendID(dst []byte, id LeadID) []byte {
	return append(append(dst, byte(id.Kind)), id.Hash[:]...)
}

// AppendErasure appends the control record that what was told of subjects before
// it counts no more: their keys are destroyed.
func AppendErasure(dst []byte, subjects []LeadID) []byte {
	dst = binary.AppendUvarint(append(dst, controlVersion, controlErasure), uint64(len(subjects)))
	for _, id := range subjects {
		dst = appendID(dst, id)
	}
	return dst
}

// Expiry is what a source's own retention takes away: the events of the source that
// were received before a moment, from the timelines of some subjects. Lasting ones
// stay, without what was sealed in them; see [Event.IsLasting].
type Expiry struct {
	Source   uint32
	Before   int64 // unix ms
	Subjects []LeadID
}

// Takes says what becomes of an event that was received at a moment: gone, or bare
// of its sealed part.
func (x *Expiry) Takes(e *Event, received int64) (gone, bare bool) {
	if e.Source != x.Source || received >= x.Before {
		return false, false
	}
	return !e.IsLasting(), true
}

// AppendExpiry appends the control record of an expiry.
func AppendExpiry(dst []byte, x Expiry) []byte {
	dst = binary.AppendUvarint(append(dst, controlVersion, controlExpiry), uint64(x.Source))
	dst = binary.AppendUvarint(binary.AppendVarint(dst, x.Before), uint64(len(x.Subjects)))
	for _, id := range x.Subjects {
		dst = appendID(dst, id)
	}
	return dst
}

// Control is one decoded control record. Exactly one field is set.
type Control struct {
	Activation *Activation
	Link       *Link
	Erased     []LeadID // subjects
	Expiry     *Expiry
}

// Type says in a word what was decided: scorecard, link, unlink, erasure, expiry.
func (c *Control) Type() string {
	switch {
	case c.Activation != nil:
		return "scorecard"
	case c.Link != nil && c.Link.Joined:
		return "link"
	case c.Link != nil:
		return "unlink"
	case c.Expiry != nil:
		return "expiry"
	}
	return "erasure"
}

// DecodeControl reads a control record. What it returns does not alias row.
func DecodeControl(row []byte) (c Control, err error) {
	r := rowReader{b: row}
	version, kind := r.byte(), r.byte()
	switch {
	case r.err == nil && version == controlVersion && kind == controlActivation:
		c.Activation, err = r.activation()
	case r.err == nil && version == controlVersion && kind == controlLink:
		c.Link, err = r.link()
	case r.err == nil && version == controlVersion && kind == controlErasure:
		c.Erased, err = r.subjects()
	case r.err == nil && version == controlVersion && kind == controlExpiry:
		c.Expiry = &Expiry{Source: uint32(r.uvarint()), Before: r.varint()}
		c.Expiry.Subjects, err = r.subjects()
	case r.err == nil:
		err = fmt.Errorf("version %d kind %d is unknown: upgrade this binary", version, kind)
	}
	if err = errors.Join(r.err, err); err != nil {
		return Control{}, fmt.Errorf("decode control: %w", err)
	}
	return c, nil
}

func (r *rowReader) activation() (*Activation, error) {
	flags := r.byte()
	a := &Activation{Ranking: flags&activationRanking != 0, Version: int(r.uvarint())}
	a.Card = string(r.string())
	a.YAML = append([]byte(nil), r.string()...)
	if r.err == nil && (a.Card == "" || a.Version < 1) {
		return nil, errors.New("an activation needs a card name and a version from 1")
	}
	return a, nil
}

func (r *rowReader) link() (*Link, error) {
	l := &Link{Joined: r.byte() != 0, Time: r.varint()}
	l.A, l.B = r.id(), r.id()
	if r.err == nil && (l.A == l.B || !l.A.isIdentity() || !l.B.isIdentity()) {
		return nil, errors.New("a link needs two identities")
	}
	return l, nil
}

func (r *rowReader) subjects() (ids []LeadID, err error) {
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		ids = append(ids, r.id())
	}
	if r.err == nil && len(ids) == 0 {
		return nil, errors.New("need a subject")
	}
	return ids, nil
}

func (r *rowReader) id() (id LeadID) {
	id.Kind = IdentityKind(r.byte())
	r.hash(true, &id.Hash)
	return id
}
