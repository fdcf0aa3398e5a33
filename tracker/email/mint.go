package email

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"ripen/tracker"
)

// MaxLife is how long an address may be good, and with it a key that signs no
// more.
const MaxLife = 1096 * day // three years

const (
	day    = 24 * time.Hour
	maxURL = 2048 // bytes
)

// lives are how long an address is good by default.
var lives = map[purpose]time.Duration{open: 90 * day, click: 365 * day, unsub: MaxLife, ask: 365 * day}

// Mint signs an address under the origin base. What it refuses is a
// [*tracker.Error] that names the field.
func (k *Keys) Mint(t *tracker.Tenant, base string, l tracker.MailLink, now int64) (tracker.MintedLink, error) {
	p, ok := purposes[l.Kind]
	if !ok {
		return tracker.MintedLink{}, invalid("kind", "need link, pixel or unsubscribe")
	}
	c, err := claim(p, l, now)
	if err != nil {
		return tracker.MintedLink{}, err
	}
	key, err := k.signer(t.ID, now)
	if err != nil {
		return tracker.MintedLink{}, err
	}
	token := key.seal(p, &c)
	if len(token) > maxToken {
		return tracker.MintedLink{}, invalid("url", "the whole is too long for an address in a mail: shorten it")
	}
	return tracker.MintedLink{URL: base + "/" + string(p) + "/" + token, Expires: c.expires * 1000}, nil
}

// claim checks what an address is to say.
func claim(p purpose, l tracker.MailLink, now int64) (claims, error) {
	c := claims{
		email: strings.TrimSpace(l.Email), user: strings.TrimSpace(l.UserID), message: l.Message, link: l.Link,
		campaign: l.Campaign, list: l.List, trap: l.Trap,
	}
	switch {
	case c.email == "" && c.user == "":
		return c, invalid("email", "email or user_id is needed: say whom the mail goes to")
	case c.email != "" && !isEmail(c.email):
		return c, invalid("email", "need an address like ana@example.org")
	case c.message == "":
		return c, invalid("message", "need the name of the mail")
	case p == click && l.URL == "":
		return c, invalid("url", "need where the link leads")
	case p != click && (l.URL != "" || l.Link != "" || l.Trap):
		return c, invalid("url", "url, link and trap are of links alone")
	case p == ask && (l.Answer.Survey == "" || l.Answer.Question == "" || l.Answer.Value == ""):
		return c, invalid("answer", "need a survey, its question and a value")
	case p != unsub && l.List != "":
		return c, invalid("list", "is of an unsubscribe alone")
	}
	for _, f := range []struct{ name, v string }{
		{"user_id", c.user}, {"message", c.message}, {"link", c.link}, {"campaign", c.campaign}, {"list", c.list},
	} {
		if !isPlain(f.v) || len(f.v) > tracker.MaxID {
			return c, invalid(f.name, fmt.Sprintf("need at most %d bytes of UTF-8 without control characters", tracker.MaxID))
		}
	}
	if p == click {
		target, err := checkTarget(l.URL)
		if err != nil {
			return c, invalid("url", err.Error())
		}
		c.url = target
	}
	if p == ask {
		c.url = answerText(&l.Answer)
	}
	at := l.Expires
	if at == 0 {
		at = now + lives[p].Milliseconds()
	}
	if at < now+1000 || at > now+MaxLife.Milliseconds() {
		return c, invalid("expires", "need a moment within the next three years")
	}
	c.expires = (at + 999) / 1000
	return c, nil
}

// checkTarget returns where a link may lead: an absolute http or https URL in
// ASCII, other letters of it percent-encoded.
func checkTarget(raw string) (string, error) {
	if len(raw) > maxURL || !utf8.ValidString(raw) {
		return "", fmt.Errorf("need at most %d bytes of UTF-8", maxURL)
	}
	for _, c := range []byte(raw) {
		if c <= ' ' || c == 0x7f || c == '\\' || c == '"' || c == '<' || c == '>' {
			return "", errors.New(`spaces, control characters, \, ", < and > must be percent-encoded`)
		}
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return "", errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("need https:// or http://")
	case u.Opaque != "" || u.Hostname() == "":
		return "", errors.New("need a host")
	case u.User != nil || strings.Contains(u.Host, "@"):
		return "", errors.New("a user name in it is not allowed")
	case strings.ContainsFunc(u.Host, func(c rune) bool { return c >= utf8.RuneSelf }):
		return "", errors.New("write the host in its ASCII form (xn--…)")
	}
	var b strings.Builder
	for _, c := range []byte(raw) {
		if c >= utf8.RuneSelf {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

// isEmail asks for no more than one can be sure of.
func isEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && len(s) <= tracker.MaxID && isPlain(s) && !strings.ContainsAny(s, " \t<>")
}

// isPlain says that a text may stand in a row and in a page.
func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// linkName is what a link is called that has no name: its URL without what may
// say who follows it.
func linkName(raw string) string {
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i]
	}
	return cut(raw, tracker.MaxID)
}

// cut shortens a text to n bytes, on a whole rune, and takes out what a row may
// not hold.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func invalid(field, fix string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_" + field, Detail: field + ": " + fix}
}

func trimmed(b []byte) string { return string(bytes.TrimSpace(b)) }
