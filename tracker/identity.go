package tracker

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"unicode"
)

// TenantID is the random prefix of every key a tenant owns.
type TenantID [8]byte

// String returns the id as 16 hex digits.
func (t TenantID) String() string { return hex.EncodeToString(t[:]) }

// Hash is a keyed digest of an identity: HMAC-SHA256 under the tenant's key,
// cut to 128 bits. Indexes and rows hold identities only in this form.
type Hash [16]byte

// IsZero says that there is no identity here.
func (h Hash) IsZero() bool { return h == Hash{} }

// IdentityKind orders identities by strength: a user id is stronger than an
// e-mail, an e-mail is stronger than a visitor.
type IdentityKind byte

// The kinds, strongest first. The letters appear in lead ids.
const (
	UserIdentity    IdentityKind = 'u'
	EmailIdentity   IdentityKind = 'e'
	VisitorIdentity IdentityKind = 'v'
)

// Level is how sure it is who somebody is.
type Level byte

// The levels. Anyone may claim to be a user by a public write key; proved are
// those that a secret key, a signature ([UserProof]) or a click on a signed link
// of a mail stands for.
const (
	Anonymous Level = iota
	Claimed
	Proved
)

// String returns the word that rules and the API use.
func (l Level) String() string { return [...]string{"anonymous", "claimed", "proved"}[l] }

// LeadID names a lead by the strongest identity it holds.
type LeadID struct {
	Kind IdentityKind
	Hash Hash
}

// IsZero says that there is no lead here.
func (l LeadID) IsZero() bool { return l == LeadID{} }

// String returns "u_", "e_" or "v_" and 32 hex digits.
func (l LeadID) String() string {
	var b [34]byte
	b[0], b[1] = byte(l.Kind), '_'
	hex.Encode(b[2:], l.Hash[:])
	return string(b[:])
}

// ParseLeadID reads what [LeadID.String] wrote.
func ParseLeadID(s string) (LeadID, error) {
	if len(s) != 34 || s[1] != '_' || !strings.ContainsRune("uev", rune(s[0])) {
		return LeadID{}, errors.New("lead id: need u_, e_ or v_ and 32 hex digits")
	}
	l := LeadID{Kind: IdentityKind(s[0])}
	if _, err := hex.Decode(l.Hash[:], []byte(s[2:])); err != nil {
		return LeadID{}, errors.New("lead id: need u_, e_ or v_ and 32 hex digits")
	}
	return l, nil
}

func (l LeadID) isIdentity() bool {
	return l.Kind == UserIdentity || l.Kind == EmailIdentity || l.Kind == VisitorIdentity
}

// Key is the identity as storage knows a subject: its kind and its hash.
func (l LeadID) Key() (k [17]byte) {
	k[0] = byte(l.Kind)
	copy(k[1:], l.Hash[:])
	return k
}

// LeadOf is the identity that storage knows as a subject.
func LeadOf(k [17]byte) LeadID {
	return LeadID{Kind: IdentityKind(k[0]), Hash: Hash(k[1:])}
}

// Stronger says that l names a lead that holds both: a user id before an e-mail,
// that before a visitor, and of one kind the smaller hash.
func (l LeadID) Stronger(m LeadID) bool {
	if l.Kind != m.Kind {
		return l.Kind == UserIdentity || l.Kind == EmailIdentity && m.Kind == VisitorIdentity
	}
	return l.Compare(m) < 0
}

// Compare orders lead ids as their text does.
func (l LeadID) Compare(m LeadID) int {
	if l.Kind != m.Kind {
		return int(l.Kind) - int(m.Kind)
	}
	return bytes.Compare(l.Hash[:], m.Hash[:])
}

// IdentityKey is a tenant's secret for hashing identities.
type IdentityKey [32]byte

// Hash returns the keyed digest of an identity. The value is normalised by
// kind first: e-mails are trimmed and lower-cased, other ids are only trimmed.
// It does not allocate for values up to 200 bytes.
func (k *IdentityKey) Hash(kind IdentityKind, value []byte) Hash {
	var norm [256]byte
	v := normalise(norm[:0], kind, value)
	// HMAC (RFC 2104) by hand: crypto/hmac allocates, and this runs per event.
	var buf [64 + 1 + 256]byte
	for i := range 64 {
		buf[i] = 0x36
	}
	for i, b := range k {
		buf[i] ^= b
	}
	buf[64] = byte(kind)
	var inner [32]byte
	if len(v) <= 256 {
		n := copy(buf[65:], v)
		inner = sha256.Sum256(buf[:65+n])
	} else {
		inner = sha256.Sum256(append(buf[:65:65], v...))
	}
	var out [96]byte
	for i := range 64 {
		out[i] = 0x5c
	}
	for i, b := range k {
		out[i] ^= b
	}
	copy(out[64:], inner[:])
	sum := sha256.Sum256(out[:])
	return Hash(sum[:16])
}

func normalise(dst []byte, kind IdentityKind, v []byte) []byte {
	v = trimSpace(v)
	if kind != EmailIdentity {
		return append(dst, v...)
	}
	for _, c := range v {
		if c >= 0x80 {
			return append(dst[:0], strings.Map(unicode.ToLower, string(v))...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

func trimSpace(v []byte) []byte {
	for len(v) > 0 && v[0] <= ' ' {
		v = v[1:]
	}
	for len(v) > 0 && v[len(v)-1] <= ' ' {
		v = v[:len(v)-1]
	}
	return v
}
