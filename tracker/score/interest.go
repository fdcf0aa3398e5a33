package score

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// While a tenant has a topic map, a walk keeps what the lead cares about. It is kept
// as everything in a walk is: a function of the events in their order, clicks in mails
// when they have settled. Numbers are those of the functions affinity, open_rate,
// dwell, returns and shares of expressions, which guests keep for themselves: what a
// lead is shown with is what rules see. A walk of a tenant without a map keeps
// nothing, at the cost of one question an event.
type interest struct {
	topics []leaning // in the order they were met
	pages  []page    // in the order they were met
	mailed messages
	opened messages
	shares uint64
	reads  []int32 // quarters of an hour since 1970, in order; kept without a map, too
}

type leaning struct {
	topic string
	value float64 // as of time
	time  int64
}

type page struct {
	path     string
	seconds  float64
	visits   uint64
	last     int64
	sessions []uint64 // the latest, oldest first
}

// messages are counted once each, as a rule with per: message counts them.
type messages struct {
	n      uint64
	latest []uint64 // hashes, oldest first
}

// Bounds of what a walk keeps of interests. Of more pages those stay that were seen
// last.
const (
	pagesMost = 16
	pathMost  = 256
	dayMost   = 86400 // s: no page is in view for longer at a time
)

// care takes an event that counts into the interests.
func (k *Walk) care(t *scorecard.Topics, s *source) {
	e := s.e
	if e.Machine == tracker.Bot || e.Machine == tracker.Prefetch {
		return
	}
	if k.interest == nil {
		k.interest = &interest{}
	}
	i := k.interest
	switch s.typ {
	case "page_view":
		if p := i.page(inClear(e, tracker.Property, "path"), e.Time); p != nil {
			remember(&p.sessions, s.session, scorecard.SessionsMax, &p.visits)
		}
	case "engaged":
		v, _ := s.Field("seconds")
		seconds := secondsOf(v)
		if p := i.page(inClear(e, tracker.Property, "path"), e.Time); p != nil && seconds > 0 && seconds <= dayMost {
			p.seconds += seconds
		}
	case "email_sent", "email_delivered":
		i.mailed.add(named(e, "message"))
	case "email_open":
		i.opened.add(named(e, "message"))
	case "share":
		i.shares++
	}
	i.lean(t, s)
}

// quarter is how exactly it is kept when somebody reads, in ms.
const quarter = 900_000

// reads keeps when a person opened a mail or clicked in one. What machines and
// proxies did says nothing, and of an hour of reading one moment is kept. A click
// comes here when it has settled: it happened before.
func (k *Walk) reads(e *tracker.Event, typ string) {
	if typ != "email_open" && typ != "email_click" || e.Machine != tracker.Human {
		return
	}
	at := e.Time
	if typ == "email_click" {
		at -= e.Settle()
	}
	if k.interest == nil {
		k.interest = &interest{}
	}
	list := k.interest.reads
	q := int32(at / quarter)
	i, found := slices.BinarySearch(list, q)
	if found || i > 0 && list[i-1]/4 == q/4 || i < len(list) && list[i]/4 == q/4 {
		return
	}
	list = slices.Insert(list, i, q)
	k.interest.reads = slices.Delete(list, 0, max(len(list)-tracker.ReadingsMost, 0))
}

// Readings are the moments at which the person read mails, unix ms.
func (k *Walk) Readings() (out []int64) {
	if k.interest == nil {
		return nil
	}
	for _, q := range k.interest.reads {
		out = append(out, int64(q)*quarter)
	}
	return out
}

func secondsOf(v wasm.Slot) float64 {
	switch v.Tag {
	case wasm.Int:
		return float64(int64(v.Num))
	case wasm.Float:
		return math.Float64frombits(v.Num)
	}
	return 0
}

func (m *messages) add(hash uint64) { remember(&m.latest, hash, scorecard.HashesMax, &m.n) }

// remember counts a value unless it is one of the latest.
func remember(latest *[]uint64, v uint64, most int, n *uint64) {
	if slices.Contains(*latest, v) {
		return
	}
	if len(*latest) == most {
		*latest = slices.Delete(*latest, 0, 1)
	}
	*latest = append(*latest, v)
	*n++
}

// page returns what is kept of a page, new if it is the first time: then it takes the
// place of the one that was seen longest ago, if there are too many.
func (i *interest) page(path []byte, at int64) *page {
	if len(path) == 0 || len(path) > pathMost {
		return nil
	}
	n := slices.IndexFunc(i.pages, func(p page) bool { return p.path == string(path) })
	if n < 0 && len(i.pages) < pagesMost {
		n = len(i.pages)
		i.pages = append(i.pages, page{path: string(path)})
	} else if n < 0 {
		n = 0
		for j := range i.pages {
			if i.pages[j].last < i.pages[n].last {
				n = j
			}
		}
		i.pages[n] = page{path: string(path)}
	}
	i.pages[n].last = at
	return &i.pages[n]
}

// lean takes in what the event is about.
func (i *interest) lean(t *scorecard.Topics, s *source) {
	weight := t.Weight(s.typ)
	if weight == 0 {
		return
	}
	for n, name := range t.Names {
		if !t.About(n, s.topicText) {
			continue
		}
		at := slices.IndexFunc(i.topics, func(l leaning) bool { return l.topic == name })
		if at < 0 {
			at = len(i.topics)
			i.topics = append(i.topics, leaning{topic: name, time: s.e.Time})
		}
		l := &i.topics[at]
		l.value = l.at(s.e.Time, t.HalfLife) + weight
		l.time = max(l.time, s.e.Time)
	}
}

// at is the affinity at a moment.
func (l *leaning) at(now, halfLife int64) float64 {
	if now <= l.time {
		return l.value
	}
	return float64(l.value * wasm.Exp2(float64(l.time-now)/float64(halfLife)))
}

// topicText is a text of the event that patterns of topics are about.
func (s *source) topicText(of scorecard.TopicText) []byte {
	mail := strings.HasPrefix(s.typ, "email_")
	switch {
	case of == scorecard.TopicTitle:
		return s.textOf("title")
	case of == scorecard.TopicCampaign && mail:
		return inClear(s.e, tracker.Property, "message")
	case of == scorecard.TopicCampaign:
		return inClear(s.e, tracker.Context, "campaign.name")
	case mail:
		return pathOf(cmp.Or(string(s.textOf("url")), string(s.textOf("link"))))
	case s.typ == "download":
		return pathOf(cmp.Or(string(s.textOf("file")), string(s.textOf("path"))))
	}
	return inClear(s.e, tracker.Property, "path")
}

func (s *source) textOf(name string) []byte {
	v, _ := s.Field(name)
	return v.Str
}

// inClear is a text that is never sealed.
func inClear(e *tracker.Event, space tracker.Space, name string) []byte {
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Space == space && string(f.Name) == name && f.Value.Tag == tracker.String {
			return f.Value.Str
		}
	}
	return nil
}

// pathOf is the path of an address, or of a file's name.
func pathOf(s string) []byte {
	if i := strings.IndexAny(s, "?#"); i >= 0 {
		s = s[:i]
	}
	if _, rest, ok := strings.Cut(s, "://"); ok {
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			s = rest[i:]
		} else {
			s = "/"
		}
	}
	return []byte(s)
}

// topic is what the event weighs for a topic of the tenant's map.
func (s *source) topic(name string) (wasm.Slot, bool) {
	if s.topics == nil {
		return wasm.Slot{}, false
	}
	i, w := s.topics.Index(name), s.topics.Weight(s.typ)
	if i < 0 || w == 0 || !s.topics.About(i, s.topicText) {
		return wasm.Slot{}, false
	}
	return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(w)}, true
}

// About are the topics of a map that an event is about, as rules ask for them. open reads
// the event's sealed part.
func About(t *scorecard.Topics, e *tracker.Event, open func(*tracker.Event) error) (names []string, err error) {
	s := source{e: e, typ: string(e.Type), topics: t, products: -1}
	if t.Weight(s.typ) == 0 {
		return nil, nil
	}
	if s.typ != "page_view" || slices.Contains(t.Fields(), "title") {
		if err := open(e); err != nil {
			return nil, err
		}
	}
	for _, name := range t.Names {
		if _, ok := s.topic(name); ok {
			names = append(names, name)
		}
	}
	return names, nil
}

// Interests shows what a walk keeps of interests at a moment; nil if there is no map.
func (d *Deck) Interests(k *Walk, at int64) *tracker.Interests {
	if d.Topics == nil {
		return nil
	}
	out := &tracker.Interests{}
	i := k.interest
	if i == nil {
		return out
	}
	for n := range i.topics {
		if v := i.topics[n].at(at, d.Topics.HalfLife); v >= leastAffinity {
			out.Topics = append(out.Topics, tracker.Affinity{Topic: i.topics[n].topic, Value: v})
		}
	}
	slices.SortFunc(out.Topics, func(a, b tracker.Affinity) int {
		return cmp.Or(cmp.Compare(b.Value, a.Value), strings.Compare(a.Topic, b.Topic))
	})
	for n := range i.pages {
		p := &i.pages[n]
		out.Pages = append(out.Pages, tracker.PageUse{Path: p.path, Seconds: p.seconds, Visits: int(p.visits)})
	}
	slices.SortFunc(out.Pages, func(a, b tracker.PageUse) int {
		return cmp.Or(cmp.Compare(b.Seconds, a.Seconds), cmp.Compare(b.Visits, a.Visits), strings.Compare(a.Path, b.Path))
	})
	out.Mails, out.Opened, out.Shares = int(i.mailed.n), int(i.opened.n), int(i.shares)
	if out.Mails > 0 {
		out.OpenRate = min(1, float64(out.Opened)/float64(out.Mails))
	}
	return out
}

// leastAffinity is what is shown at least: a page view three hundred days ago.
const leastAffinity = 0.001

// A walk keeps its interests, if it has any, as
//
//	interest = topics pages messages messages shares:uvarint reads?
//	topic    = text value:8 time
//	page     = text seconds:8 visits:uvarint last hashes
//	messages = n:uvarint hashes
//	hashes   = count:uvarint (hash:8)*
//	reads    = count:uvarint (quarter since the one before)*

func (k *Walk) appendInterest(dst []byte) []byte {
	i := k.interest
	float := func(v float64) { dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v)) }
	hashes := func(hs []uint64) {
		dst = binary.AppendUvarint(dst, uint64(len(hs)))
		for _, h := range hs {
			dst = binary.LittleEndian.AppendUint64(dst, h)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(i.topics)))
	for n := range i.topics {
		dst = appendText(dst, i.topics[n].topic)
		float(i.topics[n].value)
		dst = binary.AppendVarint(dst, i.topics[n].time-k.First)
	}
	dst = binary.AppendUvarint(dst, uint64(len(i.pages)))
	for n := range i.pages {
		p := &i.pages[n]
		dst = appendText(dst, p.path)
		float(p.seconds)
		dst = binary.AppendVarint(binary.AppendUvarint(dst, p.visits), p.last-k.First)
		hashes(p.sessions)
	}
	for _, m := range [2]*messages{&i.mailed, &i.opened} {
		dst = binary.AppendUvarint(dst, m.n)
		hashes(m.latest)
	}
	dst = binary.AppendUvarint(dst, i.shares)
	if len(i.reads) == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(i.reads)))
	last := int32(k.First / quarter)
	for _, q := range i.reads {
		dst = binary.AppendVarint(dst, int64(q-last))
		last = q
	}
	return dst
}

func (r *reader) interest(k *Walk) {
	k.interest = nil
	if len(r.b) == 0 {
		return
	}
	i := &interest{}
	k.interest = i
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		i.topics = append(i.topics, leaning{r.string(), math.Float64frombits(r.uint64()), r.varint() + k.First})
	}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		i.pages = append(i.pages, page{
			path: string(r.bytes(r.uvarint())), seconds: math.Float64frombits(r.uint64()),
			visits: r.uvarint(), last: r.varint() + k.First, sessions: r.hashes(),
		})
	}
	for _, m := range [2]*messages{&i.mailed, &i.opened} {
		m.n, m.latest = r.uvarint(), r.hashes()
	}
	i.shares = r.uvarint()
	if len(r.b) == 0 {
		return
	}
	last := int32(k.First / quarter)
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		last += int32(r.varint())
		i.reads = append(i.reads, last)
	}
}

func (r *reader) hashes() (out []uint64) {
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		out = append(out, r.uint64())
	}
	return out
}

// size is the memory that interests take, about.
func (i *interest) size() int {
	if i == nil {
		return 0
	}
	n := 184 + 4*cap(i.reads) + 48*cap(i.topics) + 8*(cap(i.mailed.latest)+cap(i.opened.latest))
	for j := range i.pages {
		n += 80 + len(i.pages[j].path) + 8*cap(i.pages[j].sessions)
	}
	return n
}
