package ingest

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"

	"ripen/tracker"
)

// rows holds the encoded parts of a body's events.
type rows struct {
	clear    []byte // fields in the clear, without their count
	personal []byte // counts and fields of personal parts
	row      []byte // whole rows
	nClear   int    // fields of the event being encoded
	nSealed  int
	seals    tracker.NameSet // names of what is sealed
	at       span            // where the event being encoded began in clear and personal
}

func (r *rows) reset()       { *r = rows{clear: r.clear[:0], personal: r.personal[:0], row: r.row[:0]} }
func (r *rows) mark() [2]int { return [2]int{len(r.clear), len(r.personal)} }
func (r *rows) cut(m [2]int) { r.clear, r.personal = r.clear[:m[0]], r.personal[:m[1]] }

// open begins an event. The personal part starts with its count; one byte is
// kept for it, which nearly always does.
func (r *rows) open() {
	r.nClear, r.nSealed, r.seals = 0, 0, 0
	r.at = span{len(r.clear), len(r.personal)}
	r.personal = append(r.personal, 0)
}

// put appends a field to one part or the other.
func (r *rows) put(f *tracker.Field, open bool) {
	if open {
		r.clear = tracker.AppendField(r.clear, f)
		r.nClear++
		return
	}
	r.personal = tracker.AppendField(r.personal, f)
	r.nSealed++
	r.seals = r.seals.With(f.Name)
}

// seal ends the event and tells it where its parts are.
func (r *rows) seal(it *item) {
	it.fields = r.nClear
	it.clear = span{r.at.from, len(r.clear)}
	from := r.at.to
	switch {
	case r.nSealed == 0:
		r.personal = r.personal[:from]
	case r.nSealed < 0x80:
		r.personal[from] = byte(r.nSealed)
	default:
		var count [binary.MaxVarintLen64]byte
		n := binary.PutUvarint(count[:], uint64(r.nSealed))
		r.personal = append(r.personal, count[:n-1]...)
		copy(r.personal[from+n:], r.personal[from+1:])
		copy(r.personal[from:], count[:n])
	}
	it.personal, it.ev.Seals = span{from, len(r.personal)}, r.seals
}

// found is what the fields of one event say beside being stored.
type found struct {
	prop, page  where
	agent       []byte
	hasAgent    bool
	address     []byte
	consent     tracker.Consent
	proof       []byte // context.userIdHash
	hasCampaign bool
	mail        bool          // the event is of a mail
	placed      bool          // a trusted sender says where the person is
	visit       tracker.Field // the client's session; no name if none
}

var mailPrefix = []byte("email_")

// where are the strings that say where an event happened.
type where struct{ path, url, title, referrer, search []byte }

// encode files the fields of an accepted event: which are in the clear is said
// by the table in DESIGN.md.
func (d *decoder) encode(ev *draft, it *item) {
	d.out.open()
	d.found = found{mail: bytes.HasPrefix(it.ev.Type, mailPrefix)}
	d.consents(ev)
	denied := d.found.consent.Denied()
	for i := range ev.fields {
		d.file(ev, &ev.fields[i], denied)
	}
	if d.base != nil && d.base != ev {
		d.merge(ev, denied)
	}
	page := string(it.ev.Type) == pageView
	if d.found.visit.Name != nil {
		d.out.put(&d.found.visit, true)
	}
	d.titles(ev)
	d.places(page)
	it.ev.Consent = d.found.consent
	it.ev.Decision = d.decides(ev, it, denied)
	switch {
	case !denied:
		d.identify(ev, it)
	case !it.ev.Decision:
		d.pseudonym(ev, it)
	}
	d.judge(ev, it, denied)
	d.locate(&it.ev, denied)
	d.out.seal(it)
	if n := it.clear.to - it.clear.from + it.personal.to - it.personal.from; n > maxStored {
		it.verdict = verdict{tracker.Drop, tracker.CodeTooLarge}
		d.out.cut([2]int{it.clear.from, it.personal.from})
	}
}

// maxStored bounds what flattening may make of an event. The log refuses a
// request of which one record is over its own limit, twice this.
const maxStored = 8 * tracker.MaxEvent

// merge files the fields of the batch's context that the event does not have
// itself.
func (d *decoder) merge(ev *draft, denied bool) {
	for i := range d.base.fields {
		f := &d.base.fields[i]
		if f.Space == tracker.Context && !ev.has(f) {
			d.file(ev, f, denied)
		}
	}
}

func (ev *draft) has(f *tracker.Field) bool {
	for i := range ev.fields {
		if g := &ev.fields[i]; g.Space == f.Space && bytes.Equal(g.Name, f.Name) {
			return true
		}
	}
	return false
}

// file stores one field, or keeps it for what must wait until all are known.
func (d *decoder) file(ev *draft, f *tracker.Field, denied bool) {
	text := f.Value.Tag == tracker.String
	switch f.Space {
	case tracker.Trait:
		if !denied {
			d.out.put(f, false)
		}
		return
	case tracker.Property:
		if text && d.found.prop.keep(f.Name, f.Value.Str) {
			return
		}
	case tracker.Context:
		if d.context(ev, f, denied) {
			return
		}
	}
	d.out.put(f, !text && f.Value.Tag != tracker.JSON || d.names(f.Name) || d.ofMail(f))
}

// ofMail says that a field tells which mail an event is of, or which link of it:
// what judges clicks in mails reads both.
func (d *decoder) ofMail(f *tracker.Field) bool {
	return d.found.mail && f.Space == tracker.Property && (string(f.Name) == "message" || string(f.Name) == "link") && len(f.Value.Str) <= tracker.MaxID
}

// keep holds the strings that say where an event happened. An empty one is as
// good as absent, and so is what RudderStack's and PostHog's browser libraries
// say of a visitor whom no page has sent.
func (w *where) keep(name, v []byte) bool {
	switch string(name) {
	case "path":
		w.path = v
	case "url":
		w.url = v
	case "title":
		w.title = v
	case "referrer":
		if w.referrer = v; string(v) == "$direct" {
			w.referrer = nil
		}
	case "search":
		w.search = v
	default:
		return false
	}
	return true
}

// contextInitials are the first letters of what [decoder.context] knows: of most
// fields it knows nothing.
const contextInitials = 1<<('p'-'a') | 1<<('c'-'a') | 1<<('t'-'a') | 1<<('g'-'a') | 1<<('r'-'a') | 1<<('u'-'a') | 1<<('i'-'a') | 1<<('s'-'a')

// context files what a context says that is not a plain field.
func (d *decoder) context(ev *draft, f *tracker.Field, denied bool) bool {
	name, v := f.Name, f.Value.Str
	if len(name) == 0 || uint32(contextInitials)>>(name[0]-'a')&1 == 0 {
		return false
	}
	text := f.Value.Tag == tracker.String
	switch {
	case text && bytes.HasPrefix(name, pagePrefix) && d.found.page.keep(name[len(pagePrefix):], v):
		return true
	case bytes.HasPrefix(name, campaignPrefix):
		d.found.hasCampaign = true
		d.out.put(f, true)
		return true
	case bytes.HasPrefix(name, traitsPrefix):
		t := tracker.Field{Space: tracker.Trait, Name: name[len(traitsPrefix):], Value: f.Value}
		if !denied && !ev.has(&t) {
			d.out.put(&t, false)
		}
		return true
	}
	if isConsent(f) || !d.trusted && isOurs(name) {
		return true
	}
	if text && tracker.IsPlace(name) {
		if denied && string(name) != tracker.PlaceCountry {
			return true
		}
		d.found.placed = true
	}
	switch string(name) {
	case "userAgent":
		d.found.agent, d.found.hasAgent = trim(v), text
		return text
	case "ip":
		d.found.address = v
		return true
	case "userIdHash":
		d.found.proof = v
		return true
	case "sessionId", "session":
		return d.found.session(f)
	}
	return false
}

var (
	sessionName    = []byte("session")
	pagePrefix     = []byte("page.")
	campaignPrefix = []byte("campaign.")
	traitsPrefix   = []byte("traits.")
)

// session keeps the client's own session id, a text or a whole number, which the
// fold needs in the clear. Of two names sessionId wins.
func (w *found) session(f *tracker.Field) bool {
	switch {
	case f.Value.Tag != tracker.Int && f.Value.Tag != tracker.String, len(f.Value.Str) > tracker.MaxID:
		return false
	case len(f.Name) == len("sessionId") || w.visit.Name == nil:
		w.visit = tracker.Field{Space: tracker.Context, Name: sessionName, Value: f.Value}
	}
	return true
}

// titles files the name and category of a page, screen or other call that has
// them beside its properties.
func (d *decoder) titles(ev *draft) {
	for i, text := range [2][]byte{ev.title, ev.category} {
		f := tracker.Field{Space: tracker.Property, Name: titleNames[i], Value: textValue(text)}
		if len(text) > 0 && !ev.has(&f) {
			d.out.put(&f, d.names(f.Name))
		}
	}
}

var titleNames = [2][]byte{[]byte("name"), []byte("category")}

func textValue(v []byte) tracker.Value { return tracker.Value{Tag: tracker.String, Str: v} }

// places files where the event happened. A page view has path, url, title and
// referrer of its own, from its properties or else from context.page; for other
// events both stay apart.
func (d *decoder) places(page bool) {
	p, c := &d.found.prop, &d.found.page
	if page {
		for _, pair := range [5][2]*[]byte{
			{&p.path, &c.path},
			{&p.url, &c.url},
			{&p.title, &c.title},
			{&p.referrer, &c.referrer},
			{&p.search, &c.search},
		} {
			if len(*pair[0]) == 0 {
				*pair[0] = *pair[1]
			}
			*pair[1] = nil
		}
	}
	d.place(tracker.Property, &placeNames, p, page)
	if !page {
		d.place(tracker.Context, &pageNames, c, true)
	}
	url := p.url
	if len(url) == 0 {
		url = c.url
	}
	if len(url) > 0 && !d.found.hasCampaign {
		d.campaign(url)
	}
}

var (
	placeNames = [5][]byte{[]byte("path"), []byte("url"), []byte("title"), []byte("referrer"), []byte("search")}
	pageNames  = [5][]byte{[]byte("page.path"), []byte("page.url"), []byte("page.title"), []byte("page.referrer"), []byte("page.search")}
)

// place files the strings of one where. The path is cut at its query, which is
// sealed as url if there is no url; derive makes a path from the url.
func (d *decoder) place(space tracker.Space, names *[5][]byte, w *where, derive bool) {
	if path, rest := cutPath(w.path); len(rest) > 0 {
		if len(w.url) == 0 {
			w.url = w.path
		}
		w.path = path
	}
	if derive && len(w.path) == 0 && len(w.url) > 0 {
		w.path = pathOf(w.url)
	}
	if derive && len(w.url) > 0 {
		w.search = nil // the url holds it
	}
	for i, v := range [5]*[]byte{&w.path, &w.url, &w.title, &w.referrer, &w.search} {
		if len(*v) > 0 {
			d.out.text(space, names[i], *v, i == 0 || d.names(names[i]))
		}
	}
}

// text appends a string field to one part or the other.
func (r *rows) text(space tracker.Space, name, v []byte, open bool) {
	f := tracker.Field{Space: space, Name: name, Value: textValue(v)}
	r.put(&f, open)
}

func cutPath(path []byte) (plain, rest []byte) {
	for i, c := range path {
		if c == '?' || c == '#' {
			return path[:i], path[i:]
		}
	}
	return path, nil
}

// pathOf returns the path of a URL or of a relative reference, "/" if it has
// none.
func pathOf(url []byte) []byte {
	url, _ = cutPath(url)
	if i := bytes.IndexByte(url, ':'); i >= 0 && bytes.HasPrefix(url[i:], []byte("://")) {
		url = url[i+3:]
		if i = bytes.IndexByte(url, '/'); i < 0 {
			return root
		}
		url = url[i:]
	}
	if len(url) == 0 {
		return root
	}
	return url
}

var root = []byte("/")

// utm maps the query parameters of a campaign to Segment's names.
var utm = [5][2][]byte{
	{[]byte("utm_source"), []byte("campaign.source")},
	{[]byte("utm_medium"), []byte("campaign.medium")},
	{[]byte("utm_campaign"), []byte("campaign.name")},
	{[]byte("utm_term"), []byte("campaign.term")},
	{[]byte("utm_content"), []byte("campaign.content")},
}

// campaign files the campaign parameters of a URL's query, the first of each
// name. What is not UTF-8 stays in the sealed url alone.
func (d *decoder) campaign(url []byte) {
	i := bytes.IndexByte(url, '?')
	if i < 0 {
		return
	}
	q, _, _ := bytes.Cut(url[i+1:], []byte("#"))
	if !bytes.Contains(q, []byte("utm_")) {
		return
	}
	var done [5]bool
	for len(q) > 0 {
		var pair []byte
		pair, q, _ = bytes.Cut(q, []byte("&"))
		name, value, _ := bytes.Cut(pair, []byte("="))
		for i := range utm {
			if !done[i] && bytes.Equal(name, utm[i][0]) {
				f := tracker.Field{Space: tracker.Context, Name: utm[i][1], Value: textValue(d.unquery(value))}
				if len(f.Value.Str) > 0 && utf8.Valid(f.Value.Str) && bytes.IndexByte(f.Value.Str, 0) < 0 {
					d.out.put(&f, true)
					done[i] = true
				}
			}
		}
	}
}

// unquery decodes a query's value into the arena.
func (s *scanner) unquery(v []byte) []byte {
	if bytes.IndexByte(v, '%') < 0 && bytes.IndexByte(v, '+') < 0 {
		return v
	}
	from := len(s.arena)
	s.arena = appendUnquery(s.arena, v)
	return s.arena[from:len(s.arena):len(s.arena)]
}

// appendUnquery appends a query's value, decoded.
func appendUnquery(dst, v []byte) []byte {
	for i := 0; i < len(v); i++ {
		c := v[i]
		if c == '+' {
			c = ' '
		} else if c == '%' && i+2 < len(v) {
			if hi, lo := hexDigit(v[i+1]), hexDigit(v[i+2]); hi|lo < 16 {
				c = hi<<4 | lo
				i += 2
			}
		}
		dst = append(dst, c)
	}
	return dst
}

func hexDigit(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
