package scorecard

import (
	"fmt"
	"strings"
)

// own says what a dimension without groups makes of its one rule; false if it is
// a rule like any other.
func (w *teller) own(r *Rule) bool {
	switch r.Kind {
	case Renewal:
		w.renewal(r)
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
		w.linef(w.say("  It lasts %s on average, give or take %s %%; the chance of buying again within %s is worth points, all %s of them from %s %% on.",
			"  Dura %s de media, con una desviación del %s %%; la probabilidad de recomprar en %s vale puntos, todos (%s) a partir del %s %%."),
			w.span(l.Mean), short(l.CV*100), w.span(l.Horizon), short(r.Points), short(l.FullAt*100))
	} else {
		var points []string
		for _, n := range l.Nodes {
			points = append(points, fmt.Sprintf("%s: %s", w.span(n.Age), short(n.Value)))
		}
		w.linef("  %s %s.", w.say("Points by age, in straight lines between:", "Puntos según la edad, en línea recta entre:"), strings.Join(points, ", "))
	}
	if l.FadeAfter > 0 {
		w.linef(w.say("  From %s on it was bought elsewhere: points halve every %s.",
			"  A partir de %s la habrá comprado en otro sitio: los puntos se reducen a la mitad cada %s."), w.span(l.FadeAfter), w.span(l.FadeHalf))
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
		s = w.say("join the audience ", "entra en la audiencia ") + a.To
	case "notify":
		s = w.say("notify ", "avisa a ") + a.To
	}
	if a.When != nil {
		s += w.say(", if ", ", si ") + a.When.Say(w.es)
	}
	return s
}
