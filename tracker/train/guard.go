package train

import (
	"fmt"
	"slices"
	"strings"
)

// An attribute that knows the outcome was most often written after it. Three signs,
// each far beyond what honest attributes reach: alone it orders people better than
// whole models do; it makes more than half of the model, and is strong alone, too (one
// of three weak ones may well make half); its information value is three times what
// lenders already call too good to be true.
const (
	alarmAlone       = 0.9
	alarmShare       = 0.5
	alarmStrong      = 0.75 // AUC alone, beside alarmShare
	alarmInformation = 1.5
)

// guard names attributes that look written after the outcome. One that knows it all
// hides others behind it: what is found is taken away, and looked again.
func (r *training) guard() error {
	skip := make([]bool, len(r.t.columns))
	by := cuts(r.t, r.rows, r.plan.coarseness)
	bins := binned(r.t, by, r.rows)
	left := len(skip)
	for left > 1 {
		p := r.plan
		p.skip = skip
		shares, trees := fitCard(r.t, r.rows, p).shares(r.t, r.rows), r.treeShares(skip)
		found := len(r.report.Leaks)
		for j, c := range r.t.columns {
			if skip[j] {
				continue
			}
			p := alone(r.t, j, r.fold, foldsN, r.plan.coarseness)
			why := r.suspicion(auc(p, r.t.y), max(shares[j], trees[j]), information(bins[j], by[j].n, r.t.y))
			if why != "" && r.t.foresees(j, p) {
				if !slices.Contains(r.foreseen, c.name) {
					r.foreseen = append(r.foreseen, c.name)
				}
			} else if why != "" {
				r.report.Leaks = append(r.report.Leaks, Leak{c.name, why})
				skip[j] = true
				left--
			}
		}
		if len(r.report.Leaks) == found {
			break
		}
	}
	if len(r.report.Leaks) == 0 || left == 0 {
		return nil
	}
	p := r.plan
	p.skip = skip
	sound, err := r.heldOut(learner{"sound", func(fit, ask []int) []float64 { return fitCard(r.t, fit, p).chances(r.t, ask) }})
	if err != nil {
		return err
	}
	m := measure(sound, r.t.y)
	r.report.Sound = &m
	return nil
}

// suspicion says why an attribute is too good, or nothing.
func (r *training) suspicion(alone, share, information float64) string {
	lang := r.o.Language
	var why []string
	if alone > alarmAlone {
		why = append(why, fmt.Sprintf(say(lang, "alone it reaches an AUC of %.3f", "por sí solo alcanza un AUC de %.3f"), alone))
	}
	if share > alarmShare && alone > alarmStrong {
		why = append(why, fmt.Sprintf(say(lang, "it makes %.0f %% of the model", "hace el %.0f %% del modelo"), 100*share))
	}
	if information > alarmInformation {
		why = append(why, fmt.Sprintf(say(lang, "its information value is %.1f", "su valor de información es %.1f"), information))
	}
	return strings.Join(why, "; ")
}

// salesWords are words in the names of fields that sales fill in while they talk to
// somebody, or after.
var salesWords = []string{
	"status", "stage", "owner", "tag", "tags", "quality", "disposition", "closed", "lost", "won", "deal", "opportunity", "invoice", "contract",
	"estado", "etapa", "propietario", "etiqueta", "etiquetas", "calidad", "cerrado", "perdido", "ganado", "oportunidad", "factura", "contrato",
}

// bySales says that by its name sales may write a column.
func (c *column) bySales() bool {
	name := c.attr
	if c.does != nil {
		name = c.does.event
	}
	return slices.ContainsFunc(strings.Split(name, "_"), func(w string) bool { return slices.Contains(salesWords, w) })
}

// notes are the sentences under the figures.
func (r *training) notes() {
	lang := r.o.Language
	if l := r.t.log; l != nil && l.Unnamed > 0 {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf(say(lang, "%d events were of kinds beyond the first %d and are not counted", "%d eventos eran de clases más allá de las primeras %d y no se cuentan"), l.Unnamed, aspectsMost))
	}
	note := func(en, es string, args ...any) {
		r.report.Notes = append(r.report.Notes, fmt.Sprintf(say(lang, en, es), args...))
	}
	if l := r.t.log; l != nil && l.Beyond > 0 {
		note("%d leads are enough: the other %d are not learned from", "%d leads bastan: de los otros %d no se aprende", l.Leads-l.Beyond, l.Beyond)
	}
	if n := r.t.censored; n > 0 {
		note("%d rows have no %s: open yet, so they are neither won nor lost, and not learned from", "%d filas no tienen %s: siguen abiertas, así que no son ganadas ni perdidas y no se aprende de ellas", n, r.t.label)
	}
	for _, name := range r.foreseen {
		note("%s knows much of who converts, and it may: it was known before each moment, and tells who converts long after it nearly as well", "%s sabe mucho de quién convierte, y puede: se sabía antes de cada momento, y acierta casi igual con quien convierte mucho después", name)
	}
	for _, c := range r.t.columns {
		isLeak := slices.ContainsFunc(r.report.Leaks, func(l Leak) bool { return l.Name == c.name })
		if !isLeak && c.bySales() {
			note("%s: by its name somebody may fill it in while selling. If so, leave it out: --drop %q", "%s: por su nombre, alguien puede rellenarlo mientras vende. Si es así, déjalo fuera: --drop %q", c.name, c.name)
		}
	}
	if r.plan.learning == "constrained" {
		note("only %d conversions: few attributes, coarse bins, numbers that only rise or only fall; more than %d teach more", "solo %d conversiones: pocos atributos, tramos gruesos, números que solo suben o solo bajan; más de %d enseñan más", min(r.report.Conversions, r.report.Rows-r.report.Conversions), fewConversions)
	}
	if n := min(r.report.Conversions, r.report.Rows-r.report.Conversions); r.o.Model == KindTrees && n <= manyConversions {
		note("only %d conversions: trees begin to find more than a card above %d; the card of the same rows can be read and changed", "solo %d conversiones: los árboles empiezan a encontrar más que una tarjeta a partir de %d; la tarjeta de las mismas filas se puede leer y cambiar", n, manyConversions)
	}
	if r.t.when == nil {
		note("no --time-column: these figures are of rows held out at random, which flatters. Name a column of dates, or %s if the file is in the order of time", "sin --time-column: estas cifras son de filas apartadas al azar, lo que favorece. Nombra una columna de fechas, o %s si el fichero está en orden de tiempo", FileOrder)
		return
	}
	r.timeNotes(note)
	for _, a := range r.report.Attributes {
		if *a.Drift > alarmDrift && !a.Ages {
			note("%s: who says what has changed between the first 70 %% of the time and the rest (stability index %.2f)", "%s: lo que se contesta ha cambiado entre el primer 70 %% del tiempo y el resto (índice de estabilidad %.2f)", a.Name, *a.Drift)
		}
	}
}

func (r *training) timeNotes(note func(en, es string, args ...any)) {
	card := r.report.Written()
	if d := card.Random.AUC - card.Time.AUC; d > .03 {
		note("on later rows the card is %.3f AUC worse than on random ones: times change. Believe the later figure, and learn again often", "en filas posteriores la tarjeta pierde %.3f de AUC frente a las aleatorias: los tiempos cambian. Cree la cifra posterior y vuelve a aprender a menudo", d)
	}
	if d := card.Random.AUC - *card.Within; d > .03 {
		note("%.3f of the AUC comes from telling periods apart, not people", "%.3f del AUC viene de distinguir periodos, no personas", d)
	}
	if card.Time.ECE > .05 {
		note("later probabilities are off by %.0f points in a hundred on average: trust the order, not the percentages", "las probabilidades posteriores se desvían %.0f puntos de cada cien de media: fíate del orden, no de los porcentajes", 100*card.Time.ECE)
	}
	for _, m := range r.report.Models {
		if m.Name == "trees" && m.Time.AUC > card.Time.AUC+.01 {
			note("trees order later rows better, by %.3f AUC: there is more to find than a card says", "los árboles ordenan mejor las filas posteriores, por %.3f de AUC: hay más de lo que dice una tarjeta", m.Time.AUC-card.Time.AUC)
		}
	}
}
