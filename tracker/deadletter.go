package tracker

// DeadLetter is an event that was refused for good. It is kept for a while, so
// that a person can mend it and have it taken after all.
type DeadLetter struct {
	ID       string // in order of arrival
	Source   uint32
	Protocol string // whose words Text is in: segment, snowplow, …
	Kind     string // the event type that the path named, if any
	Query    bool   // Text is the query of a picture, else JSON
	Code     string // of the verdict
	Received int64  // unix ms
	Subject  LeadID // whose key seals Text; zero if it names nobody
	Trusted  bool   // sent with a secret key, or by a server-side source
	Agent    string
	Text     []byte // nil in lists, and where Erased
	Erased   bool   // the subject was erased: the text is gone for ever
}
