package train

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"text/tabwriter"
)

// verdictWords name the verdicts for people.
var verdictWords = map[string][2]string{
	"keep":    {"keep", "conservar"},
	"ask":     {"ask more people", "preguntar más"},
	"spare":   {"not needed", "sobra"},
	"stop":    {"stop", "dejar"},
	"unclear": {"cannot be told", "no se sabe"},
	"leak":    {"WRITTEN AFTERWARDS?", "¿ESCRITO DESPUÉS?"},
}

func verdictWord(verdict, lang string) string {
	return say(lang, verdictWords[verdict][0], verdictWords[verdict][1])
}

// useNote says how the figures are made.
func useNote(lang string) string {
	return say(lang,
		"IV, information value: how far those who converted and the others lie apart over the bins, half a\nperson added to each (below 0.02 nothing, 0.1 little, 0.3 some, above much); by chance: below it a\nquestion that says nothing stays 95 times in 100. AUC it adds: what the learned card loses without it,\non people it had not seen, and between what bounds that lies 95 times in 100. Leave out one at a time, and ask again.",
		"IV, valor de información: cuánto se separan quienes convirtieron y los demás por tramos, sumando\nmedia persona a cada uno (menos de 0.02 nada, 0.1 poco, 0.3 algo, más mucho); por azar: por debajo\nqueda 95 veces de 100 una pregunta que no dice nada. AUC que añade: lo que pierde la tarjeta aprendida\nsin ello, con gente que no había visto, y entre qué límites está 95 veces de 100. Quita de uno en uno y vuelve a preguntar.")
}

// Text writes what everything is good for, for people, in English or Spanish.
func (u *Usefulness) Text(w io.Writer, lang string) error {
	p := &printer{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), lang}
	if u.Log != nil {
		p.log(u.Log)
	}
	p.line("%d rows, %d converted (%.1f %%): %s = %s", "%d filas, %d convirtieron (%.1f %%): %s = %s", u.Rows, u.Conversions, 100*u.Rate, printable(u.Label), printable(u.Positive))
	p.line("All together reach an AUC of %.4f on %d rows not learned from\n", "Todos juntos alcanzan un AUC de %.4f en %d filas de las que no se aprendió\n", u.AUC, u.HeldOut)
	p.row("", say(lang, "answered / did it", "contestado / lo hizo"), "IV", say(lang, "by chance", "por azar"), say(lang, "AUC alone", "AUC solo"), say(lang, "AUC it adds", "AUC que añade"), "", "")
	for i := range u.Things {
		x := &u.Things[i]
		p.row("  "+printable(short(x.Name, 60)), percent(x.Answered), fmt.Sprintf("%.3f", x.Information), fmt.Sprintf("%.3f", x.Chance),
			fmt.Sprintf("%.3f", x.Alone), fmt.Sprintf("%+.4f", x.Gain), x.bounds(), verdictWord(x.Verdict, lang))
	}
	_ = p.Flush() // what the writer says comes with the next one
	p.line("%s", "%s", useNote(lang))
	p.line("\nWhat to do", "\nQué hacer")
	for i := range u.Things {
		p.line("  • %s", "  • %s", u.Things[i].Sentence)
	}
	if len(u.LeftOut) > 0 {
		p.line("\nNot looked at", "\nLo que no se mira")
		for _, l := range u.LeftOut {
			p.row("  "+printable(l.Name), printable(l.Why))
		}
	}
	return p.Flush()
}

// bounds are those of the gain.
func (u *Useful) bounds() string {
	if u.Between[0] == u.Between[1] {
		return ""
	}
	return fmt.Sprintf("%+.4f … %+.4f", u.Between[0], u.Between[1])
}

//go:embed usefulness.html
var usePage string

// HTML writes the same as one page that needs nothing else.
func (u *Usefulness) HTML(w io.Writer, lang string) error {
	t, err := template.New("use").Funcs(template.FuncMap{
		"say": func(en, es string) string { return say(lang, en, es) }, "percent": percent, "f4": f4,
		"f3":   func(v float64) string { return fmt.Sprintf("%.3f", v) },
		"gain": func(v float64) string { return fmt.Sprintf("%+.4f", v) },
		"word": func(v string) string { return verdictWord(v, lang) },
		"note": func() string { return useNote(lang) },
	}).Parse(usePage)
	if err != nil {
		return err
	}
	return t.Execute(w, map[string]any{"U": u, "Lang": say(lang, "en", "es")})
}
