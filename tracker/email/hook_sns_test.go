package email

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

const (
	snsTopic = "arn:aws:sns:eu-west-1:123456789012:mail"
	snsCert  = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
)

// amazon signs as SNS does, with a certificate of its own.
type amazon struct {
	t   *testing.T
	key *rsa.PrivateKey
	pem []byte
}

func newAmazon(t *testing.T, until time.Time) *amazon {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: begin.Add(-time.Hour), NotAfter: until,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &amazon{t, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// post signs an envelope in a version and returns the body.
func (a *amazon) post(e envelope, version string) string {
	a.t.Helper()
	e.SignatureVersion = version
	hash, sum := crypto.SHA256, sha256.Sum256(e.text())
	digest := sum[:]
	if version == "1" {
		old := sha1.Sum(e.text())
		hash, digest = crypto.SHA1, old[:]
	}
	sig, err := rsa.SignPKCS1v15(rand.Reader, a.key, hash, digest)
	if err != nil {
		a.t.Fatal(err)
	}
	e.Signature = base64.StdEncoding.EncodeToString(sig)
	b, err := json.Marshal(e)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(b)
}

func notification(id, message string) envelope {
	return envelope{
		Type: "Notification", MessageId: id, TopicArn: snsTopic, Message: message,
		Timestamp: begin.Format(time.RFC3339Nano), SigningCertURL: snsCert,
	}
}

const sesClick = `{"eventType":"Click","mail":{"messageId":"s1","destination":["ana@example.org"],"tags":{"ses:from":["x"],"campaign":["spring"]}},` +
	`"click":{"ipAddress":"192.0.2.1","timestamp":"2026-03-02T09:59:00.000Z","userAgent":"Mozilla","link":"https://acme.example/p?x=1"}}`

func TestSNS(t *testing.T) {
	b := newBed(t)
	a := newAmazon(t, begin.Add(365*day))
	b.pages[snsCert] = a.pem
	b.source(tracker.Source{Kind: "ses", Topic: snsTopic})
	b.reports("ok", "ses", a.post(notification("n1", sesClick), "1"), "Content-Type", "text/plain; charset=UTF-8")
	b.reports("duplicate", "ses", a.post(notification("n1", sesClick), "2"))
	subject := "Amazon SES"
	e := notification("n2", `{"notificationType":"Bounce","mail":{"messageId":"s2","destination":["ana@example.org","bea@example.org"]},"bounce":{"bounceType":"Permanent","bounceSubType":"General","timestamp":"2026-03-02T09:58:00Z","bouncedRecipients":[{"emailAddress":"Bea <bea@example.org>"},{"emailAddress":"carl@example.org"}]}}`)
	e.Subject = &subject
	b.reports("ok, ok", "ses", a.post(e, "2"))
	b.reports("drop missing_identity", "ses", a.post(notification("n3", strings.Replace(sesClick, `["ana@example.org"]`, `["ana@example.org","bea@example.org"]`, 1)), "2"))
	b.reports("ok ignored", "ses", a.post(notification("n4", `{"eventType":"Reject","mail":{}}`), "2"))
	b.reports("ok ignored", "ses", a.post(notification("n5", "Successfully validated SNS topic for Amazon SES event publishing."), "2"))
	b.reports("ok", "ses", a.post(notification("n6", `{"eventType":"Subscription","mail":{"messageId":"s3","destination":["bea@example.org"]},"subscription":{"timestamp":"2026-03-02T09:57:00Z","newTopicPreferences":{"unsubscribeAll":true}}}`), "2"))
	b.expect(
		"email_click human proved 09:59:00 message=s1 link=https://acme.example/p provider=ses | tags=spring url=https://acme.example/p?x=1 email=ana@example.org agent=Mozilla",
		"email_bounce server 09:58:00 message=s2 type=hard provider=ses | reason=General email=bea@example.org",
		"email_bounce server 09:58:00 message=s2 type=hard provider=ses | reason=General email=carl@example.org",
		"unsubscribe server 09:57:00 message=s3 type=provider provider=ses | email=bea@example.org",
	)
	if len(b.fetched) != 1 {
		t.Errorf("fetched %v", b.fetched)
	}
}

// TestSNSRefuses lists the posts that are not Amazon's, and proves that none of
// them makes us ask anybody for anything.
func TestSNSRefuses(t *testing.T) {
	b := newBed(t)
	a := newAmazon(t, begin.Add(365*day))
	b.pages[snsCert] = a.pem
	b.source(tracker.Source{Kind: "ses", Topic: snsTopic})
	f := func(change func(e *envelope)) {
		t.Helper()
		e := notification("n", sesClick)
		change(&e)
		b.fetched = nil
		b.reports("401 not_verified", "ses", a.post(e, "2"))
		if len(b.fetched) != 0 {
			t.Errorf("fetched %v", b.fetched)
		}
	}
	f(func(e *envelope) { e.TopicArn = "arn:aws:sns:eu-west-1:999999999999:mail" })
	for _, url := range []string{
		"", "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
		"https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
		"https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
		"https://evil.example/SimpleNotificationService-0123456789abcdef.pem",
		"https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
		"https://sns.eu-west-1.amazonaws.com:8443/SimpleNotificationService-0123456789abcdef.pem",
		"https://sns.eu-west-1.amazonaws.com/other/SimpleNotificationService-0123456789abcdef.pem",
		"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem?x=1",
		"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem#x",
		"https://127.0.0.1/SimpleNotificationService-0123456789abcdef.pem", "https://s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
	} {
		f(func(e *envelope) { e.SigningCertURL = url })
	}
	good := a.post(notification("n", sesClick), "2")
	b.reports("401 not_verified", "ses", strings.Replace(good, "s1", "s9", 1))
	b.reports("401 not_verified", "ses", strings.Replace(good, `"SignatureVersion":"2"`, `"SignatureVersion":"1"`, 1))
	b.reports("401 not_verified", "ses", strings.Replace(good, `"SignatureVersion":"2"`, `"SignatureVersion":"3"`, 1))
	b.reports("401 not_verified", "ses", good[:len(good)/2])
	b.reports("401 not_verified", "ses", sesClick)
	b.reports("401 not_verified", "ses", newAmazon(t, begin.Add(day)).post(notification("n", sesClick), "2"))
	b.advance(25 * time.Hour)
	b.reports("401 not_verified", "ses", good)
	b.expect()
}

// TestSNSConfirms proves that a subscription is confirmed at Amazon's own host
// with the token alone, and that the address in the post is never asked.
func TestSNSConfirms(t *testing.T) {
	b := newBed(t)
	a := newAmazon(t, begin.Add(365*day))
	b.pages[snsCert] = a.pem
	b.source(tracker.Source{Kind: "ses", Topic: snsTopic})
	e := notification("c1", "You have chosen to subscribe")
	e.Type, e.Token, e.SubscribeURL = "SubscriptionConfirmation", "tok&Action=x", "http://169.254.169.254/latest/meta-data"
	want := "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=tok%26Action%3Dx&TopicArn=arn%3Aaws%3Asns%3Aeu-west-1%3A123456789012%3Amail&Version=2010-03-31"
	b.reports("503 not_confirmed", "ses", a.post(e, "2"))
	b.pages[want] = []byte("<ok/>")
	b.reports("", "ses", a.post(e, "2"))
	if got := strings.Join(b.fetched, " "); got != snsCert+" "+want+" "+want {
		t.Errorf("fetched %s", got)
	}
	e.Type = "UnsubscribeConfirmation"
	b.reports("", "ses", a.post(e, "1"))
	e.Token = ""
	e.Type = "SubscriptionConfirmation"
	b.reports("400 invalid_json", "ses", a.post(e, "2"))
}

func TestSNSCertificateEnds(t *testing.T) {
	b := newBed(t)
	a := newAmazon(t, begin.Add(time.Hour))
	b.source(tracker.Source{Kind: "ses", Topic: snsTopic})
	b.reports("503 no_certificate", "ses", a.post(notification("n1", sesClick), "2"))
	b.pages[snsCert] = []byte("not PEM")
	b.reports("503 no_certificate", "ses", a.post(notification("n1", sesClick), "2"))
	b.pages[snsCert] = a.pem
	b.reports("ok", "ses", a.post(notification("n1", sesClick), "2"))
	b.advance(2 * time.Hour)
	b.reports("503 no_certificate", "ses", a.post(notification("n2", sesClick), "2"))
}

func TestOnlyPublicAddresses(t *testing.T) {
	f := func(address string, ok bool) {
		t.Helper()
		if err := onlyPublic("tcp", address, nil); (err == nil) != ok {
			t.Errorf("%s: %v", address, err)
		}
	}
	f("52.94.5.1:443", true)
	f("[2600:1f18::1]:443", true)
	for _, a := range []string{
		"52.94.5.1:80", "127.0.0.1:443", "10.0.0.1:443", "192.168.1.1:443", "172.16.0.1:443", "169.254.169.254:443", "0.0.0.0:443", "0.1.2.3:443",
		"100.64.0.1:443", "192.0.0.192:443", "198.18.0.1:443", "224.0.0.1:443", "255.255.255.255:443", "[::1]:443", "[::]:443", "[fe80::1%lo]:443",
		"[fc00::1]:443", "[ff02::1]:443", "[::ffff:127.0.0.1]:443", "[64:ff9b::7f00:1]:443", "[2002:7f00:1::]:443", "[2001:0:1::]:443", "x",
	} {
		f(a, false)
	}
}
