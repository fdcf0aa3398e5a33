package email

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"

	"ripen/tracker"
)

// Twilio signs the address that it was told to post to, as the world knows it, and
// after it the form's names and values, sorted (X-Twilio-Signature: HMAC-SHA1 under
// the account's auth token). It says no time: a reply that is sent again has the id
// of the first.

func verifyTwilio(h *Handler, p *post, secret string) error {
	form, err := url.ParseQuery(string(p.body))
	if err != nil {
		return unreadable("the body is no form")
	}
	if h.cfg.Public == nil {
		return unverified("the server does not know its own address: start it with --public-url")
	}
	signed := h.cfg.Public() + p.uri
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, v := range form[name] {
			signed += name + v
		}
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(signed))
	got, err := base64.StdEncoding.DecodeString(p.header("X-Twilio-Signature"))
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return unverified("the signature does not fit: Twilio must post to the very address that 'ripen source show' prints, under --public-url, and the secret be the account's auth token")
	}
	return nil
}

// stops are what people write who want no more, in the languages of ours.
var stops = []string{"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "BAJA", "ALTO", "PARAR", "CANCELAR"}

// starts are what those write who want them again.
var starts = []string{"START", "UNSTOP", "ALTA"}

// readTwilio reads an incoming message. Who says stop has said no to marketing, by
// whatever way, and their number is remembered: whoever it belongs to later. Who says
// start takes that back.
func readTwilio(h *Handler, p *post) ([]*happened, error) {
	form, err := url.ParseQuery(string(p.body))
	if err != nil {
		return nil, unreadable("the body is no form")
	}
	sid, from := form.Get("MessageSid"), form.Get("From")
	if sid == "" || from == "" || form.Get("MessageStatus") != "" {
		return []*happened{{code: codeIgnored}}, nil // how one of ours is doing
	}
	ev := &happened{typ: tracker.SMSReplied, id: []string{"twilio", sid}, time: p.now, text: form.Get("Body"), detail: "reply", raw: p.body}
	switch word := strings.ToUpper(strings.Trim(ev.text, " .!\r\n\t")); {
	case slices.Contains(stops, word):
		ev.detail, ev.consent = tracker.ReplyStop, tracker.ConsentUnknown.With(tracker.Marketing, tracker.Refused)
	case slices.Contains(starts, word):
		ev.detail, ev.consent = tracker.ReplyStart, tracker.ConsentUnknown.With(tracker.Marketing, tracker.Granted)
	}
	if number := tracker.PhoneNumber(from); number != "" && ev.detail != "reply" {
		ev.number = p.src.Tenant.PhoneID(number).String()
	}
	if h.cfg.Number != nil {
		if ev.lead, ev.message, err = h.cfg.Number(p.src.Tenant, from); err != nil {
			return nil, errHookBusy
		}
	}
	if ev.lead.IsZero() && ev.number != "" { // it is kept for the number, and counts for nobody
		ev.denied, ev.consent = true, tracker.ConsentUnknown
	}
	return []*happened{ev}, nil
}
