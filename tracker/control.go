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
const controlVersion = 1

const controlActivation = 1

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

// Control is one decoded control record. Exactly one field is set.
type Control struct {
	Activation *Activation
}

// DecodeControl reads a control record. What it returns does not alias row.
func DecodeControl(row []byte) (Control, error) {
	r := rowReader{b: row}
	version, kind := r.byte(), r.byte()
	if r.err == nil && (version != controlVersion || kind != controlActivation) {
		return Control{}, fmt.Errorf("decode control: version %d kind %d is unknown: upgrade this binary", version, kind)
	}
	flags := r.byte()
	a := Activation{Ranking: flags&activationRanking != 0, Version: int(r.uvarint())}
	a.Card = string(r.string())
	a.YAML = append([]byte(nil), r.string()...)
	if r.err != nil {
		return Control{}, fmt.Errorf("decode control: %w", r.err)
	}
	if a.Card == "" || a.Version < 1 {
		return Control{}, errors.New("decode control: an activation needs a card name and a version from 1")
	}
	return Control{Activation: &a}, nil
}
