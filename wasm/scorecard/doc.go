// Package scorecard reads the rules a tenant writes and says what they mean.
//
// [Parse] turns a YAML card into a [Card], or into [Errors] that each name the
// file, line, column, rule and fix. [Card.Bind] turns an event of the house
// into what rules see. [Eval] walks those events through the card in plain Go:
// it is the definition of every word of the language, and the modules that
// ripen/wasm/compile emits must agree with it bit for bit. [Card.Explain] says
// the card back in English or Spanish.
//
// Conditions are keys (where: {path: "/pricing*"}) or, where keys do not reach, a
// small total language of expressions (when: "amount > 50 && vip"), which
// ripen/wasm/scorecard/expr reads: over the fields of an event, the attributes of a
// lead, and in gates over dimensions too.
//
// What a lead keeps per rule is small and bounded: an accumulator and its time,
// or the last few times or hashes. Nothing here reads a clock or a database.
//
// A learned model ([Model]) is read from a file of its own, see MODEL.md, and is a
// card like any other; a card that names one is given its probability.
//
// A model's or module's word comes from outside ([Eval.Inputs]); what a band sets
// off and how leads roll up to accounts is read and said back, and left to whoever
// acts and knows accounts. A card of accounts ([Card.OfAccounts]) is a card like any
// other over what is known of a company. [Language] is the reference of every key.
package scorecard
