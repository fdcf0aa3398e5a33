package tracker

import (
	"fmt"
	"strings"
)

// The kinds of moments.
const (
	MomentEvent   = "event"   // what the person did
	MomentAnswer  = "answer"  // what the person made of a message: opened, clicked, replied, answered
	MomentScore   = "score"   // a score, a band or a grade moved
	MomentJourney = "journey" // a step of a journey, a segment entered or left
	MomentTouch   = "touch"   // a message that is to leave, left or came back
	MomentHandoff = "handoff" // handed to sales, and what sales made of it
)

// MomentKinds are all of them.
var MomentKinds = []string{MomentEvent, MomentAnswer, MomentScore, MomentJourney, MomentTouch, MomentHandoff}

// Moment is one line of a lead's timeline: something the person did, or that was
// done with or for them. Which fields are set depends on the kind.
type Moment struct {
	Time int64 // unix ms
	Kind string
	What string // in one word or two: an event's type, rose, waits, delivered, offered

	Event   *Event       // that it is, or that says so
	Change  *Change      // of the score
	Source  string       // type of the event that moved the score; empty = none, or it is gone
	Because []string     // what the card's rules of that event say
	Step    *JourneyStep // that did it
	Intent  *Intent      // of what leaves, without its body
	Words   string       // the template of a message, name or name@version
	Handoff *Handoff
}

// MomentQuery says which moments of a lead. The zero value is the latest of all.
type MomentQuery struct {
	Who      string   // any name of the lead
	Kinds    []string // nil = all
	Card     string   // whose score; empty = the tenant's ranking card
	After    string   // the Next of the page before
	Limit    int      // at most 1000; default 100
	Personal bool     // open what is sealed
}

// Wants says whether moments of a kind are asked for.
func (q *MomentQuery) Wants(kinds ...string) bool {
	for _, k := range q.Kinds {
		for _, kind := range kinds {
			if k == kind {
				return true
			}
		}
	}
	return q.Kinds == nil
}

// MomentPage is a page of a lead's timeline, latest first.
type MomentPage struct {
	Lead    LeadID
	Moments []Moment
	Next    string // cursor of the next page; empty = the last
}

// handoffWords are what the events about a hand-off say, in the words of its
// states.
var handoffWords = map[string]string{
	HandoffAccepted: HandoffIsTaken, HandoffRejected: HandoffIsBack, Won: HandoffIsWon, Lost: HandoffIsLost,
}

// MomentOf says which moment an event is.
func MomentOf(e *Event) (kind, what string) {
	what = string(e.Type)
	if said := handoffWords[what]; said != "" {
		return MomentHandoff, said
	}
	switch what {
	case "email_sent", "email_delivered", "email_bounce", "sms_sent", LetterSent, OnsiteShown:
		return MomentTouch, what[strings.IndexByte(what, '_')+1:]
	case "email_open", "email_click", "email_reply", "email_complaint", "unsubscribe", SMSReplied, LetterAnswered,
		SurveyOpened, SurveyAnswered, ChatOpened, ChatAnswered, ChatMessage, ChatHandoff:
		return MomentAnswer, what
	}
	if strings.HasPrefix(what, "onsite_") {
		return MomentAnswer, what
	}
	return MomentEvent, what
}

// telling are the fields that say most about an event, by its type.
var telling = map[string][]string{
	"page_view": {"title", "path", "url"}, "download": {"file", "url"}, "form_submit": {"form"}, "identify": {"email", "name"},
	"purchase": {"name", "sku", "value"}, "email_click": {"link", "url", "message"}, "email_bounce": {"type", "template"},
	"email_open": {"template", "campaign.name", "message"}, "email_sent": {"template", "campaign.name", "message"},
	"email_delivered": {"template", "campaign.name", "message"}, SurveyAnswered: {"answer", "survey"}, SurveyOpened: {"survey"},
	SMSReplied: {"text", "type"}, "sms_sent": {"template"}, LetterSent: {"template"}, LetterAnswered: {"template"}, ChatOpened: {"chat"}, ChatAnswered: {"answer", "step"}, ChatMessage: {"text", "step"}, ChatHandoff: {"queue", "chat"},
	OnsiteShown: {"template"}, OnsiteClicked: {"template"}, OnsiteClosed: {"template"},
	HandoffAccepted: {"queue"}, HandoffRejected: {"reason"}, Won: {"value"}, Lost: {"reason"},
}

// Detail is what says most about a moment, in the words of whoever made it.
func (m *Moment) Detail() string {
	switch {
	case m.Event != nil:
		names := telling[string(m.Event.Type)]
		if names == nil {
			names = []string{"name", "title", "message", "sku", "value", "path", "url"}
		}
		for _, name := range names {
			if v, ok := m.Event.Find(name); ok && v.Tag != Null {
				if s := fmt.Sprint(v.Any()); s != "" {
					return s
				}
			}
		}
		return ""
	case m.Change != nil:
		return strings.Join(m.Because, " · ")
	case m.Handoff != nil:
		return m.Handoff.To
	case m.Words != "":
		return m.Words
	case m.Kind == MomentTouch && m.Intent != nil:
		return m.Intent.To
	case m.Step != nil && m.Step.Segment != "":
		return m.Step.Segment
	case m.Step != nil:
		return m.Step.Detail
	}
	return ""
}
