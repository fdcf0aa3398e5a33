package export

import (
	"cmp"
	"context"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// DeadLetters keeps the events of a tenant that were refused for good.
type DeadLetters interface {
	// List returns letters without their texts, newest first, from before an id
	// on, of one code if it is named.
	List(id tracker.TenantID, before, code string, limit int) ([]tracker.DeadLetter, error)
	// Get returns one letter with its text.
	Get(id tracker.TenantID, name string) (tracker.DeadLetter, error)
	// Fix puts another text in the place of the letter's.
	Fix(id tracker.TenantID, name string, text []byte) error
	// Replay takes a letter's event as if it came when it was refused; one that
	// is taken is no letter any more.
	Replay(ctx context.Context, id tracker.TenantID, name string) (tracker.Verdict, error)
}

type deadLetterJSON struct {
	ID       string `json:"id"`
	Received string `json:"received"`
	Source   string `json:"source"`
	Protocol string `json:"protocol"`
	Kind     string `json:"type,omitempty"`  // that the path named
	Query    bool   `json:"query,omitempty"` // the text is the query of a picture
	Code     string `json:"code"`
	Subject  string `json:"subject,omitempty"`
	Erased   bool   `json:"erased,omitempty"`
	Text     string `json:"text,omitempty"`
	Base64   []byte `json:"text_base64,omitempty"` // a text that is not UTF-8
}

func (c *call) deadLetterJSON(d *tracker.DeadLetter) deadLetterJSON {
	out := deadLetterJSON{
		ID: d.ID, Received: Time(d.Received), Protocol: d.Protocol, Kind: d.Kind, Query: d.Query, Code: d.Code, Erased: d.Erased,
	}
	if !d.Subject.IsZero() {
		out.Subject = d.Subject.String()
	}
	for _, s := range c.cfg.Registry.Sources(c.tenant.ID) {
		if s.ID == d.Source {
			out.Source = s.Name
		}
	}
	if utf8.Valid(d.Text) {
		out.Text = string(d.Text)
	} else {
		out.Base64 = d.Text
	}
	return out
}

func (c *call) deadLetters() error {
	limit := cmp.Or(c.limit(), defaultRows)
	if c.err != nil {
		return c.err
	}
	list, err := c.cfg.DeadLetters.List(c.tenant.ID, c.text("before"), c.text("code"), limit)
	if err != nil {
		return err
	}
	out := struct {
		Letters []deadLetterJSON `json:"deadletters"`
		Next    string           `json:"next,omitempty"`
	}{Letters: []deadLetterJSON{}}
	for i := range list {
		out.Letters = append(out.Letters, c.deadLetterJSON(&list[i]))
	}
	if len(list) == limit {
		out.Next = list[limit-1].ID
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) deadLetter() error {
	d, err := c.cfg.DeadLetters.Get(c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, c.deadLetterJSON(&d))
	return nil
}

func (c *call) fixDeadLetter() error {
	if err := c.cfg.DeadLetters.Fix(c.tenant.ID, c.name, c.ctx.PostBody()); err != nil {
		return err
	}
	return c.deadLetter()
}

func (c *call) replayDeadLetter() error {
	v, err := c.cfg.DeadLetters.Replay(c.cfg.Life, c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, map[string]string{"messageId": v.MessageID, "status": v.Status.String(), "code": v.Code, "detail": v.Detail})
	return nil
}
