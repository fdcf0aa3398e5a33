package train

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

// Usefulness says of each attribute, and of each thing that people do, what it is good
// for when one wants to know who converts: which questions need not be asked any more.
type Usefulness struct {
	Label       string    `json:"label"`
	Positive    string    `json:"positive"`
	Rows        int       `json:"rows"`
	Conversions int       `json:"conversions"`
	Rate        float64   `json:"rate"`
	Seed        uint64    `json:"seed"`
	AUC         float64   `json:"auc"`      // of a card that has all of it, on rows held out
	HeldOut     int       `json:"held_out"` // rows that were asked so
	Things      []Useful  `json:"things"`   // the most useful first
	LeftOut     []LeftOut `json:"left_out"`
	Log         *FromLog  `json:"log,omitempty"` // what the rows were made of, if not of a file
}

// Useful is what one attribute or one thing that people do is good for.
type Useful struct {
	Name      string `json:"name"`
	Attribute string `json:"attribute"` // its name in the tracker; of what people do, that of the window that tells most
	Kind      string `json:"kind"`      // number, category or event
	Bins      int    `json:"bins"`      // that hold anybody; no answer is one of them

	Answered float64 `json:"answered"`    // share of rows with an answer; of an event, that did it
	Rate     float64 `json:"rate"`        // how many of them converted
	Absent   float64 `json:"rate_absent"` // and of the others

	Information float64    `json:"information"`        // information value
	Chance      float64    `json:"information_chance"` // what says nothing stays below it 95 times in 100
	Alone       float64    `json:"auc_alone"`          // each fold scored by the rates of the others
	Gain        float64    `json:"auc_gain"`           // what the card loses without it: leave one out
	Between     [2]float64 `json:"auc_gain_95"`        // the gain lies between, 95 times in 100

	Like     string `json:"like,omitempty"` // what says much the same
	Verdict  string `json:"verdict"`        // keep, ask, spare, stop, unclear or leak
	Sentence string `json:"sentence"`

	foreseen bool // it was known long before, however much it tells
}

// What an attribute must tell. The information value from which it tells anything is
// that of Siddiqi (Credit Risk Scorecards, 2006): below 0.02 nothing, to 0.1 little, to
// 0.3 some, above much. Beside it stands what chance alone reaches.
const (
	leastInformation = .02
	muchInformation  = .1
	spareGain        = .005 // AUC; what surely adds less is not missed
	fewAnswers       = .5
	muchLike         = .5 // Cramér's V
)

// thing is an attribute, or all columns that count one thing.
type thing struct {
	columns []int
	name    string
	kind    string
}

// things puts columns together that count the same in several windows.
func (t *Table) things(lang string) (out []thing) {
	at := map[aspect]int{}
	for j, c := range t.columns {
		if c.does == nil {
			out = append(out, thing{[]int{j}, c.name, [...]string{"number", "category"}[c.kind]})
			continue
		}
		i, ok := at[c.does.aspect]
		if !ok {
			i = len(out)
			at[c.does.aspect], out = i, append(out, thing{name: c.does.what(lang), kind: "event"})
		}
		out[i].columns = append(out[i].columns, j)
	}
	return out
}

// MeasureUse learns cards with and without each attribute of a table and says what each
// is good for. Fewer conversions than teach anything are refused ([TooFew]). Of the
// options it asks for Seed, Language and Progress.
func MeasureUse(ctx context.Context, t *Table, o Options) (*Usefulness, error) {
	k := t.Conversions()
	scarce := min(k, t.Len()-k)
	if scarce < leastConversions {
		return nil, &TooFew{k, t.Len() - k}
	}
	m := &useMeasure{
		t: t, o: &o, ctx: ctx, plan: planFor(scarce, nil), fold: folds(t.y, foldsN, o.Seed), things: t.things(o.Language),
		out: &Usefulness{
			Label: t.label, Positive: t.positive, Rows: t.Len(), Conversions: k, Rate: float64(k) / float64(t.Len()),
			Seed: o.Seed, LeftOut: append([]LeftOut{}, t.leftOut...), Log: t.log,
		},
	}
	m.asked = min(foldsN, max(1, heldOutEnough/t.Len()))
	if err := m.gains(); err != nil {
		return nil, err
	}
	rows := t.allRows()
	m.by = cuts(t, rows, m.plan.coarseness)
	m.bins = binned(t, m.by, rows)
	for i := range m.things {
		m.out.Things = append(m.out.Things, m.look(i))
	}
	m.judge()
	return m.out, ctx.Err()
}

// heldOutEnough is how many rows, held out of so many folds, tell the AUC finely
// enough: it bounds the cards that are learned.
const heldOutEnough = 25_000

// useMeasure is a measurement under way.
type useMeasure struct {
	t      *Table
	o      *Options
	ctx    context.Context
	plan   plan
	fold   []int
	asked  int // of the folds
	things []thing
	gain   []float64 // :: thing → what the AUC loses without it
	noise  []float64 // :: thing → its variance
	by     []*cut
	bins   [][]uint8
	out    *Usefulness
}

// gains learns on all but one fold, with everything and without each thing, and asks
// about that fold. A card that does not use a thing loses nothing without it.
func (m *useMeasure) gains() error {
	m.gain, m.noise = make([]float64, len(m.things)), make([]float64, len(m.things))
	done, total := 0, m.asked*len(m.things)
	for f := range m.asked {
		ask, fit := parted(m.fold, f)
		whole := fitCard(m.t, fit, m.plan)
		p, y := whole.chances(m.t, ask), m.t.labels(ask)
		m.out.HeldOut += len(ask)
		m.out.AUC += auc(p, y) / float64(m.asked)
		for i, x := range m.things {
			if slices.ContainsFunc(x.columns, func(j int) bool { return slices.Contains(whole.used, j) }) {
				part := m.plan
				part.skip = make([]bool, len(m.t.columns))
				for _, j := range x.columns {
					part.skip[j] = true
				}
				d, v := lost(p, fitCard(m.t, fit, part).chances(m.t, ask), y)
				m.gain[i] += d / float64(m.asked)
				m.noise[i] += v / float64(m.asked*m.asked)
			}
			if done++; m.o.Progress != nil {
				m.o.Progress(done, total)
			}
			if err := m.ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// look measures a thing. Of several windows the one that tells most is shown.
func (m *useMeasure) look(i int) Useful {
	x := &m.things[i]
	best := 0
	for k := range x.columns {
		if m.information(x.columns[k]) > m.information(x.columns[best]) {
			best = k
		}
	}
	j := x.columns[best]
	x.columns = append([]int{j}, slices.Delete(x.columns, best, best+1)...)
	half := 1.96 * math.Sqrt(m.noise[i])
	by := alone(m.t, j, m.fold, foldsN, m.plan.coarseness)
	n := held(m.bins[j], m.by[j].n)
	p := float64(m.out.Conversions)
	u := Useful{
		Name: x.name, Attribute: m.t.columns[j].attr, Kind: x.kind, Bins: n,
		Information: m.information(j), Chance: byChance(n, p, float64(m.out.Rows)-p, len(x.columns)),
		Alone: auc(by, m.t.y), foreseen: m.t.foresees(j, by),
		Gain: m.gain[i], Between: [2]float64{m.gain[i] - half, m.gain[i] + half},
	}
	yes, no, k := 0.0, 0.0, 0.0
	for r, y := range m.t.y {
		if m.says(x, r) {
			yes++
			k += float64(y)
		} else {
			no += float64(y)
		}
	}
	all := float64(m.out.Rows)
	u.Answered, u.Rate, u.Absent = yes/all, k/max(yes, 1), no/max(all-yes, 1)
	return u
}

func (m *useMeasure) information(j int) float64 {
	return information(m.bins[j], m.by[j].n, m.t.y)
}

// says is whether a row has an answer, or did the thing in any window.
func (m *useMeasure) says(x *thing, row int) bool {
	return slices.ContainsFunc(x.columns, func(j int) bool {
		c := m.t.columns[j]
		return c.answered(row) && (c.does == nil || c.does.silence || c.nums[row] > 0)
	})
}

// held is how many bins hold a row.
func held(bins []uint8, n int) (k int) {
	have := make([]bool, n)
	for _, b := range bins {
		if !have[b] {
			have[b] = true
			k++
		}
	}
	return k
}

// judge gives each thing its verdict and its sentence, and puts them in order.
func (m *useMeasure) judge() {
	for i := range m.out.Things {
		u := &m.out.Things[i]
		speaks := u.Information >= leastInformation && u.Information > u.Chance
		adds := u.Between[0] > 0
		switch {
		case (u.Alone > alarmAlone || u.Information > alarmInformation) && !u.foreseen:
			u.Verdict = "leak"
		case !speaks && !adds && u.Chance > muchInformation:
			u.Verdict = "unclear"
		case !speaks && !adds:
			u.Verdict = "stop"
		case !adds && u.Between[1] < spareGain:
			u.Verdict = "spare"
			u.Like = m.like(i)
		case u.Answered < fewAnswers && u.Kind != "event":
			u.Verdict = "ask"
		default:
			u.Verdict = "keep"
		}
	}
	m.settle()
	for i := range m.out.Things {
		u := &m.out.Things[i]
		if u.Verdict == "spare" && u.Like == "" && slices.ContainsFunc(m.out.Things, func(o Useful) bool { return o.Like == u.Name }) {
			u.Verdict = "keep" // others go because this one stays
		}
		u.Sentence = u.sentence(m.o.Language)
	}
	slices.SortStableFunc(m.out.Things, func(a, b Useful) int {
		return cmp.Or(slices.Index(verdicts, a.Verdict)-slices.Index(verdicts, b.Verdict), cmp.Compare(b.Gain, a.Gain), cmp.Compare(b.Information, a.Information))
	})
}

// settle lets what is not needed point at what stays: each points at a stronger one, so
// that comes to an end.
func (m *useMeasure) settle() {
	at := map[string]*Useful{}
	for i := range m.out.Things {
		at[m.out.Things[i].Name] = &m.out.Things[i]
	}
	for _, u := range at {
		for u.Like != "" && at[u.Like].Like != "" {
			u.Like = at[u.Like].Like
		}
	}
}

// verdicts, the most useful first.
var verdicts = []string{"leak", "keep", "ask", "unclear", "spare", "stop"}

// like is the more telling thing that says most of the same, if any does: of two that
// say the same only one is not needed.
func (m *useMeasure) like(i int) (name string) {
	best, a := muchLike, m.things[i].columns[0]
	for k, x := range m.things {
		b := x.columns[0]
		stronger := cmp.Or(cmp.Compare(m.gain[k], m.gain[i]), cmp.Compare(m.information(b), m.information(a)), i-k)
		if stronger <= 0 {
			continue
		}
		if v := cramer(m.bins[a], m.by[a].n, m.bins[b], m.by[b].n); v >= best {
			best, name = v, x.name
		}
	}
	return name
}

// cramer is Cramér's V of two columns of bins: 0 = neither says anything of the other,
// 1 = one follows from the other.
func cramer(a []uint8, n int, b []uint8, k int) float64 {
	both := make([]float64, n*k)
	rows, columns := make([]float64, n), make([]float64, k)
	for i := range a {
		both[int(a[i])*k+int(b[i])]++
		rows[a[i]]++
		columns[b[i]]++
	}
	chi := -1.0
	for i := range n {
		for j := range k {
			if rows[i]*columns[j] > 0 {
				chi += both[i*k+j] * both[i*k+j] / (rows[i] * columns[j])
			}
		}
	}
	if least := min(held(a, n), held(b, k)) - 1; least > 0 {
		return math.Sqrt(max(chi, 0) / float64(least))
	}
	return 0
}

// sentence says what to do, to people.
func (u *Useful) sentence(lang string) string {
	name, share := short(printable(u.Name), 60), percent(u.Answered)
	event := u.Kind == "event"
	switch {
	case u.Verdict == "leak" && event:
		return fmt.Sprintf(say(lang, "Look at %s: it is too good to be true (AUC alone %.2f, IV %.1f). If it is part of converting, drop it.", "Mira %s: es demasiado bueno para ser verdad (AUC solo %.2f, IV %.1f). Si es parte de convertir, quítalo."), name, u.Alone, u.Information)
	case u.Verdict == "leak":
		return fmt.Sprintf(say(lang, "Look at %s: it is too good to be true (AUC alone %.2f, IV %.1f). If it is written after the outcome, drop it.", "Mira %s: es demasiado bueno para ser verdad (AUC solo %.2f, IV %.1f). Si se escribe después del resultado, quítalo."), name, u.Alone, u.Information)
	case u.Verdict == "unclear":
		return fmt.Sprintf(say(lang, "%s: too few converted to tell (an IV up to %.2f is chance).", "%s: convirtieron demasiado pocos para saberlo (un IV de hasta %.2f es azar)."), name, u.Chance)
	case u.Verdict == "stop" && event:
		return fmt.Sprintf(say(lang, "Give no points for %s: done by %s, says nothing about who converts (IV %.2f).", "No des puntos por %s: lo hace el %s, no dice nada de quién convierte (IV %.2f)."), name, share, u.Information)
	case u.Verdict == "stop":
		return fmt.Sprintf(say(lang, "Ask no longer for %s: answered by %s, says nothing about who converts (IV %.2f).", "Deja de preguntar por %s: lo contesta el %s, no dice nada de quién convierte (IV %.2f)."), name, share, u.Information)
	case u.Verdict == "spare" && u.Like != "":
		return fmt.Sprintf(say(lang, "%s is not needed: %s says the same (without it the card loses at most %.4f AUC).", "%s sobra: %s ya dice lo mismo (sin ello la tarjeta pierde como mucho %.4f de AUC)."), name, short(printable(u.Like), 60), max(u.Between[1], 0))
	case u.Verdict == "spare":
		return fmt.Sprintf(say(lang, "%s is not needed: all the others together say it, too (without it the card loses at most %.4f AUC).", "%s sobra: entre todos los demás ya lo dicen (sin ello la tarjeta pierde como mucho %.4f de AUC)."), name, max(u.Between[1], 0))
	case u.Verdict == "ask":
		return fmt.Sprintf(say(lang, "Ask more people for %s: only %s answered, and it tells who converts (IV %.2f).", "Pregunta por %s a más gente: solo contestó el %s, y dice quién convierte (IV %.2f)."), name, share, u.Information)
	case event && u.Answered < 1:
		return fmt.Sprintf(say(lang, "Go on counting %s: of those who did it %s converted, of the others %s.", "Sigue contando %s: de quienes lo hicieron convirtió el %s, de los demás el %s."), name, percent(u.Rate), percent(u.Absent))
	case event:
		return fmt.Sprintf(say(lang, "Go on counting %s: it tells who converts (IV %.2f).", "Sigue contando %s: dice quién convierte (IV %.2f)."), name, u.Information)
	case u.Between[0] <= 0:
		return fmt.Sprintf(say(lang, "Go on asking for %s: it tells who converts (IV %.2f).", "Sigue preguntando por %s: dice quién convierte (IV %.2f)."), name, u.Information)
	}
	return fmt.Sprintf(say(lang, "Go on asking for %s: without it the card loses %.4f AUC (IV %.2f).", "Sigue preguntando por %s: sin ello la tarjeta pierde %.4f de AUC (IV %.2f)."), name, u.Gain, u.Information)
}
