package email

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// SendGrid's own example, as its libraries publish it.
const (
	sendGridVectorKey  = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
	sendGridVectorSig  = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
	sendGridVectorTime = "1600112502"
	sendGridVectorBody = `[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>","timestamp":1600112492}]` + "\r\n"
	sgSignature        = "X-Twilio-Email-Event-Webhook-Signature"
	sgTimestamp        = "X-Twilio-Email-Event-Webhook-Timestamp"
)

// report posts a body to a provider's webhook and returns the verdicts.
func (b *bed) report(kind, body string, headers ...string) string {
	b.t.Helper()
	return b.do("POST", "/hooks/"+kind+"?writeKey=wk_"+kind, body, headers...).verdicts(b.t)
}

func (b *bed) reports(want, kind, body string, headers ...string) {
	b.t.Helper()
	if got := b.report(kind, body, headers...); got != want {
		b.t.Errorf("%s: got %s, want %s", kind, got, want)
	}
}

func TestSendGridVector(t *testing.T) {
	b := newBed(t)
	b.clock.Store(time.Unix(1600112502+60, 0).UnixMilli())
	b.restart()
	b.source(tracker.Source{Kind: "sendgrid", Secrets: []string{sendGridVectorKey}})
	head := []string{sgSignature, sendGridVectorSig, sgTimestamp, sendGridVectorTime}
	b.reports("401 not_verified", "sendgrid", strings.TrimSpace(sendGridVectorBody), head...)
	b.reports("401 not_verified", "sendgrid", strings.Replace(sendGridVectorBody, ",", ", ", 1), head...)
	b.reports("401 not_verified", "sendgrid", sendGridVectorBody[:100], head...)
	b.reports("401 not_verified", "sendgrid", sendGridVectorBody, sgSignature, sendGridVectorSig, sgTimestamp, "1600112503")
	b.reports("401 not_verified", "sendgrid", sendGridVectorBody)
	b.reports("ok", "sendgrid", sendGridVectorBody, head...)
	b.reports("duplicate", "sendgrid", sendGridVectorBody, head...)
	b.expect(`email_bounce server 19:41:32 message=LRzXl_NHStOGhQ4kofSm_A type=hard provider=sendgrid | reason=Bounced Address email=hello@world.com`)
	b.advance(24 * time.Hour)
	b.reports("401 not_verified", "sendgrid", sendGridVectorBody, head...)
}

// sgKey signs as SendGrid does.
type sgKey struct {
	*ecdsa.PrivateKey
	secret string
}

func newSGKey(t *testing.T) sgKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return sgKey{k, base64.StdEncoding.EncodeToString(der)}
}

func (k sgKey) head(t *testing.T, at time.Time, body string) []string {
	t.Helper()
	stamp := fmt.Sprint(at.Unix())
	sum := sha256.Sum256([]byte(stamp + body))
	sig, err := k.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return []string{sgSignature, base64.StdEncoding.EncodeToString(sig), sgTimestamp, stamp}
}

// TestSendGridBatch proves that each event of a batch stands alone, over a
// restart too, and what SendGrid's words mean.
func TestSendGridBatch(t *testing.T) {
	b := newBed(t)
	old, now := newSGKey(t), newSGKey(t)
	b.source(tracker.Source{Kind: "sendgrid", Secrets: []string{now.secret, old.secret}})
	at := begin.Unix()
	body := fmt.Sprintf(`[
 {"email":"ana@example.org","timestamp":%[1]d,"event":"open","sg_event_id":"e1","sg_message_id":"m.filter1","useragent":"Mozilla/5.0","sg_machine_open":true,"category":["a","b"]},
 {"email":"ana@example.org","timestamp":%[1]d,"event":"click","sg_event_id":"e2","sg_message_id":"m.recvd1","url":"https://acme.example/p?x=1","useragent":"Mozilla/5.0","ip":"192.0.2.1"},
 {"email":"ana@example.org","timestamp":%[1]d,"event":"click","sg_event_id":"e2b","sg_message_id":"m","url":"https://acme.example/p","useragent":"scanbot"},
 {"email":"not an address","timestamp":%[1]d,"event":"open","sg_event_id":"e3"},
 {"email":"ana@example.org","event":"open","sg_event_id":"e4"},
 {"email":"ana@example.org","timestamp":"%[1]d","event":"bounce","type":"blocked","sg_event_id":"e5","reason":"busy"},
 17, null, {"event":{"x":[1]}},
 {"email":"ana@example.org","timestamp":%[1]d,"event":"deferred","sg_event_id":"e6"},
 {"email":"ana@example.org","timestamp":%[2]d,"event":"delivered","sg_event_id":"e7"},
 {"email":"bea@example.org","timestamp":%[1]d,"event":"group_unsubscribe","sg_event_id":"e8"},
 {"email":"bea@example.org","timestamp":%[1]d,"event":"spamreport"}
]`, at, at-8*24*3600)
	b.reports("ok, ok, ok, drop missing_identity, drop time_out_of_range, ok, drop invalid_json, drop invalid_json, ok ignored, ok ignored, drop time_out_of_range, ok, ok",
		"sendgrid", body, now.head(t, b.now(), body)...)
	b.expect(
		"email_open prefetch (provider_flag) 10:00:00 message=m provider=sendgrid machine_flag=sg_machine_open | tags=a,b email=ana@example.org agent=Mozilla/5.0",
		"email_click human proved 10:00:00 message=m link=https://acme.example/p provider=sendgrid | url=https://acme.example/p?x=1 email=ana@example.org agent=Mozilla/5.0",
		"email_click bot (agent_list) 10:00:00 message=m link=https://acme.example/p provider=sendgrid | url=https://acme.example/p email=ana@example.org agent=scanbot",
		"email_bounce server 10:00:00 type=soft provider=sendgrid | reason=busy email=ana@example.org",
		"unsubscribe server 10:00:00 type=provider provider=sendgrid | email=bea@example.org",
		"email_complaint server 10:00:00 provider=sendgrid | email=bea@example.org",
	)
	if got := strings.Join(b.dropped, " "); got != "missing_identity time_out_of_range invalid_json invalid_json time_out_of_range" {
		t.Errorf("dropped: %s", got)
	}
	// The key before the newest one still vouches; a stranger's does not. What
	// comes again counts once.
	b.restart()
	again := strings.Replace(body, "17, null, ", "", 1)
	b.reports("duplicate, duplicate, duplicate, drop missing_identity, drop time_out_of_range, duplicate, ok ignored, ok ignored, drop time_out_of_range, duplicate, duplicate",
		"sendgrid", again, old.head(t, b.now(), again)...)
	b.reports("401 not_verified", "sendgrid", body, newSGKey(t).head(t, b.now(), body)...)
	b.reports("401 not_verified", "sendgrid", body, now.head(t, b.now().Add(-25*time.Hour), body)...)
	b.reports("401 not_verified", "sendgrid", body, now.head(t, b.now().Add(6*time.Minute), body)...)
	b.reports("400 invalid_json", "sendgrid", "[1", now.head(t, b.now(), "[1")...)
	b.reports("400 invalid_json", "sendgrid", "", now.head(t, b.now(), "")...)
	if n := len(b.events()); n != 6 {
		t.Errorf("%d events", n)
	}
}

// The vector of the Standard Webhooks specification, which is Svix's.
func TestStandardVector(t *testing.T) {
	b := newBed(t)
	b.clock.Store(time.Unix(1614265330+299, 0).UnixMilli())
	b.restart()
	src := b.source(tracker.Source{Kind: "standard", Secrets: []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
	body := `{"test": 2432232314}`
	for _, front := range []string{"svix", "webhook"} {
		head := []string{
			front + "-id", "msg_p5jXN8AQM9LWM0D4loKWxJek", front + "-timestamp", "1614265330",
			front + "-signature", "v2,AAAA v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		}
		b.reports("ok ignored", "standard", body, head...)
		b.reports("401 not_verified", "standard", `{"test":2432232314}`, head...)
		b.reports("401 not_verified", "standard", body[:10], head...)
		head[1] = "msg_other"
		b.reports("401 not_verified", "standard", body, head...)
		head[1], head[3] = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265331"
		b.reports("401 not_verified", "standard", body, head...)
	}
	head := []string{
		"svix-id", "msg_p5jXN8AQM9LWM0D4loKWxJek", "svix-timestamp", "1614265330",
		"svix-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	}
	b.advance(2 * time.Second)
	b.reports("401 not_verified", "standard", body, head...)
	src.Window = time.Hour
	b.reports("ok ignored", "standard", body, head...)
}

// svix signs as a Standard Webhooks sender does.
func svix(secret, id string, at time.Time, body string) []string {
	key, _, err := standardKey(secret)
	if err != nil {
		panic(err)
	}
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	return []string{"svix-id", id, "svix-timestamp", stamp, "svix-signature", "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))}
}

func TestResend(t *testing.T) {
	b := newBed(t)
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef01234567"))
	b.source(tracker.Source{Kind: "resend", Secrets: []string{secret}})
	send := func(want, id, body string) {
		t.Helper()
		b.reports(want, "resend", body, svix(secret, id, b.now(), body)...)
	}
	send("ok", "1", `{"type":"email.clicked","created_at":"2026-03-02T09:59:00.000Z","data":{"email_id":"r1","to":["Ana <ana@example.org>"],"click":{"ipAddress":"192.0.2.1","link":"https://acme.example/p","userAgent":"Mozilla"}}}`)
	send("ok", "2", `{"type":"email.opened","created_at":"2026-03-02T09:58:00Z","data":{"email_id":"r1","to":["ana@example.org"]}}`)
	send("ok, ok", "3", `{"type":"email.delivered","created_at":"2026-03-02T09:57:00Z","data":{"email_id":"r1","to":["ana@example.org","bea@example.org"]}}`)
	send("drop missing_identity", "4", `{"type":"email.opened","created_at":"2026-03-02T09:57:00Z","data":{"email_id":"r1","to":["ana@example.org","bea@example.org"]}}`)
	send("ok", "5", `{"type":"email.bounced","created_at":"2026-03-02T09:56:00Z","data":{"email_id":"r2","to":["bea@example.org"],"bounce":{"type":"Transient","message":"full"}}}`)
	send("ok", "6", `{"type":"email.bounced","created_at":"2026-03-02T09:56:00Z","data":{"email_id":"r2","to":["bea@example.org"],"bounce":{"type":"Permanent"}}}`)
	send("ok", "7", `{"type":"contact.updated","created_at":"2026-03-02T09:55:00Z","data":{"email":"bea@example.org","unsubscribed":true}}`)
	send("ok ignored", "8", `{"type":"contact.updated","created_at":"2026-03-02T09:55:00Z","data":{"email":"bea@example.org","unsubscribed":false}}`)
	send("ok ignored", "9", `{"type":"domain.created","data":{}}`)
	send("duplicate", "2", `{"type":"email.opened","created_at":"2026-03-02T09:58:00Z","data":{"email_id":"r1","to":["ana@example.org"]}}`)
	b.expect(
		"email_click human proved 09:59:00 message=r1 link=https://acme.example/p provider=resend | url=https://acme.example/p email=ana@example.org agent=Mozilla",
		"email_open human 09:58:00 message=r1 provider=resend | email=ana@example.org",
		"email_delivered server 09:57:00 message=r1 provider=resend | email=ana@example.org",
		"email_delivered server 09:57:00 message=r1 provider=resend | email=bea@example.org",
		"email_bounce server 09:56:00 message=r2 type=soft provider=resend | reason=full email=bea@example.org",
		"email_bounce server 09:56:00 message=r2 type=hard provider=resend | email=bea@example.org",
		"unsubscribe server 09:55:00 type=provider provider=resend | email=bea@example.org",
	)
}

func TestStandardPublicKey(t *testing.T) {
	b := newBed(t)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b.source(tracker.Source{Kind: "standard", Secrets: []string{"whpk_" + base64.StdEncoding.EncodeToString(public)}})
	body := fmt.Sprintf(`{"type":"message.opened","timestamp":%d,"data":{"recipient":"ana@example.org","message_id":"s1"}}`, b.now().Unix())
	sign := func(version, text string) []string {
		stamp := fmt.Sprint(b.now().Unix())
		sig := base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte("m1."+stamp+"."+text)))
		return []string{"webhook-id", "m1", "webhook-timestamp", stamp, "webhook-signature", version + "," + sig}
	}
	b.reports("ok", "standard", body, sign("v1a", body)...)
	b.reports("401 not_verified", "standard", body, sign("v1", body)...)
	b.reports("401 not_verified", "standard", body+" ", sign("v1a", body)...)
	b.expect("email_open human 10:00:00 message=s1 provider=standard | email=ana@example.org")
}

func mailgun(key string, at time.Time, token, data string) string {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(stamp + token))
	return fmt.Sprintf(`{"signature":{"timestamp":"%s","token":"%s","signature":"%s"},"event-data":%s}`, stamp, token, hex.EncodeToString(mac.Sum(nil)), data)
}

// TestMailgun proves that a signature, which does not cover the body, is good
// for one report only.
func TestMailgun(t *testing.T) {
	b := newBed(t)
	b.source(tracker.Source{Kind: "mailgun", Secrets: []string{"key-new-1", "key-old-1"}})
	data := func(id, event, more string) string {
		return fmt.Sprintf(`{"id":"%s","event":"%s","timestamp":%d.25,"recipient":"ana@example.org","message":{"headers":{"message-id":"g1@acme"}}%s}`, id, event, begin.Unix(), more)
	}
	opened := data("i1", "opened", `,"client-info":{"user-agent":"Mozilla","bot":"apple"},"ip":"192.0.2.1","tags":["t"]`)
	b.reports("ok", "mailgun", mailgun("key-new-1", b.now(), "t1", opened))
	b.reports("duplicate", "mailgun", mailgun("key-new-1", b.now(), "t1", opened))
	b.restart()
	forged := data("i2", "clicked", `,"url":"https://acme.example/"`)
	b.reports("401 not_verified", "mailgun", mailgun("key-new-1", b.now(), "t1", forged))
	b.reports("duplicate", "mailgun", mailgun("key-new-1", b.now(), "t1", opened))
	// The provider's own retry under a new token is the same event.
	b.reports("duplicate", "mailgun", mailgun("key-new-1", b.now(), "t2", opened))
	b.reports("ok", "mailgun", mailgun("key-old-1", b.now(), "t3", forged))
	b.reports("ok", "mailgun", mailgun("key-new-1", b.now(), "t4", data("i3", "failed", `,"severity":"permanent","delivery-status":{"message":"gone"}`)))
	b.reports("ok", "mailgun", mailgun("key-new-1", b.now(), "t5", data("i4", "failed", `,"severity":"temporary"`)))
	b.reports("ok ignored", "mailgun", mailgun("key-new-1", b.now(), "t6", data("i5", "stored", "")))
	b.reports("401 not_verified", "mailgun", mailgun("key-other", b.now(), "t7", opened))
	b.reports("401 not_verified", "mailgun", mailgun("key-new-1", b.now().Add(-25*time.Hour), "t8", opened))
	b.reports("401 not_verified", "mailgun", mailgun("key-new-1", b.now().Add(time.Hour), "t9", opened))
	b.reports("401 not_verified", "mailgun", `{"event-data":`+opened+`}`)
	b.reports("401 not_verified", "mailgun", mailgun("key-new-1", b.now(), "t10", opened)[:60])
	b.reports("400 invalid_json", "mailgun", mailgun("key-new-1", b.now(), "t11", "null"))
	b.reports("400 invalid_json", "mailgun", mailgun("key-new-1", b.now(), "t12", `"x"`))
	b.expect(
		"email_open prefetch (provider_flag) 10:00:00 message=g1@acme provider=mailgun machine_flag=apple | tags=t email=ana@example.org agent=Mozilla",
		"email_click human proved 10:00:00 message=g1@acme link=https://acme.example/ provider=mailgun | url=https://acme.example/ email=ana@example.org",
		"email_bounce server 10:00:00 message=g1@acme type=hard provider=mailgun | reason=gone email=ana@example.org",
		"email_bounce server 10:00:00 message=g1@acme type=soft provider=mailgun | email=ana@example.org",
	)
	// Used tokens are forgotten once their signatures are too old.
	b.advance(9 * day)
	b.report("mailgun", mailgun("key-new-1", b.now(), "t13", opened))
	if n := b.tokens(); n != 1 {
		t.Errorf("%d tokens are kept, want 1", n)
	}
}

func basic(password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(password))
}

func TestPostmark(t *testing.T) {
	b := newBed(t)
	b.source(tracker.Source{Kind: "postmark", Secrets: []string{"hook:pass-word-1"}})
	send := func(want, body string) {
		t.Helper()
		b.reports(want, "postmark", body, "Authorization", basic("hook:pass-word-1"))
	}
	open := `{"RecordType":"Open","MessageID":"p1","Recipient":"ana@example.org","ReceivedAt":"2026-03-02T09:00:00.0000000Z","UserAgent":"Mozilla GoogleImageProxy","Geo":{"IP":"192.0.2.1"},"Tag":"welcome"}`
	send("ok", open)
	send("duplicate", strings.ReplaceAll(open, ",", ", "))
	send("ok", strings.Replace(open, "09:00:00", "09:00:01", 1))
	send("ok", `{"RecordType":"Click","MessageID":"p1","Recipient":"ana@example.org","ReceivedAt":"2026-03-02T09:00:00Z","OriginalLink":"https://acme.example/p","UserAgent":"Mozilla"}`)
	send("ok", `{"RecordType":"Delivery","MessageID":"p1","Recipient":"ana@example.org","DeliveredAt":"2026-03-02T08:00:00-01:00"}`)
	send("ok", `{"RecordType":"Bounce","Type":"HardBounce","ID":42,"MessageID":"p2","Email":"bea@example.org","BouncedAt":"2026-03-02T09:00:00Z","Description":"gone"}`)
	send("ok", `{"RecordType":"Bounce","Type":"Transient","ID":43,"MessageID":"p2","Email":"bea@example.org","BouncedAt":"2026-03-02T09:00:00Z"}`)
	send("ok", `{"RecordType":"SpamComplaint","ID":44,"MessageID":"p2","Email":"bea@example.org","BouncedAt":"2026-03-02T09:00:00Z"}`)
	send("ok", `{"RecordType":"SubscriptionChange","MessageID":"p3","Recipient":"bea@example.org","ChangedAt":"2026-03-02T09:00:00Z","SuppressSending":true,"SuppressionReason":"ManualSuppression"}`)
	send("ok ignored", `{"RecordType":"SubscriptionChange","MessageID":"p3","Recipient":"bea@example.org","ChangedAt":"2026-03-02T09:00:00Z","SuppressSending":false}`)
	send("ok ignored", `{"RecordType":"Bounce","Type":"AutoResponder","ID":45,"Email":"bea@example.org","BouncedAt":"2026-03-02T09:00:00Z"}`)
	// Nothing signs the time of a report: what is too old cannot be told from a
	// replay, and is refused.
	send("drop time_out_of_range", strings.Replace(open, "2026-03-02", "2026-02-20", 1))
	send("400 invalid_json", `{"RecordType":`)
	for _, head := range []string{"", basic("hook:pass-word-2"), basic("hook"), "Basic !", "Bearer hook:pass-word-2"} {
		b.reports("401 not_verified", "postmark", open, "Authorization", head)
	}
	b.expect(
		"email_open proxy (agent_list) 09:00:00 message=p1 provider=postmark | tags=welcome email=ana@example.org agent=Mozilla GoogleImageProxy",
		"email_open proxy (agent_list) 09:00:01 message=p1 provider=postmark | tags=welcome email=ana@example.org agent=Mozilla GoogleImageProxy",
		"email_click human proved 09:00:00 message=p1 link=https://acme.example/p provider=postmark | url=https://acme.example/p email=ana@example.org agent=Mozilla",
		"email_delivered server 09:00:00 message=p1 provider=postmark | email=ana@example.org",
		"email_bounce server 09:00:00 message=p2 type=hard provider=postmark | reason=gone email=bea@example.org",
		"email_bounce server 09:00:00 message=p2 type=soft provider=postmark | email=bea@example.org",
		"email_complaint server 09:00:00 message=p2 provider=postmark | email=bea@example.org",
		"unsubscribe server 09:00:00 message=p3 type=provider provider=postmark | email=bea@example.org",
	)
}

func TestBrevo(t *testing.T) {
	b := newBed(t)
	b.source(tracker.Source{Kind: "brevo", Secrets: []string{"token-of-brevo"}})
	ev := func(event, more string) string {
		return fmt.Sprintf(`{"event":"%s","email":"ana@example.org","message-id":"<b1>","ts_epoch":%d%s}`, event, begin.UnixMilli(), more)
	}
	send := func(want, body string) {
		t.Helper()
		b.reports(want, "brevo", body, "Authorization", "Bearer token-of-brevo")
	}
	send("ok", ev("unique_opened", `,"tags":["x","y"]`))
	send("duplicate", ev("opened", ""))
	send("ok, ok, ok, ok ignored, drop missing_identity", "["+ev("click", `,"link":"https://acme.example/p"`)+","+ev("hard_bounce", `,"reason":"no such user"`)+","+ev("soft_bounce", "")+","+ev("deferred", "")+`,{"event":"spam"}]`)
	send("ok", strings.Replace(ev("proxy_open", ""), "<b1>", "<b2>", 1))
	send("ok", ev("unsubscribed", `,"tag":"one"`))
	b.reports("401 not_verified", "brevo", ev("opened", ""), "Authorization", "Bearer token-of-brev")
	b.expect(
		"email_open human 10:00:00 message=<b1> provider=brevo | tags=x,y email=ana@example.org",
		"email_click human proved 10:00:00 message=<b1> link=https://acme.example/p provider=brevo | url=https://acme.example/p email=ana@example.org",
		"email_bounce server 10:00:00 message=<b1> type=hard provider=brevo | reason=no such user email=ana@example.org",
		"email_bounce server 10:00:00 message=<b1> type=soft provider=brevo | email=ana@example.org",
		"email_open prefetch (provider_flag) 10:00:00 message=<b2> provider=brevo machine_flag=proxy_open | email=ana@example.org",
		"unsubscribe server 10:00:00 message=<b1> type=provider provider=brevo | tags=one email=ana@example.org",
	)
}

func TestWindow(t *testing.T) {
	now := begin.Unix()
	p := &post{now: begin.UnixMilli(), window: time.Hour}
	f := func(seconds int64, want bool) {
		t.Helper()
		if got := p.fresh(seconds); got != want {
			t.Errorf("signed %d s ago: %v, want %v", now-seconds, got, want)
		}
	}
	f(now, true)
	f(now-3600, true)
	f(now-3601, false)
	f(now+300, true)
	f(now+301, false)
	f(0, false)
	f(1<<62, false)
	f(18446744073709551616/1000, false)
}

// TestWhoMayReport lists what no provider's webhook takes.
func TestWhoMayReport(t *testing.T) {
	b := newBed(t)
	src := b.source(tracker.Source{Kind: "postmark", Secrets: []string{"hook:pass-word-1"}})
	b.sources["wk_site"] = b.site
	auth := []string{"Authorization", basic("hook:pass-word-1")}
	body := `{"RecordType":"Open","MessageID":"p1","Recipient":"ana@example.org","ReceivedAt":"2026-03-02T09:00:00Z"}`
	f := func(want int, method, target string) {
		t.Helper()
		if a := b.do(method, target, body, auth...); a.status != want {
			t.Errorf("%s %s: got %d, want %d", method, target, a.status, want)
		}
	}
	f(401, "POST", "/hooks/postmark")
	f(401, "POST", "/hooks/postmark?writeKey=wk_none")
	f(401, "POST", "/hooks/postmark?writeKey=wk_site")
	f(401, "POST", "/hooks/brevo?writeKey=wk_postmark")
	f(401, "POST", "/hooks/?writeKey=wk_postmark")
	f(401, "POST", "/hooks/smoke?writeKey=wk_postmark")
	f(405, "GET", "/hooks/postmark?writeKey=wk_postmark")
	b.busy = true
	f(503, "POST", "/hooks/postmark?writeKey=wk_postmark")
	b.busy = false
	src.MaxBody = 32
	f(413, "POST", "/hooks/postmark?writeKey=wk_postmark")
	src.MaxBody = 0
	src.Disabled = true
	f(401, "POST", "/hooks/postmark?writeKey=wk_postmark")
	src.Disabled = false
	b.h.cfg.Quota = func(*tracker.Source, int) time.Duration { return time.Second }
	f(429, "POST", "/hooks/postmark?writeKey=wk_postmark")
	b.h.cfg.Quota = nil
	b.expect()
	f(200, "POST", "/hooks/postmark/?writeKey=wk_postmark")
	if b.counts["unknown refused"] != 2 || b.counts["postmark ok"] != 1 {
		t.Errorf("counted %v", b.counts)
	}
}

func TestCheckSource(t *testing.T) {
	topic := "arn:aws:sns:eu-west-1:123456789012:mail"
	f := func(code string, s tracker.Source) {
		t.Helper()
		got := ""
		if err := CheckSource(&s); err != nil {
			got = err.(*tracker.Error).Code //nolint:errorlint // it is not wrapped
		}
		if got != code {
			t.Errorf("%+v: got %q, want %q", s, got, code)
		}
	}
	f("", tracker.Source{})
	f("bad_kind", tracker.Source{Secrets: []string{"12345678"}})
	f("bad_kind", tracker.Source{Window: time.Hour})
	f("bad_kind", tracker.Source{Kind: "smoke", Secrets: []string{"12345678"}})
	f("bad_secret", tracker.Source{Kind: "brevo"})
	f("bad_secret", tracker.Source{Kind: "brevo", Secrets: []string{"short"}})
	f("", tracker.Source{Kind: "brevo", Secrets: []string{"long-enough"}})
	f("bad_window", tracker.Source{Kind: "brevo", Secrets: []string{"long-enough"}, Window: time.Hour})
	f("bad_window", tracker.Source{Kind: "mailgun", Secrets: []string{"long-enough"}, Window: 169 * time.Hour})
	f("bad_topic", tracker.Source{Kind: "mailgun", Secrets: []string{"long-enough"}, Topic: topic})
	f("bad_secret", tracker.Source{Kind: "sendgrid", Secrets: []string{"long-enough"}})
	f("", tracker.Source{Kind: "sendgrid", Secrets: []string{sendGridVectorKey}})
	f("bad_secret", tracker.Source{Kind: "resend", Secrets: []string{"whsec_!"}})
	f("bad_secret", tracker.Source{Kind: "standard", Secrets: []string{"whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}})
	f("", tracker.Source{Kind: "ses", Topic: topic})
	f("bad_secret", tracker.Source{Kind: "ses", Topic: topic, Secrets: []string{"12345678"}})
	for _, bad := range []string{"", "arn:aws:sns:evil.example/:123456789012:x", "arn:aws:sqs:eu-west-1:123456789012:x", topic + "/", "arn:aws:sns:eu-west-1:12:x"} {
		f("bad_topic", tracker.Source{Kind: "ses", Topic: bad})
	}
}

// FuzzReports proves that no body harms a reader: whatever a provider signs is
// read without a panic, and each event gets a verdict.
func FuzzReports(f *testing.F) {
	kinds := []string{"sendgrid", "mailgun", "postmark", "brevo", "resend", "ses"}
	f.Add(byte(0), []byte(sendGridVectorBody))
	f.Add(byte(1), []byte(mailgun("k", begin, "t", `{"id":"i","event":"opened","timestamp":1772445600.5,"client-info":{"bot":"gmail"}}`)))
	f.Add(byte(2), []byte(`[{"RecordType":"Open","ReceivedAt":"2026-03-02T09:00:00Z","Recipient":"a@b"},7]`))
	f.Add(byte(3), []byte(`{"event":"click","ts_epoch":1e99,"email":"a@b"}`))
	f.Add(byte(4), []byte(`{"type":"email.opened","data":{"to":["a@b",{"c":1}],"click":[]}}`))
	f.Add(byte(5), []byte(`{"eventType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"a@b"},{}]},"mail":{"tags":{"x":["y"],"z":1}}}`))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		name := kinds[int(kind)%len(kinds)]
		src := &tracker.Source{Kind: name, Tenant: &tracker.Tenant{}}
		p := &post{src: src, head: &fasthttp.RequestHeader{}, body: body, now: begin.UnixMilli()}
		if name == "ses" {
			p.sns = &envelope{Type: "Notification", MessageId: "m", Message: string(body)}
		}
		h := New(Config{JudgeAgent: func([]byte, string) (tracker.Machine, tracker.MachineReason) { return tracker.Human, tracker.NoReason }})
		list, err := providers[name].read(h, p)
		if err != nil {
			return
		}
		for _, ev := range list {
			if ev.code == "" {
				ev.code = h.judge(p, ev)
			}
			if ev.code != "" {
				continue
			}
			rec := ev.record(src, p.now)
			var e tracker.Event
			if err := tracker.DecodeRow(rec.Row, &e); err != nil || len(e.Type) == 0 || e.Email.IsZero() {
				t.Fatalf("row of %+v: %v", ev, err)
			}
		}
	})
}
