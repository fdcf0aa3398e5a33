package scorecard

import (
	"regexp"
	"slices"
	"time"
	_ "time/tzdata" // cards name their time zone; the machine may have none
)

// Card is a scorecard as read: immutable but for its lists.
type Card struct {
	Name     string
	Version  int
	Language string // es or en
	Zone     *time.Location
	Entity   string // lead or account
	Dims     []*Dimension
	Rules    []*Rule // of all dimensions, in the order of the file, then those that keep what gates ask of the past
	Gates    []*Gate
	Score    Combine
	Bands    []Band
	Rollup   *Rollup     // nil = leads are not rolled up
	Label    *Label      // what it is to foresee; nil = the card does not say
	Plan     *Plan       // how it is learned anew; nil = by hand
	Slots    []SlotDef   // what an event gives to rules; Slots[0] are the flags
	Types    []EventType // Types[0] stands for every type no rule names
	Traits   []*Test     // tests of attributes, each once; Test.State is the index
	Cells    []*Cell     // what expressions keep of attributes, each once
	Model    *Model      // of a model: what its rules, one a feature, are worth; nil = a card

	Probability *Probability // what scores mean; nil = nobody knows

	lists      map[string]map[string]struct{} // :: list → its values
	listNames  []string                       // that rules ask for, sorted
	types      map[string]int                 // :: event type → index in Types
	anyType    bool                           // a rule counts any activity
	answers    bool                           // a rule waits for answers
	traitSlots []int                          // slots that attributes fill
	grid       []string                       // GradeNames, once
	module     bool                           // made of a manifest: the module's reasons are all there is
}

// Dimension is one axis of a score.
type Dimension struct {
	Name     string
	Kind     string // attributes, behaviour, replenishment, rfm, btyd, model, wasm or rollup
	Min, Max float64
	Groups   []*Group
	Grades   []Grade // best first; empty if the dimension has none
}

// Group bounds the sum of its rules.
type Group struct {
	Name     string
	Min, Max float64
	Rules    []*Rule
}

// Grade is a step of a dimension: its label holds from From on.
type Grade struct {
	Label string
	From  float64
}

// RuleKind is how a rule's points live.
type RuleKind uint8

// The kinds of rules.
const (
	Attribute  RuleKind = iota // while the lead's attributes fulfil the tests
	Sum                        // for ever
	HalfLife                   // halved every Rule.Span
	Window                     // each event's points for Rule.Span
	Linear                     // each event's points lose Rule.Drop of themselves every Rule.Span
	Count                      // while Rule.Gte events lie within Rule.Span
	Absent                     // from Rule.Span after the last activity on
	Renewal                    // as its Life says of the age of what was bought
	Recency                    // by the time since the last event, in Steps
	Frequency                  // by the number of events, in Steps, of the last Span if it is not 0
	Money                      // by the sum of a field, in Steps, of the last Span if it is not 0
	Input                      // a model's or a module's value, which the host gives
	Returning                  // by the purchases to expect, as its Returns says
	Unanswered                 // while Rule.Gte messages of the last Rule.Span have no answer
	Learned                    // as Card.Model says of the feature of the rule's index
)

// Per is what makes two events one for a rule.
type Per uint8

// The ways to count events once.
const (
	Each Per = iota
	PerDay
	PerSession
	PerValue // per message, per distinct value of a property
)

// Bounds of what a rule remembers.
const (
	TimesMax    = 32 // times of events, for windows, linear decay and counts
	HashesMax   = 64 // values of a property
	SessionsMax = 8  // sessions: several visitors of one lead may alternate
)

// Rule is one line of a card.
type Rule struct {
	ID, Why string
	Index   int // in Card.Rules
	Kind    RuleKind
	Event   string   // empty for Attribute, Unanswered and for Absent of any activity
	Sends   []string // of Unanswered: the event types of its channels' messages
	Tests   []*Test
	When    *Expression // asked after Tests; nil = none
	Points  float64
	Cap     float64
	HasCap  bool
	Per     Per
	PerName string // message, or the property of distinct:<property>
	PerSlot int    // the slot of the day, session or hash, or of Value
	Span    int64  // ms: half-life, window, step of linear, silence
	Drop    float64
	Gte     int
	Life    *Life    // of Renewal
	Steps   []Step   // of Recency, Frequency and Money: nearest or least first
	Value   string   // of Money: the field that is summed up; of Sum and HalfLife: that holds what an event adds
	Feed    *Feed    // of Input
	Returns *Returns // of Returning
	Ignore  uint8    // bit per machine verdict

	model     *Model // of Learned
	line, col int    // in its file; not its node, which would keep all of the file in memory
}

// Step is worth its points from At on: a number of events, a sum in hundredths; of
// Recency, until At ms have passed.
type Step struct {
	At     float64
	Points float64
}

// Feed names whose value a dimension of kind model, wasm or rollup shows.
type Feed struct {
	Dim    int     // in Card.Dims
	Model  string  // a model's name; its value is a probability
	Module string  // or a module's file; its value is points
	Rollup *Rollup // or how the scores of an account's leads come to points; nil = it is none
	Gas    int64   // what one call of the module may take; 0 = the host's own limit
	Most   float64 // points that a probability of 1 is worth
}

// Events returns the types of the events that the rule counts.
func (r *Rule) Events() []string {
	if r.Event == "" {
		return r.Sends
	}
	return []string{r.Event}
}

// Keep is how many times or hashes the rule remembers at most; 0 if it needs none.
func (r *Rule) Keep() (hashes, times int) {
	switch r.Per {
	case PerSession:
		hashes = SessionsMax
	case PerValue:
		hashes = HashesMax
	}
	switch r.Kind {
	case Count, Unanswered:
		times = r.Gte
	case Frequency, Money:
		if r.Span > 0 {
			times = int(r.Steps[len(r.Steps)-1].At)
		}
		if r.Span > 0 && r.Kind == Money {
			hashes, times = TimesMax, TimesMax // amounts stand where hashes do
		}
	case Window, Linear:
		times = TimesMax
	}
	return hashes, times
}

// TimesWithin is how long a remembered time can still matter.
func (r *Rule) TimesWithin() int64 {
	if r.Kind != Linear {
		return r.Span
	}
	steps := int64(1)
	for 1-float64(r.Drop*float64(steps)) > 0 {
		steps++
	}
	return steps * r.Span
}

// Op is the question a test asks.
type Op uint8

// The questions.
const (
	OpHas    Op = iota // the value is there and not empty
	OpText             // one of Texts
	OpPrefix           // begins with Texts[0]
	OpGlob             // like Texts[0], where * stands for any run of characters; Bind asks it
	OpNum              // one of Nums
	OpRange            // between Lo and Hi
	OpMatch            // the regular expression finds something; Bind asks it
	OpList             // in the named list; Bind looks it up
)

// Test is one condition on one value. A value that is missing fulfils none,
// except exists: false.
type Test struct {
	Field          string
	Trait          bool // of the lead's attributes, not of the event
	Op             Op
	Not            bool
	Texts          []string
	Nums           []float64
	Lo, Hi         float64
	LoOpen, HiOpen bool
	List           string
	Regex          *regexp.Regexp
	Slot           int
	State          int // of a Trait: its index in Card.Traits
}

// Gate bounds the combined value, or takes the lead out of the card.
type Gate struct {
	ID, Why string
	Tests   []*Test
	When    *Expression // in place of Tests; nil = none
	Max     float64
	Skip    bool
	Text    string // its when:, in one line
}

// Combine is how dimensions become one score.
type Combine struct {
	How      string // sum, weighted, max, grade or model
	Terms    []Term
	Table    []float64 // of grade: by index in GradeNames
	From, To [2]float64
}

// Term is one dimension's part in the score.
type Term struct {
	Dim   int
	Times float64
}

// K is how much of the score one point of the combined value is.
func (c *Combine) K() float64 { return (c.To[1] - c.To[0]) / (c.From[1] - c.From[0]) }

// Band is a named run of scores. Leave below From is hysteresis.
type Band struct {
	Name        string
	From, Leave int
	Grades      []string // required; empty = any
	Actions     []Action // what entering the band sets off

	// Of so many people whom a learned card or model had not seen and put into this
	// band, so many converted; 0 people is not known.
	People, Converted int
}

// Action is what entering a band sets off. The card names it; who acts on changes
// of bands does it.
type Action struct {
	Do    string      // handoff, journey, audience or notify
	To    string      // the name of the sink, journey or audience; owner, or whom to notify
	Queue string      // of a handoff
	SLA   int64       // of a handoff, ms: when somebody must have taken it; 0 = no promise
	When  *Expression // only if this holds of the dimensions; nil = always
	Text  string      // as it stands in the card, in one line
}

// EventType is an event type that rules name.
type EventType struct {
	Name  string
	Rules []*Rule
	slots []int // that those rules read
}

// Fields returns the names of the properties, context fields and attributes
// that the card reads, sorted: they must be readable when events are folded.
func (c *Card) Fields() []string {
	var out []string
	for _, s := range c.Slots {
		if s.Name != "" && !slices.Contains(out, s.Name) {
			out = append(out, s.Name)
		}
	}
	slices.Sort(out)
	return out
}

// Lists returns the names of the lists the card asks for, sorted.
func (c *Card) Lists() []string { return c.listNames }

// SetList gives a named list its values. Call it before the card is used; a
// list that is never given is empty.
func (c *Card) SetList(name string, values []string) {
	m := make(map[string]struct{}, len(values))
	for _, v := range values {
		m[v] = struct{}{}
	}
	c.lists[name] = m
}

// HasList says whether a named list has been given values.
func (c *Card) HasList(name string) bool { _, ok := c.lists[name]; return ok }
