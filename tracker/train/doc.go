// Package train learns who converts from a table of people of whom that is known,
// and writes what it learned as an ordinary scorecard.
//
// [ReadTable] reads a CSV file and finds out what its columns hold. [Run] learns a
// [Card] from it: numbers cut into at most ten bins, a bin for whoever did not
// answer, L2 logistic regression over the bins, and the weights rounded to whole
// points of which twenty double the odds. The card is text that a marketer reads,
// edits and publishes like any other; it asks for the attributes under the names
// that `ripen import csv` gives them, so that the same file scores what it taught.
//
// It promises: the same file, options and seed make the same bytes. The points of
// the card, compiled, equal the learned ones on every row. Figures in the [Report]
// are of rows that the model had not seen, and, where the file knows its time, of
// later ones beside them. Fewer conversions than can teach anything are refused
// ([TooFew]).
//
// On request a model is written instead: the weights before they are points, or
// boosted trees ([Boost]), as a file that ripen/wasm/scorecard reads, with a card that
// names it. Card and model carry what their scores mean: how probable conversion is,
// and how each band converted, of rows that whoever scored them had not seen.
//
// [Snapshots] makes a table of leads' histories instead: what the log knew of each at
// one moment, and whether the card's label came true since ([FeaturesVersion] lists what
// it knows). Rules and models' features for what people do count what the column
// counted. Beside a card in force, the report says which of the two is better on the
// latest moments ([Champion]); the learned card takes over the bands, gates and actions of
// the other as far as they make sense in it, and the report names what does not.
//
// It does not: store anything, read the log itself, or publish.
package train
