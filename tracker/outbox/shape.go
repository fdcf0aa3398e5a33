package outbox

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ripen/tracker"
)

// A destination of a shape is another's API: it is told the same, in its words, and
// by whom in its way (Basic or Bearer). It reads no signature of ours.

// request is what one attempt sends.
type request struct {
	method, url, kind string
	body              []byte
}

// said is what shapes read of a body.
type said struct {
	Type string `json:"type"`
	Data struct {
		Phone   string            `json:"phone"`
		Text    string            `json:"text"`
		Journey string            `json:"journey"`
		Step    string            `json:"step"`
		Queue   string            `json:"queue"`
		Lead    leadSaid          `json:"lead"`
		Links   map[string]string `json:"links"`
	} `json:"data"`
}

type leadSaid struct {
	ID         string         `json:"id"`
	Email      string         `json:"email"`
	Score      *int           `json:"score"`
	Grade      string         `json:"grade"`
	Band       string         `json:"band"`
	Attributes map[string]any `json:"attributes"`
	Reasons    []struct {
		Why   string `json:"why"`
		Share int64  `json:"share"`
	} `json:"reasons"`
}

// shapes are how destinations of a kind are asked; a why says that nothing can be.
var shapes = map[string]func(h *tracker.Webhook, s *said) (r request, why string){
	tracker.ShapeTwilio: twilio, tracker.ShapeSlack: slack, tracker.ShapeContact: contact,
}

// checkShape refuses a destination that lacks what its shape needs.
func checkShape(h *tracker.Webhook) error {
	switch {
	case h.Shape == "" && (h.Auth != "" || h.From != ""):
		return invalid("shape", "auth and from are of a shape: say which")
	case h.Shape != "" && shapes[h.Shape] == nil:
		return invalid("shape", "need one of "+strings.Join(slices.Sorted(maps.Keys(shapes)), ", ")+", or nothing for signed JSON")
	case h.Shape == tracker.ShapeTwilio && (!strings.Contains(h.Auth, ":") || h.From == ""):
		return invalid("auth", "twilio needs auth, the account's SID:TOKEN, and from, the number or the messaging service that writes")
	case len(h.Auth) > 500 || len(h.From) > 64 || strings.ContainsFunc(h.Auth+h.From, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return invalid("auth", "need at most 500 bytes without control characters, and from at most 64")
	}
	return nil
}

// shaped makes the request of a destination of a shape.
func shaped(d *delivery) (r request, why string) {
	var s said
	if err := json.Unmarshal(d.body, &s); err != nil {
		return r, "what is to be said cannot be read"
	}
	return shapes[d.hook.Shape](d.hook, &s)
}

// authorization says who asks: a password in two parts is Basic, one is Bearer.
func authorization(auth string) string {
	if strings.Contains(auth, ":") {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(auth))
	}
	return "Bearer " + auth
}

// twilio is an SMS, as Twilio's Messages resource takes it.
func twilio(h *tracker.Webhook, s *said) (request, string) {
	if s.Data.Phone == "" || s.Data.Text == "" {
		return request{}, "an SMS wants a phone and a text: write message: {channel: sms, to: " + h.Name + ", text: …}"
	}
	from := "From"
	if strings.HasPrefix(h.From, "MG") {
		from = "MessagingServiceSid"
	}
	form := url.Values{"To": {s.Data.Phone}, from: {h.From}, "Body": {s.Data.Text}}
	return request{http.MethodPost, h.URL, "application/x-www-form-urlencoded", []byte(form.Encode())}, ""
}

// slack is a line in a chat, as Slack's incoming webhooks and those like them
// (Mattermost, Rocket.Chat, Google Chat) take it.
func slack(h *tracker.Webhook, s *said) (request, string) {
	plain := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	text := s.Data.Text
	if text == "" {
		text = s.summary()
	}
	text = plain.Replace(text)
	if page := s.Data.Links["page"]; page != "" {
		text += "\n<" + page + ">"
	}
	b, err := json.Marshal(map[string]string{"text": text})
	return request{http.MethodPost, h.URL, "application/json", b}, whyOf(err)
}

func whyOf(err error) string {
	if err != nil {
		return "what is to be said cannot be written"
	}
	return ""
}

// summary says what happened to a lead, where a step has no words of its own.
func (s *said) summary() string {
	l := &s.Data.Lead
	name, _ := l.Attributes["name"].(string)
	out := fmt.Sprintf("%s: %s", s.Type, cmp.Or(name, l.Email, l.ID))
	if l.Score != nil {
		out += fmt.Sprintf(", %d", *l.Score)
	}
	for _, w := range []string{l.Band, l.Grade, s.Data.Queue} {
		if w != "" {
			out += ", " + w
		}
	}
	for _, r := range l.Reasons[:min(3, len(l.Reasons))] {
		out += fmt.Sprintf("\n• %+.1f %s", float64(r.Share)/1000, r.Why)
	}
	return out
}

// contact makes a person anew or as they are now. {id} and {email} in the address
// name the person: then it is a PUT, else a POST.
func contact(h *tracker.Webhook, s *said) (request, string) {
	l := &s.Data.Lead
	at := strings.NewReplacer("{id}", url.PathEscape(l.ID), "{email}", url.PathEscape(l.Email))
	r := request{http.MethodPost, at.Replace(h.URL), "application/json", nil}
	if r.url != h.URL {
		r.method = http.MethodPut
	}
	if strings.Contains(h.URL, "{email}") && l.Email == "" {
		return r, "the lead has no e-mail, which the address needs"
	}
	reasons := []string{}
	for _, q := range l.Reasons {
		reasons = append(reasons, q.Why)
	}
	var err error
	r.body, err = json.Marshal(map[string]any{
		"id": l.ID, "email": l.Email, "score": l.Score, "grade": l.Grade, "band": l.Band, "reasons": reasons,
		"attributes": l.Attributes, "link": s.Data.Links["page"], "event": s.Type, "journey": s.Data.Journey, "step": s.Data.Step,
	})
	return r, whyOf(err)
}
