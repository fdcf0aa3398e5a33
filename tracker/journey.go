package tracker

import "slices"

// JourneySet is the type of the event by which a journey sets attributes.
const JourneySet = "journey_set"

// The types of the events that say that a lead belongs to a segment from now on, or no
// more. They carry the property segment.
const (
	SegmentEntered = "segment_entered"
	SegmentLeft    = "segment_left"
)

// TextKind tells the texts of journeys: both have drafts and versions alike.
type TextKind byte

// The kinds of texts.
const (
	Journeys TextKind = 'J'
	Segments TextKind = 'G'
	Onsite   TextKind = 'O'
)

// String returns the word for one of them.
func (k TextKind) String() string {
	switch k {
	case Segments:
		return "segment"
	case Onsite:
		return "onsite"
	}
	return "journey"
}

// Plural returns the word for many of them: where the API has them.
func (k TextKind) Plural() string {
	if k == Onsite {
		return "onsite"
	}
	return k.String() + "s"
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
	// Answers are what became of what steps sent: opened, clicked, replied, …, each once
	// for what was sent. :: step → answer → times
	Answers map[string]map[string]int `json:"answers"`
}

// JourneyUnderWay is the leads that wait in one step of one version of a journey, and
// what becomes of them if a text is published: without migrate they walk on as they are.
type JourneyUnderWay struct {
	Journey string `json:"journey"` // name@version
	Step    string `json:"step"`
	Leads   int    `json:"leads"`
	Migrate string `json:"migrate"` // with it: one of the words below
}

// What becomes of leads that are under way when a text is published with migrate.
const (
	WalkSame    = "same"    // they walk this text already
	WalkMoves   = "moves"   // they go on in it, at the step of the same name
	WalkChanges = "changes" // they do, and the step says something else there
	WalkStays   = "stays"   // it has no such step: they walk on in theirs
)

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

// JourneyEffect is what a journey adds to what would have happened without it: leads
// whom it took along beside leads who were held out, as chance drew them.
type JourneyEffect struct {
	Journey  string          `json:"journey"`
	At       string          `json:"at"`
	Within   float64         `json:"within_days"` // of the first entry, or of the message
	Young    int             `json:"young"`       // leads left out: their time has not passed
	Unknown  int             `json:"unknown"`     // left out: they entered before this was kept
	Mixed    int             `json:"mixed"`       // left out: two leads became one, of whom one was held out
	Versions []VersionEffect `json:"versions"`    // by what they entered first
	Notes    []string        `json:"notes"`
	Lead     *LeadEffect     `json:"lead,omitempty"` // if one was asked about
}

// VersionEffect is the effect of one version.
type VersionEffect struct {
	Compared
	Planned float64      `json:"hold_out"` // the share that it says
	Drawn   float64      `json:"drawn"`    // the share that was
	Off     bool         `json:"off"`      // they differ by more than chance: do not believe the rest
	Bands   []BandEffect `json:"bands"`
	Steps   []StepEffect `json:"steps"` // of messages that chance chose or held back
}

// BandEffect is the effect to expect of a lead in a band, drawn towards that of all as
// far as bands differ by chance.
type BandEffect struct {
	Band     string     `json:"band"` // when it entered; empty = any other
	Treated  Arm        `json:"treated"`
	Held     Arm        `json:"held_out"`
	Expected float64    `json:"expected"`
	Between  [2]float64 `json:"expected_95"`
	Sentence string     `json:"sentence"`
}

// StepEffect sets the variants of a message beside those who did not get it, or beside
// its first variant if it has no hold-out.
type StepEffect struct {
	Step    string     `json:"step"`
	Against string     `json:"against"` // the variant; empty = those who did not get it
	Choices []Compared `json:"choices"`
}

// Compared is the difference of two groups.
type Compared struct {
	Of         string     `json:"of"` // name@version, or the variant
	Treated    Arm        `json:"treated"`
	Held       Arm        `json:"held_out"` // or those whom Of is compared with
	Difference float64    `json:"difference"`
	Between    [2]float64 `json:"difference_95"`     // looked at once
	Always     [2]float64 `json:"difference_always"` // looked at as often as one likes
	Verdict    string     `json:"verdict"`           // more, less, perhaps, none, too_few, no_hold_out
	Sentence   string     `json:"sentence"`
}

// Arm is a group of leads and who of them reached the goal in time.
type Arm struct {
	Leads int     `json:"leads"`
	Goals int     `json:"goals"`
	Rate  float64 `json:"rate"`
}

// LeadEffect is what a version is expected to add for one lead, by the band that it is
// in now.
type LeadEffect struct {
	ID       string     `json:"id"`
	Band     string     `json:"band"`
	Of       string     `json:"of"` // name@version
	Expected float64    `json:"expected"`
	Between  [2]float64 `json:"expected_95"`
	Sentence string     `json:"sentence"`
}

// Expect is what the latest version that can tell is expected to add for a lead in a
// band; nil if none can tell.
func (e *JourneyEffect) Expect(id, band string) *LeadEffect {
	for i := range e.Versions {
		v := &e.Versions[i]
		if v.Off || len(v.Bands) == 0 {
			continue
		}
		k := slices.IndexFunc(v.Bands, func(b BandEffect) bool { return b.Band == band && band != "" })
		if k < 0 {
			k = len(v.Bands) - 1
		}
		b := v.Bands[k]
		return &LeadEffect{ID: id, Band: band, Of: v.Of, Expected: b.Expected, Between: b.Between, Sentence: b.Sentence}
	}
	return nil
}
