package tracker

// Space says where a field of an event came from. A rule's field is looked up
// as a property first, then in the products, then in the context.
type Space byte

// The spaces of fields.
const (
	Property Space = iota + 1 // properties of track and page calls
	Trait                     // traits of identify and group calls; always personal
	Context                   // context, with dotted names: page.title, campaign.source
	Product                   // a field of properties.products[i]; Field.Index is i
	System                    // what the tracker itself adds: agent, ip, user_id, email, visitor
)

// Tag is the type of a value in a row.
type Tag byte

// The tags. Number keeps the sender's text where a float64 would lose digits;
// rules see [Value.Float]. JSON is a nested array kept as text.
const (
	Null Tag = iota
	False
	True
	Int    // Value.Num is the int64
	Float  // Value.Num is the float64's bits
	String // Value.Str, valid UTF-8 without NUL
	Number // Value.Str is the decimal text, Value.Num the nearest float64's bits
	JSON   // Value.Str is JSON text
)

// Value is one value of a field. Str points into the buffer it was read from.
type Value struct {
	Tag Tag
	Num uint64
	Str []byte
}

// Field is one named value of an event. Nested objects are flattened with dots.
type Field struct {
	Space Space
	Index uint16 // of the product, for Space Product
	Name  []byte
	Value Value
}

// Machine is who seems to have caused an event, kept as data: rules choose.
type Machine byte

// The machine verdicts.
const (
	Human    Machine = iota // nothing speaks against a person
	Bot                     // an agent that says so, or behaves so
	Prefetch                // a browser or mail client that fetched ahead
	Proxy                   // an image proxy that opens for a person
	Server                  // a server-side source: never judged by agent
)

// String returns the word that rules use in ignore lists.
func (m Machine) String() string {
	return [...]string{"human", "bot", "prefetch", "proxy", "server"}[m]
}

// IsMachine says that the event was no act of a person: also where a proxy opened
// for one.
func (m Machine) IsMachine() bool { return m == Bot || m == Prefetch || m == Proxy }

// MachineReason names the evidence behind a [Machine] verdict.
type MachineReason byte

// The reasons. New ones are only ever added at the end.
const (
	NoReason MachineReason = iota
	AgentList
	AgentMissing
	AgentLibrary
	PurposeHeader
	HeadRequest
	ProviderFlag // the mail provider says that a machine did it
	TrapLink     // a link that no person sees was followed
	Datacenter   // the request came from a range of addresses where no person sits

	// What only other events of the same person show, of a click in a mail.
	TrapBurst // the mail's trap link was followed about then
	HeadPair  // the same link was asked for with HEAD at the same moment
	ManyLinks // more links of the mail were followed at once than a person can
	TooSoon   // the mail had hardly been delivered

	lastReason = TooSoon
)

// String returns the reason as data shows it.
func (r MachineReason) String() string {
	return [...]string{
		"", "agent_list", "agent_missing", "agent_library", "purpose_header", "head_request", "provider_flag", "trap_link",
		"datacenter", "trap_burst", "head_pair", "many_links", "too_soon",
	}[r]
}

// Event is one thing that happened: a decoded row and what the log knows of it.
// Slices point into the row, so an Event lives as long as its row's buffer.
type Event struct {
	Seq      uint64 // position in the log; 0 before it is stored
	Received int64  // unix ms, server clock, never goes back in the log
	Time     int64  // unix ms, when it happened

	Type          []byte // page_view, identify, purchase, …
	MessageID     []byte // 16 bytes if MessageUUID, else the sender's text
	MessageUUID   bool
	Minted        bool // the tracker made the message id
	Source        uint32
	Machine       Machine
	MachineReason MachineReason
	Consent       Consent
	Proved        bool    // the identities are proved, not only claimed
	ProvedUser    bool    // the user id is, whatever the others are
	Decision      bool    // the person's word on consent, filed with who they are even if it is a no
	Placed        bool    // its place is among the context fields, see Event.Place
	OffOrigin     bool    // no page of the source's own origins, nor a server that can be trusted, sent it
	Seals         NameSet // names of personal fields: who looks for another need not unseal them

	Visitor, User, Email Hash // zero where the event carries none

	Fields   []Field // in the clear
	Personal []Field // unsealed on demand; see [DecodeFields]
}

// Counts says that the event may move a lead: neither did the person deny it,
// nor is it a HEAD request, which shows nothing to anybody and is evidence of a
// machine alone.
func (e *Event) Counts() bool {
	return !e.IsDenied() && e.MachineReason != HeadRequest
}

// Walks says that a lead's walk meets the event: it counts, or it is the HEAD
// request of a link in a mail, which says something of the clicks about then.
func (e *Event) Walks() bool {
	return !e.IsDenied() && (e.MachineReason != HeadRequest || e.IsClick())
}

// IsSend says that the event is a message of ours leaving or shown, an attribute
// that a journey set, a segment entered or left, or what sales did with a hand-off, not
// an act of the person: it never counts as activity.
func (e *Event) IsSend() bool {
	t := string(e.Type)
	return t == "call_out" || t == JourneySet || t == SegmentEntered || t == SegmentLeft || t == HandoffAccepted || t == HandoffRejected || t == OnsiteShown || len(t) > 5 && t[len(t)-5:] == "_sent"
}

// IsDenied says that the event counts for nobody: the person did not allow it.
func (e *Event) IsDenied() bool { return !e.Decision && e.Consent.Denied() }

// IsClick says that the event is a click in a mail, a person's or not.
func (e *Event) IsClick() bool { return string(e.Type) == "email_click" }

// A click in a mail counts when it has settled: so long after it happened, in ms,
// unless its source says otherwise.
const (
	DefaultSettle = 60_000
	MaxSettle     = 600_000
)

// settleName is the system field of a click in a mail that says how long it
// waits, in ms, if that is not the default.
var settleName = []byte("settle")

// Settle is how long a click in a mail waits before it counts.
func (e *Event) Settle() int64 {
	for i := range e.Fields {
		if f := &e.Fields[i]; f.Space == System && string(f.Name) == string(settleName) && f.Value.Tag == Int {
			return min(max(int64(f.Value.Num), 0), MaxSettle)
		}
	}
	return DefaultSettle
}

// Subject is whose key seals the event and under whom its timeline is filed:
// the visitor it carries, else its user id, else its e-mail.
func (e *Event) Subject() LeadID {
	switch {
	case !e.Visitor.IsZero():
		return LeadID{VisitorIdentity, e.Visitor}
	case !e.User.IsZero():
		return LeadID{UserIdentity, e.User}
	case !e.Email.IsZero():
		return LeadID{EmailIdentity, e.Email}
	}
	return LeadID{}
}

// Proves says that the event proves its identities: whoever followed a link in a
// mail is the one it was sent to, unless it was a machine.
func (e *Event) Proves() bool { return e.Proved && !(e.IsClick() && e.Machine.IsMachine()) }

// Level is how sure the event's identities are.
func (e *Event) Level() Level {
	switch {
	case e.User.IsZero() && e.Email.IsZero():
		return Anonymous
	case e.Proves(), e.ProvedUser && !e.User.IsZero():
		return Proved
	}
	return Claimed
}

// Find looks a rule's field up: a property, else the first product's, else the
// context; traits and system fields last. It looks in the clear fields, then in
// the personal ones. Where the event came from is in the context alone.
func (e *Event) Find(name string) (Value, bool) {
	if IsPlace(name) {
		return e.Place(name)
	}
	best, rank := Value{}, 99
	for _, fs := range [2][]Field{e.Fields, e.Personal} {
		for i := range fs {
			f := &fs[i]
			if string(f.Name) != name {
				continue
			}
			if r := findOrder(f); r < rank {
				best, rank = f.Value, r
			}
		}
	}
	return best, rank < 99
}

func findOrder(f *Field) int {
	switch f.Space {
	case Property:
		return 0
	case Product:
		return 1 + min(int(f.Index), 50)
	case Context:
		return 60
	case Trait:
		return 61
	}
	return 62
}

// Compare orders events as a lead's history is folded: by time, then by
// message id.
func (e *Event) Compare(o *Event) int {
	switch {
	case e.Time < o.Time:
		return -1
	case e.Time > o.Time:
		return 1
	}
	return compareBytes(e.MessageID, o.MessageID)
}

func compareBytes(a, b []byte) int {
	switch x, y := string(a), string(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
