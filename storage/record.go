package storage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Tenant is the random prefix of everything a tenant owns; zero is the machine.
type Tenant = [8]byte

// Subject is whose key seals a record's personal part: the kind letter 'v',
// 'u' or 'e' and a 16-byte keyed hash. Zero means nothing personal.
type Subject = [17]byte

// The kinds of records. Storage only carries them.
const (
	KindEvent   = 1 // a visitor's or server's event
	KindControl = 2 // what the log decides: cards in force, lists
	KindCarry   = 3 // what a lead keeps of a day that retention drops
	KindAlias   = 4 // identities joined or parted by a person
	KindBlank   = 5 // what stood here was dropped alone, see DB.Blank
)

// Limits of one record.
const (
	MaxID     = 200       // bytes of Record.ID
	MaxRecord = 512 << 10 // bytes of Row and Personal together
)

// Record is one entry of the log.
type Record struct {
	Tenant   Tenant
	Subject  Subject
	ID       []byte // dedupe id within the tenant, ≤ MaxID bytes; empty = never a duplicate
	Kind     byte
	Row      []byte // in the clear
	Personal []byte // Append takes it in the clear; Read and Get give it sealed, see DB.Unseal

	// Set by Append, Read and Get.
	Seq      uint64 // dense, from 1
	Received int64  // unix ms, never goes back in the log
	Dup      bool   // Append only: not stored, an earlier record has this ID; Seq is 0

	epoch uint32 // with Seq, the nonce of the seal
}

// Log is the durable, ordered record of everything that happened. Files on the
// local disk are one; storage/storagetest proves any other.
type Log interface {
	// Parts is the number of partitions; parts count from 0.
	Parts() int
	// Append stores recs in order and returns after they are durable. It sets
	// Seq, Received and Dup; the bytes may be reused afterwards. On error none
	// of recs is acknowledged: send them again with the same ids.
	Append(ctx context.Context, part int, recs []Record) error
	// Read calls fn with runs of records, densely from the given sequence, and
	// returns nil at the end of what is committed. The records are valid until
	// fn returns. Reading before First or over damage is a [*GapError].
	Read(ctx context.Context, part int, from uint64, fn func(recs []Record) error) error
	// Wait returns nil once Last > after.
	Wait(ctx context.Context, part int, after uint64) error
	// First is the sequence of the oldest record kept, or of the next one if
	// there is none.
	First(ctx context.Context, part int) (uint64, error)
	// Last is the sequence of the newest committed record; First-1 if none.
	Last(ctx context.Context, part int) (uint64, error)
	// Claim stores data under id if nobody did yet; won says whether this call
	// did. It is durable when it returns.
	Claim(ctx context.Context, part int, id, data []byte) (won bool, err error)
	// Trim forgets records before the given sequence, in whole days: it may
	// keep more than asked, never less.
	Trim(ctx context.Context, part int, before uint64) error
}

// The errors that callers tell apart.
var (
	// ErrClosed is returned by every call after Close.
	ErrClosed = errors.New("storage: closed")
	// ErrReadOnly means that a commit failed; writing resumes by itself after a
	// probe write succeeds. Retry later with the same ids.
	ErrReadOnly = errors.New("storage: read-only after a failed commit, retry later")
	// ErrNoSpace means that free disk space is below the reserve. Nothing is
	// broken: free some space and writing resumes by itself.
	ErrNoSpace = errors.New("storage: too little free disk space, free some or lower the reserve")
	// ErrTooBig means that a record or a transaction is over its limit.
	ErrTooBig = errors.New("storage: too big for one transaction, split it")
	// ErrErased means that the subject's key is destroyed.
	ErrErased = errors.New("storage: erased")
)

// GapError says that records [From, To) of a partition cannot be read.
type GapError struct {
	Part     int
	From, To uint64
	Dir      string // the data directory
	File     string // relative to Dir: the file or directory that should hold them
	Why      string
}

func (e *GapError) Error() string {
	return fmt.Sprintf("storage: records [%d,%d) of partition %d are lost in %s: %s; run: ripen doctor --data %s",
		e.From, e.To, e.Part, filepath.Join(e.Dir, e.File), e.Why, e.Dir)
}

// CorruptError says that a file of the data directory is damaged.
type CorruptError struct {
	Dir  string // the data directory
	File string // relative to Dir, as far as it is known
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("storage: %s in %s is damaged: %v; run: ripen doctor --repair --data %s",
		e.File, e.Dir, e.Err, e.Dir)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// refusals are by which the system says that it does not hand a file over; what is
// in the file, it does not say.
var refusals = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOMEM, syscall.ENOSPC, syscall.EDQUOT,
}

// damage is the error of a file that cannot be read or is not what was written: a
// [CorruptError], unless the system refused. To repair what is whole would lose it.
func damage(dir, file string, err error) error {
	if refused(err) {
		return fmt.Errorf("storage: %s in %s cannot be opened: %w", file, dir, err)
	}
	return &CorruptError{Dir: dir, File: file, Err: err}
}

func refused(err error) bool {
	return slices.ContainsFunc(refusals, func(e syscall.Errno) bool {
		return strings.Contains(err.Error(), e.Error()) // Badger does not wrap what it meets
	})
}

func checkRecord(r *Record) error {
	switch {
	case len(r.ID) > MaxID:
		return fmt.Errorf("append: record id has %d bytes, need at most %d", len(r.ID), MaxID)
	case len(r.Row)+len(r.Personal) > MaxRecord:
		return fmt.Errorf("append: record has %d bytes, need at most %d: %w", len(r.Row)+len(r.Personal), MaxRecord, ErrTooBig)
	case len(r.Personal) > 0 && r.Subject == Subject{}:
		return errors.New("append: record has a personal part but no subject to seal it for")
	}
	return nil
}
