package expr

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// function is one that a call may name.
type function struct {
	op          Op
	least, most int // arguments
	of, result  Type
	use         string // an example, for errors
}

const manyArgs = 16

var functions = map[string]function{
	"has":        {least: 1, most: 1, result: Bool, use: "has(phone)"},
	"double":     {least: 1, most: 1, of: Num, result: Num, use: "double(age)"},
	"string":     {least: 1, most: 1, of: Text, result: Text, use: "string(code)"},
	"size":       {op: Size, least: 1, most: 1, of: Text, result: Num, use: "size(message)"},
	"abs":        {op: Abs, least: 1, most: 1, of: Num, result: Num, use: "abs(balance)"},
	"floor":      {op: Floor, least: 1, most: 1, of: Num, result: Num, use: "floor(amount)"},
	"min":        {op: Min, least: 2, most: manyArgs, of: Num, result: Num, use: "min(a, b)"},
	"max":        {op: Max, least: 2, most: manyArgs, of: Num, result: Num, use: "max(a, b)"},
	"count":      {least: 2, most: 2, result: Num, use: "count(demo, 7d)"},
	"days_since": {least: 1, most: 1, result: Num, use: "days_since(demo)"},
	"affinity":   {least: 1, most: 2, result: Num, use: "affinity(pricing) or affinity(pricing, 14d)"},
	"open_rate":  {result: Num, use: "open_rate()"},
	"dwell":      {least: 1, most: 1, result: Num, use: `dwell("/pricing*")`},
	"returns":    {least: 1, most: 1, result: Num, use: `returns("/pricing*")`},
	"shares":     {most: 1, result: Num, use: `shares() or shares("/blog/*")`},
	"clamp":      {least: 3, most: 3, of: Num, result: Num, use: "clamp(amount, 0, 100)"},
}

// methods are called on a text; Input stands for a question to the field itself.
var methods = map[string]Op{"contains": Contains, "startsWith": StartsWith, "endsWith": EndsWith, "matches": Input}

// elsewhere are functions that people look for here, and what says it in a card.
var elsewhere = map[string]string{
	"decay":      "write half_life: 7d in the rule",
	"in_list":    "write field in name_of_the_list",
	"now":        "write a rule with within:, after:, expire: or half_life:",
	"exists":     "write has(field)",
	"len":        "write size(field)",
	"length":     "write size(field)",
	"round":      "write floor(x + 0.5)",
	"int":        "write floor(x)",
	"lower":      `write field in ["es", "ES"]`,
	"lowerAscii": `write field in ["es", "ES"]`,
}

// onlyGates is what to write where the past cannot be asked.
var onlyGates = map[string]string{
	"count":      "write a rule: {event: demo, count: {gte: 3, within: 7d}, points: 10}",
	"days_since": "write a rule: {absent: demo, after: 30d, points: -10}",
}

func (c *checker) unknown(r *raw) *Node {
	if fix, ok := elsewhere[r.text]; ok {
		c.fail(r, fmt.Sprintf("%s is not a function of expressions", r.text), fix)
		return &Node{}
	}
	words := slices.Sorted(maps.Keys(functions))
	for m := range methods {
		words = append(words, m)
	}
	slices.Sort(words)
	fix := "there are " + strings.Join(words, ", ")
	if w := Nearest(r.text, words); w != "" {
		fix = fmt.Sprintf("did you mean %s?", w)
	}
	c.fail(r, fmt.Sprintf("there is no function %s", r.text), fix)
	return &Node{}
}

func (c *checker) call(r *raw, want Type) *Node {
	f, ok := functions[r.text]
	if _, method := methods[r.text]; !ok && method {
		c.fail(r, fmt.Sprintf("%s is called on a text", r.text), fmt.Sprintf(`write field.%s("text")`, r.text))
		return &Node{Type: want}
	}
	if !ok {
		n := c.unknown(r)
		n.Type = want
		return n
	}
	if len(r.args) < f.least || len(r.args) > f.most {
		c.fail(r, fmt.Sprintf("%s has %d arguments", r.text, len(r.args)), "write as in "+f.use)
		return &Node{Type: f.result}
	}
	switch r.text {
	case "has", "double", "string":
		return c.reading(r, f)
	case "count", "days_since":
		return c.past(r, f)
	case "affinity", "open_rate", "dwell", "returns", "shares":
		return c.did(r, f)
	}
	args := make([]*Node, len(r.args))
	for i, a := range r.args {
		args[i] = c.node(a, f.of)
	}
	of := func(op Op, args ...*Node) *Node { return c.made(r, &Node{Op: op, Type: f.result, Args: args}) }
	switch {
	case r.text == "clamp":
		return of(Max, args[1], of(Min, args[2], args[0]))
	case len(args) == 1:
		return of(f.op, args[0])
	}
	n := args[0]
	for _, a := range args[1:] {
		n = of(f.op, n, a)
	}
	return n
}

// reading checks has, double and string, which say how a field is read.
func (c *checker) reading(r *raw, f function) *Node {
	a := r.args[0]
	if a.kind != rawName {
		c.fail(r, fmt.Sprintf("%s wants the name of a field", r.text), "write as in "+f.use)
		return &Node{Type: f.result}
	}
	if f.of != Any {
		return c.node(a, f.of)
	}
	return c.asked(r, a, ReadHas, "")
}

// asked is a question about a field that is answered when the event comes.
func (c *checker) asked(r, a *raw, read Read, arg string) *Node {
	if a.kind != rawName {
		c.fail(a, "this question is asked of a field", "write the name of a field before it")
		return &Node{Type: Bool}
	}
	if f, ok := c.named(a); !ok || f.Moves {
		if ok {
			c.fail(r, "a dimension is a number, and always there", "compare it, as in "+a.text+" > 0")
		}
		return &Node{Type: Bool}
	}
	return c.input(InputDef{Name: a.text, Read: read, Arg: arg})
}

// past checks count and days_since, which ask what a lead did.
func (c *checker) past(r *raw, f function) *Node {
	event := r.args[0]
	if !c.env.Past {
		c.fail(r, r.text+" is asked in gates only", onlyGates[r.text])
		return &Node{Type: Num}
	}
	if event.kind != rawName && event.kind != rawText || event.text == "" || len(event.text) > nameMax {
		c.fail(event, r.text+" wants the type of an event", "write as in "+f.use)
		return &Node{Type: Num}
	}
	if r.text == "days_since" {
		return c.input(InputDef{Name: event.text, Read: ReadSince, Moves: true})
	}
	span := r.args[1]
	if span.kind != rawSpan || span.num < 1 || span.num > spanMax {
		c.fail(span, "count wants a length of time", "write as in "+f.use+"; m, h, d, w, mo and y are its units")
		return &Node{Type: Num}
	}
	return c.input(InputDef{Name: event.text, Read: ReadCount, Arg: span.text, Span: int64(span.num)})
}

// spanMax is the longest length of time, in ms: two hundred years.
const spanMax = 200 * 365.25 * 864e5

// tooMany refuses to compare a count with what it cannot reach.
func (c *checker) tooMany(r *raw, n *Node) {
	for i, a := range n.Args {
		b := n.Args[1-i]
		if a.Op == Input && c.out.Inputs[a.In].Read == ReadCount && b.Op == Const && b.Num > CountMax {
			c.fail(r, fmt.Sprintf("count counts no further than %d", CountMax), "ask for fewer, or for a shorter time")
		}
	}
}

func (c *checker) method(r *raw) *Node {
	op, ok := methods[r.text]
	switch {
	case !ok && functions[r.text].use != "":
		c.fail(r, fmt.Sprintf("%s is not called on a value", r.text), "write as in "+functions[r.text].use)
		return &Node{Type: Bool}
	case !ok:
		n := c.unknown(r)
		n.Type = Bool
		return n
	case len(r.args) != 2:
		c.fail(r, fmt.Sprintf("%s has %d arguments", r.text, len(r.args)-1), fmt.Sprintf(`write field.%s("text")`, r.text))
		return &Node{Type: Bool}
	}
	what := c.node(r.args[1], Text)
	if what.Op != Const {
		c.fail(r.args[1], fmt.Sprintf("%s wants a text written out", r.text), fmt.Sprintf(`write field.%s("text"); compare fields with ==`, r.text))
		return &Node{Type: Bool}
	}
	if op == Input {
		return c.matches(r, what)
	}
	if op == Contains && len(what.Text) > needleMax {
		c.fail(r.args[1], fmt.Sprintf("contains looks for %d bytes", len(what.Text)), fmt.Sprintf("at most %d: shorten it", needleMax))
	}
	return c.made(r, &Node{Op: op, Type: Bool, Args: []*Node{c.node(r.args[0], Text)}, Text: what.Text})
}

// matches checks a regular expression, which Go reads: a guest is too small for it.
func (c *checker) matches(r *raw, what *Node) *Node {
	if _, err := regexp.Compile(what.Text); err != nil {
		c.fail(r.args[1], "not a regular expression: "+strings.TrimPrefix(err.Error(), "error parsing regexp: "), `RE2 syntax; write \\b for \b`)
		return &Node{Type: Bool}
	}
	return c.asked(r, r.args[0], ReadMatches, what.Text)
}
