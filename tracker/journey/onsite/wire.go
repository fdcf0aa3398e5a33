package onsite

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// Shown is a message as a browser gets it, in one language. It says nothing of
// who it was chosen for.
type Shown struct {
	ID       string    `json:"id,omitempty"` // of one that waited; else the browser names the showing
	Name     string    `json:"name"`
	Template string    `json:"template"` // name@version
	Kind     Kind      `json:"kind"`
	Lang     string    `json:"lang"`
	Place    string    `json:"place"`
	Accent   [2]string `json:"accent"` // and what can be read on it
	After    int64     `json:"after,omitempty"`
	Scroll   int       `json:"scroll,omitempty"`
	Exit     bool      `json:"exit,omitempty"`
	Quiet    bool      `json:"quiet,omitempty"` // a chat that does not open by itself
	Cap      [4]int64  `json:"cap"`             // most, per, in a session, again

	Title     string       `json:"title"`
	Body      []block      `json:"body,omitempty"`
	Button    *shownButton `json:"button,omitempty"`
	Questions []shownAsk   `json:"questions,omitempty"`
	Thanks    []block      `json:"thanks,omitempty"`
	Steps     []shownStep  `json:"steps,omitempty"`
}

type shownButton struct {
	Label string `json:"label"`
	Href  string `json:"href"`
}

type shownChoice struct {
	Value string `json:"value"`
	Label string `json:"label"`
	Go    string `json:"go,omitempty"`
}

type shownAsk struct {
	ID        string        `json:"id"`
	Ask       string        `json:"ask"`
	Type      string        `json:"type"`
	Choices   []shownChoice `json:"choices,omitempty"`
	Low       string        `json:"low,omitempty"`
	High      string        `json:"high,omitempty"`
	Optional  bool          `json:"optional,omitempty"`
	Attribute string        `json:"attribute,omitempty"`
}

type shownStep struct {
	ID        string        `json:"id"`
	Say       []block       `json:"say"`
	Choices   []shownChoice `json:"choices,omitempty"`
	Ask       string        `json:"ask,omitempty"`
	Optin     string        `json:"optin,omitempty"`
	Grants    bool          `json:"grants,omitempty"`
	Attribute string        `json:"attribute,omitempty"`
	Handoff   string        `json:"handoff,omitempty"`
	Go        string        `json:"go,omitempty"`
}

// in writes a message in the language for a page's.
func (m *Message) in(page string) *Shown {
	l := m.language(page)
	text := func(w words) []block {
		b, err := format(w[l])
		if err != nil {
			panic("BUG: a text was right when it was read: " + err.Error())
		}
		return b
	}
	c := &m.Cap
	out := &Shown{
		Name: m.Name, Template: m.FullName(), Kind: m.Kind, Lang: l, Place: m.Place, Accent: [2]string{m.Accent, onColour(m.Accent)},
		After: m.Show.After, Scroll: m.Show.Scroll, Exit: m.Show.Exit,
		Cap: [4]int64{int64(c.Most), c.Per, int64(c.Session), c.Again}, Title: m.Title[l], Body: text(m.Body), Thanks: text(m.Thanks),
	}
	out.Quiet = m.Kind == Chat && !m.Show.Exit && m.Show.After == 0 && m.Show.Scroll == 0
	if m.Button != nil {
		out.Button = &shownButton{m.Button.label[l], m.Button.url[l]}
	}
	choices := func(list []choice) (out []shownChoice) {
		for _, c := range list {
			out = append(out, shownChoice{c.value, c.label[l], c.to})
		}
		return out
	}
	for i := range m.Questions {
		q := &m.Questions[i]
		s := shownAsk{ID: q.id, Ask: q.ask[l], Type: q.typ, Choices: choices(q.choices), Low: q.low[l], High: q.high[l], Optional: q.optional, Attribute: q.attribute}
		if q.typ == "score" {
			for _, n := range scores(q.most) {
				s.Choices = append(s.Choices, shownChoice{Value: n, Label: n})
			}
		}
		out.Questions = append(out.Questions, s)
	}
	for i := range m.Steps {
		s := &m.Steps[i]
		out.Steps = append(out.Steps, shownStep{s.id, text(s.say), choices(s.choices), s.ask, s.optin[l], s.grants, s.attribute, s.handoff, s.to})
	}
	return out
}

// onColour is black or white, whichever reads better on a colour (WCAG's
// contrast).
func onColour(c string) string {
	lum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(c[1+2*i:3+2*i], 16, 8)
		if err != nil {
			panic("BUG: a colour was right when it was read: " + err.Error())
		}
		v := float64(n) / 255
		lum += weight * v * v // near enough to choose between two
	}
	if lum > 0.18 {
		return "#000000"
	}
	return "#ffffff"
}

// answer is what a page is answered.
func answer(list []*Shown) []byte {
	if list == nil {
		list = []*Shown{}
	}
	b, err := json.Marshal(map[string][]*Shown{"messages": list})
	if err != nil {
		panic(fmt.Sprintf("BUG: a message has no JSON: %v", err))
	}
	return b
}
