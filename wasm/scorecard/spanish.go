package scorecard

import (
	"strconv"
	"strings"
)

// In returns the error with its words in a language: es, or English for anything
// else. Names, keys and what stands in the card stay as they are.
func (e *Error) In(lang string) *Error {
	out := *e
	if lang == "es" {
		out.lang, out.What, out.Fix = lang, Words(lang, e.What), Words(lang, e.Fix)
	}
	return &out
}

// Words is a text of this package, of wasm/compile or of an [Error], in a language: es, or
// English for anything else.
func Words(lang, text string) string {
	if lang == "es" {
		text, _ = spanish(text, 2)
	}
	return text
}

// spanish finds a text among the English formats and returns what its Spanish
// format makes of the same arguments, and how many bytes were words of ours; a text
// that is none of them stays. Of several formats the one that leaves least to its
// arguments is meant, the first of equals. deep is how far arguments are taken apart.
func spanish(text string, deep int) (out string, most int) {
	out = text
	for i := range sentences {
		args, said, ok := matchFormat(text, sentences[i][0])
		if !ok {
			continue
		}
		for i, arg := range args {
			// What somebody wrote in the card stands in quotes, or is one word.
			if deep > 0 && strings.Contains(arg, " ") && arg[0] != '"' {
				n := 0
				args[i], n = spanish(arg, deep-1)
				said += n
			}
		}
		if said > most {
			out, most = fillFormat(sentences[i][1], args), said
		}
	}
	return out, most
}

// hole finds the first verb of a format: %q stands for a text in quotes, %d for a
// whole number, %v for one word, %s for anything. A percent sign beside anything else
// is itself.
func hole(format string) (before string, verb byte, after string) {
	for i := 0; i+1 < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if strings.IndexByte("sdqv", format[i+1]) >= 0 {
			return format[:i], format[i+1], format[i+2:]
		}
	}
	return format, 0, ""
}

// matchFormat takes the arguments out of a text that a format made, and counts the
// bytes that are the format's own. An argument ends where what follows it begins, and
// as late as that lets it.
func matchFormat(text, format string) (args []string, said int, ok bool) {
	before, verb, after := hole(format)
	rest, ok := strings.CutPrefix(text, before)
	switch {
	case !ok || verb == 0 && rest != "":
		return nil, 0, false
	case verb == 0:
		return nil, len(before), true
	case verb == 'q':
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil, 0, false
		}
		args, said, ok = matchFormat(rest[len(quoted):], after)
		return append([]string{quoted}, args...), said + len(before), ok
	}
	for n := len(rest); n > 0; n-- {
		if verb == 'd' && strings.Trim(rest[:n], "-0123456789") != "" || verb == 'v' && strings.Contains(rest[:n], " ") || inQuotes(rest[:n]) {
			continue
		}
		if args, said, ok = matchFormat(rest[n:], after); ok {
			return append([]string{rest[:n]}, args...), said + len(before), true
		}
	}
	return nil, 0, false
}

// inQuotes says that a text ends within what stands in quotes.
func inQuotes(s string) bool {
	return (strings.Count(s, `"`)-strings.Count(s, `\"`))%2 == 1
}

// fillFormat puts arguments into a format.
func fillFormat(format string, args []string) string {
	var b strings.Builder
	for _, arg := range args {
		before, _, after := hole(format)
		b.WriteString(before)
		b.WriteString(arg)
		format = after
	}
	b.WriteString(format)
	return b.String()
}

// sentences are the formats of all errors, with the same in Spanish; the arguments
// come in the same order. [TestSpanish] holds it to have every one of them.
var sentences = [...][2]string{
	// What many errors share.
	{"%s is %s", "%s es %s"},
	{"%s is %q", "%s es %s"},
	{"%s wants keys and values, not %s", "%s pide claves y valores, no %s"},
	{"%s wants one value, not %s", "%s pide un solo valor, no %s"},
	{"%s wants a list", "%s pide una lista"},
	{"%s wants two numbers", "%s pide dos números"},
	{"%s has no key %q", "%s no tiene la clave %s"},
	{"%s has %d items", "%s tiene %s elementos"},
	{"%s %q is not a name", "%s: %s no es un nombre"},
	{"%q stands twice, first on line %d", "%s está dos veces, la primera en la línea %s"},
	{"write key: value", "escribe clave: valor"},
	{"write it on one line", "escríbelo en una línea"},
	{"write [a, b]", "escribe [a, b]"},
	{"write %s", "escribe %s"},
	{"write !", "escribe !"},
	{"write one of %s", "escribe una de estas: %s"},
	{"write a number", "escribe un número"},
	{"write a whole number from %s to %s", "escribe un número entero de %s a %s"},
	{"write a number from %v to %v", "escribe un número de %s a %s"},
	{"write a length of time like 30m, 12h, 7d, 2w, 24mo or 1y", "escribe un plazo como 30m, 12h, 7d, 2w, 24mo o 1y"},
	{"use letters, digits, _ - and ., at most 128", "usa letras sin acento, cifras, _ - y ., 128 como mucho"},
	{"stay within a hundred thousand", "no pases de cien mil"},
	{"it has %s", "tiene %s"},
	{"there are %s", "hay %s"},
	{"there is none: name it first", "no hay ninguna: nómbrala antes"},
	{"did you mean %s?", "¿querías decir %s?"},
	{"at most %d", "como mucho %s"},
	{"at most %d bytes", "como mucho %s bytes"},
	{"keep one", "deja una"},
	{"write as in %s", "escríbelo como en %s"},
	{"write the smaller number first", "escribe antes el número menor"},
	{"too many levels inside one another", "demasiados niveles unos dentro de otros"},

	// YAML.
	{"this text breaks the YAML reader", "este texto rompe el lector de YAML"},
	{"simplify it", "simplifícalo"},
	{"a second document in the file", "un segundo documento en el archivo"},
	{"a file holds one: remove it", "un archivo contiene uno solo: quítalo"},
	{"the file is empty", "el archivo está vacío"},
	{"start with scorecard: <name>", "empieza con scorecard: <nombre>"},
	{"start with what it is, as in scorecard: <name> or journey: <name>", "empieza por lo que es, como scorecard: <nombre> o journey: <nombre>"},
	{"the file has %d bytes", "el archivo tiene %s bytes"},
	{"at most %d are read", "como mucho se leen %s"},
	{"this is a WebAssembly module, not a card", "esto es un módulo WebAssembly, no una tarjeta"},
	{"ripen module check tries it, ripen module publish puts it in force", "ripen module check lo prueba, ripen module publish lo pone en vigor"},
	{"the file holds a NUL byte", "el archivo contiene un byte NUL"},
	{"save it as UTF-8 text", "guárdalo como texto UTF-8"},
	{"not YAML: %s", "no es YAML: %s"},
	{"check quotes, brackets and indentation here", "revisa aquí las comillas, los corchetes y la sangría"},
	{"YAML anchors, aliases, merges and tags are not read", "no se leen anclas, alias, fusiones ni etiquetas de YAML"},
	{"write the value out", "escribe el valor entero"},
	{"YAML merges are not read", "no se leen fusiones de YAML"},
	{"write the keys out", "escribe las claves"},
	{"bare on means true or false to some YAML readers", "on sin comillas es verdadero o falso para algunos lectores de YAML"},
	{"for the event of a rule write event:, else quote it", "para el evento de una regla escribe event:; si no, ponlo entre comillas"},
	{"bare %s means true or false to some YAML readers", "%s sin comillas es verdadero o falso para algunos lectores de YAML"},
	{"write %q in quotes, or true or false", "escribe %s entre comillas, o true o false"},
	{"write a plain number, or %q in quotes if it is text", "escribe un número corriente, o %s entre comillas si es texto"},
	{"octal to some YAML readers", "octal para algunos lectores de YAML"},
	{"a number in sixties to some YAML readers", "un número en base sesenta para algunos lectores de YAML"},
	{"a number to some YAML readers and text to others", "un número para algunos lectores de YAML y texto para otros"},
	{"not a number a rule can use", "un número que ninguna regla puede usar"},

	// What the readers of YAML and of regular expressions say most.
	{"value is not allowed in this context", "aquí no puede ir un valor"},
	{"value is not allowed in this context. map key-value is pre-defined", "aquí no puede ir un valor: ya hay claves y valores"},
	{"mapping value is not allowed in this context", "aquí no puede ir una clave con su valor"},
	{"block sequence entries are not allowed in this context", "aquí no puede ir una lista con guiones"},
	{"non-map value is specified", "hay un valor sin clave"},
	{"unexpected key name", "nombre de clave inesperado"},
	{"unexpected map key", "clave inesperada"},
	{"could not find flow mapping end token '}'", "falta la llave de cierre }"},
	{"sequence end token ']' not found", "falta el corchete de cierre ]"},
	{"could not find '[' character corresponding to ']'", "sobra un corchete ]"},
	{"could not find '{' character corresponding to '}'", "sobra una llave }"},
	{"',' or '}' must be specified", "falta una coma o una llave }"},
	{"',' or ']' must be specified", "falta una coma o un corchete ]"},
	{"could not find end character of double-quoted text", "faltan las comillas dobles de cierre"},
	{"could not find end character of single-quoted text", "faltan las comillas simples de cierre"},
	{"found character '\t' that cannot start any token", "hay un tabulador donde nada puede empezar por él"},
	{"found a tab character where an indentation space is expected", "hay un tabulador donde se espera sangría con espacios"},
	{"invalid character class: %s", "clase de caracteres no válida: %s"},
	{"invalid character class range: %s", "intervalo de caracteres no válido: %s"},
	{"invalid escape sequence: %s", "secuencia de escape no válida: %s"},
	{"invalid or unsupported Perl syntax: %s", "sintaxis de Perl no válida o no admitida: %s"},
	{"invalid nested repetition operator: %s", "repetición dentro de otra no válida: %s"},
	{"invalid repeat count: %s", "número de repeticiones no válido: %s"},
	{"missing closing ]: %s", "falta el ] de cierre: %s"},
	{"missing closing ): %s", "falta el ) de cierre: %s"},
	{"unexpected ): %s", "sobra un ): %s"},
	{"missing argument to repetition operator: %s", "nada que repetir: %s"},
	{"trailing backslash at end of expression: %s", "barra invertida al final: %s"},

	// The card.
	{"the card has no name", "la tarjeta no tiene nombre"},
	{"the card has no dimensions", "la tarjeta no tiene dimensiones"},
	{"write dimensions: with at least one", "escribe dimensions: con una al menos"},
	{"write at least one", "escribe una al menos"},
	{"the card has no list %q", "la tarjeta no tiene la lista %s"},
	{"timezone %s is not known", "no se conoce la zona horaria %s"},
	{"write it as in Europe/Madrid", "escríbela como Europe/Madrid"},
	{"lists wants a map of names to lists", "lists pide un mapa de nombres a listas"},
	{"write lists: {free_mail: [gmail.com]}", "escribe lists: {free_mail: [gmail.com]}"},
	{"entity is %s", "entity es %s"},
	{"write entity: lead, or entity: account", "escribe entity: lead, o entity: account"},
	{"an account has no events of its own, and no models of them", "una cuenta no tiene eventos propios, ni modelos de ellos"},
	{"score what leads do in a card of leads, and roll it up here: a dimension of kind rollup, or when: {leads.sql: {gte: 2}}", "puntúa lo que hacen los contactos en una tarjeta de contactos y súmalo aquí: una dimensión de tipo rollup, o when: {leads.sql: {gte: 2}}"},
	{"the card scores accounts and does not say what makes one", "la tarjeta puntúa cuentas y no dice qué es una"},
	{"write rollup: {to: account, by: email_domain}", "escribe rollup: {to: account, by: email_domain}"},
	{"an account's band is worked out when somebody asks, and sets nothing off", "la banda de una cuenta se calcula cuando alguien la pide, y no pone nada en marcha"},
	{"let a band of the leads' card set it off", "que lo ponga en marcha una banda de la tarjeta de contactos"},
	{"%s belongs to a card of leads", "%s es de una tarjeta de contactos"},
	{"remove it, or write entity: lead", "quítalo, o escribe entity: lead"},
	{"an account's band is worked out when somebody asks, and knows none before it", "la banda de una cuenta se calcula cuando alguien la pide, y no conoce la anterior"},
	{"remove leave", "quita leave"},
	{"a lead has no leads to roll up", "un contacto no tiene contactos que sumar"},
	{"write entity: account, or another kind", "escribe entity: account, u otro kind"},
	{"of belongs to a card with entity: account", "of es de una tarjeta con entity: account"},
	{"remove it: a card's own leads roll up", "quítalo: se suman los contactos de la propia tarjeta"},
	{"rollup does not say which leads belong together", "rollup no dice qué contactos van juntos"},
	{"write by: email_domain", "escribe by: email_domain"},

	// Dimensions and groups.
	{"dimensions wants a map of names to dimensions", "dimensions pide un mapa de nombres a dimensiones"},
	{"write dimensions: {fit: {kind: attributes, …}}", "escribe dimensions: {fit: {kind: attributes, …}}"},
	{"too many dimensions", "demasiadas dimensiones"},
	{"dimension %v is %s", "la dimensión %s es %s"},
	{"write {kind: behaviour, max: 100, groups: …}", "escribe {kind: behaviour, max: 100, groups: …}"},
	{"dimension %v has no kind", "la dimensión %s no tiene kind"},
	{"write kind: attributes, behaviour, replenishment, rfm, btyd, model, wasm or rollup", "escribe kind: attributes, behaviour, replenishment, rfm, btyd, model, wasm o rollup"},
	{"dimension %v has min %v above max %v", "la dimensión %s tiene min %s por encima de max %s"},
	{"swap them", "intercámbialos"},
	{"dimension %v has no groups", "la dimensión %s no tiene groups"},
	{"write groups: {all: {rules: […]}}", "escribe groups: {all: {rules: […]}}"},
	{"a rule on line %d is named %s as well", "una regla de la línea %s también se llama %s"},
	{"rename one of them", "cambia el nombre de una de las dos"},
	{"too many rules", "demasiadas reglas"},
	{"at most %d in a card; ten to twenty are enough", "como mucho %s en una tarjeta; con diez o veinte basta"},
	{"groups wants a map of names to groups", "groups pide un mapa de nombres a grupos"},
	{"write groups: {web: {max: 40, rules: […]}}", "escribe groups: {web: {max: 40, rules: […]}}"},
	{"group %v has min %v above max %v", "el grupo %s tiene min %s por encima de max %s"},
	{"swap them, or give min: a lower number", "intercámbialos, o da a min: un número menor"},
	{"group %v has no rules", "el grupo %s no tiene reglas"},
	{"write rules: […] or remove it", "escribe rules: […] o quítalo"},
	{"grades wants a map of labels to points", "grades pide un mapa de notas a puntos"},
	{"write grades: {A: 75, B: 50, C: 25, D: 0}", "escribe grades: {A: 75, B: 50, C: 25, D: 0}"},
	{"grade %q is not a label", "%s no puede ser una nota"},
	{"use one letter or digit", "usa una letra o una cifra"},
	{"grade %v begins at %v, not below the one before it", "la nota %s empieza en %s, no por debajo de la anterior"},
	{"list grades from the best down", "ordena las notas de la mejor a la peor"},
	{"too many grades", "demasiadas notas"},
	{"at most 15 a dimension", "como mucho 15 por dimensión"},
	{"%d dimensions have grades", "%s dimensiones tienen grades"},
	{"a grid like A1 has two: remove grades from the others", "una nota como A1 sale de dos: quita grades de las demás"},

	// Dimensions of a kind of their own.
	{"dimension %v asks nothing", "la dimensión %s no pregunta nada"},
	{"write recency: [[30d, 40], [1y, 10]], frequency: [[1, 10], [3, 20]] or monetary: [[100, 10]]", "escribe recency: [[30d, 40], [1y, 10]], frequency: [[1, 10], [3, 20]] o monetary: [[100, 10]]"},
	{"within bounds frequency and monetary, and there are none", "within limita frequency y monetary, y no hay ninguna"},
	{"remove it: recency has its own times", "quítalo: recency tiene sus propios plazos"},
	{"a step of %s is a border and its points", "un paso de %s es un límite y sus puntos"},
	{"write %s: [[%s, 20]]", "escribe %s: [[%s, 20]]"},
	{"a sum is %s", "una suma es %s"},
	{"stay within a million millions", "no pases de un billón"},
	{"step %d of %s is not beyond the one before it", "el paso %s de %s no va más allá del anterior"},
	{"list them from the least up", "ordénalos de menor a mayor"},
	{"%s has no steps", "%s no tiene pasos"},
	{"write %s: [[border, points]]", "escribe %s: [[límite, puntos]]"},
	{"dimension %v names no model", "la dimensión %s no nombra ningún modelo"},
	{"write model: won_90d", "escribe model: won_90d"},
	{"dimension %v names no module", "la dimensión %s no nombra ningún módulo"},
	{"write module: my.wasm", "escribe module: mio.wasm"},
	{"dimension %v has no anchor", "la dimensión %s no tiene anchor"},
	{"write anchor: {event: purchase}", "escribe anchor: {event: purchase}"},
	{"fade_half_life without fade_after", "fade_half_life sin fade_after"},
	{"write fade_after: 36mo, or remove it", "escribe fade_after: 36mo, o quítalo"},
	{"dimension %v has no %v", "la dimensión %s no tiene %s"},
	{"write lifetime: {mean: 24mo, cv: 0.25} and horizon: 4mo, or a curve", "escribe lifetime: {mean: 24mo, cv: 0.25} y horizon: 4mo, o curve"},
	{"dimension %v has max %v: a chance gives points up to max", "la dimensión %s tiene max %s: una probabilidad da puntos hasta max"},
	{"write max: 100", "escribe max: 100"},
	{"the dimension has curve and %s", "la dimensión tiene curve y %s"},
	{"keep one: a curve says what each age is worth", "deja una: curve dice lo que vale cada edad"},
	{"anchor names no event", "anchor no nombra ningún evento"},
	{"write a length of time from 1d to 50y", "escribe un plazo de 1d a 50y"},
	{"write the spread beside the mean, from 0.05 (all wear out alike) to 1 (age says nothing)", "escribe la dispersión respecto a la media, de 0.05 (todos se gastan igual) a 1 (la edad no dice nada)"},
	{"lifetime lacks mean or cv", "a lifetime le falta mean o cv"},
	{"write lifetime: {mean: 24mo, cv: 0.25}", "escribe lifetime: {mean: 24mo, cv: 0.25}"},
	{"write a share above 0 and at most 1, as in 0.45", "escribe una parte mayor que 0 y de 1 como mucho, como 0.45"},
	{"curve wants two points at least", "curve pide al menos dos puntos"},
	{"write curve: [[0, 0], [20mo, 80], [24mo, 100]]", "escribe curve: [[0, 0], [20mo, 80], [24mo, 100]]"},
	{"a point of a curve is an age and its points", "un punto de curve es una edad y sus puntos"},
	{"write [20mo, 80]", "escribe [20mo, 80]"},
	{"point %d of the curve is at %s", "el punto %s de curve está en %s"},
	{"begin at 0 and go on by age", "empieza en 0 y sigue por edad"},
	{"write a length of time from 1h to 50y, as in 4.414w", "escribe un plazo de 1h a 50y, como 4.414w"},
	{"write r, alpha, a and b as a fit gives them, horizon: 39w and full_at: 4, or let ripen loyalty write it all", "escribe r, alpha, a y b como los da un ajuste, horizon: 39w y full_at: 4, o deja que ripen loyalty lo escriba todo"},
	{"dimension %v has max %v: what is expected gives points up to max", "la dimensión %s tiene max %s: lo que se espera da puntos hasta max"},
	{"horizon is too far beyond alpha: the series would need more than %d terms", "horizon queda demasiado lejos de alpha: la serie pediría más de %s términos"},
	{"shorten it, to 60 times alpha or so", "acórtalo, a unas 60 veces alpha"},
	{"spend lacks p, q or v", "a spend le falta p, q o v"},
	{"write spend: {value: total, p: 6.25, q: 3.74, v: 15.44}", "escribe spend: {value: total, p: 6.25, q: 3.74, v: 15.44}"},

	// Rules.
	{"the rule has no id", "la regla no tiene id"},
	{"write id: a_short_name", "escribe id: un_nombre_corto"},
	{"the id is taken on line %d", "ese id ya está en la línea %s"},
	{"give each rule its own", "da a cada regla el suyo"},
	{"the rule has no points", "la regla no tiene puntos"},
	{"write points: 10", "escribe points: 10"},
	{"cap %v and points %v pull apart", "cap %s y points %s tiran en sentidos opuestos"},
	{"a cap has the sign of its points", "cap lleva el signo de sus puntos"},
	{"the rule waits for nothing", "la regla no espera nada"},
	{"write when: for attributes, event:, absent: or unanswered: for behaviour", "escribe when: para atributos; event:, absent: o unanswered: para comportamiento"},
	{"the rule has %s", "la regla tiene %s"},
	{"keep one; write two rules for two things", "deja una; para dos cosas escribe dos reglas"},
	{"when: asks for attributes in a dimension of kind behaviour", "when: pregunta por atributos en una dimensión de tipo behaviour"},
	{"move the rule to a dimension of kind attributes", "lleva la regla a una dimensión de tipo attributes"},
	{"%s: in a dimension of kind attributes", "%s: en una dimensión de tipo attributes"},
	{"move the rule to a dimension of kind behaviour", "lleva la regla a una dimensión de tipo behaviour"},
	{"absent: has no after:", "absent: no tiene after:"},
	{"write after: 30d", "escribe after: 30d"},
	{"any_activity takes no where, when or ignore", "any_activity no admite where, when ni ignore"},
	{"name an event instead of any_activity", "nombra un evento en lugar de any_activity"},
	{"after: belongs to a silence rule", "after: es de una regla de silencio"},
	{"write absent: in place of event:, or remove after:", "escribe absent: en lugar de event:, o quita after:"},
	{"keep one: they all say how long its points last", "deja una: todas dicen cuánto duran sus puntos"},
	{"a count rule is either held or not: cap does nothing", "una regla con count se cumple o no: cap no hace nada"},
	{"remove cap", "quita cap"},
	{"event %q has a star", "el evento %s lleva un asterisco"},
	{"name one event; write one rule for each", "nombra un evento; escribe una regla para cada uno"},
	{"name one event, as in page_view", "nombra un evento, como page_view"},
	{"why has %d bytes", "why tiene %s bytes"},
	{"at most 512", "como mucho 512"},
	{"it can hold {%s}", "puede llevar {%s}"},
	{"did you mean {%s}?", "¿querías decir {%s}?"},
	{"why has the placeholder {%s}", "why lleva el hueco {%s}"},
	{"why has the placeholder {}", "why lleva el hueco {}"},
	{"unanswered lacks sent or within", "a unanswered le falta sent o within"},
	{"write unanswered: {channels: [email], sent: 5, within: 60d}", "escribe unanswered: {channels: [email], sent: 5, within: 60d}"},
	{"channels is empty", "channels está vacía"},
	{"write channels: [email]", "escribe channels: [email]"},
	{"distinct: names no property", "distinct: no nombra ninguna propiedad"},
	{"write per: distinct:file", "escribe per: distinct:file"},
	{"write at least 10m; use expire for shorter windows", "escribe al menos 10m; para menos tiempo usa expire"},
	{"write a share from 1% to 100%", "escribe una parte del 1% al 100%"},
	{"linear lacks drop or every", "a linear le falta drop o every"},
	{"write linear: {drop: 50%, every: 30d}", "escribe linear: {drop: 50%, every: 30d}"},
	{"count lacks gte or within", "a count le falta gte o within"},
	{"write count: {gte: 3, within: 7d}", "escribe count: {gte: 3, within: 7d}"},

	// Conditions.
	{"where wants fields, not an expression", "where pide campos, no una expresión"},
	{"write it as when: %s", "escríbela como when: %s"},
	{"a condition wants fields, not %s", "una condición pide campos, no %s"},
	{"write {field: value} or {field: {gt: 5}}", "escribe {campo: valor} o {campo: {gt: 5}}"},
	{"a condition names no field", "una condición no nombra ningún campo"},
	{"write the name of a property or attribute", "escribe el nombre de una propiedad o de un atributo"},
	{"a condition is a list", "una condición es una lista"},
	{"write {in: […]}", "escribe {in: […]}"},
	{"a condition asks nothing", "una condición no pregunta nada"},
	{"write {gt: 5}, {in: […]} or a value", "escribe {gt: 5}, {in: […]} o un valor"},
	{"a condition has no value", "una condición no tiene valor"},
	{`write a value, "" in quotes, or {exists: false}`, `escribe un valor, "" entre comillas, o {exists: false}`},
	{"a condition's text is longer than 1024 bytes", "el texto de una condición pasa de 1024 bytes"},
	{"rules see 1024 bytes of a value: shorten it", "las reglas ven 1024 bytes de un valor: acórtalo"},
	{"the list is empty", "la lista está vacía"},
	{"%q has a star: in compares whole values", "%s lleva un asterisco: in compara valores enteros"},
	{"use matches, or one rule per pattern", "usa matches, o una regla por patrón"},
	{"an item is longer than 1024 bytes", "un elemento pasa de 1024 bytes"},
	{"shorten it", "acórtalo"},
	{"between wants two numbers", "between pide dos números"},
	{"write between: [50, 500]", "escribe between: [50, 500]"},
	{"between %v and %v holds nothing", "entre %s y %s no cabe nada"},
	{"matches is not a regular expression: %s", "matches no es una expresión regular: %s"},
	{"it is longer than 1024 bytes", "pasa de 1024 bytes"},
	{`RE2 syntax; in double quotes write \\b for \b`, `sintaxis RE2; entre comillas dobles escribe \\b por \b`},
	{"%s is not known", "no se conoce %s"},
	{"did you mean %s? There are %s", "¿querías decir %s? Hay %s"},
	{"%s is a text, not a number", "%s es un texto, no un número"},
	{"compare it with texts, as in {geo.country: ES}", "compáralo con textos, como en {geo.country: ES}"},
	{"geo.country is two capital letters (ISO 3166), not %s", "geo.country son dos mayúsculas (ISO 3166), no %s"},
	{"write ES for Spain, GB for the United Kingdom", "escribe ES para España, GB para el Reino Unido"},

	// Score, gates and bands.
	{"a table belongs to combine: grade", "table es de combine: grade"},
	{"write combine: grade, or remove the table", "escribe combine: grade, o quita table"},
	{"combine: grade looks at grades alone", "combine: grade solo mira las notas"},
	{"remove of", "quita of"},
	{"combine: grade, and no dimension has grades", "combine: grade, y ninguna dimensión tiene grades"},
	{"write grades: {A: 75, B: 50} in a dimension", "escribe grades: {A: 75, B: 50} en una dimensión"},
	{"combine: grade has no table", "combine: grade no tiene table"},
	{"write table: {%s: 100, …} with all of %s", "escribe table: {%s: 100, …} con todas: %s"},
	{"the table lacks %s", "a la tabla le falta %s"},
	{"say what each grade is worth", "di cuánto vale cada nota"},
	{"combine: model wants one dimension of kind model", "combine: model pide una dimensión de tipo model"},
	{"write of: [{dimension: <name>}] with a dimension of kind: model", "escribe of: [{dimension: <nombre>}] con una dimensión de kind: model"},
	{"of names no dimension", "of no nombra ninguna dimensión"},
	{"write of: [{dimension: fit, times: 1}]", "escribe of: [{dimension: fit, times: 1}]"},
	{"the term names no dimension", "el término no nombra ninguna dimensión"},
	{"write {dimension: fit, times: 1}", "escribe {dimension: fit, times: 1}"},
	{"dimension %v stands twice", "la dimensión %s está dos veces"},
	{"add the two times together", "suma los dos times"},
	{"write scale: {from: [0, 100], to: [1, 100]}", "escribe scale: {from: [0, 100], to: [1, 100]}"},
	{"%s goes from %v to %v", "%s va de %s a %s"},
	{"the scale ends at %v and %v", "la escala termina en %s y %s"},
	{"a score stays within 0 and 100: write to: [1, 100]", "una puntuación va de 0 a 100: escribe to: [1, 100]"},
	{"the gate has no when", "a la entrada de gates le falta when"},
	{"a gate %s stands above already", "ya hay más arriba una entrada de gates %s"},
	{"give each gate an id of its own; without one it is called by its number", "da a cada una un id propio; sin él se llama por su número"},
	{"require asks for nothing", "require no pide nada"},
	{"write require: {grade: [A, B]}, or leave it out", "escribe require: {grade: [A, B]}, o quítalo"},
	{"write when: {field: value}", "escribe when: {campo: valor}"},
	{"the gate does nothing, or two things", "la entrada de gates no hace nada, o hace dos cosas"},
	{"write either max: 5 or skip: true", "escribe max: 5 o skip: true, no los dos"},
	{"the band lacks name or from", "a la banda le falta name o from"},
	{"write {name: mql, from: 50}", "escribe {name: mql, from: 50}"},
	{"band %v: %d of %d people converted", "banda %s: convirtieron %s de %s personas"},
	{"converted is at most people", "converted no pasa de people"},
	{"band %v is left at %d, above where it begins", "la banda %s se deja en %s, por encima de donde empieza"},
	{"leave is at or below from", "leave no pasa de from"},
	{"band %v begins at %d, not above the one before it", "la banda %s empieza en %s, no por encima de la anterior"},
	{"list bands from the lowest up", "ordena las bandas de menor a mayor"},
	{"band %v stands twice", "la banda %s está dos veces"},
	{"give each its own name", "da a cada una su nombre"},
	{"no dimension has grades", "ninguna dimensión tiene grades"},
	{"on_band wants a map of bands to lists", "on_band pide un mapa de bandas a listas"},
	{"write on_band: {sql: [{handoff: crm}]}", "escribe on_band: {sql: [{handoff: crm}]}"},
	{"bands: names %s", "bands: nombra %s"},
	{"write bands: [{name: sql, from: 70}] first", "escribe antes bands: [{name: sql, from: 70}]"},
	{"the card has no band %q", "la tarjeta no tiene la banda %s"},
	{"the action is %s and %s", "la acción es %s y %s"},
	{"write two actions: [{journey: a}, {notify: owner}]", "escribe dos acciones: [{journey: a}, {notify: owner}]"},
	{"the action does nothing", "la acción no hace nada"},
	{"%s belongs to a handoff", "%s es de un handoff"},
	{"write {handoff: crm, queue: sales, sla: 4h}, or remove it", "escribe {handoff: crm, queue: ventas, sla: 4h}, o quítalo"},

	// What is learned.
	{"label is %s", "label es %s"},
	{"write it as in won within 90d, or {event: …, where: …, within: 90d}", "escríbelo como en won within 90d, o {event: …, where: …, within: 90d}"},
	{"a label asks for an event or for an attribute, one of them", "label pregunta por un evento o por un atributo, uno de los dos"},
	{"write {event: purchase, within: 90d} or {when: {plan: pro}, within: 90d}", "escribe {event: purchase, within: 90d} o {when: {plan: pro}, within: 90d}"},
	{"where is for a label's event", "where es para el evento de label"},
	{"write all conditions on attributes under when", "escribe todas las condiciones sobre atributos en when"},
	{"a label has no within", "a label le falta within"},
	{"say within what time: within: 90d", "di en qué plazo: within: 90d"},
	{"a plan to learn does not say when", "learn no dice cuándo"},
	{"write every: 1w, or new: 10%, or both", "escribe every: 1w, o new: 10%, o los dos"},
	{"every is too short", "every es demasiado corto"},
	{"write at least 1h: learning goes through all leads", "escribe al menos 1h: aprender recorre todos los contactos"},
	{"write a share in % above 0, up to %v%", "escribe una parte en % mayor que 0, hasta el %s%"},
	{"learn needs to know what the card is to foresee", "learn necesita saber qué debe prever la tarjeta"},
	{"write label: won within 90d", "escribe label: won within 90d"},
	{"new counts events, and the label waits for an attribute", "new cuenta eventos, y label espera un atributo"},
	{"write every: 1w instead", "escribe every: 1w en su lugar"},
	{"a step wants a score and a probability", "un paso pide una puntuación y una probabilidad"},
	{"write at: [[1, 0.02], [100, 0.8]]", "escribe at: [[1, 0.02], [100, 0.8]]"},
	{"probability has %d steps", "probability tiene %s pasos"},
	{"write at: [[1, 0.02], [100, 0.8]], at most %d", "escribe at: [[1, 0.02], [100, 0.8]], como mucho %s"},
	{"probability: of is too long", "probability: of es demasiado largo"},
	{"probability: at score %v it is %v", "probability: en la puntuación %s es %s"},
	{"list scores from 0 to 100 upwards, with probabilities from 0 to 1 that never fall", "ordena las puntuaciones de 0 a 100, con probabilidades de 0 a 1 que nunca bajen"},

	// Topics.
	{"the map has no topics", "el mapa no tiene temas"},
	{`write topics: {pricing: {paths: ["/pricing*"]}}`, `escribe topics: {precios: {paths: ["/precios*"]}}`},
	{"write a number from 0 to %d; 0 does not count them", "escribe un número de 0 a %s; 0 no los cuenta"},
	{"topics wants a map of names to patterns", "topics pide un mapa de nombres a patrones"},
	{"there are %d topics", "hay %s temas"},
	{"at most %d: join some", "como mucho %s: junta algunos"},
	{"a pattern has %d bytes", "un patrón tiene %s bytes"},
	{`write 1 to %d, as in "/pricing*"`, `escribe de 1 a %s, como en "/precios*"`},
	{"the path %q does not begin with /", "la ruta %s no empieza por /"},
	{`write "/%s", or "*%s" to find it anywhere`, `escribe "/%s", o "*%s" para encontrarla en cualquier parte`},
	{"topic %v has no patterns", "el tema %s no tiene patrones"},
	{`write paths: ["/pricing*"], titles: or campaigns:`, `escribe paths: ["/precios*"], titles: o campaigns:`},

	// Expressions.
	{"%s is asked of a lead, not of an event", "%s se pregunta de un contacto, no de un evento"},
	{"ask it in a gate, or in when: of a rule that names no event", "pregúntalo en gates, o en when: de una regla que no nombre ningún evento"},
	{"%s wants %s", "%s pide %s"},
	{"affinity wants a half-life from 10m on", "affinity pide una semivida de 10m o más"},
	{"write as in affinity(pricing, 14d); m, h, d, w, mo and y are its units", "escríbelo como en affinity(precios, 14d); sus unidades son m, h, d, w, mo e y"},
	{"the expression is always %s", "la expresión siempre es %s"},
	{"compare a field, as in amount > 50", "compara un campo, como en amount > 50"},
	{"a length of time stands alone", "hay un plazo suelto"},
	{"it belongs to count, as in count(demo, 7d); days are numbers, as in days_since(demo) > 7", "es de count, como en count(demo, 7d); los días son números, como en days_since(demo) > 7"},
	{"a list stands alone", "hay una lista suelta"},
	{`write field in ["a", "b"]`, `escribe campo in ["a", "b"]`},
	{"%s stands where %s is wanted", "%s está donde se espera %s"},
	{"compare it, as in field > 50", "compáralo, como en campo > 50"},
	{"write the number without quotes", "escribe el número sin comillas"},
	{"write the text in quotes", "escribe el texto entre comillas"},
	{"write condition ? 1 : 0 to count it", "escribe condición ? 1 : 0 para contarlo"},
	{"write the condition by itself, without comparing it with a text", "escribe la condición sola, sin compararla con un texto"},
	{`compare it, as in field == "a text"`, `compáralo, como en campo == "un texto"`},
	{"a name is too long", "un nombre es demasiado largo"},
	{"did you mean %s? write `%s` in backticks if not", "¿querías decir %s? si no, escribe `%s` entre acentos graves"},
	{"%s is not %s", "%s no es %s"},
	{"+ adds numbers", "+ suma números"},
	{"texts cannot be joined: compare each by itself", "los textos no se pueden unir: compara cada uno por separado"},
	{"%s and %s may be numbers or texts", "%s y %s pueden ser números o textos"},
	{"write double(%s) %s %s, or string(%s) %s %s", "escribe double(%s) %s %s, o string(%s) %s %s"},
	{"in wants a list of numbers or texts", "in pide una lista de números o de textos"},
	{`write in ["a", "b"], or in and the name of a list`, `escribe in ["a", "b"], o in y el nombre de una lista`},
	{"a list holds what is not a number or text written out", "una lista contiene algo que no es un número ni un texto escrito"},
	{`write in ["a", "b"]; compare fields with ==`, `escribe in ["a", "b"]; los campos se comparan con ==`},
	{"compare it by itself", "compáralo por separado"},
	{"%s is multiplied by what is not a number written out", "%s se multiplica por algo que no es un número escrito"},
	{"write as in 2 * %s", "escríbelo como en 2 * %s"},
	{"%s moves by itself and stands in a division", "%s cambia con el tiempo y está en una división"},
	{"divide it by a number written out, or compare it with a product", "divídelo por un número escrito, o compáralo con un producto"},
	{"%s moves by itself and is rounded", "%s cambia con el tiempo y se redondea"},
	{"%s moves by itself and stands in a ? b : c", "%s cambia con el tiempo y está en a ? b : c"},
	{"write condition && %s > 5 || !condition && …", "escribe condición && %s > 5 || !condición && …"},
	{"%s moves by itself and is looked for in a list", "%s cambia con el tiempo y se busca en una lista"},
	{"write a range, as in %s >= 40 && %s < 60", "escribe un intervalo, como en %s >= 40 && %s < 60"},
	{"write half_life: 7d in the rule", "escribe half_life: 7d en la regla"},
	{"write field in name_of_the_list", "escribe campo in nombre_de_la_lista"},
	{"write a rule with within:, after:, expire: or half_life:", "escribe una regla con within:, after:, expire: o half_life:"},
	{"write has(field)", "escribe has(campo)"},
	{"write size(field)", "escribe size(campo)"},
	{"write floor(x + 0.5)", "escribe floor(x + 0.5)"},
	{"write floor(x)", "escribe floor(x)"},
	{`write field in ["es", "ES"]`, `escribe campo in ["es", "ES"]`},
	{"write a rule: {event: demo, count: {gte: 3, within: 7d}, points: 10}", "escribe una regla: {event: demo, count: {gte: 3, within: 7d}, points: 10}"},
	{"write a rule: {absent: demo, after: 30d, points: -10}", "escribe una regla: {absent: demo, after: 30d, points: -10}"},
	{"%s is not a function of expressions", "%s no es una función de las expresiones"},
	{"there is no function %s", "no hay ninguna función %s"},
	{"%s is called on a text", "%s se llama sobre un texto"},
	{`write field.%s("text")`, `escribe campo.%s("texto")`},
	{`write field.%s("text"); compare fields with ==`, `escribe campo.%s("texto"); los campos se comparan con ==`},
	{"%s has %d arguments", "%s tiene %s argumentos"},
	{"%s wants the name of a field", "%s pide el nombre de un campo"},
	{"this question is asked of a field", "esta pregunta se hace a un campo"},
	{"write the name of a field before it", "escribe delante el nombre de un campo"},
	{"a dimension is a number, and always there", "una dimensión es un número, y siempre está"},
	{"compare it, as in %s > 0", "compárala, como en %s > 0"},
	{"%s is asked in gates only", "%s solo se pregunta en gates"},
	{"%s wants the type of an event", "%s pide el tipo de un evento"},
	{"count wants a length of time", "count pide un plazo"},
	{"write as in %s; m, h, d, w, mo and y are its units", "escríbelo como en %s; sus unidades son m, h, d, w, mo e y"},
	{"count counts no further than %d", "count no cuenta más allá de %s"},
	{"ask for fewer, or for a shorter time", "pide menos, o un plazo más corto"},
	{"%s is not called on a value", "%s no se llama sobre un valor"},
	{"%s wants a text written out", "%s pide un texto escrito"},
	{"contains looks for %d bytes", "contains busca %s bytes"},
	{"at most %d: shorten it", "como mucho %s: acórtalo"},
	{"not a regular expression: %s", "no es una expresión regular: %s"},
	{`RE2 syntax; write \\b for \b`, `sintaxis RE2; escribe \\b por \b`},
	{"a backtick without its other", "un acento grave sin su pareja"},
	{"write `a name` between two", "escribe `un nombre` entre dos"},
	{"%q is not an operator here", "%s no es un operador aquí"},
	{"operators are == != < <= > >= && || ! + - * / ?: in", "los operadores son == != < <= > >= && || ! + - * / ?: in"},
	{"%s is not a number", "%s no es un número"},
	{"write a plain number like 50 or 0.25; texts stand in quotes", "escribe un número corriente como 50 o 0.25; los textos van entre comillas"},
	{"a text has %d bytes", "un texto tiene %s bytes"},
	{"values are cut at 1024 bytes: shorten it", "los valores se cortan a 1024 bytes: acórtalo"},
	{`\%s is not an escape`, `\%s no es un escape`},
	{`write \\ for a backslash; \" \' \n \t \r are the others`, `escribe \\ para una barra invertida; los demás son \" \' \n \t \r`},
	{"a text has no closing quote", "a un texto le falta la comilla de cierre"},
	{"close it with %s", "ciérralo con %s"},
	{"the expression has %d bytes", "la expresión tiene %s bytes"},
	{"at most %d: split the rule in two, or use a named list", "como mucho %s: parte la regla en dos, o usa una lista con nombre"},
	{"the expression is empty", "la expresión está vacía"},
	{"write one, as in amount > 50", "escribe una, como amount > 50"},
	{"complete the expression, or remove what is too much", "completa la expresión, o quita lo que sobra"},
	{"comparisons do not chain", "las comparaciones no se encadenan"},
	{"write a < b && b < c", "escribe a < b && b < c"},
	{"texts of several attributes meet", "se juntan textos de varios atributos"},
	{"compare each with a text written out: a lead's texts are not kept, only the answers about them", "compara cada uno con un texto escrito: los textos de un contacto no se guardan, solo las respuestas sobre ellos"},

	// What a card takes to run, as wasm/compile says.
	{"card %s: a call could cost %d gas, at most %d: it has too many rules that remember, or long expressions: use per: day or session, or fewer count, expire, linear and distinct rules", "tarjeta %s: una llamada podría costar %s de gas, como mucho %s: tiene demasiadas reglas que recuerdan, o expresiones largas: usa per: day o session, o menos reglas con count, expire, linear y distinct"},
	{"card %s: an event may take %d bytes, at most %d: compare fewer texts of one event type, or use matches and in_list", "tarjeta %s: un evento puede ocupar %s bytes, como mucho %s: compara menos textos de un tipo de evento, o usa matches e in_list"},
	{"card %s: it would remember %d bytes of a lead, at most %d: rules %s remember most; use per: day or session, or fewer count, expire and distinct rules", "tarjeta %s: recordaría %s bytes de un contacto, como mucho %s: las reglas %s son las que más recuerdan; usa per: day o session, o menos reglas con count, expire y distinct"},
	{"card %s: its texts need %d pages of memory, at most %d: shorten in: lists or use in_list", "tarjeta %s: sus textos piden %s páginas de memoria, como mucho %s: acorta las listas de in: o usa in_list"},
	{"card %s: its module has %d bytes, at most %d: write fewer or shorter expressions and in: lists", "tarjeta %s: su módulo tiene %s bytes, como mucho %s: escribe menos expresiones y listas de in:, o más cortas"},
	{"write {notify: WEBHOOK} to tell somebody who keeps it, or take it out of on_band", "escribe {notify: WEBHOOK} para avisar a quien la lleve, o quítala de on_band"},

	// What things are called: after what is said of them.
	{"a card", "una tarjeta"},
	{"a map", "un mapa"},
	{"a list", "una lista"},
	{"a list's item", "un elemento de una lista"},
	{"a list's name", "el nombre de una lista"},
	{"a scorecard", "una tarjeta"},
	{"a rule", "una regla"},
	{"an attribute rule", "una regla de atributos"},
	{"a silence rule", "una regla de silencio"},
	{"a rule of no answer", "una regla de falta de respuesta"},
	{"a condition", "una condición"},
	{"a gate", "una entrada de gates"},
	{"a band", "una banda"},
	{"an action", "una acción"},
	{"a channel", "un canal"},
	{"a dimension", "una dimensión"},
	{"dimension %v", "la dimensión %s"},
	{"a group", "un grupo"},
	{"group %v", "el grupo %s"},
	{"grade %v", "la nota %s"},
	{"the list of a band", "la lista de una banda"},
	{"an item of in", "un elemento de in"},
	{"the table of grades", "la tabla de notas"},
	{"a term of the score", "un término de score"},
	{"the score of a rollup", "score dentro de rollup"},
	{"a label", "label"},
	{"a plan to learn", "learn"},
	{"a time since the last", "el tiempo desde la última"},
	{"a number of times", "el número de veces"},
	{"a sum", "una suma"},
	{"an age", "una edad"},
	{"a point of a curve", "un punto de curve"},
	{"a score", "una puntuación"},
	{"a probability", "una probabilidad"},
	{"a topic map", "un mapa de temas"},
	{"a topic", "un tema"},
	{"a pattern", "un patrón"},
	{"a field", "un campo"},
	{"a number", "un número"},
	{"a text", "un texto"},
	{"a value", "un valor"},
	{"true or false", "verdadero o falso"},
	{"an operator", "un operador"},
	{"the name of a function", "el nombre de una función"},
	{"the end", "el final"},
	{"the number %v", "el número %s"},
	{"the length of time %v", "el plazo %s"},
	{"the text %q", "el texto %s"},
	{"a topic of the tenant's topic map", "un tema del mapa de temas"},
	{"a path in quotes", "una ruta entre comillas"},
	{"%s and %s", "%s y %s"},
}
