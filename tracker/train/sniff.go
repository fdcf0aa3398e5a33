package train

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// noAnswer are the words that stand for no answer in exports, in small letters:
// what databases write, and what forms show before somebody chooses.
var noAnswer = []string{
	"", "na", "n/a", "#n/a", "null", "none", "nil", "nan", "-", "--", "?", "unknown", "not set", "(not set)", "not specified", "(blank)", "select", "please select", "undefined",
	"desconocido", "desconocida", "sin datos", "sin especificar", "no especificado", "seleccionar", "seleccione", "n/d", "nd", "s/d", "ninguno", "(vacío)", "(en blanco)",
}

// isMissing says whether a cell stands for no answer.
func (o *Options) isMissing(cell string) bool {
	return slices.Contains(noAnswer, strings.ToLower(cell)) || slices.Contains(o.Missing, cell)
}

// parseNumber reads a JSON number: what the tracker, too, takes for a number when
// it reads such a file.
func parseNumber(s string) (float64, bool) {
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || digits[0] < '0' || digits[0] > '9' || len(digits) > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9' || strings.HasSuffix(digits, ".") {
		return 0, false
	}
	for _, r := range digits {
		if (r < '0' || r > '9') && !strings.ContainsRune(".eE+-", r) {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return f + 0, err == nil && !math.IsInf(f, 0)
}

// layouts are the dates that are understood; day before month, as in all the world
// but one country.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly,
	"2006/01/02", "02/01/2006 15:04:05", "02/01/2006 15:04", "02/01/2006", "2/1/2006", "02-01-2006", "02.01.2006", "Jan 2, 2006", "2 Jan 2006", "20060102T150405Z",
}

// parseDate reads a date as seconds since 1970.
func parseDate(s string) (float64, bool) {
	digits := 0
	for i := range len(s) {
		digits += int(bit(s[i] >= '0' && s[i] <= '9'))
	}
	if digits < 5 || len(s) > 40 { // most cells are none: they are not worth sixteen tries
		return 0, false
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return float64(t.Unix()), true
		}
	}
	return 0, false
}

// readColumns makes attributes of the columns that can be some.
func (t *Table) readColumns(head []string, cells [][]string, o *Options) {
	label, when := find(head, o.Label), -1
	if o.TimeColumn != "" && o.TimeColumn != FileOrder {
		when = find(head, o.TimeColumn)
	}
	for i, name := range head {
		why := ""
		switch {
		case i == label:
			continue
		case i == when:
			why = say(o.Language, "it gives the order of time", "da el orden en el tiempo")
		case slices.ContainsFunc(o.Drop, func(d string) bool { return find(head, d) == i }):
			why = say(o.Language, "dropped, as asked", "omitida, como se pidió")
		default:
			var c *column
			if c, why = sniff(name, cells[i], o); why == "" && slices.ContainsFunc(t.columns, func(b *column) bool { return b.attr == c.attr }) {
				why = say(o.Language, "another column is called "+c.attr+" in the tracker, too", "otra columna también se llama "+c.attr+" en el tracker")
			} else if why == "" {
				t.columns = append(t.columns, c)
			}
		}
		if why != "" {
			t.leftOut = append(t.leftOut, LeftOut{name, why})
		}
	}
}

// look is what a first reading of a column counts.
type look struct {
	seen                            map[string]int // :: value that is an answer → rows
	missing                         map[string]int // :: word for no answer → rows
	answers, numbers, dates, commas int
	whole, rising, falling          bool // of the numbers, in the order of the file
}

func lookAt(cells []string, o *Options) *look {
	l := &look{seen: map[string]int{}, missing: map[string]int{}, whole: true, rising: true, falling: true}
	last := math.NaN()
	for _, c := range cells {
		if o.isMissing(c) {
			l.missing[c]++
			continue
		}
		l.answers++
		l.seen[c]++
		if n, ok := parseNumber(c); ok {
			l.numbers++
			l.whole = l.whole && n == math.Trunc(n)
			l.rising, l.falling = l.rising && !(n <= last), l.falling && !(n >= last)
			last = n
		} else if _, ok := parseNumber(strings.Replace(c, ",", ".", 1)); ok {
			l.commas++
		} else if _, ok := parseDate(c); ok {
			l.dates++
		}
	}
	return l
}

// idWords are words of names that tell rows apart and say nothing of them.
var idWords = []string{"id", "ids", "uuid", "guid", "number", "no", "nr", "num", "numero", "número", "código", "codigo", "code", "phone", "telefono", "teléfono", "email", "mail", "correo", "key", "row", "index"}

// sniff finds what a column holds; why says why it cannot be learned from.
func sniff(name string, cells []string, o *Options) (c *column, why string) {
	lang, l := o.Language, lookAt(cells, o)
	unique := l.answers > 20 && len(l.seen) == l.answers
	hasIDWord := slices.ContainsFunc(strings.Split(snake(name), "_"), func(w string) bool { return slices.Contains(idWords, w) })
	kept := slices.Contains(o.Keep, name) || slices.Contains(o.Keep, snake(name))
	isNumber := l.numbers*20 >= l.answers*19
	switch {
	case l.answers == 0:
		return nil, say(lang, "nobody answered it", "nadie la contestó")
	case l.dates*20 >= l.answers*19:
		return nil, say(lang, "dates: a rule asks for values, not moments; as --time-column they give the order", "fechas: una regla pregunta por valores, no por momentos; como --time-column dan el orden")
	case l.commas*20 >= l.answers*10:
		return nil, say(lang, "numbers with a decimal comma: write 1.5 instead of 1,5, here and in what the tracker gets", "números con coma decimal: escribe 1.5 en vez de 1,5, aquí y en lo que recibe el tracker")
	case len(l.seen) == 1 && l.answers == len(cells):
		return nil, say(lang, "everybody has the same value", "todos tienen el mismo valor")
	case isNumber && unique && l.whole && !kept && (l.rising || l.falling || hasIDWord):
		return nil, say(lang, "a running number: it tells rows apart and says nothing of people", "un número correlativo: distingue filas y no dice nada de las personas")
	case !isNumber && !kept && len(l.seen) > 20 && len(l.seen)*2 > l.answers:
		return nil, say(lang, fmt.Sprintf("%d different texts in %d answers: names or ids, not a choice", len(l.seen), l.answers), fmt.Sprintf("%d textos distintos en %d respuestas: nombres o ids, no una elección", len(l.seen), l.answers))
	}
	c = &column{name: name, attr: attribute(name), kind: category}
	if c.attr == "" || c.attr == "user_id" || c.attr == "userid" || c.attr == "anonymous_id" || c.attr == "timestamp" {
		return nil, say(lang, "the tracker takes a column of this name for who or when, not for an attribute", "el tracker toma una columna con este nombre por quién o cuándo, no por un atributo")
	}
	if isNumber {
		c.kind = number
	}
	c.fill(cells, l, o)
	return c, ""
}

// attribute is what `ripen import csv` calls a column.
func attribute(name string) string {
	switch s := snake(name); s {
	case "e_mail", "email_address":
		return "email"
	default:
		return s
	}
}

// fill reads the cells. Of a number, what is none is no answer; of a category, a word
// for no answer is a value like others: a question that was left open is not one that
// was never asked.
func (c *column) fill(cells []string, l *look, o *Options) {
	if c.kind == number {
		c.fillNumbers(cells)
		return
	}
	codes := map[string]int32{}
	for v := range l.seen {
		codes[asText(v)] = 0
	}
	for v := range l.missing {
		codes[v] = 0
	}
	delete(codes, "")
	for v := range codes {
		c.values = append(c.values, v)
	}
	slices.Sort(c.values)
	for i, v := range c.values {
		codes[v] = int32(i)
		c.blank = append(c.blank, o.isMissing(v))
	}
	codes[""] = -1
	for _, cell := range cells {
		c.codes = append(c.codes, codes[asText(cell)])
	}
}

func (c *column) fillNumbers(cells []string) {
	for _, cell := range cells {
		v, ok := parseNumber(cell)
		if !ok {
			v = math.NaN()
			if cell != "" && !slices.Contains(c.words, cell) {
				c.words = append(c.words, cell)
			}
		}
		c.nums = append(c.nums, v)
	}
	slices.Sort(c.words)
}

// asText writes a cell as rules see it when they ask for text: truth values and
// numbers have one way to be written.
func asText(cell string) string {
	switch cell {
	case "TRUE", "True":
		return "true"
	case "FALSE", "False":
		return "false"
	}
	f, ok := parseNumber(cell)
	if n, err := strconv.ParseInt(cell, 10, 64); ok && err == nil {
		return strconv.FormatInt(n, 10)
	} else if ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return cell
}
