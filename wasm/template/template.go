// Package template holds the scorecards that a tenant can start from. It promises
// that each is checked, tells its story in a cases file that its module holds to
// the printed digits, starts from the same six attributes and eight rules of
// behaviour, and says the same in English and Spanish.
//
// A template is one body for both languages: a word or sentence that people read
// is a pair «English|Spanish», and a line that begins with #en or #es is a comment
// of that language alone; #how stands for cards/how.txt. So the structure, the ids of rules, events, conditions
// and points cannot differ; the names of dimensions, groups and bands, the reasons,
// the comments and the stories do. A name must be one that the language of cards
// lets stand without quotes: frio, not frío.
//
// The points are ours, to be changed: no template claims to know a market. Nothing
// is stored here and nothing is put in force: what is made is a file.
package template

import (
	"embed"
	"fmt"
	"strings"

	"ripen/wasm/scorecard/expr"
)

//go:embed cards
var files embed.FS

// how tells the reader of every card what to do with it.
//
//go:embed cards/how.txt
var how string

// Languages are those that every template speaks; the first is the one for
// whoever asks for none.
var Languages = [...]string{"en", "es"}

// Template is a scorecard to start from.
type Template struct {
	Name  string // as in b2b-saas; also the name of the card, until its owner changes it
	about string // a pair
}

// Templates returns all of them, the simplest first.
func Templates() []Template {
	return []Template{
		{"simple", "«who they are and what they do, points that stay: the one to learn with|quién es y qué hace, puntos que se quedan: la plantilla para aprender»"},
		{"elaborate", "«two axes with grades A1 to D4, points that fade, brakes, gates and hand-off|dos ejes con notas de A1 a D4, puntos que se enfrían, frenos, topes y entrega a ventas»"},
		{"b2b-saas", "«software for companies: fit, interest and use of the trial, rolled up to accounts|software para empresas: encaje, interés y uso de la prueba, sumados por cuenta»"},
		{"b2c-shop", "«a shop: interest before the purchase, and when it is time to buy again|una tienda: el interés antes de la compra, y cuándo toca volver a comprar»"},
		{"agency-fair", "«a lead magnet such as tickets for a fair: answers decide, not the job title alone|un gancho como entradas para una feria: deciden las respuestas, no solo el cargo»"},
		{"education", "«courses and schools: open days, brochures, fees, applications|cursos y escuelas: puertas abiertas, folletos, precios, solicitudes»"},
	}
}

// Find returns the template of a name. The error for a name that there is not
// names the nearest, or all.
func Find(name string) (Template, error) {
	var names []string
	for _, t := range Templates() {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	if near := expr.Nearest(name, names); near != "" {
		return Template{}, fmt.Errorf("no template %q: did you mean %s?", name, near)
	}
	return Template{}, fmt.Errorf("no template %q: there are %s", name, strings.Join(names, ", "))
}

// About says in a line what the template is for.
func (t Template) About(lang string) string { return speak(t.about, lang) }

// Card returns the scorecard as YAML, ready to be read and changed.
func (t Template) Card(lang string) []byte { return t.read(".yaml", lang) }

// Cases returns the stories that the card is held to: what `ripen scorecard eval
// --cases` reads.
func (t Template) Cases(lang string) []byte { return t.read(".json", lang) }

func (t Template) read(ext, lang string) []byte {
	b, err := files.ReadFile("cards/" + t.Name + ext)
	if err != nil {
		panic("BUG: template: " + err.Error())
	}
	return []byte(speak(strings.Replace(string(b), "#how\n", how, 1), lang))
}

// speak keeps of a body what is of one language: es, or en for anything else.
func speak(body, lang string) string {
	at := 0
	if lang == Languages[1] {
		at = 1
	}
	own, other := "#"+Languages[at], "#"+Languages[1-at]
	var out strings.Builder
	for line := range strings.Lines(body) {
		text := strings.TrimLeft(line, " ")
		if strings.HasPrefix(text, other) {
			continue
		}
		if comment, ok := strings.CutPrefix(text, own); ok {
			line = line[:len(line)-len(text)] + "#" + comment
		}
		pick(&out, line, at)
	}
	return out.String()
}

// pick writes a line with each of its pairs replaced by one of the two.
func pick(out *strings.Builder, line string, at int) {
	for {
		before, rest, ok := strings.Cut(line, "«")
		out.WriteString(before)
		if !ok {
			return
		}
		pair, after, closed := strings.Cut(rest, "»")
		words := strings.Split(pair, "|")
		if !closed || len(words) != len(Languages) {
			panic("BUG: template: not a pair: «" + pair)
		}
		out.WriteString(words[at])
		line = after
	}
}
