package scorecard

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a card's text, far above what a person writes.
const (
	sourceMax = 256 << 10
	depthMax  = 64
)

type nodeKind byte

const (
	scalarNode nodeKind = iota
	mapNode
	listNode
)

// node is one value of a card with its place in the file. Types are read from
// the text, not guessed by YAML: a quoted 5 is text.
type node struct {
	kind      nodeKind
	line, col int
	text      string // of a scalar
	quoted    bool
	quote     byte    // of a quoted scalar: ', " or | for a block
	bad       bool    // an error already names it
	keys      []*node // of a map, in the order of the file
	values    []*node // of a map or list
}

func (n *node) word() string {
	switch n.kind {
	case mapNode:
		return "a map"
	case listNode:
		return "a list"
	}
	return fmt.Sprintf("%q", n.text)
}

// readYAML turns the source into nodes. Its own errors are few: what YAML
// itself refuses, and the traps of YAML.
func (p *reader) readYAML(src []byte) (root *node) {
	// go-yaml is a big parser fed by strangers: what it cannot take must be an
	// error of the card, not of the process.
	defer func() {
		if r := recover(); r != nil {
			root = nil
			p.add(&node{line: 1, col: 1}, "this text breaks the YAML reader", "simplify it")
		}
	}()
	if !p.checkSource(src) {
		return nil
	}
	f, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p.addYAML(err)
		return nil
	}
	var body ast.Node
	for _, d := range f.Docs {
		if d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.CommentGroupType {
			continue
		}
		if body != nil {
			n := place(d.Body)
			p.add(n, "a second document in the file", "a file holds one: remove it")
			return nil
		}
		body = d.Body
	}
	if body == nil {
		p.add(&node{line: 1, col: 1}, "the file is empty", "start with what it is, as in scorecard: <name> or journey: <name>")
		return nil
	}
	return p.node(body, 0)
}

func (p *reader) checkSource(src []byte) bool {
	at := &node{line: 1, col: 1}
	if len(src) > sourceMax {
		p.add(at, fmt.Sprintf("the file has %d bytes", len(src)), fmt.Sprintf("at most %d are read", sourceMax))
		return false
	}
	if bytes.HasPrefix(src, []byte("\x00asm")) {
		p.add(at, "this is a WebAssembly module, not a card", "ripen module check tries it, ripen module publish puts it in force")
		return false
	}
	if bytes.IndexByte(src, 0) >= 0 {
		p.add(at, "the file holds a NUL byte", "save it as UTF-8 text")
		return false
	}
	depth := 0
	for line, l := range bytes.Split(src, []byte("\n")) {
		for _, c := range l {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			}
		}
		indent := len(l) - len(bytes.TrimLeft(l, " -?\t"))
		if depth > depthMax || indent > 4*depthMax {
			p.add(&node{line: line + 1, col: 1}, "too many levels inside one another", fmt.Sprintf("at most %d", depthMax))
			return false
		}
	}
	return true
}

func (p *reader) addYAML(err error) {
	at, what := &node{line: 1, col: 1}, err.Error()
	var syn yaml.Error
	if errors.As(err, &syn) {
		what = syn.GetMessage()
		if t := syn.GetToken(); t != nil && t.Position != nil {
			at.line, at.col = t.Position.Line, t.Position.Column
		}
	}
	what, _, _ = strings.Cut(what, "\n")
	p.add(at, "not YAML: "+what, "check quotes, brackets and indentation here")
}

func place(n ast.Node) *node {
	out := &node{line: 1, col: 1}
	if n == nil {
		return out
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		out.line, out.col = t.Position.Line, t.Position.Column
	}
	return out
}

func (p *reader) node(n ast.Node, depth int) *node {
	out := place(n)
	if depth > depthMax {
		p.add(out, "too many levels inside one another", fmt.Sprintf("at most %d", depthMax))
		return out
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		return p.mapping(out, n.Values, depth)
	case *ast.MappingValueNode:
		return p.mapping(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind = listNode
		rules := p.inRules
		for _, v := range n.Values {
			p.inRules = rules
			out.values = append(out.values, p.node(v, depth+1))
		}
		return out
	case *ast.LiteralNode:
		out.text, out.quoted, out.quote = n.Value.Value, true, '|'
		return out
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		p.add(out, "YAML anchors, aliases, merges and tags are not read", "write the value out")
		out.bad = true
		return out
	}
	if n == nil {
		return out
	}
	p.scalar(out, n, false)
	return out
}

func (p *reader) mapping(out *node, entries []*ast.MappingValueNode, depth int) *node {
	out.kind = mapNode
	isRule := p.inRules
	p.inRules = false
	if len(entries) > 0 {
		at := place(entries[0].Key)
		out.line, out.col = at.line, at.col
	}
	seen := map[string]int{} // :: key → its line
	before := len(p.errs)
	for _, e := range entries {
		k, ok := e.Key.(ast.Node)
		if !ok {
			continue // unreachable unless the parser makes a key that is no node
		}
		key := place(k)
		if _, merge := k.(*ast.MergeKeyNode); merge {
			p.add(key, "YAML merges are not read", "write the keys out")
			continue
		}
		p.scalar(key, k, true)
		if line, dup := seen[key.text]; dup {
			p.add(key, fmt.Sprintf("%q stands twice, first on line %d", key.text, line), "keep one")
			continue
		}
		seen[key.text] = key.line
		out.keys = append(out.keys, key)
		p.inRules = key.text == "rules"
		out.values = append(out.values, p.node(e.Value, depth+1))
		p.inRules = false
	}
	if id := ruleID(out); isRule && id != "" {
		for _, e := range p.errs[before:] {
			e.Rule = id
		}
	}
	return out
}

// scalar reads a scalar and refuses the ones that YAML readers take for
// something else than what stands there.
func (p *reader) scalar(out *node, n ast.Node, key bool) {
	t := n.GetToken()
	if t == nil {
		return
	}
	out.text = t.Value
	out.quoted = t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType
	if _, null := n.(*ast.NullNode); null && !out.quoted {
		out.text = ""
		return
	}
	if out.quoted {
		out.quote = '"'
		if t.Type == token.SingleQuoteType {
			out.quote = '\''
		}
		return
	}
	switch s := out.text; {
	case s == "on":
		p.add(out, "bare on means true or false to some YAML readers", `for the event of a rule write event:, else quote it`)
		out.bad = true
	case key && len(s) == 1: // x, y and n are names of properties
	case boolWord.MatchString(s):
		p.add(out, fmt.Sprintf("bare %s means true or false to some YAML readers", s), fmt.Sprintf("write %q in quotes, or true or false", s))
		out.bad = true
	default:
		if why := oddNumber(s); why != "" {
			p.add(out, fmt.Sprintf("%s is %s", s, why), fmt.Sprintf("write a plain number, or %q in quotes if it is text", s))
			out.bad = true
		}
	}
}

// What YAML readers of one version or another take for something else than text.
var (
	boolWord    = regexp.MustCompile(`^(y|Y|n|N|[Yy]es|YES|[Nn]o|NO|[Oo]n|ON|[Oo]ff|OFF|True|TRUE|False|FALSE)$`)
	octal       = regexp.MustCompile(`^[-+]?0[0-9]+$`)
	sexagesimal = regexp.MustCompile(`^[-+]?[0-9]+(:[0-5]?[0-9])+$`)
	otherNumber = regexp.MustCompile(`^[-+]?([0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+|\.[0-9]+[eE][-+]?[0-9]+|[0-9]+(_[0-9]+)+|0[xob][0-9a-fA-F_]+)$`)
	notNumber   = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// oddNumber says why a bare scalar that looks like a number is not written as
// one: 08 is octal to some readers and text to others, 1e3 likewise.
func oddNumber(s string) string {
	switch {
	case octal.MatchString(s):
		return "octal to some YAML readers"
	case sexagesimal.MatchString(s):
		return "a number in sixties to some YAML readers"
	case otherNumber.MatchString(s):
		return "a number to some YAML readers and text to others"
	case notNumber.MatchString(s):
		return "not a number a rule can use"
	}
	return ""
}
