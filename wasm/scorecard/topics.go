package scorecard

import (
	"fmt"
	"math"
	"slices"

	"ripen/wasm"
)

// Topics is a tenant's topic map: what its pages, files and mails are about. Rules
// name a topic as the field topic.NAME of an event, which holds what the event
// weighs for it, and as affinity(NAME). It is immutable.
type Topics struct {
	// HalfLife is that of the profiles that leads are shown with, in ms.
	HalfLife int64
	// Names are the topics, in the order of the file.
	Names []string

	all     []topic
	weights [len(TopicEvents)]float64
}

// TopicEvents are the types of the events that tell what somebody cares about.
var TopicEvents = [...]string{"page_view", "download", "email_open", "email_click"}

// TopicHalfLife is what half_life is where nobody says it, in ms.
const TopicHalfLife = 30 * 864e5

// TopicField is what the name of an event's field begins with that says what the
// event weighs for a topic.
const TopicField = "topic."

// TopicText is a text of an event that patterns are about.
type TopicText uint8

// The texts.
const (
	TopicPath     TopicText = iota // of the page, of a file, or where a link in a mail leads
	TopicTitle                     // of the page
	TopicCampaign                  // its name, or the name of the mail
	topicTexts
)

// topicKeys are the keys of the patterns, by text.
var topicKeys = [topicTexts]string{"paths", "titles", "campaigns"}

type topic [topicTexts][]string // patterns

// Limits of a topic map.
const (
	topicsMax   = 200
	patternsMax = 500
	weightMax   = 100
)

// ParseTopics reads a topic map. Its error is [Errors].
func ParseTopics(file string, src []byte) (*Topics, error) {
	p := newReader(file)
	t := &Topics{HalfLife: TopicHalfLife, weights: [...]float64{1, 3, 1, 2}}
	if root := p.readYAML(src); root != nil {
		p.topics(t, root)
	}
	if err := p.found(); err != nil {
		return nil, err
	}
	return t, nil
}

func (p *reader) topics(t *Topics, root *node) {
	named := false
	p.fields(root, "a topic map", map[string]func(k, v *node){
		"topics":    func(_, v *node) { named = true; p.topicList(t, v) },
		"half_life": func(_, v *node) { t.HalfLife = p.halfLife(v) },
		"weights": func(_, v *node) {
			known := map[string]func(k, v *node){}
			for i, typ := range TopicEvents {
				known[typ] = func(_, v *node) { t.weights[i] = p.weight(v, typ) }
			}
			p.fields(v, "weights", known)
		},
	})
	if !named && root.kind == mapNode {
		p.add(root, "the map has no topics", `write topics: {pricing: {paths: ["/pricing*"]}}`)
	}
}

func (p *reader) weight(v *node, of string) float64 {
	f, ok := plainNumber(v)
	if !ok || f < 0 || f > weightMax {
		p.add(v, fmt.Sprintf("%s is %s", of, v.word()), fmt.Sprintf("write a number from 0 to %d; 0 does not count them", weightMax))
	}
	return f
}

func (p *reader) topicList(t *Topics, v *node) {
	if v.kind != mapNode {
		p.add(v, "topics wants a map of names to patterns", `write topics: {pricing: {paths: ["/pricing*"]}}`)
		return
	}
	if len(v.keys) > topicsMax {
		p.add(v, fmt.Sprintf("there are %d topics", len(v.keys)), fmt.Sprintf("at most %d: join some", topicsMax))
		return
	}
	for i, k := range v.keys {
		t.Names = append(t.Names, p.name(k, "a topic"))
		t.all = append(t.all, p.patterns(k, v.values[i]))
	}
}

func (p *reader) patterns(k, v *node) (t topic) {
	known := map[string]func(k, v *node){}
	for i, key := range topicKeys {
		known[key] = func(_, v *node) {
			for _, n := range p.items(v, key, patternsMax) {
				s := p.text(n, "a pattern")
				if n.kind == scalarNode && (s == "" || len(s) > wordMax) {
					p.add(n, fmt.Sprintf("a pattern has %d bytes", len(s)), fmt.Sprintf(`write 1 to %d, as in "/pricing*"`, wordMax))
				}
				if i := TopicText(i); i == TopicPath && s != "" && s[0] != '/' && s[0] != '*' {
					p.add(n, fmt.Sprintf("the path %q does not begin with /", s), fmt.Sprintf(`write "/%s", or "*%s" to find it anywhere`, s, s))
				}
				t[i] = append(t[i], s)
			}
		}
	}
	p.fields(v, "a topic", known)
	if v.kind == mapNode && len(v.keys) == 0 {
		p.add(k, fmt.Sprintf("topic %s has no patterns", k.text), `write paths: ["/pricing*"], titles: or campaigns:`)
	}
	return t
}

// Fields returns the names of the properties that must be readable when events are
// folded.
func (t *Topics) Fields() (out []string) {
	out = []string{"file"}
	if slices.ContainsFunc(t.all, func(o topic) bool { return len(o[TopicTitle]) > 0 }) {
		out = append(out, "title")
	}
	return out
}

// Index returns the place of a topic in Names, < 0 if there is none of this name.
func (t *Topics) Index(name string) int { return slices.Index(t.Names, name) }

// Weight is what an event of a type weighs for the topics that it is about; 0 if it
// tells of none.
func (t *Topics) Weight(typ string) float64 {
	if i := slices.Index(TopicEvents[:], typ); i >= 0 {
		return t.weights[i]
	}
	return 0
}

// About says whether an event is about a topic, given its texts.
func (t *Topics) About(topic int, text func(TopicText) []byte) bool {
	for i, patterns := range t.all[topic] {
		if len(patterns) == 0 {
			continue
		}
		if s := text(TopicText(i)); len(s) > 0 && slices.ContainsFunc(patterns, func(p string) bool { return Glob(s, p) }) {
			return true
		}
	}
	return false
}

// keeperOf returns the rule that keeps what a function of expressions asks, before
// it has its place: what a lead did, machines left out. A mail program that fetches
// for a person when the mail is opened (proxy) is the person.
func keeperOf(name, arg string, span int64) *Rule {
	r := &Rule{Kind: Sum, Points: 1, Ignore: ignoreMachines}
	field := func(f string, most float64) {
		r.Value = f
		r.Tests = append(r.Tests, &Test{Field: f, Op: OpRange, LoOpen: true, Hi: most})
	}
	switch name {
	case "affinity":
		r.Kind, r.Span, r.Sends = HalfLife, span, TopicEvents[:]
		field(TopicField+arg, weightMax)
		return r
	case "opened":
		r.Event, r.Per, r.PerName = "email_open", PerValue, "message"
		return r
	case "mailed":
		r.Sends, r.Per, r.PerName = []string{"email_sent", "email_delivered"}, PerValue, "message"
		return r
	case "dwell":
		r.Event = "engaged"
		field("seconds", 86400)
	case "visits":
		r.Event, r.Per = "page_view", PerSession
	case "shares":
		r.Event = "share"
	}
	if arg != "" {
		r.Tests = append(r.Tests, &Test{Field: "path", Op: OpGlob, Texts: []string{arg}})
	}
	return r
}

const ignoreMachines = 1<<0 | 1<<1 // bot and prefetch, as in machines

// Amounts says whether what an event adds to the rule is what its field Value
// holds, in place of the rule's points.
func (r *Rule) Amounts() bool { return r.Value != "" && (r.Kind == Sum || r.Kind == HalfLife) }

// adds is what an event adds to a rule of Sum or HalfLife.
func (r *Rule) adds(ev *wasm.Event) float64 {
	if r.Amounts() {
		return floatOf(&ev.Slots[r.PerSlot]) // a number above 0: the rule's test says so
	}
	return r.Points
}

// leaning is how points that halve move: down, as fast as now.
func leaning(v float64, span int64) (m motion) {
	m.decay(v, math.Ln2/float64(span))
	return m
}
