package tracker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// A carry record is a row of storage.KindCarry: what is kept of a part of the
// log that retention drops.
//
//	carry      = version:1 kind:1 body
//	event      = sequence:uvarint received:varint row
//	control    = an activation or a link, see control.go
//	drop       = before:uvarint
//
// A pass of retention appends a carry for each event and each card in force
// that stays, then one drop; then the log is trimmed. Whoever reads the log from
// any place on comes to the same end: an event that is read twice, as itself
// and as carried, counts once by its place (time, message id); a carried card
// counts only if no other version of it was read before; a drop takes away
// what stands before its sequence and was not carried, if it is there at all.
const carryVersion = 1

const (
	carryEvent = iota + 1
	carryControl
	carryDrop
)

// Carry is one decoded carry record. Exactly one of Row, Activation, Link and
// Before is set.
type Carry struct {
	// Row is the event as it was, sealed part aside, which the record holds.
	Row      []byte
	Seq      uint64 // where it stood at first
	Received int64  // when it was received, unix ms

	// Activation puts a card in force that no later record of the log does.
	Activation *Activation

	// Link is a decision that no later record takes back.
	Link *Link

	// Before is the sequence before which only what is carried is kept.
	Before uint64
}

// AppendCarriedEvent appends the carry record of an event: its row, and where
// and when it stood in the log at first.
func AppendCarriedEvent(dst, row []byte, seq uint64, received int64) []byte {
	dst = append(dst, carryVersion, carryEvent)
	dst = binary.AppendUvarint(dst, seq)
	dst = binary.AppendVarint(dst, received)
	return append(dst, row...)
}

// AppendCarriedActivation appends the carry record of a card in force.
func AppendCarriedActivation(dst []byte, a Activation) []byte {
	return AppendActivation(append(dst, carryVersion, carryControl), a)
}

// AppendCarriedLink appends the carry record of a decision about identities.
func AppendCarriedLink(dst []byte, l Link) []byte {
	return AppendLink(append(dst, carryVersion, carryControl), l)
}

// AppendDrop appends the record that ends a pass.
func AppendDrop(dst []byte, before uint64) []byte {
	return binary.AppendUvarint(append(dst, carryVersion, carryDrop), before)
}

// IsCarriedEvent says that a carry record holds an event.
func IsCarriedEvent(row []byte) bool { return len(row) > 1 && row[1] == carryEvent }

// DecodeCarry reads a carry record. The event's row points into row.
func DecodeCarry(row []byte) (Carry, error) {
	r := rowReader{b: row}
	version, kind := r.byte(), r.byte()
	if r.err == nil && version != carryVersion {
		return Carry{}, fmt.Errorf("decode carry: version %d is unknown: upgrade this binary", version)
	}
	var c Carry
	switch kind {
	case carryEvent:
		c.Seq, c.Received = r.uvarint(), r.varint()
		if c.Row = r.b; len(c.Row) == 0 {
			r.fail(1)
		}
	case carryControl:
		control, err := DecodeControl(r.b)
		if err != nil {
			return Carry{}, fmt.Errorf("decode carry: %w", err)
		}
		c.Activation, c.Link = control.Activation, control.Link
	case carryDrop:
		if c.Before = r.uvarint(); c.Before == 0 && r.err == nil {
			r.err = errors.New("a drop needs a sequence from 1")
		}
	default:
		if r.err == nil {
			return Carry{}, fmt.Errorf("decode carry: kind %d is unknown: upgrade this binary", kind)
		}
	}
	if r.err != nil {
		return Carry{}, fmt.Errorf("decode carry: %w", r.err)
	}
	return c, nil
}

// lasting lists the types of events that are kept of an anonymous visitor when
// all else of it is dropped: money, requests, and what the person allowed or
// forbade, and how it ended with sales. Of an identified lead everything is
// kept. What is sealed in such an event is not kept.
var lasting = []string{
	"purchase", "refund", // orders
	"form_submit",            // conversions
	"consent", "unsubscribe", // what may be done
	"won", "lost", // outcomes
}

// IsLasting says that an event is kept even if nobody is known to it.
func (e *Event) IsLasting() bool { return slices.Contains(lasting, string(e.Type)) }
