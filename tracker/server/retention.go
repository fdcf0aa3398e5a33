package server

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// A pass of retention keeps, of the days of the log that have grown too old,
// what must be kept, and forgets the rest:
//
//  1. each event of an identified lead, each lasting event of an anonymous one
//     and each card in force is appended to the log again, as a carry record;
//  2. a record appended last says that the rest is dropped: reading it, the
//     state forgets it, too, and makes that durable;
//  3. the log is trimmed.
//
// A crash between any two of these leaves a log that says the same, and the next
// pass does it again: a carry record has an id of its own, and an event that is
// read twice counts once. What is asked is whether a visitor is identified when
// the pass looks at the record; one that identifies itself while the pass runs
// may lose what had grown too old before.

// Defaults of retention. No retention may be shorter than what senders may
// still repeat (storage's window of ids) and what a late event may reach.
const (
	Month            = 2629800 * time.Second // 30.4375 days
	defaultAnonymous = 13 * Month
	leastAnonymous   = Month
	retentionEvery   = time.Hour
	retentionFirst   = time.Minute // after a start
	retentionWait    = 10 * time.Minute
	carryBatch       = 512
)

// Retained says what a pass did, or would do.
type Retained struct {
	DryRun  bool   `json:"dry_run"`
	Cutoff  int64  `json:"-"`       // unix ms: days that end before it are dropped; 0 = none ever
	First   uint64 `json:"first"`   // oldest record kept; of a dry run: that would be
	Records uint64 `json:"records"` // of the days dropped
	Carried uint64 `json:"carried"` // events kept of them
	Cards   uint64 `json:"cards"`   // cards in force kept of them
	Dropped uint64 `json:"dropped"` // events that are not kept
}

// retention is one pass.
type retention struct {
	s      *State
	report Retained
	before uint64                     // what is dropped ends here
	known  map[leadName]fold.Standing // :: subject → what is known of it
	cards  map[cardKey]carded         // :: card → its last activation among what is dropped
	links  map[linkKey]linked         // :: pair → the last decision about it among what is dropped
	recs   []storage.Record           // to be carried
	event  tracker.Event
}

type cardKey struct {
	tenant tracker.TenantID
	card   string
}

type linkKey struct {
	tenant tracker.TenantID
	a, b   tracker.LeadID // in order
}

type linked struct {
	seq uint64
	d   tracker.Link
}

type carded struct {
	seq uint64
	a   tracker.Activation
}

// planRetention finds the days that a pass drops.
func (s *State) planRetention(ctx context.Context, age time.Duration, dry bool) (*retention, error) {
	r := &retention{s: s, known: make(map[leadName]fold.Standing), cards: make(map[cardKey]carded), links: make(map[linkKey]linked)}
	r.report = Retained{DryRun: dry}
	first, err := s.log.First(ctx, 0)
	if r.report.First = first; err != nil || age <= 0 {
		return r, err
	}
	r.report.Cutoff = s.clock() - age.Milliseconds()
	if r.before, err = s.db.DayStart(0, r.report.Cutoff); err != nil {
		return r, err
	}
	r.report.First, r.report.Records = max(r.before, first), max(r.before, first)-first
	return r, nil
}

// errCut ends the reading of the days that a pass drops.
var errCut = errors.New("cut")

// carryAll appends what is kept of the days that the pass drops, and the
// record that ends it, and returns that record's sequence.
func (r *retention) carryAll(ctx context.Context) (seq uint64, err error) {
	first, err := r.s.log.First(ctx, 0)
	if err != nil {
		return 0, err
	}
	err = r.s.log.Read(ctx, 0, first, func(recs []storage.Record) error {
		for i := range recs {
			if recs[i].Seq >= r.before {
				return cmp.Or(r.flush(ctx), errCut)
			}
			if err := r.look(&recs[i]); err != nil {
				return fmt.Errorf("record %d: %w", recs[i].Seq, err)
			}
			if len(r.recs) == carryBatch {
				if err := r.flush(ctx); err != nil {
					return err
				}
			}
		}
		return r.flush(ctx) // the records are valid until here
	})
	if err == nil || err == errCut {
		err = r.carryCards(ctx)
	}
	if err != nil || r.report.DryRun {
		return 0, err
	}
	end := []storage.Record{{Kind: storage.KindCarry, Row: tracker.AppendDrop(nil, r.before)}}
	if err := r.s.log.Append(ctx, 0, end); err != nil {
		return 0, err
	}
	return end[0].Seq, nil
}

// look decides what is kept of a record.
func (r *retention) look(rec *storage.Record) error {
	carry := tracker.Carry{Row: rec.Row, Seq: rec.Seq, Received: rec.Received}
	switch rec.Kind {
	case storage.KindEvent:
	case storage.KindControl:
		c, err := tracker.DecodeControl(rec.Row)
		if err != nil {
			return err
		}
		r.keepCard(rec, c.Activation)
		r.keepLink(rec, c.Link)
		return nil
	case storage.KindCarry:
		var err error
		if carry, err = tracker.DecodeCarry(rec.Row); err != nil {
			return err
		}
		r.keepCard(rec, carry.Activation)
		r.keepLink(rec, carry.Link)
		if carry.Row == nil {
			return nil
		}
	case storage.KindBlank:
		return nil
	default:
		return fmt.Errorf("this binary does not know what to keep of kind %d: upgrade it", rec.Kind)
	}
	if err := tracker.DecodeRow(carry.Row, &r.event); err != nil {
		return err
	}
	subject := r.event.Subject()
	if subject.IsZero() {
		r.report.Dropped++
		return nil
	}
	known, err := r.standing(leadName{rec.Tenant, subject})
	if err != nil {
		return err
	}
	if rec.Seq < known.Erased || known.Anonymous && !r.event.IsLasting() {
		r.report.Dropped++
		return nil
	}
	r.report.Carried++
	if r.report.DryRun {
		return nil
	}
	again := *rec
	if known.Anonymous {
		again.Personal = nil
	}
	again.Kind, again.ID = storage.KindCarry, carryID(rec.Seq)
	again.Row = tracker.AppendCarriedEvent(nil, carry.Row, carry.Seq, carry.Received)
	r.recs = append(r.recs, again)
	return nil
}

// carryID makes a pass that is done again append nothing twice. No sender's id
// holds a zero byte but a packed UUID, which is longer.
func carryID(seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte("carry\x00"), seq)
}

// standing says what is known of a subject.
func (r *retention) standing(n leadName) (fold.Standing, error) {
	if known, ok := r.known[n]; ok {
		return known, nil
	}
	r.s.mu.RLock()
	defer r.s.mu.RUnlock()
	known, err := r.s.fold.Reader().Standing(n.tenant, n.id)
	r.known[n] = known
	return known, err
}

// keepLink keeps the last decision about a pair.
func (r *retention) keepLink(rec *storage.Record, d *tracker.Link) {
	if d == nil {
		return
	}
	k := linkKey{rec.Tenant, d.A, d.B}
	if d.B.Compare(d.A) < 0 {
		k.a, k.b = d.B, d.A
	}
	if was, ok := r.links[k]; !ok || d.Time > was.d.Time || d.Time == was.d.Time && !d.Joined {
		r.links[k] = linked{rec.Seq, *d}
	}
}

// keepCard keeps the last activation of a card. One that was carried stands behind
// versions that came after it, and counts only if there is none before it.
func (r *retention) keepCard(rec *storage.Record, a *tracker.Activation) {
	if a == nil {
		return
	}
	k := cardKey{rec.Tenant, a.Card}
	if _, has := r.cards[k]; has && rec.Kind == storage.KindCarry {
		return
	}
	r.cards[k] = carded{rec.Seq, *a}
}

// flush appends what has been gathered.
func (r *retention) flush(ctx context.Context) error {
	if len(r.recs) == 0 {
		return nil
	}
	defer func() { r.recs = r.recs[:0] }()
	return r.s.db.Carry(ctx, 0, r.recs)
}

// carryCards keeps the cards whose last activation is dropped, and the decisions
// about identities.
func (r *retention) carryCards(ctx context.Context) error {
	ranked := r.s.ranked()
	var recs []storage.Record
	for k, c := range r.cards {
		c.a.Ranking = ranked[k.tenant] == k.card
		recs = append(recs, storage.Record{
			Tenant: k.tenant, Kind: storage.KindCarry, ID: carryID(c.seq), Row: tracker.AppendCarriedActivation(nil, c.a),
		})
	}
	r.report.Cards = uint64(len(recs))
	for k, l := range r.links {
		recs = append(recs, storage.Record{Tenant: k.tenant, Kind: storage.KindCarry, ID: carryID(l.seq), Row: tracker.AppendCarriedLink(nil, l.d)})
	}
	if r.report.DryRun || len(recs) == 0 {
		return nil
	}
	return r.s.log.Append(ctx, 0, recs)
}

// trim forgets the days once the state needs them no more.
func (r *retention) trim(ctx context.Context) error {
	if r.s.dropped.Load() < r.before {
		return errors.New("retention: the state could not be stored; the days stay until the next pass")
	}
	return r.s.log.Trim(ctx, 0, r.before)
}

// Retain does a pass beside Run: days of the log that ended longer ago than age
// are dropped; age 0 drops nothing. A dry run only says what would be.
func (s *State) Retain(ctx context.Context, age time.Duration, dry bool) (Retained, error) {
	ctx, cancel := context.WithTimeout(ctx, retentionWait)
	defer cancel()
	s.keeping.Lock()
	defer s.keeping.Unlock()
	r, err := s.planRetention(ctx, age, dry)
	if err != nil || r.report.Records == 0 {
		return r.report, err
	}
	if err := s.WaitSeen(ctx, r.before-1); err != nil { // who is identified must be known
		return r.report, err
	}
	seq, err := r.carryAll(ctx)
	if err != nil || dry {
		return r.report, err
	}
	for s.passed.Load() < seq {
		bell := s.ring()
		if s.passed.Load() >= seq {
			break
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return r.report, fmt.Errorf("retention: record %d is not read yet: %w", seq, ctx.Err())
		}
	}
	return r.report, r.trim(ctx)
}

// retentionMetrics counts what passes do.
type retentionMetrics struct {
	passes, failures, carried, dropped, expired *metrics.Counter

	last atomic.Int64 // unix s of the last pass that succeeded
}

func newRetentionMetrics(set *metrics.Set) *retentionMetrics {
	m := &retentionMetrics{
		passes:   set.NewCounter("ripen_retention_passes_total"),
		failures: set.NewCounter("ripen_retention_failures_total"),
		carried:  set.NewCounter("ripen_retention_carried_events_total"),
		dropped:  set.NewCounter("ripen_retention_dropped_events_total"),
		expired:  set.NewCounter("ripen_retention_expired_events_total"), // by sources' own retention
	}
	set.NewGauge("ripen_retention_last_success_timestamp_seconds", func() float64 { return float64(m.last.Load()) })
	return m
}

// retain does a pass, unless a replay or a question about the past reads the
// log from its beginning.
func (s *Server) retain(ctx context.Context, age time.Duration, dry bool) (Retained, []Expired, error) {
	if !s.rebuilding.TryLock() {
		return Retained{}, nil, &tracker.Error{Kind: tracker.KindConflict, Code: "busy", Detail: "a replay, or a question about the past, is under way: try again"}
	}
	defer s.rebuilding.Unlock()
	st, err := s.state()
	if err != nil {
		return Retained{}, nil, err
	}
	sources, err := s.retainSources(ctx, st, dry)
	var done Retained
	if err == nil {
		done, err = st.Retain(ctx, age, dry)
	}
	if dry {
		return done, sources, err
	}
	s.retention.passes.Inc()
	if err != nil {
		s.retention.failures.Inc()
		return done, sources, err
	}
	s.retention.carried.Add(int(done.Carried))
	s.retention.dropped.Add(int(done.Dropped))
	s.retention.last.Store(s.now().Unix())
	if done.Records > 0 {
		s.log.Info("retention", "records", done.Records, "carried", done.Carried, "dropped", done.Dropped, "first", done.First)
	}
	return done, sources, nil
}

// keepRetention does a pass every hour until ctx ends.
func (s *Server) keepRetention(ctx context.Context) {
	next := time.NewTimer(retentionFirst)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		if _, _, err := s.retain(ctx, s.cfg.anonymous(), false); err != nil && ctx.Err() == nil {
			s.log.Warn("retention: tried again in an hour", "err", err)
		}
		next.Reset(retentionEvery)
	}
}

// adminRetention does a pass now. With dry_run=true it only says what it would
// do; anonymous is another age in whole seconds, 0 = for ever.
func (s *Server) adminRetention(ctx *fasthttp.RequestCtx, _ string) error {
	if s.folder == nil {
		return errCaptureOnly
	}
	age := s.cfg.anonymous()
	if v := string(ctx.QueryArgs().Peek("anonymous")); v != "" {
		n, err := strconv.ParseInt(v, 10, 34)
		if age = time.Duration(n) * time.Second; err != nil || age != 0 && age < leastAnonymous {
			return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_anonymous", Detail: "anonymous: need seconds, 0 (for ever) or at least a month (2629800)"}
		}
	}
	done, sources, err := s.retain(s.life, age, ctx.QueryArgs().GetBool("dry_run"))
	if err != nil {
		return err
	}
	type answer struct {
		Retained
		Cutoff  string    `json:"cutoff,omitempty"`
		Sources []Expired `json:"sources,omitempty"`
	}
	out := answer{Retained: done, Sources: sources}
	if done.Cutoff != 0 {
		out.Cutoff = time.UnixMilli(done.Cutoff).UTC().Format(time.RFC3339)
	}
	b, err := json.Marshal(&out)
	if err != nil {
		return err
	}
	ctx.SetContentType("application/json")
	ctx.SetBody(b)
	return nil
}
