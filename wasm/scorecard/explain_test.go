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
