package journey

import (
	"fmt"
	"strings"
)

// inSpanish says in Spanish what is wrong with a text, or what to do. The English sentence
// is the key: code that finds a fault says it once, and what it repeats of the text stays
// as it stands there.
func inSpanish(s string) string { return said(spanish, s) }

// Reason says in "es" or English why a step did what it did, as its note says it.
func Reason(lang, s string) string {
	if lang != "es" {
		return s
	}
	if what, why, ok := strings.Cut(strings.TrimSuffix(s, ")"), " ("); ok && strings.HasSuffix(s, ")") {
		return what + " (" + said(reasons, why) + ")"
	}
	return said(reasons, s)
}

func said(table [][2]string, s string) string {
	for _, p := range table {
		if held, ok := holds(p[0], s); ok {
			for i, word := range held {
				if es, ok := spanishWords[word.(string)]; ok {
					held[i] = es
				}
			}
			return fmt.Sprintf(p[1], held...)
		}
	}
	return s // a name, or what the world said
}

// holds says what stands at each %s of a sentence.
func holds(pattern, s string) (held []any, ok bool) {
	parts := strings.Split(pattern, "%s")
	if s, ok = strings.CutPrefix(s, parts[0]); !ok {
		return nil, false
	}
	if len(parts) == 1 {
		return nil, s == ""
	}
	last := len(parts) - 1
	if s, ok = strings.CutSuffix(s, parts[last]); !ok {
		return nil, false
	}
	for _, p := range parts[1:last] {
		var word string
		if word, s, ok = strings.Cut(s, p); !ok {
			return nil, false
		}
		held = append(held, word)
	}
	return append(held, s), true
}

// spanishWords are what sentences are about.
var spanishWords = map[string]string{
	"a journey": "un recorrido", "a segment": "un segmento", "a step": "un paso", "a way": "un camino", "a variant": "una variante", "a cap": "un tope",
	noTopic: "no se conoce ningún tema suyo", allSent: "todo lo que encaja ya se envió", noContent: "nada trata de lo que interesa al lead",
	"again (never, always or how long after the end)": "again (never, always o cuánto tiempo después del final)",
}

// reasons are why a step did what it did.
var reasons = [][2]string{
	{"the person did not allow marketing", "la persona no permitió el marketing"},
	{noYes, "la persona no ha dicho que sí al marketing"},
	{"the lead has no phone with its country, like +34600111222", "el lead no tiene un teléfono con su país, como +34600111222"},
	{"the number gets no messages any more: %s", "el número ya no recibe mensajes: %s"},
	{"the lead has no address: attributes address, postal_code, city, country", "el lead no tiene dirección: atributos address, postal_code, city, country"},
	{"hold-out of this message: to compare with", "grupo de control de este mensaje: para comparar"},
	{"hold-out: nothing is sent", "grupo de control: no se envía nada"},
	{"there is nothing to offer: %s", "no hay nada que ofrecer: %s"},
	{"cares about %s", "le interesa %s"},
	{"%s, and %s too", "%s, y %s también"},
	{noTopic, "no se conoce ningún tema suyo"},
	{allSent, "todo lo que encaja ya se envió"},
	{noContent, "nada trata de lo que interesa al lead"},
	{"%s, they read about %s, %s of %s times", "%s, suele leer hacia las %s, %s de %s veces"},
	{"%s, the usual hour: they are known to have read %s times", "%s, la hora habitual: se sabe que leyó %s veces"},
}

// spanish are the sentences, each before those that it would be taken for. What stands at
// a %s is a key or a value of the text, a name or a number.
var spanish = [][2]string{
	{"write key: value", "escribe clave: valor"},
	{"write the values: %s", "escribe los valores: %s"},
	{"write a time of day in quotes, as in %s", "escribe una hora entre comillas, como %s"},
	{"write a whole number from %s to %s", "escribe un número entero de %s a %s"},
	{"write a length of time like 12h, 7d or 20mo", "escribe una duración como 12h, 7d o 20mo"},
	{"write a time zone like Europe/Madrid", "escribe una zona horaria como Europe/Madrid"},
	{"write per cents like 10%", "escribe un tanto por ciento como 10%%"},
	{"write - wait: 3d, and so on, a line each", "escribe - wait: 3d, y así, uno por línea"},
	{"write an affinity above 0, as 'ripen leads show' tells them", "escribe una afinidad mayor que 0, como las que enseña 'ripen leads show'"},
	{"write an address like https://acme.example/offer", "escribe una dirección como https://acme.example/oferta"},
	{"write a full hour, as in %s", "escribe una hora en punto, como %s"},
	{"write 1h to 7d, as in best_hour: 24h", "escribe de 1h a 7d, como best_hour: 24h"},
	{"write one, as in %s", "escribe una, como %s"},
	{"write links into the template", "escribe los enlaces en la plantilla"},
	{"write text: the words themselves; branch before it for other words", "escribe en text: las palabras mismas; para otras palabras, pon antes un branch"},
	{"write timeout: 30d: a journey must not wait for ever", "escribe timeout: 30d: un recorrido no debe esperar para siempre"},
	{"write offer: renew, or a list of kinds, the best first", "escribe offer: renew, o una lista de tipos, el mejor primero"},
	{"write channel: email, or leave offer: out", "escribe channel: email, o quita offer:"},
	{"write channel: onsite, whose message may be a chat", "escribe channel: onsite, cuyo mensaje puede ser un chat"},
	{"write webhook: {to: NAME} to your provider", "escribe webhook: {to: NOMBRE} hacia tu proveedor"},
	{"write content: by_interest, or remove them", "escribe content: by_interest, o quítalos"},
	{"write otherwise: TEMPLATE for whom nothing fits, or otherwise: nothing", "escribe otherwise: PLANTILLA para quien nada encaje, o otherwise: nothing"},
	{"write template: NAME, or test: {a: {template: NAME, weight: 1}, b: …}, or content: by_interest", "escribe template: NOMBRE, o test: {a: {template: NOMBRE, weight: 1}, b: …}, o content: by_interest"},
	{"write test: {a: {template: NAME, weight: 1}, b: {template: OTHER, weight: 1}}", "escribe test: {a: {template: NOMBRE, weight: 1}, b: {template: OTRO, weight: 1}}"},
	{"write wait: 3d, or wait: %s, or wait: %s", "escribe wait: 3d, o wait: %s, o wait: %s"},
	{"write when: %s, or need: %s; without one of them write go: in the step", "escribe when: %s, o need: %s; sin uno de ellos escribe go: en el paso"},
	{"write need: %s, or need: %s", "escribe need: %s, o need: %s"},
	{"remove it, or write need: %s", "quítalo, o escribe need: %s"},
	{"write {{ name | friend }}, or {{ name | }} for nothing", "escribe {{ name | amigo }}, o {{ name | }} para nada"},
	{"write {{ name | customer }}, or {{ name | }} for nothing", "escribe {{ name | cliente }}, o {{ name | }} para nada"},
	{"write message: {channel: sms, to: WEBHOOK, text: %s}", "escribe message: {channel: sms, to: WEBHOOK, text: %s}"},
	{"write message: {channel: letter, text: %s, link: %s}", "escribe message: {channel: letter, text: %s, link: %s}"},
	{"write %s: text", "escribe %s: texto"},
	{"write %s: …", "escribe %s: …"},
	{"write %s", "escribe %s"},
	{"it may be %s", "puede ser %s"},
	{"did you mean %s?", "¿querías decir %s?"},
	{"at most %s bytes without spaces, / and @", "como mucho %s bytes, sin espacios, / ni @"},
	{"at most 90d are remembered", "se recuerdan como mucho 90d"},
	{"at most %s", "como mucho %s"},
	{"name what lets a lead in; when: says what must hold besides", "nombra lo que deja entrar a un lead; when: dice qué más debe cumplirse"},
	{"name one of them; write when: for what must hold besides", "nombra uno de ellos; escribe en when: qué más debe cumplirse"},
	{"name the event whose fields it reads", "nombra el evento cuyos campos lee"},
	{"name a band, grade, segment or event, or write when:", "nombra una band, grade, segment o event, o escribe when:"},
	{"name a template", "nombra una plantilla"},
	{"name one of %s", "nombra uno de %s"},
	{"name one", "nombra uno"},
	{"give each step an id of its own", "da a cada paso un id propio"},
	{"make two steps of it", "haz de él dos pasos"},
	{"put a wait into it", "pon en medio un wait"},
	{"remove them", "quítalos"},
	{"who a lead is, and what they allowed, is theirs to say", "quién es un lead, y qué permitió, lo dice el lead"},
	{"there are %s and exit", "hay %s y exit"},

	{"named lists are not built yet in journeys and segments", "en recorridos y segmentos aún no hay listas con nombre"},
	{"an expression is missing", "falta una expresión"},
	{"the channel %s is not built yet", "el canal %s aún no existe"},
	{"%s is not built yet", "%s aún no existe"},
	{"the steps after %s go in a circle without a wait", "los pasos después de %s dan vueltas sin ningún wait"},
	{"there is no step %s", "no hay ningún paso %s"},
	{"there are %s steps", "hay %s pasos"},
	{"the id %s is taken", "el id %s ya está usado"},
	{"a step is both %s and %s", "un paso es a la vez %s y %s"},
	{"a step does nothing", "un paso no hace nada"},
	{"a way has no when and no need", "un camino no tiene ni when ni need"},
	{"branch wants a list of 1 to %s ways", "branch quiere una lista de 1 a %s caminos"},
	{"bands wants bands and templates", "bands quiere bandas y plantillas"},
	{"move wants bands and journeys", "move quiere bandas y recorridos"},
	{"caps wants channels", "caps quiere canales"},
	{"steps wants a list", "steps quiere una lista"},
	{"set wants attributes", "set quiere atributos"},
	{"set changes %s", "set cambia %s"},
	{"test wants two variants or more", "test quiere dos variantes o más"},
	{"wait wants a length of time, until: and at:, or event: and timeout:", "wait quiere una duración, until: y at:, o event: y timeout:"},
	{"wait for an event has no timeout", "un wait hasta un evento no tiene timeout"},
	{"wait until a day has no hour", "un wait hasta un día no tiene hora"},
	{"timeout, else and where belong to wait for an event", "timeout, else y where son de un wait hasta un evento"},
	{"message wants one of template:, test:, content:", "message quiere uno de template:, test:, content:"},
	{"stage, not_again and otherwise belong to content: by_interest", "stage, not_again y otherwise son de content: by_interest"},
	{"only a mail makes an offer", "solo un correo hace una oferta"},
	{"an SMS has no template", "un SMS no tiene plantilla"},
	{"an SMS wants to: and text:", "un SMS quiere to: y text:"},
	{"a letter has no template", "una carta no tiene plantilla"},
	{"a letter wants text: and link:", "una carta quiere text: y link:"},
	{"to and text belong to channel: sms", "to y text son de channel: sms"},
	{"link belongs to channel: letter", "link es de channel: letter"},
	{"from belongs to a topic", "from es de un tema"},
	{"the text has a placeholder without a fallback", "el texto tiene un hueco sin nada que poner si falta el dato"},
	{"the text has %s bytes", "el texto tiene %s bytes"},
	{"per is too long", "per es demasiado largo"},
	{"best_hour is how much later it may be at most", "best_hour es cuánto más tarde puede ser como mucho"},
	{"need wants one of topic, offer", "need quiere uno de topic, offer"},
	{"%s wants one of band, grade, segment, event", "%s quiere uno de band, grade, segment, event"},
	{"%s wants keys and values", "%s quiere claves y valores"},
	{"%s wants a text", "%s quiere un texto"},
	{"message has no_offer: without offer:", "message tiene no_offer: sin offer:"},
	{"%s has where: without event:", "%s tiene where: sin event:"},
	{"%s has no key %s", "%s no tiene la clave %s"},
	{"%s has no %s", "%s no tiene %s"},
	{"%s is empty", "%s está vacío"},
	{"%s is %s", "%s es %s"},
}
