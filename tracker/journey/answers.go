package journey

import (
	"slices"

	"ripen/tracker"
)

// asked is what a step sent somebody, and how they have answered it.
type asked struct {
	Journey string   `json:"j"` // name@version
	Step    string   `json:"s"`
	Got     []string `json:"g,omitempty"` // the words of answers that were counted
}

// answers are the events that answer what a step sent, and the words under which they
// are counted.
var answers = map[string]string{
	"email_open": "opened", click: "clicked", "email_bounce": "bounced", "email_complaint": "complained", "unsubscribe": "unsubscribed",
	tracker.SMSReplied: "replied", tracker.OnsiteShown: "shown", tracker.SurveyOpened: "opened", tracker.ChatOpened: "opened", tracker.OnsiteClosed: "closed",
	tracker.OnsiteClicked: "answered", tracker.SurveyAnswered: "answered", tracker.ChatAnswered: "answered", tracker.ChatMessage: "answered", tracker.ChatHandoff: "answered",
	tracker.LetterAnswered: "answered", tracker.HandoffAccepted: "accepted", tracker.HandoffRejected: "rejected", tracker.Won: "won", tracker.Lost: "lost",
}

// isAnswered says that what a step makes can be answered.
func (s *Step) isAnswered() bool { return s.Kind == Message || s.Kind == Handoff }

// byProxy says that a proxy opened a mail for a person: an answer, and no more.
func byProxy(e *tracker.Event) bool {
	return string(e.Type) == "email_open" && e.Machine == tracker.Proxy
}

// ask remembers what a step sent, so that answers are counted with it.
func (w *world) ask(x *Effect, intent string) error {
	if intent == "" || !x.Step.isAnswered() {
		return nil
	}
	return w.rows.setJSON(leadKey(rowAsked, x.Person.Lead.ID, intent), &asked{Journey: x.Journey.FullName(), Step: x.Step.ID})
}

// answered counts an event with the step that it answers, once for each word.
func (w *world) answered(p *Person, e *tracker.Event) error {
	word := answers[string(e.Type)]
	if word == "" {
		return nil
	}
	name := "message"
	switch word {
	case "accepted", "rejected", "won", "lost":
		name = tracker.HandoffProperty
	}
	v, _ := e.Find(name)
	if len(v.Str) == 0 {
		return nil
	}
	if kind, _ := e.Find("type"); word == "replied" && string(kind.Str) == tracker.ReplyStop {
		word = "unsubscribed"
	}
	for _, id := range p.IDs() {
		k := leadKey(rowAsked, id, string(v.Str))
		var a asked
		ok, err := w.rows.getJSON(k, &a)
		if err != nil {
			return err
		}
		if !ok || slices.Contains(a.Got, word) {
			continue
		}
		t, err := w.rows.count(a.Journey)
		if err != nil {
			return err
		}
		if t.Answers[a.Step] == nil {
			t.Answers[a.Step] = map[string]int{}
		}
		t.Answers[a.Step][word]++
		a.Got = append(a.Got, word)
		return w.rows.setJSON(k, &a)
	}
	return nil
}
