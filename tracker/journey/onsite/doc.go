// Package onsite keeps the messages that a site shows to its visitors (banners,
// boxes, surveys, automatic chats) and chooses, when a page asks, which of them
// fits: by page, by what is known of the person, by what a journey has put in
// wait for them.
//
// It promises that a page hears nothing of anybody but the message chosen; that
// who may not be known gets only messages that are for everybody, and none into
// which they would type words of their own; that one which a journey put in wait
// is shown once; that a message is not shown more often than its cap allows, on
// all devices of somebody together. What people do with messages are events of
// the log like all others: this package reads them, behind a cursor of its own,
// and writes none. DESIGN.md argues these.
//
// The texts are drafted, published and rolled back like journeys, and lie with
// them. Here is stored, in meta/ under storage.SpaceOnsite of the tenant:
//
//	c subject17 name       → when somebody was shown a message, when they answered, JSON
//	x day4 subject17 name  → nothing: which of those were written that day
//	w id                   → a message that waits for a lead, JSON
//	W lead17 id            → nothing: what waits for a lead
//	e subject17 id         → nothing: what waits and goes when a subject is erased
//	t name@version         → what is counted, JSON
//
// and under the machine's C → the last record of the log that was taken in.
//
// What it does not do: write to anybody's device (that is the snippet's), or keep
// what people answer (that is the log's).
package onsite
