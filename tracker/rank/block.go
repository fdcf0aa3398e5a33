package rank

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ripen/tracker"
)

// texts numbers the words of a block.
type texts struct {
	list  []string
	index map[string]uint64 // :: word → its place in list
}

func (t *texts) of(s string) uint64 {
	i, ok := t.index[s]
	if !ok {
		i = uint64(len(t.list))
		t.index[s] = i
		t.list = append(t.list, s)
	}
	return i
}

func words(c *tracker.Change) [6]string {
	return [6]string{c.Card, c.OldBand, c.NewBand, c.OldGrade, c.NewGrade, c.Cause}
}

// AppendBlock packs changes of one tenant whose Seq are dense and whose At are
// the same.
func AppendBlock(dst []byte, cs []tracker.Change) []byte {
	ts := texts{index: make(map[string]uint64)}
	for i := range cs {
		for _, s := range words(&cs[i]) {
			ts.of(s)
		}
	}
	dst = binary.AppendVarint(append(dst, blockVersion), cs[0].At)
	dst = binary.AppendUvarint(dst, cs[0].Seq)
	dst = binary.AppendUvarint(dst, uint64(len(ts.list)))
	for _, s := range ts.list {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	dst = binary.AppendUvarint(dst, uint64(len(cs)))
	for i := range cs {
		dst = appendChange(dst, &cs[i], &ts)
	}
	return dst
}

func appendChange(dst []byte, c *tracker.Change, ts *texts) []byte {
	flags := byte(0)
	if !c.MergedInto.IsZero() {
		flags = changeInto
	}
	dst = appendID(append(dst, flags), c.Lead)
	if flags != 0 {
		dst = appendID(dst, c.MergedInto)
	}
	dst = binary.AppendVarint(dst, c.Time-c.At)
	dst = binary.AppendVarint(dst, int64(c.OldScore))
	dst = binary.AppendVarint(dst, int64(c.NewScore))
	for _, s := range words(c) {
		dst = binary.AppendUvarint(dst, ts.of(s))
	}
	dst = binary.AppendUvarint(dst, c.Event)
	if c.Prev == 0 {
		return append(dst, 0)
	}
	return binary.AppendUvarint(dst, c.Seq-c.Prev)
}

func appendID(dst []byte, l tracker.LeadID) []byte {
	return append(append(dst, byte(l.Kind)), l.Hash[:]...)
}

// readBlock calls visit with the changes of a block; the change is reused.
// first is the sequence its key names, 0 = unknown.
func readBlock(b []byte, first uint64, visit func(*tracker.Change) error) error {
	r := reader{b: b}
	if v := r.byte(); v != blockVersion {
		return fmt.Errorf("change block: version %d, this binary reads %d: upgrade it", v, blockVersion)
	}
	c := tracker.Change{At: r.varint()}
	seq := r.uvarint()
	if first != 0 && seq != first {
		return errShort
	}
	list := make([]string, r.count(1))
	for i := range list {
		list[i] = string(r.bytes(r.uvarint()))
	}
	for n := r.count(20); n > 0; n-- {
		c.Seq = seq
		seq++
		r.change(&c, list)
		if r.err != nil {
			return r.err
		}
		if err := visit(&c); err != nil {
			return err
		}
	}
	return r.err
}

func (r *reader) change(c *tracker.Change, list []string) {
	flags := r.byte()
	c.Lead, c.MergedInto = r.id(), tracker.LeadID{}
	if flags&changeInto != 0 {
		c.MergedInto = r.id()
	}
	c.Time = c.At + r.varint()
	c.OldScore, c.NewScore = int(r.varint()), int(r.varint())
	for _, s := range [6]*string{&c.Card, &c.OldBand, &c.NewBand, &c.OldGrade, &c.NewGrade, &c.Cause} {
		i := r.uvarint()
		if i >= uint64(len(list)) {
			r.fail()
			return
		}
		*s = list[i]
	}
	c.Event, c.Prev = r.uvarint(), 0
	if back := r.uvarint(); back > 0 && back < c.Seq {
		c.Prev = c.Seq - back
	}
}

var errShort = errors.New("change block is damaged: run ripen doctor")

// reader reads the parts of a block; after the first error all reads are zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() { r.b, r.err = nil, errShort }

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.fail()
		return 0
	}
	c := r.b[0]
	r.b = r.b[1:]
	return c
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.b)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) id() (l tracker.LeadID) {
	l.Kind = tracker.IdentityKind(r.byte())
	copy(l.Hash[:], r.bytes(16))
	return l
}
