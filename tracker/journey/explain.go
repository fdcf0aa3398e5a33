package journey

import (
	"fmt"
	"strings"
	"time"
)

// teller says a journey in one language.
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

func (w *teller) linef(format string, args ...any) { fmt.Fprintf(&w.b, format+"\n", args...) }

// Explain says a journey back as sentences in es or en; any other word means its
// own language.
func (j *Journey) Explain(lang string) string {
	if lang != "es" && lang != "en" {
		lang = j.Language
	}
	w := &teller{es: lang == "es"}
	purpose := w.say("marketing: only to those who have not refused it", "marketing: solo a quien no lo ha rechazado")
	if j.Sends(channelEmail) || j.Sends(SMS) {
		purpose = w.say("marketing: mails and SMS only to those who said yes", "marketing: correos y SMS solo a quien ha dicho que sí")
	}
	if j.Service {
		purpose = w.say("service: an answer to the person", "servicio: una respuesta a la persona")
	}
	w.linef(w.say("Journey %s (%s).", "Recorrido %s (%s)."), j.Name, purpose)
	w.linef(w.say("A lead enters when %s%s.", "Un lead entra cuando %s%s."), w.trigger(&j.Enter), w.given(j.If))
	w.linef("%s", w.again(j))
	w.linef(w.say("It ends with success when %s.", "Acaba con éxito cuando %s."), w.trigger(j.Goal))
	if j.Leave != nil {
		w.linef(w.say("It ends without when %s.", "Acaba sin él cuando %s."), w.trigger(j.Leave))
	}
	for _, m := range j.Moves {
		w.linef(w.say("Who enters the band %s goes over to the journey %s.", "Quien entra en la banda %s pasa al recorrido %s."), m.Band, m.To)
	}
	if j.Holdout > 0 {
		w.linef(w.say("%g %% of the leads get nothing, to compare with.", "El %g %% de los leads no recibe nada, para comparar."), float64(j.Holdout)/100)
	}
	for _, c := range j.Caps {
		w.linef(w.say("At most %d messages by %s in %s, of all journeys together.", "Como mucho %d mensajes por %s en %s, entre todos los recorridos."), c.Most, c.Channel, w.span(c.Per))
	}
	if q := j.Quiet; q != nil {
		w.linef(w.say("Nothing is sent from %s to %s of the lead's day.", "No se envía nada de %s a %s del día del lead."), clockText(q.From), clockText(q.To))
	}
	for i, s := range j.Steps {
		w.linef("%d. %s: %s.", i+1, s.ID, w.step(j, i))
	}
	return w.b.String()
}

func clockText(m int) string { return fmt.Sprintf("%02d:%02d", m/60, m%60) }

func (w *teller) again(j *Journey) string {
	switch {
	case j.Again == againNever:
		return w.say("Nobody enters twice.", "Nadie entra dos veces.")
	case j.Again == againAlways:
		return w.say("Who has ended may enter again.", "Quien ha acabado puede volver a entrar.")
	}
	return fmt.Sprintf(w.say("Who ended %s ago may enter again.", "Quien acabó hace %s puede volver a entrar."), w.span(j.Again))
}

func (w *teller) given(c *Cond) string {
	if c == nil {
		return ""
	}
	return w.say(", given that ", ", siempre que ") + c.Say(w.es)
}

func (w *teller) trigger(t *Trigger) string {
	and := ""
	if t.When != nil {
		and = t.When.Say(w.es)
	}
	what := ""
	switch {
	case t.Bands != nil:
		what = w.say("the band becomes ", "la banda pasa a ") + w.or(t.Bands)
	case t.Grades != nil:
		what = w.say("the grade becomes ", "la nota pasa a ") + w.or(t.Grades)
	case t.Segment != "":
		what = w.say("the segment is entered: ", "se entra en el segmento ") + t.Segment
	case t.Event != "":
		what = w.say("the event comes: ", "llega el evento ") + t.Event
		if t.Where != nil {
			what += w.say(" with ", " con ") + t.Where.Say(w.es)
		}
	}
	if what != "" && and != "" {
		return what + w.say(" and ", " y ") + and
	}
	return what + and
}

func (w *teller) or(list []string) string { return strings.Join(list, w.say(" or ", " o ")) }

// span says a length of time in its largest whole unit.
func (w *teller) span(ms int64) string {
	units := []struct {
		ms     float64
		en, es string // of more than one
		one    string // "1 year", "1 año"
		uno    string
	}{
		{365.25 * 864e5, "years", "años", "year", "año"},
		{30.4375 * 864e5, "months", "meses", "month", "mes"},
		{7 * 864e5, "weeks", "semanas", "week", "semana"},
		{864e5, "days", "días", "day", "día"},
		{36e5, "h", "h", "h", "h"},
		{6e4, "min", "min", "min", "min"},
	}
	for _, u := range units {
		n := float64(ms) / u.ms
		switch {
		case n == 1:
			return "1 " + w.say(u.one, u.uno)
		case n > 1 && n == float64(int64(n)):
			return fmt.Sprintf("%g %s", n, w.say(u.en, u.es))
		}
	}
	return fmt.Sprintf("%g %s", float64(ms)/864e5, w.say("days", "días"))
}

func (w *teller) day(d time.Weekday) string {
	return w.say(d.String(), []string{"domingo", "lunes", "martes", "miércoles", "jueves", "viernes", "sábado"}[d])
}

// step says what a step does, and what follows where that is not the next one.
func (w *teller) step(j *Journey, i int) string {
	s := j.Steps[i]
	out := ""
	switch s.Kind {
	case Wait:
		out = w.wait(s)
	case Branch:
		var ways []string
		for _, way := range s.Ways {
			ways = append(ways, fmt.Sprintf(w.say("if %s, go to %s", "si %s, ir a %s"), way.say(w), way.Go))
		}
		out = strings.Join(ways, "; ")
	case Message:
		out = w.message(s)
	case Set:
		out = w.say("set ", "fijar ") + setText(s.Values)
	case Handoff:
		out = w.say("hand over to ", "entregar a ") + strings.TrimSpace(s.To+" "+s.Queue)
		if s.SLA > 0 {
			out += w.say(", to be taken within ", ", que debe cogerlo en ") + w.span(s.SLA)
		}
	case Webhook:
		out = fmt.Sprintf(w.say("tell %s (%s)", "avisar a %s (%s)"), s.To, s.Type)
	case Exit:
		return w.say("the journey ends: ", "el recorrido acaba: ") + s.Why
	}
	if s.Go != "" {
		out += w.say("; then go to ", "; luego ir a ") + s.Go
	}
	return out
}

// setText says what is set.
func setText(values []Value) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = v.Name + " = " + textOf(v.To)
	}
	return strings.Join(list, ", ")
}

func (w *teller) wait(s *Step) string {
	switch {
	case s.Until != nil:
		out := fmt.Sprintf(w.say("wait until %s, at most %s", "esperar hasta que %s, como mucho %s"), w.trigger(s.Until), w.span(s.Timeout))
		if s.Else != "" {
			out += w.say("; if it does not come, go to ", "; si no, ir a ") + s.Else
		}
		return out
	case s.Days == nil && s.For > 0:
		return w.say("wait ", "esperar ") + w.span(s.For)
	}
	days := make([]string, len(s.Days))
	for i, d := range s.Days {
		days[i] = w.day(d)
	}
	if len(days) == 0 {
		return fmt.Sprintf(w.say("wait until %s", "esperar a las %s"), clockText(s.Minute))
	}
	return fmt.Sprintf(w.say("wait until %s at %s", "esperar al %s a las %s"), w.or(days), clockText(s.Minute))
}

// kinds names kinds of offers, the best first.
func (w *teller) kinds(list []string, between string) string {
	spanish := map[string]string{"renew": "renovación", "refill": "reposición", "up": "algo mejor", "cross": "algo que lo acompañe", "down": "algo más barato"}
	english := map[string]string{"renew": "a renewal", "refill": "a refill", "up": "something better", "cross": "something to go with it", "down": "something cheaper"}
	out := make([]string, len(list))
	for i, k := range list {
		out[i] = w.say(english[k], spanish[k])
	}
	return strings.Join(out, between)
}

// channel names a channel.
func (w *teller) channel(name string) string {
	if name == Paper {
		return w.say("post", "carta")
	}
	return name
}

func (w *teller) message(s *Step) string {
	what := s.Template
	if s.Tests != nil {
		var list []string
		for _, c := range s.Tests {
			list = append(list, fmt.Sprintf("%s (%s, %d)", c.Template, c.Name, c.Weight))
		}
		what = w.say("one of ", "uno de ") + strings.Join(list, ", ")
	}
	if s.Pick != nil {
		what = s.Pick.say(w)
	}
	if s.Channel == SMS {
		what = "“" + s.Text + "” → " + s.To
	}
	if s.Channel == Paper {
		what = "“" + cut(s.Text, 60) + "” → " + s.Link
	}
	out := fmt.Sprintf(w.say("send by %s: %s", "enviar por %s: %s"), w.channel(s.Channel), what)
	if s.Channel == ChannelOnsite {
		out = w.say("show on the site, at the next visit: ", "mostrar en el sitio, en la próxima visita: ") + what
	}
	if s.Offer != nil {
		out += w.say(", offering ", ", con una oferta de ") + w.kinds(s.Offer, w.say(", else ", " o, si no, "))
		if s.NoOffer != "" {
			out += w.say("; to whom there is nothing to offer: ", "; a quien no haya nada que ofrecer: ") + s.NoOffer
		} else {
			out += w.say("; left out if there is nothing to offer", "; si no hay nada que ofrecer, no se envía")
		}
	}
	for _, c := range s.Bands {
		out += fmt.Sprintf(w.say("; %s to those in the band %s", "; %s a los de la banda %s"), c.Template, c.Name)
	}
	if s.Send != nil {
		out += s.Send.say(w)
	}
	if s.Holdout > 0 {
		out += fmt.Sprintf(w.say("; %g %% do not get it, to compare with", "; el %g %% no lo recibe, para comparar"), float64(s.Holdout)/100)
	}
	return out
}
