package export

import (
	"math"
	"time"

	"ripen/tracker"
)

// leadJSON is a lead as the API shows one.
type leadJSON struct {
	ID          string               `json:"id"`
	Score       *int                 `json:"score"`
	Grade       string               `json:"grade,omitempty"`
	Band        string               `json:"band,omitempty"`
	Probability *float64             `json:"probability,omitempty"` // of what Likely says
	Likely      *likelyJSON          `json:"likely,omitempty"`
	Dimensions  map[string]float64   `json:"dimensions,omitempty"`
	Reasons     []tracker.Reason     `json:"reasons"`
	Scores      map[string]scoreJSON `json:"scores"`
	Attributes  map[string]any       `json:"attributes"`
	Email       string               `json:"email,omitempty"`
	SharedEmail bool                 `json:"shared_email,omitempty"`
	FirstSeen   string               `json:"first_seen,omitempty"`
	LastSeen    string               `json:"last_seen,omitempty"`
	NextChange  string               `json:"next_change,omitempty"`
	Scorecard   string               `json:"scorecard,omitempty"`
	Events      uint64               `json:"events"`
	Unscored    uint64               `json:"unscored,omitempty"`
	Trouble     string               `json:"trouble,omitempty"`
	Interests   *interestsJSON       `json:"interests,omitempty"` // nothing without a topic map
	Reading     *readingJSON         `json:"reading,omitempty"`   // nothing before a mail was opened or clicked
	Offers      []offerJSON          `json:"offers,omitempty"`    // nothing without an offer table
	Consent     map[string]string    `json:"consent,omitempty"`   // purpose → granted, denied, pending
	Superseded  []string             `json:"superseded,omitempty"`
	Identities  []identityJSON       `json:"identities,omitempty"`
}

type scoreJSON struct {
	Score *int   `json:"score"`
	Grade string `json:"grade,omitempty"`
	Band  string `json:"band,omitempty"`

	Probability *float64 `json:"probability,omitempty"`
}

// likelyJSON says what is probable, and how many people of the lead's band, whom the
// card had not seen when it was learned, converted.
type likelyJSON struct {
	Of        string `json:"of,omitempty"`
	People    int    `json:"people,omitempty"`
	Converted int    `json:"converted,omitempty"`
}

// percentage is a probability to the hundredth of a percent.
func percentage(p *tracker.Probability) *float64 {
	if p == nil {
		return nil
	}
	v := math.Round(p.P*1e4) / 1e4
	return &v
}

type identityJSON struct {
	Kind   string `json:"kind"` // user, email, visitor
	Value  string `json:"value,omitempty"`
	Level  string `json:"level"` // claimed or proved
	Since  string `json:"since,omitempty"`
	LeadID string `json:"id"`
}

var identityKinds = map[tracker.IdentityKind]string{
	tracker.UserIdentity: "user", tracker.EmailIdentity: "email", tracker.VisitorIdentity: "visitor",
}

// Lead shapes a lead, its standing on one card first, as every answer and every
// hand-off shows one.
func Lead(l *tracker.Lead, card string) any { return leadToJSON(l, card) }

// leadToJSON shapes a lead for the API, its standing on one card first.
func leadToJSON(l *tracker.Lead, card string) *leadJSON {
	out := &leadJSON{
		ID: l.ID.String(), Email: l.Email, SharedEmail: l.SharedEmail, Events: l.Events, Unscored: l.Unscored,
		FirstSeen: instant(l.FirstSeen), LastSeen: instant(l.LastSeen),
		Interests: interestsToJSON(l.Interests), Reading: readingToJSON(l), Offers: offersToJSON(l.Offers),
		Reasons: []tracker.Reason{}, Scores: map[string]scoreJSON{}, Attributes: l.Attributes, Consent: Consent(l.Consent),
	}
	if out.Attributes == nil {
		out.Attributes = map[string]any{}
	}
	for name, sc := range l.Scores {
		out.Scores[name] = scoreJSON{shownScore(sc), sc.Grade, sc.Band, percentage(sc.Probability)}
		if name != card {
			continue
		}
		out.Score, out.Grade, out.Band, out.Dimensions = shownScore(sc), sc.Grade, sc.Band, sc.Dims
		out.Scorecard, out.Trouble = sc.Card, sc.Trouble
		if p := sc.Probability; p != nil {
			out.Probability, out.Likely = percentage(p), &likelyJSON{p.Of, p.People, p.Converted}
		}
		if sc.Reasons != nil {
			out.Reasons = sc.Reasons
		}
		if sc.Next != 0 {
			out.NextChange = Time(sc.Next)
		}
	}
	for _, id := range l.Superseded {
		out.Superseded = append(out.Superseded, id.String())
	}
	for _, id := range l.Identities {
		level := "claimed"
		if id.Proved {
			level = "proved"
		}
		out.Identities = append(out.Identities, identityJSON{
			Kind: identityKinds[id.Kind], Value: id.Value, Level: level, Since: Time(id.From),
			LeadID: tracker.LeadID{Kind: id.Kind, Hash: id.Hash}.String(),
		})
	}
	return out
}

// readingJSON is when a person reads mails: what send: best_hour goes by.
type readingJSON struct {
	Hour  *int        `json:"hour"` // of the day; null while too little is known
	Zone  string      `json:"zone"`
	Of    int         `json:"of"`    // moments at which they opened or clicked
	Near  int         `json:"near"`  // of them within an hour of it
	Hours map[int]int `json:"hours"` // hour of the day → moments
	Last  string      `json:"last"`
}

func readingToJSON(l *tracker.Lead) *readingJSON {
	n := len(l.Readings)
	if n == 0 {
		return nil
	}
	zone := l.ZoneOf(time.UTC)
	h := tracker.NewHabit(l.Readings, zone, 0)
	out := &readingJSON{Zone: zone.String(), Of: h.Of, Hours: map[int]int{}, Last: Time(l.Readings[n-1])}
	for hour, n := range h.Hours {
		if n > 0 {
			out.Hours[hour] = n
		}
	}
	if hour, near, known := h.Best(); known {
		out.Hour, out.Near = &hour, near
	}
	return out
}

// Consent is what a person said, as JSON shows it: each purpose of which
// something was said, and the word; nil if nothing was.
func Consent(c tracker.Consent) (out map[string]string) {
	c.Words(func(p tracker.Purpose, choice tracker.Choice) {
		if out == nil {
			out = make(map[string]string)
		}
		out[p.String()] = choice.String()
	})
	return out
}

func shownScore(sc *tracker.Score) *int {
	if sc.Null {
		return nil
	}
	return &sc.Score
}
