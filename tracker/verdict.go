package tracker

// Status is what became of an event.
type Status byte

// The statuses. Retry means: not stored, nothing wrong with the event, send it
// again with the same message id.
const (
	OK Status = iota
	Duplicate
	Drop
	Retry
)

// String returns the word that the API and the pixel's header use.
func (s Status) String() string {
	return [...]string{"ok", "duplicate", "drop", "retry"}[s]
}

// Verdict is what a sender learns about one event.
type Verdict struct {
	MessageID string
	Status    Status
	Code      string // stable, snake_case; empty for a plain ok
	Detail    string // one sentence: the field and the fix; never visitor data
}

// Outcome is what became of one event, for who watches a source while it sends.
type Outcome struct {
	Protocol  string
	Type      string // empty if it was refused before anybody knew, as a whole body is
	MessageID string
	Received  int64 // unix ms
	Status    Status
	Code      string
	Judged    bool // Machine and Reason are known
	Machine   Machine
	Reason    MachineReason
	Subject   LeadID
	Seq       uint64 // of its record in the log; 0 = not stored now
	Letter    string // the dead letter that holds its text; empty if none does
}

// The codes of a verdict. They are stable: scripts compare them.
const (
	CodeTimeClamped    = "time_clamped"      // ok: time moved into [received-7d, received]
	CodeMinted         = "id_minted"         // ok: the event had no message id
	CodeProof          = "proof_invalid"     // ok: userIdHash does not vouch for userId, which is only claimed
	CodeIDIgnored      = "id_ignored"        // ok: an id that stands for nobody was taken as absent
	CodeInvalidUTF8    = "invalid_utf8"      // drop
	CodeNUL            = "nul"               // drop: U+0000 in a string or name
	CodeInvalidJSON    = "invalid_json"      // drop
	CodeTooDeep        = "too_deep"          // drop: nesting over 16
	CodeTooLarge       = "too_large"         // drop: event over 32 KiB
	CodeTooManyKeys    = "too_many_keys"     // drop: an object with over 128 keys
	CodeIDTooLong      = "id_too_long"       // drop: an id over 200 bytes
	CodeMissingType    = "missing_type"      // drop
	CodeUnknownType    = "unknown_type"      // drop
	CodeMissingEvent   = "missing_event"     // drop: a track call without an event name
	CodeMissingID      = "missing_identity"  // drop: neither anonymousId nor userId (nor e-mail)
	CodeTimeOutOfRange = "time_out_of_range" // drop
	CodeOverload       = "overload"          // retry
	CodeStorage        = "storage"           // retry: the log did not take it
	CodeQuota          = "quota"             // retry: the tenant's or source's rate
)

// Limits of one request and one event (shared by decoder, twin and docs).
const (
	MaxBody        = 4 << 20
	MaxInflate     = 100 // inflated ÷ wire
	MaxBatch       = 2500
	MaxEvent       = 32 << 10
	MaxDepth       = 16
	MaxKeys        = 128
	MaxID          = 200
	MaxTimeline    = 10_000                  // events of a visitor that are scored
	ClampBack      = 7 * 24 * 60 * 60 * 1000 // ms a public event may lie in the past
	ClampAhead     = 24 * 60 * 60 * 1000     // ms a server-side event may lie in the future
	EarliestTime   = 946684800000            // 2000-01-01T00:00:00Z in unix ms
	DefaultSession = 30 * 60 * 1000          // ms of silence that end a session
)
