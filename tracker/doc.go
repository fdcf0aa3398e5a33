// Package tracker is the vocabulary of Ripen and the tour of the house. It
// imports nothing but the standard library.
//
// # The tour
//
// A visit becomes a ranked lead in plain steps. Follow one request:
//
//  1. [ripen/tracker/ingest] answers the request. It sheds before it parses,
//     finds the [Source] of the write key, and decodes each event in one pass
//     straight into the row codec of this package ([AppendRow]).
//     [ripen/tracker/tenant] knows whose key it is. What becomes of mails (opens,
//     clicks, unsubscribes, the reports of providers) comes in by
//     [ripen/tracker/email], and goes the same way from here on.
//  2. [ripen/storage] joins the rows to the open group; one committer stamps
//     sequence and receive time, seals what is personal, drops duplicates,
//     writes one compressed block, fsyncs, and wakes every waiter. Only then
//     does the sender hear "ok".
//  3. [ripen/tracker/fold] reads the log behind the cursor named state. It
//     finds whose event it is (identity), files it in the visitor's timeline
//     and says from which moment each touched lead must be walked again.
//  4. [ripen/tracker/score] walks those events through the tenant's card,
//     compiled to WebAssembly ([ripen/wasm/host]), one integer change at a
//     time, and learns when the score will move next by itself.
//  5. [ripen/tracker/rank] keeps the order of leads and writes the changes.
//  6. [ripen/tracker/export] answers questions: leads, one lead, its timeline,
//     its reasons, its history, the change feed. It also takes scorecards and
//     tenants' own modules, which [ripen/tracker/tenant] keeps and puts in force
//     by a record in the log, after saying who would move.
//     [ripen/tracker/console] shows the same to people.
//  7. Who enters a band is acted on: a loop behind the cursor named act, in
//     [ripen/tracker/server], makes the intents that the card asks for.
//     [ripen/tracker/outbox] delivers them, by signed webhooks or through
//     [ripen/tracker/mail], at least once under one key; [ripen/tracker/handoff] is the queue of sales, whose state
//     is what events say: accepted, rejected, won, lost. They come in as any
//     event does, and so the circle closes.
//     [ripen/tracker/journey] walks known leads along journeys for months, step by
//     step, and keeps segments; what a step sends is an intent too.
//     [ripen/tracker/journey/onsite] chooses what a page shows its visitor, by score or
//     because a journey has put it in wait; the answers are events, and begin at step 1.
//  8. [ripen/tracker/server] is the one package that wires these together: its
//     state loop runs steps 3 to 5 behind the log and answers step 6 from
//     memory. cmd/ripen is what a person starts.
//
// Beside the path, [ripen/tracker/train] learns a card from a file of people of whom
// it is known who converted, or from what the log knew of leads before they did; it is
// published like any other. A card in force that says so is learned anew in the background,
// and its challenger led to a draft, a shadow and a publication, by a loop of the server.
//
// Stages never import each other: they meet in the database and in server.
// The law is a test: cmd/ripen/law_test.go.
//
// # Words
//
// Tenant, source, event, visitor, lead, attribute, scorecard, module,
// dimension, score, grade, band, reason, verdict, intent, hand-off: one word for one idea, in
// code, command line, API and page alike.
package tracker
