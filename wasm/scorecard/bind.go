package scorecard

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ripen/wasm"
)

// Source is an event of the house as a card needs to see it. Its implementation
// may also have HasTraits() bool: false spares the questions about attributes.
type Source interface {
	Type() string
	Time() int64                         // unix ms
	Field(name string) (wasm.Slot, bool) // a property, else the first product's, else the context's
	Trait(name string) (wasm.Slot, bool) // an attribute that this event sets; Null clears it
	Session() uint64                     // the session's id
	Ignore() string                      // "", or the machine verdict: bot, prefetch, proxy
	Send() bool                          // a message of ours leaving
	Products() int                       // how many products it lists
	Product(i int) Source                // only Field is asked of it
}

// productsMax is how many products of one event rules see.
const productsMax = 50

// Bind appends to dst what the card's rules see of one event: nothing if no rule
// cares, one event, or one per product. Strings point into the source. It reuses
// the capacity of dst and of the events in it: no garbage in the steady state.
func (c *Card) Bind(dst []wasm.Event, src Source) []wasm.Event {
	typ, carries := c.types[src.Type()], c.carries(src)
	if typ == 0 && !carries && !c.anyType {
		return dst
	}
	dst, e := c.next(dst, src, typ)
	flags := machineFlags(src)
	if c.answers && flags&FlagActivity != 0 && !reports(src.Type()) {
		flags |= FlagAnswer
	}
	if carries {
		for _, i := range c.traitSlots {
			s := &c.Slots[i]
			v, ok := src.Trait(s.Name)
			c.fill(e, i, v, ok)
			if e.Slots[i].Tag != wasm.Missing {
				flags |= FlagCarries
			}
		}
	}
	e.Set(0, wasm.Slot{Tag: wasm.Int, Num: flags})
	for _, i := range c.Types[typ].slots {
		c.bindSlot(e, i, src)
	}
	e.Seal()
	if n := min(src.Products(), productsMax); n > 1 && c.readsFields(typ) {
		dst = c.bindProducts(dst, src, typ, n, flags&^FlagCarries|FlagExtra)
	}
	return dst
}

func (c *Card) carries(src Source) bool {
	if len(c.traitSlots) == 0 {
		return false
	}
	t, ok := src.(interface{ HasTraits() bool })
	return !ok || t.HasTraits()
}

// next appends an empty event, reusing what lies beyond the end of dst.
func (c *Card) next(dst []wasm.Event, src Source, typ int) ([]wasm.Event, *wasm.Event) {
	if cap(dst) > len(dst) {
		dst = dst[:len(dst)+1]
	} else {
		dst = append(dst, wasm.Event{})
	}
	e := &dst[len(dst)-1]
	e.Clear(len(c.Slots))
	e.Type, e.Index, e.TimeMs = c.Types[typ].Name, uint16(typ), src.Time()
	return dst, e
}

func machineFlags(src Source) uint64 {
	word := src.Ignore()
	flags := uint64(0)
	if word == "" && !src.Send() {
		flags |= FlagActivity
	}
	for i, m := range machines {
		if m == word {
			flags |= 1 << (MachineBits + i)
		}
	}
	return flags
}

// reports says whether an event tells what became of a message on its way, or what
// is known of a person: nobody has answered by that.
func reports(typ string) bool {
	switch typ {
	case "identify", "group", "alias":
		return true
	}
	for _, end := range reportEnds {
		if strings.HasSuffix(typ, end) {
			return true
		}
	}
	return false
}

var reportEnds = [...]string{"_delivered", "_bounce", "_bounced", "_failed", "_deferred", "_dropped", "_processed", "_queued"}

func (c *Card) readsFields(typ int) bool {
	for _, i := range c.Types[typ].slots {
		if c.Slots[i].Name != "" {
			return true
		}
	}
	return false
}

// bindProducts adds one event for each product after the first. Only rules that
// read a field of the product count it: the rest of the event counted once.
func (c *Card) bindProducts(dst []wasm.Event, src Source, typ, n int, flags uint64) []wasm.Event {
	first := src.Product(0)
	for i := 1; i < n; i++ {
		product := src.Product(i)
		var e *wasm.Event
		dst, e = c.next(dst, src, typ)
		e.Set(0, wasm.Slot{Tag: wasm.Int, Num: flags})
		for _, at := range c.Types[typ].slots {
			name := c.Slots[at].Name
			if name == "" {
				c.bindSlot(e, at, src)
				continue
			}
			whole, has := src.Field(name)
			v, ok := product.Field(name)
			if f, in := first.Field(name); has && !(in && sameSlot(f, whole)) {
				ok = false // the event's own property stands before the products'
			}
			if !ok {
				c.fill(e, at, whole, has)
				continue
			}
			v.Product = true
			c.fill(e, at, v, true)
		}
		e.Seal()
	}
	return dst
}

func sameSlot(a, b wasm.Slot) bool {
	return a.Tag == b.Tag && a.Num == b.Num && bytes.Equal(a.Str, b.Str)
}

func (c *Card) bindSlot(e *wasm.Event, i int, src Source) {
	switch s := &c.Slots[i]; s.View {
	case ViewDay:
		e.Set(i, wasm.Slot{Tag: wasm.Int, Num: uint64(c.localDay(e.TimeMs))})
	case ViewSession:
		e.Set(i, wasm.Slot{Tag: wasm.Int, Num: src.Session()})
	default:
		v, ok := src.Field(s.Name)
		c.fill(e, i, v, ok)
	}
}

// localDay numbers the days of the card's time zone.
func (c *Card) localDay(ms int64) int64 {
	_, off := time.UnixMilli(ms).In(c.Zone).Zone()
	return floorDiv(floorDiv(ms, 1000)+int64(off), 86400)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// fill writes one value in the form its slot wants. A value that is there but
// has no such form is Null: it fulfils nothing and clears an attribute's test.
func (c *Card) fill(e *wasm.Event, i int, v wasm.Slot, ok bool) {
	def, product := &c.Slots[i], v.Product
	if !ok || v.Tag == wasm.Missing {
		v = wasm.Slot{}
		switch {
		case def.Trait:
		case def.View == ViewHas:
			v = wasm.Slot{Tag: wasm.Bool}
		case def.View == ViewHash:
			v = wasm.Slot{Tag: wasm.Int, Num: hashOf(v)}
		}
		v.Product = product
		e.Set(i, v)
		return
	}
	switch def.View {
	case ViewText:
		v = c.text(e, v)
	case ViewNum:
		v = number(v)
	case ViewHas:
		v = boolSlot(v.Tag != wasm.Null && (v.Tag != wasm.String || len(v.Str) > 0))
	case ViewHash:
		v = wasm.Slot{Tag: wasm.Int, Num: hashOf(v)}
	case ViewCode:
		v = wasm.Slot{Tag: wasm.Int, Num: uint64(c.codeOf(def.feature, e, v))}
	case ViewTest:
		if t := c.text(e, v); t.Tag == wasm.String {
			v = boolSlot(c.ask(def.Test, t.Str))
		} else {
			v = wasm.Slot{Tag: wasm.Null}
		}
	}
	v.Product = product
	e.Set(i, v)
}

func boolSlot(b bool) wasm.Slot {
	s := wasm.Slot{Tag: wasm.Bool}
	if b {
		s.Num = 1
	}
	return s
}

func (c *Card) ask(t *Test, s []byte) bool {
	switch t.Op {
	case OpMatch:
		return t.Regex.Match(s)
	case OpGlob:
		return Glob(s, t.Texts[0])
	}
	_, in := c.lists[t.List][string(s)]
	return in
}

var boolTexts = [2][]byte{[]byte("false"), []byte("true")}

func (c *Card) text(e *wasm.Event, v wasm.Slot) wasm.Slot {
	at := len(e.Buf)
	switch v.Tag {
	case wasm.String:
		v.Str = cut(v.Str)
		return wasm.Slot{Tag: wasm.String, Str: v.Str}
	case wasm.Bool:
		return wasm.Slot{Tag: wasm.String, Str: boolTexts[v.Num&1]}
	case wasm.Int, wasm.Time:
		e.Buf = strconv.AppendInt(e.Buf, int64(v.Num), 10)
	case wasm.Float:
		e.Buf = strconv.AppendFloat(e.Buf, math.Float64frombits(v.Num), 'g', -1, 64)
	default:
		return wasm.Slot{Tag: wasm.Null}
	}
	return wasm.Slot{Tag: wasm.String, Str: e.Buf[at:len(e.Buf):len(e.Buf)]}
}

// cut bounds a text at 1 KiB, on the border of a rune.
func cut(s []byte) []byte {
	if len(s) <= wasm.StringMax {
		return s
	}
	n := wasm.StringMax
	for n > wasm.StringMax-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func number(v wasm.Slot) wasm.Slot {
	f := 0.0
	switch v.Tag {
	case wasm.Int, wasm.Time:
		f = float64(int64(v.Num))
	case wasm.Float:
		f = math.Float64frombits(v.Num)
	case wasm.String:
		s := strings.TrimSpace(string(v.Str))
		n, ok := plainNumber(&node{text: s})
		if !ok || s == "" {
			return wasm.Slot{Tag: wasm.Null}
		}
		f = n
	default:
		return wasm.Slot{Tag: wasm.Null}
	}
	if math.IsNaN(f) {
		return wasm.Slot{Tag: wasm.Null}
	}
	return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(f + 0)}
}

// Glob matches the whole of s, * being any run of bytes: the pieces between
// stars are found one after another, the first at the start, the last at the end.
func Glob(s []byte, pattern string) bool {
	first, rest, star := strings.Cut(pattern, "*")
	if !star || len(s) < len(first) || string(s[:len(first)]) != first {
		return !star && string(s) == first
	}
	s = s[len(first):]
	for {
		piece, more, star := strings.Cut(rest, "*")
		if !star {
			return len(s) >= len(piece) && string(s[len(s)-len(piece):]) == piece
		}
		at := index(s, piece)
		if at < 0 {
			return false
		}
		s, rest = s[at+len(piece):], more
	}
}

// index is bytes.Index without making bytes of piece.
func index(s []byte, piece string) int {
	if len(piece) == 0 {
		return 0
	}
	for at := 0; ; at++ {
		i := bytes.IndexByte(s[at:], piece[0])
		if i < 0 || len(s)-at-i < len(piece) {
			return -1
		}
		if at += i; string(s[at:at+len(piece)]) == piece {
			return at
		}
	}
}

// hashOf is FNV-1a over the kind and the value, its bits mixed once more; a
// value that is missing is a value of its own. An int and an equal float are one.
func hashOf(v wasm.Slot) uint64 {
	h := uint64(14695981039346656037)
	mix := func(b byte) { h = (h ^ uint64(b)) * 1099511628211 }
	switch v.Tag {
	case wasm.String:
		mix(1)
		for _, b := range v.Str {
			mix(b)
		}
	case wasm.Int, wasm.Time, wasm.Float, wasm.Bool:
		mix(2)
		bits := v.Num
		if v.Tag == wasm.Float {
			bits = math.Float64bits(math.Float64frombits(bits) + 0)
		} else {
			bits = math.Float64bits(float64(int64(bits)))
		}
		for i := range 8 {
			mix(byte(bits >> (8 * i)))
		}
	}
	h ^= h >> 32
	h *= 0xd6e8feb86659fd93
	return h ^ h>>32
}
