package loyalty

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// speaker writes sentences in one of the two languages.
type speaker struct {
	strings.Builder
	es bool
}

// line writes a sentence: the English or the Spanish form takes the same values.
func (s *speaker) line(en, es string, values ...any) {
	if s.es {
		en = es
	}
	fmt.Fprintf(s, en+"\n", values...)
}

func (s *speaker) word(en, es string) string {
	if s.es {
		return es
	}
	return en
}

// because says why something was not learned.
func (s *speaker) because(err error) string {
	if n, ok := errors.AsType[tooFew](err); ok && s.es {
		return fmt.Sprintf("volvieron %d clientes, y hacen falta al menos %d para aprender", int(n), Least)
	}
	return err.Error()
}

// Write says the report in en or es.
func (r *Report) Write(w io.Writer, lang string) error {
	s := &speaker{es: lang == "es"}
	s.line("%d purchases of %d customers until %s; %d of them (%.0f %%) came back on another day.",
		"%d compras de %d clientes hasta %s; %d de ellos (%.0f %%) volvieron otro día.",
		r.Purchases, r.Customers, r.Until, r.Returned, 100*float64(r.Returned)/float64(r.Customers))
	r.sayModel(s)
	r.saySpend(s)
	r.sayTenths(s)
	r.sayLives(s)
	r.sayRefills(s)
	_, err := io.WriteString(w, s.String())
	return err
}

func (r *Report) sayModel(s *speaker) {
	s.line("\nWho will buy again", "\nQuién volverá a comprar")
	if r.Model == nil {
		s.line("  Nothing is foreseen: %s.", "  No se prevé nada: %s.", s.because(r.noModel))
		return
	}
	m := r.Model
	s.line("  In the next %.0f weeks these customers will buy %.0f times; a new one %.2f times more.",
		"  En las próximas %.0f semanas estos clientes comprarán %.0f veces; uno nuevo, %.2f veces más.", r.Weeks, r.Expected, m.ExpectNew(r.Weeks))
	s.line("  (%s: r %.4f, alpha %.3f weeks, a %.4f, b %.4f; log likelihood %.2f)",
		"  (%s: r %.4f, alpha %.3f semanas, a %.4f, b %.4f; log-verosimilitud %.2f)", m.Kind, m.R, m.Alpha, m.A, m.B, m.LogLik)
	t := r.Trial
	if t == nil {
		s.line("  It could not be put to the test: before what would be hidden, %s.", "  No se ha podido poner a prueba: antes de lo que se ocultaría, %s.", s.because(r.noTrial))
		return
	}
	s.line("  Put to the test: with the last %.0f weeks hidden it foresaw %.0f purchases of %d customers; there were %.0f.",
		"  Puesto a prueba: ocultando las últimas %.0f semanas previó %.0f compras de %d clientes; hubo %.0f.", t.Weeks, t.Said, t.Customers, t.Were)
	s.line("  The tenth it put first made %.0f %% of them, and came back %.1f times as often as the average.",
		"  La décima parte que puso primero hizo el %.0f %% y volvió %.1f veces más que la media.", 100*t.TopTenth, t.Lift)
	s.line("  A buyer stood above a non-buyer in %.1f of 100 pairs; by the date of the last purchase alone, in %.1f.",
		"  En %.1f de cada 100 parejas quien compró estaba por encima de quien no; solo con la fecha de la última compra, en %.1f.", 100*t.AUC, 100*t.AUCSilent)
}

func (r *Report) saySpend(s *speaker) {
	switch {
	case r.Spend != nil:
		s.line("\nWhat they are worth", "\nCuánto valen")
		s.line("  A purchase of somebody unknown is worth %.2f. All of them will earn %.2f in %.0f weeks (margin %.0f %%, discounted %.0f %% a year).",
			"  Una compra de un desconocido vale %.2f. Entre todos aportarán %.2f en %.0f semanas (margen %.0f %%, descuento del %.0f %% anual).",
			r.Spend.Expect(Buyer{}), r.Lifetime, r.Weeks, 100*r.o.Terms.Margin, 100*r.o.Terms.Discount)
	case r.noSpend != nil:
		s.line("\nWhat they are worth is not foreseen: %s.", "\nCuánto valen no se prevé: %s.", s.because(r.noSpend))
	}
}

func (r *Report) sayTenths(s *speaker) {
	if len(r.Tenths) == 0 {
		return
	}
	s.line("\nTenths of the customers, the best first", "\nDécimas partes de los clientes, la mejor primero")
	for i, t := range r.Tenths {
		line := s.word("%6d. %6d customers, %8.1f purchases", "%6d. %6d clientes, %8.1f compras")
		fmt.Fprintf(s, line, i+1, t.Customers, t.Expected)
		if r.Spend != nil {
			fmt.Fprintf(s, ", %12.2f", t.Lifetime)
		}
		s.WriteString("\n")
	}
	s.line("\nThe best", "\nLos mejores")
	for _, c := range r.Best {
		line := s.word("%6d. %-20s %3d purchases, the last on %s; %.2f to come", "%6d. %-20s %3d compras, la última el %s; vendrán %.2f")
		fmt.Fprintf(s, line, c.Rank, c.ID, c.Purchases, c.LastDay, c.Expected)
		if r.Spend != nil {
			fmt.Fprintf(s, s.word(", worth %.2f", ", por valor de %.2f"), c.Lifetime)
		}
		s.WriteString("\n")
	}
	s.line("  The order is that of what is expected. P(alive) in the table is for information: it is 1 for whoever came once.",
		"  El orden es el de lo que se espera. P(alive) en la tabla es informativo: vale 1 para quien vino una sola vez.")
}

// shown is how many products or refills a report names.
const shown = 15

func (r *Report) sayLives(s *speaker) {
	if len(r.Lives) == 0 {
		return
	}
	s.line("\nHow long things last until they are bought again", "\nCuánto duran las cosas hasta que se vuelven a comprar")
	for _, l := range r.Lives[:min(shown, len(r.Lives))] {
		from := map[string]string{
			"product":  fmt.Sprintf(s.word("%.0f %% its own evidence", "%.0f %% con datos propios"), 100*l.Own),
			"category": s.word("as its category", "como su categoría"),
			"all":      s.word("as all products", "como todos los productos"),
			"default":  s.word("not learned: too few repurchases", "sin aprender: muy pocas recompras"),
		}[l.From]
		s.line("  %-24s %8s ± %2.0f %%; %3.0f %% buy it again here; %d customers, %d repurchases (%s)",
			"  %-24s %8s ± %2.0f %%; el %3.0f %% la recompra aquí; %d clientes, %d recompras (%s)",
			l.Product, s.long(l.Mean), 100*l.CV, 100*l.Returns, l.Buyers, l.Repurchases, s.family(&l)+from)
	}
	if n := len(r.Lives) - shown; n > 0 {
		s.line("  … and %d more (--json has all)", "  … y %d más (--json las da todas)", n)
	}
}

// family says what the lives follow, where it is not the usual distribution.
func (s *speaker) family(l *Life) string {
	if l.Weibull {
		return "Weibull; "
	}
	return ""
}

// long says a number of days: in months from three of them on.
func (s *speaker) long(days float64) string {
	if days < 3*monthDays {
		return fmt.Sprintf(s.word("%.0f days", "%.0f días"), days)
	}
	return fmt.Sprintf(s.word("%.1f mo", "%.1f meses"), days/monthDays)
}

func (r *Report) sayRefills(s *speaker) {
	if len(r.Refills) == 0 {
		return
	}
	late, soon := 0, 0
	for _, f := range r.Refills {
		switch {
		case f.Due < r.o.Until-int(f.Every):
			late++ // more than a whole turn ago: they buy elsewhere
		case f.Due <= r.o.Until+int(week):
			soon++
		}
	}
	s.line("\nRefills: %d customers run out within a week or have just run out; %d are late by more than their usual turn.",
		"\nReposiciones: a %d clientes se les acaba esta semana o se les acaba de acabar; %d llevan más de una vuelta de retraso.", soon, late)
}
