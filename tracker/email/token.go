package email

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"ripen/tracker"
)

// A token is what stands behind /o/, /c/, /u/ or /a/:
//
//	token   = base64url(key id:4 tag:16 sealed)
//	claims  = version:1 flags:1 expires:uvarint string*
//	string  = length:uvarint bytes          one for each flag, in order
//
// tag is HMAC-SHA256, cut to 128 bits, of the purpose, the tenant and the
// claims; sealed is the claims under AES-256-CTR with the tag as its start
// (the SIV construction). So nobody can make or change one, or take it for
// another purpose or tenant, and an address in a mail shows nobody's e-mail.
// The same claims give the same token.
const (
	tokenVersion = 1
	keyIDLen     = 4
	tagLen       = 16
	maxToken     = 4096 // bytes of text that are looked at
)

// purpose is what a token is good for, and the letter of its path.
type purpose byte

const (
	open  purpose = 'o'
	click purpose = 'c'
	unsub purpose = 'u'
	ask   purpose = 'a'
)

// purposes maps the kinds of tracker.MailLink.
var purposes = map[string]purpose{
	tracker.MailPixelKind: open, tracker.MailLinkKind: click, tracker.MailUnsubscribeKind: unsub, tracker.MailAnswerKind: ask,
}

// claims are what a token says.
type claims struct {
	expires int64 // unix seconds
	trap    bool

	// Of an answer, url is what [answerText] writes.
	email, user, message, link, url, campaign, list string
}

const flagTrap = 1 << 7

// strings lists the claims that are text, in the order of their flags.
func (c *claims) strings() [7]*string {
	return [7]*string{&c.email, &c.user, &c.message, &c.link, &c.url, &c.campaign, &c.list}
}

func (c *claims) append(dst []byte) []byte {
	dst = append(dst, tokenVersion, 0)
	flags := len(dst) - 1
	if c.trap {
		dst[flags] |= flagTrap
	}
	dst = binary.AppendUvarint(dst, uint64(c.expires))
	for i, s := range c.strings() {
		if *s != "" {
			dst[flags] |= 1 << i
			dst = binary.AppendUvarint(dst, uint64(len(*s)))
			dst = append(dst, *s...)
		}
	}
	return dst
}

var errClaims = errors.New("decode claims: they do not end where they should")

// readClaims is the inverse of append, and takes nothing that append does not
// write.
func readClaims(b []byte) (c claims, err error) {
	if len(b) < 3 || b[0] != tokenVersion {
		return claims{}, errClaims
	}
	flags := b[1]
	c.trap = flags&flagTrap != 0
	n, b, err := uvarint(b[2:])
	if err != nil || n > 1<<40 {
		return claims{}, errClaims
	}
	c.expires = int64(n)
	for i, s := range c.strings() {
		if flags&(1<<i) == 0 {
			continue
		}
		if n, b, err = uvarint(b); err != nil || n == 0 || n > uint64(len(b)) {
			return claims{}, errClaims
		}
		*s, b = string(b[:n]), b[n:]
	}
	if len(b) != 0 {
		return claims{}, errClaims
	}
	return c, nil
}

// uvarint reads a number in its shortest form.
func uvarint(b []byte) (v uint64, rest []byte, err error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, errClaims
	}
	return v, b[n:], nil
}

var tokenText = base64.RawURLEncoding

// seal makes the token of some claims.
func (k *key) seal(p purpose, c *claims) string {
	plain := c.append(make([]byte, 0, 256))
	b := make([]byte, keyIDLen+tagLen+len(plain))
	copy(b, k.id[:])
	tag := k.tag(p, plain)
	copy(b[keyIDLen:], tag[:])
	cipher.NewCTR(k.block, tag[:]).XORKeyStream(b[keyIDLen+tagLen:], plain)
	return tokenText.EncodeToString(b)
}

// tag signs claims for one purpose and the key's tenant.
func (k *key) tag(p purpose, plain []byte) (tag [tagLen]byte) {
	h := hmac.New(sha256.New, k.sign)
	h.Write([]byte{byte(p)})
	h.Write(k.tenant[:])
	h.Write(plain)
	copy(tag[:], h.Sum(nil))
	return tag
}

// errToken is all that a stranger learns about a token that is not good.
var errToken = errors.New("the token is not good")

// open reads a token and says whose it is; now is unix milliseconds.
func (k *Keys) open(p purpose, token string, now int64) (tracker.TenantID, claims, error) {
	if len(token) > maxToken {
		return tracker.TenantID{}, claims{}, errToken
	}
	b, err := tokenText.DecodeString(token)
	if err != nil || len(b) < keyIDLen+tagLen || tokenText.EncodeToString(b) != token { // one spelling
		return tracker.TenantID{}, claims{}, errToken
	}
	key := k.now.Load().ids[[keyIDLen]byte(b)]
	if key == nil || key.until != 0 && now >= key.until {
		return tracker.TenantID{}, claims{}, errToken
	}
	tag, plain := b[keyIDLen:keyIDLen+tagLen], b[keyIDLen+tagLen:]
	cipher.NewCTR(key.block, tag).XORKeyStream(plain, plain)
	if want := key.tag(p, plain); subtle.ConstantTimeCompare(tag, want[:]) != 1 {
		return tracker.TenantID{}, claims{}, errToken
	}
	c, err := readClaims(plain)
	if err != nil || now/1000 >= c.expires {
		return tracker.TenantID{}, claims{}, errToken
	}
	return key.tenant, c, nil
}
