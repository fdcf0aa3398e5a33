package train

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
