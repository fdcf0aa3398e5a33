package loyalty

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	f := func(in string, comma rune, given map[string]string, want []Purchase, skipped map[string]int) *Sheet {
		t.Helper()
		s, err := Read(strings.NewReader(in), comma, given)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(s.Lines, want) || !reflect.DeepEqual(s.Skipped, skipped) {
			t.Errorf("%q:\n%+v, skipped %v, want\n%+v, skipped %v", in, s.Lines, s.Skipped, want, skipped)
		}
		return s
	}
	on := func(y int, m time.Month, d int) int {
		return int(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
	}
	none := map[string]int{}
	f("customer,date,value,sku,category\na,2026-01-31,12.50,x,k\nb,20260201,,,\n", ',', nil,
		[]Purchase{{Customer: "a", Day: on(2026, 1, 31), Value: 12.5, Product: "x", Category: "k"}, {Customer: "b", Day: on(2026, 2, 1), Value: 0, Product: "", Category: ""}}, none)
	f("\ufeffCorreo;Fecha pedido;Importe;Artículo;Familia\n\"a@b.es\";31/01/2026;\"1.234,50 €\";X;K\n", ';', nil,
		[]Purchase{{Customer: "a@b.es", Day: on(2026, 1, 31), Value: 1234.5, Product: "X", Category: "K"}}, none)
	s := f("who,when,customer\na,01/31/26,z\nb,02/03/26,z\n", ',', map[string]string{"who": "customer", "When": "date"},
		[]Purchase{{Customer: "a", Day: on(2026, 1, 31), Value: 0, Product: "", Category: ""}, {Customer: "b", Day: on(2026, 2, 3), Value: 0, Product: "", Category: ""}}, none)
	if s.Guessed || s.Columns["customer"] != "who" {
		t.Errorf("%+v", s)
	}
	s = f("id,customer,date,value\n1,a,3/4/2026,$7\n2,,3/4/2026,7\n3,a,yesterday,7\n4,a,3/4/2026,much\n5,a,3/4/2026,-7\n6,a,31/2/2026,7\n7,a\n", ',', nil,
		[]Purchase{{Customer: "a", Day: on(2026, 4, 3), Value: 7, Product: "", Category: ""}}, map[string]int{"customer": 1, "date": 3, "value": 1, "refund": 1})
	if s.Guessed || s.First["date"] != 4 { // 31/2 says that the day stands first, wrong as it is
		t.Errorf("guessed %v, the first bad date on line %d", s.Guessed, s.First["date"])
	}
	if s, err := Read(strings.NewReader("customer,date\na,3/4/2026\n"), ',', nil); err != nil || !s.Guessed {
		t.Errorf("3/4/2026 is no guess: %+v, %v", s, err)
	}
	// The day is the one that was there, not the one in Greenwich.
	f("customer,date\na,2026-01-31T23:30:00-05:00\na,2026-02-01 10:00:00\n", ',', nil,
		[]Purchase{{Customer: "a", Day: on(2026, 1, 31), Value: 0, Product: "", Category: ""}, {Customer: "a", Day: on(2026, 2, 1), Value: 0, Product: "", Category: ""}}, none)
}

func TestReadErrors(t *testing.T) {
	f := func(in string, given map[string]string, want string) {
		t.Helper()
		if _, err := Read(strings.NewReader(in), ',', given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
	f("", nil, "the file is empty: its first line names the columns")
	f("customer,date,art\xedculo\n", nil, "line 1 is not UTF-8")
	f("customer,date,product\na,2026-01-01,x\nb,2026-01-02,c\xe1psulas\n", nil, "line 3 is not UTF-8")
	f("x,date\n", nil, "no column is the customer: say which, with --map COLUMN=customer; the file has x, date")
	f("customer,date\n", map[string]string{"buyer": "customer"}, `there is no column "buyer"`)
	f("customer,date\n", map[string]string{"date": "when"}, `"when" is none of customer, date, value, product, category`)
}

func TestMoney(t *testing.T) {
	f := func(in string, want float64, ok bool) {
		t.Helper()
		if got, is := money(in); is != ok || ok && got != want {
			t.Errorf("money(%q) = %v, %v, want %v, %v", in, got, is, want, ok)
		}
	}
	f("12", 12, true)
	f("12.5", 12.5, true)
	f("12,5", 12.5, true)
	f("1,234", 1234, true)
	f("1.234", 1.234, true)
	f("1,234,567.8", 1234567.8, true)
	f("1.234.567,8", 1234567.8, true)
	f("1.234.567", 1234567, true)
	f("€ 1'234.50", 1234.5, true)
	f("12 EUR", 12, true)
	f("-3,20", -3.2, true)
	f("abc", 0, false)
	f("1e99", 0, false)
	f("NaN", 0, false)
}

func FuzzRead(f *testing.F) {
	f.Add("customer,date,value\na,2026-01-31,12.50\n")
	f.Add("customer;date\n\"a;3/4/2026\n")
	f.Fuzz(func(t *testing.T, in string) {
		s, err := Read(strings.NewReader(in), ',', nil)
		if err != nil {
			return
		}
		for _, p := range s.Lines {
			if p.Customer == "" || p.Value < 0 || p.Value != p.Value {
				t.Fatalf("%+v of %q", p, in)
			}
		}
	})
}
