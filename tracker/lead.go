package tracker

import "time"

// Reason is one rule's share of a score.
type Reason struct {
	Rule   string  `json:"rule"`   // the rule's id, or base, rounding, cap:<group>, floor:<dimension>, gate:<id>
	Why    string  `json:"why"`    // the card's words, placeholders filled
	Points float64 `json:"points"` // in points of the dimension
	Share  int64   `json:"share"`  // thousandths of the shown score; all shares sum to 1000 × score
}

// OfLead reports whether the reason says something of the lead: where the scale begins, and
// what rounding adds, are the same words for everybody.
func (r Reason) OfLead() bool { return r.Rule != "base" && r.Rule != "rounding" }

// Score is a lead's standing on one card.
type Score struct {
	Card    string             // name@version
	Score   int                // 1–100; Null is not scored
	Null    bool               // skipped by a gate, or not yet scored
	Exact   int64              // unrounded thousandths: the order
	Grade   string             // A1…D4; empty if the card has no grid
	Band    string             // empty if the card has no bands
	Dims    map[string]float64 // dimension → points
	Reasons []Reason
	Next    int64  // unix ms when the score next changes by itself; 0 = never
	Trouble string // empty, or why the last good score is shown

	Probability *Probability // what the score means; nil if the card does not say
}

// Probability is how probable it is that a lead with its score converts, and what
// became of people in its band, as the card says.
type Probability struct {
	P         float64 // 0–1
	Of        string  // what is probable, in the card's words; may be empty
	People    int     // in the band, whom the card had not seen when it was learned; 0 = not known
	Converted int     // of those
}

// Lead is a person as the API shows one, identified or not yet. It is built on
// demand; what is stored is fold's business.
type Lead struct {
	ID           LeadID
	Superseded   []LeadID // ids that used to name this lead
	Identities   []Identity
	Email        string // normalised; empty while unknown
	SharedEmail  bool   // another lead carries the same e-mail
	Attributes   map[string]any
	FirstSeen    time.Time
	LastSeen     time.Time
	Events       uint64 // filed, scored or not
	Unscored     uint64 // beyond MaxTimeline: stored and counted only
	Scores       map[string]*Score
	LastActivity time.Time
	Interests    *Interests // nil = the tenant has no topic map
	Readings     []int64    // unix ms: when the person opened or clicked a mail, to the quarter of an hour, oldest first; the latest [ReadingsMost]
	Offers       []Offer    // what to offer now; only where a single lead is asked for
	Consent      Consent    // the last word on each purpose, by (time, message id)
}

// Identity is one id that a lead holds.
type Identity struct {
	Kind   IdentityKind
	Hash   Hash
	Value  string // the id itself, unsealed; empty if erased
	Proved bool
	From   int64 // unix ms: first event that carried it
}

// Change is one line of the change feed and of a lead's score history.
type Change struct {
	Seq        uint64 // dense within the tenant
	At         int64  // unix ms, when it was recorded
	Time       int64  // unix ms, the moment in the lead's own time
	Lead       LeadID
	MergedInto LeadID // set when Lead ceased to stand for itself
	Card       string // name@version
	OldScore   int    // -1 = none
	NewScore   int    // -1 = none
	OldBand    string
	NewBand    string
	OldGrade   string
	NewGrade   string
	Cause      string // event, time, publish, replay, merge, retention, erase, evidence withdrawn
	Event      uint64 // log sequence of the causing event; 0 if none
	Prev       uint64 // Seq of this lead's change before this one; 0 = first
}
