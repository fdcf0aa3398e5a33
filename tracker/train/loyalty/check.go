package loyalty

import (
	"cmp"
	"slices"
)

// Trial is what came of hiding the latest purchases from a model.
type Trial struct {
	Weeks     float64 `json:"weeks"`     // that were hidden
	Customers int     `json:"customers"` // known before
	Said      float64 `json:"said"`      // purchases that the model expected
	Were      float64 `json:"were"`      // purchases that came
	AUC       float64 `json:"auc"`       // of expected purchases: a buyer stands above a non-buyer
	AUCSilent float64 `json:"auc_recency"`
	TopTenth  float64 `json:"top_tenth"` // share of the hidden purchases made by the best tenth
	Lift      float64 `json:"lift"`      // of buyers in the best tenth, against all
}

// auc is the chance that one of those that hold has a higher value than one of those
// that do not; ties count half. It is 0.5 where there are not both.
func auc(values []float64, holds []bool) float64 {
	at := make([]int, len(values))
	for i := range at {
		at[i] = i
	}
	slices.SortFunc(at, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	ranks, yes, no := 0.0, 0.0, 0.0
	for i := 0; i < len(at); {
		j := i
		for j < len(at) && cmp.Compare(values[at[j]], values[at[i]]) == 0 {
			j++
		}
		for _, k := range at[i:j] {
			if holds[k] {
				yes++
				ranks += float64(i+j+1) / 2
			} else {
				no++
			}
		}
		i = j
	}
	if yes == 0 || no == 0 {
		return 0.5
	}
	return (ranks - yes*(yes+1)/2) / (yes * no)
}

// Try fits a kind to the first two thirds of the time the lines cover, at most the
// last year aside, and sees what it says of the rest.
func Try(kind Kind, lines []Purchase, until int) (*Trial, error) {
	first := until
	for _, p := range lines {
		first = min(first, p.Day)
	}
	hidden := min((until-first)/3, 364)
	return try(kind, lines, until-hidden, until)
}

func try(kind Kind, lines []Purchase, from, until int) (*Trial, error) {
	known := Buyers(lines, from)
	m, err := Fit(kind, known)
	if err != nil {
		return nil, err
	}
	later := map[string]float64{} // :: customer → days with purchases after from
	days := map[[2]any]bool{}
	for _, p := range lines {
		if key := [2]any{p.Customer, p.Day}; p.Day > from && p.Day <= until && !days[key] {
			days[key] = true
			later[p.Customer]++
		}
	}
	t := &Trial{Weeks: float64(until-from) / week, Customers: len(known)}
	said, silent, came := make([]float64, len(known)), make([]float64, len(known)), make([]bool, len(known))
	for i, b := range known {
		said[i] = m.Expect(b, t.Weeks)
		silent[i] = b.Last - b.Age
		came[i] = later[b.ID] > 0
		t.Said += said[i]
		t.Were += later[b.ID]
	}
	t.AUC, t.AUCSilent = auc(said, came), auc(silent, came)
	t.top(known, said, later)
	return t, nil
}

// top sees how much of what came later the best tenth made.
func (t *Trial) top(known []Buyer, said []float64, later map[string]float64) {
	at := make([]int, len(known))
	came := 0.0
	for i := range at {
		at[i] = i
		if later[known[i].ID] > 0 {
			came++
		}
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(said[b], said[a]) })
	best := at[:(len(at)+9)/10]
	bought, buyers := 0.0, 0.0
	for _, i := range best {
		bought += later[known[i].ID]
		if later[known[i].ID] > 0 {
			buyers++
		}
	}
	if t.Were > 0 {
		t.TopTenth = bought / t.Were
		t.Lift = buyers / float64(len(best)) / (came / float64(len(at)))
	}
}
