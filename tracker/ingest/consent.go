package ingest

import (
	"bytes"

	"ripen/tracker"
)

// Where senders say what a person allowed. All of it is read; of two words on
// one purpose the stricter stands.
//
//	context.consent                             a word, or true and false: of all purposes
//	context.consent.{analytics,marketing,profiling}    the same of one (ours)
//	context.consent.categoryPreferences.NAME    true or false, by the site's names (Segment)
//	context.consentManagement.{allowed,denied}ConsentIds   the same as lists (RudderStack)
//	context.gdpr.basisForProcessing             "consent" was asked for counting (Snowplow)

// purposeNames are the names that consent managers have for our purposes; OneTrust
// numbers them.
var purposeNames = [...][]string{
	tracker.Analytics: {"analytics", "statistics", "performance", "measurement", "analytics_storage", "c0002"},
	tracker.Marketing: {"marketing", "advertising", "targeting", "ads", "ad_storage", "ad_user_data", "c0004"},
	tracker.Profiling: {"profiling", "personalization", "personalisation", "ad_personalization"},
}

// consents finds what the event or its batch says of consent, before anything
// is filed.
func (d *decoder) consents(ev *draft) {
	d.found.consent = 0
	d.consentsOf(ev, nil)
	if d.base != nil && d.base != ev {
		d.consentsOf(d.base, ev)
	}
	if d.privacy {
		// A browser's signal stands until the person grants it.
		d.found.consent = tracker.ConsentSignal.Then(d.found.consent)
	}
}

// consentsOf takes the words among the fields of one, but for those that over
// says anew.
func (d *decoder) consentsOf(from, over *draft) {
	for i := range from.fields {
		f := &from.fields[i]
		if f.Space != tracker.Context || len(f.Name) < len("consent") || f.Name[0] != 'c' && f.Name[0] != 'g' {
			continue
		}
		rest, ok := bytes.CutPrefix(f.Name, consentName)
		if (ok || string(f.Name) == "gdpr.basisForProcessing") && (over == nil || !over.has(f)) {
			d.found.consent = stricter(d.found.consent, consentOf(rest, &f.Value))
		}
	}
}

var (
	consentName    = []byte("consent")
	categoryPrefix = []byte(".categoryPreferences.")
)

// consentOf reads one field whose name begins with consent; rest is what follows.
func consentOf(rest []byte, v *tracker.Value) (c tracker.Consent) {
	switch string(rest) {
	case "":
		return choiceOf(v).All()
	case "Management.allowedConsentIds":
		return listed(v, tracker.Granted)
	case "Management.deniedConsentIds":
		return listed(v, tracker.Refused)
	}
	if rest[0] == '.' {
		if p, ok := ownPurpose(rest[1:]); ok {
			return c.With(p, choiceOf(v))
		}
	}
	if name, ok := bytes.CutPrefix(rest, categoryPrefix); ok {
		return category(name, choiceOf(v))
	}
	if string(rest) == "gdpr.basisForProcessing" && string(v.Str) == "consent" {
		return c.With(tracker.Analytics, tracker.Granted)
	}
	return c
}

// ownPurpose finds a purpose by our word.
func ownPurpose(name []byte) (tracker.Purpose, bool) {
	switch string(name) {
	case "analytics":
		return tracker.Analytics, true
	case "marketing":
		return tracker.Marketing, true
	case "profiling":
		return tracker.Profiling, true
	}
	return 0, false
}

// choiceOf reads a choice: its word, or whether it is true.
func choiceOf(v *tracker.Value) tracker.Choice {
	switch v.Tag {
	case tracker.True:
		return tracker.Granted
	case tracker.False:
		return tracker.Refused
	case tracker.String:
		return tracker.ParseChoice(v.Str)
	}
	return tracker.Unasked
}

// category says a choice of the purpose that goes by a name; of none if none does.
func category(name []byte, choice tracker.Choice) (c tracker.Consent) {
	for p, names := range purposeNames {
		for _, n := range names {
			if asciiEqual(name, n) {
				c = c.With(tracker.Purpose(p), choice)
			}
		}
	}
	return c
}

// listed says a choice of each purpose that a list names.
func listed(v *tracker.Value, choice tracker.Choice) (c tracker.Consent) {
	if v.Tag != tracker.JSON {
		return 0
	}
	s := scanner{b: v.Str}
	for m := (members{}); ; {
		more, ok := s.element(&m, 0)
		if !ok || !more {
			return c
		}
		if s.peek() != '"' {
			if _, ok := s.skip(0); !ok {
				return c // unreachable: the list was read before
			}
			continue
		}
		name, ok := s.str()
		if !ok {
			return c // unreachable: the list was read before
		}
		c = stricter(c, category(name, choice))
	}
}

// stricter joins what was said in two places: no is more than not yet, and that
// is more than yes.
func stricter(a, b tracker.Consent) tracker.Consent {
	for _, p := range tracker.Purposes {
		x, y := a.Of(p), b.Of(p)
		switch {
		case x == tracker.Refused || y == tracker.Refused:
			a = a.With(p, tracker.Refused)
		case y > x:
			a = a.With(p, y)
		}
	}
	return a
}

// isConsent says that a field of the context was read as a word on consent alone
// and is kept in the row's own form.
func isConsent(f *tracker.Field) bool {
	rest, ok := bytes.CutPrefix(f.Name, consentName)
	if !ok {
		return false
	}
	if len(rest) > 0 {
		if rest[0] != '.' {
			return false
		}
		if _, ok = ownPurpose(rest[1:]); !ok {
			return false
		}
	}
	switch f.Value.Tag {
	case tracker.String, tracker.True, tracker.False:
		return true
	}
	return false
}

// decides says that the event is the person's word on consent. A no is filed
// under the id that the person is known by, and nothing else of them is kept:
// without that, nobody could respect it. One that names nobody stays anybody's.
func (d *decoder) decides(ev *draft, it *item, denied bool) bool {
	if d.found.consent == 0 || string(it.ev.Type) != "consent" {
		return false
	}
	if !denied {
		return true
	}
	visitor := ev.anon
	if d.daily { // the request's id is of nobody in particular
		visitor = ev.own
	}
	switch {
	case ev.user != nil:
		it.ev.User = d.hash(tracker.UserIdentity, ev.user)
	case len(visitor) > 0 && !bytes.Equal(visitor, anonymousNetwork):
		it.ev.Visitor = d.hash(tracker.VisitorIdentity, visitor)
	default:
		return false
	}
	return true
}
