package tracker

// Purpose is what something may be done for, each with a consent of its own.
type Purpose byte

// The purposes.
const (
	Analytics Purpose = iota // counting what happens on a site
	Marketing                // writing to the person, and showing them advertisements
	Profiling                // knowing the person again, and scoring them
)

// Purposes are all of them.
var Purposes = [...]Purpose{Analytics, Marketing, Profiling}

// String returns the word that senders, rules and answers use.
func (p Purpose) String() string { return [...]string{"analytics", "marketing", "profiling"}[p] }

// Choice is what the person said about one purpose.
type Choice byte

// The choices.
const (
	Unasked Choice = iota
	Granted
	Refused
	Pending // asked, and not answered yet
)

// String returns the word that senders, rules and answers use; empty for Unasked.
func (c Choice) String() string { return [...]string{"", "granted", "denied", "pending"}[c] }

// Consent is what the person allowed at the time of the event: a [Choice] for
// each [Purpose], two bits each.
type Consent byte

// What one word for all purposes means.
const (
	ConsentUnknown Consent = 0
	ConsentGranted Consent = 0b010101
	ConsentDenied  Consent = 0b101010
	ConsentPending Consent = 0b111111

	// ConsentSignal is what a browser's privacy signal says.
	ConsentSignal Consent = 0b101000
)

// Of returns what was said about a purpose.
func (c Consent) Of(p Purpose) Choice { return Choice(c>>(2*p)) & 3 }

// With returns c with another choice for a purpose.
func (c Consent) With(p Purpose, choice Choice) Consent {
	return c&^(3<<(2*p)) | Consent(choice)<<(2*p)
}

// Then returns c with what a later word says in its place.
func (c Consent) Then(later Consent) Consent {
	for _, p := range Purposes {
		if choice := later.Of(p); choice != Unasked {
			c = c.With(p, choice)
		}
	}
	return c
}

// Denied says that the person may not be known: an event of theirs is stored and
// counted, never scored, identified or messaged. It takes a no, or no answer
// yet, to analytics or profiling; where nothing was said of profiling, marketing
// stands for it. A no to marketing beside a yes to profiling forbids messages
// alone.
func (c Consent) Denied() bool {
	profiling := c.Of(Profiling)
	if profiling == Unasked {
		profiling = c.Of(Marketing)
	}
	return profiling >= Refused || c.Of(Analytics) >= Refused
}

// Words calls visit with each purpose of which something was said.
func (c Consent) Words(visit func(Purpose, Choice)) {
	for _, p := range Purposes {
		if choice := c.Of(p); choice != Unasked {
			visit(p, choice)
		}
	}
}

// ParseChoice reads the word of a choice; anything else is Unasked.
func ParseChoice(word []byte) Choice {
	switch string(word) {
	case "granted":
		return Granted
	case "denied":
		return Refused
	case "pending":
		return Pending
	}
	return Unasked
}

// All returns a consent with one choice for every purpose.
func (c Choice) All() Consent { return Consent(c) * ConsentGranted }
