package tracker

// JourneySet is the type of the event by which a journey sets attributes.
const JourneySet = "journey_set"

// TextKind tells the texts of journeys: both have drafts and versions alike.
type TextKind byte

// The kinds of texts.
const (
	Journeys TextKind = 'J'
	Segments TextKind = 'G'
)

// String returns the word for one of them.
func (k TextKind) String() string {
	if k == Segments {
		return "segment"
	}
	return "journey"
}

// JourneyDoc is a journey or a segment with its draft and versions.
type JourneyDoc struct {
	Name     string
	Draft    []byte // YAML; nil = none
	Current  int    // the version in force; 0 = none yet
	Migrated int    // leads that entered a version below this one walk the one in force, where it has their step
	Versions []CardVersion
}

// Version returns a version, nil if there is none of this number.
func (d *JourneyDoc) Version(n int) *CardVersion {
	for i := range d.Versions {
		if d.Versions[i].Version == n {
			return &d.Versions[i]
		}
	}
	return nil
}

// JourneyPlace is where a lead stands in a journey, or stood at its end.
type JourneyPlace struct {
	Journey string `json:"journey"` // name@version
	Lead    string `json:"lead"`
	Entry   int    `json:"entry"` // how often it entered
	Entered string `json:"entered"`
	Step    string `json:"step,omitempty"` // it waits in; empty = it has ended
	Due     string `json:"due,omitempty"`  // it goes on by itself then
	Sent    int    `json:"sent"`
	HoldOut bool   `json:"hold_out,omitempty"`
	Ended   string `json:"ended,omitempty"`
	Why     string `json:"why,omitempty"`
}

// JourneyStep is one line of what journeys and segments did with a lead.
type JourneyStep struct {
	At      string `json:"at"`
	Journey string `json:"journey,omitempty"` // name@version
	Segment string `json:"segment,omitempty"`
	Step    string `json:"step,omitempty"`
	What    string `json:"what"`
	Detail  string `json:"detail,omitempty"`
	Intent  string `json:"intent,omitempty"` // id of what it sends
}

// JourneyTally counts what became of the leads of one version of a journey.
type JourneyTally struct {
	Entered  int            `json:"entered"` // of them the hold-out
	HoldOut  int            `json:"hold_out"`
	Active   int            `json:"active"` // are under way
	Goal     int            `json:"goal"`
	HoldGoal int            `json:"hold_out_goal"` // of the hold-out
	Ended    map[string]int `json:"ended"`         // :: why → leads
	Steps    map[string]int `json:"steps"`         // :: step and what → times
}

// JourneySimulation is what a journey would have done with what happened since a
// moment.
type JourneySimulation struct {
	Journey  string         `json:"journey"` // name@version, or name@draft
	Since    string         `json:"since"`
	Until    string         `json:"until"`
	Leads    int            `json:"leads"` // to whom something happened that it looks at
	Tally    JourneyTally   `json:"tally"`
	Messages map[string]int `json:"messages"` // :: template → times
	Offers   map[string]int `json:"offers"`   // :: kind and product → times
	Notes    []string       `json:"notes"`    // what it could not know
}
