package expr

import "fmt"

type rawKind byte

const (
	rawName rawKind = iota
	rawNum
	rawText
	rawTruth
	rawList
	rawSpan   // num in ms
	rawUnary  // text is the sign
	rawBinary // text is the sign, or in
	rawIf
	rawCall   // text is the function
	rawMethod // text is the function, args[0] what it is called on
)

// raw is a part of an expression before its types are known.
type raw struct {
	kind   rawKind
	pos    int
	text   string
	num    float64
	quoted bool
	args   []*raw
}

// powers say how strongly binary operators bind.
var powers = map[string]int{
	"?": 1, "||": 2, "&&": 3,
	"==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "in": 4,
	"+": 5, "-": 5, "*": 6, "/": 6,
}

const (
	compares   = 4
	unaryPower = 7
)

// parser reads tokens by operator precedence (Pratt). Its methods return nil
// once err is set.
type parser struct {
	toks  []token
	depth int
	err   *Error
}

func parse(src string) (*raw, *Error) {
	if len(src) > sourceMax {
		return nil, &Error{What: fmt.Sprintf("the expression has %d bytes", len(src)), Fix: fmt.Sprintf("at most %d: split the rule in two, or use a named list", sourceMax)}
	}
	toks, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	if p.peek().kind == endToken {
		return nil, &Error{What: "the expression is empty", Fix: "write one, as in amount > 50"}
	}
	out := p.expr(0)
	if p.err == nil && p.peek().kind != endToken {
		p.unexpected("an operator")
	}
	return out, p.err
}

func (p *parser) peek() *token { return &p.toks[0] }

func (p *parser) take() *token {
	t := &p.toks[0]
	if t.kind != endToken {
		p.toks = p.toks[1:]
	}
	return t
}

func (p *parser) is(sign string) bool {
	t := p.peek()
	return t.kind == signToken && t.text == sign || sign == "in" && t.kind == nameToken && t.text == "in" && !t.quoted
}

func (p *parser) want(sign string) bool {
	if p.err == nil && !p.is(sign) {
		p.unexpected(sign)
	}
	if p.err != nil {
		return false
	}
	p.take()
	return true
}

func (p *parser) fail(pos int, what, fix string) *raw {
	if p.err == nil {
		p.err = &Error{Pos: pos, What: what, Fix: fix}
	}
	return nil
}

func (p *parser) unexpected(wanted string) *raw {
	t := p.peek()
	if w, ok := slips[t.text]; ok && t.kind == nameToken {
		return p.fail(t.pos, fmt.Sprintf("%q is not an operator here", t.text), "write "+w)
	}
	return p.fail(t.pos, fmt.Sprintf("%s stands where %s is wanted", t.word(), wanted), "complete the expression, or remove what is too much")
}

// expr reads what binds more strongly than power.
func (p *parser) expr(power int) *raw {
	if p.depth++; p.depth > depthMax {
		return p.fail(p.peek().pos, "too many levels inside one another", fmt.Sprintf("at most %d", depthMax))
	}
	defer func() { p.depth-- }()
	left := p.unary()
	for p.err == nil {
		t := p.peek()
		mine := 0
		if t.kind == signToken || p.is("in") {
			mine = powers[t.text]
		}
		if mine <= power {
			return left
		}
		p.take()
		left = p.binary(left, t, mine)
	}
	return nil
}

func (p *parser) binary(left *raw, t *token, power int) *raw {
	if power == 1 {
		then := p.expr(0)
		if !p.want(":") {
			return nil
		}
		return &raw{kind: rawIf, pos: t.pos, args: []*raw{left, then, p.expr(0)}}
	}
	right := p.expr(power)
	if p.err == nil && power == compares && (p.peek().kind == signToken || p.is("in")) && powers[p.peek().text] == compares {
		return p.fail(p.peek().pos, "comparisons do not chain", "write a < b && b < c")
	}
	return &raw{kind: rawBinary, pos: t.pos, text: t.text, args: []*raw{left, right}}
}

func (p *parser) unary() *raw {
	if t := p.peek(); p.is("!") || p.is("-") {
		p.take()
		return &raw{kind: rawUnary, pos: t.pos, text: t.text, args: []*raw{p.expr(unaryPower)}}
	}
	return p.postfix(p.primary())
}

func (p *parser) primary() *raw {
	t := p.peek()
	switch {
	case t.kind == numToken:
		p.take()
		return &raw{kind: rawNum, pos: t.pos, num: t.num}
	case t.kind == spanToken:
		p.take()
		return &raw{kind: rawSpan, pos: t.pos, text: t.text, num: t.num}
	case t.kind == textToken:
		p.take()
		return &raw{kind: rawText, pos: t.pos, text: t.text}
	case t.kind == nameToken && !p.is("in"):
		return p.name()
	case p.is("("):
		p.take()
		inner := p.expr(0)
		p.want(")")
		return inner
	case p.is("["):
		p.take()
		return &raw{kind: rawList, pos: t.pos, args: p.list("]")}
	}
	return p.unexpected("a value")
}

// name reads a field, whose name may have dots, a truth, or a call.
func (p *parser) name() *raw {
	t := p.take()
	switch {
	case t.quoted:
	case t.text == "true" || t.text == "false":
		out := &raw{kind: rawTruth, pos: t.pos}
		if t.text == "true" {
			out.num = 1
		}
		return out
	case slips[t.text] == "!" && !p.is(".") && (p.peek().kind == nameToken || p.is("(")):
		return p.fail(t.pos, fmt.Sprintf("%q is not an operator here", t.text), "write !")
	case p.is("("):
		p.take()
		return &raw{kind: rawCall, pos: t.pos, text: t.text, args: p.list(")")}
	}
	out := &raw{kind: rawName, pos: t.pos, text: t.text, quoted: t.quoted}
	for p.is(".") && len(p.toks) > 2 && p.toks[1].kind == nameToken && !(p.toks[2].kind == signToken && p.toks[2].text == "(") {
		p.take()
		out.text += "." + p.take().text
	}
	return out
}

// postfix reads the functions called on a value.
func (p *parser) postfix(on *raw) *raw {
	for p.err == nil && p.is(".") {
		p.take()
		t := p.peek()
		if t.kind != nameToken {
			return p.unexpected("the name of a function")
		}
		p.take()
		if !p.want("(") {
			return nil
		}
		on = &raw{kind: rawMethod, pos: t.pos, text: t.text, args: append([]*raw{on}, p.list(")")...)}
	}
	return on
}

// list reads values up to the closing sign.
func (p *parser) list(closing string) (out []*raw) {
	for p.err == nil {
		if p.is(closing) {
			p.take()
			return out
		}
		if len(out) > 0 && !p.want(",") {
			return nil
		}
		out = append(out, p.expr(0))
	}
	return nil
}
