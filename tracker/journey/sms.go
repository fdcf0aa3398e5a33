package journey

import (
	"fmt"
	"regexp"
	"strings"

	"ripen/storage"
	"ripen/tracker"
)

// SMS is the channel of short messages: words that stand in the journey, to a
// destination of the shape of an SMS provider.
const SMS = "sms"

// smsMost is how long a text may be: ten parts of an SMS, as providers join them.
const smsMost = 1530

var (
	blank    = regexp.MustCompile(`\{\{\s*([A-Za-z_][A-Za-z0-9_.]*)\s*\|\s*([^{}]*?)\s*\}\}`)
	leadsOff = regexp.MustCompile(`(?i)://|www\.|\b[a-z0-9-]+\.[a-z]{2,}(/|\?|:\d)`)
)

// checkSMS refuses what an SMS lacks, and its words elsewhere.
func (r *reader) checkSMS(s *Step, n *node) {
	switch {
	case s.Channel == Paper:
	case s.Channel != SMS && (s.To != "" || s.Text != ""):
		r.add(n, "to and text belong to channel: sms", "name a template")
	case s.Channel != SMS:
	case s.Template != "" || s.Tests != nil || s.Pick != nil || s.Bands != nil:
		r.add(n, "an SMS has no template", "write text: the words themselves; branch before it for other words")
	case s.To == "" || s.Text == "":
		r.add(n, "an SMS wants to: and text:", "write message: {channel: sms, to: WEBHOOK, text: \"Hi {{ name | there }}\"}")
	case len(s.Text) > smsMost:
		r.add(n, fmt.Sprintf("the text has %d bytes", len(s.Text)), fmt.Sprintf("at most %d", smsMost))
	case strings.Contains(blank.ReplaceAllString(s.Text, ""), "{{"):
		r.add(n, "the text has a placeholder without a fallback", "write {{ name | friend }}, or {{ name | }} for nothing")
	}
}

// fill puts what is known of a person into a text. What they call themselves leads
// nowhere: a value that looks like an address on the web is left out.
func (p *Person) fill(text string) string {
	return blank.ReplaceAllStringFunc(text, func(s string) string {
		m := blank.FindStringSubmatch(s)
		v := strings.Join(strings.Fields(textOf(p.field(m[1]))), " ")
		if v == "" || leadsOff.MatchString(v) {
			return m[2]
		}
		return string([]rune(v)[:min(len([]rune(v)), 100)])
	})
}

// phoneOf is a person's number in the form +34600111222; empty if there is none.
func phoneOf(l *tracker.Lead) string { return tracker.PhoneNumber(textOf(l.Attributes["phone"])) }

// hush finds out whose numbers get no SMS any more. It is asked before a transaction.
func (e *Engine) hush(t *tracker.Tenant, p *Person) (err error) {
	if number := phoneOf(p.Lead); number != "" && e.cfg.Silent != nil {
		p.silent, err = e.cfg.Silent(t, number)
	}
	return err
}

const noYes = "the person has not said yes to marketing"

// allowed says that a person said yes to what a mail or an SMS of the journey is for.
func (w *walker) allowed() bool {
	return w.j.Service || w.q.Lead.Consent.Of(tracker.Marketing) == tracker.Granted
}

// mayText says why a person gets no SMS; empty if they may.
func (w *walker) mayText() string {
	switch {
	case !w.allowed():
		return noYes
	case phoneOf(w.q.Lead) == "":
		return "the lead has no phone with its country, like +34600111222"
	case w.q.silent != nil && (w.q.silent.All || !w.j.Service):
		return "the number gets no messages any more: " + w.q.silent.Why
	}
	return ""
}

// A reply comes from a number: rows say whose it is since an SMS went there.

const (
	rowPhone  = 'n' // hash16 → lead17 intent
	rowPhones = 'N' // lead17 hash16 → nothing
)

func phoneHash(t *tracker.Tenant, number string) string {
	id := t.PhoneID(number)
	return string(id.Hash[:])
}

// texted remembers whom a number belongs to, and says in the log that an SMS left.
func (w *world) texted(x *Effect, intent string) error {
	hash, id := phoneHash(w.t, phoneOf(x.Person.Lead)), x.Person.Lead.ID
	if err := w.rows.set(nameKey(rowPhone, hash), append(appendLead(nil, id), intent...)); err != nil {
		return err
	}
	if err := w.rows.set(leadKey(rowPhones, id, hash), []byte{}); err != nil {
		return err
	}
	wanted := tracker.Granted.String()
	if x.Journey.Service {
		wanted = tracker.MailTransactional
	}
	return w.saying(id, &setting{
		Time: x.Now, Key: x.Key + "\x00" + x.Cause, Type: "sms_sent",
		Fields: [][2]string{{"message", intent}, {"template", x.Key}, {"wanted", wanted}},
	})
}

// WhoseNumber says to whom an SMS went at a number last, and which it was.
func (e *Engine) WhoseNumber(t *tracker.Tenant, number string) (lead tracker.LeadID, intent string, err error) {
	number = tracker.PhoneNumber(number)
	if number == "" {
		return lead, "", nil
	}
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		b, err := newRows(tx, t.ID).get(nameKey(rowPhone, phoneHash(t, number)))
		if len(b) >= leadLen {
			lead, intent = parseLead(b), string(b[leadLen:])
		}
		return err
	})
	return lead, intent, err
}
