package email

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"ripen/tracker"
)

// Mailgun signs timestamp ‖ token and not the body, so whoever has seen a report
// could send another one under its signature. Therefore a token is good for one
// report only, by which it is known from then on; the report itself counts once
// however many tokens come with it.

type mailgunPost struct {
	Signature struct {
		Timestamp json.RawMessage `json:"timestamp"`
		Token     string          `json:"token"`
		Signature string          `json:"signature"`
	} `json:"signature"`
	Data json.RawMessage `json:"event-data"`
}

func verifyMailgun(h *Handler, p *post, secret string) error {
	var m mailgunPost
	if err := json.Unmarshal(p.body, &m); err != nil || m.Signature.Token == "" {
		return unverified("the signature is missing: use Mailgun's webhooks in JSON")
	}
	stamp := strings.Trim(string(m.Signature.Timestamp), `"`)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + m.Signature.Token))
	got, err := hex.DecodeString(m.Signature.Signature)
	if err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return unverified("the signature does not fit: set the source's secret to Mailgun's HTTP webhook signing key")
	}
	at, ok := seconds(stamp)
	if !ok || !p.fresh(at) {
		return unverified("the report was signed outside the source's window")
	}
	fresh, err := h.cfg.Keys.spend(p.src.Tenant.ID, digest(p.src.WriteKey, stamp, m.Signature.Token), sha256.Sum256(m.Data), at*1000, p.now)
	switch {
	case err != nil:
		h.log.Warn("a used token could not be noted", "err", err)
		return errHookBusy
	case !fresh:
		return unverified("the token of the signature was used for another report")
	}
	return nil
}

var mailgunWords = map[string]meaning{
	"accepted": sent, "delivered": delivered, "opened": wasOpened, "clicked": wasClicked, "complained": complaint,
	"unsubscribed": unsubscribe, "failed": hardBounce,
}

func readMailgun(_ *Handler, p *post) ([]*happened, error) {
	var m mailgunPost
	if err := json.Unmarshal(p.body, &m); err != nil {
		return nil, unreadable("the body is not a JSON object")
	}
	return objects(m.Data, func(o object) *happened {
		ev := says(mailgunWords, o.text("event"))
		if ev.typ == hardBounce.typ && o.text("severity") != "permanent" {
			ev.detail = softBounce.detail
		}
		// Mailgun's ids are its own for a day.
		ev.id = []string{"mailgun", o.text("id"), o.text("timestamp"), o.text("event"), o.text("recipient")}
		ev.time, ev.email, ev.message = o.moment("timestamp"), o.text("recipient"), o.text("message", "headers", "message-id")
		ev.url, ev.agent, ev.ip, ev.tags = o.text("url"), o.text("client-info", "user-agent"), o.text("ip"), joined(o.texts("tags"))
		if ev.reason = o.text("delivery-status", "message"); ev.reason == "" {
			ev.reason = o.text("reason")
		}
		switch bot := o.text("client-info", "bot"); {
		case bot == "":
		case bot == "gmail":
			ev.flagged(bot, tracker.Proxy)
		case bot == "apple" || ev.typ == wasOpened.typ:
			ev.flagged(bot, tracker.Prefetch)
		default:
			ev.flagged(bot, tracker.Bot)
		}
		return ev
	})
}
