package expr

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// Field is what a name stands for.
type Field struct {
	Type  Type // Num or Text, or Any: its use says how it is read
	Moves bool // it changes by itself
}

// Env says which names an expression may use.
type Env struct {
	Fields map[string]Field // :: name → what it stands for
	Open   bool             // any other name is a field of type Any
	Past   bool             // count and days_since may be asked
	Did    bool             // affinity, open_rate, dwell, returns and shares may be asked
	Of     string           // what the names are, in an error: a dimension
}

// Check reads an expression whose value is a truth. All that is wrong with its
// types is reported, or the first thing that is wrong with its form.
func Check(src string, env Env) (*Expr, []*Error) {
	r, err := parse(src)
	if err != nil {
		return nil, []*Error{err}
	}
	c := &checker{env: env, out: &Expr{Source: src}}
	root := c.node(r, Bool)
	if len(c.errs) == 0 && root.Op == Const {
		c.fail(r, fmt.Sprintf("the expression is always %t", root.Num != 0), "compare a field, as in amount > 50")
	}
	if len(c.errs) > 0 {
		slices.SortStableFunc(c.errs, func(a, b *Error) int { return a.Pos - b.Pos })
		return nil, c.errs
	}
	c.out.Root = root
	return c.out, nil
}

// checker gives each part its type. Where the type of a field is open, what it
// is compared with decides.
type checker struct {
	env  Env
	out  *Expr
	errs []*Error
}

func (c *checker) fail(r *raw, what, fix string) { c.failAt(r.pos, what, fix) }

func (c *checker) failAt(pos int, what, fix string) {
	for _, e := range c.errs {
		if e.Pos == pos {
			return // one place, one error
		}
	}
	c.errs = append(c.errs, &Error{Pos: pos, What: what, Fix: fix})
}

var typeWords = [...]string{Any: "a field", Num: "a number", Text: "a text", Bool: "true or false"}

// typeOf says what type a part has by itself: Any is a field that may be read
// as any.
func (c *checker) typeOf(r *raw) Type {
	switch r.kind {
	case rawNum:
		return Num
	case rawText:
		return Text
	case rawName:
		return c.env.Fields[r.text].Type
	case rawUnary:
		return map[string]Type{"-": Num, "!": Bool}[r.text]
	case rawBinary:
		if strings.Contains("+-*/", r.text) {
			return Num
		}
	case rawIf:
		if t := c.typeOf(r.args[1]); t != Any {
			return t
		}
		return c.typeOf(r.args[2])
	case rawCall:
		if f, ok := functions[r.text]; ok {
			return f.result
		}
		return Any
	case rawMethod:
		if _, ok := methods[r.text]; !ok {
			return Any
		}
	case rawList, rawSpan:
		return Any
	}
	return Bool
}

// node checks a part that must be of type want.
func (c *checker) node(r *raw, want Type) *Node {
	if have := c.typeOf(r); have != Any && have != want {
		c.mismatch(r, have, want)
		return &Node{Type: want}
	}
	switch r.kind {
	case rawNum, rawTruth:
		return &Node{Type: want, Num: r.num}
	case rawText:
		return &Node{Type: Text, Text: r.text}
	case rawName:
		return c.field(r, want)
	case rawUnary:
		op := map[string]Op{"-": Neg, "!": Not}[r.text]
		return c.made(r, &Node{Op: op, Type: want, Args: []*Node{c.node(r.args[0], want)}})
	case rawBinary:
		return c.binary(r)
	case rawIf:
		return c.made(r, &Node{Op: If, Type: want, Args: []*Node{c.node(r.args[0], Bool), c.node(r.args[1], want), c.node(r.args[2], want)}})
	case rawCall:
		return c.call(r, want)
	case rawMethod:
		return c.method(r)
	}
	if r.kind == rawSpan {
		c.fail(r, "a length of time stands alone", "it belongs to count, as in count(demo, 7d); days are numbers, as in days_since(demo) > 7")
		return &Node{Type: want}
	}
	c.fail(r, "a list stands alone", `write field in ["a", "b"]`)
	return &Node{Type: want}
}

func (c *checker) mismatch(r *raw, have, want Type) {
	what, fix := fmt.Sprintf("%s stands where %s is wanted", typeWords[have], typeWords[want]), "compare it, as in field > 50"
	switch {
	case want == Num && have == Text:
		fix = "write the number without quotes"
	case want == Text && have == Num:
		fix = "write the text in quotes"
	case want == Num && have == Bool:
		fix = "write condition ? 1 : 0 to count it"
	case want == Text && have == Bool:
		fix = "write the condition by itself, without comparing it with a text"
	case want == Bool && have == Text:
		fix = `compare it, as in field == "a text"`
	}
	c.fail(r, what, fix)
}

// input returns the node of an input, adding it if it is new.
func (c *checker) input(def InputDef) *Node {
	i := slices.Index(c.out.Inputs, def)
	if i < 0 {
		i = len(c.out.Inputs)
		c.out.Inputs = append(c.out.Inputs, def)
	}
	t := Bool
	switch def.Read {
	case ReadNum, ReadCount, ReadSince, ReadDid:
		t = Num
	case ReadText:
		t = Text
	}
	return &Node{Op: Input, Type: t, In: i, Moves: def.Moves}
}

// named finds what a name stands for, or says that there is no such thing.
func (c *checker) named(r *raw) (Field, bool) {
	f, known := c.env.Fields[r.text]
	if known {
		return f, true
	}
	names := slices.Sorted(maps.Keys(c.env.Fields))
	w := ""
	if !r.quoted && len(r.text) > 3 {
		w = Nearest(r.text, names)
	}
	fix := "there are " + strings.Join(names, ", ")
	switch {
	case !c.env.Open && len(names) == 0:
		fix = "there is none: name it first"
	case c.env.Open && (w == "" || distance(r.text, w) > 1):
		if len(r.text) > nameMax {
			c.fail(r, "a name is too long", fmt.Sprintf("at most %d bytes", nameMax))
		}
		return f, true
	case c.env.Open:
		fix = fmt.Sprintf("did you mean %s? write `%s` in backticks if not", w, r.text)
	case w != "":
		fix = fmt.Sprintf("did you mean %s?", w)
	}
	c.fail(r, fmt.Sprintf("%s is not %s", r.text, c.env.Of), fix)
	return f, false
}

func (c *checker) field(r *raw, want Type) *Node {
	f, ok := c.named(r)
	switch {
	case !ok:
		return &Node{Type: want}
	case want == Num:
		return c.input(InputDef{Name: r.text, Read: ReadNum, Moves: f.Moves})
	case want == Text:
		return c.input(InputDef{Name: r.text, Read: ReadText})
	}
	// The truth true is the text true, as everywhere in a card.
	return &Node{Op: Eq, Type: Bool, Args: []*Node{c.input(InputDef{Name: r.text, Read: ReadText}), {Type: Text, Text: "true"}}}
}

// nameMax is how long a name may be, in bytes.
const nameMax = 128

var binaries = map[string]Op{
	"&&": And, "||": Or, "==": Eq, "!=": Ne, "<": Lt, "<=": Le, ">": Gt, ">=": Ge, "+": Add, "-": Sub, "*": Mul, "/": Div,
}

func (c *checker) binary(r *raw) *Node {
	op := binaries[r.text]
	n := &Node{Op: op, Type: Bool}
	of := Num
	switch r.text {
	case "in":
		return c.among(r)
	case "&&", "||":
		for _, a := range r.args {
			if a := c.node(a, Bool); a.Op == op {
				n.Args = append(n.Args, a.Args...)
			} else {
				n.Args = append(n.Args, a)
			}
		}
		return c.made(r, n)
	case "==", "!=":
		of = c.common(r)
	case "+", "-", "*", "/":
		n.Type = Num
		if r.text == "+" && (c.typeOf(r.args[0]) == Text || c.typeOf(r.args[1]) == Text) {
			c.fail(r, "+ adds numbers", "texts cannot be joined: compare each by itself")
			return n
		}
	}
	n.Args = []*Node{c.node(r.args[0], of), c.node(r.args[1], of)}
	c.tooMany(r, n)
	return c.made(r, n)
}

// common is the type in which the two sides of == are compared.
func (c *checker) common(r *raw) Type {
	for _, a := range r.args {
		if t := c.typeOf(a); t != Any {
			return t
		}
	}
	if a, b := r.args[0], r.args[1]; a.kind == rawName && b.kind == rawName {
		c.fail(r, fmt.Sprintf("%s and %s may be numbers or texts", a.text, b.text),
			fmt.Sprintf("write double(%[1]s) %[2]s %[3]s, or string(%[1]s) %[2]s %[3]s", a.text, r.text, b.text))
	}
	return Text
}

func (c *checker) among(r *raw) *Node {
	list := r.args[1]
	if list.kind == rawName {
		return c.asked(r, r.args[0], ReadListed, list.text)
	}
	if list.kind != rawList || len(list.args) == 0 {
		c.fail(list, "in wants a list of numbers or texts", `write in ["a", "b"], or in and the name of a list`)
		return &Node{Type: Bool}
	}
	t := c.typeOf(list.args[0])
	n := &Node{Op: Among, Type: Bool}
	for _, a := range list.args {
		v := &Node{}
		if t == Num || t == Text {
			v = c.node(a, t)
		} else {
			t = Text
		}
		switch {
		case v.Op != Const || v.Type == Any:
			c.fail(a, "a list holds what is not a number or text written out", `write in ["a", "b"]; compare fields with ==`)
		case t == Num && !slices.Contains(n.Nums, v.Num):
			n.Nums = append(n.Nums, v.Num)
		case t == Text && !slices.Contains(n.Texts, v.Text):
			n.Texts = append(n.Texts, v.Text)
		}
	}
	n.Args = []*Node{c.node(r.args[0], t)}
	return c.made(r, n)
}

// made folds what is constant and refuses movement that cannot be bounded.
func (c *checker) made(r *raw, n *Node) *Node {
	fixed, moving := true, false
	for _, a := range n.Args {
		fixed = fixed && a.Op == Const
		moving = moving || a.Moves && a.Type == Num
	}
	if fixed {
		v := (&Expr{Root: n}).Eval(nil, nil)
		return &Node{Type: n.Type, Num: v.Num, Text: v.Text}
	}
	if !moving {
		return n
	}
	n.Moves = true
	what, fix, it := "", "compare it by itself", c.moverOf(n)
	switch n.Op {
	case Mul:
		if n.Args[0].Op != Const && n.Args[1].Op != Const {
			what, fix = it+" is multiplied by what is not a number written out", "write as in 2 * "+it
		}
	case Div:
		if n.Args[1].Op != Const {
			what, fix = it+" moves by itself and stands in a division", "divide it by a number written out, or compare it with a product"
		}
	case Floor:
		what = it + " moves by itself and is rounded"
	case If:
		what, fix = it+" moves by itself and stands in a ? b : c", "write condition && "+it+" > 5 || !condition && …"
	case Among:
		what, fix = it+" moves by itself and is looked for in a list", fmt.Sprintf("write a range, as in %s >= 40 && %s < 60", it, it)
	}
	if what != "" {
		c.fail(r, what, fix)
	}
	return n
}

// moverOf names the first thing in a node that moves by itself.
func (c *checker) moverOf(n *Node) string {
	if n.Op == Input && n.Moves {
		switch in := &c.out.Inputs[n.In]; in.Read {
		case ReadSince:
			return "days_since(" + in.Name + ")"
		case ReadDid:
			return in.Name + "(" + in.Arg + ")"
		}
		return c.out.Inputs[n.In].Name
	}
	for _, a := range n.Args {
		if name := c.moverOf(a); name != "" {
			return name
		}
	}
	return ""
}

// finite is a float64 that is a number.
func finite(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}
