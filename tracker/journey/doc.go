// Package journey takes leads along journeys: what happens to them, one step
// after the other, over months, until they reach a goal. It also keeps segments,
// the leads for whom an expression holds now.
//
// It promises that a step is done once for an entry, whatever dies in between:
// where a lead stands, the intents that its steps make, and how far the feed and
// the log were taken in are one transaction ([Engine.Turn]). The version of a
// journey that a lead entered is the one it walks, unless it is moved on purpose.
// A replay of the state sets nothing off: journeys follow the change feed, in
// which what a replay finds is marked, and the log behind a cursor of their own.
// What is not built is refused by name when a text is checked ([Parse]).
//
// Only leads that are known by a user id or an e-mail are in journeys and
// segments. A waiting lead takes no memory: it is rows in meta/, under
// storage.SpaceJourney of the tenant:
//
//	J, G, O name         → journey, segment, on-site message: draft, versions, JSON
//	p lead17 name        → where a lead stands in a journey, JSON
//	d due8 lead17 kind name → what is due: a step, a look at a segment, a click
//	m lead17 segment     → since8 next8: membership, and when to ask again
//	M segment 0 lead17   → nothing: members by segment
//	h lead17 n8          → what was done with a lead, JSON
//	s lead17 channel     → when messages left, for caps
//	c lead17 template    → when it was sent it last: no content twice
//	a lead17 intent      → of which step it is, and how it was answered, JSON
//	l lead17 intent      → a letter on paper: step, code, batch, JSON
//	n hash16             → lead17 intent: to whom an SMS went at a number last
//	N lead17 hash16      → nothing: the numbers of a lead
//	f lead17 key16       → attributes on their way into the log, JSON
//	t name@version       → what is counted, JSON
//	F, C                 → the last change and the last record taken in
//	w                    → the last lead that was asked about segments that began
//	w after              → the record that leads must have seen before they are asked
//
// and under the machine's: C → the last record taken in for all, k code → whose letter
// a personal code stands on. What it does not
// do: send anything (that is the outbox's), or write to those whom nobody knows.
package journey
