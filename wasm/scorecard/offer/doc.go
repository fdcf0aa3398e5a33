// Package offer says what to offer next to somebody who bought: to renew what wears
// out, to refill what runs out, something better, something that goes with it, or
// something cheaper.
//
// It promises: the answer is a pure function of a [Table], of what was bought and of a
// moment; it says its numbers, and when the answer will next be another. The table is a
// text that 'ripen offers learn' writes and that people read and change.
//
// What stands when, by what is owned:
//
//   - renew: from a sixth of the life before its mean on (month 20 of 24), to one and a
//     half lives. Whoever bought another of the category since has renewed.
//   - refill: from a sixth of the person's own turn before its end on, to a whole turn
//     late: later they buy it elsewhere.
//   - up: the next dearer of the category, from half a life on, or from the third refill
//     on, until it is late.
//   - down: the next cheaper of the category, once it is late: a sixth of the life after
//     its mean, or a turn after the refill was due.
//   - cross: what those who bought it bought later more often than others do, and is not
//     owned; never of the same category, which would be up or down.
//
// The package stores nothing and knows no tenant.
package offer
