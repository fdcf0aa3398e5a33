package mail

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/mail/mailtest"
)

// world is the mails of one tenant, a lead, and a mail server.
type world struct {
	t      *testing.T
	db     *storage.DB
	post   *Post
	box    *mailtest.Server
	tenant *tracker.Tenant
	lead   *tracker.Lead
	addr   string // where Dial leads
}

// newWorld starts a mail server: with a certificate and implicit or not, with a
// password or none.
func newWorld(t *testing.T, password string, cert *tls.Certificate, implicit bool) *world {
	w := &world{t: t, tenant: &tracker.Tenant{ID: tracker.TenantID{7}, Name: "acme"}}
	copy(w.tenant.Identity[:], "a key of the tenant's own")
	var err error
	if w.db, err = storage.Open(t.TempDir(), storage.Options{ReblockEvery: -1, Reserve: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	if w.box, err = mailtest.Start(password, cert, implicit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.box.Close)
	w.addr = w.box.Addr
	w.lead = &tracker.Lead{
		ID: tracker.LeadID{Kind: tracker.UserIdentity, Hash: tracker.Hash{1}}, Email: "ana@example.org",
		Attributes: map[string]any{"name": "Ana"}, Consent: tracker.ConsentGranted,
	}
	src := &tracker.Source{ID: 1, Tenant: w.tenant}
	w.post = New(Config{
		DB: w.db, Tenant: func(tracker.TenantID) *tracker.Tenant { return w.tenant }, Source: func(tracker.TenantID) *tracker.Source { return src },
		Lead:    func(context.Context, tracker.TenantID, string, uint64) (*tracker.Lead, error) { return w.lead, nil },
		Trusted: func(_ tracker.TenantID, source uint32) bool { return source == 2 },
		Mint: func(_ *tracker.Tenant, l tracker.MailLink) (tracker.MintedLink, error) {
			if l.Kind == tracker.MailAnswerKind {
				return tracker.MintedLink{URL: "https://t.acme.example/a/" + l.Answer.Value + "/" + url.PathEscape(l.Answer.Label)}, nil
			}
			return tracker.MintedLink{URL: "https://t.acme.example/" + map[string]string{"link": "c", "pixel": "o", "unsubscribe": "u"}[l.Kind] + "/TOKEN"}, nil
		},
		Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.addr)
		},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	t.Cleanup(func() {
		if err := w.post.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) sender(m tracker.MailSender) tracker.MailSender {
	w.t.Helper()
	m.From = "Acme <hola@acme.example>"
	out, err := w.post.SetSender(w.tenant.ID, m)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) publish(yaml string) {
	w.t.Helper()
	if _, err := w.post.Publish(w.tenant.ID, "", []byte(yaml)); err != nil {
		w.t.Fatal(err)
	}
}

const news = `
mail: news
language: en
purpose: marketing
subject: Hello {{ name | friend }}
text: |
  See https://acme.example/a?b=1.
html: <p>Hello {{ name | friend }}, <a href="https://acme.example/a?b=1">see</a></p>
`

// send makes one attempt at a mail.
func (w *world) send(key, template string) tracker.DeliveryResult {
	w.t.Helper()
	body, err := w.post.Prepare(&tracker.MailIntent{Tenant: w.tenant.ID, Key: key, Lead: w.lead.ID, Template: template})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.post.Send(context.Background(), &tracker.Delivery{Tenant: w.tenant.ID, ID: key, Lead: w.lead.ID, Body: body, At: 1})
}

func (w *world) mustSend(key, outcome, detail string) {
	w.t.Helper()
	r := w.send(key, "news")
	for r.Outcome == tracker.OutcomePutOff {
		r = w.send(key, "news")
	}
	if r.Outcome != outcome || !strings.Contains(r.Detail, detail) {
		w.t.Fatalf("%s: %+v, want %s with %q", key, r, outcome, detail)
	}
}

// certificate makes one for a host, and who vouches for it.
func certificate(t *testing.T, host string) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

func TestWaysToTheServer(t *testing.T) {
	cert, roots := certificate(t, "mail.example.org")
	f := func(name, url, password string, cert *tls.Certificate, implicit bool, roots *x509.CertPool, outcome, detail string) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "open sesame", cert, implicit)
			w.post.cfg.roots = roots
			w.sender(tracker.MailSender{URL: url, Password: password})
			w.publish(news)
			w.mustSend("k1", outcome, detail)
			taken := w.box.Taken()
			if (len(taken) == 1) != (outcome == tracker.OutcomeAccepted) {
				t.Fatalf("%d mails came", len(taken))
			}
			if len(taken) == 1 && taken[0].TLS != (cert != nil) {
				t.Errorf("TLS is %v", taken[0].TLS)
			}
		})
	}
	ok, no := tracker.OutcomeAccepted, tracker.OutcomeUnreachable
	f("STARTTLS", "smtp://acme@mail.example.org", "open sesame", cert, false, roots, ok, "")
	f("TLS", "smtps://acme@mail.example.org", "open sesame", cert, true, roots, ok, "")
	f("this machine", "smtp://acme@127.0.0.1:25", "open sesame", nil, false, nil, ok, "")
	f("no STARTTLS", "smtp://acme@mail.example.org", "open sesame", nil, false, nil, no, "no STARTTLS")
	f("unknown certificate", "smtp://acme@mail.example.org", "open sesame", cert, false, nil, no, "no trust")
	f("certificate of another", "smtps://acme@mail.example.net", "open sesame", cert, true, roots, no, "no trust")
	f("wrong password", "smtps://acme@mail.example.org", "sesame", cert, true, roots, no, "user and password")
}

func TestServerThatIsAway(t *testing.T) {
	w := newWorld(t, "", nil, false)
	w.sender(tracker.MailSender{URL: "smtp://127.0.0.1:25"})
	w.publish(news)
	w.addr = "127.0.0.1:1"
	if r := w.send("k1", "news"); r.Outcome != tracker.OutcomeUnreachable || !r.Place {
		t.Fatalf("%+v: want the place's fault", r)
	}
	w.addr = w.box.Addr
	w.mustSend("k1", tracker.OutcomeAccepted, "")
}

// TestConnectionsAreUsedAgain sends over one connection, though it was refused
// in between, and makes another after a cut.
func TestConnectionsAreUsedAgain(t *testing.T) {
	w := newWorld(t, "", nil, false)
	w.sender(tracker.MailSender{URL: "smtp://127.0.0.1:25", Rate: 1000})
	w.publish(news)
	w.mustSend("k1", tracker.OutcomeAccepted, "")
	w.box.Next(451, "4.3.0 later")
	w.mustSend("k2", tracker.OutcomeRefused, "4.3.0")
	w.mustSend("k2", tracker.OutcomeAccepted, "")
	if n := w.box.Conns(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	w.box.Silent(1)
	w.mustSend("k3", tracker.OutcomeUnknown, "no answer came")
	w.mustSend("k3", tracker.OutcomeAccepted, "")
	taken := w.box.Taken()
	if n := w.box.Conns(); n != 2 || len(taken) != 4 {
		t.Errorf("%d connections, %d mails, want 2 and 4", n, len(taken))
	}
	if a, b := taken[2].Header("Message-Id"), taken[3].Header("Message-Id"); a != b || a != "<k3@acme.example>" {
		t.Errorf("a mail that was repeated is %s and %s", a, b)
	}
}

func TestJudge(t *testing.T) {
	f := func(at step, code int, text, want string) {
		t.Helper()
		r, b := judge(at, fmt.Errorf("wrapped: %w", &textproto.Error{Code: code, Msg: text}))
		got := r.Outcome
		for word, is := range map[string]bool{" place": r.Place, " park": r.Park, " end": r.End, " soft": b == softBounce, " hard": b == hardBounce} {
			if is != strings.Contains(want, word) {
				t.Errorf("step %d, %d %s: %+v, bounce %d, want %s", at, code, text, r, b, want)
			}
		}
		if !strings.HasPrefix(want, got) {
			t.Errorf("step %d, %d %s: outcome %s, want %s", at, code, text, got, want)
		}
		if strings.Contains(r.Detail, "ana@") {
			t.Errorf("the detail quotes the server: %s", r.Detail)
		}
	}
	f(toServer, 535, "5.7.8 no", "unreachable place")
	f(toFrom, 550, "5.7.1 not you", "refused place")
	f(toRcpt, 421, "4.7.0 too fast", "refused place")
	f(toRcpt, 450, "4.2.1 greylisted", "refused")
	f(toRcpt, 550, "5.1.1 <ana@example.org> unknown", "refused end hard")
	f(toRcpt, 550, "no such user ana@example.org", "refused end hard")
	f(toRcpt, 550, "5.2.1 disabled", "refused end hard")
	f(toRcpt, 552, "5.2.2 full", "refused end soft")
	f(toRcpt, 552, "full", "refused end soft")
	f(toRcpt, 550, "5.7.1 policy", "refused park")
	f(toEnd, 550, "5.1.1 unknown", "refused end hard")
	f(toEnd, 554, "5.7.1 spam", "refused park")
	f(toEnd, 554, "spam", "refused park")
	f(toEnd, 452, "4.3.1 disk", "refused")
	if r, _ := judge(toEnd, io.EOF); r.Outcome != tracker.OutcomeUnknown {
		t.Errorf("no answer to the last dot: %+v", r)
	}
	if r, _ := judge(toData, errors.New("cut")); r.Outcome != tracker.OutcomeUnreachable || !r.Place {
		t.Errorf("cut before the last dot: %+v", r)
	}
}

func TestSigned(t *testing.T) {
	w := newWorld(t, "", nil, false)
	s := w.sender(tracker.MailSender{URL: "smtp://127.0.0.1:25", Selector: "ripen"})
	w.publish(news)
	w.mustSend("k1", tracker.OutcomeAccepted, "")
	m := w.box.Taken()[0]
	if got := m.Signed(s.Record); got != "good" {
		t.Errorf("DKIM: %s\n%s", got, m.Raw)
	}
	for _, h := range []string{"list-unsubscribe:", "list-unsubscribe-post:", "message-id:", "from:"} {
		if !strings.Contains(strings.ToLower(strings.Join(strings.Fields(m.Header("DKIM-Signature")), "")), strings.TrimSuffix(h, ":")) {
			t.Errorf("%s is not signed: %s", h, m.Header("DKIM-Signature"))
		}
	}
	m.Raw = []byte(strings.Replace(string(m.Raw), "Hello Ana", "Hello Eve", 1))
	if got := m.Signed(s.Record); got == "good" {
		t.Error("a changed mail is taken for a signed one")
	}
}

// TestTurns gives each domain of receivers its own pace, and a mail that waits its
// own turn.
func TestTurns(t *testing.T) {
	p := &Post{turns: map[turnKey]*turns{}}
	f := func(to, id string, now int64, want time.Duration) {
		t.Helper()
		if got := p.turn(tracker.TenantID{1}, to, id, 2, now); got != want {
			t.Errorf("%s for %s at %d waits %s, want %s", id, to, now, got, want)
		}
	}
	f("a@x.es", "1", 1000, 0)
	f("b@X.ES", "2", 1000, 500*time.Millisecond)
	f("c@x.es", "3", 1000, time.Second)
	f("a@y.es", "4", 1000, 0)
	f("b@x.es", "2", 1200, 300*time.Millisecond)
	f("b@x.es", "2", 1500, 0)
	f("d@x.es", "5", 1500, time.Second)
	f("c@x.es", "3", 2000, 0)
	f("e@x.es", "6", 9000, 0)
}

const poll = `
mail: poll
language: en
purpose: marketing
subject: One question
text: |
  Home: {{ answer.home }}
  Office: {{ answer.work }}
html: '<a href="{{ answer.home }}">Home</a> <a href="{{ answer.work }}">Office</a>'
question: {id: use, ask: Where do you make coffee?, attribute: use, choices: {home: At home, work: At work}}
`
