// Package loyalty learns from a shop's purchases who will come back, how often and
// for how much, and how long the things it sells last.
//
// It promises: the same lines give the same answer, byte for byte, in whatever
// order they stand. What has not happened yet is not counted as never: a customer
// who has not returned, or a machine that has not been replaced, says only that it
// lasted until now.
//
//   - [Fit] fits BG/NBD, MBG/NBD or Pareto/NBD: when somebody buys often and
//     irregularly, and one day silently stops. [Model.Expect] is how many purchases
//     to expect; leads stand in that order. [Model.Alive] is information only: it is
//     1 for whoever bought once and never again, so it must rank nobody.
//   - [FitSpend] fits Gamma-Gamma: what a purchase of theirs is worth.
//   - [Lives] fits how long each product lasts, for things that wear out: the models
//     above have no memory and would never rise in the twentieth month.
//   - [Refills] says when somebody who buys the same thing regularly runs out.
//
// [Report] puts these together, with a trial on purchases that were hidden from the
// models, and says them to people; [Report.Card] writes them as a scorecard.
// The package stores nothing and knows no tenant.
package loyalty
