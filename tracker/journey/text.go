package journey

import "ripen/wasm/scorecard"

// Node is one value of a text.
type Node = scorecard.TextNode

// Text reads another kind of text than journeys and segments in the same words:
// what is wrong is noted with its place, and one reading finds all of it.
type Text struct{ r *reader }

// ReadText reads a text. Its error is [scorecard.Errors].
func ReadText(file string, src []byte, read func(t Text, root *Node)) error {
	doc, root := scorecard.ReadDocument(file, src)
	if root != nil {
		read(Text{&reader{doc: doc}}, root)
	}
	return doc.Err()
}

// In names the part that is read from here on.
func (t Text) In(part string) { t.r.part = part }

// Add notes what is wrong at a place, and what to do.
func (t Text) Add(at *Node, what, fix string) { t.r.add(at, what, fix) }

// Fields calls the function of each key of a map.
func (t Text) Fields(n *Node, of string, known map[string]func(*Node), wanted ...string) {
	t.r.fields(n, of, known, wanted...)
}

// Text reads a text.
func (t Text) Text(n *Node, of string) string { return t.r.text(n, of) }

// Word reads a name that stands in keys and addresses.
func (t Text) Word(n *Node, of string) string { return t.r.word(n, of) }

// Whole reads a whole number.
func (t Text) Whole(n *Node, of string, least, most int) int { return t.r.whole(n, of, least, most) }

// Span reads a length of time, in ms.
func (t Text) Span(n *Node, of string) int64 { return t.r.span(n, of) }

// OneOf reads one of some words.
func (t Text) OneOf(n *Node, of string, words ...string) string { return t.r.oneOf(n, of, words...) }

// Cond reads an expression over a lead.
func (t Text) Cond(n *Node) *Cond { return t.r.cond(n, false) }
