package tracker

// TopicMap is the name under which a tenant's topic map comes into force: it is
// published as a card is, by an [Activation] in the log. No card can be called so.
const TopicMap = "topic map"

// Interests are what a lead cares about and how it behaves, as of the moment it is
// shown at: what its pages, files and mails were about, as the tenant's topic map
// says. What machines did is left out.
type Interests struct {
	Topics []Affinity // the strongest first
	Pages  []PageUse  // with the most time first; at most 16 paths are kept

	Mails    int     // sent or delivered
	Opened   int     // opens by a proxy for a person count
	OpenRate float64 // 0 to 1
	Shares   int
}

// Affinity is how much a lead cares about a topic: what each event about it weighs,
// halved by every half-life since.
type Affinity struct {
	Topic string
	Value float64
}

// PageUse is what a lead did with a page.
type PageUse struct {
	Path    string
	Seconds float64 // in view and in focus
	Visits  int     // sessions that saw it
}

// Returns is how many visits came after the first.
func (p *PageUse) Returns() int { return max(p.Visits-1, 0) }

// TopTopic is the topic that the lead cares most about now; "" if there is none, or
// the tenant has no topic map.
func (l *Lead) TopTopic() string {
	if l.Interests == nil || len(l.Interests.Topics) == 0 {
		return ""
	}
	return l.Interests.Topics[0].Topic
}
