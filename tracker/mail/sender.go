package mail

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"strings"

	"ripen/storage"
	"ripen/tracker"
)

// sender is a tenant's sender, ready for use. It is never changed.
type sender struct {
	tracker.MailSender
	from, reply *netmail.Address
	domain      string // of From
	server      server
	dkim        *rsa.PrivateKey // nil = mails are not signed
	pool        *pool
}

// server is where a sender's mails go.
type server struct {
	host, port     string
	tls            bool // from the first byte
	user, password string
}

// defaultRate is how many mails a second one domain of receivers gets.
const defaultRate = 10

var errNoSender error = &tracker.Error{Kind: tracker.KindConflict, Code: "no_sender", Detail: "the tenant has no sender: 'ripen mail sender --help' says how to declare through which server and as whom its mails leave"}

// Sender returns a tenant's sender.
func (p *Post) Sender(tenant tracker.TenantID) (tracker.MailSender, error) {
	s, err := p.sender(tenant)
	if err != nil {
		return tracker.MailSender{}, err
	}
	return s.MailSender, nil
}

// SetSender declares through which server and as whom a tenant's mails leave. An
// empty password or DKIM key leaves what there was; a selector without a key
// gets a new one.
func (p *Post) SetSender(tenant tracker.TenantID, m tracker.MailSender) (tracker.MailSender, error) {
	old, err := p.sender(tenant)
	if err != nil && !errors.Is(err, errNoSender) {
		return m, err
	}
	if old != nil {
		m.Password, m.Key = cmp.Or(m.Password, old.Password), cmp.Or(m.Key, old.Key)
	}
	m.Created = p.db.Now()
	if m.Selector == "" {
		m.Key = ""
	} else if m.Key == "" {
		if m.Key, err = newDKIM(); err != nil {
			return m, err
		}
	}
	s, err := p.open(m)
	if err != nil {
		return m, err
	}
	err = p.meta.Update(func(tx *storage.Tx) error { return rows{tx, tenant}.put([]byte{rowSender}, s.MailSender) })
	if err != nil {
		return m, fmt.Errorf("save sender: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if was := p.senders[tenant]; was != nil {
		was.pool.close()
	}
	p.senders[tenant] = s
	return s.MailSender, nil
}

// sender returns a tenant's sender, read from meta/ the first time.
func (p *Post) sender(tenant tracker.TenantID) (*sender, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.senders[tenant]; s != nil {
		return s, nil
	}
	var b []byte
	err := p.meta.View(func(tx *storage.Tx) (err error) {
		b, err = rows{tx, tenant}.get([]byte{rowSender})
		return err
	})
	if err != nil {
		return nil, err
	}
	if b == nil {
		return nil, errNoSender
	}
	var m tracker.MailSender
	if err := json.Unmarshal(b, &m); err != nil {
		return nil, fmt.Errorf("decode sender: %w", err)
	}
	s, err := p.open(m)
	if err == nil {
		p.senders[tenant] = s
	}
	return s, err
}

// open checks a sender and makes it ready.
func (p *Post) open(m tracker.MailSender) (s *sender, err error) {
	s = &sender{MailSender: m}
	if s.server, err = parseServer(m.URL, m.Password); err != nil {
		return nil, err
	}
	if s.from, err = address("from", m.From); err != nil {
		return nil, err
	}
	s.reply = s.from
	if m.ReplyTo != "" {
		if s.reply, err = address("reply_to", m.ReplyTo); err != nil {
			return nil, err
		}
	}
	s.domain = s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
	if m.Rate < 0 || m.Rate > 1000 {
		return nil, invalid("rate", "need 0 to 1000 mails a second to one domain; 0 = 10")
	}
	s.Rate = cmp.Or(m.Rate, defaultRate)
	if m.Selector != "" {
		if !isSlug.MatchString(m.Selector) {
			return nil, invalid("selector", "need a word of a-z, 0-9, - and _, like ripen")
		}
		if s.dkim, s.Record, err = readDKIM(m.Key); err != nil {
			return nil, err
		}
	}
	s.pool = newPool(s.server, s.domain, p.cfg.Dial, p.cfg.roots)
	return s, nil
}

// address reads an address with or without a name.
func address(field, text string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(text)
	if err != nil || !isAddress(a.Address) {
		return nil, invalid(field, "need an address like Acme <hola@acme.es>")
	}
	a.Name = line(a.Name)
	return a, nil
}

// isAddress says that an address can stand in SMTP as it is: ASCII, one @, no
// space, nothing that must be quoted.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > 64 || at == len(s)-1 || len(s) > 254 {
		return false
	}
	return !strings.ContainsFunc(s[:at], func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),:;<>@[\]`, c) }) &&
		!strings.ContainsFunc(s[at+1:], func(c rune) bool {
			return c != '-' && c != '.' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
		})
}

func parseServer(text, password string) (s server, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return s, invalid("url", "need a mail server like smtp://user@mail.acme.es:587 or smtps://user@mail.acme.es")
	}
	s = server{host: u.Hostname(), port: u.Port(), user: u.User.Username(), password: password}
	if _, has := u.User.Password(); has {
		return s, invalid("url", "a password does not belong into it: give it by RIPEN_SMTP_PASSWORD, or as password")
	}
	switch u.Scheme {
	case "smtps":
		s.tls, s.port = true, cmp.Or(s.port, "465")
	case "smtp":
		s.port = cmp.Or(s.port, "587")
	default:
		return s, invalid("url", "need smtp:// (with STARTTLS) or smtps:// (TLS from the first byte)")
	}
	return s, nil
}

// isLocal says that a server is this very machine, by its address: nobody can
// listen on the way there.
func (s *server) isLocal() bool {
	ip := net.ParseIP(s.host)
	return ip != nil && ip.IsLoopback()
}

// newDKIM makes a key to sign mails with. RSA: not every receiver knows Ed25519.
func newDKIM() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	b, err := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b})), err
}

// readDKIM reads a key and says what the DNS must say of it.
func readDKIM(text string) (*rsa.PrivateKey, string, error) {
	bad := invalid("key", "need an RSA key of at least 2048 bits in PEM (PKCS #8 or PKCS #1)")
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, "", bad
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		if parsed, err = x509.ParsePKCS1PrivateKey(block.Bytes); err != nil {
			return nil, "", bad
		}
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || key.N.BitLen() < 2048 {
		return nil, "", bad
	}
	pub, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	return key, "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(pub), err
}
