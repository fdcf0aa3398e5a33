package onsite

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ripen/tracker/journey"
)

// Limits of a message.
const (
	maxLine      = 200
	maxText      = 4000
	maxQuestions = 10
	maxChoices   = 12
	maxSteps     = 60
	maxPages     = 50
	capKept      = 32
	capFor       = 400 * day
	day          = 24 * 3600 * 1000
)

type node = journey.Node

// reader reads one message.
type reader struct {
	journey.Text
	m    *Message
	goes []target
}

// target is a place that names a step.
type target struct {
	at *node
	to string
}

// Parse reads an on-site message. Its error is [scorecard.Errors], every one
// found in one reading.
func Parse(file string, src []byte) (*Message, error) {
	m := &Message{Languages: []string{"en"}, Accent: "#1f5fbf", Cap: Cap{Most: 3, Per: 30 * day, Session: 1, Again: againNever}}
	err := journey.ReadText(file, src, func(t journey.Text, root *node) {
		r := &reader{Text: t, m: m}
		r.message(root)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (r *reader) message(n *node) {
	m := r.m
	// Texts are read by the languages, and what fits depends on the kind.
	for i, k := range n.Keys {
		switch k.Text {
		case "languages":
			r.languages(n.Values[i])
		case "kind":
			m.Kind = Kind(r.OneOf(n.Values[i], "kind", string(Banner), string(Box), string(Survey), string(Chat)))
		}
	}
	again := false
	r.Fields(n, "an on-site message", map[string]func(*node){
		"onsite":    func(v *node) { m.Name = r.Word(v, "onsite") },
		"version":   func(v *node) { m.Version = r.Whole(v, "version", 1, 1<<30) },
		"about":     func(v *node) { r.Text.Text(v, "about") },
		"kind":      func(*node) {},
		"languages": func(*node) {},
		"purpose":   func(v *node) { m.Service = r.OneOf(v, "purpose", "marketing", "service") == "service" },
		"priority":  func(v *node) { m.Priority = r.Whole(v, "priority", 0, 1000) },
		"place":     r.place,
		"accent":    r.accent,
		"show":      r.show,
		"cap":       r.cap,
		"again":     func(v *node) { r.again(v); again = true },
		"title":     func(v *node) { m.Title = r.line(v, "title") },
		"body":      func(v *node) { m.Body = r.body(v, "body") },
		"button":    r.button,
		"questions": r.questions,
		"thanks":    func(v *node) { m.Thanks = r.body(v, "thanks") },
		"steps":     r.steps,
	}, "onsite", "kind", "title")
	if m.Kind == Chat && !again {
		m.Cap.Again = againAlways
	}
	r.fits(n)
	r.checkTargets()
}

// fits looks at what a kind has and does not have.
func (r *reader) fits(n *node) {
	m := r.m
	need := func(is bool, kind Kind, what, fix string) {
		if m.Kind == kind && !is {
			r.Add(n, fmt.Sprintf("a %s has no %s", kind, what), fix)
		}
	}
	need(m.Body != nil, Banner, "body", "write body: text")
	need(m.Body != nil, Box, "body", "write body: text")
	need(m.Questions != nil, Survey, "questions", "write questions: [{id: use, ask: text, type: choice, choices: {home: At home}}]")
	need(m.Steps != nil, Chat, "steps", "write steps: [{id: hello, say: text}]")
	for _, key := range []struct {
		name string
		has  bool
		of   []Kind
	}{
		{"button", m.Button != nil, []Kind{Banner, Box}},
		{"questions", m.Questions != nil, []Kind{Survey}},
		{"thanks", m.Thanks != nil, []Kind{Survey}},
		{"steps", m.Steps != nil, []Kind{Chat}},
	} {
		if key.has && m.Kind != "" && !slices.Contains(key.of, m.Kind) {
			r.Add(n, fmt.Sprintf("a %s has %s", m.Kind, key.name), fmt.Sprintf("remove it: it belongs to a %s", key.of[0]))
		}
	}
	places := map[Kind][]string{Banner: {"bottom", "top"}, Box: {"corner", "middle"}, Survey: {"corner", "middle"}, Chat: {"corner"}}[m.Kind]
	if m.Place == "" && places != nil {
		m.Place = places[0]
	}
	if places != nil && !slices.Contains(places, m.Place) {
		r.Add(n, fmt.Sprintf("a %s is at the place %q", m.Kind, m.Place), "it may be "+strings.Join(places, ", "))
	}
}

func (r *reader) languages(n *node) {
	list := n.Values
	if !n.IsList {
		list = []*node{n}
	}
	r.m.Languages = nil
	for _, v := range list {
		l := r.OneOf(v, "languages", "en", "es")
		if slices.Contains(r.m.Languages, l) {
			r.Add(v, l+" stands twice", "remove one")
		}
		r.m.Languages = append(r.m.Languages, l)
	}
	if len(list) == 0 {
		r.Add(n, "languages is empty", "write languages: [en, es]")
		r.m.Languages = []string{"en"}
	}
}

// line reads a text of one line in all languages; body one with formatting.
func (r *reader) line(n *node, of string) words {
	return r.words(n, of, func(s string) (string, bool) {
		if len(s) > maxLine || strings.ContainsAny(s, "\n\r") {
			return fmt.Sprintf("need one line of at most %d bytes", maxLine), false
		}
		return "", true
	})
}

func (r *reader) body(n *node, of string) words {
	return r.words(n, of, func(s string) (string, bool) {
		if len(s) > maxText {
			return fmt.Sprintf("need at most %d bytes", maxText), false
		}
		if _, err := format(s); err != nil {
			return err.Error() + ": links are http:// or https:// or begin with /", false
		}
		return "", true
	})
}

// words reads a text that is the same in all languages, or one for each.
func (r *reader) words(n *node, of string, good func(string) (fix string, ok bool)) words {
	out := words{}
	take := func(v *node, lang string) {
		s := strings.TrimSpace(r.Text.Text(v, of))
		if fix, ok := good(s); !ok {
			r.Add(v, of+" is not right", fix)
		}
		out[lang] = s
	}
	if !n.IsMap {
		for _, l := range r.m.Languages {
			take(n, l)
		}
		return out
	}
	known := map[string]func(*node){}
	for _, l := range r.m.Languages {
		known[l] = func(v *node) { take(v, l) }
	}
	r.Fields(n, of, known, r.m.Languages...)
	return out
}

var isColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

func (r *reader) accent(n *node) {
	if r.m.Accent = n.Text; !isColour.MatchString(n.Text) {
		r.Add(n, fmt.Sprintf("accent is %q", n.Text), `write a colour in quotes, as in "#0f5c57"`)
	}
}

func (r *reader) place(n *node) {
	r.m.Place = r.OneOf(n, "place", "bottom", "top", "corner", "middle")
}

func (r *reader) show(n *node) {
	s := &r.m.Show
	r.Fields(n, "show", map[string]func(*node){
		"pages":   func(v *node) { s.Pages = r.pages(v, "pages") },
		"except":  func(v *node) { s.Except = r.pages(v, "except") },
		"when":    func(v *node) { s.When = r.Cond(v) },
		"segment": func(v *node) { s.Segment = r.Word(v, "segment") },
		"by":      func(v *node) { s.ByJourney = r.OneOf(v, "by", "site", "journey") == "journey" },
		"after":   func(v *node) { s.After = r.Span(v, "after") },
		"scroll":  func(v *node) { s.Scroll = r.percent(v) },
		"exit":    func(v *node) { s.Exit = r.OneOf(v, "exit", "true", "false") == "true" },
	})
	if s.After > day {
		r.Add(n, "after is longer than a day", "write after: 20s")
	}
}

func (r *reader) pages(n *node, of string) (out []string) {
	list := n.Values
	if !n.IsList {
		list = []*node{n}
	}
	for _, v := range list {
		p := r.Text.Text(v, of)
		if !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "*") || len(p) > maxLine {
			r.Add(v, fmt.Sprintf("%s has %q", of, p), "write paths, * for anything: /prices*, /*/machines/*")
		}
		out = append(out, p)
	}
	if len(out) == 0 || len(out) > maxPages {
		r.Add(n, fmt.Sprintf("%s has %d paths", of, len(out)), fmt.Sprintf("name 1 to %d", maxPages))
	}
	return out
}

func (r *reader) percent(n *node) int {
	num, ok := strings.CutSuffix(n.Text, "%")
	i, err := strconv.Atoi(num)
	if !ok || err != nil || i < 1 || i > 100 {
		r.Add(n, fmt.Sprintf("scroll is %q", n.Text), "write per cents of the page like 50%")
		return 1
	}
	return i
}

func (r *reader) cap(n *node) {
	c := &r.m.Cap
	r.Fields(n, "cap", map[string]func(*node){
		"most":    func(v *node) { c.Most = r.Whole(v, "most", 1, capKept) },
		"per":     func(v *node) { c.Per = r.Span(v, "per") },
		"session": func(v *node) { c.Session = r.Whole(v, "session", 1, 100) },
	}, "most", "per")
	if c.Per > capFor {
		r.Add(n, "per is too long", "at most 400d are remembered")
	}
}

// again reads whether somebody who answered is shown it again.
func (r *reader) again(n *node) {
	switch n.Text {
	case "never":
		r.m.Cap.Again = againNever
	case "always":
		r.m.Cap.Again = againAlways
	default:
		r.m.Cap.Again = r.Span(n, "again (never, always or how long after the answer)")
	}
}

func (r *reader) button(n *node) {
	b := &button{}
	r.Fields(n, "button", map[string]func(*node){
		"label": func(v *node) { b.label = r.line(v, "label") },
		"url": func(v *node) {
			b.url = r.words(v, "url", func(s string) (string, bool) {
				return "write http://, https:// or a path that begins with /", isLink(s)
			})
		},
	}, "label", "url")
	r.m.Button = b
}
