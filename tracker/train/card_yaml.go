package train

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// itemsMax is how many values one rule may list.
const itemsMax = 256

// yaml writes the card in the language of scorecards: a group for each attribute or
// behaviour, a rule for each run of bins with the same points. Points of nothing have
// no rule.
func (c *Card) yaml(rows []int, t *training) []byte {
	r, o := t.report, t.o
	w := &cardWriter{card: c, lang: o.Language, taken: map[string]bool{}}
	sums := c.sums(c.t, rows)
	from, to := slices.Min(sums), slices.Max(sums)
	if from == to {
		to++
	}
	w.head(r)
	fmt.Fprintf(&w.out, "scorecard: %s\nlanguage: %s\n", w.name(o.Name), say(o.Language, "en", "es"))
	w.foresees(t)
	w.out.WriteString("\ndimensions:\n")
	var of []string
	shares := c.shares(c.t, rows)
	w.order = make([]int, len(c.used))
	for i := range w.order {
		w.order[i] = i
	}
	slices.SortStableFunc(w.order, func(a, b int) int { return cmp.Compare(shares[c.used[b]], shares[c.used[a]]) })
	if w.dimension("fit", "attributes", false) {
		of = append(of, "{dimension: fit}")
	}
	if w.dimension("engagement", "behaviour", true) {
		of = append(of, "{dimension: engagement}")
	}
	if of == nil { // a card without a rule is none: one that gives nothing stands in
		fmt.Fprintf(&w.out, "  fit: {kind: attributes, max: 1, groups: {nothing_tells: {rules: [{id: nothing_tells, when: {%s: {exists: true}}, points: 0}]}}}\n", quoted(c.t.columns[0].attr))
		of = append(of, "{dimension: fit}")
	}
	fmt.Fprintf(&w.out, "\nscore:\n  of: [%s]\n  scale: {from: [%d, %d], to: [1, 100]}\n", strings.Join(of, ", "), from, to)
	return w.ends(t, t.calibrate(scored{base: c.base}, float64(from), float64(to)), float64(from), float64(to))
}

// foresees writes what a card that was learned from the log foresees, and how it is
// learned anew.
func (w *cardWriter) foresees(r *training) {
	if r.t.log != nil {
		fmt.Fprintf(&w.out, "label: %s\n", r.t.label)
	}
	if r.o.Plan != "" {
		fmt.Fprintf(&w.out, "learn: %s\n", r.o.Plan)
	}
}

// dimension writes the groups of the attributes, or of what people do; false if there
// are none.
func (w *cardWriter) dimension(name, kind string, does bool) bool {
	head := w.out.Len()
	least, most := w.card.ends(does)
	fmt.Fprintf(&w.out, "  %s:\n    kind: %s\n    min: %d\n    max: %d\n    groups:\n", name, kind, least, max(most, least+1))
	any := false
	for _, i := range w.order {
		if (w.card.t.columns[w.card.used[i]].does != nil) == does {
			any = w.group(i) || any
		}
	}
	if !any {
		w.out.Truncate(head)
	}
	return any
}

// cardWriter is a card on its way to text.
type cardWriter struct {
	card  *Card
	lang  string
	order []int           // of card.used: who moves the score most comes first
	taken map[string]bool // :: names of rules and groups
	out   bytes.Buffer
}

func (w *cardWriter) comment(en, es string, args ...any) {
	for line := range strings.SplitSeq(fmt.Sprintf(say(w.lang, en, es), args...), "\n") {
		fmt.Fprintln(&w.out, strings.TrimSpace("# "+strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029 {
				return ' '
			}
			return r
		}, line)))
	}
}

func (w *cardWriter) head(r *Report) {
	c := w.card
	if c.t.log != nil {
		w.comment("Learned from the log: each of these rows is a lead as of one moment; converted: %s.",
			"Aprendida del registro: cada fila es un lead en un momento; convertir es: %s.", c.t.label)
	}
	w.comment(
		"A scorecard learned from %d rows, of which %d converted (%.1f %%).",
		"Tarjeta aprendida de %d filas, de las que convirtieron %d (%.1f %%).", r.Rows, r.Conversions, 100*r.Rate)
	idle := ""
	if c.t.log != nil {
		idle = say(w.lang, " that has done nothing yet", " que aún no ha hecho nada")
	}
	w.comment(
		"%d points double the odds. 0 points stand for an average profile%s: %.1f %% of such people\nconvert, at +20 %.1f %%, at -20 %.1f %%. Change points, add rules, take rules out: it is yours.",
		"%d puntos duplican la razón de probabilidad. 0 puntos son un perfil medio%s: convierte el %.1f %%,\ncon +20 el %.1f %%, con -20 el %.1f %%. Cambia puntos, añade o quita reglas: es tuya.",
		perDouble, idle, 100*c.chance(0), 100*c.chance(perDouble), 100*c.chance(-perDouble))
	for _, m := range r.Models {
		if m.Name == "card" {
			w.comment("Of two people of whom one converts it finds the right one in %.1f %% of cases (rows it had not seen).",
				"De dos personas de las que una convierte, acierta cuál en el %.1f %% de los casos (filas que no había visto).", 100*m.Random.AUC)
		}
	}
	for _, l := range r.Leaks {
		w.comment("CAREFUL: %s looks written after the outcome: %s", "CUIDADO: %s parece escrito después del resultado: %s", l.Name, l.Why)
	}
}

// quoted writes a text in double quotes, as YAML reads them.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(strings.ToValidUTF8(s, "�")) // a text always can be
	return strings.TrimSpace(strings.ReplaceAll(b.String(), "\u007f", `\u007f`))
}

// trapWords are something else than text to some YAML readers.
var trapWords = []string{"on", "off", "yes", "no", "y", "n", "true", "false", "null"}

// name makes a name of a text: letters, digits and _, not taken yet.
func (w *cardWriter) name(s string) string {
	plain := strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ü", "u", "ñ", "n", "ç", "c")
	var b strings.Builder
	for _, r := range plain.Replace(snake(s)) {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			b.WriteRune(r)
		}
	}
	base := strings.Trim(b.String(), "_")
	if len(base) > 60 {
		base = strings.TrimRight(base[:60], "_")
	}
	if base == "" || base[0] >= '0' && base[0] <= '9' {
		base = "a" + base
	} else if slices.Contains(trapWords, base) {
		base += "_"
	}
	name := base
	for i := 2; w.taken[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	w.taken[name] = true
	return name
}

// rule is one line of the card: what it asks (of its attribute), and in words.
type rule struct {
	asks, words string
	points      int
}

// group writes the rules of one attribute or behaviour; false if there are none.
func (w *cardWriter) group(i int) bool {
	col, k := w.card.t.columns[w.card.used[i]], w.card.cuts[i]
	var rules []rule
	if col.does != nil {
		rules = w.behaviourRules(i, col, k)
	} else if k.kind == number {
		rules = w.numberRules(i, col, k)
	} else {
		rules = w.categoryRules(i, col, k)
	}
	rules = slices.DeleteFunc(rules, func(r rule) bool { return r.points == 0 })
	if len(rules) == 0 {
		return false
	}
	fmt.Fprintf(&w.out, "      %s:\n        rules:\n", w.name(col.attr))
	for _, r := range rules {
		asks := r.asks
		if col.does == nil {
			asks = "when: {" + quoted(col.attr) + ": " + r.asks + "}"
		}
		why := strings.NewReplacer("{", "(", "}", ")").Replace(short(col.name, 120) + ": " + short(r.words, 200))
		fmt.Fprintf(&w.out, "          - {id: %s, %s, points: %d, why: %s}\n",
			w.name(short(col.attr, 24)+" "+short(r.words, 32)), asks, r.points, quoted(why))
	}
	return true
}

// short cuts a text for people, on the border of a rune.
func short(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-3], "") + "…"
}

func plainText(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (w *cardWriter) numberRules(i int, col *column, k *cut) (rules []rule) {
	points := w.card.points[i]
	lo := math.Inf(-1)
	for b := 0; b < len(k.edges); b++ {
		for b+1 < len(k.edges) && points[b+1] == points[b] {
			b++
		}
		rules = append(rules, w.interval(lo, k.edges[b], points[b]))
		lo = k.edges[b]
	}
	if p := points[k.missing()]; p != 0 {
		rules = append(rules, rule{"{exists: false}", say(w.lang, "not known", "no se sabe"), p})
		words := slices.DeleteFunc(slices.Clone(col.words), func(v string) bool { return !canBeNamed(v) })
		for part := range slices.Chunk(words, itemsMax) {
			rules = append(rules, rule{"{in: " + listed(part) + "}", strings.Join(part, ", "), p})
		}
	}
	return rules
}

// interval asks for lo < value ≤ hi.
func (w *cardWriter) interval(lo, hi float64, points int) rule {
	switch l, h := plainText(lo), plainText(hi); {
	case math.IsInf(lo, -1) && math.IsInf(hi, 1):
		return rule{"{between: [-1000000000000000, 1000000000000000]}", say(w.lang, "any number", "cualquier número"), points}
	case math.IsInf(lo, -1):
		return rule{"{lte: " + h + "}", say(w.lang, "at most ", "hasta ") + h, points}
	case math.IsInf(hi, 1):
		return rule{"{gt: " + l + "}", say(w.lang, "more than ", "más de ") + l, points}
	default:
		return rule{"{gt: " + l + ", lte: " + h + "}", fmt.Sprintf(say(w.lang, "more than %s, at most %s", "más de %s, hasta %s"), l, h), points}
	}
}

func listed(values []string) string {
	items := make([]string, len(values))
	for i, v := range values {
		items[i] = quoted(v)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// categoryRules writes values with the same points together, the best first.
func (w *cardWriter) categoryRules(i int, col *column, k *cut) (rules []rule) {
	points := w.card.points[i]
	by := map[int][]string{} // :: points → values
	var named []string
	for b, code := range k.named {
		by[points[b]] = append(by[points[b]], col.values[code])
		named = append(named, col.values[code])
	}
	var order []int
	for p := range by {
		order = append(order, p)
	}
	slices.Sort(order)
	slices.Reverse(order)
	for _, p := range order {
		rules = append(rules, rule{"{in: " + listed(by[p]) + "}", strings.Join(by[p], ", "), p})
	}
	if p := points[k.other()]; len(named) > 0 {
		rules = append(rules, rule{"{not_in: " + listed(named) + "}", say(w.lang, "anything else", "cualquier otra cosa"), p})
	} else {
		rules = append(rules, rule{"{exists: true}", say(w.lang, "anything", "cualquier cosa"), p})
	}
	return append(rules, rule{"{exists: false}", say(w.lang, "not known", "no se sabe"), points[k.missing()]})
}

// ends writes the bands, how probable conversion is by score, and what is taken over from
// the card in force.
func (w *cardWriter) ends(r *training, k *calibration, lo, hi float64) []byte {
	c := r.carry(k)
	if c == nil || len(c.bands) == 0 {
		w.bands(k, k.bands(w.lang), r.of())
	} else {
		k.count(c.bands, k.shown())
		w.comment("Bands as in the card in force, each begun where as many stand.", "Las bandas de la tarjeta en vigor; cada una empieza donde quedan tantos como antes.")
		w.bands(k, c.bands, r.of())
	}
	if c == nil {
		return w.out.Bytes()
	}
	out := c.write(w.out.Bytes(), lo, hi)
	if in := r.report.Champion; in != nil {
		in.Carried, in.Lost = c.names, c.lost
	}
	return out
}

// bands writes the bands, and how probable conversion is by score.
func (w *cardWriter) bands(k *calibration, bands []banded, of string) {
	fmt.Fprintf(&w.out, "\nbands:\n")
	for _, b := range bands {
		leave := ""
		if b.leave > 0 && b.leave < b.from {
			leave = fmt.Sprintf(", leave: %d", b.leave)
		}
		fmt.Fprintf(&w.out, "  - {name: %s, from: %d%s, people: %d, converted: %d} # %.0f %%\n", b.name, b.from, leave, b.people, b.converted, 100*float64(b.converted)/float64(max(b.people, 1)))
	}
	w.comment("Of people it had not seen, as many of those with a score converted.", "De personas que no había visto, de las que tienen una puntuación convirtió esta parte.")
	fmt.Fprintf(&w.out, "probability:\n  of: %s\n  at: [", quoted(of))
	for i, s := range k.at {
		if i > 0 {
			w.out.WriteString(", ")
		}
		fmt.Fprintf(&w.out, "[%s, %s]", plainText(s[0]), plainText(s[1]))
	}
	w.out.WriteString("]\n")
}
