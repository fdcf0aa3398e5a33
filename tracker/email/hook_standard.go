package email

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
)

// Standard Webhooks, which Resend and all of Svix speak: id.timestamp.body is
// signed, by HMAC (a secret whsec_…, signatures v1) or by Ed25519 (a public key
// whpk_…, signatures v1a). While a secret is replaced there are several
// signatures.

func standardKey(secret string) (key []byte, public bool, err error) {
	text, public := strings.CutPrefix(secret, "whpk_")
	text = strings.TrimPrefix(text, "whsec_")
	key, err = base64.StdEncoding.DecodeString(text)
	if err != nil || public && len(key) != ed25519.PublicKeySize || len(key) < 16 || len(key) > 128 {
		return nil, false, errors.New("need the signing secret, whsec_… (or the public key, whpk_…)")
	}
	return key, public, nil
}

func checkStandard(secret string) error {
	_, _, err := standardKey(secret)
	return err
}

// standardHeader reads a header under either of its names.
func (p *post) standardHeader(name string) string {
	if v := p.header("webhook-" + name); v != "" {
		return v
	}
	return p.header("svix-" + name)
}

func verifyStandard(_ *Handler, p *post, secret string) error {
	key, public, err := standardKey(secret)
	if err != nil {
		return unverified(err.Error())
	}
	id, stamp := p.standardHeader("id"), p.standardHeader("timestamp")
	if id == "" || strings.Contains(id, ".") || len(id) > maxAgent {
		return unverified("the headers webhook-id, webhook-timestamp and webhook-signature are needed")
	}
	signed := append([]byte(id+"."+stamp+"."), p.body...)
	good := false
	for s := range strings.FieldsSeq(p.standardHeader("signature")) {
		version, text, _ := strings.Cut(s, ",")
		signature, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		switch {
		case version == "v1" && !public:
			mac := hmac.New(sha256.New, key)
			mac.Write(signed)
			good = good || hmac.Equal(signature, mac.Sum(nil))
		case version == "v1a" && public:
			good = good || ed25519.Verify(key, signed, signature)
		}
	}
	if !good {
		return unverified("no signature fits the body")
	}
	if at, ok := seconds(stamp); !ok || !p.fresh(at) {
		return unverified("the report was signed outside the source's window")
	}
	return nil
}

// standardWords are read after standardWord has made all spellings one.
var standardWords = map[string]meaning{
	"sent": sent, "delivered": delivered, "open": wasOpened, "opened": wasOpened, "click": wasClicked, "clicked": wasClicked,
	"bounce": hardBounce, "bounced": hardBounce, "hard_bounce": hardBounce, "soft_bounce": softBounce,
	"complaint": complaint, "complained": complaint, "spam": complaint, "unsubscribe": unsubscribe, "unsubscribed": unsubscribe,
	"contact_updated": unsubscribe,
}

func standardWord(word string) string {
	word = strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToLower(word))
	for _, front := range []string{"email_", "mail_", "message_"} {
		word = strings.TrimPrefix(word, front)
	}
	return word
}

// readStandard reads Resend's events, and those of a sender whose words and
// fields are as plain. Of a mail to several, only what is told of all of them
// is told of each.
func readStandard(_ *Handler, p *post) ([]*happened, error) {
	var to []string
	list, err := objects(p.body, func(o object) *happened {
		word := standardWord(o.text("type"))
		ev := says(standardWords, word)
		data, _ := o.get("data").(map[string]any)
		d := object(data)
		if word == "contact_updated" && !d.truth("unsubscribed") {
			return &happened{code: codeIgnored}
		}
		if kind := d.text("bounce", "type"); ev.typ == hardBounce.typ && kind != "" && kind != "Permanent" {
			ev.detail = softBounce.detail
		}
		for _, name := range []string{"to", "email", "recipient"} {
			if to = d.texts(name); len(to) > 0 {
				break
			}
		}
		if ev.time = o.moment("created_at"); ev.time == 0 {
			ev.time = o.moment("timestamp")
		}
		for _, name := range []string{"email_id", "message_id", "message"} {
			if ev.message = d.text(name); ev.message != "" {
				break
			}
		}
		click := object(d)
		if c, ok := d.get("click").(map[string]any); ok {
			click = c
		} else if c, ok := d.get("open").(map[string]any); ok {
			click = c
		}
		ev.url, ev.agent, ev.ip = click.text("link"), click.text("userAgent"), click.text("ipAddress")
		ev.reason = d.text("bounce", "message")
		return ev
	})
	if err != nil || len(list) != 1 {
		return list, err
	}
	return each(list[0], to, "standard", p.standardHeader("id")), nil
}

// each makes an event for each of a mail's recipients. Who of several opened or
// clicked is not known.
func each(ev *happened, to []string, id ...string) []*happened {
	if ev.code != "" || len(to) > 1 && (ev.typ == wasOpened.typ || ev.typ == wasClicked.typ) {
		to = nil
	}
	if len(to) == 0 {
		ev.id = append(id, "")
		return []*happened{ev}
	}
	var out []*happened
	for i, address := range to {
		one := *ev
		one.email = bareAddress(address)
		one.id = append(append([]string{}, id...), strconv.Itoa(i))
		out = append(out, &one)
	}
	return out
}

// bareAddress takes the address out of "Name <address>".
func bareAddress(s string) string {
	if i := strings.LastIndexByte(s, '<'); i >= 0 && strings.HasSuffix(s, ">") {
		return s[i+1 : len(s)-1]
	}
	return s
}
