package ingest

import (
	"bytes"

	"ripen/tracker"
)

// draft is an event while it is read. Its slices point into the body or into
// the scanner's arena.
type draft struct {
	typ, event, title, category  []byte // title is the name of a page or screen
	msg, anon, user, group, prev []byte
	own                          []byte // anon as the event says it
	proof                        []byte // userIdHash
	ignored                      bool   // an id that stands for nobody
	stamp, original, sent        clock
	fields                       []tracker.Field
	setFields                    int    // how many fields there are if all were set
	setBits                      uint64 // of their names
	seen                         seen   // objects read, to notice a second one
	fault                        string // of a value that was jumped over
	batchAt, batchItem           int    // where a wrapper's batch began
	batchOut                     [2]int
	contextLate                  bool             // context came after the batch
	ago                          bool             // original was given as an age
	merged                       [2]tracker.Field // of a merge: the two identities, by their kinds
}

type seen byte

const (
	sawProperties seen = 1 << iota
	sawTraits
	sawContext
)

func (ev *draft) reset() {
	fields := ev.fields[:0]
	*ev = draft{fields: fields}
}

// object reads the keys of an event, or of a batch's wrapper. It goes on after
// a broken value, so that the verdict can name the message.
func (d *decoder) object(ev *draft) bool {
	for m := (members{}); ; {
		key, more, ok := d.member(&m, 1)
		if !ok || !more {
			return ok
		}
		d.peek()
		at := d.p
		if !d.value(d, ev, key) && !d.jump(ev, at) {
			return false
		}
	}
}

// jump moves past the broken value that begins at from and keeps the fault.
func (d *decoder) jump(ev *draft, from int) bool {
	end, ok := d.afterValue(from)
	if !ok || !d.follows(from, end, '}') {
		return false
	}
	d.p = end
	if ev.fault == "" {
		ev.fault = d.code
	}
	d.code = ""
	return true
}

// afterValue finds the end of a broken value.
func (d *decoder) afterValue(from int) (end int, ok bool) {
	if from >= len(d.b) || d.vain > maxVain*len(d.b) {
		return from, false
	}
	switch d.b[from] {
	case '{', '[':
		return d.closing(from)
	case '"':
		for i := from + 1; i < len(d.b); i++ {
			switch d.b[i] {
			case '\\':
				i++
			case '"':
				return i + 1, true
			}
		}
		d.vain += len(d.b) - from
		return len(d.b), false
	}
	n := bytes.IndexAny(d.b[from:], ",}]\n")
	return from + n, n >= 0
}

// segmentValue reads the value of one of an event's own keys; of two with one
// name the last stands.
func (d *decoder) segmentValue(ev *draft, key []byte) bool {
	switch string(key) {
	case "type":
		return d.text(&ev.typ)
	case "event":
		return d.text(&ev.event)
	case "messageId":
		return d.text(&ev.msg)
	case "anonymousId":
		return d.text(&ev.anon)
	case "userId":
		return d.text(&ev.user)
	case "userIdHash":
		return d.text(&ev.proof)
	case "properties":
		return d.section(ev, sawProperties, tracker.Property)
	case "context":
		ev.contextLate = ev.batchAt > 0
		return d.section(ev, sawContext, tracker.Context)
	case "traits":
		return d.section(ev, sawTraits, tracker.Trait)
	case "timestamp":
		return d.clock(&ev.stamp)
	case "originalTimestamp":
		return d.clock(&ev.original)
	case "sentAt":
		return d.clock(&ev.sent)
	case "name":
		return d.text(&ev.title)
	case "category":
		return d.text(&ev.category)
	case "groupId":
		return d.text(&ev.group)
	case "previousId":
		return d.text(&ev.prev)
	case "mergeProperties":
		return d.mergeProperties(ev)
	case "batch":
		if ev == &d.outer && d.peek() == '[' {
			return d.wrapped(ev)
		}
	}
	_, ok := d.skip(1)
	return ok
}

// wrapped reads a batch inside its wrapper; of two batches the last stands.
func (d *decoder) wrapped(w *draft) bool {
	if w.batchAt == 0 {
		w.batchItem, w.batchOut = len(d.items), d.out.mark()
	}
	d.again(w)
	w.batchAt, w.contextLate = d.p, false
	d.base = nil
	if len(w.fields) > 0 {
		d.base = w
	}
	return d.batch() && !d.full()
}

// text reads an id or a name: a string, trimmed, or the text of a number. Any
// other value counts as absent.
func (d *decoder) text(dst *[]byte) bool {
	*dst = nil
	c := d.peek()
	if c == '{' || c == '[' {
		_, ok := d.skip(1)
		return ok
	}
	if c == '"' {
		v, ok := d.str()
		*dst = trim(v)
		return ok
	}
	from := d.p
	var v tracker.Value
	ok := d.scalar(c, &v)
	switch v.Tag {
	case tracker.Int, tracker.Float, tracker.Number:
		*dst = d.b[from:d.p:d.p]
	}
	return ok
}

func (d *decoder) clock(dst *clock) bool {
	*dst = clock{state: badClock}
	var v tracker.Value
	plain, ok := d.plain(&v)
	if plain && ok {
		*dst = clockOf(v)
	}
	return ok
}

// plain reads a value that is neither an object nor an array, or passes over
// one that is.
func (d *decoder) plain(v *tracker.Value) (plain, ok bool) {
	c := d.peek()
	if c == '{' || c == '[' {
		_, ok = d.skip(1)
		return false, ok
	}
	return true, d.scalar(c, v)
}

// section reads properties, context or traits. Anything but an object counts
// as absent.
func (d *decoder) section(ev *draft, bit seen, space tracker.Space) bool {
	if ev.seen&bit != 0 {
		ev.forgetSpace(space)
	}
	ev.seen |= bit
	if d.peek() != '{' {
		_, ok := d.skip(1)
		return ok
	}
	mark := len(ev.fields)
	ok := d.fields(ev, place{space: space}, nil, 2)
	if !ok {
		ev.fields = ev.fields[:mark]
	}
	return ok
}

func (ev *draft) forgetSpace(space tracker.Space) {
	ev.forgetIf(func(f *tracker.Field) bool {
		return f.Space == space || space == tracker.Property && f.Space == tracker.Product
	})
}

// forgetIf takes out the fields that f names; it runs for doubled keys only.
func (ev *draft) forgetIf(f func(*tracker.Field) bool) {
	kept := ev.fields[:0]
	for i := range ev.fields {
		if !f(&ev.fields[i]) {
			kept = append(kept, ev.fields[i])
		}
	}
	ev.fields, ev.setBits = kept, ^uint64(0)
}
