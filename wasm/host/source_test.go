package host

import (
	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// event is a plain scorecard.Source.
type event struct {
	typ     string
	time    int64
	session uint64
	fields  map[string]wasm.Slot
	traits  map[string]wasm.Slot
}

func (e *event) Type() string                             { return e.typ }
func (e *event) Time() int64                              { return e.time }
func (e *event) Session() uint64                          { return e.session }
func (e *event) Ignore() string                           { return "" }
func (e *event) Send() bool                               { return false }
func (e *event) Products() int                            { return 0 }
func (e *event) Product(int) scorecard.Source             { return nil }
func (e *event) HasTraits() bool                          { return e.traits != nil }
func (e *event) Field(name string) (s wasm.Slot, ok bool) { s, ok = e.fields[name]; return s, ok }
func (e *event) Trait(name string) (s wasm.Slot, ok bool) { s, ok = e.traits[name]; return s, ok }

func text(s string) wasm.Slot { return wasm.Slot{Tag: wasm.String, Str: []byte(s)} }
func num(v int64) wasm.Slot   { return wasm.Slot{Tag: wasm.Int, Num: uint64(v)} }

const day = 86_400_000

// visits is a lead's history on the saas card: attributes, then pages of the
// pricing list, downloads and mail.
func visits(start int64, n int) []*event {
	out := []*event{{typ: "identify", time: start, traits: map[string]wasm.Slot{
		"job_title": text("CTO"), "employees": num(120), "industry": text("fintech"), "country": text("ES"), "email_domain": text("acme.es"),
	}}}
	for i := range n {
		e := &event{typ: "page_view", time: start + int64(i)*day/3, session: uint64(i / 2), fields: map[string]wasm.Slot{"path": text("/pricing/pro")}}
		switch i % 5 {
		case 2:
			e.typ, e.fields = "download", map[string]wasm.Slot{"file": text(string(rune('a'+i%20)) + ".pdf")}
		case 4:
			e.typ, e.fields = "email_click", map[string]wasm.Slot{"message": num(int64(i))}
		}
		out = append(out, e)
	}
	return out
}

func bind(c *scorecard.Card, events []*event) []wasm.Event {
	var out []wasm.Event
	for _, e := range events {
		out = c.Bind(out, e)
	}
	return out
}
