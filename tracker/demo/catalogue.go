package demo

import (
	"strconv"
	"strings"
)

// both is a text in the shop's two languages.
type both struct{ ES, EN string }

// in returns the text in a language, "es" or "en".
func (b both) in(lang string) string {
	if lang == "es" {
		return b.ES
	}
	return b.EN
}

// product is one machine of the catalogue.
type product struct {
	SKU      string
	Name     string
	Category string // what the shop tells the tracker: cafetera or molinillo
	Art      string // which drawing; see pages/art.html
	Tone     string // enamel colour; see assets/shop.css
	Price    int    // euros
	Kind     both
	Line     both   // one sentence for the card
	Text     both   // for the product page
	Bar      int    // pressure; 0 = no pump
	Tank     string // litres, with a point; empty = none
	Watts    int
	Width    int // cm
	Cups     both
	Grinds   bool
	Milk     bool
}

// price is written as the language does.
func price(lang string, euros int) string {
	n := strconv.Itoa(euros)
	if len(n) > 3 {
		sep := ","
		if lang == "es" {
			sep = "."
		}
		n = n[:len(n)-3] + sep + n[len(n)-3:]
	}
	if lang == "es" {
		return n + " €"
	}
	return "€" + n
}

var catalogue = []product{
	{
		SKU: "brisa", Name: "Brisa", Category: "cafetera", Art: "espresso", Tone: "sea", Price: 189,
		Kind: both{"Espresso manual", "Manual espresso"},
		Line: both{"Quince bares y ni un botón de más.", "Fifteen bars and not one button too many."},
		Text: both{
			"La primera máquina de quien deja las cápsulas. Calienta en cuarenta segundos, cabe bajo cualquier armario y su vaporizador hace crema de verdad con un poco de práctica. Trae filtro de una y de dos tazas.",
			"The first machine of anyone who gives up capsules. Hot in forty seconds, low enough for any cupboard, and its wand makes real microfoam after a little practice. Comes with a single and a double basket.",
		},
		Bar: 15, Tank: "1.2", Watts: 1350, Width: 16, Cups: both{"1–4 al día", "1–4 a day"}, Milk: true,
	},
	{
		SKU: "marea", Name: "Marea Duo", Category: "cafetera", Art: "dual", Tone: "tomato", Price: 1349,
		Kind: both{"Espresso de dos grupos", "Two-group espresso"},
		Line: both{"Dos grupos, dos calderas, una cola más corta.", "Two groups, two boilers, a shorter queue."},
		Text: both{
			"Para una oficina que se toma en serio la pausa de las once o un local que empieza. Dos calderas independientes: una saca café mientras la otra da vapor. Toma de agua directa o depósito.",
			"For an office that takes its eleven o'clock break seriously, or a café that is starting out. Two independent boilers: one pulls shots while the other steams. Runs from the mains or from its tank.",
		},
		Bar: 9, Tank: "5", Watts: 3200, Width: 62, Cups: both{"hasta 120 al día", "up to 120 a day"}, Milk: true,
	},
	{
		SKU: "faro", Name: "Faro", Category: "cafetera", Art: "bean", Tone: "night", Price: 599,
		Kind: both{"Superautomática", "Bean to cup"},
		Line: both{"Muele, prensa y se limpia sola.", "It grinds, tamps and cleans up after itself."},
		Text: both{
			"Un botón y treinta segundos. Guarda cuatro recetas, muele para cada taza y avisa cuando necesita agua. Es la que más oficinas pequeñas se llevan.",
			"One button and thirty seconds. It remembers four recipes, grinds for every cup and says when it wants water. The one that most small offices take home.",
		},
		Bar: 15, Tank: "1.8", Watts: 1450, Width: 24, Cups: both{"hasta 25 al día", "up to 25 a day"}, Grinds: true, Milk: true,
	},
	{
		SKU: "ancla", Name: "Ancla", Category: "cafetera", Art: "moka", Tone: "steel", Price: 34,
		Kind: both{"Italiana", "Moka pot"},
		Line: both{"La de siempre, con acero para inducción.", "The one you know, in steel for induction."},
		Text: both{
			"Seis tazas, tres piezas, ninguna pantalla. Acero inoxidable que sirve en inducción y una junta de silicona que dura años. Si se rompe algo, se cambia por dos euros.",
			"Six cups, three parts, no screen. Stainless steel that works on induction and a silicone seal that lasts for years. If something breaks, two euros replace it.",
		},
		Tank: "0.3", Width: 13, Cups: both{"6 por carga", "6 per brew"},
	},
	{
		SKU: "boya", Name: "Boya", Category: "cafetera", Art: "capsule", Tone: "butter", Price: 79,
		Kind: both{"De cápsulas", "Capsules"},
		Line: both{"Catorce centímetros de ancho y lista en quince segundos.", "Fourteen centimetres wide, ready in fifteen seconds."},
		Text: both{
			"Para el despacho, la segunda residencia o quien toma uno al día. Acepta cápsulas compatibles y rellenables, y se apaga sola a los tres minutos.",
			"For the study, the holiday flat or the one-a-day drinker. It takes compatible and refillable capsules and turns itself off after three minutes.",
		},
		Bar: 19, Tank: "0.7", Watts: 1260, Width: 14, Cups: both{"1–5 al día", "1–5 a day"},
	},
	{
		SKU: "orilla", Name: "Orilla", Category: "cafetera", Art: "filter", Tone: "sky", Price: 149,
		Kind: both{"De filtro", "Filter"},
		Line: both{"Diez tazas limpias a 94 grados.", "Ten clean cups at 94 degrees."},
		Text: both{
			"Moja, espera y vierte como lo haría una persona con paciencia. Mantiene el café caliente sin quemarlo y el temporizador lo tiene hecho cuando suena el despertador.",
			"It wets, waits and pours the way a patient person would. Keeps coffee hot without cooking it, and the timer has it ready when the alarm rings.",
		},
		Tank: "1.4", Watts: 1000, Width: 28, Cups: both{"10 por carga", "10 per brew"},
	},
	{
		SKU: "quilla", Name: "Quilla", Category: "cafetera", Art: "lever", Tone: "copper", Price: 890,
		Kind: both{"De palanca", "Lever"},
		Line: both{"La presión la pones tú.", "You are the pump."},
		Text: both{
			"Caldera de latón, palanca de nogal y ningún circuito. Cada café sale distinto hasta que un día todos salen igual de buenos. Se repara entera con una llave inglesa.",
			"A brass boiler, a walnut lever and not one circuit. Every shot is different until one day they are all equally good. Repairable to the last bolt with one spanner.",
		},
		Bar: 10, Tank: "0.8", Watts: 1000, Width: 20, Cups: both{"1–6 al día", "1–6 a day"}, Milk: true,
	},
	{
		SKU: "grano", Name: "Grano", Category: "molinillo", Art: "grinder", Tone: "leaf", Price: 129,
		Kind: both{"Molinillo", "Grinder"},
		Line: both{"Muelas cónicas, cuarenta puntos.", "Conical burrs, forty settings."},
		Text: both{
			"Lo que más cambia tu café no es la máquina: es moler justo antes. Cuarenta puntos de molienda, de italiana a espresso, y un tarro que no deja electricidad estática.",
			"What changes your coffee most is not the machine but grinding just before. Forty settings from moka to espresso, and a jar that does not cling with static.",
		},
		Watts: 150, Width: 13, Cups: both{"hasta 30 al día", "up to 30 a day"}, Grinds: true,
	},
}

// litres writes an amount of litres as the language does.
func litres(lang, n string) string {
	if n == "" {
		return "—"
	}
	if lang == "es" {
		n = strings.Replace(n, ".", ",", 1)
	}
	return n + " l"
}

func findProduct(sku string) *product {
	for i := range catalogue {
		if catalogue[i].SKU == sku {
			return &catalogue[i]
		}
	}
	return nil
}
