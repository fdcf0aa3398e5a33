package storage

import (
	"bytes"
	"encoding/binary"
)

// A key of leads/ and meta/ is (tenant 8 bytes, space 1 byte, rest). This file
// is the only place that builds keys: a tenant's rows cannot be reached by
// another tenant's id, whatever bytes the rest holds.
//
// A space belongs to one stage, which alone gives meaning to the rest and the
// value. Spaces of one database are distinct; new ones are added here.

// The spaces of meta/: synced, what cannot be derived.
const (
	SpaceTenant      = 't' // tracker/tenant: tenants (zero tenant: registry; else settings)
	SpaceSource      = 's' // tracker/tenant: sources and write keys
	SpaceSecret      = 'k' // tracker/tenant: hashes of secret keys
	SpaceCard        = 'c' // tracker/tenant: scorecards: drafts, versions, which is published
	SpaceModule      = 'm' // tracker/tenant: compiled modules by content hash
	SpaceList        = 'l' // tracker/tenant: named lists and their versions
	SpaceChange      = 'h' // tracker/rank: change feed and score history, by sequence
	SpaceChangeIndex = 'i' // tracker/rank: a lead's changes
	SpaceWatermark   = 'w' // tracker/fold: position up to which changes are written
	SpaceAct         = 'a' // tracker/server: the act cursor over changes
	SpaceOutbox      = 'o' // tracker/outbox: intents and attempts
	SpaceWebhook     = 'e' // tracker/outbox: where intents go
	SpaceHandoff     = 'q' // tracker/handoff: who was handed to sales, and what became of it
	SpaceSuppression = 'x' // tracker/mail: whom never to write to
	SpaceJourney     = 'j' // tracker/journey: journeys, segments, and where leads stand in them
	SpaceOnsite      = 'b' // tracker/journey/onsite: who saw which on-site message, and what waits for them
	SpaceDeadLetter  = 'd' // tracker/ingest: refused events, sealed
	SpaceImport      = 'p' // cmd: progress of imports
	SpaceMailKey     = 'y' // tracker/email: keys that sign the addresses in mails
	SpaceMailToken   = 'n' // tracker/email: tokens of webhooks that were used, until they are too old
	SpaceMail        = 'g' // tracker/mail: senders, templates and their versions
	SpaceTraining    = 'f' // tracker/server: cards that were learned anew, and what became of it
	SpaceErasure     = 'z' // storage: subjects erased; Restore applies them again
	SpaceState       = '0' // storage: the machine's own counters (zero tenant)
)

// The spaces of leads/: derived from the log, rebuilt by replay.
const (
	SpaceCursor   = 'C' // tracker/fold: log position of the last checkpoint
	SpaceLead     = 'L' // tracker/fold: lead state and attributes
	SpaceTimeline = 'T' // tracker/fold: timeline chunks by subject
	SpaceIdentity = 'I' // tracker/fold: identity → lead
	SpaceOwner    = 'E' // tracker/fold: e-mail → owner and marks
	SpaceLink     = 'K' // tracker/fold: identity → what was decided about it
	SpaceScore    = 'S' // tracker/score: guest state and checkpoints
	SpaceTimer    = 'M' // tracker/score: when a lead next changes by itself
	SpaceRank     = 'R' // tracker/rank: order of leads
	SpaceStats    = 'N' // tracker/fold: counters by day and source
)

// tableKey appends the key of a row to dst.
func tableKey(dst []byte, t Tenant, space byte, key []byte) []byte {
	dst = append(dst, t[:]...)
	dst = append(dst, space)
	return append(dst, key...)
}

const tablePrefix = 9 // tenant and space

// Keys of log/: partition 2 bytes, kind 1 byte, rest.
const (
	logBlock  = 'b' // day 4, first sequence 8 → where its block lies, or the block
	logAnchor = 'a' // → anchor: what the oldest kept block must follow
	logSecret = 's' // → 16-byte key of the id hashes
	logEpoch  = 'e' // → next unused epoch of nonces, 4 bytes
	logClaim  = 'c' // id → data
	logHot    = 'h' // → the file with which hot blocks began at the last recovery, 4 bytes
	logJoined = 'r' // → sequence before which blocks are joined
	logBlank  = 'x' // name → sequence before which that name's records are blanked
)

func logKey(part int, kind byte) []byte {
	return append(binary.BigEndian.AppendUint16(make([]byte, 0, 15), uint16(part)), kind)
}

// blockKey is the key of the block that starts with sequence first.
func blockKey(part int, day uint32, first uint64) []byte {
	k := binary.BigEndian.AppendUint32(logKey(part, logBlock), day)
	return binary.BigEndian.AppendUint64(k, first)
}

func claimKey(part int, id []byte) []byte { return append(logKey(part, logClaim), id...) }

func blankKey(part int, name []byte) []byte { return append(logKey(part, logBlank), name...) }

// parseBlockKey is the inverse of blockKey.
func parseBlockKey(k []byte) (day uint32, first uint64, ok bool) {
	if len(k) != 15 || k[2] != logBlock {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(k[3:]), binary.BigEndian.Uint64(k[7:]), true
}

const dayMillis = 24 * 60 * 60 * 1000

// dayOf is the day partition of a receive time.
func dayOf(ms int64) uint32 { return uint32(max(ms, 0) / dayMillis) }

// Behind is the first key behind all that begin with a prefix: the end of a scan
// of them. It is nil, no bound, if there is none: all of the prefix is 0xff.
func Behind(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}
