package train

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"ripen/tracker"
	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/expr"
)

// kind is what a column was found to hold.
type kind byte

const (
	number   kind = iota // JSON numbers
	category             // texts of which there are few
)

// column is one attribute of every row.
type column struct {
	name   string // as the file's head has it
	attr   string // as the tracker will know it
	kind   kind
	nums   []float64  // of a number; NaN is not there
	words  []string   // of a number: what stood there and was none, sorted
	codes  []int32    // of a category: index in values; −1 is not there
	values []string   // of a category, sorted
	blank  []bool     // of a category, by code: the value stands for no answer
	does   *behaviour // what it counts of events; nil = it is an attribute
}

// there says whether row i has a value.
func (c *column) there(i int) bool {
	if c.kind == number {
		return !math.IsNaN(c.nums[i])
	}
	return c.codes[i] >= 0
}

// answered says whether row i has a value that is an answer.
func (c *column) answered(i int) bool {
	return c.there(i) && (c.kind == number || !c.blank[c.codes[i]])
}

// LeftOut is a column that is not learned from, and why.
type LeftOut struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Table is a file as it was understood: who converted, when, and what was known
// of each.
type Table struct {
	columns  []*column
	y        []uint8   // 1 = converted
	when     []float64 // in order of time, else nil
	dates    bool      // when is in seconds since 1970
	leftOut  []LeftOut
	censored int    // rows without a label
	label    string // the column's name
	positive string // the label's value that means converted
	champion string // the card in force; empty = there is none
	inForce  *scorecard.Card
	scores   []int    // by it, of each row
	waits    []int64  // ms from the moment of each row to its conversion, if it converted; nil of a file
	log      *FromLog // what it was made of; nil = a file
}

// Len is how many rows have a label.
func (t *Table) Len() int { return len(t.y) }

// Conversions is how many of them converted.
func (t *Table) Conversions() (n int) {
	for _, y := range t.y {
		n += int(y)
	}
	return n
}

// has refuses names that are no columns of a file.
func has(head []string, flag string, names ...string) error {
	for _, name := range names {
		if name == "" || name == FileOrder || find(head, name) >= 0 {
			continue
		}
		if like := expr.Nearest(name, head); like != "" {
			return fmt.Errorf("%s: the file has no column %q: did you mean %s?", flag, name, like)
		}
		return fmt.Errorf("%s: the file has no column %q: it has %s", flag, name, strings.Join(head, ", "))
	}
	return nil
}

// ReadTable reads a CSV file whose first line names its columns, and finds out
// what each of them holds. It asks of o what to look for: Label, Positive, Sep,
// Drop, TimeColumn, Missing and Language.
func ReadTable(r io.Reader, o *Options) (*Table, error) {
	head, cells, err := readCells(r, o.Sep)
	if err != nil {
		return nil, err
	}
	for _, w := range o.Missing {
		if _, isNumber := parseNumber(w); isNumber {
			return nil, fmt.Errorf("missing word %s is a number: numbers that many rows hold are bins of their own anyway; name words only", w)
		}
	}
	if err := errors.Join(has(head, "label", o.Label), has(head, "drop", o.Drop...), has(head, "time-column", o.TimeColumn)); err != nil {
		return nil, err
	}
	t := &Table{}
	if cells, err = t.readLabel(head, cells, o); err != nil {
		return nil, err
	}
	if err := t.readTime(head, cells, o); err != nil {
		return nil, err
	}
	t.readColumns(head, cells, o)
	if len(t.columns) == 0 {
		return nil, errors.New("no column is left to learn from")
	}
	return t, nil
}

// find is the index of a column by its name or its attribute's, −1 if none.
func find(head []string, name string) int {
	if i := slices.Index(head, name); i >= 0 {
		return i
	}
	return slices.IndexFunc(head, func(h string) bool {
		return strings.EqualFold(h, name) || snake(h) == name
	})
}

func snake(name string) string { return string(tracker.AppendSnake(nil, []byte(name))) }

// readCells parses the file. The cells of each column stand together, trimmed.
func readCells(file io.Reader, sep rune) (head []string, cells [][]string, err error) {
	all, err := io.ReadAll(file)
	if err != nil {
		return nil, nil, err
	}
	all = bytes.TrimPrefix(all, []byte("\ufeff"))
	if i := unreadable(all); i >= 0 {
		return nil, nil, fmt.Errorf("line %d is not UTF-8: save the file as CSV UTF-8", 1+bytes.Count(all[:i], []byte("\n")))
	}
	r := csv.NewReader(bytes.NewReader(all))
	if r.LazyQuotes, r.Comma = true, sep; sep == 0 {
		r.Comma = guessSep(all)
	}
	if head, err = r.Read(); errors.Is(err, io.EOF) {
		return nil, nil, errors.New("the file is empty: its first line names the columns")
	} else if err != nil {
		return nil, nil, fmt.Errorf("read the line of column names: %w", err)
	}
	for i, h := range head {
		if head[i] = strings.TrimSpace(h); head[i] == "" {
			head[i] = "column_" + strconv.Itoa(i+1)
		}
		if slices.Contains(head[:i], head[i]) {
			return nil, nil, fmt.Errorf("two columns are called %q: give each its own name", head[i])
		}
	}
	cells = make([][]string, len(head))
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return head, cells, nil
		}
		if errors.Is(err, csv.ErrFieldCount) {
			line, _ := r.FieldPos(0)
			return nil, nil, fmt.Errorf("line %d: need %d values, one a column, have %d: quote values that hold %q, or name another separator with sep", line, len(head), len(row), r.Comma)
		}
		if err != nil {
			return nil, nil, err
		}
		for i, c := range row {
			cells[i] = append(cells[i], strings.TrimSpace(c))
		}
	}
}

// unreadable is where a text is not UTF-8, −1 if nowhere.
func unreadable(all []byte) int {
	for i := 0; i < len(all); {
		r, n := utf8.DecodeRune(all[i:])
		if r == utf8.RuneError && n == 1 || r == 0 {
			return i
		}
		i += n
	}
	return -1
}

// guessSep is whichever of comma, semicolon, tab and bar stands most often in the
// line of column names.
func guessSep(all []byte) rune {
	line, _, _ := bytes.Cut(all, []byte("\n"))
	best, most := ',', 0
	for _, c := range ",;\t|" {
		if n := bytes.Count(line, []byte(string(c))); n > most {
			best, most = c, n
		}
	}
	return best
}

// won are the words for a conversion, in small letters, where a label has two
// values.
var won = []string{"1", "1.0", "yes", "y", "true", "t", "si", "sí", "s", "won", "converted", "customer", "ganado", "ganada", "cliente", "verdadero"}

// readLabel reads who converted, and leaves the rows out that do not say: they may
// yet.
func (t *Table) readLabel(head []string, cells [][]string, o *Options) ([][]string, error) {
	at := find(head, o.Label)
	if at < 0 {
		return nil, fmt.Errorf("name the column that says who converted: it is one of %s", strings.Join(head, ", "))
	}
	t.label, t.positive = head[at], o.Positive
	seen := map[string]int{}
	for _, c := range cells[at] {
		if !o.isMissing(c) {
			seen[c]++
		}
	}
	if t.positive == "" && len(seen) == 2 {
		for v := range seen {
			if slices.Contains(won, strings.ToLower(v)) {
				t.positive = v
			}
		}
	}
	if seen[t.positive] == 0 {
		return nil, fmt.Errorf("which value of %s means converted? It has %s; say so with --positive VALUE", t.label, someOf(seen))
	}
	keep := make([]int, 0, len(cells[at]))
	for i, c := range cells[at] {
		if !o.isMissing(c) {
			keep = append(keep, i)
			t.y = append(t.y, bit(c == t.positive))
		}
	}
	if t.censored = len(cells[at]) - len(keep); t.censored > 0 {
		for c, col := range cells {
			for j, i := range keep {
				col[j] = col[i]
			}
			cells[c] = col[:len(keep)]
		}
	}
	return cells, nil
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// someOf lists the most frequent values of a column.
func someOf(seen map[string]int) string {
	words := byCount(seen)
	more := ""
	if len(words) > 8 {
		words, more = words[:8], ", …"
	}
	return strings.Join(words, ", ") + more
}

// byCount returns values, the most frequent first.
func byCount(seen map[string]int) []string {
	words := make([]string, 0, len(seen))
	for v := range seen {
		words = append(words, v)
	}
	slices.SortFunc(words, func(a, b string) int {
		if d := seen[b] - seen[a]; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return words
}

// readTime reads the order of rows in time.
func (t *Table) readTime(head []string, cells [][]string, o *Options) error {
	switch o.TimeColumn {
	case "":
		return nil
	case FileOrder:
		for i := range t.y {
			t.when = append(t.when, float64(i))
		}
		return nil
	}
	at := find(head, o.TimeColumn)
	t.dates = true
	for i, c := range cells[at] {
		v, isDate := parseDate(c)
		if n, ok := parseNumber(c); ok {
			v, isDate, t.dates = n, true, false
		}
		if !isDate {
			return fmt.Errorf("--time-column %s: row %d holds %q: need a date like 2026-01-31, or a number that grows", head[at], i+1, c)
		}
		t.when = append(t.when, v)
	}
	return nil
}
