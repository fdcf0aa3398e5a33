package onsite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/journey"
)

// Config is what a [Site] needs. All but Logger is required.
type Config struct {
	DB      *storage.DB
	Tenants func() []*tracker.Tenant
	// Docs returns a tenant's messages with their versions.
	Docs func(tracker.TenantID) ([]tracker.JourneyDoc, error)
	// Person finds who a visitor is now, known by name or not; nil if nobody.
	Person func(t *tracker.Tenant, visitor tracker.LeadID) (*journey.Person, error)
	// Belongs says whether a lead, given all its names, is in a segment.
	Belongs func(t tracker.TenantID, ids []tracker.LeadID, segment string) (bool, error)
	// Logger takes what goes wrong; nil = slog.Default().
	Logger *slog.Logger
}

// Site is the on-site messages of all tenants. It is safe for concurrent use.
type Site struct {
	cfg  Config
	db   *storage.DB
	log  storage.Log
	slog *slog.Logger

	follows sync.Mutex // held while the log is followed
	seen    uint64     // the last record taken in; guarded by follows
	known   bool       // seen was read; guarded by follows
	swept   int64      // when old rows were looked for last; guarded by follows

	mu      sync.RWMutex                  // guards what follows
	tenants map[tracker.TenantID]*inForce // nil = not read yet
	leases  map[string]int64              // :: what waits → until when one page has it, unix ms
}

// inForce is what a tenant has in force. It is never changed.
type inForce struct {
	listed   []*Message                  // the first goes first
	versions map[string]map[int]*Message // :: name → version → message
}

// New returns what lies in meta/.
func New(cfg Config) *Site {
	s := &Site{cfg: cfg, db: cfg.DB, log: cfg.DB.Log(), slog: cfg.Logger, tenants: map[tracker.TenantID]*inForce{}, leases: map[string]int64{}}
	if s.slog == nil {
		s.slog = slog.Default()
	}
	return s
}

// followEvery is how often Run looks at the log.
const followEvery = 250 * time.Millisecond

// Run follows the log until ctx ends.
func (s *Site) Run(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if err := s.Follow(ctx); err != nil && ctx.Err() == nil {
			s.slog.Error("on-site messages", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Changed says that a tenant's messages in force are others than before.
func (s *Site) Changed(t tracker.TenantID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tenants, t)
}

// Any says whether a tenant has messages in force. It is asked with each request
// that brings events.
func (s *Site) Any(t tracker.TenantID) bool {
	f, err := s.inForce(t)
	if err != nil {
		s.slog.Error("on-site messages", "tenant", t, "err", err)
		return false
	}
	return len(f.listed) > 0
}

func (s *Site) inForce(t tracker.TenantID) (*inForce, error) {
	s.mu.RLock()
	f := s.tenants[t]
	s.mu.RUnlock()
	if f != nil {
		return f, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.tenants[t]; f != nil {
		return f, nil
	}
	f, err := s.read(t)
	if err == nil {
		s.tenants[t] = f
	}
	return f, err
}

func (s *Site) read(t tracker.TenantID) (*inForce, error) {
	docs, err := s.cfg.Docs(t)
	if err != nil {
		return nil, err
	}
	f := &inForce{versions: map[string]map[int]*Message{}}
	for i := range docs {
		d := &docs[i]
		f.versions[d.Name] = map[int]*Message{}
		for _, v := range d.Versions {
			m, err := Parse(d.Name+".yaml", v.YAML)
			if err != nil { // it was published, so it was read before
				return nil, fmt.Errorf("on-site message %s@%d: %w", d.Name, v.Version, err)
			}
			m.Version = v.Version
			f.versions[d.Name][v.Version] = m
		}
		if m := f.versions[d.Name][d.Current]; m != nil {
			f.listed = append(f.listed, m)
		}
	}
	slices.SortFunc(f.listed, func(a, b *Message) int {
		return cmp.Or(b.Priority-a.Priority, cmp.Compare(a.Name, b.Name))
	})
	return f, nil
}

// named returns the message of a name that is in force, nil if there is none.
func (f *inForce) named(name string) *Message {
	i := slices.IndexFunc(f.listed, func(m *Message) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return f.listed[i]
}

// Has says whether a message is in force, and whether it is of service.
func (s *Site) Has(t tracker.TenantID, name string) (has, service bool, err error) {
	f, err := s.inForce(t)
	if err != nil {
		return false, false, err
	}
	m := f.named(name)
	return m != nil, m != nil && m.Service, nil
}

// Wait puts a message in wait for a lead, in the transaction of whoever decided
// it. Of one id there is one, and it is shown once.
func (s *Site) Wait(tx *storage.Tx, t tracker.TenantID, p *journey.Person, id, name string) error {
	has, _, err := s.Has(t, name)
	if err != nil {
		return err
	}
	if !has {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_onsite", Detail: "there is no on-site message " + name + ": ripen onsite publish FILE"}
	}
	r, lead := rows{tx, t}, p.Lead.ID
	subject := tracker.LeadOf(p.Subject)
	return errors.Join(
		r.put(nameKey(rowWaiting, id), waitRow{name, lead.String(), subject.String(), s.db.Now()}),
		r.mark(leadKey(rowWaits, lead, id)), r.mark(leadKey(rowErased, subject, id)))
}

// Waiting returns what waits for a lead, given all its names, the oldest first.
func (s *Site) Waiting(t tracker.TenantID, ids []tracker.LeadID) (out []tracker.OnsiteWaiting, err error) {
	err = s.db.Meta().View(func(tx *storage.Tx) error {
		list, err := rows{tx, t}.waiting(ids)
		for _, w := range list {
			out = append(out, tracker.OnsiteWaiting{ID: w.id, Name: w.Name, At: w.At})
		}
		return err
	})
	return out, err
}

// Stats counts what became of each version of a message, by name@version.
func (s *Site) Stats(t tracker.TenantID, name string) (map[string]*tracker.OnsiteTally, error) {
	f, err := s.inForce(t)
	if err != nil {
		return nil, err
	}
	out := map[string]*tracker.OnsiteTally{}
	err = s.db.Meta().View(func(tx *storage.Tx) error {
		for _, m := range f.versions[name] {
			tally, err := rows{tx, t}.tally(m.FullName())
			if err != nil {
				return err
			}
			out[m.FullName()] = tally
		}
		return nil
	})
	return out, err
}
