package mail

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"ripen/storage"
	"ripen/tracker"
)

// Why somebody is not written to.
const (
	whyBounce      = "bounce"
	whyComplaint   = "complaint"
	whyUnsubscribe = "unsubscribe"
	whyByHand      = "by hand"
)

// weight orders the reasons: a lighter one does not take a heavier one's place.
var weight = map[string]int{whyUnsubscribe: 1, whyComplaint: 2, whyByHand: 3, whyBounce: 4}

// told are the words of which a row that is looked at holds one: its type.
var told = [][]byte{[]byte("email_bounce"), []byte("email_complaint"), []byte("unsubscribe"), []byte("consent"), []byte(tracker.SMSReplied)}

// heard is what an event says of somebody's mail.
type heard struct {
	tenant tracker.TenantID
	who    []tracker.LeadID
	why    string // empty: they said yes again
	at     int64
}

// cursorEvery is after how many records without anything for us the cursor is
// written: so many are looked at again after a start.
const cursorEvery = 200_000

// Follow takes in what the log says of whom not to write to, to its end, and
// returns the last record looked at. A record that is met again changes nothing.
func (p *Post) Follow(ctx context.Context) (last uint64, err error) {
	p.follows.Lock()
	defer p.follows.Unlock()
	if err := p.readCursor(ctx); err != nil {
		return 0, err
	}
	stored := p.seen
	err = p.log.Read(ctx, 0, p.seen+1, func(recs []storage.Record) error {
		var list []heard
		for i := range recs {
			h, err := p.listen(&recs[i])
			if err != nil {
				return fmt.Errorf("record %d: %w", recs[i].Seq, err)
			}
			if h != nil {
				list = append(list, *h)
			}
		}
		seen := recs[len(recs)-1].Seq
		if len(list) > 0 || seen >= stored+cursorEvery {
			err := p.meta.Update(func(tx *storage.Tx) error { // the commit point of what the events say
				for i := range list {
					if err := apply(tx, &list[i]); err != nil {
						return err
					}
				}
				return tx.Set(storage.Tenant{}, storage.SpaceMail, []byte{rowCursor}, binary.BigEndian.AppendUint64(nil, seen))
			})
			if err != nil {
				return err
			}
			stored = seen
		}
		p.seen = seen
		return nil
	})
	return p.seen, err
}

// readCursor finds where to go on, once. follows is held.
func (p *Post) readCursor(ctx context.Context) error {
	if p.known {
		return nil
	}
	var b []byte
	err := p.meta.View(func(tx *storage.Tx) (err error) {
		b, err = tx.Get(storage.Tenant{}, storage.SpaceMail, []byte{rowCursor})
		return err
	})
	if err != nil {
		return err
	}
	first, err := p.log.First(ctx, 0)
	if err != nil {
		return err
	}
	p.seen = max(first, 1) - 1
	if len(b) == 8 {
		p.seen = max(p.seen, binary.BigEndian.Uint64(b))
	}
	p.known = true
	return nil
}

// listen says what a record tells; nil if nothing. Most records are passed over
// without being decoded.
func (p *Post) listen(rec *storage.Record) (*heard, error) {
	if rec.Kind != storage.KindEvent {
		return nil, nil
	}
	some := false
	for _, w := range told {
		some = some || bytes.Contains(rec.Row, w)
	}
	if !some {
		return nil, nil
	}
	var e tracker.Event
	if err := tracker.DecodeRow(rec.Row, &e); err != nil {
		return nil, err
	}
	h := &heard{tenant: rec.Tenant, at: e.Time}
	switch string(e.Type) {
	case "email_bounce":
		if kind, ok := e.Find("type"); !ok || string(kind.Str) != "hard" {
			return nil, nil
		}
		h.why = whyBounce
		if !e.Proved && !p.cfg.Trusted(rec.Tenant, e.Source) {
			return nil, nil // who has the public key alone silences nobody
		}
	case "email_complaint":
		h.why = whyComplaint
		if !e.Proved && !p.cfg.Trusted(rec.Tenant, e.Source) {
			return nil, nil
		}
	case "unsubscribe":
		h.why = whyUnsubscribe
	case "consent": // of the preference page: whoever asks for mail there has the mail's link
		if !e.Proved || !e.Decision || e.Consent.Of(tracker.Marketing) != tracker.Granted {
			return nil, nil
		}
	case tracker.SMSReplied:
		return p.replied(h, &e)
	default:
		return nil, nil
	}
	if !e.Email.IsZero() {
		h.who = append(h.who, tracker.LeadID{Kind: tracker.EmailIdentity, Hash: e.Email})
	}
	if !e.User.IsZero() && (e.Email.IsZero() || h.why == whyUnsubscribe || h.why == "") {
		h.who = append(h.who, tracker.LeadID{Kind: tracker.UserIdentity, Hash: e.User})
	}
	return h, nil
}

// replied takes the word of who answers an SMS: it is the number that gets no more, or
// again, whosever it is.
func (p *Post) replied(h *heard, e *tracker.Event) (*heard, error) {
	kind, _ := e.Find("type")
	number, _ := e.Find("number")
	who, err := tracker.ParseLeadID(string(number.Str))
	if err != nil || !e.Proved && !p.cfg.Trusted(h.tenant, e.Source) {
		return nil, nil
	}
	h.who = []tracker.LeadID{who}
	switch string(kind.Str) {
	case tracker.ReplyStop:
		h.why = whyUnsubscribe
	case tracker.ReplyStart:
	default:
		return nil, nil
	}
	return h, nil
}

func suppressKey(who tracker.LeadID) []byte {
	k := who.Key()
	return k[:]
}

func suppressed(tx *storage.Tx, t tracker.TenantID, who tracker.LeadID) (s tracker.MailSuppressed, ok bool, err error) {
	b, err := tx.Get(t, storage.SpaceSuppression, suppressKey(who))
	if err != nil || b == nil {
		return s, false, err
	}
	return s, true, json.Unmarshal(b, &s)
}

// apply changes the list as an event says.
func apply(tx *storage.Tx, h *heard) error {
	for _, who := range h.who {
		old, has, err := suppressed(tx, h.tenant, who)
		if err != nil {
			return err
		}
		switch {
		case h.why == "" && has && old.Why == whyUnsubscribe && h.at >= old.At:
			err = tx.Delete(h.tenant, storage.SpaceSuppression, suppressKey(who))
		case h.why != "" && (!has || weight[h.why] > weight[old.Why]):
			err = setSuppressed(tx, h.tenant, who, tracker.MailSuppressed{Why: h.why, All: h.why == whyBounce, At: h.at})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func setSuppressed(tx *storage.Tx, t tracker.TenantID, who tracker.LeadID, s tracker.MailSuppressed) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return tx.Set(t, storage.SpaceSuppression, suppressKey(who), b)
}

// Suppressed says whether an address, or a telephone number, gets no messages, or no
// marketing.
func (p *Post) Suppressed(ctx context.Context, t *tracker.Tenant, to string) (s tracker.MailSuppressed, ok bool, err error) {
	if _, err := p.Follow(ctx); err != nil {
		return s, false, err
	}
	err = p.meta.View(func(tx *storage.Tx) error {
		s, ok, err = suppressed(tx, t.ID, placeID(t, to))
		return err
	})
	return s, ok, err
}

// placeID is how the list knows an address or a telephone number.
func placeID(t *tracker.Tenant, to string) tracker.LeadID {
	if number := tracker.PhoneNumber(to); number != "" {
		return t.PhoneID(number)
	}
	return emailID(t, to)
}

// Suppress lets an address, or a telephone number, get no messages at all from now on,
// or again what its owner allows.
func (p *Post) Suppress(t *tracker.Tenant, to string, end bool) error {
	if !isAddress(to) && tracker.PhoneNumber(to) == "" {
		return invalid("email", "need an address like ana@example.org, or a telephone number with its country like +34600111222")
	}
	return p.meta.Update(func(tx *storage.Tx) error {
		if end {
			return tx.Delete(t.ID, storage.SpaceSuppression, suppressKey(placeID(t, to)))
		}
		return setSuppressed(tx, t.ID, placeID(t, to), tracker.MailSuppressed{Why: whyByHand, All: true, At: p.db.Now()})
	})
}

// bounced lets an address that a server refused for good get no mail any more.
func (p *Post) bounced(tenant tracker.TenantID, email string) error {
	t := p.cfg.Tenant(tenant)
	h := &heard{tenant: tenant, who: []tracker.LeadID{emailID(t, email)}, why: whyBounce, at: p.db.Now()}
	return p.meta.Update(func(tx *storage.Tx) error { return apply(tx, h) })
}

func emailID(t *tracker.Tenant, email string) tracker.LeadID {
	return tracker.LeadID{Kind: tracker.EmailIdentity, Hash: t.Identity.Hash(tracker.EmailIdentity, []byte(email))}
}
