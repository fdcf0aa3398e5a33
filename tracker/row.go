package tracker

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
)

// The row format, version 1. An event is two byte strings: the row, in the
// clear, and its personal fields, which storage seals under the subject's key.
//
//	row      = version:1 flags:uvarint machine:1 reason:1 source:uvarint
//	           time:varint messageID visitor? user? email? type fields
//	messageID= 16 bytes if flagUUID, else string
//	visitor  = user = email = 16 bytes
//	fields   = count:uvarint field*          (also the personal part, whole)
//	field    = space:1 tag:1 index:uvarint? name:string value
//	string   = length:uvarint bytes
//	value    = nothing | varint | 8 bytes LE | string | 8 bytes LE string
//
// Flags say a consent that is one word for all purposes in one bit, and any other
// purpose by purpose, with flagDenied beside it where it denies: who knows only
// that bit treats the event rightly.
//
// Receive time and sequence are not in the row: the log stamps them. Readers
// of a later version must keep reading this one.
const rowVersion = 1

const (
	flagVisitor = 1 << iota
	flagUser
	flagEmail
	flagUUID
	flagMinted
	flagProved
	flagGranted
	flagDenied
	flagProvedUser
	flagOffOrigin
	flagDecision
	consentShift = iota // from this bit on, the six of Consent
)

const (
	consentBits = 0x3f << consentShift
	flagPlaced  = 1 << (consentShift + 6)
	sealsShift  = consentShift + 7 // from this bit on, the 24 of Seals
)

// AppendRow appends e in row form, personal fields excluded.
func AppendRow(dst []byte, e *Event) []byte {
	dst = AppendRowHeader(dst, e)
	return AppendFields(dst, e.Fields)
}

// AppendRowHeader appends everything of a row before its fields; the caller
// appends the count and the fields, or [AppendFields].
func AppendRowHeader(dst []byte, e *Event) []byte {
	dst = append(dst, rowVersion)
	dst = binary.AppendUvarint(dst, rowFlags(e))
	dst = append(dst, byte(e.Machine), byte(e.MachineReason))
	dst = binary.AppendUvarint(dst, uint64(e.Source))
	dst = binary.AppendVarint(dst, e.Time)
	if e.MessageUUID {
		dst = append(dst, e.MessageID[:16]...)
	} else {
		dst = appendString(dst, e.MessageID)
	}
	for _, h := range [3]*Hash{&e.Visitor, &e.User, &e.Email} {
		if !h.IsZero() {
			dst = append(dst, h[:]...)
		}
	}
	return appendString(dst, e.Type)
}

func rowFlags(e *Event) (flags uint64) {
	set := func(on bool, bit uint64) {
		if on {
			flags |= bit
		}
	}
	set(!e.Visitor.IsZero(), flagVisitor)
	set(!e.User.IsZero(), flagUser)
	set(!e.Email.IsZero(), flagEmail)
	set(e.MessageUUID, flagUUID)
	set(e.Minted, flagMinted)
	set(e.Proved, flagProved)
	set(e.ProvedUser, flagProvedUser)
	set(e.OffOrigin, flagOffOrigin)
	set(e.Decision, flagDecision)
	set(e.Placed, flagPlaced)
	set(e.Consent == ConsentGranted, flagGranted)
	set(e.Consent.Denied(), flagDenied)
	if e.Consent != ConsentGranted && e.Consent != ConsentDenied {
		flags |= uint64(e.Consent) << consentShift & consentBits
	}
	return flags | uint64(e.Seals)<<sealsShift
}

// AppendFields appends a count and the fields. The personal part of an event
// is exactly this.
func AppendFields(dst []byte, fs []Field) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(fs)))
	for i := range fs {
		dst = AppendField(dst, &fs[i])
	}
	return dst
}

// AppendField appends one field.
func AppendField(dst []byte, f *Field) []byte {
	dst = append(dst, byte(f.Space), byte(f.Value.Tag))
	if f.Space == Product {
		dst = binary.AppendUvarint(dst, uint64(f.Index))
	}
	dst = appendString(dst, f.Name)
	switch v := &f.Value; v.Tag {
	case Int:
		dst = binary.AppendVarint(dst, int64(v.Num))
	case Float:
		dst = binary.LittleEndian.AppendUint64(dst, v.Num)
	case String, JSON:
		dst = appendString(dst, v.Str)
	case Number:
		dst = binary.LittleEndian.AppendUint64(dst, v.Num)
		dst = appendString(dst, v.Str)
	}
	return dst
}

func appendString(dst, s []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// IsProvedRow says that a row's event is one that a secret key, a signature or a
// signed link stands for, without decoding the rest.
func IsProvedRow(row []byte) bool {
	r := rowReader{b: row}
	return r.byte() == rowVersion && r.uvarint()&flagProved != 0 && r.err == nil
}

// DecodeRow reads a row into e, reusing e.Fields. Slices of e point into row.
// Seq, Received and Personal are left alone.
func DecodeRow(row []byte, e *Event) error {
	r := rowReader{b: row}
	if err := r.head(e); err != nil {
		return err
	}
	if e.Fields = r.fields(e.Fields[:0]); r.err != nil {
		return fmt.Errorf("decode row: %w", r.err)
	}
	return nil
}

// DecodeRowHead is DecodeRow without the fields, of which e has none then: most of
// a row is fields, and who files an event or looks for its place reads none.
func DecodeRowHead(row []byte, e *Event) error {
	r := rowReader{b: row}
	e.Fields = e.Fields[:0]
	return r.head(e)
}

func (r *rowReader) head(e *Event) error {
	if v := r.byte(); v != rowVersion && r.err == nil {
		return fmt.Errorf("decode row: version %d, this binary reads %d: upgrade it", v, rowVersion)
	}
	flags := r.uvarint()
	e.Machine, e.MachineReason = Machine(r.byte()), MachineReason(r.byte())
	e.Source = uint32(r.uvarint())
	e.Time = r.varint()
	e.MessageUUID = flags&flagUUID != 0
	if e.MessageUUID {
		e.MessageID = r.bytes(16)
	} else {
		e.MessageID = r.string()
	}
	r.hash(flags&flagVisitor != 0, &e.Visitor)
	r.hash(flags&flagUser != 0, &e.User)
	r.hash(flags&flagEmail != 0, &e.Email)
	e.Minted, e.Proved, e.ProvedUser = flags&flagMinted != 0, flags&flagProved != 0, flags&flagProvedUser != 0
	e.OffOrigin, e.Decision = flags&flagOffOrigin != 0, flags&flagDecision != 0
	e.Placed, e.Seals = flags&flagPlaced != 0, NameSet(flags>>sealsShift)&nameSetAll
	e.Consent = consentOf(flags)
	e.Type = r.string()
	if r.err != nil {
		return fmt.Errorf("decode row: %w", r.err)
	}
	if e.Machine > Server || e.MachineReason > lastReason {
		return errors.New("decode row: unknown machine verdict: upgrade this binary")
	}
	return nil
}

func consentOf(flags uint64) Consent {
	switch {
	case flags&consentBits != 0:
		return Consent(flags & consentBits >> consentShift)
	case flags&flagDenied != 0:
		return ConsentDenied
	case flags&flagGranted != 0:
		return ConsentGranted
	}
	return ConsentUnknown
}

// DecodeFields reads what [AppendFields] wrote, appending to dst.
func DecodeFields(dst []Field, b []byte) ([]Field, error) {
	if len(b) == 0 {
		return dst, nil
	}
	r := rowReader{b: b}
	dst = r.fields(dst)
	if r.err != nil {
		return dst, fmt.Errorf("decode fields: %w", r.err)
	}
	return dst, nil
}

// rowReader reads the parts of a row; after the first error all reads are zero.
type rowReader struct {
	b   []byte
	err error
}

func (r *rowReader) fail(need int) {
	if r.err == nil {
		r.err = fmt.Errorf("need %d bytes, have %d", need, len(r.b))
	}
	r.b = nil
}

func (r *rowReader) byte() byte {
	if len(r.b) < 1 {
		r.fail(1)
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *rowReader) bytes(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.fail(n)
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *rowReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail(1)
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *rowReader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *rowReader) string() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.fail(int(min(n, math.MaxInt32)))
		return nil
	}
	return r.bytes(int(n))
}

func (r *rowReader) uint64() uint64 {
	b := r.bytes(8)
	if len(b) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *rowReader) hash(present bool, h *Hash) {
	*h = Hash{}
	if present {
		copy(h[:], r.bytes(16))
	}
}

func (r *rowReader) fields(dst []Field) []Field {
	n := r.uvarint()
	if n > uint64(len(r.b)) { // a field takes at least 3 bytes
		r.fail(int(min(n, math.MaxInt32)))
		return dst
	}
	for ; n > 0 && r.err == nil; n-- {
		f := Field{Space: Space(r.byte()), Value: Value{Tag: Tag(r.byte())}}
		if f.Space == Product {
			f.Index = uint16(r.uvarint())
		}
		f.Name = r.string()
		r.value(&f.Value)
		if r.err == nil {
			dst = append(dst, f)
		}
	}
	return dst
}

func (r *rowReader) value(v *Value) {
	switch v.Tag {
	case Null, False, True:
	case Int:
		v.Num = uint64(r.varint())
	case Float:
		v.Num = r.uint64()
	case String, JSON:
		v.Str = r.string()
	case Number:
		v.Num = r.uint64()
		v.Str = r.string()
	default:
		if r.err == nil {
			r.err = fmt.Errorf("unknown tag %d", v.Tag)
		}
	}
}

// MessageText returns the message id as the sender wrote it (UUIDs in lower
// case).
func (e *Event) MessageText() string {
	if !e.MessageUUID || len(e.MessageID) != 16 {
		return string(e.MessageID)
	}
	var b [36]byte
	u := e.MessageID
	hex.Encode(b[:8], u[:4])
	b[8] = '-'
	hex.Encode(b[9:13], u[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], u[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], u[8:10])
	b[23] = '-'
	hex.Encode(b[24:], u[10:])
	return string(b[:])
}

// PackUUID reads a canonical lower-case UUID (36 bytes) into 16 bytes. Any
// other text, upper case included, is not packed: it stays as it was sent.
func PackUUID(dst *[16]byte, s []byte) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	j := 0
	for i := 0; i < 36; i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		hi, lo := nibble[s[i]], nibble[s[i+1]]
		if hi|lo > 15 {
			return false
		}
		dst[j] = hi<<4 | lo
		i++
		j++
	}
	return true
}

var nibble = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		t[c] = byte(i)
	}
	return t
}()

// AsFloat returns the value as rules see a number.
func (v Value) AsFloat() (float64, bool) {
	switch v.Tag {
	case Int:
		return float64(int64(v.Num)), true
	case Float, Number:
		return math.Float64frombits(v.Num), true
	}
	return 0, false
}
