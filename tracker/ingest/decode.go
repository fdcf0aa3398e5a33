package ingest

import (
	"bytes"

	"ripen/storage"
	"ripen/tracker"
)

// decoder turns one request's body into records, in one pass and without
// garbage: everything it makes lives in its own buffers until [decoder.reset].
// A decoder serves one request at a time.
type decoder struct {
	scanner
	sender              // who sends, set by the handler before decode
	outer, inner draft  // the event at the top level; the one inside a batch
	base         *draft // the batch's own context, merged into its events
	items        []item // one per event, in the order of the body
	read         int    // values of the body that were JSON objects or batches
	vain         int    // bytes read in search of the ends of broken events
	out          rows   // encoded parts of items
	found        found  // of the event being encoded
	recs         []storage.Record

	memo        [2]memo         // the last visitor and the last user hashed
	clearOf     *tracker.Tenant // whose names of fields clearBits tells
	clearBits   uint64
	lookedUp    lookedUp
	lastSubject tracker.LeadID
	lastAgent   []byte // of the last event stored with its agent
	kindBuf     [16]byte
}

// item is what becomes of one event of a body.
type item struct {
	verdict
	from, to int // its text in the body
	ev       tracker.Event
	stamp    clock // when the sender says it happened
	sent     clock // when the sender says it was sent
	given    []byte
	clear    span   // encoded fields in rows.clear
	personal span   // encoded count and fields in rows.personal
	fields   int    // how many are in clear
	letter   string // the id of its dead letter
	rec      int    // its record in recs, counted from 1; 0 = none
}

// verdict is the fate of an item, without its words.
type verdict struct {
	status tracker.Status
	code   string
}

type span struct{ from, to int }

// maxVain bounds, in bodies, what may be read in search of the ends of broken
// events: each search may read to the end.
const maxVain = 8

// reset makes d ready for another body.
func (d *decoder) reset(s sender) {
	d.resetScanner(nil)
	d.sender = s
	if d.protocol == nil {
		d.protocol = &segment
	}
	if s.source != nil && s.source.Tenant != d.clearOf {
		d.serve(s.source.Tenant)
	}
	d.outer.reset()
	d.inner.reset()
	d.base = nil
	d.items, d.read, d.vain = d.items[:0], 0, 0
	d.out.reset()
	clear(d.recs)
	d.recs = d.recs[:0]
	d.lastSubject, d.lastAgent = tracker.LeadID{}, nil
	d.lookedUp = lookedUp{}
}

// names says that some card of the tenant reads the field.
func (d *decoder) names(name []byte) bool {
	if d.clearBits&keyBit(name) == 0 {
		return false
	}
	_, ok := d.clearOf.Clear[string(name)]
	return ok
}

// serve remembers for whom d works: most names that cards do not read are told by
// a bit of theirs.
func (d *decoder) serve(t *tracker.Tenant) {
	d.clearOf, d.clearBits = t, 0
	for name := range t.Clear {
		d.clearBits |= keyBit([]byte(name))
	}
}

// decode reads a body: one event, one batch, an array of events, or any of
// these one after another (NDJSON). It fails only where nothing could be read
// or there is too much; a broken event is a verdict.
func (d *decoder) decode(body []byte) *tracker.Error {
	d.resetScanner(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	for {
		c := d.peek()
		if d.p >= len(d.b) || d.full() {
			break
		}
		switch c {
		case '{':
			d.top()
		case '[':
			d.batch()
			d.read++
		default:
			d.garbage(d.p)
		}
	}
	switch {
	case d.read == 0:
		return errNotJSON
	case d.full():
		return errTooMany
	}
	for i := range d.items {
		d.finish(i)
	}
	return nil
}

var (
	errNotJSON = &tracker.Error{
		Kind: tracker.KindInvalid, Code: tracker.CodeInvalidJSON,
		Detail: "the body holds no JSON object: send one event, a batch, or one event a line",
	}
	errTooMany = &tracker.Error{
		Kind: tracker.KindTooLarge, Code: "too_many_events",
		Detail: "more than 2,500 events in one request: send them in several",
	}
)

func (d *decoder) full() bool { return len(d.items) > tracker.MaxBatch }

// top reads an object at the top level: an event, or the wrapper of a batch.
func (d *decoder) top() {
	from := d.p
	d.outer.reset()
	d.base = nil
	ok := d.object(&d.outer)
	switch w := &d.outer; {
	case w.batchAt > 0:
		d.read++
		d.rebatch(w)
	case ok:
		d.read++
		d.close(w, from, d.p)
	default:
		fault := d.p
		if end, ok := d.closing(from); ok {
			if d.p = end; d.code != tracker.CodeInvalidJSON {
				d.read++
			}
			d.drop(w, from, end, d.code)
		} else {
			d.garbage(max(fault, from+1))
			d.items[len(d.items)-1].from = from
		}
	}
	d.code = ""
	if d.outer.batchAt > 0 && !ok {
		d.garbageAfterBatch()
	}
}

// garbage drops what lies from d.p to the next line that begins like an
// object.
func (d *decoder) garbage(fault int) {
	from := d.p
	d.p = len(d.b)
	for i := fault; i < len(d.b); {
		n := bytes.IndexByte(d.b[i:], '\n')
		if n < 0 {
			break
		}
		if i += n + 1; i < len(d.b) && (d.b[i] == '{' || d.b[i] == '[') {
			d.p = i
			break
		}
	}
	d.items = append(d.items, item{verdict: verdict{tracker.Drop, tracker.CodeInvalidJSON}, from: from, to: d.p})
}

// garbageAfterBatch moves past a wrapper whose end is broken: its events have
// been read.
func (d *decoder) garbageAfterBatch() {
	n := bytes.Index(d.b[d.p:], []byte("\n{"))
	if n < 0 {
		d.p = len(d.b)
		return
	}
	d.p += n + 1
}

// rebatch gives a batch's own context and time to its events. They may stand
// after them in the body; then a context makes us read the events again.
func (d *decoder) rebatch(w *draft) {
	if w.contextLate {
		end, code := d.p, d.code
		d.again(w)
		d.p, d.code, d.base = w.batchAt, "", w
		d.batch()
		d.p, d.code = end, code
	}
	for i := w.batchItem; i < len(d.items); i++ {
		if it := &d.items[i]; it.sent.state != goodClock {
			it.sent = w.sent
		}
	}
}

// again forgets the events of a wrapper's batch.
func (d *decoder) again(w *draft) {
	d.items = d.items[:w.batchItem]
	d.out.cut(w.batchOut)
	d.lastSubject, d.lastAgent = tracker.LeadID{}, nil
}

// batch reads an array of events; the bracket is the next byte. It returns
// false when the rest of the body is lost.
func (d *decoder) batch() bool {
	for m := (members{}); !d.full(); {
		more, ok := d.element(&m, 0)
		if ok && !more {
			return true
		}
		if d.code != "" {
			d.code = ""
			if d.peek() != '{' && !d.resync(d.p) {
				return false
			}
		}
		if c := d.peek(); c == ']' && d.p < len(d.b) {
			d.p++ // after a comma too many
			return true
		}
		if !d.entry() {
			return false
		}
	}
	return true
}

// entry reads one element of a batch.
func (d *decoder) entry() bool {
	c := d.peek()
	from := d.p
	if c == '{' {
		d.inner.reset()
		if d.object(&d.inner) {
			d.close(&d.inner, from, d.p)
			return true
		}
	} else {
		d.inner.reset()
		if c == ',' {
			d.drop(&d.inner, from, from, tracker.CodeInvalidJSON)
			return true // nothing between two commas
		}
		if _, ok := d.skip(0); ok {
			d.drop(&d.inner, from, d.p, tracker.CodeInvalidJSON)
			return true
		}
	}
	fault, code := d.p, d.code
	d.code = ""
	if end, ok := d.end(from); ok {
		d.p = end
		d.drop(&d.inner, from, end, code)
		return true
	}
	ok := d.resync(fault)
	d.drop(&d.inner, from, d.p, code)
	return ok
}

// end finds the end of a broken element that is followed by what must follow.
func (d *decoder) end(from int) (int, bool) {
	end, ok := d.afterValue(from)
	return end, ok && d.follows(from, end, ']')
}

// closing is [scanner.balanced] with a bound on what it may read in vain.
func (d *decoder) closing(from int) (end int, ok bool) {
	if d.vain > maxVain*len(d.b) {
		return 0, false
	}
	if end, ok = d.balanced(from); !ok {
		d.vain += end - from
	}
	return end, ok
}

// follows says that a comma or the closing bracket comes next after end.
func (d *decoder) follows(from, end int, closing byte) bool {
	p := d.p
	d.p = end
	c := d.peek()
	d.p = p
	if c == ',' || c == closing {
		return true
	}
	d.vain += end - from
	return false
}

// resync moves to the next place after from that looks like the start of the
// next event: }, { and a quote with nothing but white space between. Without
// one the rest is lost.
func (d *decoder) resync(from int) bool {
	for i := from; i < len(d.b); i++ {
		n := bytes.IndexByte(d.b[i:], '{')
		if n < 0 {
			break
		}
		i += n
		before := trim(d.b[max(from, i-16):i])
		after := trim(d.b[i+1 : min(i+17, len(d.b))])
		if len(after) > 0 && after[0] == '"' && len(before) > 0 && before[len(before)-1] == ',' {
			before = trim(before[:len(before)-1])
			if len(before) > 0 && before[len(before)-1] == '}' {
				d.p = i
				return true
			}
		}
	}
	d.p = len(d.b)
	return false
}

// drop gives an event a verdict without storing it.
func (d *decoder) drop(ev *draft, from, to int, code string) {
	if to-from > tracker.MaxEvent {
		code = tracker.CodeTooLarge
	}
	d.items = append(d.items, item{verdict: verdict{tracker.Drop, code}, from: from, to: to, given: ev.msg})
	d.blame(ev, &d.items[len(d.items)-1])
}
