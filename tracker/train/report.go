package train

import "cmp"

// Report is what was learned, and what to think of it.
type Report struct {
	Label       string       `json:"label"`    // the column that says who converted
	Positive    string       `json:"positive"` // and its value
	Rows        int          `json:"rows"`
	Conversions int          `json:"conversions"`
	Rate        float64      `json:"rate"`
	Censored    int          `json:"censored"` // rows without a label: not counted
	Seed        uint64       `json:"seed"`
	Folds       int          `json:"folds"`
	Plan        string       `json:"plan"` // card, or constrained
	Models      []Model      `json:"models"`
	Wrote       string       `json:"wrote"` // the name of the model that the card, or the file, is of
	Best        string       `json:"best"`  // the model that ranks best, by Random or, if there is one, by Time
	Leaks       []Leak       `json:"leaks"` // attributes that look written after the outcome
	Sound       *Measures    `json:"sound"` // of the card without them; null if there are none
	Attributes  []Attribute  `json:"attributes"`
	Deciles     []Decile     `json:"deciles"` // of the card, the best first
	ROC         [][2]float64 `json:"roc"`     // of the card: share of the others, share of conversions, both above a threshold
	Curve       []Chance     `json:"curve"`   // calibrated probability by the card's points
	Platt       [2]float64   `json:"platt"`   // slope and shift that would calibrate the card's log-odds; 1 and 0 are right already
	LeftOut     []LeftOut    `json:"left_out"`
	Notes       []string     `json:"notes"`
	Champion    *Champion    `json:"champion"`      // null if no card of the name is in force
	Log         *FromLog     `json:"log,omitempty"` // what the rows were made of, if not of a file
}

// Model is how good one way of learning is, on rows it had not seen.
type Model struct {
	Name   string    `json:"name"`   // card, exact, logistic, trees
	Random Measures  `json:"random"` // rows held out at random
	Within *float64  `json:"within"` // AUC among rows of one period, the same predictions; null without time
	Time   *Measures `json:"time"`   // learned on the first 70 %, asked about the rest; null without time
}

// Leak is an attribute that knows too much.
type Leak struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Attribute is how useful one attribute is.
type Attribute struct {
	Name        string   `json:"name"`
	Attribute   string   `json:"attribute"` // its name in the tracker and the card
	Kind        string   `json:"kind"`      // number or category
	Answered    float64  `json:"answered"`  // share of rows with an answer
	Information float64  `json:"information"`
	Alone       float64  `json:"auc_alone"`
	Gain        float64  `json:"auc_gain"`    // what the AUC loses without it
	Share       float64  `json:"share"`       // of the spread of the card's points
	TreeShare   float64  `json:"tree_share"`  // of what the trees gain
	Drift       *float64 `json:"drift"`       // population stability index, first 70 % against the rest; null without time
	Ages        bool     `json:"ages"`        // it drifts with the age of leads at their moments, whoever they are
	Advice      string   `json:"advice"`      // keep, drop, leak
	Missing     float64  `json:"rate_absent"` // how many converted of those without an answer
}

// Decile is a tenth of the rows.
type Decile struct {
	Rows        int     `json:"rows"`
	Conversions int     `json:"conversions"`
	Rate        float64 `json:"rate"`
	Said        float64 `json:"said"` // the mean of the probabilities
	Lift        float64 `json:"lift"`
}

// Chance is a calibrated probability: of so many rows at these points, from one point
// of the curve to the next, as many converted.
type Chance struct {
	Points int     `json:"points"`
	P      float64 `json:"p"`
	Rows   int     `json:"rows"`
}

// Written is the model that the card, or the file, is of.
func (r *Report) Written() *Model {
	for i := range r.Models {
		if r.Models[i].Name == cmp.Or(r.Wrote, "card") {
			return &r.Models[i]
		}
	}
	return &r.Models[0]
}

// driftedShare is how much of a card's points may hang on what has changed before the
// card is not to be believed.
const driftedShare = 1. / 3

// Drifted says how far what is known of people has changed between the first part of
// the time and the rest: the greatest stability index, the names of what has changed,
// and whether a third of the card or more hangs on them. What changes as leads grow
// older is left out.
func (r *Report) Drifted() (most float64, names []string, alarm bool) {
	share := 0.0
	for _, a := range r.Attributes {
		if a.Drift == nil || a.Ages {
			continue
		}
		most = max(most, *a.Drift)
		if *a.Drift > alarmDrift && a.Share > 0 {
			names, share = append(names, a.Name), share+a.Share
		}
	}
	return most, names, share >= driftedShare
}
