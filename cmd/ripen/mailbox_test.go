package main

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ripen/tracker/mail/mailtest"
)

var mailboxes sync.Map // :: smtp:// URL → mailbox

// mailbox is where a mail server keeps what it has taken, the oldest first: ours
// for tests, which can be told what to answer, or that of others.
type mailbox interface{ Taken() []mailtest.Mail }

// cmdMailbox starts a mail server, or tells one how to answer: RCPT TO of an
// address, or the next mail.
//
//	mailbox NAME [ADDRESS|next|silent CODE [TEXT]]
func cmdMailbox(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || neg {
		ts.Fatalf("usage: mailbox NAME [ADDRESS|next|silent CODE [TEXT]]")
	}
	v, ok := mailboxes.Load(ts.Getenv(args[0]))
	if !ok {
		s, err := mailtest.Start("", nil, false)
		ts.Check(err)
		ts.Defer(s.Close)
		mailboxes.Store("smtp://"+s.Addr, s)
		ts.Setenv(args[0], "smtp://"+s.Addr)
		v = s
	}
	if len(args) < 3 {
		return
	}
	code, err := strconv.Atoi(args[2])
	ts.Check(err)
	s, text := v.(*mailtest.Server), strings.Join(args[3:], " ")
	switch args[1] {
	case "next":
		s.Next(code, text)
	case "silent":
		s.Silent(code)
	default:
		s.Refuse(args[1], code, text)
	}
}

// gotMail is a mail as a story sees it.
type gotMail struct {
	To        string `json:"to"`
	From      string `json:"from"`
	Subject   string `json:"subject"`
	ID        string `json:"id"`
	DKIM      string `json:"dkim"`
	Unsub     string `json:"unsub"`
	UnsubPost string `json:"unsub_post"`
	Text      string `json:"text"`
	HTML      string `json:"html"`
}

// cmdMailed waits until a mail server has taken so many mails, prints the last
// one, and fails if there were more. MAIL_LINK, MAIL_PIXEL, MAIL_UNSUB and MAIL_ANSWER are the
// paths of its addresses.
//
//	mailed NAME N [DNS-RECORD]
func cmdMailed(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: mailed NAME N [DNS-RECORD]")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	v, ok := mailboxes.Load(ts.Getenv(args[0]))
	if !ok {
		ts.Fatalf("no mailbox %s", args[0])
	}
	var got []mailtest.Mail
	for end := time.Now().Add(60 * time.Second); len(got) < n; time.Sleep(10 * time.Millisecond) {
		if got = v.(mailbox).Taken(); time.Now().After(end) {
			ts.Fatalf("%d mails came, want %d", len(got), n)
		}
	}
	if len(got) > n {
		ts.Fatalf("%d mails came, want %d", len(got), n)
	}
	if n == 0 {
		return
	}
	last := &got[n-1]
	out := gotMail{
		To: last.To, From: last.Header("From"), ID: last.Header("Message-ID"), DKIM: "not asked",
		Unsub: last.Header("List-Unsubscribe"), UnsubPost: last.Header("List-Unsubscribe-Post"),
	}
	if len(args) > 2 {
		out.DKIM = last.Signed(args[2])
	}
	out.Subject, err = (&mime.WordDecoder{}).DecodeHeader(last.Header("Subject"))
	ts.Check(err)
	ts.Check(out.read(last.Raw))
	for name, kind := range map[string]string{"MAIL_LINK": "/c/", "MAIL_PIXEL": "/o/", "MAIL_UNSUB": "/u/", "MAIL_ANSWER": "/a/"} {
		_, path, has := strings.Cut(out.HTML+" "+out.Unsub, kind)
		if end := strings.IndexAny(path, "\"<>&? "); has && end > 0 {
			ts.Setenv(name, kind+path[:end])
		}
	}
	line := json.NewEncoder(ts.Stdout())
	line.SetEscapeHTML(false)
	ts.Check(line.Encode(out))
}

// read takes a mail of one or two parts apart.
func (m *gotMail) read(raw []byte) error {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	if kind == "text/plain" {
		b, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		m.Text = string(b)
		return err
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		p, err := parts.NextPart() // decodes quoted-printable by itself
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return err
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
			m.HTML = string(b)
		} else {
			m.Text = string(b)
		}
	}
}
