package journey

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/expr"
)

// Limits of a journey.
const (
	stepsMax    = 100
	waysMax     = 20
	wordMax     = 64
	withinUsual = 7 * day
	day         = 24 * int64(time.Hour/time.Millisecond)
)

type node = scorecard.TextNode

// reader reads one text; the document collects what is wrong.
type reader struct {
	doc  *scorecard.Document
	es   bool   // it says what is wrong in Spanish
	part string // the id of the step being read
	j    *Journey
	goes []target
}

// target is a place that names a step.
type target struct {
	at       *node
	part, to string
}

// Parse reads a journey. Its error is [scorecard.Errors], every one found in one
// reading.
func Parse(file string, src []byte) (*Journey, error) { return ParseIn("en", file, src) }

// ParseIn reads a journey, and says in "es" or English what is wrong.
func ParseIn(lang, file string, src []byte) (*Journey, error) {
	doc, root := scorecard.ReadDocument(file, src)
	r := &reader{doc: doc, es: lang == "es", j: &Journey{Language: "en", Zone: time.UTC, Within: withinUsual, Again: againNever}}
	if root != nil {
		r.journey(root)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return r.j, nil
}

// err is all that is wrong, each with its step: a journey has no rules.
func (r *reader) err() error {
	err := r.doc.Err()
	list, _ := errors.AsType[scorecard.Errors](err)
	word := "step "
	if r.es {
		word = "paso "
	}
	for _, e := range list {
		if r.es {
			*e = *e.In("es") // what the readers of YAML and of expressions said
		}
		if e.Rule != "" {
			e.What, e.Rule = word+quoted(e.Rule)+": "+e.What, ""
		}
	}
	return err
}

// ParseSegment reads a segment.
func ParseSegment(file string, src []byte) (*Segment, error) {
	return ParseSegmentIn("en", file, src)
}

// ParseSegmentIn reads a segment, and says in "es" or English what is wrong.
func ParseSegmentIn(lang, file string, src []byte) (*Segment, error) {
	doc, root := scorecard.ReadDocument(file, src)
	r := &reader{doc: doc, es: lang == "es"}
	s := &Segment{}
	if root != nil {
		r.fields(root, "a segment", fields{
			"segment": func(v *node) { s.Name = r.word(v, "segment") },
			"version": func(v *node) { s.Version = r.whole(v, "version", 1, 1<<30) },
			"about":   func(v *node) { s.About = r.text(v, "about") },
			"when":    func(v *node) { s.When = r.cond(v, false) },
		}, "segment", "when")
	}
	return s, r.err()
}

type fields map[string]func(v *node)

func (r *reader) add(at *node, what, fix string) {
	if r.es {
		what, fix = inSpanish(what), inSpanish(fix)
	}
	r.doc.Add(at, r.part, what, fix)
}

// quoted is what stands in a text, as an error repeats it.
func quoted(s string) string { return strconv.Quote(cut(s, wordMax)) }

// fields calls the function of each key of a map; unknown keys and wanted ones
// that are missing are errors.
func (r *reader) fields(n *node, of string, known fields, wanted ...string) {
	if !n.IsMap {
		r.add(n, of+" wants keys and values", "write key: value")
		return
	}
	names := slices.Sorted(maps.Keys(known))
	for i, k := range n.Keys {
		if f := known[k.Text]; f != nil {
			f(n.Values[i])
			continue
		}
		fix := "it may be " + strings.Join(names, ", ")
		if why := notBuilt[k.Text]; why != "" {
			r.add(k, k.Text+" is not built yet", why)
			continue
		}
		if near := expr.Nearest(k.Text, names); near != "" {
			fix = "did you mean " + near + "?"
		}
		r.add(k, fmt.Sprintf("%s has no key %s", of, quoted(k.Text)), fix)
	}
	for _, w := range wanted {
		if !slices.ContainsFunc(n.Keys, func(k *node) bool { return k.Text == w }) {
			r.add(n, of+" has no "+w, "write "+w+": …")
		}
	}
}

// notBuilt names what people look for and is not there, and what to do.
var notBuilt = map[string]string{
	"chat": "write channel: onsite, whose message may be a chat",
	"push": "write webhook: {to: NAME} to your provider",
}

func (r *reader) text(n *node, of string) string {
	if n.IsMap || n.IsList || n.Text == "" {
		r.add(n, of+" wants a text", "write "+of+": text")
		return ""
	}
	return n.Text
}

// word reads a name that stands in keys and addresses.
func (r *reader) word(n *node, of string) string {
	s := r.text(n, of)
	bad := func(c rune) bool { return c <= ' ' || c == '/' || c == '@' || c == 0x7f }
	if len(s) > wordMax || strings.ContainsFunc(s, bad) {
		r.add(n, fmt.Sprintf("%s is %s", of, quoted(s)), fmt.Sprintf("at most %d bytes without spaces, / and @", wordMax))
	}
	return s
}

// words reads one name or a list of them.
func (r *reader) words(n *node, of string) (out []string) {
	if !n.IsList {
		return []string{r.word(n, of)}
	}
	for _, v := range n.Values {
		out = append(out, r.word(v, of))
	}
	if len(out) == 0 {
		r.add(n, of+" is empty", "name one")
	}
	return out
}

func (r *reader) whole(n *node, of string, least, most int) int {
	i, err := strconv.Atoi(n.Text)
	if err != nil || n.IsMap || n.IsList || i < least || i > most {
		r.add(n, fmt.Sprintf("%s is %s", of, quoted(n.Text)), fmt.Sprintf("write a whole number from %d to %d", least, most))
		return least
	}
	return i
}

func (r *reader) span(n *node, of string) int64 {
	if len(n.Text) > wordMax {
		r.add(n, of+" is "+quoted(n.Text), "write a length of time like 12h, 7d or 20mo")
		return 1
	}
	return r.doc.Span(n, r.part, of)
}

func (r *reader) oneOf(n *node, of string, words ...string) string {
	if s := n.Text; !n.IsMap && !n.IsList && slices.Contains(words, s) {
		return s
	}
	r.add(n, fmt.Sprintf("%s is %s", of, quoted(n.Text)), "it may be "+strings.Join(words, ", "))
	return words[0]
}

// clock reads a time of day, in minutes.
func (r *reader) clock(n *node, of string) int {
	t, err := time.Parse("15:04", n.Text)
	if err != nil {
		r.add(n, fmt.Sprintf("%s is %s", of, quoted(n.Text)), `write a time of day in quotes, as in "08:30"`)
	}
	return t.Hour()*60 + t.Minute()
}

// cond reads an expression: over an event's fields, or over a lead.
func (r *reader) cond(n *node, event bool) *Cond {
	env := expr.Env{Open: true, Past: !event, Fields: map[string]expr.Field{}, Of: "a field"}
	scorecard.DeclarePlaces(env)
	if !event {
		for _, name := range []string{"score", "band", "grade"} {
			env.Fields[name] = expr.Field{}
		}
	}
	if n.IsMap || n.IsList || n.Text == "" {
		r.add(n, "an expression is missing", `write one, as in "score >= 60"`)
		return nil
	}
	x, errs := expr.Check(n.Text, env)
	for _, e := range errs {
		r.doc.AddAt(n, e.Pos, r.part, e.What, e.Fix)
	}
	if x == nil {
		return nil
	}
	for _, in := range x.Inputs {
		if in.Read == expr.ReadListed {
			r.add(n, "named lists are not built yet in journeys and segments", `write the values: field in ["a", "b"]`)
		}
	}
	return newCond(x)
}

// trigger reads what may happen to a lead.
func (r *reader) trigger(n *node, of string, more fields) (t Trigger) {
	known := fields{
		"band":    func(v *node) { t.Bands = r.words(v, "band") },
		"grade":   func(v *node) { t.Grades = r.words(v, "grade") },
		"segment": func(v *node) { t.Segment = r.word(v, "segment") },
		"event":   func(v *node) { t.Event = r.word(v, "event") },
		"where":   func(v *node) { t.Where = r.cond(v, true) },
	}
	maps.Copy(known, more)
	r.fields(n, of, known)
	n2 := 0
	for _, is := range []bool{t.Bands != nil, t.Grades != nil, t.Segment != "", t.Event != ""} {
		if is {
			n2++
		}
	}
	_, asks := more["when"]
	switch {
	case !n.IsMap:
	case n2 > 1 || n2 == 0 && !asks:
		r.add(n, of+" wants one of band, grade, segment, event", "name one of them; write when: for what must hold besides")
	case t.Where != nil && t.Event == "":
		r.add(n, of+" has where: without event:", "name the event whose fields it reads")
	}
	return t
}

func (r *reader) journey(n *node) {
	j := r.j
	r.fields(n, "a journey", fields{
		"journey":  func(v *node) { j.Name = r.word(v, "journey") },
		"version":  func(v *node) { j.Version = r.whole(v, "version", 1, 1<<30) },
		"language": func(v *node) { j.Language = r.oneOf(v, "language", "en", "es") },
		"about":    func(v *node) { r.text(v, "about") },
		"purpose":  func(v *node) { j.Service = r.oneOf(v, "purpose", "marketing", "service") == "service" },
		"zone":     r.zone,
		"enter":    r.enter,
		"goal":     func(v *node) { j.Goal = r.ending(v, "goal") },
		"leave":    func(v *node) { j.Leave = r.ending(v, "leave") },
		"move":     r.moves,
		"holdout":  func(v *node) { j.Holdout = r.share(v, "holdout") },
		"caps":     r.caps,
		"quiet":    r.quiet,
		"steps":    r.steps,
	}, "journey", "enter", "goal", "steps")
	r.checkTargets()
	r.checkLoops(n)
}

func (r *reader) zone(n *node) {
	loc, err := time.LoadLocation(n.Text)
	if err != nil || n.Text == "" || n.Text == "Local" {
		r.add(n, "zone is "+quoted(n.Text), "write a time zone like Europe/Madrid")
		return
	}
	r.j.Zone = loc
}

func (r *reader) enter(n *node) {
	j := r.j
	j.Enter = r.trigger(n, "enter", fields{
		"when":   func(v *node) { j.If = r.cond(v, false) },
		"within": func(v *node) { j.Within = r.span(v, "within") },
		"again":  r.again,
	})
	if n.IsMap && j.Enter.Bands == nil && j.Enter.Grades == nil && j.Enter.Segment == "" && j.Enter.Event == "" {
		r.add(n, "enter wants one of band, grade, segment, event", "name what lets a lead in; when: says what must hold besides")
	}
}

// again reads re-entry: never, always, or after a length of time.
func (r *reader) again(n *node) {
	switch n.Text {
	case "never":
		r.j.Again = againNever
	case "always":
		r.j.Again = againAlways
	default:
		r.j.Again = r.span(n, "again (never, always or how long after the end)")
	}
}

// ending reads what ends a journey.
func (r *reader) ending(n *node, of string) *Trigger {
	var when *Cond
	t := r.trigger(n, of, fields{"when": func(v *node) { when = r.cond(v, false) }})
	t.When = when
	if n.IsMap && len(n.Keys) == 0 {
		r.add(n, of+" is empty", "name a band, grade, segment or event, or write when:")
	}
	return &t
}

func (r *reader) moves(n *node) {
	if !n.IsMap {
		r.add(n, "move wants bands and journeys", "write move: {hot: buy}")
		return
	}
	for i, k := range n.Keys {
		r.j.Moves = append(r.j.Moves, Move{Band: r.text(k, "band"), To: r.word(n.Values[i], "move")})
	}
}

// share reads per cents, into parts of 10,000.
func (r *reader) share(n *node, of string) int {
	num, ok := strings.CutSuffix(n.Text, "%")
	f, err := strconv.ParseFloat(num, 64)
	if !ok || err != nil || !(f >= 0 && f < 100) {
		r.add(n, fmt.Sprintf("%s is %s", of, quoted(n.Text)), "write per cents like 10%")
		return 0
	}
	return int(f*100 + 0.5)
}

func (r *reader) caps(n *node) {
	if !n.IsMap {
		r.add(n, "caps wants channels", "write caps: {email: {most: 2, per: 7d}}")
		return
	}
	for i, k := range n.Keys {
		c := Cap{Channel: k.Text}
		r.channel(k)
		r.fields(n.Values[i], "a cap", fields{
			"most": func(v *node) { c.Most = r.whole(v, "most", 1, sentKept) },
			"per":  func(v *node) { c.Per = r.span(v, "per") },
		}, "most", "per")
		if c.Per > sentFor {
			r.add(n.Values[i], "per is too long", "at most 90d are remembered")
		}
		r.j.Caps = append(r.j.Caps, c)
	}
}

func (r *reader) quiet(n *node) {
	q := &Quiet{}
	r.fields(n, "quiet", fields{
		"from": func(v *node) { q.From = r.clock(v, "from") },
		"to":   func(v *node) { q.To = r.clock(v, "to") },
	}, "from", "to")
	if n.IsMap && q.From == q.To {
		r.add(n, "quiet is empty", `write quiet: {from: "21:00", to: "08:00"}`)
	}
	r.j.Quiet = q
}

// channels are those that have messages. The others say what to do instead.
var channels = []string{channelEmail, SMS, ChannelOnsite, Paper}

const channelEmail = "email"

// ChannelOnsite is the channel of messages that wait until the person is on the
// site again.
const ChannelOnsite = "onsite"

func (r *reader) channel(n *node) string {
	if !slices.Contains(channels, n.Text) {
		fix := "it may be " + strings.Join(channels, ", ")
		if why := notBuilt[n.Text]; why != "" {
			fix = why
		}
		r.add(n, fmt.Sprintf("the channel %s is not built yet", quoted(n.Text)), fix)
	}
	return n.Text
}
