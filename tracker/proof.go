package tracker

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// UserProof is how a tenant's server vouches for a user id: HMAC-SHA256 of the
// id under the source's identity key, in lower-case hex. The page sends it as
// userIdHash beside userId; without it a user id from a browser is only claimed.
func UserProof(key string, user []byte) string {
	sum := mac([]byte(key), user)
	return hex.EncodeToString(sum[:])
}

// Proves says that proof vouches for a user id under one of the source's
// identity keys. It does not allocate for ids up to 200 bytes.
func (s *Source) Proves(user, proof []byte) bool {
	var given [sha256.Size]byte
	if len(proof) != hex.EncodedLen(len(given)) {
		return false
	}
	if _, err := hex.Decode(given[:], proof); err != nil {
		return false
	}
	for _, key := range s.IdentityKeys {
		var buf [64]byte
		sum := mac(append(buf[:0], key...), user)
		if subtle.ConstantTimeCompare(sum[:], given[:]) == 1 {
			return true
		}
	}
	return false
}

// mac is HMAC-SHA256 (RFC 2104) by hand, as in [IdentityKey.Hash]: it runs per
// event. A key has at most 64 bytes.
func mac(key, msg []byte) [sha256.Size]byte {
	if len(key) > 64 {
		panic("BUG: an identity key has over 64 bytes")
	}
	var buf [64 + 256]byte
	for i := range 64 {
		buf[i] = 0x36
	}
	for i, b := range key {
		buf[i] ^= b
	}
	inner := sha256.Sum256(append(buf[:64], msg...))
	var out [96]byte
	for i := range 64 {
		out[i] = buf[i] ^ 0x36 ^ 0x5c
	}
	copy(out[64:], inner[:])
	return sha256.Sum256(out[:])
}
