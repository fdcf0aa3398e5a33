package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"ripen/tracker"
)

// TypologyOptions say how types are sought.
type TypologyOptions struct {
	Types    int      // how many; 0 = as many as are told apart best, from 2 to 8
	Columns  []string // alone, by name; empty = all that segments can ask for
	Seed     uint64   // of the samples
	Name     string   // of the segments, before the number; empty = type, or tipo
	Language string
	Progress func(done, total int) // told after each number of types; may be nil
}

// Typology is kinds of people, each with the rule of a segment.
type Typology struct {
	People     int          `json:"people"`
	Columns    []string     `json:"columns"`    // that they are told apart by
	Silhouette float64      `json:"silhouette"` // of the types as the rules make them
	Medoids    float64      `json:"silhouette_medoids"`
	Agree      float64      `json:"agree"` // share of people whom the rules put where they are nearest to
	Tried      []TriedTypes `json:"tried"`
	Seed       uint64       `json:"seed"`
	Label      string       `json:"label,omitempty"` // the column that says who converted
	Types      []Type       `json:"types"`           // the most frequent first
	LeftOut    []LeftOut    `json:"left_out"`
}

// TriedTypes is how well a number of types was told apart.
type TriedTypes struct {
	Types      int     `json:"types"`
	Silhouette float64 `json:"silhouette"`
	Why        string  `json:"why,omitempty"` // it is not taken
}

// Type is one kind of people.
type Type struct {
	Segment  string   `json:"segment"`
	Title    string   `json:"title"` // in a few words
	People   int      `json:"people"`
	Share    float64  `json:"share"`
	Rate     *float64 `json:"rate,omitempty"` // how many of them converted, if that is known
	Traits   []Trait  `json:"traits"`         // in what they differ most from the others
	When     string   `json:"when"`
	Sentence string   `json:"sentence"`
	YAML     string   `json:"yaml"`
}

// Trait is in what a type differs from the others.
type Trait struct {
	Column string  `json:"column"`
	Value  string  `json:"value,omitempty"` // of a category
	Theirs float64 `json:"theirs"`          // the mean, or the share of the value
	Others float64 `json:"others"`
	Far    float64 `json:"standard_deviations"`
	title  string
	words  string
}

// NoTypes is the refusal to name types that are none.
type NoTypes struct {
	Why   string
	Tried []TriedTypes
}

func (e *NoTypes) Error() string { return e.Why }

// What types must be like. Below a silhouette of 0.25 there is no structure worth the
// name (Kaufman and Rousseeuw 1990, table 4), below 0.5 it may be made by the method.
const (
	leastPeople     = 100
	leastShare      = .03
	leastAgree      = .8
	leastSilhouette = .25
	nearlyAsGood    = .05 // of the silhouette: fewer types are easier to keep in mind
	typesMost       = 8
	namedMost       = 8  // values of a category that count by themselves
	traitsMost      = 3  // that are told
	traitLeast      = .3 // standard deviations
)

// ReadPeople reads a CSV file as [ReadTable] does, of which nobody needs to say who
// converted; where o names a Label it is told of each type.
func ReadPeople(r io.Reader, o *Options) (*Table, error) {
	if o.Label != "" {
		return ReadTable(r, o)
	}
	head, cells, err := readCells(r, o.Sep)
	if err != nil {
		return nil, err
	}
	t := &Table{}
	if len(cells) > 0 {
		t.y = make([]uint8, len(cells[0]))
	}
	t.readColumns(head, cells, o)
	return t, nil
}

// FindTypes finds kinds of people by k-medoids, and rules that put everybody into one of
// them: what a segment can ask, so that leads carry their type from then on. The same
// people, options and seed make the same bytes. If there are none worth naming its error
// is [NoTypes].
func FindTypes(ctx context.Context, t *Table, o TypologyOptions) (*Typology, error) {
	o.Name = cmp.Or(o.Name, say(o.Language, "type", "tipo"))
	if o.Types < 0 || o.Types == 1 || o.Types > typesMost {
		return nil, fmt.Errorf("%d types: need 2 to %d", o.Types, typesMost)
	}
	t, err := t.askable(&o)
	if err != nil {
		return nil, err
	}
	if t.Len() < leastPeople {
		return nil, &NoTypes{Why: fmt.Sprintf(say(o.Language, "%d people are too few for types: need %d", "%d personas son pocas para tipos: hacen falta %d"), t.Len(), leastPeople)}
	}
	s := &search{t: t, o: &o, space: newSpace(t), asks: questions(t), rows: t.allRows()}
	for i := range min(askedMost, t.Len()) { // evenly through all
		s.asked = append(s.asked, i*t.Len()/min(askedMost, t.Len()))
	}
	s.apart = s.space.among(s.asked)
	from, to := 2, typesMost
	if o.Types > 0 {
		from, to = o.Types, o.Types
	}
	for k := from; k <= to; k++ {
		s.try(k)
		if o.Progress != nil {
			o.Progress(k-from+1, to-from+1)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	if len(s.found) == 0 {
		return nil, s.none()
	}
	top := slices.MaxFunc(s.found, func(a, b *found) int { return cmp.Compare(a.silhouette, b.silhouette) })
	for _, f := range s.found { // the fewest first
		if s.best == nil && f.silhouette >= top.silhouette-nearlyAsGood {
			s.best = f
		}
	}
	return s.tell(), nil
}

// askable is the table with the columns that segments can ask for, of those named.
func (t *Table) askable(o *TypologyOptions) (*Table, error) {
	out := *t
	out.columns, out.leftOut = nil, slices.Clone(t.leftOut)
	unknown := slices.Clone(o.Columns)
	for _, c := range t.columns {
		is := func(name string) bool {
			return name == c.name || name == c.attr || c.does != nil && name == c.does.event
		}
		switch {
		case !askable(c):
			if c.does == nil {
				out.leftOut = append(out.leftOut, LeftOut{c.name, say(o.Language, "segments cannot ask for it", "los segmentos no pueden preguntar por ello")})
			}
		case len(o.Columns) > 0 && !slices.ContainsFunc(o.Columns, is):
		default:
			out.columns = append(out.columns, c)
			unknown = slices.DeleteFunc(unknown, is)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("columns: there is no %q that segments can ask for", unknown[0])
	}
	if len(out.columns) == 0 {
		return nil, errors.New("no column is left that segments can ask for")
	}
	return &out, nil
}

// search is a search for types.
type search struct {
	t     *Table
	o     *TypologyOptions
	space *space
	asks  []question
	rows  []int
	asked []int // rows whose silhouette is measured
	apart [][]float32
	tried []TriedTypes
	found []*found // that are worth naming
	best  *found
}

// found are types.
type found struct {
	k                          int
	sorter                     *sorter
	of                         []int // :: row → type, by the rules
	silhouette, medoids, agree float64
}

// try looks for a number of types.
func (s *search) try(k int) {
	near, _ := s.space.nearest(s.space.medoids(k, s.o.Seed))
	f := &found{k: k, sorter: growSorter(s.asks, s.rows, near, k, 0), of: make([]int, len(near))}
	n, same := make([]int, k), 0
	for i := range near {
		f.of[i] = f.sorter.of(i)
		n[f.of[i]]++
		same += int(bit(f.of[i] == near[i]))
	}
	f.agree = float64(same) / float64(len(near))
	of, own := make([]int, len(s.asked)), make([]int, len(s.asked))
	for i, r := range s.asked {
		of[i], own[i] = f.of[r], near[r]
	}
	f.silhouette, f.medoids = silhouette(s.apart, of, k), silhouette(s.apart, own, k)
	tried := TriedTypes{Types: k, Silhouette: f.silhouette}
	switch {
	case float64(slices.Min(n)) < leastShare*float64(len(near)):
		tried.Why = fmt.Sprintf(say(s.o.Language, "one of them has %d people, fewer than %.0f %%", "uno de ellos tiene %d personas, menos del %.0f %%"), slices.Min(n), 100*leastShare)
	case f.agree < leastAgree:
		tried.Why = fmt.Sprintf(say(s.o.Language, "rules that can be read find only %.0f %% of people again", "reglas que se puedan leer solo reencuentran al %.0f %% de las personas"), 100*f.agree)
	case f.silhouette <= leastSilhouette:
		tried.Why = say(s.o.Language, "they run into one another", "se confunden unos con otros")
	default:
		s.found = append(s.found, f)
	}
	s.tried = append(s.tried, tried)
}

// none says why nothing was found.
func (s *search) none() error {
	best := slices.MaxFunc(s.tried, func(a, b TriedTypes) int { return cmp.Compare(a.Silhouette, b.Silhouette) })
	why := fmt.Sprintf(say(s.o.Language,
		"there are no types worth naming: of %d columns the best, %d types, have a silhouette of %.2f (%s); it takes more than %.2f. Fewer columns that belong together may have some: --columns A,B,C",
		"no hay tipos que merezcan un nombre: con %d columnas los mejores, %d tipos, tienen una silueta de %.2f (%s); hace falta más de %.2f. Menos columnas que vayan juntas puede que los tengan: --columns A,B,C"),
		len(s.t.columns), best.Types, best.Silhouette, best.Why, leastSilhouette)
	return &NoTypes{Why: why, Tried: s.tried}
}

// tell names and describes what was found.
func (s *search) tell() *Typology {
	f := s.best
	out := &Typology{
		People: s.t.Len(), Columns: []string{}, Silhouette: f.silhouette, Medoids: f.medoids, Agree: f.agree, Tried: s.tried, Seed: s.o.Seed,
		Label: s.t.label, LeftOut: append([]LeftOut{}, s.t.leftOut...),
	}
	for _, c := range s.t.columns {
		out.Columns = append(out.Columns, s.called(c))
	}
	n := countGroups(s.rows, f.of, f.k)
	order := make([]int, f.k)
	for g := range order {
		order[g] = g
	}
	slices.SortStableFunc(order, func(a, b int) int { return n[b] - n[a] })
	rules := f.sorter.rules(f.k)
	for i, g := range order {
		t := Type{Segment: fmt.Sprintf("%s_%d", s.o.Name, i+1), People: n[g], Share: float64(n[g]) / float64(out.People), Traits: s.traits(g)}
		if s.t.label != "" {
			k := 0
			for r, of := range f.of {
				k += int(bit(of == g)) * int(s.t.y[r])
			}
			rate := float64(k) / float64(n[g])
			t.Rate = &rate
		}
		t.When = either(rules[g])
		s.describe(&t, i+1, out.Types)
		out.Types = append(out.Types, t)
	}
	return out
}

// either is that one of some rules holds.
func either(rules []string) string {
	if len(rules) == 1 {
		return rules[0]
	}
	return "(" + strings.Join(rules, ") || (") + ")"
}

// called is what a column is called, for people.
func (s *search) called(c *column) string {
	if c.does != nil {
		return c.does.event
	}
	return c.name
}

// traits are in what a type differs most from the others.
func (s *search) traits(g int) []Trait {
	list := []Trait{}
	for _, c := range s.t.columns {
		if c.kind == number {
			list = append(list, s.trait(c, g, "", func(r int) float64 { return c.nums[r] }))
			continue
		}
		best := Trait{}
		k := cutCategories(c, s.rows, coarseness{named: namedMost, rarest: max(1, s.t.Len()/100)})
		for _, code := range k.named {
			x := s.trait(c, g, c.values[code], func(r int) float64 { return float64(bit(c.codes[r] == code)) })
			if x.Far > best.Far { // what they are says more than what they are not
				best = x
			}
		}
		list = append(list, best)
	}
	list = slices.DeleteFunc(list, func(x Trait) bool { return math.Abs(x.Far) < traitLeast })
	slices.SortStableFunc(list, func(a, b Trait) int { return cmp.Compare(math.Abs(b.Far), math.Abs(a.Far)) })
	return list[:min(len(list), traitsMost)]
}

// trait compares a value of a type with that of the others.
func (s *search) trait(c *column, g int, value string, v func(row int) float64) Trait {
	var n, sum, square [2]float64
	for r, of := range s.best.of {
		if x := v(r); !math.IsNaN(x) {
			side := bit(of != g)
			n[side]++
			sum[side] += x
			square[side] += x * x
		}
	}
	x := Trait{Column: s.called(c), Value: value, Theirs: sum[0] / max(n[0], 1), Others: sum[1] / max(n[1], 1)}
	all := n[0] + n[1]
	mean := (sum[0] + sum[1]) / max(all, 1)
	if spread := math.Sqrt(max((square[0]+square[1])/max(all, 1)-mean*mean, 0)); spread > 0 && n[0] > 0 && n[1] > 0 {
		x.Far = (x.Theirs - x.Others) / spread
	}
	s.word(c, &x)
	return x
}

// word says a trait in words.
func (s *search) word(c *column, x *Trait) {
	lang, name := s.o.Language, short(printable(x.Column), 40)
	up := x.Far > 0
	pick := func(more, less [2]string) string {
		if up {
			return say(lang, more[0], more[1])
		}
		return say(lang, less[0], less[1])
	}
	switch {
	case c.does != nil:
		x.title = fmt.Sprintf(pick([2]string{"often %s", "%s a menudo"}, [2]string{"rarely %s", "%s casi nunca"}), name)
		x.words = fmt.Sprintf(say(lang, "%s%s (%.1f against %.1f)", "%s%s (%.1f frente a %.1f)"), times(lang, x), name, x.Theirs, x.Others)
	case c.kind == number:
		x.title = fmt.Sprintf(pick([2]string{"high %s", "%s por encima"}, [2]string{"low %s", "%s por debajo"}), name)
		x.words = fmt.Sprintf(say(lang, "%s %s on average against %s", "%s %s de media frente a %s"), name, figure(x.Theirs), figure(x.Others))
	default:
		value := short(printable(x.Value), 40)
		x.title = fmt.Sprintf("%s %s", name, value)
		x.words = fmt.Sprintf(say(lang, "%s %s: %.0f %% against %.0f %%", "%s %s: %.0f %% frente a %.0f %%"), name, value, 100*x.Theirs, 100*x.Others)
	}
}

// times says how much more or less often something is done.
func times(lang string, x *Trait) string {
	if x.Others == 0 || x.Theirs == 0 {
		return ""
	}
	switch ratio := x.Theirs / x.Others; {
	case ratio >= 1.8 && ratio <= 2.2:
		return say(lang, "twice as many ", "el doble de ")
	case ratio >= .45 && ratio <= .55:
		return say(lang, "half as many ", "la mitad de ")
	default:
		return fmt.Sprintf(say(lang, "%.1f times as many ", "%.1f veces los demás en "), ratio)
	}
}

func figure(v float64) string {
	if math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// describe writes the sentence of a type and its segment.
func (s *search) describe(t *Type, number int, before []Type) {
	lang := s.o.Language
	t.Title = say(lang, "all others", "los demás")
	if len(t.Traits) > 0 {
		var titles []string
		for i, x := range t.Traits {
			if i < 2 || slices.ContainsFunc(before, func(b Type) bool { return b.Title == t.Title }) {
				titles = append(titles, x.title)
				t.Title = strings.Join(titles, ", ")
			}
		}
	}
	var words []string
	for _, x := range t.Traits {
		words = append(words, x.words)
	}
	t.Sentence = fmt.Sprintf(say(lang, "Type %d, *%s*: %.0f %% of people (%d)", "Tipo %d, *%s*: el %.0f %% de las personas (%d)"), number, t.Title, 100*t.Share, t.People)
	if len(words) > 0 {
		t.Sentence += "; " + strings.Join(words, "; ")
	}
	if t.Rate != nil {
		t.Sentence += fmt.Sprintf(say(lang, "; %.0f %% converted", "; convirtió el %.0f %%"), 100**t.Rate)
	}
	t.Sentence += "."
	t.YAML = fmt.Sprintf("segment: %s\nabout: %s\nwhen: %s\n", quoted(t.Segment), quoted(t.Sentence), quoted(t.When))
}

// PeopleNow makes the table of all leads that were taken as they stand, of whom nobody
// asked who converts: what [SnapshotOptions] without a label are for.
func (s *Snapshots) PeopleNow() (*Table, error) {
	s.end()
	if len(s.rows) == 0 {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "nothing_to_learn", Detail: "no lead that is known by a user id or an e-mail has done anything"}
	}
	t := &Table{y: make([]uint8, len(s.rows)), log: &s.about}
	s.attributes(t)
	s.behaviours(t)
	return t, nil
}
