package journey

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Journey is one version of a journey, as its text says it.
type Journey struct {
	Name     string
	Version  int // the number the server gave it; in a file, the one it was written from
	Language string
	Service  bool           // what it sends answers the person; else it is marketing
	Zone     *time.Location // of leads whose zone is not known
	Enter    Trigger
	If       *Cond // must hold at the entry
	Within   int64 // an event that happened longer ago lets nobody in, ms
	Again    int64 // re-entry: never, or at once, or so long after the end
	Goal     *Trigger
	Leave    *Trigger
	Moves    []Move
	Holdout  int // of 10,000 leads
	Caps     []Cap
	Quiet    *Quiet
	Steps    []*Step
}

// The words of Again that are no length of time.
const (
	againNever  = -1
	againAlways = 0
)

// Trigger is something that happens to a lead.
type Trigger struct {
	Bands, Grades []string // entered
	Segment       string   // entered
	Event         string   // its type
	Where         *Cond    // over the event's fields
	When          *Cond    // over the lead, asked when something happened to it
}

// Move ends the journey of a lead that enters a band, and begins another.
type Move struct{ Band, To string }

// Cap bounds how many messages of a channel reach a person, of all journeys.
type Cap struct {
	Channel string
	Most    int
	Per     int64 // ms
}

// Quiet is when nothing is sent, in minutes of the lead's day.
type Quiet struct{ From, To int }

// Kind is what a step does.
type Kind string

// The kinds of steps.
const (
	Wait    Kind = "wait"
	Branch  Kind = "branch"
	Message Kind = "message"
	Set     Kind = "set"
	Handoff Kind = "handoff"
	Webhook Kind = "webhook"
	Exit    Kind = "exit"
)

// Step is one step. Which fields count depends on the kind.
type Step struct {
	ID   string
	Kind Kind
	Go   string // the step that follows; empty = the next of the list

	For      int64          // Wait: ms
	Days     []time.Weekday // Wait: until one of them, at Minute
	Minute   int            // Wait: of the lead's day
	Until    *Trigger       // Wait: until an event
	Timeout  int64          // Wait: ms
	Else     string         // Wait: the step after a timeout
	Ways     []Way          // Branch
	Channel  string         // Message
	Template string         // Message
	Pick     *Pick          // Message: chosen from the content library
	Send     *SendTime      // Message: nil = at once
	Text     string         // Message by SMS or letter: its words
	Link     string         // Message by letter: where its personal code leads
	Bands    []Choice       // Message: another template for those in a band
	Tests    []Choice       // Message: one of these, by weight
	Holdout  int            // Message: of 10,000 leads; they go on without it
	Offer    []string       // Message: the kinds of offer it makes, the first that stands
	NoOffer  string         // Message: the template for those to whom none can be made; empty = it is left out
	Values   []Value        // Set
	To       string         // Handoff, Webhook, Message by SMS: the destination
	Queue    string         // Handoff
	SLA      int64          // Handoff: ms
	Type     string         // Webhook: of what is sent
	Why      string         // Exit
}

// Way is one way of a branch.
type Way struct {
	When *Cond // nil = whatever holds
	Need *Need // nil = whatever the lead needs
	Go   string
}

// Choice is one of several templates.
type Choice struct {
	Name     string // a band, or the name of a variant
	Template string
	Weight   int
}

// Value is an attribute that is set.
type Value struct {
	Name string
	To   any // a string, a float64 or a bool
}

// Segment is one version of a segment.
type Segment struct {
	Name    string
	Version int
	About   string
	When    *Cond
}

// FullName returns name@version.
func (j *Journey) FullName() string { return fmt.Sprintf("%s@%d", j.Name, j.Version) }

// step returns a step by its id, and its place; nil if there is none.
func (j *Journey) step(id string) (*Step, int) {
	i := slices.IndexFunc(j.Steps, func(s *Step) bool { return s.ID == id })
	if i < 0 {
		return nil, 0
	}
	return j.Steps[i], i
}

// exit stands for the end of a journey where a step is named.
const exit = "exit"

// after returns the step that follows the one at i, nil at the end.
func (j *Journey) after(i int) *Step {
	if next := j.Steps[i].Go; next != "" {
		s, _ := j.step(next)
		return s
	}
	if i+1 < len(j.Steps) {
		return j.Steps[i+1]
	}
	return nil
}

// triggers returns all that it listens for.
func (j *Journey) triggers() []*Trigger {
	list := []*Trigger{&j.Enter}
	for _, t := range []*Trigger{j.Goal, j.Leave} {
		if t != nil {
			list = append(list, t)
		}
	}
	for _, s := range j.Steps {
		if s.Until != nil {
			list = append(list, s.Until)
		}
	}
	return list
}

// Templates are the names of all templates that its messages of a channel may
// use, sorted.
func (j *Journey) Templates(channel string) (names []string) {
	for _, s := range j.Steps {
		if s.Channel != channel {
			continue
		}
		for _, name := range []string{s.Template, s.NoOffer} {
			if name != "" {
				names = append(names, name)
			}
		}
		if s.Pick != nil && s.Pick.Otherwise != nothing {
			names = append(names, s.Pick.Otherwise)
		}
		for _, c := range slices.Concat(s.Bands, s.Tests) {
			names = append(names, c.Template)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Segments are the names of all segments that it listens to, sorted.
func (j *Journey) Segments() (names []string) {
	for _, t := range j.triggers() {
		if t.Segment != "" {
			names = append(names, t.Segment)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Destinations are the names of all webhooks that it tells, sorted.
func (j *Journey) Destinations() (names []string) {
	for _, s := range j.Steps {
		if s.To != "" {
			names = append(names, s.To)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Bands are the names of all bands that it goes by, sorted.
func (j *Journey) Bands() (names []string) {
	for _, t := range j.triggers() {
		names = append(names, t.Bands...)
	}
	for _, m := range j.Moves {
		names = append(names, m.Band)
	}
	for _, s := range j.Steps {
		for _, c := range s.Bands {
			names = append(names, c.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Grades are the names of all grades that it goes by, sorted.
func (j *Journey) Grades() (names []string) {
	for _, t := range j.triggers() {
		names = append(names, t.Grades...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Unreached are the steps to which no way leads, in their order.
func (j *Journey) Unreached() (ids []string) {
	seen := map[*Step]bool{}
	var walk func(s *Step)
	walk = func(s *Step) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		if s.Kind == Exit {
			return
		}
		_, i := j.step(s.ID)
		walk(j.after(i))
		for _, w := range s.Ways {
			to, _ := j.step(w.Go)
			walk(to)
		}
		to, _ := j.step(s.Else)
		walk(to)
	}
	walk(j.Steps[0])
	for _, s := range j.Steps {
		if !seen[s] {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Sends says that it has messages by a channel.
func (j *Journey) Sends(channel string) bool {
	return slices.ContainsFunc(j.Steps, func(s *Step) bool { return s.Channel == channel })
}

// Notes says what a journey that is right waits for, in English or "es".
func (j *Journey) Notes(lang string) (notes []string) {
	say := func(en, es, what string) {
		if lang == "es" {
			en = es
		}
		if note := fmt.Sprintf(en, what); !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	list := func(channel string) string { return strings.Join(j.Templates(channel), ", ") }
	for _, s := range j.Steps {
		switch {
		case s.Kind == Handoff || s.Kind == Webhook:
			say("needs the webhook %[1]s: ripen webhook create %[1]s URL", "necesita el webhook %[1]s: ripen webhook create %[1]s URL", s.To)
		case s.Kind != Message:
		case s.Channel == ChannelOnsite:
			say("needs the on-site messages %s: ripen onsite publish FILE", "necesita los mensajes del sitio %s: ripen onsite publish FILE", list(s.Channel))
		case s.Channel == Paper:
			say("writes letters that wait to be printed: %s", "escribe cartas que esperan a la imprenta: %s", "ripen letters export")
		case s.Channel == SMS:
			say("needs the webhook %[1]s: ripen webhook create %[1]s URL --shape twilio, and a source --kind twilio for replies",
				"necesita el webhook %[1]s: ripen webhook create %[1]s URL --shape twilio, y una fuente --kind twilio para las respuestas", s.To)
		default:
			if names := list(s.Channel); names != "" {
				say("needs the mail templates %s: ripen mail template publish FILE", "necesita las plantillas de correo %s: ripen mail template publish FILE", names)
			}
			if s.Pick != nil {
				say("needs a topic map, and mails in %s about its topics: ripen topics set FILE", "necesita un mapa de temas, y correos en %s sobre ellos: ripen topics set FILE", j.Language+stageText(s.Pick.Stage))
			}
			say("needs a way out for mails: %s", "necesita por dónde enviar correos: %s", "ripen mail sender")
			if s.Offer != nil {
				say("needs an offer table: %s", "necesita una tabla de ofertas: %s", "ripen offers learn, ripen offers set FILE")
			}
		}
	}
	for _, t := range j.triggers() {
		if t.Segment != "" {
			say("needs the segment %s: ripen segment publish", "necesita el segmento %s: ripen segment publish", t.Segment)
		}
	}
	return notes
}
