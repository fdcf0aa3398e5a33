package ingest

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// The bounds of the dead letters.
const (
	maxLetters  = 10_000                     // of a tenant; the oldest make room
	letterAge   = int64(30 * 24 * 3_600_000) // ms until they go
	letterText  = 2 * tracker.MaxEvent       // bytes kept of one
	queueBytes  = 4 << 20                    // waiting to be written
	letterFlush = time.Second                // how long they may wait
)

// Letters keeps refused events: sealed under the key of the person they name,
// or under one of the day that is destroyed with the letters, in meta/ under
// (space 'd', number 8 bytes). A letter is written within a second of its
// verdict; what a flood brings beyond the queue is counted, not kept.
type Letters struct {
	db   *storage.DB
	slog *slog.Logger
	last atomic.Uint64 // the last number given
	lost atomic.Uint64 // letters that found no room
	most int           // letters of a tenant

	writing sync.Mutex // held by Flush, so that who flushes sees all that was added

	mu    sync.Mutex // guards the queue
	queue []letter
	bytes int
}

// letter is a dead letter on its way to the disk, or from it.
type letter struct {
	number uint64
	tenant tracker.TenantID
	letterRow
	plain []byte
}

// letterRow is how a letter is stored; its fields are only ever added.
type letterRow struct {
	Source   uint32 `json:"source"`
	Protocol string `json:"protocol"`
	Kind     string `json:"kind,omitempty"`
	Query    bool   `json:"query,omitempty"`
	Code     string `json:"code"`
	Received int64  `json:"received"`
	Subject  []byte `json:"subject"` // whose key seals the rest
	Nobody   bool   `json:"nobody,omitempty"`
	Trusted  bool   `json:"trusted,omitempty"`
	Sealed   []byte `json:"sealed"` // agent, newline, text
}

// NewLetters returns the dead letters of a data directory. Its Run writes them.
func NewLetters(db *storage.DB, log *slog.Logger) *Letters {
	l := &Letters{db: db, slog: log, most: maxLetters}
	l.last.Store(uint64(db.Now()) << 16) // later than all there are, whatever was lost
	return l
}

// Add takes a refused event and gives it its id; it keeps none of its bytes and
// does not wait.
func (l *Letters) Add(src *tracker.Source, d *tracker.DeadLetter) {
	text := d.Text[:min(len(d.Text), letterText)]
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.bytes+len(text) > queueBytes {
		l.lost.Add(1)
		return
	}
	l.bytes += len(text)
	le := letter{tenant: src.Tenant.ID, letterRow: letterRow{
		Source: src.ID, Protocol: d.Protocol, Kind: d.Kind, Query: d.Query, Code: d.Code, Received: d.Received, Trusted: d.Trusted,
	}}
	le.number = max(l.last.Load()+1, uint64(d.Received)<<16)
	l.last.Store(le.number)
	d.ID = hex.EncodeToString(letterKey(le.number))
	le.plain = append(append(append(le.plain, d.Agent...), '\n'), text...)
	subject := d.Subject.Key()
	if d.Subject.IsZero() {
		le.Nobody, subject = true, daySubject(d.Received)
	}
	le.Subject = subject[:]
	l.queue = append(l.queue, le)
}

// Lost is how many letters found no room.
func (l *Letters) Lost() uint64 { return l.lost.Load() }

// daySubject is whose key seals the letters of a day that name nobody.
func daySubject(ms int64) (s storage.Subject) {
	s[0] = 'd'
	binary.BigEndian.PutUint64(s[1:], uint64(ms/86_400_000))
	return s
}

// Run writes what is added until ctx ends, then the rest; every hour it drops
// what is too old.
func (l *Letters) Run(ctx context.Context, tenants func() []*tracker.Tenant) {
	flush, purge := time.NewTicker(letterFlush), time.NewTicker(time.Hour)
	defer flush.Stop()
	defer purge.Stop()
	for {
		select {
		case <-ctx.Done():
			l.Flush()
			return
		case <-flush.C:
			l.Flush()
		case <-purge.C:
			for _, t := range tenants() {
				if err := l.trim(ctx, t.ID); err != nil {
					l.slog.Warn("drop old dead letters", "err", err)
				}
			}
		}
	}
}

// Flush writes what waits.
func (l *Letters) Flush() {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	queue := l.queue
	l.queue, l.bytes = nil, 0
	l.mu.Unlock()
	seen := map[tracker.TenantID]bool{}
	for len(queue) > 0 {
		n := min(len(queue), 64)
		if err := l.write(queue[:n]); err != nil {
			l.lost.Add(uint64(n))
			l.slog.Warn("dead letters were not kept", "letters", n, "err", err)
		}
		for i := range queue[:n] {
			seen[queue[i].tenant] = true
		}
		queue = queue[n:]
	}
	for id := range seen {
		if err := l.trim(context.Background(), id); err != nil {
			l.slog.Warn("drop dead letters", "err", err)
		}
	}
}

func (l *Letters) write(queue []letter) error {
	return l.db.Meta().Update(func(tx *storage.Tx) error {
		for i := range queue {
			le := &queue[i]
			sealed, err := l.db.SealFor(nil, le.plain, le.tenant, storage.Subject(le.Subject), le.number)
			if errors.Is(err, storage.ErrErased) {
				continue // whoever was erased leaves no letters either
			}
			if err != nil {
				return err
			}
			le.Sealed = sealed
			row, err := json.Marshal(&le.letterRow)
			if err != nil {
				return err
			}
			if err := tx.Set(le.tenant, storage.SpaceDeadLetter, letterKey(le.number), row); err != nil {
				return err
			}
		}
		return nil
	})
}

func letterKey(number uint64) []byte { return binary.BigEndian.AppendUint64(nil, number) }

// trim drops the letters of a tenant that are too old or too many, and the keys
// of days of which none is left.
func (l *Letters) trim(ctx context.Context, id tracker.TenantID) error {
	var keys [][]byte
	old := uint64(l.db.Now()-letterAge) << 16
	days := map[storage.Subject]bool{} // :: day → a letter of it stays
	err := l.db.Meta().View(func(tx *storage.Tx) error {
		n := 0
		return tx.ScanReverse(id, storage.SpaceDeadLetter, nil, nil, func(k, v []byte) error {
			n++
			gone := n > l.most || binary.BigEndian.Uint64(k) < old
			if gone {
				keys = append(keys, append([]byte(nil), k...))
			}
			day := daySubject(int64(binary.BigEndian.Uint64(k) >> 16))
			days[day] = days[day] || !gone
			return nil
		})
	})
	if err != nil || len(keys) == 0 {
		return err
	}
	for from := 0; from < len(keys); from += 1000 {
		err := l.db.Meta().Update(func(tx *storage.Tx) error {
			for _, k := range keys[from:min(from+1000, len(keys))] {
				if err := tx.Delete(id, storage.SpaceDeadLetter, k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	var dead []storage.Subject
	for day, stays := range days {
		if today := daySubject(l.db.Now()); !stays && day != today {
			dead = append(dead, day)
		}
	}
	return l.db.Erase(ctx, id, dead)
}

// List returns a tenant's letters without their texts, newest first, from before
// an id on ("" = the newest), of one code if it is named.
func (l *Letters) List(id tracker.TenantID, before, code string, limit int) (out []tracker.DeadLetter, err error) {
	l.Flush()
	var to []byte
	if before != "" {
		if to, err = hex.DecodeString(before); err != nil || len(to) != 8 {
			return nil, errNoLetter
		}
	}
	err = l.db.Meta().View(func(tx *storage.Tx) error {
		return tx.ScanReverse(id, storage.SpaceDeadLetter, nil, to, func(k, v []byte) error {
			le, err := readLetter(id, k, v)
			if err != nil {
				return err
			}
			if code == "" || le.Code == code {
				out = append(out, le.dead())
			}
			if len(out) == limit {
				return storage.ErrStop
			}
			return nil
		})
	})
	return out, err
}

var errNoLetter = &tracker.Error{Kind: tracker.KindNotFound, Code: "not_found", Detail: "no dead letter of yours has this id: list them"}

func readLetter(id tracker.TenantID, k, v []byte) (*letter, error) {
	le := &letter{tenant: id}
	if err := json.Unmarshal(v, &le.letterRow); err != nil || len(k) != 8 || len(le.Subject) != len(storage.Subject{}) {
		return nil, fmt.Errorf("decode dead letter: %w", err)
	}
	le.number = binary.BigEndian.Uint64(k)
	return le, nil
}

func (le *letter) dead() tracker.DeadLetter {
	d := tracker.DeadLetter{
		ID: hex.EncodeToString(letterKey(le.number)), Source: le.Source, Protocol: le.Protocol, Kind: le.Kind, Query: le.Query,
		Code: le.Code, Received: le.Received, Trusted: le.Trusted,
	}
	if !le.Nobody {
		d.Subject.Kind = tracker.IdentityKind(le.Subject[0])
		copy(d.Subject.Hash[:], le.Subject[1:])
	}
	return d
}
