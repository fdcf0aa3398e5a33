package scorecard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// own says what a dimension without groups makes of its one rule; false if it is
// a rule like any other.
func (w *teller) own(r *Rule) bool {
	switch r.Kind {
	case Renewal:
		w.renewal(r)
	case Recency, Frequency, Money:
		w.buyer(r)
	case Input:
		if r.Feed.Rollup != nil {
			w.rolled(r)
			return true
		}
		w.feed(r.Feed)
	case Learned:
		w.model(r.model)
	case Returning:
		w.returns(r)
	default:
		return false
	}
	return true
}

func (w *teller) renewal(r *Rule) {
	l := r.Life
	pick := w.say("the last", "el último")
	if l.First {
		pick = w.say("the first", "el primer")
	}
	w.linef("  %s %s.", w.say("Counted from "+pick, "Se cuenta desde "+pick), w.trigger(r))
	if l.Mean > 0 {
		family := ""
		if l.Weibull {
			family = " (Weibull)"
		}
		w.linef(w.say("  It lasts %s on average, give or take %s %%%s; the chance of buying again within %s is worth points, all %s of them from %s %% on.",
			"  Dura %s de media, con una desviación del %s %%%s; la probabilidad de recomprar en %s vale puntos, todos (%s) a partir del %s %%."),
			w.span(l.Mean), short(l.CV*100), family, w.span(l.Horizon), short(r.Points), short(l.FullAt*100))
	} else {
		var points []string
		for _, n := range l.Nodes {
			points = append(points, fmt.Sprintf("%s: %s", w.span(n.Age), short(n.Value)))
		}
		w.linef("  %s %s.", w.say("Points by age, in straight lines between:", "Puntos según la edad, en línea recta entre:"), strings.Join(points, ", "))
	}
	if l.FadeAfter > 0 {
		w.linef(w.say("  From %s on it was bought elsewhere: points halve every %s.",
			"  A partir de %s lo habrá comprado en otro sitio: los puntos se reducen a la mitad cada %s."), w.span(l.FadeAfter), w.span(l.FadeHalf))
	}
	if l.Learn != nil {
		per := ""
		if l.Learn.Per != "" {
			per = w.say(" for each ", " para cada ") + l.Learn.Per
		}
		w.linef(w.say("  The average is to be learned%s once %d have been bought again.",
			"  La media se aprenderá%s cuando haya %d recompras."), per, l.Learn.Min)
	}
}

func (w *teller) action(a *Action) string {
	s := a.To
	switch a.Do {
	case "handoff":
		s = w.say("hand over to ", "se entrega a ") + a.To
		if a.Queue != "" {
			s += w.say(", queue ", ", cola ") + a.Queue
		}
		if a.SLA > 0 {
			s += w.say(", taken within ", ", se atiende en ") + w.span(a.SLA)
		}
	case "journey":
		s = w.say("begin the journey ", "empieza el recorrido ") + a.To
	case "audience":
		s = w.say("join the audience ", "entra en la audiencia ") + a.To + w.say(" (which is kept by nobody yet)", " (que aún no lleva nadie)")
	case "notify":
		s = w.say("notify ", "avisa a ") + a.To
	}
	if a.When != nil {
		s += w.say(", if ", ", si ") + a.When.Say(w.es)
	}
	return s
}

func (w *teller) buyer(r *Rule) {
	var steps []string
	for _, s := range r.Steps {
		border := short(s.At)
		switch r.Kind {
		case Recency:
			border = w.say("under ", "menos de ") + w.span(int64(s.At))
		case Money:
			border = short(s.At / 100)
		}
		steps = append(steps, border+" → "+signed(s.Points))
	}
	what := w.say("time since the last", "tiempo desde el último")
	switch r.Kind {
	case Frequency:
		what = w.say("how many", "cuántos")
	case Money:
		what = w.say("sum of ", "suma de ") + r.Value
	}
	if r.Span > 0 {
		what += w.say(" within ", " en ") + w.span(r.Span)
	}
	w.linef("  - %s (%s): %s.", what, w.trigger(r), strings.Join(steps, ", "))
}

// fine writes a number to four digits that count.
func fine(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }

func (w *teller) returns(r *Rule) {
	b := r.Returns
	w.linef("  %s %s.", w.say("Counted are the days with", "Se cuentan los días con"), w.trigger(r))
	what := w.say("purchases", "compras")
	if b.Spend != nil {
		what = w.say("in purchases (", "en compras (") + b.Spend.Value + ")"
	}
	w.linef(w.say("  What a lead will buy within %s is worth points, all %s of them from %s %s on; the longer the silence beside the rhythm so far, the less.",
		"  Lo que el contacto comprará en %s vale puntos, todos (%s) a partir de %s %s; cuanto más largo el silencio frente a su ritmo, menos."),
		w.span(b.Horizon), short(r.Points), short(b.FullAt), what)
	w.linef(w.say("  (BG/NBD: r %s, alpha %s weeks, a %s, b %s)", "  (BG/NBD: r %s, alpha %s semanas, a %s, b %s)"),
		fine(b.R), fine(float64(b.Alpha)/(7*MsPerDay)), fine(b.A), fine(b.B))
}

func (w *teller) feed(f *Feed) {
	if f.Model != "" {
		w.linef(w.say("  The probability that the model %s gives, times %s; nothing while it gives none.",
			"  La probabilidad que da el modelo %s, por %s; nada mientras no dé ninguna."), f.Model, short(f.Most))
		return
	}
	w.linef(w.say("  The points that the module %s gives; nothing while it gives none.",
		"  Los puntos que da el módulo %s; nada mientras no dé ninguno."), f.Module)
}

func (w *teller) rollup(c *Card) {
	if r := c.Rollup; r != nil && !c.OfAccounts() {
		w.linef("\n%s %s: %s.", w.say("An account is the leads with the same", "Una cuenta son los contactos con el mismo"), r.By, w.method(r))
	}
}

// method says whose scores a roll-up takes, and how.
func (w *teller) method(r *Rollup) string {
	who := w.say("all leads", "todos los contactos")
	if r.Top > 0 {
		who = fmt.Sprintf(w.say("the %d best leads", "los %d mejores contactos"), r.Top)
	}
	return who + ", " + map[string]string{
		decaySum: w.say("the best whole, each further one half of the one before", "el mejor entero y cada uno de los siguientes la mitad que el anterior"),
		rollMax:  w.say("the highest", "el más alto"),
		rollMean: w.say("their mean", "su media"),
	}[r.Method]
}

// surroundings says what rules lean on: whose days they count, and named lists.
func (w *teller) surroundings(c *Card) {
	if slices.ContainsFunc(c.Rules, func(r *Rule) bool { return r.Per == PerDay }) {
		w.linef("\n%s %s.", w.say("Days are those of", "Los días son los de"), c.Zone)
	}
	for _, name := range c.Lists() {
		n := len(c.lists[name])
		switch n {
		case 0:
			w.linef("\n"+w.say("The list %s is empty.", "La lista %s está vacía."), name)
		case 1:
			w.linef("\n"+w.say("The list %s has one value.", "La lista %s tiene un valor."), name)
		default:
			w.linef("\n"+w.say("The list %s has %d values.", "La lista %s tiene %d valores."), name, n)
		}
	}
}
