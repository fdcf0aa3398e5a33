package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// tailLine is what became of one event, as `ripen events tail --source` prints
// it. Of what was refused there is no record, so seq is absent.
type tailLine struct {
	Verdict    string `json:"verdict"`
	Code       string `json:"code,omitempty"`
	Protocol   string `json:"protocol,omitempty"` // not known of what was stored before anybody watched
	DeadLetter string `json:"deadletter,omitempty"`
	logLine
}

// missedLine says that the reader was too slow for some lines.
type missedLine struct {
	Missed int `json:"missed"`
}

const (
	mostWatchers = 64     // at a time
	mostWaiting  = 10_000 // outcomes that a slow reader lags behind
	mostLetters  = 10_000 // of the past: all a tenant has
	tailTick     = 50     // ms between two looks
	tailPatience = 2_000  // ms that a record waits for its outcome: it is the log's, and others may write there
	tailBeat     = 15_000 // ms between signs of life, which find readers that are gone
)

// tails is who watches which source.
type tails struct {
	n atomic.Int32 // of list, read without mu on the way of every request

	mu   sync.Mutex // guards list
	list []*watcher
}

// watcher is one reader of a source's outcomes.
type watcher struct {
	tenant tracker.TenantID
	source uint32

	mu      sync.Mutex // guards the rest
	waiting []tracker.Outcome
	missed  int
}

// of returns who wants the outcomes of a source, or nil.
func (t *tails) of(src *tracker.Source) func(tracker.Outcome) {
	if t.n.Load() == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var ws []*watcher
	for _, w := range t.list {
		if w.source == src.ID && w.tenant == src.Tenant.ID {
			ws = append(ws, w)
		}
	}
	if ws == nil {
		return nil
	}
	return func(o tracker.Outcome) {
		for _, w := range ws {
			w.put(o)
		}
	}
}

func (w *watcher) put(o tracker.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) >= mostWaiting {
		w.missed++
		return
	}
	w.waiting = append(w.waiting, o)
}

func (w *watcher) take() (os []tracker.Outcome, missed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	os, missed = w.waiting, w.missed
	w.waiting, w.missed = nil, 0
	return os, missed
}

func (t *tails) join(src *tracker.Source) (*watcher, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.list) >= mostWatchers {
		return nil, errors.New("too many are watching already: end another tail first")
	}
	w := &watcher{tenant: src.Tenant.ID, source: src.ID}
	t.list = append(t.list, w)
	t.n.Add(1)
	return w, nil
}

func (t *tails) leave(w *watcher) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(o *watcher) bool { return o == w })
	t.n.Store(int32(len(t.list)))
}

// tail writes what becomes of a source's events. What was stored comes from the
// log, whoever wrote it; the outcomes say what was refused, and by which protocol
// it all came.
func (s *Server) tail(out *bufio.Writer, src *tracker.Source, from uint64, past, follow bool) error {
	t := sourceTail{logTail: logTail{db: s.db, name: s.tenantName, w: out, enc: json.NewEncoder(out)}, src: src}
	t.enc.SetEscapeHTML(false)
	var w *watcher
	var err error
	if follow {
		if w, err = s.tails.join(src); err != nil {
			return err
		}
		defer s.tails.leave(w)
	}
	last, err := s.db.Log().Last(s.life, 0)
	if err != nil {
		return err
	}
	t.next = last + 1
	if past {
		letters, err := s.letters.List(src.Tenant.ID, "", "", mostLetters)
		if err != nil {
			return err
		}
		if err := t.past(s.life, from, letters); err != nil {
			return err
		}
	}
	if !follow {
		return nil
	}
	return t.follow(s.life, w)
}

// sourceTail writes the records and outcomes of one source.
type sourceTail struct {
	logTail
	src     *tracker.Source
	next    uint64                     // the record to read next
	letter  string                     // the last dead letter written
	known   map[uint64]tracker.Outcome // :: record → what was said of it
	patient time.Time                  // since when the record at next waits for its outcome; zero if it does not
}

// past writes what is kept: the records from a sequence on up to next, and the
// dead letters since then, which come newest first.
func (t *sourceTail) past(ctx context.Context, from uint64, letters []tracker.DeadLetter) error {
	if len(letters) > 0 {
		t.letter = letters[0].ID
	}
	first, err := t.db.Log().First(ctx, 0)
	if err != nil {
		return err
	}
	since := int64(0)
	if from > 1 {
		if since, err = t.receivedAt(ctx, max(from, first)); err != nil {
			return err
		}
	}
	letters = slices.DeleteFunc(letters, func(d tracker.DeadLetter) bool { return d.Source != t.src.ID || d.Received < since })
	refused := func(until int64) error {
		for n := len(letters); n > 0 && letters[n-1].Received <= until; n-- {
			d := &letters[n-1]
			letters = letters[:n-1]
			if err := t.outcome(&tracker.Outcome{
				Protocol: d.Protocol, Received: d.Received, Status: tracker.Drop, Code: d.Code, Subject: d.Subject, Letter: d.ID,
			}); err != nil {
				return err
			}
		}
		return nil
	}
	until := t.next
	err = t.read(ctx, max(from, first), until, func(r *storage.Record) error {
		if err := refused(r.Received); err != nil {
			return err
		}
		return t.stored(r)
	})
	t.next = until
	if err != nil {
		return err
	}
	return refused(math.MaxInt64)
}

// receivedAt is when the record at a sequence came; later than all if there is
// none yet.
func (t *sourceTail) receivedAt(ctx context.Context, seq uint64) (received int64, err error) {
	received = math.MaxInt64
	err = t.db.Log().Read(ctx, 0, seq, func(recs []storage.Record) error {
		received = recs[0].Received
		return errWait
	})
	if errors.Is(err, errWait) {
		err = nil
	}
	return received, err
}

// follow writes what comes.
func (t *sourceTail) follow(ctx context.Context, w *watcher) error {
	tick := time.NewTicker(tailTick * time.Millisecond)
	defer tick.Stop()
	t.known = map[uint64]tracker.Outcome{}
	if _, err := t.w.WriteString("\n"); err != nil { // a sign that it has begun
		return err
	}
	for beat := time.Now(); ; {
		err := t.look(ctx, w)
		if err == nil && time.Since(beat) > tailBeat*time.Millisecond {
			beat = time.Now()
			_, err = t.w.WriteString("\n")
		}
		if err == nil {
			err = t.w.Flush()
		}
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// look writes what came since the last look.
func (t *sourceTail) look(ctx context.Context, w *watcher) error {
	last, err := t.db.Log().Last(ctx, 0)
	if err != nil {
		return err
	}
	os, missed := w.take()
	for i := range os {
		switch o := &os[i]; {
		case o.Seq >= t.next:
			t.known[o.Seq] = *o
		case o.Seq > 0 || o.Letter != "" && o.Letter <= t.letter: // written as the past
		default:
			if err := t.outcome(o); err != nil {
				return err
			}
		}
	}
	if missed > 0 {
		if err := t.enc.Encode(missedLine{missed}); err != nil {
			return err
		}
	}
	return t.read(ctx, t.next, last+1, t.stored)
}

// errWait ends a reading before a record of which more will be known soon.
var errWait = errors.New("wait")

// read calls write with the source's events from one sequence to before another.
func (t *sourceTail) read(ctx context.Context, from, until uint64, write func(r *storage.Record) error) error {
	if from >= until {
		return nil
	}
	err := t.db.Log().Read(ctx, 0, from, func(recs []storage.Record) error {
		for i := range recs {
			r := &recs[i]
			if r.Seq >= until {
				return errWait
			}
			if t.isOurs(r) {
				if err := write(r); err != nil {
					return err
				}
			}
			t.next = r.Seq + 1
		}
		return ctx.Err()
	})
	if errors.Is(err, errWait) {
		return nil
	}
	return err
}

func (t *sourceTail) isOurs(r *storage.Record) bool {
	if r.Tenant != t.src.Tenant.ID || r.Kind != storage.KindEvent {
		return false
	}
	err := tracker.DecodeRow(r.Row, &t.event)
	return err != nil || t.event.Source == t.src.ID // what cannot be read is told when it is written
}

// stored writes a record. While somebody follows it waits for what is said of
// it: the committer wakes its writer and us at once.
func (t *sourceTail) stored(r *storage.Record) error {
	o, ok := t.known[r.Seq]
	if !ok && t.known != nil {
		if t.patient.IsZero() {
			t.patient = time.Now()
		}
		if time.Since(t.patient) < tailPatience*time.Millisecond {
			return errWait
		}
	}
	t.patient = time.Time{}
	delete(t.known, r.Seq)
	l := tailLine{Verdict: tracker.OK.String(), Code: o.Code, Protocol: o.Protocol}
	l.logLine = logLine{Seq: r.Seq, Received: export.Time(r.Received), Tenant: t.name(r.Tenant)}
	if err := t.fill(&l.logLine, r); err != nil {
		return err
	}
	if !ok && t.event.Minted {
		l.Code = tracker.CodeMinted
	}
	return t.enc.Encode(&l)
}

// outcome writes what is said of an event that has no record.
func (t *sourceTail) outcome(o *tracker.Outcome) error {
	l := tailLine{Verdict: o.Status.String(), Code: o.Code, Protocol: o.Protocol, DeadLetter: o.Letter}
	l.logLine = logLine{Received: export.Time(o.Received), Tenant: t.name(t.src.Tenant.ID), Kind: "event", Type: o.Type, MessageID: o.MessageID, Source: t.src.ID}
	if o.Judged {
		l.Machine, l.Reason = o.Machine.String(), o.Reason.String()
	}
	if !o.Subject.IsZero() {
		l.Subject = o.Subject.String()
	}
	return t.enc.Encode(&l)
}
