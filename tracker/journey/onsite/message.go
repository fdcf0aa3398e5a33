package onsite

import (
	"fmt"
	"slices"

	"ripen/tracker/journey"
)

// Message is one version of an on-site message, as its text says it.
type Message struct {
	Name      string
	Version   int // the number the server gave it; in a file, the one it was written from
	Kind      Kind
	Languages []string // the first one is for pages in none of them
	Service   bool     // it answers the person; else it is marketing
	Priority  int      // the greatest goes first
	Place     string
	Accent    string // #rrggbb
	Show      Show
	Cap       Cap

	Title     words
	Body      words
	Button    *button
	Questions []question // of a survey
	Thanks    words      // of a survey
	Steps     []step     // of a chat; it begins with the first
}

// Kind is what a message looks like.
type Kind string

// The kinds of messages.
const (
	Banner Kind = "banner" // a bar at an edge of the window
	Box    Kind = "box"    // a card in the corner, or in the middle
	Survey Kind = "survey" // questions, one after the other
	Chat   Kind = "chat"   // an automatic conversation behind a button
)

// Show is where, to whom and when a message is shown.
type Show struct {
	Pages, Except []string // globs of paths; no pages = all
	When          *journey.Cond
	Segment       string
	ByJourney     bool  // only to those for whom a journey has put it in wait
	After         int64 // ms on the page
	Scroll        int   // per cent of the page that have been in view
	Exit          bool  // the pointer leaves the page
}

// Cap bounds how often a person sees a message.
type Cap struct {
	Most    int
	Per     int64 // ms
	Session int
	Again   int64 // after an answer: ms, or never, or always
}

// The words of Again that are no length of time.
const (
	againNever  = -1
	againAlways = 0
)

// words are a text by language.
type words map[string]string

type button struct {
	label, url words
}

// choice is an answer to choose.
type choice struct {
	value string
	label words
	to    string // the step that follows, of a chat
}

// question is one of a survey's.
type question struct {
	id        string
	ask       words
	typ       string // choice, many, score or text
	choices   []choice
	most      int // of a score
	low, high words
	optional  bool
	attribute string // that the answer becomes; empty = none
}

// step is one of a chat's.
type step struct {
	id        string
	say       words
	choices   []choice
	ask       string // text or email: what the person types
	optin     words  // what they agree to who give their e-mail
	grants    bool   // agreeing is a yes to marketing
	attribute string
	handoff   string // the queue of sales
	to        string // the step that follows; empty = none
}

// FullName returns name@version.
func (m *Message) FullName() string { return fmt.Sprintf("%s@%d", m.Name, m.Version) }

// personal says that it is chosen by what is known of somebody.
func (m *Message) personal() bool {
	return m.Show.When != nil || m.Show.Segment != "" || m.Show.ByJourney
}

// asks says that somebody types words of their own into it.
func (m *Message) asks() bool {
	return slices.ContainsFunc(m.Questions, func(q question) bool { return q.typ == "text" }) ||
		slices.ContainsFunc(m.Steps, func(s step) bool { return s.ask != "" })
}

// language is the one to show of a page's, such as es-MX.
func (m *Message) language(page string) string {
	for _, l := range m.Languages {
		if len(page) >= 2 && page[:2] == l {
			return l
		}
	}
	return m.Languages[0]
}

// answers says whether a choice is one of the message's own, and so is counted by
// its name.
func (m *Message) answers(part, answer string) bool {
	has := func(list []choice) bool {
		return slices.ContainsFunc(list, func(c choice) bool { return c.value == answer })
	}
	for i := range m.Questions {
		if q := &m.Questions[i]; q.id == part {
			return has(q.choices) || q.typ == "score" && slices.Contains(scores(q.most), answer)
		}
	}
	for i := range m.Steps {
		if m.Steps[i].id == part {
			return has(m.Steps[i].choices)
		}
	}
	return false
}

func scores(most int) (out []string) {
	for n := range most + 1 {
		out = append(out, fmt.Sprint(n))
	}
	return out
}

// Notes says what a message that is right waits for, in English or "es".
func (m *Message) Notes(lang string) (notes []string) {
	say := func(en, es, what string) {
		if lang == "es" {
			en = es
		}
		notes = append(notes, fmt.Sprintf(en, what))
	}
	if m.Show.Segment != "" {
		say("needs the segment %s: ripen segment publish", "necesita el segmento %s: ripen segment publish", m.Show.Segment)
	}
	if m.Show.ByJourney {
		say("waits for a journey: - message: {channel: onsite, template: %s}", "espera a un recorrido: - message: {channel: onsite, template: %s}", m.Name)
	}
	return notes
}
