package scorecard

import (
	"cmp"
	"slices"
)

// TextNode is one value of a YAML text with its place, read as strictly as a card is:
// no anchors, no key twice, no bare word that YAML readers take for something
// else. It is for the other texts that tenants write, such as journeys.
type TextNode struct {
	Line, Col int
	Text      string // of a scalar
	IsMap     bool
	IsList    bool
	Keys      []*TextNode // of a map, in the order of the file
	Values    []*TextNode // of a map or list

	in *node
}

// Document collects what is wrong with a text while it is read, so that one
// reading reports everything.
type Document struct{ p *reader }

// ReadDocument reads a text; root is nil if it is not YAML, and the document
// says why.
func ReadDocument(file string, src []byte) (d *Document, root *TextNode) {
	d = &Document{newReader(file)}
	if n := d.p.readYAML(src); n != nil {
		root = export(n)
	}
	return d, root
}

func export(n *node) *TextNode {
	out := &TextNode{Line: n.line, Col: n.col, Text: n.text, IsMap: n.kind == mapNode, IsList: n.kind == listNode, in: n}
	for _, k := range n.keys {
		out.Keys = append(out.Keys, export(k))
	}
	for _, v := range n.values {
		out.Values = append(out.Values, export(v))
	}
	return out
}

// Add notes what is wrong at a place, in a part with a name, and what to do.
func (d *Document) Add(at *TextNode, part, what, fix string) {
	d.p.rule = part
	d.p.add(at.in, what, fix)
	d.p.rule = ""
}

// AddAt notes what is wrong at a byte of a scalar's text.
func (d *Document) AddAt(at *TextNode, pos int, part, what, fix string) {
	d.p.rule = part
	d.p.add(at.in.at(pos), what, fix)
	d.p.rule = ""
}

// Span reads a length of time in ms: 7d, 24mo, 1.5h.
func (d *Document) Span(n *TextNode, part, of string) int64 {
	d.p.rule = part
	defer func() { d.p.rule = "" }()
	return d.p.span(n.in, of)
}

// Err is [Errors], in the order of the lines; nil if nothing is wrong.
func (d *Document) Err() error {
	if len(d.p.errs) == 0 {
		return nil
	}
	slices.SortStableFunc(d.p.errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
	if len(d.p.errs) > errorsMax {
		d.p.errs = d.p.errs[:errorsMax]
	}
	return d.p.errs
}
