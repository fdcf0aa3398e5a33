// Package fold turns the log into timelines and people. It promises that what
// it knows is a function of the set of records filed, not of their order,
// batching, repetition or of crashes in between; DESIGN.md argues how.
//
// A subject is a visitor, or a user id or e-mail that came without one: under
// it a timeline is filed, for ever. A lead is a set of (subject, interval). An
// event that carries a visitor and a user id or e-mail is a mark: it cuts the
// visitor's timeline into intervals, each of which belongs to one lead.
//
// [Fold.Apply] files a batch of records and returns the leads it touched, with
// what is new for each, or from which place on its history changed. What later
// stages keep with a lead is a [Body], stored with the lead.
//
// It stores rows of leads/, in spaces that storage/keys.go names:
//
//	SpaceIdentity  subject:17 → head of a timeline: counts, runs of marks
//	SpaceTimeline  subject:17 time:8 sequence:8 → entries, see timeline.go
//	SpaceOwner     e-mail:17 → whose it is, and who waits to know
//	SpaceLink      identity:17 → what was decided about it, and its root
//	SpaceLead      lead:17 → body and members
//	SpaceTimer     (the machine's) time:8 sequence:8 → an event that has not come yet
//
// It does not score, order or notify; it never reads what is sealed; it knows
// no clock but the moment it is given.
package fold
