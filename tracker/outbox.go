package tracker

import "time"

// The states of an intent.
const (
	IntentPending   = "pending"   // to be delivered, or being delivered
	IntentDelivered = "delivered" // its destination said that it has it
	IntentParked    = "parked"    // given up until a person says otherwise
	IntentWithdrawn = "withdrawn" // it is not to leave any more: whom it is about was erased, said no, or cannot be reached
)

// Intent is something that is to happen in the world once: it leaves for one
// destination, again and again under the same ID, until that says that it has
// it or a person is needed.
type Intent struct {
	ID       string // 32 hex digits: the Idempotency-Key, the same at every attempt
	Seq      uint64 // order of making within the tenant
	Kind     string // handoff, email
	To       string // name of the destination
	Lead     LeadID
	Created  int64  // unix ms
	State    string // pending, delivered, parked or withdrawn
	Why      string // it is parked or withdrawn
	Next     int64  // unix ms of the next attempt; 0 = none, or it waits for an earlier one of its lead
	Tries    int    // attempts since it was made, or since a person had it retried
	Attempts []Attempt
	Body     []byte // nil in lists, and where Why says that it was erased
}

// The outcomes of an attempt. Only after an unknown one may the world have what
// is sent again.
const (
	OutcomeAccepted    = "accepted"    // a 2xx answer
	OutcomeRefused     = "refused"     // another answer
	OutcomeUnreachable = "unreachable" // nothing was sent
	OutcomeUnknown     = "unknown"     // it may have arrived: no answer came, or the process died
	OutcomePutOff      = "put off"     // nothing was sent: its turn comes later; counts for no attempt
)

// Unknown counts the attempts whose outcome nobody knows.
func (in *Intent) Unknown() (n int) {
	for i := range in.Attempts {
		if in.Attempts[i].Outcome == OutcomeUnknown {
			n++
		}
	}
	return n
}

// Attempt is one try to deliver an intent.
type Attempt struct {
	At      int64  `json:"at"`      // unix ms
	Took    int64  `json:"took_ms"` // 0 while it is under way
	Outcome string `json:"outcome"` // empty while it is under way
	Status  int    `json:"status,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// Delivery is one attempt at an intent by a way that is no webhook, such as mail.
type Delivery struct {
	Tenant TenantID
	ID     string // of the intent: by which a receiver may tell repeats apart
	Lead   LeadID
	Body   []byte
	At     int64 // unix ms
}

// DeliveryResult is how a [Delivery] ended.
type DeliveryResult struct {
	Outcome string // OutcomeAccepted, …
	Status  int    // the receiver's own number; 0 = it gave none
	Detail  string // never what is personal
	After   time.Duration
	Place   bool // not this intent failed, but what all of them go through
	Park    bool // a person is needed
	End     bool // it is not to leave any more, for the reason that Detail says
}

// Webhook is a tenant's destination of intents: it is sent signed requests.
type Webhook struct {
	Name        string // what a card's handoff names
	URL         string
	Concurrency int // requests at a time
	Created     int64
	Secrets     []WebhookSecret // that sign, the newest first
	Shape       string          // whose API it is: ShapeTwilio, …; empty = signed JSON
	Auth        string          // of a shape: user:password (Basic), or a token (Bearer); never shown
	From        string          // of ShapeTwilio: the number, or the messaging service, that writes
}

// The shapes of destinations that are others' APIs.
const (
	ShapeTwilio  = "twilio"  // an SMS
	ShapeSlack   = "slack"   // a line in a chat
	ShapeContact = "contact" // a contact of a CRM, made or brought up to date
)

// WebhookSecret signs what is sent to a webhook.
type WebhookSecret struct {
	Secret string `json:"secret"`          // whsec_… as the receiver's library takes it
	Until  int64  `json:"until,omitempty"` // unix ms after which it signs no more; 0 = the newest
}
