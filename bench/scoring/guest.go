package scoring

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"ripen/wasm"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// The guest in C, and what was made of it: its first lines say how.
//
//go:embed guest/twenty.c
var guestSource []byte

//go:embed guest/twenty.wasm
var guestModule []byte

// guest times an event folded and scored by the guest in C, through the host and
// natively; both have to say the same first.
func (b *bench) guest(ctx context.Context) (err error) {
	h, err := host.New(ctx, host.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	g, err := openGuest(ctx, h)
	if err != nil {
		return err
	}
	native, err := b.openNative(ctx, g)
	if err != nil {
		return fmt.Errorf("the guest in C, native: %w", err)
	}
	defer func() { err = errors.Join(err, native.close()) }()
	r, err := run(ctx, b.tempo.rounds, b.tempo.slice, g.lane("guest", 1), g.lane("guest, 16", 16), native.lane())
	if err != nil {
		return err
	}
	v, note := r.ratio(0, 2)
	b.report.Set(figOne, v, note)
	v, note = r.ratio(1, 2)
	b.report.Set(figBatch, v, note)
	return nil
}

// guestManifest says which slots the guest reads.
func guestManifest() wasm.Manifest {
	m := wasm.Manifest{ABI: wasm.ABI, Card: "twenty", Types: []string{"", "page_view"}, Dims: []string{"fit", "engagement"}, StateMax: 72, FoldGas: 40_000, ScoreGas: 100_000}
	add := func(typ string, names ...string) {
		for _, n := range names {
			m.Fields = append(m.Fields, wasm.ManifestField{Name: n, Type: typ})
		}
	}
	add("flags", "")
	add("attribute text", "job_title", "email_domain", "met_at", "country", "industry")
	add("attribute number", "age", "downloads", "employees", "revenue")
	add("text", "path", "referrer", "title")
	add("number", "seconds")
	for _, r := range rules() {
		m.Reasons = append(m.Reasons, wasm.ManifestReason{Rule: r.id})
	}
	return m
}

// withManifest appends the section that a module without one needs.
func withManifest(module []byte, man *wasm.Manifest) ([]byte, error) {
	said, err := json.Marshal(man)
	if err != nil {
		return nil, err
	}
	section := append([]byte{byte(len(wasm.Section))}, wasm.Section...)
	section = append(section, said...)
	return append(binary.AppendUvarint(append(bytes.Clone(module), 0), uint64(len(section))), section...), nil
}

// guestLeads are the records as the guest knows them.
type guestLeads struct {
	in     *host.Instance
	events [][]wasm.Event
	known  [][]byte // :: record → its state after its first event
	scores []float64
}

func openGuest(ctx context.Context, h *host.Host) (*guestLeads, error) {
	man := guestManifest()
	c, err := scorecard.OfManifest(&man)
	if err != nil {
		return nil, err
	}
	code, err := withManifest(guestModule, &man)
	if err != nil {
		return nil, err
	}
	m, err := h.Load(ctx, c, code)
	if err != nil {
		return nil, err
	}
	g := &guestLeads{}
	if g.in, err = m.NewInstance(ctx); err != nil {
		return nil, err
	}
	for i, r := range records() {
		evs := r.events(c)
		state, err := g.in.Fold(nil, evs[:1])
		if err != nil {
			return nil, err
		}
		g.events, g.known = append(g.events, evs), append(g.known, bytes.Clone(state))
		raw, err := g.scored(i, evs[1:])
		if err != nil {
			return nil, err
		}
		var v verdict
		r.score(&v)
		if bitsOf(raw.Points) != bitsOf(v.points) || raw.Scaled != v.scaled {
			return nil, fmt.Errorf("record %d: the guest in C says %v %v, Go by hand %v %v", i, raw.Scaled, raw.Points, v.scaled, v.points)
		}
		g.scores = append(g.scores, raw.Scaled)
	}
	return g, nil
}

func (g *guestLeads) scored(i int, evs []wasm.Event) (*scorecard.Raw, error) {
	_, raw, err := g.in.FoldRaw(g.known[i], evs, moment+1)
	return raw, err
}

// lane folds n page views into a state that the host holds, and scores once, as
// the tracker does with an event, or with a batch of a lead's.
func (g *guestLeads) lane(name string, n int) lane {
	many := make([][]wasm.Event, len(g.events))
	for i := range many {
		for range n {
			many[i] = append(many[i], g.events[i][1])
		}
	}
	i := 0
	l := inProcess(name, func() error {
		_, _, err := g.in.FoldScore(g.known[i], many[i], moment+1)
		if i++; i == len(many) {
			i = 0
		}
		return err
	})
	return lane{name, func(slice time.Duration) (float64, error) {
		ns, err := l.run(slice)
		return ns / float64(n), err
	}}
}

// native is the guest compiled for this machine, as a child.
type native struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// openNative compiles the guest with the C compiler that is there, hands it the
// records, and holds it to the scores that its twin gave.
func (b *bench) openNative(ctx context.Context, g *guestLeads) (*native, error) {
	src, path := filepath.Join(b.dir, "twenty.c"), filepath.Join(b.dir, "twenty")
	if err := os.WriteFile(src, guestSource, 0o600); err != nil {
		return nil, err
	}
	if out, err := exec.CommandContext(ctx, "cc", "-O2", "-DNATIVE", "-o", path, src).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cc: %w: %s", err, bytes.TrimSpace(out))
	}
	n := &native{cmd: exec.CommandContext(ctx, path)}
	var err error
	if n.in, err = n.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	n.out = bufio.NewReader(out)
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	if err := n.begin(g); err != nil {
		return nil, errors.Join(err, n.close())
	}
	return n, nil
}

func (n *native) begin(g *guestLeads) error {
	msg := binary.LittleEndian.AppendUint32(nil, uint32(len(g.events)))
	for _, evs := range g.events {
		both := appendEvent(appendEvent(nil, &evs[0]), &evs[1])
		msg = append(binary.LittleEndian.AppendUint32(msg, uint32(len(both))), both...)
	}
	if _, err := n.in.Write(msg); err != nil {
		return err
	}
	for i, want := range g.scores {
		got, err := n.number()
		if err != nil {
			return err
		}
		if math.Float64bits(got) != math.Float64bits(want) {
			return fmt.Errorf("record %d: it scores %v, in its box %v", i, got, want)
		}
	}
	return nil
}

func (n *native) number() (v float64, err error) {
	_, err = fmt.Fscan(n.out, &v)
	return v, err
}

func (n *native) lane() lane {
	return lane{"native", func(slice time.Duration) (float64, error) {
		if _, err := fmt.Fprintln(n.in, slice.Nanoseconds()); err != nil {
			return 0, err
		}
		return n.number()
	}}
}

func (n *native) close() error { return errors.Join(n.in.Close(), n.cmd.Wait()) }

// appendEvent writes an event as the ABI says.
func appendEvent(b []byte, e *wasm.Event) []byte {
	le, at := binary.LittleEndian, len(b)
	texts := wasm.EventHead + wasm.SlotSize*len(e.Slots)
	b = append(b, make([]byte, texts)...)
	for i, s := range e.Slots {
		slot, value := b[at+wasm.EventHead+wasm.SlotSize*i:], s.Num
		if s.Tag == wasm.String {
			le.PutUint32(slot[4:], uint32(len(s.Str)))
			value = uint64(len(b) - at)
		}
		slot[0] = byte(s.Tag)
		le.PutUint64(slot[8:], value)
		b = append(b, s.Str...)
	}
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	le.PutUint32(b[at:], uint32(len(b)-at))
	le.PutUint16(b[at+4:], e.Index)
	le.PutUint16(b[at+6:], uint16(len(e.Slots)))
	le.PutUint64(b[at+8:], uint64(e.TimeMs))
	return b
}
