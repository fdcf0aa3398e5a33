package tracker

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// ModuleRef begins what stands in place of a card's YAML if the card is a
// tenant's own module: then follows the SHA-256 of its bytes.
const ModuleRef = "module sha256:"

// ModelRef is the same of a learned model.
const ModelRef = "model sha256:"

// Ref returns the SHA-256, in hexadecimal digits, that stands in place of a source.
func Ref(stored []byte) (sum string, ok bool) {
	if sum, ok = strings.CutPrefix(string(stored), ModuleRef); ok {
		return sum, true
	}
	return strings.CutPrefix(string(stored), ModelRef)
}

// IsModule says whether a card's source is WebAssembly, not YAML.
func IsModule(source []byte) bool { return bytes.HasPrefix(source, []byte("\x00asm")) }

// Card is one scorecard of a tenant: its draft, and every version that was ever
// in force.
type Card struct {
	Name     string
	Draft    []byte        // YAML, or a ModuleRef, that waits to be published; nil = none
	Current  int           // the version in force; 0 = none yet
	Since    int64         // unix ms, when it came into force; a rollback is later than its publication
	Versions []CardVersion // oldest first
}

// DraftID names what the draft says; empty = there is none. Whoever gives it to
// publish what they have seen is refused if another draft has taken its place.
func (c *Card) DraftID() string { return DraftID(c.Draft) }

// DraftID is [Card.DraftID] of a draft.
func DraftID(draft []byte) string {
	if draft == nil {
		return ""
	}
	sum := sha256.Sum256(draft)
	return hex.EncodeToString(sum[:8])
}

// CardVersion is one version of a card, as it was published.
type CardVersion struct {
	Version int
	At      int64  // unix ms, when it was published first
	YAML    []byte // or a ModuleRef
	// Quarantined is when the version was given up because its module failed too
	// often, unix ms; 0 = it was not. Why says how it failed.
	Quarantined int64
	Why         string
}

// Version returns a version by its number, or nil.
func (c *Card) Version(n int) *CardVersion {
	for i := range c.Versions {
		if c.Versions[i].Version == n {
			return &c.Versions[i]
		}
	}
	return nil
}
