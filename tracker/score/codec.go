package score

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"sync"

	"ripen/tracker"
)

// A walk in storage:
//
//	walk    = gen first last active step events sessions states (level:1 proved? (consent:1 (mails interest?)?)?)?
//	proved  = count:uvarint (kind:1 hash:16)*          (if the level's byte says so)
//	session = subject:8 last id:8
//	state   = card flags score exact next grade band trouble? guest
//
// Numbers are varints, texts have their length first. A guest's state is mostly
// zeros: it is stored as runs (zero words, then words) of eight bytes.

const (
	stateNull = 1 << iota
	stateTrouble
)

// levelProved says in a level's byte that identities follow that clicks proved.
const levelProved = 1 << 7

// Append appends the walk in stored form.
func (k *Walk) Append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, k.Gen)
	for _, t := range [4]int64{k.First, k.Last - k.First, k.Active - k.First, k.Step - k.First} {
		dst = binary.AppendVarint(dst, t)
	}
	dst = binary.AppendUvarint(dst, k.Events)
	dst = binary.AppendUvarint(dst, uint64(len(k.sessions)))
	for _, s := range k.sessions {
		dst = binary.LittleEndian.AppendUint64(dst, s.subject)
		dst = binary.AppendVarint(dst, s.last-k.First)
		dst = binary.LittleEndian.AppendUint64(dst, s.id)
	}
	dst = binary.AppendUvarint(dst, uint64(len(k.States)))
	for i := range k.States {
		dst = k.States[i].append(dst)
	}
	// At the end: what was stored before has none of it.
	mails := len(k.marks)+len(k.held) > 0 || k.interest != nil
	switch {
	case len(k.Proved) > 0:
		dst = binary.AppendUvarint(append(dst, byte(k.Level)|levelProved), uint64(len(k.Proved)))
		for _, id := range k.Proved {
			dst = append(append(dst, byte(id.Kind)), id.Hash[:]...)
		}
	case k.Level != tracker.Anonymous || k.Consent != 0 || mails:
		dst = append(dst, byte(k.Level))
	}
	if k.Consent != 0 || mails {
		dst = append(dst, byte(k.Consent))
	}
	if mails {
		dst = k.appendMails(dst)
	}
	if k.interest != nil {
		dst = k.appendInterest(dst)
	}
	return dst
}

func (s *State) append(dst []byte) []byte {
	flags := byte(0)
	if s.Null {
		flags |= stateNull
	}
	if s.Trouble != "" {
		flags |= stateTrouble
	}
	dst = append(appendText(dst, s.Card), flags)
	for _, n := range [3]int64{int64(s.Score), s.Exact, s.Next} {
		dst = binary.AppendVarint(dst, n)
	}
	dst = appendText(appendText(dst, s.Grade), s.Band)
	if s.Trouble != "" {
		dst = appendText(dst, s.Trouble)
	}
	return appendWords(dst, s.Guest)
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// appendWords writes b as its length and runs of (zero words, words).
func appendWords(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	for len(b) >= 8 {
		zeros, words := 0, 0
		for 8*(zeros+1) <= len(b) && binary.LittleEndian.Uint64(b[8*zeros:]) == 0 {
			zeros++
		}
		rest := b[8*zeros:]
		for 8*(words+1) <= len(rest) && binary.LittleEndian.Uint64(rest[8*words:]) != 0 {
			words++
		}
		dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(zeros)), uint64(words))
		dst = append(dst, rest[:8*words]...)
		b = rest[8*words:]
	}
	return append(dst, b...)
}

type reader struct {
	b    []byte
	err  error
	text *Texts
}

var errShort = errors.New("walk: stored form ends early: run ripen replay")

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.err, r.b = errShort, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.err, r.b = errShort, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if len(b) < 1 {
		return 0
	}
	return b[0]
}

func (r *reader) uint64() uint64 {
	b := r.bytes(8)
	if len(b) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

func (r *reader) string() string {
	return r.text.Of(r.bytes(r.uvarint()))
}

// Texts holds each card, band and grade name once for all walks. Its methods
// may be called concurrently.
type Texts struct {
	mu sync.Mutex
	m  map[string]string // :: text → the same, once
}

// Of returns the text of b.
func (t *Texts) Of(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if s, ok := t.m[string(b)]; ok {
		return s
	}
	s := string(b)
	if t.m == nil || len(t.m) > 1<<16 {
		t.m = make(map[string]string)
	}
	t.m[s] = s
	return s
}

// Decode reads what [Walk.Append] wrote. It copies.
func (k *Walk) Decode(b []byte, texts *Texts) error {
	r := reader{b: b, text: texts}
	k.Gen = r.uvarint()
	k.First = r.varint()
	k.Last, k.Active, k.Step = r.varint()+k.First, r.varint()+k.First, r.varint()+k.First
	k.Events = r.uvarint()
	n := r.uvarint()
	k.sessions = k.sessions[:0]
	for ; n > 0 && r.err == nil; n-- {
		k.sessions = append(k.sessions, session{subject: r.uint64(), last: r.varint() + k.First, id: r.uint64()})
	}
	n = r.uvarint()
	if n > uint64(len(r.b)) {
		return errShort
	}
	k.States = append(k.States[:0], make([]State, n)...)
	for i := range k.States {
		r.state(&k.States[i])
	}
	r.level(k)
	if k.Consent = 0; len(r.b) > 0 {
		k.Consent = tracker.Consent(r.byte())
	}
	r.mails(k)
	r.interest(k)
	return r.err
}

func (r *reader) level(k *Walk) {
	k.Level, k.Proved = tracker.Anonymous, k.Proved[:0]
	if len(r.b) == 0 {
		return
	}
	b := r.byte()
	k.Level = min(tracker.Level(b&^levelProved), tracker.Proved)
	if b&levelProved == 0 {
		return
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		id := tracker.LeadID{Kind: tracker.IdentityKind(r.byte())}
		copy(id.Hash[:], r.bytes(uint64(len(id.Hash))))
		k.Proved = append(k.Proved, id)
	}
}

func (r *reader) state(s *State) {
	s.Card = r.string()
	flags := r.byte()
	s.Null = flags&stateNull != 0
	s.Score, s.Exact, s.Next = int(r.varint()), r.varint(), r.varint()
	s.Grade, s.Band = r.string(), r.string()
	if flags&stateTrouble != 0 {
		s.Trouble = string(r.bytes(r.uvarint()))
	}
	s.Guest = r.words()
}

// maxGuest bounds what a damaged length may ask for.
const maxGuest = 1 << 20

func (r *reader) words() []byte {
	n := r.uvarint()
	if n > maxGuest {
		r.err, r.b = errShort, nil
		return nil
	}
	out := make([]byte, n)
	b := out
	for len(b) >= 8 && r.err == nil {
		zeros, words := r.uvarint(), r.uvarint()
		hi, zb := bits.Mul64(zeros, 8)
		if hi > 0 || zb > uint64(len(b)) || words > uint64(len(b))/8 || zb+8*words > uint64(len(b)) || zeros+words == 0 {
			r.err, r.b = errShort, nil
			return nil
		}
		b = b[zb:]
		b = b[copy(b, r.bytes(8*words)):]
	}
	copy(b, r.bytes(uint64(len(b))))
	return out
}

// Size is the memory a walk takes, about.
func (k *Walk) Size() int {
	n := 178 + k.interest.size() + 24*cap(k.sessions) + 32*cap(k.marks) + 17*cap(k.Proved)
	for i := range k.held {
		n += 72 + len(k.held[i].row)
	}
	for i := range k.States {
		n += 176 + cap(k.States[i].Guest)
	}
	return n
}
