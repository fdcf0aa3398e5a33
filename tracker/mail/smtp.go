package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"ripen/tracker"
)

// Limits of a connection to a mail server.
const (
	dialLimit  = 15 * time.Second // until it may be used
	stepLimit  = 30 * time.Second // for an answer
	dataLimit  = 2 * time.Minute  // for the answer to a whole mail
	idleLimit  = 30 * time.Second
	mailsMost  = 100 // over one connection
	concurrent = 4   // connections at a time, for each tenant
)

// pool is the connections to one mail server.
type pool struct {
	server server
	name   string // that we say is ours
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	roots  *x509.CertPool

	mu     sync.Mutex // guards what follows
	idle   []*conn
	closed bool
}

// conn is one connection, used by one mail at a time.
type conn struct {
	*smtp.Client
	raw  net.Conn
	used int
	last time.Time
}

func newPool(s server, name string, dial func(context.Context, string, string) (net.Conn, error), roots *x509.CertPool) *pool {
	return &pool{server: s, name: name, dial: dial, roots: roots}
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.idle {
		_ = c.Close() // nothing is under way on it
	}
	p.idle = nil
}

// get returns a connection that is ready for a mail.
func (p *pool) get(ctx context.Context) (*conn, error) {
	for {
		p.mu.Lock()
		var c *conn
		if n := len(p.idle); n > 0 {
			c, p.idle = p.idle[n-1], p.idle[:n-1]
		}
		p.mu.Unlock()
		if c == nil {
			return p.open(ctx)
		}
		if time.Since(c.last) < idleLimit && c.used < mailsMost && c.within(stepLimit) == nil && c.Reset() == nil {
			return c, nil
		}
		_ = c.Close() // it has become useless meanwhile
	}
}

// put gives a connection back.
func (p *pool) put(c *conn) {
	c.used++
	c.last = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) >= concurrent {
		_ = c.Close()
		return
	}
	p.idle = append(p.idle, c)
}

func (c *conn) within(d time.Duration) error { return c.raw.SetDeadline(time.Now().Add(d)) }

var errPlain = errors.New("it offers no STARTTLS: a mail does not go there in the clear")

var errNoAuth = errors.New("it offers no way to log in that is known here (SCRAM-SHA-256, PLAIN, LOGIN)")

// open makes a connection: TLS, then the login.
func (p *pool) open(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	s := &p.server
	raw, err := p.dial(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil {
		return nil, err
	}
	c := &conn{raw: raw}
	if err = c.within(dialLimit); err == nil {
		err = p.greet(c)
	}
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return c, nil
}

func (p *pool) greet(c *conn) (err error) {
	s := &p.server
	secure := &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: p.roots}
	line := c.raw
	if s.tls {
		line = tls.Client(c.raw, secure)
	}
	if c.Client, err = smtp.NewClient(line, s.host); err != nil {
		return err
	}
	if err = c.Hello(p.name); err != nil {
		return err
	}
	if offers, _ := c.Extension("STARTTLS"); !s.tls && (offers && !s.isLocal()) {
		err = c.StartTLS(secure)
	} else if !s.tls && !s.isLocal() {
		err = errPlain
	}
	if err != nil || s.user == "" {
		return err
	}
	_, ways := c.Extension("AUTH")
	has := func(way string) bool { return strings.Contains(" "+strings.ToUpper(ways)+" ", " "+way+" ") }
	switch {
	case has("SCRAM-SHA-256"):
		return c.Auth(smtp.ScramSHA256Auth(s.user, s.password))
	case has("PLAIN"):
		return c.Auth(smtp.PlainAuth("", s.user, s.password, s.host, s.isLocal()))
	case has("LOGIN"):
		return c.Auth(smtp.LoginAuth(s.user, s.password, s.host, s.isLocal()))
	}
	return errNoAuth
}

// step is how far a mail came.
type step byte

const (
	toServer step = iota // the connection, the greeting, the login
	toFrom               // MAIL FROM
	toRcpt               // RCPT TO
	toData               // DATA, and the mail up to its last dot
	toEnd                // the last dot was sent
)

// sendMail makes one attempt; what was sent when err came is said by the step.
func (p *pool) sendMail(ctx context.Context, from, to string, mail []byte) (step, error) {
	c, err := p.get(ctx)
	if err != nil {
		return toServer, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	at, err := c.send(from, to, mail)
	_, answered := errors.AsType[*textproto.Error](err)
	if !stop() || err != nil && !answered {
		_ = c.Close() // who knows where it stands
		return at, err
	}
	p.put(c)
	return at, err
}

func (c *conn) send(from, to string, mail []byte) (at step, err error) {
	if err = c.within(stepLimit); err == nil {
		err = c.Mail(from)
	}
	if err != nil {
		return toFrom, err
	}
	if err = c.Rcpt(to); err != nil {
		return toRcpt, err
	}
	w, err := c.Data()
	if err != nil {
		return toData, err
	}
	if err = c.within(dataLimit); err == nil {
		_, err = w.Write(mail)
	}
	if err != nil {
		return toData, err
	}
	return toEnd, w.Close()
}

// bounce says what a refusal says of an address.
type bounce byte

const (
	noBounce bounce = iota
	softBounce
	hardBounce
)

var enhanced = regexp.MustCompile(`^([245])\.(\d{1,3})\.(\d{1,3})\b`)

// judge says what an attempt's end means. Details quote the server's number, not
// its words, which may hold the address.
func judge(at step, err error) (tracker.DeliveryResult, bounce) {
	if err == nil {
		return tracker.DeliveryResult{Outcome: tracker.OutcomeAccepted, Status: 250}, noBounce
	}
	said, answered := errors.AsType[*textproto.Error](err)
	if !answered {
		return broken(at, err), noBounce
	}
	r := tracker.DeliveryResult{Outcome: tracker.OutcomeRefused, Status: said.Code}
	code := ""
	if m := enhanced.FindStringSubmatch(said.Msg); m != nil {
		code = m[2] + "." + m[3]
		r.Detail = "the server answers " + m[0]
	}
	switch {
	case at == toServer:
		r.Outcome, r.Place, r.Detail = tracker.OutcomeUnreachable, true, "the mail server refuses us: look at the sender's user and password"
	case at == toFrom || said.Code == 421:
		r.Place = true
	case said.Code/100 != 5:
	case strings.HasPrefix(code, "1.") || code == "2.1" || at == toRcpt && code == "" && said.Code != 552:
		r.End, r.Detail = true, "the address does not exist: it bounced"
		return r, hardBounce
	case code == "2.2" || at == toRcpt && said.Code == 552:
		r.End, r.Detail = true, "the mailbox is full: it bounced"
		return r, softBounce
	default:
		r.Park = true
		if r.Detail == "" {
			r.Detail = "the server refuses this mail for good"
		}
	}
	return r, noBounce
}

// broken says what an end without an answer means.
func broken(at step, err error) tracker.DeliveryResult {
	r := tracker.DeliveryResult{Outcome: tracker.OutcomeUnreachable, Place: true, Detail: "the connection to the mail server broke"}
	var dns *net.DNSError
	switch {
	case at == toEnd:
		r.Outcome, r.Detail = tracker.OutcomeUnknown, "the mail was sent whole, and no answer came"
	case errors.Is(err, errPlain):
		r.Detail = "the mail server: " + errPlain.Error()
	case errors.Is(err, errNoAuth):
		r.Detail = "the mail server: " + errNoAuth.Error()
	case errors.As(err, &dns):
		r.Detail = "the mail server's name is not known"
	case strings.Contains(err.Error(), "--webhook-allow"):
		r.Detail = "the mail server's address is not on the public internet: the server's --webhook-allow must name it"
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		r.Detail = "no trust: the mail server's certificate or handshake was no good"
	case at == toServer:
		r.Detail = "no connection to the mail server"
	}
	return r
}
