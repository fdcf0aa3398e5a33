// Package mailtest is a mail server for tests: it remembers what it takes, and
// refuses, or falls silent, when it is told to. Nothing of it is in the product.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/mail"
	"sync"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Mail is one that was taken.
type Mail struct {
	From, To string // of the envelope
	Raw      []byte
	TLS      bool
	Conn     int // which connection it came over, from 1
}

// Header reads a header.
func (m *Mail) Header(name string) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return "unreadable: " + err.Error()
	}
	return parsed.Header.Get(name)
}

// Signed says whether a key that the DNS record holds signed the mail: good,
// none, or what is wrong.
func (m *Mail) Signed(record string) string {
	list, err := dkim.VerifyWithOptions(bytes.NewReader(m.Raw), &dkim.VerifyOptions{
		LookupTXT: func(string) ([]string, error) { return []string{record}, nil },
	})
	switch {
	case err != nil:
		return err.Error()
	case len(list) == 0:
		return "none"
	case list[0].Err != nil:
		return list[0].Err.Error()
	}
	return "good"
}

// Server is a mail server on 127.0.0.1.
type Server struct {
	Addr string

	smtp     *smtp.Server
	password string

	mu     sync.Mutex // guards what follows
	taken  []Mail
	refuse map[string]*smtp.SMTPError // :: receiver → answer to RCPT TO
	next   []*smtp.SMTPError          // answers to the next mails; nil = it is taken
	silent int                        // so many next mails are taken, and the line is cut
	conns  int
}

// Start starts a server. With a password its users must log in; with a
// certificate it offers STARTTLS, or with implicit it speaks TLS at once.
func Start(password string, cert *tls.Certificate, implicit bool) (*Server, error) {
	s := &Server{password: password, refuse: map[string]*smtp.SMTPError{}}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns++
		return &session{s: s, c: c, conn: s.conns}, nil
	}))
	s.smtp.Domain, s.smtp.AllowInsecureAuth = "mail.example.org", true
	s.smtp.ErrorLog = quiet{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.Addr = l.Addr().String()
	if cert != nil {
		s.smtp.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}}
		if implicit {
			l = tls.NewListener(l, s.smtp.TLSConfig)
		}
	}
	go func() { _ = s.smtp.Serve(l) }() // until Close
	return s, nil
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Close ends the server.
func (s *Server) Close() { _ = s.smtp.Close() }

// Taken returns the mails that were taken so far, those of which the sender was
// told nothing included.
func (s *Server) Taken() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.taken...)
}

// Conns is how many connections came.
func (s *Server) Conns() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns
}

func answer(code int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// Refuse lets the server answer RCPT TO of an address so; 0 takes that back.
func (s *Server) Refuse(to string, code int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse[to] = answer(code, text); code == 0 {
		delete(s.refuse, to)
	}
}

// Next lets the server answer the next mail so, after its last dot.
func (s *Server) Next(code int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, answer(code, text))
}

// Silent lets the server take the next n mails and cut the line instead of
// saying so.
func (s *Server) Silent(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = n
}

// session is one connection's.
type session struct {
	s        *Server
	c        *smtp.Conn
	conn     int
	loggedIn bool
	from, to string
}

func (x *session) AuthMechanisms() []string {
	if x.s.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (x *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		if x.loggedIn = password == x.s.password; !x.loggedIn {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (x *session) Reset() { x.from, x.to = "", "" }

func (x *session) Logout() error { return nil }

func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	if x.s.password != "" && !x.loggedIn {
		return smtp.ErrAuthRequired
	}
	x.from = from
	return nil
}

func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if e := x.s.refuse[to]; e != nil {
		return e
	}
	x.to = to
	return nil
}

func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if len(x.s.next) > 0 {
		e := x.s.next[0]
		x.s.next = x.s.next[1:]
		return e
	}
	_, secure := x.c.TLSConnectionState()
	x.s.taken = append(x.s.taken, Mail{From: x.from, To: x.to, Raw: raw, TLS: secure, Conn: x.conn})
	if x.s.silent > 0 {
		x.s.silent--
		return errors.Join(x.c.Conn().Close(), errors.New("silent"))
	}
	return nil
}
