package cases

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"ripen/wasm"
	"ripen/wasm/scorecard"
)

// source is an event of a case as a card sees one.
type source struct {
	typ    string
	time   int64
	fields map[string]any
	traits map[string]any
}

// sources returns the events of a case by time; the attributes come first, as
// an identify at day 0.
func (c *Case) sources(zero int64) ([]*source, error) {
	var out []*source
	if len(c.Attributes) > 0 {
		out = append(out, &source{typ: "identify", time: zero, traits: c.Attributes})
	}
	for i, ev := range c.Events {
		day, err := float(ev["day"])
		if err != nil {
			return nil, fmt.Errorf("event %d: day: %w", i+1, err)
		}
		typ, ok := ev["event"].(string)
		if !ok {
			return nil, fmt.Errorf("event %d: event: need the type of the event as text", i+1)
		}
		out = append(out, &source{typ: typ, time: zero + int64(math.Round(day*864e5)), fields: ev})
	}
	slices.SortStableFunc(out, func(a, b *source) int { return int(a.time - b.time) })
	return out, nil
}

func (s *source) Type() string                 { return s.typ }
func (s *source) Time() int64                  { return s.time }
func (s *source) Send() bool                   { return s.typ == "call_out" || strings.HasSuffix(s.typ, "_sent") }
func (s *source) Products() int                { return 0 }
func (s *source) Product(int) scorecard.Source { return nil }
func (s *source) HasTraits() bool              { return s.traits != nil }

func (s *source) Ignore() string {
	word, _ := s.fields["machine"].(string)
	return word
}

func (s *source) Session() uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, s.fields["session"])
	return h.Sum64()
}

func (s *source) Field(name string) (wasm.Slot, bool) { return slot(s.fields, name) }

// Trait gives the domain of an e-mail as an attribute of its own, as the tracker does.
func (s *source) Trait(name string) (wasm.Slot, bool) {
	v, ok := slot(s.traits, name)
	if email, is := s.traits["email"].(string); !ok && is && name == "email_domain" {
		if i := strings.LastIndexByte(email, '@'); i >= 0 {
			return wasm.Slot{Tag: wasm.String, Str: []byte(strings.ToLower(strings.TrimSpace(email[i+1:])))}, true
		}
	}
	return v, ok
}

func slot(m map[string]any, name string) (wasm.Slot, bool) {
	v, ok := m[name]
	if !ok {
		return wasm.Slot{}, false
	}
	switch v := v.(type) {
	case string:
		return wasm.Slot{Tag: wasm.String, Str: []byte(v)}, true
	case bool:
		if v {
			return wasm.Slot{Tag: wasm.Bool, Num: 1}, true
		}
		return wasm.Slot{Tag: wasm.Bool}, true
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return wasm.Slot{Tag: wasm.Int, Num: uint64(n)}, true
		}
		f, _ := v.Float64()
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(f)}, true
	}
	return wasm.Slot{Tag: wasm.Null}, true
}
