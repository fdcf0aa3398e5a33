package loyalty

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// What a column may be.
const (
	colCustomer = "customer"
	colDate     = "date"
	colValue    = "value"
	colProduct  = "product"
	colCategory = "category"
)

// headings are the names under which shops keep these columns.
var headings = map[string][]string{
	colCustomer: {"customer", "customer_id", "customerid", "client", "client_id", "cliente", "id_cliente", "user_id", "userid", "email", "e_mail", "correo", "buyer"},
	colDate:     {"date", "order_date", "orderdate", "invoicedate", "invoice_date", "created_at", "timestamp", "time", "day", "fecha", "fecha_pedido", "fecha_compra"},
	colValue:    {"value", "amount", "total", "revenue", "sales", "price", "importe", "valor", "precio", "total_eur"},
	colProduct:  {"product", "sku", "product_id", "productid", "item", "stockcode", "producto", "articulo", "referencia"},
	colCategory: {"category", "product_category", "family", "categoria", "familia"},
}

// roles are the keys of headings in the order of an error.
var roles = []string{colCustomer, colDate, colValue, colProduct, colCategory}

// Sheet is what a file of purchases held.
type Sheet struct {
	Lines   []Purchase
	Columns map[string]string // :: customer, date, value, product, category → the file's heading
	Skipped map[string]int    // :: why → lines
	First   map[string]int    // :: why → the first such line
	Guessed bool              // 03/04/2026 was read as the third of April, and no line says otherwise
}

// Read reads a file of purchases with a head line. given maps headings to what they
// are; others are recognised by their names. A line that cannot be read is counted,
// never guessed.
func Read(in io.Reader, comma rune, given map[string]string) (*Sheet, error) {
	r := csv.NewReader(in)
	r.Comma, r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = comma, -1, true, true
	head, err := r.Read()
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the file is empty: its first line names the columns")
	case err != nil:
		return nil, fmt.Errorf("read the head line: %w", err)
	case isForeign(head):
		return nil, notUTF8(1)
	}
	s := &Sheet{Skipped: map[string]int{}, First: map[string]int{}}
	at, err := s.columns(slices.Clone(head), given)
	if err != nil {
		return nil, err
	}
	var dates dateReader
	var texts []string
	var where []int
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := r.FieldPos(0)
		if err != nil {
			return nil, fmt.Errorf("read line %d: %w", line, err)
		}
		if isForeign(row) {
			return nil, notUTF8(line)
		}
		p, date, why := pick(row, at)
		if why != "" {
			s.skip(why, line)
			continue
		}
		dates.see(date)
		s.Lines, texts, where = append(s.Lines, p), append(texts, date), append(where, line)
	}
	s.Guessed = dates.guesses()
	kept := s.Lines[:0]
	for i, p := range s.Lines {
		day, ok := dates.day(texts[i])
		if !ok {
			s.skip("date", where[i])
			continue
		}
		p.Day = day
		kept = append(kept, p)
	}
	s.Lines = kept
	return s, nil
}

// isForeign says that a line is of another encoding, as spreadsheets write them.
func isForeign(row []string) bool {
	return slices.ContainsFunc(row, func(c string) bool { return !utf8.ValidString(c) })
}

func notUTF8(line int) error {
	return fmt.Errorf("line %d is not UTF-8: save the file as CSV UTF-8", line)
}

func (s *Sheet) skip(why string, line int) {
	if s.Skipped[why]++; s.Skipped[why] == 1 {
		s.First[why] = line
	}
}

// columns finds where each role stands; -1 = nowhere.
func (s *Sheet) columns(head []string, given map[string]string) (map[string]int, error) {
	at := map[string]int{}
	s.Columns = map[string]string{}
	take := func(role string, i int) {
		at[role], s.Columns[role] = i, strings.TrimSpace(strings.TrimPrefix(head[i], "\ufeff"))
	}
	for name, role := range given {
		i := slices.IndexFunc(head, func(h string) bool { return heading(h) == heading(name) })
		switch {
		case !slices.Contains(roles, role):
			return nil, fmt.Errorf("column %s: %q is none of %s", name, role, strings.Join(roles, ", "))
		case i < 0:
			return nil, fmt.Errorf("there is no column %q: the file has %s", name, strings.Join(head, ", "))
		}
		take(role, i)
	}
	for _, role := range roles {
		for _, name := range headings[role] {
			if _, ok := at[role]; ok {
				break
			}
			if i := slices.IndexFunc(head, func(h string) bool { return heading(h) == name }); i >= 0 {
				take(role, i)
			}
		}
		if _, ok := at[role]; ok {
			continue
		}
		if role == colCustomer || role == colDate {
			return nil, fmt.Errorf("no column is the %s: say which, with --map COLUMN=%s; the file has %s", role, role, strings.Join(head, ", "))
		}
		at[role] = -1
	}
	return at, nil
}

// heading makes one form of the ways to write a column's name.
func heading(s string) string {
	s = strings.ToLower(strings.TrimSpace(strings.TrimPrefix(s, "\ufeff")))
	s = strings.NewReplacer("á", "a", "é", "e", "í", "i", "ó", "o", "ú", "u", "ñ", "n").Replace(s)
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }), "_")
}

// pick reads one line but for its date.
func pick(row []string, at map[string]int) (p Purchase, date, why string) {
	get := func(role string) string {
		if i := at[role]; i >= 0 && i < len(row) {
			return strings.Clone(strings.TrimSpace(row[i]))
		}
		return ""
	}
	p = Purchase{Customer: get(colCustomer), Product: get(colProduct), Category: get(colCategory)}
	if p.Customer == "" {
		return p, "", colCustomer
	}
	if v := get(colValue); v != "" {
		amount, ok := money(v)
		if !ok {
			return p, "", colValue
		}
		if amount < 0 {
			return p, "", "refund"
		}
		p.Value = amount
	}
	return p, get(colDate), ""
}

// money reads an amount as people write it: 1,234.50, 1.234,50 €, $12. The last of two
// kinds of separator is the decimal one; one kind alone is, unless it stands more than
// once or before just three digits.
func money(s string) (float64, bool) {
	s = strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.Is(unicode.Sc, r) || unicode.IsLetter(r) })
	s = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "'", "").Replace(s)
	dot, comma := strings.LastIndexByte(s, '.'), strings.LastIndexByte(s, ',')
	switch {
	case dot >= 0 && comma > dot:
		s = strings.Replace(strings.ReplaceAll(s, ".", ""), ",", ".", 1)
	case comma >= 0 && dot > comma:
		s = strings.ReplaceAll(s, ",", "")
	case comma >= 0 && strings.Count(s, ",") == 1 && len(s)-comma != 4:
		s = strings.Replace(s, ",", ".", 1)
	case comma >= 0:
		s = strings.ReplaceAll(s, ",", "")
	case strings.Count(s, ".") > 1:
		s = strings.ReplaceAll(s, ".", "")
	}
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && math.Abs(v) < 1e12
}

// layouts are the ways to write a date that can be read one way only.
var layouts = []string{"2006-01-02", "20060102", "2006/01/02", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2 Jan 2006", "Jan 2, 2006"}

// dateReader reads dates; whether the day stands before the month is what the file as
// a whole says.
type dateReader struct{ slashes, dayFirst, monthFirst int }

// parts splits 3/4/2026, 3-4-26 or 3.4.2026, with or without a time behind.
func parts(s string) (a, b, year int, ok bool) {
	s, _, _ = strings.Cut(s, " ")
	f := strings.FieldsFunc(s, func(r rune) bool { return r == '/' || r == '-' || r == '.' })
	if len(f) != 3 || len(f[0]) > 2 {
		return 0, 0, 0, false
	}
	n := [3]int{}
	for i := range f {
		v, err := strconv.Atoi(f[i])
		if err != nil {
			return 0, 0, 0, false
		}
		n[i] = v
	}
	if n[2] < 100 {
		n[2] += 2000
	}
	return n[0], n[1], n[2], true
}

func (d *dateReader) see(s string) {
	if a, b, _, ok := parts(s); ok {
		d.slashes++
		if a > 12 {
			d.dayFirst++
		}
		if b > 12 {
			d.monthFirst++
		}
	}
}

func (d *dateReader) guesses() bool { return d.slashes > 0 && d.dayFirst == 0 && d.monthFirst == 0 }

// day is the day of a date, from 1970 on.
func (d *dateReader) day(s string) (int, bool) {
	if a, b, year, ok := parts(s); ok {
		day, month := a, b
		if d.monthFirst > d.dayFirst {
			day, month = b, a
		}
		at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		return int(at.Unix() / 86400), at.Day() == day && int(at.Month()) == month
	}
	for _, l := range layouts {
		if at, err := time.Parse(l, s); err == nil {
			at = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC) // the day it was there
			return int(at.Unix() / 86400), at.Year() > 1970
		}
	}
	return 0, false
}
