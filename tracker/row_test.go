package tracker

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"
)

func sampleEvent() *Event {
	return &Event{
		Type: []byte("page_view"), Time: 1763784000123, Source: 300,
		MessageID: bytes.Repeat([]byte{7}, 16), MessageUUID: true,
		Machine: Bot, MachineReason: AgentList, Consent: ConsentGranted.With(Marketing, Pending), Proved: true, ProvedUser: true, OffOrigin: true, Decision: true, Placed: true, Seals: NameSet(0).With([]byte("url")),
		Visitor: Hash{1}, Email: Hash{2},
		Fields: []Field{
			{Space: Property, Name: []byte("path"), Value: Value{Tag: String, Str: []byte("/pricing")}},
			{Space: Property, Name: []byte("n"), Value: Value{Tag: Int, Num: uint64(math.MaxUint64)}},
			{Space: Context, Name: []byte("f"), Value: Value{Tag: Float, Num: math.Float64bits(-0.5)}},
			{Space: Product, Index: 700, Name: []byte("sku"), Value: Value{Tag: JSON, Str: []byte("[1]")}},
			{Space: Property, Name: []byte("big"), Value: Value{Tag: Number, Num: math.Float64bits(1e300), Str: []byte("1e300")}},
			{Space: Property, Name: []byte("t"), Value: Value{Tag: True}},
			{Space: Property, Name: []byte("z"), Value: Value{Tag: Null}},
		},
	}
}

func TestRowRoundTrip(t *testing.T) {
	f := func(e *Event) {
		t.Helper()
		var got Event
		row := AppendRow(nil, e)
		if err := DecodeRow(row, &got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(AppendRow(nil, &got), row) {
			t.Fatalf("row changed in a round trip:\n%+v\n%+v", e, got)
		}
		if len(e.Fields) > 0 && !reflect.DeepEqual(got, *e) {
			t.Fatalf("event changed in a round trip:\n%+v\n%+v", *e, got)
		}
	}
	f(sampleEvent())
	f(&Event{Type: []byte("x"), MessageID: []byte("text id"), Time: -5, User: Hash{9}})
	f(&Event{Consent: ConsentDenied, Minted: true})
}

func TestDecodeRowNamesWhatIsMissing(t *testing.T) {
	row := AppendRow(nil, sampleEvent())
	var e Event
	for n := range row {
		if err := DecodeRow(row[:n], &e); err == nil {
			t.Fatalf("a row cut at %d of %d bytes was accepted", n, len(row))
		}
	}
	row[0] = 99
	if err := DecodeRow(row, &e); err == nil {
		t.Fatal("a row of version 99 was accepted")
	}
}

func FuzzDecodeRow(f *testing.F) {
	f.Add(AppendRow(nil, sampleEvent()))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 15})
	f.Fuzz(func(t *testing.T, row []byte) {
		var e, again Event
		if DecodeRow(row, &e) != nil {
			return
		}
		one := AppendRow(nil, &e)
		if err := DecodeRow(one, &again); err != nil {
			t.Fatalf("what was read cannot be written and read again: %v", err)
		}
		if !bytes.Equal(one, AppendRow(nil, &again)) {
			t.Fatal("a second round trip changed the row")
		}
	})
}

func TestFindPrefersPropertyThenProductThenContext(t *testing.T) {
	v := func(s string) Value { return Value{Tag: String, Str: []byte(s)} }
	name := []byte("sku")
	e := &Event{
		Fields:   []Field{{Space: Context, Name: name, Value: v("context")}, {Space: Product, Index: 1, Name: name, Value: v("second")}},
		Personal: []Field{{Space: Product, Index: 0, Name: name, Value: v("first")}},
	}
	if got, _ := e.Find("sku"); string(got.Str) != "first" {
		t.Fatalf("got %q, want the first product's", got.Str)
	}
	e.Personal = append(e.Personal, Field{Space: Property, Name: name, Value: v("property")})
	if got, _ := e.Find("sku"); string(got.Str) != "property" {
		t.Fatalf("got %q, want the property", got.Str)
	}
	if _, ok := e.Find("other"); ok {
		t.Fatal("found a field that is not there")
	}
}

func TestNameSet(t *testing.T) {
	var s NameSet
	if !s.May("url") {
		t.Fatal("a set that says nothing rules a name out")
	}
	in := []string{"url", "title", "referrer", "agent", "visitor"}
	for _, name := range in {
		s = s.With([]byte(name))
	}
	for _, name := range in {
		if !s.May(name) {
			t.Errorf("%s is in the set and is ruled out", name)
		}
	}
	out := 0
	for i := range 1000 {
		if !s.May(fmt.Sprint("name", i)) {
			out++
		}
	}
	if out < 600 {
		t.Errorf("of 1000 other names only %d are ruled out", out)
	}
}

func TestPackUUID(t *testing.T) {
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	var u [16]byte
	if !PackUUID(&u, []byte(id)) {
		t.Fatal("a canonical UUID was not packed")
	}
	e := &Event{MessageID: u[:], MessageUUID: true}
	if got := e.MessageText(); got != id {
		t.Fatalf("got %s, want %s", got, id)
	}
	for _, bad := range []string{"", id[:35], "01234567-89AB-cdef-0123-456789abcdef", "0123456789-ab-cdef-0123-456789abcde", "g1234567-89ab-cdef-0123-456789abcdef"} {
		if PackUUID(&u, []byte(bad)) {
			t.Errorf("%q was packed: its text would be lost", bad)
		}
	}
}

func BenchmarkAppendAndDecodeRow(b *testing.B) {
	e, row, got := sampleEvent(), []byte(nil), Event{}
	b.ReportAllocs()
	for b.Loop() {
		row = AppendRow(row[:0], e)
		if err := DecodeRow(row, &got); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(row)))
}
