package tracker

// The types of the events that say what became of a hand-off. They count only
// from who knows a secret key: see [Event.Proved].
const (
	HandoffAccepted = "handoff_accepted"
	HandoffRejected = "handoff_rejected"
	Won             = "won"
	Lost            = "lost"
)

// The states of a hand-off.
const (
	HandoffPending  = "pending"
	HandoffIsTaken  = "accepted"
	HandoffIsBack   = "rejected"
	HandoffIsWon    = "won"
	HandoffIsLost   = "lost"
	HandoffProperty = "handoff" // the property of those events that names the hand-off
)

// Handoff is a lead that was handed to sales because it entered a band, and what
// became of it since, as the log's events say.
type Handoff struct {
	ID    string // 32 hex digits, also of the intent that tells of it
	Seq   uint64 // order of making within the tenant
	At    int64  // unix ms, when it was handed over
	Lead  LeadID
	Card  string // name@version
	Band  string // that it entered
	Grade string
	Score int    // when it did
	Cause string // of the change: event, time, publish, merge
	To    string // the destination that the card names
	Queue string // the card's word; empty = none
	Due   int64  // unix ms until when somebody must have taken it; 0 = no promise

	State   string
	Since   int64  // unix ms, of the state
	Event   uint64 // log sequence of the event that says so; 0 = none yet
	Reason  string // of that event, unless it was erased
	Message string // id of that event
}

// IsOpen says that sales has not ended it.
func (h *Handoff) IsOpen() bool { return h.State == HandoffPending || h.State == HandoffIsTaken }

// HandoffDecision is what sales says of a hand-off.
type HandoffDecision struct {
	Type     string // of the event: HandoffAccepted, …
	Reason   string
	Value    float64 // of what was won; 0 = not said
	Currency string
}

// HandoffQuery says which hand-offs are asked for; empty fields ask for all.
type HandoffQuery struct {
	State  string // pending, accepted, rejected, won or lost; or open: the first two
	Queue  string
	Before uint64 // only those made before; 0 = the newest on
	Limit  int
}
