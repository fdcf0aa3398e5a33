package train

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// FeaturesVersion numbers the list of what a snapshot knows of a lead. Version 2, all
// of it as of one moment:
//
//   - how often each type of event came in the last 7, 30 and 365 days;
//   - page views by the first part of their path, by campaign.source and by
//     campaign.medium: the same;
//   - page views, downloads, opens and clicks in mails by topic, if the tenant has a
//     topic map: the same (since version 2);
//   - sessions with a page view: the same;
//   - whole days since the last activity, else since the first event, up to 90;
//   - attributes as they were last told, email_domain among them.
//
// Events of machines, messages of ours, what sales did with a hand-off, and events of
// the label's own type are not in it; up to 10 are counted. A click in a mail counts
// from when it happened, a minute before the card believes it.
const FeaturesVersion = 2

const (
	hour = 3_600_000
	day  = 24 * hour
)

// windows are the lengths of time that events are counted in, the shortest first.
var windows = [...]struct {
	span int64
	text string
}{{7 * day, "7d"}, {30 * day, "30d"}, {365 * day, "365d"}}

const (
	countMost   = 10   // more are as many
	silenceMost = 90   // days; longer is as long
	aspectsMost = 4096 // that are told apart
	ageMost     = 365 * day
)

// SnapshotOptions say who converted, and as of when leads are looked at.
type SnapshotOptions struct {
	Label    *scorecard.Label // nil = nobody asks: leads are looked at as of Until
	Until    int64            // unix ms: nothing later is known
	ByTime   bool             // an event was known when it happened, not when it was received: for histories that were imported
	Seed     uint64           // of the moments
	Language string
	Beyond   int // leads that are not looked at: there are too many

	// Topics are what an event is about, by the tenant's topic map; nil = there is none.
	Topics func(*tracker.Event) ([]string, error)
}

// Snapshots makes a table of leads' histories: what was known of each at one moment of
// its own, and whether it converted within the label's time from then on.
//
// The moment's distance from the lead's first event is drawn by lead and seed, evenly
// over orders of magnitude from an hour on, whatever became of the lead, so that the
// label's time has passed since. Whose has not is censored; who converted before the
// moment is left out, too.
type Snapshots struct {
	o       SnapshotOptions
	about   FromLog
	aspects map[aspect]int
	list    []aspect
	attrs   map[string]int
	names   []string

	champion string
	inForce  *scorecard.Card // the champion; nil = there is none
	rows     []snapshot
	hits     []hit
	traits   []told

	now     snapshot // the lead under way; its row is not there yet
	on      bool
	count   [][len(windows)]uint8 // by aspect
	touched []int
	known   map[int]string       // :: attribute → what was last told
	later   map[string]wasm.Slot // of the label's attributes
	consent tracker.Consent
	active  int64
	runs    []visit
}

// FromLog is what a table was made of.
type FromLog struct {
	Version  int    `json:"features"` // of the list of features
	Leads    int    `json:"leads"`    // all there are
	Censored int    `json:"censored"` // whose time has not passed
	Already  int    `json:"already"`  // that had converted before their moment
	Denied   int    `json:"denied"`   // who do not allow it
	By       string `json:"by"`       // received or time: when an event was known
	Until    int64  `json:"until"`    // unix ms
	Unnamed  int    `json:"unnamed"`  // events beyond what can be told apart
	Beyond   int    `json:"beyond"`   // leads beyond those that are learned from, a sample
}

// snapshot is one row.
type snapshot struct {
	at, first    int64
	y            uint8
	wait         int64 // ms until it converted
	already      bool
	hits, traits int   // ends in Snapshots.hits and traits
	score        int64 // by the card in force
	silence      uint8
}

type hit struct {
	aspect int32
	n      [len(windows)]uint8
}

type told struct {
	attr int32
	text string
}

// visit is a session under way.
type visit struct {
	subject tracker.LeadID
	own     string
	last    int64
	counted bool
}

// aspect is a kind of thing that people do.
type aspect struct{ event, field, value, per string }

// NewSnapshots returns an empty collection.
func NewSnapshots(o SnapshotOptions) *Snapshots {
	s := &Snapshots{o: o, aspects: map[aspect]int{}, attrs: map[string]int{}, known: map[int]string{}, later: map[string]wasm.Slot{}}
	s.about = FromLog{Version: FeaturesVersion, By: "received", Until: o.Until, Beyond: o.Beyond, Leads: o.Beyond}
	if o.ByTime {
		s.about.By = "time"
	}
	return s
}

// Lead begins a lead whose first event was known at a moment. If it says false the
// lead's events need not be read.
func (s *Snapshots) Lead(id tracker.LeadID, first int64) bool {
	s.end()
	s.about.Leads++
	if s.o.Label == nil {
		s.now, s.on = snapshot{at: s.o.Until}, true
		return true
	}
	most := min(s.o.Until-s.o.Label.Within-first, ageMost)
	if most < hour {
		s.about.Censored++
		return false
	}
	u := drawn(id, s.o.Seed)
	age := hour * math.Exp(u*math.Log(float64(most)/hour))
	s.now, s.on = snapshot{at: first + min(int64(age), most)}, true
	return true
}

// Moment is the moment of the lead under way.
func (s *Snapshots) Moment() int64 { return s.now.at }

// drawn is a number from 0 to below 1 that depends on the lead and the seed alone.
func drawn(id tracker.LeadID, seed uint64) float64 {
	x := binary.LittleEndian.Uint64(id.Hash[:]) ^ seed*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	hi, _ := bits.Mul64(x^x>>27, 0x94d049bb133111eb)
	x = (x ^ hi) * 0x94d049bb133111eb
	return float64(x>>11) / (1 << 53)
}

// Event takes the next event of the lead under way, in the order of their time. open
// reads the event's sealed part when it is asked for.
func (s *Snapshots) Event(e *tracker.Event, subject tracker.LeadID, open func(*tracker.Event) error) error {
	if l := s.o.Label; !e.Counts() || l != nil && e.Time > s.now.at+l.Within {
		return nil
	} else if l != nil {
		if err := s.outcome(e, open); err != nil {
			return err
		}
	}
	if e.Time > s.now.at || !s.o.ByTime && e.Received > s.now.at {
		return nil
	}
	if s.consent = s.consent.Then(e.Consent); s.consent.Denied() {
		return nil
	}
	if s.now.first == 0 {
		s.now.first = e.Time
	}
	if setsTraits(e) {
		if err := open(e); err != nil {
			return err
		}
		s.tell(e)
	}
	r := s.session(e, subject)
	if e.Machine.IsMachine() || e.IsSend() {
		return nil
	}
	started := string(e.Type) == "page_view" && !r.counted
	r.counted = r.counted || started
	s.active = e.Time
	if !setsTraits(e) && !isOutcome(e) && (s.o.Label == nil || string(e.Type) != s.o.Label.Event) {
		return s.did(e, started)
	}
	return nil
}

func setsTraits(e *tracker.Event) bool {
	switch string(e.Type) {
	case "identify", "group", "alias":
		return true
	}
	return false
}

func isOutcome(e *tracker.Event) bool {
	switch string(e.Type) {
	case tracker.Won, tracker.Lost, tracker.HandoffAccepted, tracker.HandoffRejected:
		return true
	}
	return false
}

// Converts says whether an event is one that a label waits for. open reads its sealed
// part when it is asked for.
func Converts(l *scorecard.Label, e *tracker.Event, open func(*tracker.Event) error) (bool, error) {
	if string(e.Type) != l.Event || len(l.Tests) == 0 {
		return string(e.Type) == l.Event, nil
	}
	if err := open(e); err != nil {
		return false, err
	}
	return l.Holds(func(name string) (wasm.Slot, bool) { v, ok := e.Find(name); return slotOf(v), ok }), nil
}

// outcome looks whether the event is the conversion.
func (s *Snapshots) outcome(e *tracker.Event, open func(*tracker.Event) error) error {
	l := s.o.Label
	is := false
	switch {
	case l.Event != "":
		var err error
		if is, err = Converts(l, e, open); err != nil {
			return err
		}
	case setsTraits(e):
		if err := open(e); err != nil {
			return err
		}
		eachTrait(e, func(name string, v tracker.Value) { s.later[name] = slotOf(v) })
		is = l.Holds(func(name string) (wasm.Slot, bool) { v, ok := s.later[name]; return v, ok })
	}
	switch {
	case !is:
	case e.Time <= s.now.at:
		s.now.already = true
	case s.now.y == 0:
		s.now.y, s.now.wait = 1, e.Time-s.now.at
	}
	return nil
}

func slotOf(v tracker.Value) wasm.Slot {
	switch v.Tag {
	case tracker.False, tracker.True:
		return wasm.Slot{Tag: wasm.Bool, Num: uint64(v.Tag - tracker.False)}
	case tracker.Int:
		return wasm.Slot{Tag: wasm.Int, Num: v.Num}
	case tracker.Float, tracker.Number:
		return wasm.Slot{Tag: wasm.Float, Num: v.Num}
	case tracker.String, tracker.JSON:
		return wasm.Slot{Tag: wasm.String, Str: bytes.Clone(v.Str)}
	}
	return wasm.Slot{Tag: wasm.Null}
}

// eachTrait visits the attributes that an event sets, the domain of an e-mail among
// them. What stands in the clear goes first, and once.
func eachTrait(e *tracker.Event, visit func(name string, v tracker.Value)) {
	var mail []byte
	hasDomain := false
	for _, fs := range [2][]tracker.Field{e.Personal, e.Fields} {
		for i := range fs {
			f := &fs[i]
			if f.Space != tracker.Trait {
				continue
			}
			visit(string(f.Name), f.Value)
			hasDomain = hasDomain || string(f.Name) == "email_domain"
			if string(f.Name) == "email" && f.Value.Tag == tracker.String {
				mail = f.Value.Str
			}
		}
	}
	if i := bytes.LastIndexByte(mail, '@'); i >= 0 && !hasDomain {
		visit("email_domain", tracker.Value{Tag: tracker.String, Str: bytes.ToLower(bytes.TrimSpace(mail[i+1:]))})
	}
}

// tell notes attributes.
func (s *Snapshots) tell(e *tracker.Event) {
	eachTrait(e, func(name string, v tracker.Value) {
		i, ok := s.attrs[name]
		if !ok {
			i = len(s.names)
			s.attrs[name], s.names = i, append(s.names, name)
		}
		s.known[i] = cellOf(v)
	})
}

// cellOf writes a value as a file would have it.
func cellOf(v tracker.Value) string {
	switch v.Tag {
	case tracker.False:
		return "false"
	case tracker.True:
		return "true"
	case tracker.Int:
		return strconv.FormatInt(int64(v.Num), 10)
	case tracker.Float, tracker.Number:
		return strconv.FormatFloat(math.Float64frombits(v.Num), 'g', -1, 64)
	case tracker.String:
		return strings.TrimSpace(string(v.Str))
	}
	return ""
}

// session returns the session that an event belongs to, see score.Walk. It is good
// until the next event.
func (s *Snapshots) session(e *tracker.Event, subject tracker.LeadID) *visit {
	s.runs = slices.DeleteFunc(s.runs, func(r visit) bool { return e.Time-r.last >= tracker.DefaultSession })
	at := slices.IndexFunc(s.runs, func(r visit) bool { return r.subject == subject })
	if at < 0 {
		at = len(s.runs)
		s.runs = append(s.runs, visit{subject: subject})
	}
	r := &s.runs[at]
	r.last = e.Time
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Space == tracker.Context && string(f.Name) == "session" {
			if own := cellOf(f.Value); own != r.own {
				r.own, r.counted = own, false
			}
		}
	}
	return r
}

// kinds are the fields that tell events of a type apart.
var kinds = map[string][]string{
	"page_view": {"path", "campaign.source", "campaign.medium"},
}

// did counts an event under all its aspects.
func (s *Snapshots) did(e *tracker.Event, started bool) error {
	typ := string(e.Type)
	s.add(aspect{event: typ}, e.Time)
	if started {
		s.add(aspect{event: typ, per: "session"}, e.Time)
	}
	for _, name := range kinds[typ] {
		v, ok := e.Find(name)
		if !ok || v.Tag != tracker.String {
			continue
		}
		text := string(v.Str)
		if name == "path" {
			text = topicOf(text)
		}
		if text != "" && canBeNamed(text) {
			s.add(aspect{event: typ, field: name, value: text}, e.Time)
		}
	}
	if s.o.Topics == nil {
		return nil
	}
	topics, err := s.o.Topics(e)
	for _, name := range topics {
		s.add(aspect{event: typ, field: scorecard.TopicField, value: name}, e.Time)
	}
	return err
}

// topicOf is the first part of a path, which says what it is about.
func topicOf(path string) string {
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	if i := strings.IndexByte(path[1:], '/'); i >= 0 {
		return path[:1+i]
	}
	return path
}

func (s *Snapshots) add(a aspect, at int64) {
	i, ok := s.aspects[a]
	if !ok {
		if len(s.list) >= aspectsMost {
			s.about.Unnamed++
			return
		}
		i = len(s.list)
		s.aspects[a], s.list, s.count = i, append(s.list, a), append(s.count, [len(windows)]uint8{})
	}
	c := &s.count[i]
	if c[len(windows)-1] == 0 {
		s.touched = append(s.touched, i)
	}
	for w := range windows {
		if at > s.now.at-windows[w].span && c[w] < countMost {
			c[w]++
		}
	}
}

// end makes a row of the lead under way.
func (s *Snapshots) end() {
	if !s.on {
		return
	}
	s.on = false
	switch {
	case s.now.already:
		s.about.Already++
	case s.consent.Denied():
		s.about.Denied++
	case s.now.first != 0:
		slices.Sort(s.touched)
		for i, a := range s.touched {
			if i == 0 || a != s.touched[i-1] {
				s.hits = append(s.hits, hit{int32(a), s.count[a]})
			}
		}
		for i, text := range s.known {
			s.traits = append(s.traits, told{int32(i), text})
		}
		s.now.hits, s.now.traits = len(s.hits), len(s.traits)
		since := s.now.at - cmp.Or(s.active, s.now.first)
		s.now.silence = uint8(min(since/day, silenceMost))
		s.rows = append(s.rows, s.now)
	}
	for _, a := range s.touched {
		s.count[a] = [len(windows)]uint8{}
	}
	s.touched, s.runs, s.active, s.consent = s.touched[:0], s.runs[:0], 0, 0
	clear(s.known)
	clear(s.later)
}

// Table makes the table of all leads that were taken.
func (s *Snapshots) Table() (*Table, error) {
	s.end()
	if len(s.rows) == 0 {
		why := fmt.Sprintf("no lead is older than the label's time (%s) and an hour", s.o.Label.Text)
		if !s.o.ByTime {
			why += ": if the history was imported, its events were all received then; --by time believes the time that they carry"
		}
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "nothing_to_learn", Detail: why}
	}
	t := &Table{label: s.o.Label.Text, positive: say(s.o.Language, "yes", "sí"), dates: true, log: &s.about, champion: s.champion, inForce: s.inForce}
	for i := range s.rows {
		t.y = append(t.y, s.rows[i].y)
		t.when = append(t.when, float64(s.rows[i].at/1000))
		t.scores = append(t.scores, int(s.rows[i].score))
		t.waits = append(t.waits, s.rows[i].wait)
	}
	s.attributes(t)
	s.behaviours(t)
	return t, nil
}

// attributes are columns like those of a file.
func (s *Snapshots) attributes(t *Table) {
	cells := make([][]string, len(s.names))
	for i := range cells {
		cells[i] = make([]string, len(s.rows))
	}
	at := 0
	for row := range s.rows {
		for ; at < s.rows[row].traits; at++ {
			cells[s.traits[at].attr][row] = s.traits[at].text
		}
	}
	order := make([]int, len(s.names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(s.names[a], s.names[b]) })
	o := &Options{Language: s.o.Language}
	for _, i := range order {
		c, why := sniff(s.names[i], cells[i], o)
		if why == "" && c.attr != s.names[i] {
			c.attr = s.names[i] // it is in the tracker already, under this name
		}
		if why == "" && s.o.Label != nil && s.o.Label.Event == "" && slices.ContainsFunc(s.o.Label.Tests, func(q *scorecard.Test) bool { return q.Field == c.attr }) {
			why = say(s.o.Language, "the label asks for it", "la etiqueta pregunta por ello")
		}
		if why != "" {
			t.leftOut = append(t.leftOut, LeftOut{s.names[i], why})
			continue
		}
		t.columns = append(t.columns, c)
	}
}

// Without takes columns out of a table by name: attributes, behaviours, or the type of
// events that behaviours count.
func (t *Table) Without(names []string) error {
	for _, name := range names {
		n := len(t.columns)
		t.columns = slices.DeleteFunc(t.columns, func(c *column) bool {
			return c.name == name || c.attr == name || c.does != nil && c.does.event == name
		})
		if len(t.columns) == n && !slices.ContainsFunc(t.leftOut, func(l LeftOut) bool { return l.Name == name }) {
			return fmt.Errorf("drop: there is no attribute, behaviour or event type %q", name)
		}
	}
	if len(t.columns) == 0 {
		return errors.New("drop: nothing is left to learn from")
	}
	return nil
}
