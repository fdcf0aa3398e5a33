package load

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// request builds one connection's requests, one after the other, in one
// buffer: [room for the head] body. The head is written last, right before the
// body, because it names the body's length.
type request struct {
	run  *run
	rng  *rand.PCG
	buf  []byte
	ids  []ID // message ids of the request built last
	time [len(blankTime)]byte
	sec  int64 // unix second that time was formatted for
	now  int64 // unix ms
}

func postHead(cfg *Config, f *format) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: ripen-bench/1\r\n%s"+
		"Content-Type: application/json\r\nContent-Length: ", f.path(cfg.WriteKey), cfg.Addr, f.head(cfg.WriteKey))
}

func (q *request) init(r *run, n int) {
	q.run = r
	q.rng = rand.NewPCG(r.cfg.Seed, uint64(n)+2)
	q.ids = make([]ID, r.cfg.perRequest())
}

// build returns the next request; it is valid until the next call.
func (q *request) build(now time.Time) []byte {
	q.stamp(now)
	if q.run.cfg.Events == 0 {
		q.buf = q.add(q.buf[:0], q.pick(q.run.frags.pixels), 0, q.visitor())
		return q.buf
	}
	head := q.run.frags.postHead
	room := len(head) + 16
	if cap(q.buf) < room {
		q.buf = make([]byte, room, room+600*q.run.cfg.Events)
	}
	b := append(q.buf[:room], q.run.frags.begin...)
	visitor := q.visitor()
	for i := range q.run.cfg.Events {
		if i > 0 {
			b = append(b, ',')
			if i%max(q.run.cfg.Visit, 1) == 0 {
				visitor = q.visitor()
			}
		}
		b = q.add(b, q.event(), i, visitor)
	}
	at := len(b)
	b = append(b, q.run.frags.end.text...)
	q.times(b[at:], &q.run.frags.end)
	q.buf = b

	var digits [20]byte
	length := append(strconv.AppendInt(digits[:0], int64(len(b)-room), 10), "\r\n\r\n"...)
	start := room - len(head) - len(length)
	copy(b[start:], head)
	copy(b[start+len(head):], length)
	return b[start:]
}

func (q *request) pick(from []fragment) *fragment {
	return &from[q.rng.Uint64()>>32%uint64(len(from))]
}

func (q *request) event() *fragment {
	if p := q.run.cfg.Identify; p > 0 && float64(q.rng.Uint64()>>11)/(1<<53) < p {
		return q.pick(q.run.frags.identifies)
	}
	return q.pick(q.run.frags.events)
}

func (q *request) visitor() uint64 {
	cfg := q.run.cfg
	n := uint64(cfg.visitors())
	if cfg.Each {
		return uint64(cfg.Base) + (uint64(cfg.Turn)+uint64(q.run.turn.Add(1)-1))%n
	}
	return uint64(cfg.Base) + (q.rng.Uint64()>>32)*n>>32
}

// add appends a fragment with a new message id, the visitor and the time.
func (q *request) add(b []byte, f *fragment, i int, visitor uint64) []byte {
	at := len(b)
	b = append(b, f.text...)
	text := b[at:]
	id := &q.ids[i]
	binary.LittleEndian.PutUint64(id[0:], q.rng.Uint64())
	binary.LittleEndian.PutUint64(id[8:], q.rng.Uint64())
	id[6] = id[6]&0x0f | 0x40 // UUID version 4
	id[8] = id[8]&0x3f | 0x80
	putUUID(text[f.id:], id)
	v := VisitorID(visitor)
	putUUID(text[f.visitor:], &v)
	q.times(text, f)
	for _, at := range f.number {
		putNumber(text[at:at+len(blankNum)], visitor)
	}
	return b
}

// times writes the moment of the request into a copy of a fragment.
func (q *request) times(text []byte, f *fragment) {
	if f.time >= 0 {
		copy(text[f.time:], q.time[:])
	}
	for _, at := range f.millis {
		putNumber(text[at:at+len(blankMs)], uint64(q.now))
	}
}

// VisitorID is the anonymous id of the visitor with this number.
func VisitorID(n uint64) ID {
	var id ID
	binary.LittleEndian.PutUint64(id[0:], mix(2*n+1))
	binary.LittleEndian.PutUint64(id[8:], mix(2*n+2))
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// mix is SplitMix64: numbers in a row become ids that look random.
func mix(x uint64) uint64 {
	x *= 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

func putNumber(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + n%10)
		n /= 10
	}
}

// stamp brings the text of the time up to date; the calendar is only asked
// once a second.
func (q *request) stamp(now time.Time) {
	q.now = now.UnixMilli()
	if s := now.Unix(); s != q.sec {
		q.sec = s
		copy(q.time[:], now.UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	putNumber(q.time[20:23], uint64(now.Nanosecond()/1e6))
}
