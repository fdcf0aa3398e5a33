package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// linkAsked is one address that a request asks for.
type linkAsked struct {
	Kind     string    `json:"kind"` // link, pixel or unsubscribe
	Email    string    `json:"email"`
	UserID   string    `json:"user_id"`
	Message  string    `json:"message"`
	URL      string    `json:"url"`
	Link     string    `json:"link"`
	Campaign string    `json:"campaign"`
	List     string    `json:"list"`
	Trap     bool      `json:"trap"`
	Expires  time.Time `json:"expires"`
}

// linkJSON is one address, or why there is none.
type linkJSON struct {
	URL     string            `json:"url,omitempty"`
	Expires string            `json:"expires,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // of an unsubscribe: for the mail, under its DKIM signature
	Error   *linkError        `json:"error,omitempty"`
}

type linkError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// mintLinks signs a batch of addresses. One that is refused does not harm its
// neighbours.
func (c *call) mintLinks() error {
	base, err := c.publicURL()
	if err != nil {
		return err
	}
	var body struct {
		Links []json.RawMessage `json:"links"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	if len(body.Links) == 0 || len(body.Links) > tracker.MaxBatch {
		return invalid("links", "need 1 to 2500")
	}
	out := struct {
		Success bool       `json:"success"`
		Links   []linkJSON `json:"links"`
	}{true, make([]linkJSON, len(body.Links))}
	for i, raw := range body.Links {
		err := c.mintLink(base, raw, &out.Links[i])
		e, refused := errors.AsType[*tracker.Error](err)
		switch {
		case refused && e.Kind == tracker.KindInvalid:
			out.Success, out.Links[i].Error = false, &linkError{e.Code, e.Detail}
		case err != nil:
			return err
		}
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) mintLink(base string, raw []byte, out *linkJSON) error {
	var l linkAsked
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return invalid("link", "need a JSON object: "+err.Error())
	}
	asked := tracker.MailLink{
		Kind: l.Kind, Email: l.Email, UserID: l.UserID, Message: l.Message, URL: l.URL, Link: l.Link,
		Campaign: l.Campaign, List: l.List, Trap: l.Trap,
	}
	if !l.Expires.IsZero() {
		asked.Expires = l.Expires.UnixMilli()
	}
	m, err := c.cfg.Mail.Mint(c.tenant, base, asked)
	if err != nil {
		return err
	}
	out.URL, out.Expires = m.URL, Time(m.Expires)
	if l.Kind == tracker.MailUnsubscribeKind {
		out.Headers = map[string]string{"List-Unsubscribe": "<" + m.URL + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
	}
	return nil
}

// mailKeyJSON is a signing key as the admin API shows it: never the key itself.
type mailKeyJSON struct {
	ID      string `json:"id"`
	Created string `json:"created"`
	Signs   bool   `json:"signs"`
	Until   string `json:"until,omitempty"` // what it signed is good no longer
}

func mailKeyToJSON(k tracker.MailKey) mailKeyJSON {
	out := mailKeyJSON{ID: k.ID, Created: Time(k.Created), Signs: k.Until == 0}
	if k.Until != 0 {
		out.Until = Time(k.Until)
	}
	return out
}

func (c *call) mailKeys() error {
	out := []mailKeyJSON{}
	for _, k := range c.cfg.Mail.Keys(c.tenant.ID) {
		out = append(out, mailKeyToJSON(k))
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]any{"keys": out})
	return nil
}

func (c *call) rotateMailKeys() error {
	var body struct {
		OldUntil time.Time `json:"old_until"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	until := int64(0)
	if !body.OldUntil.IsZero() {
		until = body.OldUntil.UnixMilli()
	}
	k, err := c.cfg.Mail.RotateKeys(c.tenant.ID, until)
	if err != nil {
		return err
	}
	c.log.Info("mail keys rotated", "tenant", c.tenant.ID, "key", k.ID)
	JSON(c.ctx, fasthttp.StatusOK, mailKeyToJSON(k))
	return nil
}
