package journey

import (
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Paper is the channel of letters: words that stand in the journey, exported for whoever
// prints and posts them, with a code of their own that leads the person back.
const Paper = "letter"

// lettersMost is how many letters an export holds.
const lettersMost = 10_000

const (
	rowLetter = 'l' // lead17 intent → letterRow
	rowCode   = 'k' // code → tenant8 lead17 intent; the machine's
)

// letterRow is a letter as it is stored: whom it goes to and what it says is asked when
// it is exported. Its fields are only ever added.
type letterRow struct {
	Journey string `json:"j"` // name@version
	Step    string `json:"s"`
	Text    string `json:"x"` // with its blanks
	Link    string `json:"k"` // where the code leads
	Code    string `json:"c"`
	At      int64  `json:"t"`           // unix ms, when it was written
	Batch   int    `json:"b,omitempty"` // 0 = it waits to be exported
}

// checkLetter refuses what a letter lacks, and its words elsewhere.
func (r *reader) checkLetter(s *Step, n *node) {
	u, err := url.Parse(s.Link)
	switch {
	case s.Channel != Paper && s.Link != "":
		r.add(n, "link belongs to channel: letter", "write links into the template")
	case s.Channel != Paper:
	case s.Template != "" || s.Tests != nil || s.Pick != nil || s.Bands != nil || s.To != "":
		r.add(n, "a letter has no template", "write text: the words themselves; branch before it for other words")
	case s.Text == "" || s.Link == "":
		r.add(n, "a letter wants text: and link:", "write message: {channel: letter, text: \"Dear {{ name | customer }}, …\", link: https://acme.example/offer}")
	case err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		r.add(n, "link is "+quoted(s.Link), "write an address like https://acme.example/offer")
	case strings.Contains(blank.ReplaceAllString(s.Text, ""), "{{"):
		r.add(n, "the text has a placeholder without a fallback", "write {{ name | customer }}, or {{ name | }} for nothing")
	}
}

// mayPost says why a person gets no letter; empty if they may.
func (w *walker) mayPost() string {
	if textOf(w.q.field("address")) == "" || textOf(w.q.field("city")) == "" {
		return "the lead has no address: attributes address, postal_code, city, country"
	}
	return ""
}

// A personal code is ten letters and digits that nobody mistakes, and nobody guesses.
const codeLen = 10

var (
	codeText  = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
	codeTyped = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1")
)

// codeOf is the personal code of a letter.
func codeOf(t *tracker.Tenant, intent string) string {
	h := t.Identity.Hash(tracker.UserIdentity, []byte("letter\x00"+intent))
	return codeText.EncodeToString(h[:])[:codeLen]
}

// posted writes a letter down, to be exported.
func (w *world) posted(x *Effect, intent string) error {
	id := x.Person.Lead.ID
	l := letterRow{Journey: x.Journey.FullName(), Step: x.Step.ID, Text: x.Step.Text, Link: x.Step.Link, Code: codeOf(w.t, intent), At: x.Now}
	to := append(appendLead(slices.Clone(w.t.ID[:]), id), intent...)
	return errors.Join(w.rows.setJSON(leadKey(rowLetter, id, intent), &l), newRows(w.rows.tx, tracker.TenantID{}).set(nameKey(rowCode, l.Code), to))
}

// posts is a stored letter with its key.
type posts struct {
	lead   tracker.LeadID
	intent string
	letterRow
}

// letters reads the letters of a batch, 0 for those that wait, and the last batch.
func (r *rows) letters(batch int) (list []posts, last int, err error) {
	err = r.scan([]byte{rowLetter}, func(k, v []byte) error {
		l := posts{lead: parseLead(k[1:]), intent: string(k[1+leadLen:])}
		if err := json.Unmarshal(v, &l.letterRow); err != nil {
			return fmt.Errorf("decode a letter: %w", err)
		}
		if last = max(last, l.Batch); l.Batch == batch && len(list) < lettersMost {
			list = append(list, l)
		}
		return nil
	})
	return list, last, err
}

// Letters returns the letters of a batch, or with 0 those that wait to be exported, as
// what is known of the people now fills them in. base is the tracker's own address.
func (e *Engine) Letters(t *tracker.Tenant, batch int, base string) (out []tracker.Letter, err error) {
	var list []posts
	err = e.db.Meta().View(func(tx *storage.Tx) (err error) {
		list, _, err = newRows(tx, t.ID).letters(batch)
		return err
	})
	if err != nil {
		return nil, err
	}
	return e.write(t, list, base)
}

// write fills letters in. Who is gone, or says no by now, gets none.
func (e *Engine) write(t *tracker.Tenant, list []posts, base string) ([]tracker.Letter, error) {
	out := []tracker.Letter{}
	for i := range list {
		l := &list[i]
		p, err := e.cfg.Person(t, l.lead)
		if err != nil {
			return nil, fmt.Errorf("lead %s: %w", l.lead, err)
		}
		if p == nil {
			continue
		}
		to := map[string]string{}
		for _, name := range tracker.LetterFields {
			if v := textOf(p.field(name)); v != "" {
				to[name] = v
			}
		}
		out = append(out, tracker.Letter{
			Code: l.Code, Link: base + "/l/" + l.Code, Batch: l.Batch, Written: instant(l.At), To: to, Text: p.fill(l.Text),
			Lead: p.Lead.ID.String(), Journey: l.Journey, Step: l.Step,
		})
	}
	return out, nil
}

// ExportLetters makes a batch of the letters that wait, and says in the log that they
// are sent, once. A batch whose answer was lost is asked for again by its number.
func (e *Engine) ExportLetters(t *tracker.Tenant, base string) ([]tracker.Letter, error) {
	e.turning.Lock()
	defer e.turning.Unlock()
	batch := 0
	err := e.cfg.Update(func(tx *storage.Tx) error { // the commit point of a batch
		w := &world{e: e, t: t, rows: newRows(tx, t.ID), now: e.db.Now()}
		list, last, err := w.rows.letters(0)
		if err != nil || len(list) == 0 {
			return err
		}
		batch = last + 1
		for i := range list {
			l := &list[i]
			l.Batch = batch
			err := w.rows.setJSON(leadKey(rowLetter, l.lead, l.intent), &l.letterRow)
			if err == nil {
				err = w.tellLetter(l, tracker.LetterSent, "letter "+l.intent)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || batch == 0 {
		return []tracker.Letter{}, err
	}
	return e.Letters(t, batch, base)
}

// FollowCode takes a personal code that somebody typed or scanned and returns where it
// leads; empty if nowhere. If a person did it the log is told so, once a day.
func (e *Engine) FollowCode(code string, person bool) (link string, err error) {
	code = codeTyped.Replace(strings.ToUpper(code))
	if len(code) != codeLen {
		return "", nil
	}
	err = e.cfg.Update(func(tx *storage.Tx) error { // the commit point of an answer
		b, err := newRows(tx, tracker.TenantID{}).get(nameKey(rowCode, code))
		if err != nil || len(b) < 8+leadLen {
			return err
		}
		l := posts{lead: parseLead(b[8:]), intent: string(b[8+leadLen:])}
		w := &world{e: e, rows: newRows(tx, tracker.TenantID(b[:8])), now: e.db.Now()}
		ok, err := w.rows.getJSON(leadKey(rowLetter, l.lead, l.intent), &l.letterRow)
		if !ok || err != nil {
			return err
		}
		link = campaign(&l.letterRow)
		if !person {
			return nil
		}
		day := time.UnixMilli(w.now).UTC().Format(time.DateOnly)
		return w.tellLetter(&l, tracker.LetterAnswered, "code "+code+" "+day)
	})
	return link, err
}

// tellLetter lets the log say something of a letter, once for a key.
func (w *world) tellLetter(l *posts, typ, key string) error {
	return w.saying(l.lead, &setting{Time: w.now, Key: key, Type: typ, Fields: [][2]string{{"message", l.intent}, {"template", l.Journey + "/" + l.Step}}})
}

// campaign is where a code leads, saying of which campaign it is.
func campaign(l *letterRow) string {
	u, err := url.Parse(l.Link)
	if err != nil { // it was read when it was published
		return l.Link
	}
	name, _, _ := strings.Cut(l.Journey, "@")
	q := u.Query()
	for key, v := range map[string]string{"utm_source": "letter", "utm_medium": "print", "utm_campaign": name} {
		if !q.Has(key) {
			q.Set(key, v)
		}
	}
	u.RawQuery = q.Encode()
	return u.String()
}
