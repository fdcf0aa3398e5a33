package tracker

import (
	"crypto/sha256"
	"strings"
)

// DerivedID is the message id of an event that we make ourselves: made of what the
// event is known by, so that one made again is the same.
func DerivedID(parts ...string) []byte {
	return UUID8(sha256.Sum256([]byte(strings.Join(parts, "\x00"))))
}

// UUID8 makes a UUID of version 8 (RFC 9562, 5.8) of a digest.
func UUID8(sum [32]byte) []byte {
	u := sum[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	return u
}
