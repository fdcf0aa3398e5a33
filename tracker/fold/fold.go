package fold

import (
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// Config says what a [Fold] works with.
type Config struct {
	// Table is leads/.
	Table *storage.Table
	// NewBody makes what the later stages keep with a lead: from its stored
	// form, or for a new lead from nil.
	NewBody func(t tracker.TenantID, id tracker.LeadID, stored []byte) (Body, error)
	// Cache bounds the memory of records that are as stored, in bytes. What
	// awaits a checkpoint comes on top. Zero means 192 MiB.
	Cache int
	// TxRecords bounds the records of one transaction of a checkpoint; zero means
	// 4000.
	TxRecords int
	// Past leaves out every event after the moment given to Apply: for a look
	// at the past.
	Past bool

	seen sight // what is in view, see Drop and Expire
}

func (c *Config) cache() int {
	if c.Cache > 0 {
		return c.Cache
	}
	return 192 << 20
}

// Fold keeps identities and timelines. It is for one goroutine, the state
// loop; methods that others may call say so.
type Fold struct {
	cfg      Config
	subjects *cache[*subject]
	leads    *cache[*Lead]
	mails    *cache[*mail]
	links    map[tracker.TenantID]links // of the tenants met
	tied     bool                       // some tenant has any

	// snap is leads/ as the last checkpoint left it: with what is in memory it
	// is whole at every moment. It changes while readers are held off.
	snap    *storage.Snapshot
	stored  Stored // for the loop
	closed  bool   // snap is
	arenas  arenas
	dirty   []record // nil = stored since it was marked
	unsaved int      // of dirty, not nil
	group   []int32  // union-find over dirty: what must be stored together
	chain   []int32  // rings of dirty: the members of a group
	groups  []int    // size of the group, at its root
	most    int      // size of the greatest group
	storing *storing // the checkpoint under way; nil = none
	waiting waiters
	came    []waiter // since the last checkpoint
	went    []waiter

	// The batch.
	batch   []storage.Record
	carried []storage.Record // batch, if it holds carried events
	now     int64
	at      uint64 // the record being filed
	due     bool   // the batch is of events that waited
	events  []tracker.Event
	next    []int32 // chains events of one lead
	touches []Touch
	head    []byte  // scratch
	copy    []byte  // of a sealed part, scratch of store
	rows    []byte  // of the last Timeline
	value   []byte  // scratch of Checkpoint
	tail    []Entry // scratch of Checkpoint
}

// New opens the timelines of a table.
func New(cfg Config) (*Fold, error) {
	n := cfg.cache()
	f := &Fold{
		cfg:      cfg,
		subjects: newCache[*subject](n / 4),
		leads:    newCache[*Lead](n - n/4 - n/32),
		mails:    newCache[*mail](n / 32),
		links:    make(map[tracker.TenantID]links),
	}
	f.leads.gone = f.unlink
	var err error
	if f.snap, err = cfg.Table.Snapshot(); err != nil {
		return nil, err
	}
	if err := f.loadWaiting(); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Close lets go of the table. What no checkpoint has stored is lost.
func (f *Fold) Close() {
	if !f.closed {
		f.stored.Close()
		f.snap.Close()
	}
	f.closed = true
}

// Touch is what a batch did to one lead.
type Touch struct {
	Lead *Lead
	// Walk says that the lead's history changed before its end: it is to be
	// walked again from the place From on. Otherwise only the events of the
	// batch are new, see [Fold.News]; whether they lie behind what was already
	// walked is for the walker to say.
	Walk bool
	From Place
	// Seq is the last record that touched the lead.
	Seq uint64

	first, last int32 // of the chain in Fold.next, plus one
}

// Apply files a batch of records and returns the leads it touched, each once,
// leads that are gone included. The result is valid until the next Apply.
// Records that were filed before, in a run that a crash ended, change nothing.
// On error nothing is known of the batch: the Fold must be opened again.
func (f *Fold) Apply(recs []storage.Record, now int64) ([]Touch, error) {
	recs, err := f.unpack(recs)
	if err != nil {
		return nil, err
	}
	f.begin(recs, now)
	for i := range recs {
		if recs[i].Kind != storage.KindEvent && recs[i].Kind != storage.KindCarry {
			continue
		}
		f.at = recs[i].Seq
		if err := f.file(i); err != nil {
			return nil, fmt.Errorf("fold record %d: %w", recs[i].Seq, err)
		}
	}
	return f.touches, nil
}

func (f *Fold) begin(recs []storage.Record, now int64) {
	for i := range f.touches {
		f.touches[i].Lead.touch = 0
	}
	f.touches = f.touches[:0]
	f.batch, f.now = recs, now
	if len(f.events) < len(recs) {
		f.events = append(f.events, make([]tracker.Event, len(recs)-len(f.events))...)
		f.next = append(f.next, make([]int32, len(recs)-len(f.next))...)
	}
}

// Changed notes that later stages changed the lead's body.
func (f *Fold) Changed(l *Lead) { f.mark(l) }

// file puts one event into its timeline and notes whom it touches.
func (f *Fold) file(i int) error {
	rec, e := &f.batch[i], &f.events[i]
	if rec.Kind == storage.KindBlank {
		return nil // it waited for its time for longer than its source keeps events
	}
	if err := tracker.DecodeRow(rec.Row, e); err != nil {
		return err
	}
	if f.cfg.seen.expires(e, rec) {
		return nil
	}
	e.Seq, e.Received, e.Personal = rec.Seq, rec.Received, e.Personal[:0]
	id := e.Subject()
	switch {
	case id.IsZero():
		return nil
	case e.Time > rec.Received && !f.due && !f.cfg.Past && (rec.Kind != storage.KindCarry || e.Time > f.now):
		f.await(waiter{e.Time, rec.Seq})
		return nil
	case e.Time > f.now:
		return nil // unless Past, unreachable
	}
	if f.tied {
		f.links[rec.Tenant].blind(e)
	}
	s, err := f.subject(key{rec.Tenant, id})
	if err != nil {
		return err
	}
	if rec.Seq < s.floor {
		return nil // it waited while its subject was erased
	}
	p := PlaceOf(e)
	if filed, err := f.filed(s, p, e, rec); filed || err != nil {
		return err
	}
	f.mark(s)
	f.store(s, e, rec)
	inOrder := s.filed == 0 || s.last.Less(p)
	defer func() {
		if inOrder {
			s.last = p
		}
	}()
	s.filed++
	s.applied = max(s.applied, rec.Seq)
	if !e.Walks() {
		return nil
	}
	if s.counted == 0 || p.Less(s.first) {
		s.first = p
	}
	s.counted++
	scored := true
	if s.counted >= tracker.MaxTimeline {
		if scored, err = f.bound(s, p); err != nil {
			return err
		}
	}
	moved, err := f.identify(s, p, e)
	if err != nil || moved || !scored {
		return err
	}
	return f.touchEvent(s, p, i, inOrder)
}

// filed says that an event was filed before: in a run that a crash ended, or
// because it was sent again long after.
func (f *Fold) filed(s *subject, p Place, e *tracker.Event, rec *storage.Record) (bool, error) {
	switch {
	case f.due:
		return f.isFiled(s, p)
	case rec.Kind == storage.KindCarry && rec.Seq > s.applied:
		return f.refile(s, p, e, rec)
	}
	return rec.Seq <= s.applied || p == s.last && s.filed > 0, nil
}

// touchEvent gives event i to its lead.
func (f *Fold) touchEvent(s *subject, p Place, i int, inOrder bool) error {
	e := &f.events[i]
	l, err := f.leadAt(s, p, isMark(e), inOrder)
	if err != nil {
		return err
	}
	f.union(s, l)
	at := l.join(s, e.Time)
	t := f.touch(l)
	if l == s.lead {
		s.member = at
	}
	if t.last == 0 {
		t.first = int32(i) + 1
	} else {
		f.next[t.last-1] = int32(i) + 1
	}
	t.last, f.next[i] = int32(i)+1, 0
	return nil
}

// touch returns the lead's touch in this batch.
func (f *Fold) touch(l *Lead) *Touch {
	f.mark(l)
	if l.touch == 0 {
		f.touches = append(f.touches, Touch{Lead: l})
		l.touch = int32(len(f.touches))
	}
	t := &f.touches[l.touch-1]
	t.Seq = f.at
	return t
}

func (f *Fold) rewalk(l *Lead, from Place) {
	t := f.touch(l)
	if !t.Walk || from.Less(t.From) {
		t.Walk, t.From = true, from
	}
}

// News is one event that a batch brought.
type News struct {
	Place Place
	Event *tracker.Event
	Rec   *storage.Record
}

// News appends the events that the batch brought to a touched lead, in the
// order of their places. They are valid until the next Apply.
func (f *Fold) News(dst []News, t *Touch) []News {
	sorted := true
	for i := t.first; i > 0; i = f.next[i-1] {
		e := &f.events[i-1]
		if n := len(dst); n > 0 && e.Time <= dst[n-1].Event.Time {
			sorted = false
		}
		dst = append(dst, News{PlaceOf(e), e, &f.batch[i-1]})
	}
	if !sorted {
		slices.SortFunc(dst, func(a, b News) int { return a.Place.Compare(b.Place) })
	}
	return dst
}

// subject returns the head of a timeline, new if there is none.
func (f *Fold) subject(k key) (*subject, error) {
	if s, ok := f.subjects.get(k); ok {
		return s, nil
	}
	s := &subject{node: node{key: k}}
	b, err := f.load(s)
	if err == nil && b != nil {
		err = s.decode(b)
	}
	if err != nil {
		return nil, fmt.Errorf("timeline of %s: %w", k.id, err)
	}
	f.subjects.add(s)
	return s, nil
}

func (f *Fold) mail(k key) (*mail, error) {
	if m, ok := f.mails.get(k); ok {
		return m, nil
	}
	m := &mail{node: node{key: k}}
	b, err := f.load(m)
	if err == nil && b != nil {
		err = m.decode(b)
	}
	if err != nil {
		return nil, fmt.Errorf("owner of %s: %w", k.id, err)
	}
	f.mails.add(m)
	return m, nil
}

// Lead returns a lead by its id, or nil if there is none or it is gone.
func (f *Fold) Lead(t tracker.TenantID, id tracker.LeadID) (*Lead, error) {
	k := key{t, id}
	if l, ok := f.leads.get(k); ok {
		if l.Gone {
			return nil, nil
		}
		return l, nil
	}
	l := &Lead{node: node{key: k}}
	b, err := f.load(l)
	if b == nil || err != nil {
		return nil, err
	}
	if err := f.decodeLead(l, b); err != nil {
		return nil, err
	}
	f.leads.add(l)
	return l, nil
}

func (f *Fold) decodeLead(l *Lead, b []byte) error {
	err := l.decode(b, func(id tracker.LeadID, b []byte) (Body, error) {
		return f.cfg.NewBody(l.tenant, id, b)
	})
	if err != nil {
		return fmt.Errorf("lead %s: %w", l.id, err)
	}
	return nil
}

// lead returns a lead by its id, new if there is none. fresh says that there
// cannot be one in storage.
func (f *Fold) lead(k key, fresh bool) (*Lead, error) {
	if !fresh {
		if l, err := f.Lead(k.tenant, k.id); l != nil || err != nil {
			return l, err
		}
	}
	if l, ok := f.leads.get(k); ok {
		if l.Gone {
			l.revive()
		}
		return l, nil
	}
	l := &Lead{node: node{key: k}}
	var err error
	if l.Body, err = f.cfg.NewBody(k.tenant, k.id, nil); err != nil {
		return nil, err
	}
	f.leads.add(l)
	return l, nil
}

func (f *Fold) load(r record) (b []byte, err error) {
	n := r.base()
	id := appendID(nil, n.id)
	err = f.snap.View(func(tx *storage.Tx) error {
		b, err = tx.Get(n.tenant, r.space(), id)
		return err
	})
	return b, err
}

// unlink lets go of a lead that the cache drops: a subject that pointed at it
// would keep it in memory beyond every budget.
func (f *Fold) unlink(l *Lead) {
	for _, m := range l.Members {
		if s, ok := f.subjects.m[key{l.tenant, m.Subject}]; ok && s.lead == l {
			s.lead = nil
		}
	}
}

// mark notes that a record is no longer as stored.
func (f *Fold) mark(r record) {
	n := r.base()
	if n.dirty == 0 {
		f.dirty = append(f.dirty, r)
		f.unsaved++
		f.group = append(f.group, int32(len(f.group)))
		f.chain = append(f.chain, int32(len(f.chain)))
		f.groups = append(f.groups, 1)
		n.dirty = int32(len(f.dirty))
	}
}

func (f *Fold) root(i int32) int32 {
	for f.group[i] != i {
		f.group[i] = f.group[f.group[i]]
		i = f.group[i]
	}
	return i
}

// union notes that two records changed by one event: they are stored in one
// transaction.
func (f *Fold) union(a, b record) {
	f.mark(a)
	f.mark(b)
	i, j := f.root(a.base().dirty-1), f.root(b.base().dirty-1)
	if i == j {
		return
	}
	if f.groups[i] < f.groups[j] {
		i, j = j, i
	}
	f.group[j] = i
	f.chain[i], f.chain[j] = f.chain[j], f.chain[i] // two rings become one
	f.groups[i] += f.groups[j]
	f.most = max(f.most, f.groups[i])
}
