package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"

	"ripen/storage"
	"ripen/tracker"
)

// sender is what the request says of whoever sends it.
type sender struct {
	*protocol // in whose words the body is; nil is Segment's
	source    *tracker.Source
	trusted   bool   // by a secret key, or a server-side source
	secret    bool   // by a secret key
	history   bool   // an import: sentAt says nothing about the event's clock
	now       int64  // unix ms by the log's clock
	kind      string // event type that the path names; empty for batches
	agent     []byte // the request's User-Agent
	network   []byte // Snowplow's id of the browser
	sentAt    clock  // of the request's head, for events that name none
	referer   []byte // the pixel's page, for events that name none
	address   []byte // the client's IP address
	privacy   bool   // the browser's privacy signal: Sec-GPC: 1, DNT: 1, SP-Anonymous
	visitor   []byte // whose the events are, whatever they say; nil = as they say
	offOrigin bool   // not from where the source's events come from
	daily     bool   // visitor is a name of the day
	fetched   tracker.MachineReason
	agents    *agents
	geo       *Places // nil = no place is known
}

const pageView = "page_view"

// close ends an event that has been read: it is dropped with a code, or its
// fields are filed. Its time and its id wait for the end of the body.
func (d *decoder) close(ev *draft, from, to int) {
	it := d.addItem()
	if d.shape != nil && ev.fault == "" {
		d.shape(d, ev)
	}
	it.from, it.to, it.given = from, to, ev.msg
	it.code = d.check(ev, it)
	if it.code != "" {
		it.status = tracker.Drop
		d.blame(ev, it)
		return
	}
	if ev.ignored {
		it.code = tracker.CodeIDIgnored
	}
	it.ev.Source = d.source.ID
	it.ev.Proved = d.trusted
	it.ev.OffOrigin = d.offOrigin
	it.sent = ev.sent
	if it.stamp = ev.stamp; it.stamp.state == noClock {
		it.stamp = ev.original
	}
	d.encode(ev, it)
}

// blame says whose a refused event is, as far as it says so: its dead letter is
// sealed with their key.
func (d *decoder) blame(ev *draft, it *item) {
	it.ev.Visitor, it.ev.User = tracker.Hash{}, tracker.Hash{}
	if id := ev.real(ev.anon); id != nil && len(id) <= tracker.MaxID {
		it.ev.Visitor = d.hash(tracker.VisitorIdentity, id)
	} else if id := ev.real(ev.user); id != nil && len(id) <= tracker.MaxID {
		it.ev.User = d.hash(tracker.UserIdentity, id)
	}
}

// addItem makes room for one more item, empty.
func (d *decoder) addItem() *item {
	n := len(d.items)
	if n == cap(d.items) {
		d.items = append(d.items, item{})
	}
	d.items = d.items[:n+1]
	d.items[n] = item{}
	return &d.items[n]
}

// check finds the type of an event and the code that drops it, if any.
func (d *decoder) check(ev *draft, it *item) string {
	switch {
	case it.to-it.from > tracker.MaxEvent:
		return tracker.CodeTooLarge
	case ev.fault != "":
		return ev.fault
	}
	ev.anon, ev.user, ev.prev = ev.real(ev.anon), ev.real(ev.user), ev.real(ev.prev)
	if ev.own = ev.anon; d.visitor != nil {
		ev.anon = d.visitor
	}
	typ := ev.typ
	if len(typ) == 0 {
		typ = append(d.kindBuf[:0], d.kind...)
	}
	if string(typ) == "merge" {
		ev.takeMerge()
		typ = ev.typ
		ev.anon, ev.user, ev.prev = ev.real(ev.anon), ev.real(ev.user), ev.real(ev.prev)
	}
	switch string(typ) {
	case "":
		return tracker.CodeMissingType
	case "track":
		if it.ev.Type = d.eventName(ev.event); len(it.ev.Type) == 0 {
			return tracker.CodeMissingEvent
		}
	case "page", "screen":
		it.ev.Type = pageViewName
	case "identify":
		it.ev.Type = identifyName
	case "group":
		it.ev.Type = groupName
	case "alias":
		it.ev.Type = aliasName
		if ev.anon == nil {
			ev.anon = ev.prev // the id that the user was known by so far
		}
	default:
		return tracker.CodeUnknownType
	}
	for _, id := range [5][]byte{ev.msg, ev.anon, ev.user, ev.group, ev.prev} {
		if len(id) > tracker.MaxID {
			return tracker.CodeIDTooLong
		}
	}
	if ev.anon == nil && ev.user == nil && d.email(ev, it) == nil {
		return tracker.CodeMissingID
	}
	return ""
}

var (
	pageViewName = []byte(pageView)
	identifyName = []byte("identify")
	groupName    = []byte("group")
	aliasName    = []byte("alias")
)

func (d *decoder) eventName(name []byte) []byte {
	from := len(d.arena)
	d.arena = tracker.AppendSnake(d.arena, name)
	snake := d.arena[from:len(d.arena):len(d.arena)]
	if ours, ok := commerce[string(snake)]; ok {
		d.arena = append(d.arena[:from], ours...)
		return d.arena[from:len(d.arena):len(d.arena)]
	}
	return snake
}

// email returns the e-mail that an identify call claims, or nil.
func (d *decoder) email(ev *draft, it *item) []byte {
	if string(it.ev.Type) != "identify" {
		return nil
	}
	var best []byte
	rank := 0
	look := func(from *draft, context int) {
		for i := range from.fields {
			f := &from.fields[i]
			r := 0
			switch {
			case f.Value.Tag != tracker.String || !isMailbox(trim(f.Value.Str)):
			case f.Space == tracker.Trait && string(f.Name) == "email":
				r = 4
			case f.Space == tracker.Property && string(f.Name) == "email":
				r = 3
			case f.Space == tracker.Context && string(f.Name) == "traits.email":
				r = context
			}
			if r > rank {
				best, rank = trim(f.Value.Str), r
			}
		}
	}
	look(ev, 2)
	if d.base != nil && d.base != ev && best == nil {
		for i := range d.base.fields {
			f := &d.base.fields[i]
			if f.Space == tracker.Context && string(f.Name) == "traits.email" && !ev.has(f) {
				look(&draft{fields: d.base.fields[i : i+1]}, 1)
			}
		}
	}
	return best
}

// isEmail asks for no more than one can be sure of: something, an @, something,
// and no white space.
func isEmail(v []byte) bool {
	at := bytes.LastIndexByte(v, '@')
	return at > 0 && at < len(v)-1 && len(v) <= tracker.MaxID && !bytes.ContainsAny(v, " \t\r\n")
}

// identify hashes the event's identities and seals their text.
func (d *decoder) identify(ev *draft, it *item) {
	e := &it.ev
	if ev.anon != nil {
		e.Visitor = d.hash(tracker.VisitorIdentity, ev.anon)
		d.system(visitorName, ev.anon)
	}
	if ev.user != nil {
		e.User = d.hash(tracker.UserIdentity, ev.user)
		d.system(userName, ev.user)
		d.prove(ev, it)
	}
	if email := d.email(ev, it); email != nil {
		e.Email = d.hash(tracker.EmailIdentity, email)
		d.system(emailName, email)
	}
	if len(ev.group) > 0 {
		d.system(groupIDName, ev.group)
	}
	if ev.prev != nil {
		d.system(previousName, ev.prev)
	}
}

func (d *decoder) system(name, v []byte) { d.out.text(tracker.System, name, v, false) }

var (
	visitorName  = []byte("visitor")
	userName     = []byte("user_id")
	emailName    = []byte("email")
	groupIDName  = []byte("group_id")
	previousName = []byte("previous_id")
	agentName    = []byte("agent")
	ipName       = []byte("ip")
)

// hash remembers the last visitor and the last user: a batch is mostly one
// person's.
func (d *decoder) hash(kind tracker.IdentityKind, v []byte) tracker.Hash {
	key := &d.source.Tenant.Identity
	if kind == tracker.EmailIdentity {
		return key.Hash(kind, v)
	}
	m := &d.memo[kind&1] // u and v differ there
	if m.source != d.source || !bytes.Equal(m.id[:m.n], v) {
		m.source, m.n = d.source, copy(m.id[:], v)
		m.hash = key.Hash(kind, v)
	}
	return m.hash
}

type memo struct {
	source *tracker.Source
	id     [tracker.MaxID]byte
	n      int
	hash   tracker.Hash
}

// pseudonym files an event of a person who denied consent under a name that
// lasts a day and leads to nobody.
func (d *decoder) pseudonym(ev *draft, it *item) {
	id := ev.anon
	if id == nil {
		id = ev.user
	}
	if id == nil {
		id = d.email(ev, it)
	}
	from := len(d.arena)
	d.arena = append(append(d.arena, id...), 0)
	d.arena = binary.LittleEndian.AppendUint64(d.arena, uint64(d.now/86_400_000))
	it.ev.Visitor = d.source.Tenant.Identity.Hash(tracker.VisitorIdentity, d.arena[from:])
}

// judge says whether a person seems to be behind the event, and seals the agent
// and, if the source asks for it, the address.
func (d *decoder) judge(ev *draft, it *item, denied bool) {
	agent, known := d.found.agent, d.found.hasAgent
	if !known && !d.secret {
		agent, known = d.agent, true
	}
	e := &it.ev
	switch {
	case d.source.Server || !known:
		e.Machine = tracker.Server
	case d.fetched != tracker.NoReason:
		e.Machine, e.MachineReason = fetchedBy(d.fetched), d.fetched
	default:
		e.Machine, e.MachineReason = d.agents.judgeAt(agent, string(d.from()))
	}
	if f, own := d.source.SettleField(); own && string(e.Type) == "email_click" {
		d.out.put(&f, true)
	}
	if denied {
		return
	}
	if known && len(agent) > 0 && !d.sameAgent(e, agent) {
		d.system(agentName, agent)
	}
	if d.source.KeepIP {
		if address := d.from(); len(address) > 0 && len(address) <= tracker.MaxID {
			d.system(ipName, address)
		}
	}
}

// from is the address that the person's agent asks from, if it is known.
func (d *decoder) from() []byte {
	if d.trusted {
		return d.found.address // the request comes from the customer's server
	}
	return d.address
}

// sameAgent says that an event of the same visitor in this request already
// carries the agent: it is not stored with each event of a batch.
func (d *decoder) sameAgent(e *tracker.Event, agent []byte) bool {
	s := e.Subject()
	if s == d.lastSubject && bytes.Equal(agent, d.lastAgent) {
		return true
	}
	d.lastSubject, d.lastAgent = s, agent
	return false
}

// finish gives an accepted event its time and its id, and makes its record.
func (d *decoder) finish(i int) {
	it := &d.items[i]
	if it.status != tracker.OK {
		return
	}
	switch code := d.when(it); {
	case code == tracker.CodeTimeOutOfRange:
		it.verdict = verdict{tracker.Drop, code}
		return
	case it.code == "":
		it.code = code
	}
	e := &it.ev
	id := d.messageID(i)
	r := &d.out
	from := len(r.row)
	r.row = tracker.AppendRowHeader(r.row, e)
	r.row = binary.AppendUvarint(r.row, uint64(it.fields))
	r.row = append(r.row, r.clear[it.clear.from:it.clear.to]...)
	rec := storage.Record{Tenant: d.source.Tenant.ID, ID: id, Kind: storage.KindEvent, Row: r.row[from:len(r.row):len(r.row)]}
	rec.Subject = e.Subject().Key()
	if p := it.personal; p.to > p.from {
		rec.Personal = r.personal[p.from:p.to:p.to]
	}
	d.recs = append(d.recs, rec)
	it.rec = len(d.recs)
}

// when finds the event's own time and the code that goes with it.
func (d *decoder) when(it *item) string {
	t := d.now
	switch it.stamp.state {
	case goodClock:
		t = it.stamp.ms
		sent := it.sent
		if sent.state != goodClock {
			sent = d.sentAt
		}
		if sent.state == goodClock && !d.history {
			t = d.now - (sent.ms - it.stamp.ms)
		}
	case badClock:
		it.ev.Time = d.now
		if d.trusted {
			return tracker.CodeTimeOutOfRange
		}
		return tracker.CodeTimeClamped
	}
	it.ev.Time = t
	if d.trusted {
		if t < tracker.EarliestTime || t > d.now+tracker.ClampAhead {
			return tracker.CodeTimeOutOfRange
		}
		return ""
	}
	if it.ev.Time = min(max(t, d.now-tracker.ClampBack), d.now); it.ev.Time != t {
		return tracker.CodeTimeClamped
	}
	return ""
}

// messageID sets the event's id and returns the one to recognise duplicates
// by. An event without an id gets one made of its bytes, so that a retry is
// recognised, but only if it says when it happened: without that, two equal
// events may be two.
func (d *decoder) messageID(i int) []byte {
	it := &d.items[i]
	e := &it.ev
	if len(it.given) > 0 {
		var u [16]byte
		if e.MessageUUID = tracker.PackUUID(&u, it.given); !e.MessageUUID {
			e.MessageID = it.given
			return e.MessageID
		}
		e.MessageID = d.keep(u[:])
		return e.MessageID
	}
	e.Minted, e.MessageUUID = true, true
	if it.code == "" {
		it.code = tracker.CodeMinted
	}
	if it.stamp.state != goodClock {
		e.MessageID = d.keep(randomID(d.now))
		return nil
	}
	e.MessageID = d.keep(d.derivedID(i))
	return e.MessageID
}

// keep copies a short value into the arena.
func (s *scanner) keep(v []byte) []byte {
	from := len(s.arena)
	s.arena = append(s.arena, v...)
	return s.arena[from:len(s.arena):len(s.arena)]
}

// randomID returns a UUID of version 7, whose order is that of time.
func randomID(now int64) []byte {
	var u [16]byte
	binary.BigEndian.PutUint64(u[:8], uint64(now)<<16|rand.Uint64()&0xffff)
	binary.BigEndian.PutUint64(u[8:], rand.Uint64())
	u[6], u[8] = u[6]&0x0f|0x70, u[8]&0x3f|0x80
	return u[:]
}

// derivedID returns a UUID of version 8 made of the source, the place in the
// body and the event's text.
func (d *decoder) derivedID(i int) []byte {
	it := &d.items[i]
	from := len(d.arena)
	d.arena = binary.LittleEndian.AppendUint32(d.arena, it.ev.Source)
	d.arena = binary.LittleEndian.AppendUint32(d.arena, uint32(i))
	d.arena = append(d.arena, d.b[it.from:it.to]...)
	sum := sha256.Sum256(d.arena[from:])
	d.arena = d.arena[:from]
	return tracker.UUID8(sum)
}
