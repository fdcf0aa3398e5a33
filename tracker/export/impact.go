package export

import (
	"cmp"
	"slices"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// touchJSON is one message that a person got, and what they made of it.
type touchJSON struct {
	Message      string `json:"message"`
	Time         string `json:"time"`
	Channel      string `json:"channel"` // email, sms, onsite, letter
	Template     string `json:"template,omitempty"`
	Purpose      string `json:"purpose,omitempty"`
	Wanted       string `json:"wanted"` // granted, transactional, or unknown: another system sent it, or nobody asked
	Opened       bool   `json:"opened"`
	Answered     bool   `json:"answered"` // clicked, replied, pressed, a question answered, by a person
	Bounced      bool   `json:"bounced,omitempty"`
	Complained   bool   `json:"complained,omitempty"`
	Unsubscribed bool   `json:"unsubscribed,omitempty"`

	at int64
}

// impactJSON is what was sent to a person, how much of it they wanted, and how
// much they answered.
type impactJSON struct {
	Lead         string       `json:"lead"`
	Sent         int          `json:"sent"`
	Wanted       int          `json:"wanted"`
	Opened       int          `json:"opened"`
	Answered     int          `json:"answered"`
	Bounced      int          `json:"bounced"`
	Complaints   int          `json:"complaints"`
	Unsubscribes int          `json:"unsubscribes"`
	Touches      []*touchJSON `json:"touches"` // the latest first
}

// impactPage is how many events are read at a time.
const impactPage = 1000

// impact answers the impact ledger of a person: it is drawn from the timeline
// alone, so it says what any system said that sent them something.
func (c *call) impact() error {
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	out := impactJSON{Touches: []*touchJSON{}}
	touches := map[string]*touchJSON{}
	for after := ""; ; {
		page, err := st.Timeline(c.caller, c.tenant.ID, c.name, after, impactPage, true) // pages seal which message it was
		if err != nil {
			return err
		}
		out.Lead = page.Lead.String()
		for i := range page.Events {
			out.take(touches, &page.Events[i])
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for _, t := range touches {
		if t.at != 0 { // what was never said to be sent counts nowhere
			out.Touches = append(out.Touches, t)
		}
	}
	slices.SortFunc(out.Touches, func(a, b *touchJSON) int { return int(b.at - a.at) })
	out.count()
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

// take files what an event says of a message.
func (o *impactJSON) take(touches map[string]*touchJSON, e *tracker.Event) {
	text := func(name string) string {
		v, _ := e.Find(name)
		return string(v.Str)
	}
	message := text("message")
	if string(e.Type) == "unsubscribe" {
		o.Unsubscribes++
	}
	if message == "" {
		return
	}
	t := touches[message]
	if t == nil {
		t = &touchJSON{Message: message, Channel: "email", Wanted: "unknown"}
		touches[message] = t
	}
	person := e.Machine == tracker.Human
	switch string(e.Type) {
	case "email_sent":
		t.left(e, t.Channel, text("template"))
		t.Purpose, t.Wanted = text("purpose"), cmp.Or(text("wanted"), t.Wanted)
	case "sms_sent":
		t.left(e, "sms", text("template"))
		t.Wanted = cmp.Or(text("wanted"), t.Wanted)
	case tracker.LetterSent:
		t.left(e, "letter", text("template"))
	case tracker.LetterAnswered:
		t.Answered = true
	case tracker.SMSReplied:
		t.Answered, t.Unsubscribed = t.Answered || person, t.Unsubscribed || text("type") == tracker.ReplyStop
	case tracker.OnsiteShown, tracker.SurveyOpened, tracker.ChatOpened, tracker.OnsiteClicked, tracker.SurveyAnswered,
		tracker.ChatAnswered, tracker.ChatMessage, tracker.ChatHandoff:
		t.onSite(e, text("template"))
	case "email_open":
		t.Opened = t.Opened || person || e.Machine == tracker.Proxy
	case "email_click":
		t.Answered = t.Answered || person
	case "email_bounce":
		t.Bounced = true
	case "email_complaint":
		t.Complained = true
	case "unsubscribe":
		t.Unsubscribed = true
	}
}

// left files that the message left, or was shown.
func (t *touchJSON) left(e *tracker.Event, channel, template string) {
	t.at, t.Time, t.Channel, t.Template = e.Time, Time(e.Time), channel, template
}

// onSite files what an event says of a message on the site. It was wanted if the person
// allowed marketing when it was shown; a chat is, too, by who opens it. Pages tell this,
// so what a machine did is left out.
func (t *touchJSON) onSite(e *tracker.Event, template string) {
	if e.Machine != tracker.Human || e.OffOrigin {
		return
	}
	granted := e.Consent.Of(tracker.Marketing) == tracker.Granted
	switch string(e.Type) {
	case tracker.OnsiteShown:
		t.left(e, "onsite", template)
	case tracker.ChatOpened:
		t.Opened, granted = true, true
	case tracker.SurveyOpened:
		t.Opened, granted = true, false
	default:
		t.Opened, t.Answered, granted = true, true, false
	}
	if granted {
		t.Wanted = tracker.Granted.String()
	}
}

func (o *impactJSON) count() {
	add := func(n *int, is bool) {
		if is {
			*n++
		}
	}
	for _, t := range o.Touches {
		o.Sent++
		add(&o.Wanted, t.Wanted != "unknown")
		add(&o.Opened, t.Opened)
		add(&o.Answered, t.Answered)
		add(&o.Bounced, t.Bounced)
		add(&o.Complaints, t.Complained)
	}
}
