package email

import (
	"crypto/sha256"
	"encoding/binary"

	"ripen/storage"
	"ripen/tracker"
)

// happened is something that became of a mail, from whatever told of it.
type happened struct {
	typ    string   // email_open, …; empty if code says why there is no event
	code   string   // drop or ignored
	raw    []byte   // of a report that is refused
	letter string   // the id of the dead letter that holds raw
	id     []string // what makes it this one and no other; hashed to the message id
	time   int64    // unix ms

	email, user   string
	lead          tracker.LeadID // whose it is, where no text says so
	message, link string
	url, detail   string // detail is the property type: hard, soft, one_click, …
	list          string
	campaign      string
	tags, reason  string
	text          string              // that the person wrote
	number        string              // the keyed hash of their telephone number
	answer        *tracker.MailAnswer // of a survey_opened or survey_answered
	provider      string
	flag          string // the provider's word for a machine, kept as data
	agent, ip     string
	place         []tracker.Field // where that address is

	machine tracker.Machine
	why     tracker.MachineReason
	proved  bool
	denied  bool            // Sec-GPC: 1
	consent tracker.Consent // what the person chose on the preference page
}

// Where the fields go: in the clear what rules tell apart, sealed what may say
// more of the person.
const (
	inClear = true
	sealed  = false
)

const (
	maxAgent  = 512
	maxReason = 500
)

// record makes the row of an event. Of one that the person denied nothing is
// kept that leads to anybody, as with any other event.
func (h *happened) record(src *tracker.Source, now int64) storage.Record {
	id := h.messageID()
	e := tracker.Event{
		Time: h.time, Type: []byte(h.typ), MessageID: id, MessageUUID: true, Source: src.ID,
		Machine: h.machine, MachineReason: h.why, Proved: h.proved && !h.denied, Placed: len(h.place) > 0,
	}
	if h.consent != tracker.ConsentUnknown {
		e.Consent, e.Decision = h.consent, true
	}
	var personal []tracker.Field
	put := func(space tracker.Space, name, v string, open bool) {
		if v == "" {
			return
		}
		f := tracker.Field{Space: space, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(v)}}
		if _, named := src.Tenant.Clear[name]; open || named && (space == tracker.Property || tracker.IsPlace(name)) {
			e.Fields = append(e.Fields, f)
			return
		}
		personal = append(personal, f)
	}
	put(tracker.Property, "message", cut(h.message, tracker.MaxID), inClear)
	put(tracker.Property, "link", cut(h.link, tracker.MaxID), inClear)
	put(tracker.Property, "type", h.detail, inClear)
	put(tracker.Property, "number", h.number, inClear)
	put(tracker.Property, "list", cut(h.list, tracker.MaxID), inClear)
	put(tracker.Property, "provider", h.provider, inClear)
	put(tracker.Property, "machine_flag", cut(h.flag, tracker.MaxID), inClear)
	if f, own := src.SettleField(); own && h.typ == "email_click" {
		e.Fields = append(e.Fields, f)
	}
	put(tracker.Context, "campaign.name", cut(h.campaign, tracker.MaxID), inClear)
	h.putAnswer(put, func(f tracker.Field) { personal = append(personal, f) })
	put(tracker.Property, "tags", cut(h.tags, maxReason), sealed)
	for _, f := range h.place {
		put(f.Space, string(f.Name), string(f.Value.Str), sealed)
	}
	if h.denied {
		e.Consent = tracker.ConsentSignal
		e.Visitor = h.pseudonym(src.Tenant, now)
	} else {
		put(tracker.Property, "text", cut(h.text, maxURL), sealed)
		put(tracker.Property, "url", cut(h.url, maxURL), sealed)
		put(tracker.Property, "reason", cut(h.reason, maxReason), sealed)
		h.identify(&e, src.Tenant)
		put(tracker.System, "user_id", h.user, sealed)
		put(tracker.System, "email", h.email, sealed)
		put(tracker.System, "agent", cut(h.agent, maxAgent), sealed)
		if src.KeepIP {
			put(tracker.System, "ip", cut(h.ip, tracker.MaxID), sealed)
		}
	}
	rec := storage.Record{Tenant: src.Tenant.ID, ID: id, Kind: storage.KindEvent, Row: tracker.AppendRow(nil, &e)}
	if len(personal) > 0 {
		rec.Personal = tracker.AppendFields(nil, personal)
	}
	rec.Subject = e.Subject().Key()
	return rec
}

func (h *happened) identify(e *tracker.Event, t *tracker.Tenant) {
	switch h.lead.Kind {
	case tracker.UserIdentity:
		e.User = h.lead.Hash
	case tracker.EmailIdentity:
		e.Email = h.lead.Hash
	}
	if h.user != "" {
		e.User = t.Identity.Hash(tracker.UserIdentity, []byte(h.user))
	}
	if h.email != "" {
		e.Email = t.Identity.Hash(tracker.EmailIdentity, []byte(h.email))
	}
}

// pseudonym names a person for a day and leads to nobody.
func (h *happened) pseudonym(t *tracker.Tenant, now int64) tracker.Hash {
	b := append([]byte(h.user+"\x00"+h.email), 0)
	return t.Identity.Hash(tracker.VisitorIdentity, binary.LittleEndian.AppendUint64(b, uint64(now/day.Milliseconds())))
}

// messageID is a UUID of version 8 made of what the event is known by.
func (h *happened) messageID() []byte {
	return tracker.UUID8(digest(append([]string{"mail"}, h.id...)...))
}

// digest hashes texts so that no two lists of them run together.
func digest(parts ...string) [32]byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}
