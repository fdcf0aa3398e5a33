package email

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"ripen/tracker"
)

// SES reports through an SNS topic, which signs the fields of its envelope. The
// topic is the source's, never the report's, and so is the host that the
// certificate comes from; no other address that a report names is ever fetched.
// To confirm the subscription Ripen asks the host itself, with the token alone.

var topicARN = regexp.MustCompile(`^arn:aws(-cn|-us-gov)?:sns:([a-z]{2,3}(?:-[a-z]+)+-\d{1,2}):\d{12}:[A-Za-z0-9_-]{1,256}(?:\.fifo)?$`)

// topicRegion returns the region of a topic; empty if the name is none.
func topicRegion(arn string) string {
	if m := topicARN.FindStringSubmatch(arn); m != nil {
		return m[2]
	}
	return ""
}

// topicHost is the host of the service that a topic belongs to.
func topicHost(arn string) string {
	host := "sns." + topicRegion(arn) + ".amazonaws.com"
	if strings.HasPrefix(arn, "arn:aws-cn:") {
		host += ".cn"
	}
	return host
}

// envelope is what SNS posts.
type envelope struct {
	Type, MessageId, TopicArn, Message, Timestamp      string //nolint:revive // SNS's own spelling
	Signature, SignatureVersion, SigningCertURL, Token string
	SubscribeURL                                       string
	Subject                                            *string
}

// text is what the signature is about.
func (e *envelope) text() []byte {
	var b bytes.Buffer
	add := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	add("Message", e.Message)
	add("MessageId", e.MessageId)
	if e.Type == "Notification" {
		if e.Subject != nil {
			add("Subject", *e.Subject)
		}
		add("Timestamp", e.Timestamp)
	} else {
		add("SubscribeURL", e.SubscribeURL)
		add("Timestamp", e.Timestamp)
		add("Token", e.Token)
	}
	add("TopicArn", e.TopicArn)
	add("Type", e.Type)
	return b.Bytes()
}

func verifySNS(h *Handler, p *post, _ string) error {
	var e envelope
	if err := json.Unmarshal(p.body, &e); err != nil || e.Signature == "" {
		return unverified("the signature is missing: turn off raw message delivery of the subscription")
	}
	if e.TopicArn != p.src.Topic {
		return unverified("the report comes from another topic than the source's")
	}
	signature, err := base64.StdEncoding.DecodeString(e.Signature)
	if err != nil {
		return unverified("the signature is not base64")
	}
	cert, err := h.certificate(p, e.SigningCertURL)
	if err != nil {
		return err
	}
	var sum []byte
	hash := crypto.SHA256
	switch e.SignatureVersion {
	case "1":
		s := sha1.Sum(e.text())
		sum, hash = s[:], crypto.SHA1
	case "2":
		s := sha256.Sum256(e.text())
		sum = s[:]
	default:
		return unverified("the signature's version is unknown: need 1 or 2")
	}
	if rsa.VerifyPKCS1v15(cert, hash, sum, signature) != nil {
		return unverified("the signature does not fit the report")
	}
	at, err := time.Parse(time.RFC3339Nano, e.Timestamp)
	if err != nil || !p.fresh(at.Unix()) {
		return unverified("the report was signed outside the source's window")
	}
	p.sns = &e
	return nil
}

var certPath = regexp.MustCompile(`^/SimpleNotificationService-[A-Za-z0-9]{8,80}\.pem$`)

const mostCerts = 64 // that are remembered

// cert is a signing key and when its certificate ends.
type cert struct {
	key   *rsa.PublicKey
	until time.Time
}

// certificate returns the key of a certificate that lies where those of the
// source's topic lie, and nowhere else.
func (h *Handler) certificate(p *post, address string) (*rsa.PublicKey, error) {
	u, err := url.Parse(address)
	if err != nil || !certPath.MatchString(u.Path) || address != "https://"+topicHost(p.src.Topic)+u.Path {
		return nil, unverified("the certificate does not lie at " + topicHost(p.src.Topic))
	}
	now := time.UnixMilli(p.now)
	h.mu.Lock()
	c, ok := h.certs[address]
	h.mu.Unlock()
	if ok && now.Before(c.until) {
		return c.key, nil
	}
	c, err = h.fetchCertificate(address, now)
	if err != nil {
		h.log.Warn("the certificate of SNS cannot be had", "url", address, "err", err)
		return nil, &tracker.Error{Kind: tracker.KindBusy, Code: "no_certificate", Detail: "the certificate of the signature cannot be had: send it again later"}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.certs) >= mostCerts {
		clear(h.certs)
	}
	h.certs[address] = c
	return c.key, nil
}

func (h *Handler) fetchCertificate(address string, now time.Time) (cert, error) {
	// One at a time: a stranger's posts cannot make us ask for many.
	if !h.fetching.TryLock() {
		return cert{}, errors.New("another one is being fetched")
	}
	defer h.fetching.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
	defer cancel()
	b, err := h.fetch(ctx, address)
	if err != nil {
		return cert{}, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return cert{}, errors.New("it is not PEM")
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return cert{}, err
	}
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok || now.Before(c.NotBefore) || !now.Before(c.NotAfter) {
		return cert{}, errors.New("it holds no RSA key that is good now")
	}
	return cert{key, c.NotAfter}, nil
}

var sesWords = map[string]meaning{
	"Send": sent, "Delivery": delivered, "Open": wasOpened, "Click": wasClicked, "Bounce": softBounce, "Complaint": complaint,
	"Subscription": unsubscribe,
}

func readSNS(h *Handler, p *post) ([]*happened, error) {
	e := p.sns
	switch e.Type {
	case "SubscriptionConfirmation":
		return nil, h.confirm(p)
	case "UnsubscribeConfirmation":
		h.log.Warn("the topic of a source reports no more", "source", p.src.Name)
		return nil, nil
	case "Notification":
	default:
		return nil, unreadable("Type: need Notification, SubscriptionConfirmation or UnsubscribeConfirmation")
	}
	var o object
	if err := json.Unmarshal([]byte(e.Message), &o); err != nil || o == nil {
		return []*happened{{code: codeIgnored}}, nil // SES greets a new topic in plain words
	}
	ev, to := readSES(o)
	ev.raw = p.body
	return each(ev, to, "ses", e.MessageId), nil
}

// readSES reads an event of SES and whom it is about.
func readSES(o object) (*happened, []string) {
	word := o.text("eventType")
	if word == "" {
		word = o.text("notificationType")
	}
	ev := says(sesWords, word)
	at := strings.ToLower(word)
	to := o.texts("mail", "destination")
	switch word {
	case "Bounce":
		if o.text(at, "bounceType") == "Permanent" {
			ev.detail = hardBounce.detail
		}
		to = addresses(o.list(at, "bouncedRecipients"))
	case "Complaint":
		to = addresses(o.list(at, "complainedRecipients"))
	case "Delivery":
		to = o.texts(at, "recipients")
	case "Subscription":
		if !o.truth(at, "newTopicPreferences", "unsubscribeAll") {
			ev.code = codeIgnored
		}
	}
	if ev.time = o.moment(at, "timestamp"); ev.time == 0 {
		ev.time = o.moment("mail", "timestamp")
	}
	ev.message, ev.url = o.text("mail", "messageId"), o.text(at, "link")
	ev.agent, ev.ip = o.text(at, "userAgent"), o.text(at, "ipAddress")
	ev.reason = o.text(at, "bounceSubType")
	tags, _ := o.get("mail", "tags").(map[string]any)
	var list []string
	for name := range tags {
		if !strings.HasPrefix(name, "ses:") {
			list = append(list, object(tags).texts(name)...)
		}
	}
	slices.Sort(list)
	ev.tags = joined(list)
	return ev, to
}

func addresses(list []object) (out []string) {
	for _, o := range list {
		out = append(out, o.text("emailAddress"))
	}
	return out
}

// confirm tells SNS that the source's topic may report here.
func (h *Handler) confirm(p *post) error {
	if n := len(p.sns.Token); n == 0 || n > maxURL {
		return unreadable("Token: need the token of the subscription")
	}
	q := url.Values{"Action": {"ConfirmSubscription"}, "TopicArn": {p.src.Topic}, "Token": {p.sns.Token}, "Version": {"2010-03-31"}}
	ctx, cancel := context.WithTimeout(context.Background(), fetchLimit)
	defer cancel()
	if _, err := h.fetch(ctx, "https://"+topicHost(p.src.Topic)+"/?"+q.Encode()); err != nil {
		h.log.Warn("a subscription could not be confirmed", "source", p.src.Name, "err", err)
		return &tracker.Error{Kind: tracker.KindBusy, Code: "not_confirmed", Detail: "the subscription could not be confirmed: ask SNS to send it again"}
	}
	h.log.Info("subscription confirmed", "source", p.src.Name)
	return nil
}
