package train

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// modelNames are the names of ways to learn, for people.
var modelNames = map[string][2]string{
	"card":     {"learned card", "tarjeta aprendida"},
	"exact":    {"  before rounding", "  sin redondear"},
	"logistic": {"plain logistic", "logística simple"},
	"recency":  {"last activity alone", "solo la última actividad"},
	"trees":    {"boosted trees", "árboles"},
}

func modelName(name, lang string) string { return say(lang, modelNames[name][0], modelNames[name][1]) }

// printer writes a report for people.
type printer struct {
	*tabwriter.Writer
	lang string
}

func (p *printer) line(en, es string, args ...any) {
	fmt.Fprintf(p, strings.TrimRight(say(p.lang, en, es), " ")+"\n", args...)
}

// row writes the cells of a table.
func (p *printer) row(cells ...string) { fmt.Fprintln(p, strings.Join(cells, "\t")) }

// printable keeps names from a file from steering the reader's terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return '·'
		}
		return r
	}, s)
}

// Text writes the report for people, in English or Spanish.
func (r *Report) Text(w io.Writer, lang string) error {
	p := &printer{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), lang}
	if r.Log != nil {
		p.log(r.Log)
	}
	p.line("%d rows, %d converted (%.1f %%): %s = %s", "%d filas, %d convirtieron (%.1f %%): %s = %s", r.Rows, r.Conversions, 100*r.Rate, printable(r.Label), printable(r.Positive))
	p.leaks(r)
	p.models(r)
	p.champion(r.Champion, cmp.Or(r.Wrote, "card"))
	p.deciles(r)
	p.attributes(r)
	if len(r.LeftOut) > 0 {
		p.line("\nNot learned from", "\nDe lo que no se aprende")
		for _, l := range r.LeftOut {
			p.row("  "+printable(l.Name), printable(l.Why))
		}
	}
	_ = p.Flush() // what the writer says comes with the next one
	if len(r.Notes) > 0 {
		p.line("\nTo know", "\nPara saber")
		for _, n := range r.Notes {
			p.line("  • %s", "  • %s", printable(n))
		}
	}
	return p.Flush()
}

// log says what the rows were made of.
func (p *printer) log(l *FromLog) {
	p.line("%d leads in the log; each row is a lead as of one moment of its own", "%d leads en el registro; cada fila es un lead en un momento suyo", l.Leads)
	p.line("  not learned from: %d whose time has not passed, %d that had converted before, %d that do not allow it", "  no se aprende de %d cuyo plazo no ha pasado, %d que ya habían convertido, %d que no lo permiten", l.Censored, l.Already, l.Denied)
}

func (p *printer) leaks(r *Report) {
	if len(r.Leaks) == 0 {
		return
	}
	p.line("\nCAREFUL: too good to be true", "\nCUIDADO: demasiado bueno para ser verdad")
	names := make([]string, len(r.Leaks))
	for i, l := range r.Leaks {
		p.row("  "+printable(l.Name), printable(l.Why))
		names[i] = l.Name
		if strings.ContainsAny(l.Name, `,"`) {
			names[i] = `"` + strings.ReplaceAll(l.Name, `"`, `""`) + `"`
		}
	}
	_ = p.Flush()
	p.line("  When is it written? If after the outcome, or by sales on the way to it, the card will fail on\n  new people. Learn without: --drop '%s'", "  ¿Cuándo se escribe? Si es después del resultado, o por ventas de camino, la tarjeta fallará con\n  gente nueva. Aprende sin ello: --drop '%s'", printable(strings.ReplaceAll(strings.Join(names, ","), "'", `'\''`)))
	if r.Sound != nil {
		p.line("  Without: AUC %.3f, best tenth %.2f×", "  Sin ello: AUC %.3f, mejor décimo %.2f×", r.Sound.AUC, r.Sound.Lift)
	}
}

func (p *printer) models(r *Report) {
	p.line("\nHow good, on rows not learned from", "\nCómo de bueno, en filas de las que no aprendió")
	hasTime := r.Models[0].Time != nil
	head := []string{"", "AUC", say(p.lang, "best tenth", "mejor décimo"), "Brier", say(p.lang, "log-loss", "log-loss"), "ECE"}
	if hasTime {
		head = append(head, say(p.lang, "AUC within a period", "AUC dentro de un periodo"), say(p.lang, "AUC later", "AUC después"), say(p.lang, "best tenth later", "mejor décimo después"), say(p.lang, "Brier later", "Brier después"))
	}
	p.row(head...)
	for _, m := range r.Models {
		cells := []string{"  " + modelName(m.Name, p.lang), f4(m.Random.AUC), fmt.Sprintf("%.2f×", m.Random.Lift), f4(m.Random.Brier), f4(m.Random.LogLoss), f4(m.Random.ECE)}
		if hasTime {
			cells = append(cells, f4(*m.Within), f4(m.Time.AUC), fmt.Sprintf("%.2f×", m.Time.Lift), f4(m.Time.Brier))
		}
		p.row(cells...)
	}
	_ = p.Flush()
	p.line("  AUC: of two people of whom one converts, how often the right one is on top (0.5 = a coin).\n  Best tenth: conversions among the best 10 %%, beside 10 %% at random. Brier, log-loss, ECE: how far off\n  the percentages are (0 = never).",
		"  AUC: de dos personas de las que una convierte, cuántas veces queda arriba la buena (0.5 = una moneda).\n  Mejor décimo: conversiones en el mejor 10 %%, frente a un 10 %% al azar. Brier, log-loss, ECE: cuánto se\n  desvían los porcentajes (0 = nunca).")
}

func f4(v float64) string { return fmt.Sprintf("%.4f", v) }

func (p *printer) deciles(r *Report) {
	p.line("\nThe card's tenths, best first", "\nLos décimos de la tarjeta, el mejor primero")
	p.row("", say(p.lang, "rows", "filas"), say(p.lang, "converted", "convirtió"), say(p.lang, "it said", "decía"), "lift", "")
	for i, d := range r.Deciles {
		p.row(fmt.Sprintf("  %d", i+1), fmt.Sprint(d.Rows), percent(d.Rate), percent(d.Said), fmt.Sprintf("%.2f×", d.Lift), strings.Repeat("█", int(d.Rate*30+.5)))
	}
	_ = p.Flush()
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// adviceWords say what to do with an attribute.
var adviceWords = map[string][2]string{
	"keep": {"", ""},
	"drop": {"tells nothing: stop asking", "no dice nada: deja de preguntarlo"},
	"leak": {"WRITTEN AFTERWARDS?", "¿ESCRITO DESPUÉS?"},
}

func (p *printer) attributes(r *Report) {
	p.line("\nWhat each attribute is good for", "\nPara qué sirve cada atributo")
	p.row("", say(p.lang, "answered", "respondido"), say(p.lang, "share of points", "parte de los puntos"), say(p.lang, "information", "información"), say(p.lang, "AUC alone", "AUC solo"), say(p.lang, "AUC it adds", "AUC que añade"), say(p.lang, "drift", "deriva"), "")
	for _, a := range r.Attributes {
		w := adviceWords[a.Advice]
		p.row("  "+printable(short(a.Name, 60)), percent(a.Answered), percent(a.Share), fmt.Sprintf("%.3f", a.Information), fmt.Sprintf("%.3f", a.Alone), fmt.Sprintf("%+.4f", a.Gain), driftText(a.Drift), say(p.lang, w[0], w[1]))
	}
	_ = p.Flush()
}

func driftText(d *float64) string {
	if d == nil {
		return "–"
	}
	return fmt.Sprintf("%.2f", *d)
}
