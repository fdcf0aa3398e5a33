package scorecard

import (
	"os"
	"strings"
	"testing"
)

func mustParse(t testing.TB, name string) *Card {
	t.Helper()
	src, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(name, src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestExplain(t *testing.T) {
	c := mustParse(t, "saas.yaml")
	f := func(lang, want string) {
		t.Helper()
		if got := c.Explain(lang); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	f("es", "- Mira los precios: +10 por sesión, hasta 25, pierde la mitad cada 7 días (page_view con path como /pricing*).")
	f("es", "- 30 días sin actividad: −20, a partir de 30 días de silencio (cualquier actividad).")
	f("es", "- Tamaño ideal: +30 (employees de 50 a 500).")
	f("es", "mql desde 50, se deja por debajo de 40, solo con nota A1, A2, A3, B1, B2, C1.")
	f("en", "- 3 visitas a precios en 7 días: +10, while there are 3 within 7 days (page_view where path like /pricing*).")
	f("en", "- Empresa grande: +20 (employees > 500).")
	f("en", "The score: fit × 0.4 + engagement × 0.6; from 0–100 to 1–100.")
	f("en", "With lifecycle = customer, the lead is not scored.")
	f("", "saas version 7.")
	f("es", "\nLos días son los de UTC.\n\nLa lista competitors está vacía.\n")
	c.SetList("competitors", []string{"a.example", "b.example"})
	f("en", "\nDays are those of UTC.\n\nThe list competitors has 2 values.\n")
	c.SetList("competitors", []string{"a.example"})
	f("es", "\nLa lista competitors tiene 1 valor.\n")
	f("es", "negativo, como mucho 0, como poco −")
	coffee := mustParse(t, "interes.yaml")
	if got := coffee.Explain(""); !strings.Contains(got, "La puntuación: lo mayor de interes × 1.6667; de 0–100 a 1–100.") ||
		!strings.Contains(got, "sin contar bot, prefetch") {
		t.Errorf("the coffee shop's card says\n%s", got)
	}
}

func TestExplainUnanswered(t *testing.T) {
	c := behaviour(t, "{id: a, unanswered: {channels: [email, call], sent: 5, within: 60d}, points: -20, why: No contesta}",
		"{id: b, event: visit, where: {x: {not_in_list: free}, y: {not_matches: ^a}}, points: 1}")
	for lang, want := range map[string]string{
		"en": "- No contesta: −20, while 5 sent within 60 days have no answer (email_sent, call_out).",
		"es": "- No contesta: −20, mientras 5 enviados en 60 días sigan sin respuesta (email_sent, call_out).",
		"":   "(visit where x not in the list free and y not matching ^a)",
	} {
		if got := c.Explain(lang); !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestExplainRenewal(t *testing.T) {
	c := mustParse(t, "cafeteras.yaml")
	for lang, want := range map[string]string{
		"en": `
recompra: when they will need it again, at most 100.
  Counted from the last purchase where category = cafetera.
  It lasts 2 years on average, give or take 25 %; the chance of buying again within 4 months is worth points, all 100 of them from 45 % on.
  From 3 years on it was bought elsewhere: points halve every 9 months.
  The average is to be learned for each sku once 30 have been bought again.
`,
		"es": `
recompra: cuándo lo volverá a necesitar, como mucho 100.
  Se cuenta desde el último purchase con category = cafetera.
  Dura 2 años de media, con una desviación del 25 %; la probabilidad de recomprar en 4 meses vale puntos, todos (100) a partir del 45 %.
  A partir de 3 años se da por comprado en otro sitio: los puntos se reducen a la mitad cada 9 meses.
  La media se aprenderá para cada sku cuando haya 30 recompras.
`,
	} {
		if got := c.Explain(lang); !strings.Contains(got, want) {
			t.Errorf("no\n%s\nin\n%s", want, got)
		}
	}
	c = renewal(t, ", pick: first", "curve: [[0, 10], [20mo, 80], [24mo, 100]]")
	if got := c.Explain("en"); !strings.Contains(got, "from the first purchase") ||
		!strings.Contains(got, "Points by age, in straight lines between: 0: 10, 20 months: 80, 2 years: 100.") {
		t.Errorf("the curve says\n%s", got)
	}
}

// TestExplainWords says what only a lead knows as dots, and numbers as people write
// them; a card that has no version yet says none.
func TestExplainWords(t *testing.T) {
	c := behaviour(t,
		`{id: seen, event: visit, points: 2, expire: 30d, why: "Vio {count} páginas"}`,
		`{id: often, event: visit, count: {gte: 3, within: 7d}, points: -4, why: "{count} veces: {points}"}`,
		`{id: gone, absent: any, after: 30d, points: -20, why: "Callado {age}"}`,
		`{id: rich, event: deal, where: {value: {gt: 2000000}}, points: -1, cap: -20, why: Grande}`)
	c.Version, c.Label = 0, &Label{Event: "purchase", Within: 90 * MsPerDay}
	c.Plan = &Plan{Every: 7 * MsPerDay, New: 0.1, Shadow: MsPerDay, Moves: 0.2, Publish: true}
	c.Probability = &Probability{Of: "compra", At: [][2]float64{{1, 0.02}, {100, 0.8}}}
	c.Bands = []Band{{Name: "hot", From: 50, Leave: 50, People: 40, Converted: 7}}
	for lang, wants := range map[string][]string{
		"es": {
			"Vio … páginas: +2", "3 veces: −4: −4", "Callado 30 días: −20", "deal con value > 2000000", "hasta −20",
			"hot desde 50; de 40 personas en ella se convirtieron 7.",
			"La probabilidad (compra): con 1 punto, 2 %; con 100 puntos, 80 %; en línea recta entre ellos.",
			"Lo que debe prever: purchase en 90 días.",
			"Se vuelve a aprender sola cada 7 días y cuando haya un 10 % más de conversiones.",
			"Lo aprendido corre 1 día en sombra, puede cambiar de franja al 20 % de los contactos como mucho, y ocupa su lugar si es mejor.",
		},
		"en": {
			"The probability (compra): at 1 point, 2 %; at 100 points, 80 %; in straight lines between.",
			"What it is to foresee: purchase within 90 days.",
			"It is learned anew by itself every 7 days and when there are 10 % more conversions.",
			"What is learned runs as a shadow for 1 day, may move 20 % of the leads to another band at most, and takes its place if it is better.",
		},
	} {
		got := c.Explain(lang)
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
		}
		if strings.Contains(got, "versión 0") || strings.Contains(got, "version 0") {
			t.Errorf("a draft has a version:\n%s", got)
		}
	}
}
