package email

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"

	"ripen/tracker"
)

// SendGrid signs timestamp ‖ body with ECDSA on P-256; the source's secret is
// the public key it shows, base64 without a frame.

func sendGridKey(secret string) (*ecdsa.PublicKey, error) {
	der, err := base64.StdEncoding.DecodeString(secret)
	if err == nil {
		var key any
		if key, err = x509.ParsePKIXPublicKey(der); err == nil {
			if k, ok := key.(*ecdsa.PublicKey); ok && k.Curve == elliptic.P256() {
				return k, nil
			}
		}
	}
	return nil, errors.New("need the verification key that SendGrid shows beside the webhook (base64)")
}

func checkSendGrid(secret string) error {
	_, err := sendGridKey(secret)
	return err
}

func verifySendGrid(_ *Handler, p *post, secret string) error {
	key, err := sendGridKey(secret)
	if err != nil {
		return unverified(err.Error())
	}
	stamp := p.header("X-Twilio-Email-Event-Webhook-Timestamp")
	signature, err := base64.StdEncoding.DecodeString(p.header("X-Twilio-Email-Event-Webhook-Signature"))
	if err != nil || len(signature) == 0 {
		return unverified("the signature is missing: turn on the signed event webhook in SendGrid")
	}
	sum := sha256.Sum256(append([]byte(stamp), p.body...))
	if !ecdsa.VerifyASN1(key, sum[:], signature) {
		return unverified("the signature does not fit the body")
	}
	if at, ok := seconds(stamp); !ok || !p.fresh(at) {
		return unverified("the report was signed outside the source's window")
	}
	return nil
}

var sendGridWords = map[string]meaning{
	"processed": sent, "delivered": delivered, "open": wasOpened, "click": wasClicked, "bounce": hardBounce,
	"spamreport": complaint, "unsubscribe": unsubscribe, "group_unsubscribe": unsubscribe,
}

func readSendGrid(_ *Handler, p *post) ([]*happened, error) {
	return objects(p.body, func(o object) *happened {
		ev := says(sendGridWords, o.text("event"))
		if o.text("type") == "blocked" && ev.typ == hardBounce.typ {
			ev.detail = softBounce.detail
		}
		if o.text("event") == "dropped" && o.text("reason") == "Bounced Address" {
			ev = &happened{typ: hardBounce.typ, detail: hardBounce.detail}
		}
		ev.id = []string{"sendgrid", o.text("sg_event_id")}
		if ev.id[1] == "" {
			ev.id = append(ev.id, o.text("sg_message_id"), o.text("event"), o.text("timestamp"), o.text("url"), o.text("email"))
		}
		ev.time, ev.email = o.moment("timestamp"), o.text("email")
		ev.message = o.text("sg_message_id")
		for _, tail := range []string{".filter", ".recv"} {
			ev.message, _, _ = strings.Cut(ev.message, tail)
		}
		ev.url, ev.agent, ev.ip, ev.reason = o.text("url"), o.text("useragent"), o.text("ip"), o.text("reason")
		ev.tags = joined(o.texts("category"))
		if o.truth("sg_machine_open") {
			ev.flagged("sg_machine_open", tracker.Prefetch)
		}
		return ev
	})
}
