package compile

import (
	"ripen/wasm"
	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/expr"
)

// askGas bounds what an expression can cost, whatever texts it reads.
func askGas(x *expr.Expr) int {
	gas, _ := nodeGas(x.Root)
	return ruleGas + gas
}

// whenGas bounds what a rule's or gate's expression can cost, if it has one.
func whenGas(x *scorecard.Expression) int {
	if x == nil {
		return 0
	}
	return askGas(x.Rest)
}

// nodeGas bounds what a node can cost, and counts the nodes in it: the movement
// of a number is looked up once for each of its thresholds and directions, and
// below an abs for both directions each time.
func nodeGas(n *expr.Node) (gas, nodes int) {
	gas, nodes = 40, 1
	for _, a := range n.Args {
		g, k := nodeGas(a)
		gas, nodes = gas+g, nodes+k
	}
	if n.Op == expr.Abs && n.Moves {
		nodes = min(2*nodes, wasm.GasMax)
	}
	switch {
	case n.Op == expr.Contains:
		gas += wasm.StringMax * searchTurn
	case n.Op == expr.Size:
		gas += wasm.StringMax * runesTurn
	case n.Op == expr.StartsWith || n.Op == expr.EndsWith:
		gas += byteGas * len(n.Text)
	case n.Op == expr.Among:
		gas += 4 * len(n.Nums)
		for _, s := range n.Texts {
			gas += 16 + byteGas*len(s)
		}
	case n.Moves && n.Type == expr.Bool:
		gas += 200 + 64*nodes
	case len(n.Args) == 2 && n.Args[0].Type == expr.Text:
		longest := wasm.StringMax
		for _, a := range n.Args {
			if a.Op == expr.Const {
				longest = min(longest, len(a.Text))
			}
		}
		gas += byteGas * longest
	}
	return gas, nodes
}

// fadeGas bounds what it costs to halve a number.
const fadeGas = 300

// pastGas bounds what it costs to count events wherever an expression asks for it,
// with the list full, and to halve what it asks: for its value, and for each
// threshold and direction in which it may turn, below an abs for both each time.
func pastGas(x *scorecard.Expression, entries int) (gas int) {
	if x == nil {
		return 0
	}
	var walk func(n *expr.Node, times int)
	walk = func(n *expr.Node, times int) {
		if n.Op == expr.Input {
			switch x.Rest.Inputs[n.In].Read {
			case expr.ReadCount:
				gas += ruleGas + readTurn*entries
			case expr.ReadDid:
				gas += fadeGas * times
			}
		}
		if n.Op == expr.Abs && n.Moves {
			times = min(2*times, wasm.GasMax)
		}
		for _, a := range n.Args {
			walk(a, times)
		}
	}
	walk(x.Rest.Root, 9)
	return gas
}
