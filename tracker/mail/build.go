package mail

import (
	"bytes"
	"crypto"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	gomail "github.com/wneessen/go-mail"
)

// signedHeaders are under the DKIM signature: RFC 8058 asks for the last two.
var signedHeaders = []string{
	"From", "Reply-To", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Auto-Submitted",
	"List-Unsubscribe", "List-Unsubscribe-Post",
}

// bytes writes a mail as it goes over the wire. The same mail at the same moment
// gives the same bytes.
func (l *letter) bytes(s *sender, id string, at time.Time) ([]byte, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary("ripen_"+id))
	m.FromMailAddress(s.from)
	if err := m.To(l.to); err != nil {
		return nil, err
	}
	m.ReplyToMailAddress(s.reply)
	m.Subject(l.subject)
	m.SetDateWithValue(at)
	m.SetMessageIDWithValue(id + "@" + s.domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	for _, h := range l.headers {
		m.SetGenHeader(gomail.Header(h[0]), h[1])
	}
	m.SetBodyString(gomail.TypeTextPlain, l.text)
	if l.html != "" {
		m.AddAlternativeString(gomail.TypeTextHTML, l.html)
	}
	var plain bytes.Buffer
	if _, err := m.WriteTo(&plain); err != nil {
		return nil, err
	}
	if s.dkim == nil {
		return plain.Bytes(), nil
	}
	var signed bytes.Buffer
	err := dkim.Sign(&signed, &plain, &dkim.SignOptions{
		Domain: s.domain, Selector: s.Selector, Signer: s.dkim, Hash: crypto.SHA256, HeaderKeys: signedHeaders,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	return signed.Bytes(), err
}
