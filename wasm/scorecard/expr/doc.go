// Package expr is the small language of conditions that the keys of a scorecard
// cannot say: amount >= 50 && currency in ["EUR", "USD"].
//
// It is spelled like CEL and is total: every expression that [Check] takes has a
// value for every input, in time bounded by its length and that of the texts it
// reads. There are no loops, no functions of the writer's own and no errors: a
// missing number is 0, a missing text "", a missing truth false; x / 0 is 0, and
// so is what would not be a number. There is one kind of number, float64.
//
// [Check] reads the text, gives every part a type and returns a closed tree, or
// says what is wrong, where, and what to write instead. [Expr.Eval] is what the
// tree means; the emitter of ripen/wasm/compile agrees with it bit for bit.
// [Expr.Split] takes apart what can be known when one field arrives from what
// needs several. [Expr.Say] says it in English or Spanish.
//
// A number that moves by itself (a dimension, the days since something) is compared with a tolerance of
// [Near], like every threshold of a card, and stands only where its movement can
// be bounded: under + and −, times or over a written number, min, max, clamp, abs.
package expr

// Limits of an expression.
const (
	sourceMax = 4 << 10 // bytes
	depthMax  = 64      // levels inside one another
	textMax   = 1 << 10 // bytes of a text, as of a value
	needleMax = 64      // bytes that contains looks for
)

// Near is how close to a threshold a moving number has reached it.
const Near = 1e-7

// CountMax is how many events count remembers.
const CountMax = 32
