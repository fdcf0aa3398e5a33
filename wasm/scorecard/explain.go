package scorecard

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"ripen/wasm/scorecard/expr"
)

// Explain says the card back as sentences in es or en; any other word means the
// card's own language. It is what a person reads to see that the rules say what
// was meant.
func (c *Card) Explain(lang string) string {
	if lang != "es" && lang != "en" {
		lang = c.Language
	}
	w := &teller{es: lang == "es"}
	if c.Version > 0 {
		w.linef("%s %s %d.", c.Name, w.say("version", "versión"), c.Version)
	} else {
		w.linef("%s.", c.Name)
	}
	if c.OfAccounts() {
		w.accounts(c)
	}
	w.combination(c)
	for _, d := range c.Dims {
		w.dimension(d)
	}
	for _, g := range c.Gates {
		w.gate(g)
	}
	w.surroundings(c)
	w.rollup(c)
	w.bands(c)
	w.probability(c.Probability)
	w.label(c.Label)
	w.plan(c.Plan)
	return w.b.String()
}

// teller writes sentences in one language.
type teller struct {
	b  strings.Builder
	es bool
}

func (w *teller) say(en, es string) string {
	if w.es {
		return es
	}
	return en
}

func (w *teller) linef(format string, args ...any) {
	fmt.Fprintf(&w.b, format, args...)
	w.b.WriteByte('\n')
}

func (w *teller) combination(c *Card) {
	var terms []string
	for _, t := range c.Score.Terms {
		name := c.Dims[t.Dim].Name
		if t.Times != 1 {
			name += " × " + exactNumber(t.Times)
		}
		terms = append(terms, name)
	}
	how := strings.Join(terms, " + ")
	switch c.Score.How {
	case "grade":
		var steps []string
		for i, g := range c.GradeNames()[1:] {
			steps = append(steps, g+" "+points(c.Score.Table[i+1]))
		}
		how = w.say("by grade, ", "según la nota, ") + strings.Join(steps, ", ")
	case "max":
		how = w.say("the highest of ", "lo mayor de ") + strings.Join(terms, ", ")
	}
	w.linef("%s: %s; %s %s–%s %s %s–%s.", w.say("The score", "La puntuación"), how,
		w.say("from", "de"), points(c.Score.From[0]), points(c.Score.From[1]),
		w.say("to", "a"), short(c.Score.To[0]), short(c.Score.To[1]))
}

func (w *teller) dimension(d *Dimension) {
	kind := w.say("what they do", "lo que hace")
	switch d.Kind {
	case "attributes":
		kind = w.say("who they are", "quién es")
	case "replenishment":
		kind = w.say("when they will need it again", "cuándo lo volverá a necesitar")
	case "rfm":
		kind = w.say("what they bought", "lo que ha comprado")
	case "btyd":
		kind = w.say("what they will buy", "lo que comprará")
	case "model":
		kind = w.say("what a model expects", "lo que espera un modelo")
	case "wasm":
		kind = w.say("what a module of your own says", "lo que dice un módulo propio")
	case kindRollup:
		kind = w.say("its leads", "sus contactos")
	}
	w.linef("\n%s: %s%s.", d.Name, kind, w.bounds(d.Min, d.Max))
	if len(d.Grades) > 0 {
		var steps []string
		for _, g := range d.Grades {
			steps = append(steps, fmt.Sprintf("%s %s %s", g.Label, w.say("from", "desde"), points(g.From)))
		}
		w.linef("  %s: %s.", w.say("Grades", "Notas"), strings.Join(steps, ", "))
	}
	for _, g := range d.Groups {
		if w.own(g.Rules[0]) {
			continue
		}
		w.linef("  %s%s:", g.Name, w.bounds(g.Min, g.Max))
		for _, r := range g.Rules {
			w.linef("  - %s", w.rule(r))
		}
	}
}

func (w *teller) bounds(lo, hi float64) string {
	s := ""
	if !math.IsInf(hi, 0) {
		s += ", " + w.say("at most ", "como mucho ") + points(hi)
	}
	if !math.IsInf(lo, 0) && lo != 0 {
		s += ", " + w.say("at least ", "como poco ") + points(lo)
	}
	return s
}

func (w *teller) rule(r *Rule) string {
	parts := []string{signed(r.Points) + w.per(r)}
	if r.HasCap {
		parts = append(parts, w.say("up to ", "hasta ")+points(r.Cap))
	}
	if life := w.life(r); life != "" {
		parts = append(parts, life)
	}
	s := w.told(r) + ": " + strings.Join(parts, ", ")
	if trigger := w.trigger(r); trigger != "" {
		s += " (" + trigger + ")"
	}
	return s + "."
}

// told is the rule's why. What only a lead's own events say stands as dots.
func (w *teller) told(r *Rule) string {
	if r.Why == "" {
		return r.ID
	}
	count, age, mean := "…", "…", "…"
	switch r.Kind {
	case Count, Unanswered:
		count = strconv.Itoa(int(r.Gte))
	case Absent:
		age = w.span(r.Span)
	}
	if r.Life != nil && r.Life.Mean > 0 {
		mean = w.span(r.Life.Mean)
	}
	return strings.NewReplacer("{points}", points(r.Points), "{count}", count, "{age}", age, "{mean}", mean).Replace(r.Why)
}

func signed(f float64) string {
	if f > 0 {
		return "+" + short(f)
	}
	return points(f)
}

// points is short with a minus as people write it.
func points(f float64) string { return strings.Replace(short(f), "-", "−", 1) }

func (w *teller) per(r *Rule) string {
	switch {
	case r.Per == PerDay:
		return w.say(" per day", " por día")
	case r.Per == PerSession:
		return w.say(" per session", " por sesión")
	case r.Per == PerValue && r.PerName == "message":
		return w.say(" per message", " por mensaje")
	case r.Per == PerValue:
		return w.say(" per distinct ", " por cada ") + r.PerName + w.say("", " distinto")
	case r.Kind == Attribute || r.Kind == Count || r.Kind == Absent || r.Kind == Unanswered:
		return ""
	}
	return w.say(" each time", " cada vez")
}

func (w *teller) life(r *Rule) string {
	span := w.span(r.Span)
	switch r.Kind {
	case HalfLife:
		return w.say("halves every ", "pierde la mitad cada ") + span
	case Window:
		return w.say("for ", "durante ") + span
	case Linear:
		lost := short(r.Drop*100) + " %"
		return w.say("loses ", "pierde el ") + lost + w.say(" every ", " cada ") + span
	case Count:
		return fmt.Sprintf(w.say("while there are %d within %s", "mientras haya %d en %s"), r.Gte, span)
	case Unanswered:
		return fmt.Sprintf(w.say("while %d sent within %s have no answer", "mientras %d enviados en %s sigan sin respuesta"), r.Gte, span)
	case Absent:
		return w.say("from ", "a partir de ") + span + w.say(" of silence on", " de silencio")
	}
	return ""
}

func (w *teller) trigger(r *Rule) string {
	s := r.Event
	switch {
	case r.Kind == Attribute:
		return w.tests(r.Tests, r.When)
	case r.Kind == Unanswered:
		s = strings.Join(r.Sends, ", ")
	case r.Event == "":
		s = w.say("any activity", "cualquier actividad")
	}
	if len(r.Tests) > 0 || r.When != nil {
		s += w.say(" where ", " con ") + w.tests(r.Tests, r.When)
	}
	if r.Ignore != 0 {
		var who []string
		for i, m := range machines {
			if r.Ignore>>i&1 == 1 {
				who = append(who, m)
			}
		}
		s += w.say(", not counting ", ", sin contar ") + strings.Join(who, ", ")
	}
	return s
}

func (w *teller) tests(tests []*Test, when *Expression) string {
	var out []string
	for _, t := range tests {
		out = append(out, w.test(t))
	}
	if when != nil {
		said := when.Say(w.es)
		if len(tests) > 0 && (when.Root.Op == expr.Or || when.Root.Op == expr.If) {
			said = "(" + said + ")"
		}
		out = append(out, said)
	}
	return strings.Join(out, w.say(" and ", " y "))
}

func (w *teller) test(t *Test) string {
	nums := make([]string, len(t.Nums))
	for i, n := range t.Nums {
		nums[i] = exactNumber(n)
	}
	all := strings.Join(append(slices.Clone(t.Texts), nums...), ", ")
	switch t.Op {
	case OpHas:
		if t.Not {
			return t.Field + w.say(" unknown", " sin dato")
		}
		return t.Field + w.say(" known", " con dato")
	case OpPrefix:
		return t.Field + w.say(" like ", " como ") + all + "*"
	case OpGlob:
		return t.Field + w.say(" like ", " como ") + all
	case OpMatch:
		if t.Not {
			return t.Field + w.say(" not matching ", " que no casa con ") + t.Regex.String()
		}
		return t.Field + w.say(" matching ", " que casa con ") + t.Regex.String()
	case OpList:
		if t.Not {
			return t.Field + w.say(" not in the list ", " fuera de la lista ") + t.List
		}
		return t.Field + w.say(" in the list ", " en la lista ") + t.List
	case OpRange:
		return t.Field + " " + w.between(t)
	}
	switch {
	case t.Not:
		return t.Field + w.say(" none of ", " ninguno de ") + all
	case len(t.Texts)+len(t.Nums) > 1:
		return t.Field + w.say(" one of ", " uno de ") + all
	}
	return t.Field + " = " + all
}

func exactNumber(f float64) string {
	if math.Abs(f) < 1e15 {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (w *teller) between(t *Test) string {
	lo, hi := exactNumber(t.Lo), exactNumber(t.Hi)
	switch {
	case math.IsInf(t.Hi, 1) && t.LoOpen:
		return "> " + lo
	case math.IsInf(t.Hi, 1):
		return "≥ " + lo
	case math.IsInf(t.Lo, -1) && t.HiOpen:
		return "< " + hi
	case math.IsInf(t.Lo, -1):
		return "≤ " + hi
	}
	return w.say("from ", "de ") + lo + w.say(" to ", " a ") + hi
}

func (w *teller) gate(g *Gate) {
	when := w.tests(g.Tests, g.When)
	if g.Skip {
		w.linef("\n%s %s, %s.", w.say("With", "Con"), when, w.say("the lead is not scored", "no se puntúa"))
		return
	}
	why := g.Why
	if why != "" {
		why = " (" + why + ")"
	}
	w.linef("\n%s %s, %s %s%s.", w.say("With", "Con"), when,
		w.say("before the scale at most", "antes de la escala como mucho"), points(g.Max), why)
}

func (w *teller) bands(c *Card) {
	for i, b := range c.Bands {
		if i == 0 {
			w.linef("")
		}
		s := fmt.Sprintf("%s %s %d", b.Name, w.say("from", "desde"), b.From)
		if b.Leave != b.From {
			s += fmt.Sprintf(w.say(", left below %d", ", se deja por debajo de %d"), b.Leave)
		}
		if len(b.Grades) > 0 {
			s += w.say(", only with grade ", ", solo con nota ") + strings.Join(b.Grades, ", ")
		}
		if b.People > 0 {
			s += fmt.Sprintf(w.say("; of %d people in it %d converted", "; de %d personas en ella se convirtieron %d"), b.People, b.Converted)
		}
		w.linef("%s.", s)
		for _, a := range b.Actions {
			w.linef("  → %s.", w.action(&a))
		}
	}
}

// spanWords are the lengths of time a person says, longest first.
var spanWords = []struct {
	ms                 int64
	en, ens, es1, es2s string
}{
	{31557600000, "year", "years", "año", "años"},
	{2629800000, "month", "months", "mes", "meses"},
	{86400000, "day", "days", "día", "días"},
	{3600000, "hour", "hours", "hora", "horas"},
	{60000, "minute", "minutes", "minuto", "minutos"},
	{1000, "second", "seconds", "segundo", "segundos"},
}

func (w *teller) span(ms int64) string {
	if ms == 0 {
		return "0"
	}
	for _, u := range spanWords {
		if ms%u.ms != 0 {
			continue
		}
		if n := ms / u.ms; n == 1 {
			return "1 " + w.say(u.en, u.es1)
		} else if n > 1 {
			return fmt.Sprintf("%d %s", n, w.say(u.ens, u.es2s))
		}
	}
	return fmt.Sprintf("%d ms", ms)
}
