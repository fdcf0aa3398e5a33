package tracker

// Why a card was learned.
const (
	TrainedByHand = "hand"
	TrainedByTime = "every" // its plan's time had passed
	TrainedByNew  = "new"   // enough conversions were new
)

// The states of a training. Up to TrainingPublishes it is under way.
const (
	TrainingRuns      = "learning"
	TrainingWaits     = "ready"  // the challenger is to run as a shadow, and cannot yet
	TrainingShadows   = "shadow" // it does
	TrainingPublishes = "publishing"

	TrainingPublished  = "published"
	TrainingAsks       = "asks"       // it is better, and a draft
	TrainingKept       = "kept"       // the card in force is as good or better
	TrainingStopped    = "stopped"    // by a guard
	TrainingWithdrawn  = "withdrawn"  // somebody ended the shadow, published another version or took the plan out
	TrainingSuperseded = "superseded" // it asked, and the card was learned again meanwhile
	TrainingDrafted    = "draft"      // by hand: the card is the draft
)

// What stops a challenger.
const (
	GuardTooFew  = "too_few"  // too few conversions, or leads, to learn from
	GuardLeakage = "leakage"  // an attribute looks written after the outcome
	GuardDrift   = "drift"    // what makes much of the card has changed over time
	GuardDraft   = "draft"    // somebody's draft is in the way
	GuardInvalid = "invalid"  // the card cannot be learned, or is no good one
	GuardMoves   = "moves"    // too many leads would change band
	GuardFails   = "failures" // it cannot score some leads
	GuardBroken  = "broken"   // learning never came to its end
)

// Training is one learning of a card from the log, and what became of it.
type Training struct {
	ID    uint64 `json:"id"` // dense within the tenant
	Card  string `json:"scorecard"`
	Begun int64  `json:"begun"` // unix ms, as all times here
	Cause string `json:"cause"`
	New   uint64 `json:"new,omitempty"`    // conversions since the one before
	Of    uint64 `json:"before,omitempty"` // those before it
	Tries int    `json:"tries,omitempty"`  // how often it was begun

	Moment int64  `json:"moment,omitempty"` // nothing later was known
	Label  string `json:"label"`
	ByTime bool   `json:"by_time,omitempty"`
	Seed   uint64 `json:"seed"`

	Rows        int      `json:"rows,omitempty"`
	Conversions int      `json:"conversions,omitempty"`
	AUC         float64  `json:"auc,omitempty"`        // of rows held out at random
	AUCTime     float64  `json:"auc_time,omitempty"`   // of later rows
	AUCWithin   float64  `json:"auc_within,omitempty"` // among rows of one period
	Lift        float64  `json:"lift10,omitempty"`     // of later rows
	Brier       float64  `json:"brier,omitempty"`      // of later rows
	Blind       bool     `json:"blind,omitempty"`      // its best tenth may be a tenth at random
	Champion    string   `json:"champion,omitempty"`   // name@version of the card in force
	OldLift     float64  `json:"champion_lift10,omitempty"`
	OldBrier    float64  `json:"champion_brier,omitempty"`
	Drift       float64  `json:"drift,omitempty"`   // the greatest stability index
	Drifted     []string `json:"drifted,omitempty"` // attributes above the alarm
	Leaks       []string `json:"leaks,omitempty"`

	Version   string  `json:"version,omitempty"` // name@version of the challenger
	Sum       string  `json:"sum,omitempty"`     // SHA-256 of its source
	Moves     float64 `json:"moves"`             // share of the leads that would change band, by the last that said so
	MovesMost float64 `json:"moves_most,omitempty"`
	Shadow    int64   `json:"shadow,omitempty"` // when it began
	Until     int64   `json:"until,omitempty"`  // when it is decided

	State string `json:"state"`
	Guard string `json:"guard,omitempty"` // of TrainingStopped
	Why   string `json:"why,omitempty"`   // words of a guard
	Ended int64  `json:"ended,omitempty"`
}

// IsOpen says that the training is under way.
func (t *Training) IsOpen() bool {
	switch t.State {
	case TrainingRuns, TrainingWaits, TrainingShadows, TrainingPublishes:
		return true
	}
	return false
}

// TrainedCard is what was learned.
type TrainedCard struct {
	YAML   []byte
	Report []byte // JSON
}
