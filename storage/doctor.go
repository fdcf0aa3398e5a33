package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

// Severity says how bad a finding is.
type Severity string

// The severities.
const (
	Info    Severity = "info"
	Warning Severity = "warning" // works, or repairs itself
	Failure Severity = "error"   // the directory is refused, or something is lost
)

// Finding is one thing that the doctor has to say.
type Finding struct {
	Severity Severity `json:"severity"`
	File     string   `json:"file"` // relative to the data directory; may be empty
	What     string   `json:"what"`
	Do       string   `json:"do"` // what to do about it; empty: nothing
}

// Report is what the doctor found.
type Report struct {
	Findings []Finding `json:"findings"`
	First    uint64    `json:"first"` // records [First, Last] were read and verified
	Last     uint64    `json:"last"`
	Blocks   int       `json:"blocks"`
	Keys     int       `json:"keys"`

	lost []keyID // keys that are in no file
}

// Err returns an error that names the files with failures, nil if there are none.
func (r *Report) Err() error {
	var files []string
	for _, f := range r.Findings {
		if f.Severity == Failure {
			files = append(files, cmp.Or(f.File, "the directory"))
		}
	}
	if len(files) == 0 {
		return nil
	}
	return fmt.Errorf("doctor: damage in %s", strings.Join(slices.Compact(files), ", "))
}

func (r *Report) add(s Severity, file, what, do string) {
	r.Findings = append(r.Findings, Finding{s, file, what, do})
}

const (
	doRestore   = "restore the newest backup into a new directory: ripen restore"
	doKeys      = "restore the newest backup with its .keys file, or accept the loss: ripen doctor --repair --accept-loss"
	doRepair    = "run: ripen doctor --repair"
	doAccept    = "restore a backup, or accept the loss: ripen doctor --repair --accept-loss"
	doAllow     = "see that this user may read and write the directory, and open files enough (ulimit -n)"
	hwBlindSpot = "one damage no check can see: a bit that flipped in what was written in the last second before a crash"
)

// Doctor checks a data directory that no process has open: every file, then, if
// it opens, every block of the log. It changes nothing but what opening does.
func Doctor(ctx context.Context, dir string) (*Report, error) {
	r := &Report{}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("doctor: %w", err)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	r.checkFiles(dir)
	if err := lock.Close(); err != nil {
		return nil, err
	}
	if r.Err() != nil {
		return r, nil // opening would refuse, or worse
	}
	db, err := Open(dir, Options{Reserve: 1, ReblockEvery: -1})
	switch {
	case errors.Is(err, ErrNoSpace):
		return nil, fmt.Errorf("doctor: nothing is wrong with the files, but %w", err)
	case err != nil:
		r.addError(dir, err)
		return r, nil
	}
	return r, errors.Join(db.examine(ctx, r), db.Close())
}

// Doctor checks an open directory while it is in use.
func (db *DB) Doctor(ctx context.Context) (*Report, error) {
	r := &Report{}
	if state, err := db.Health(); err != nil {
		r.add(Failure, "", "the log is "+state+": "+err.Error(), "free disk space, or see why the disk refuses writes")
	}
	for _, name := range []string{"leads", "meta"} {
		if err := preflight(filepath.Join(db.dir, name), true); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.addError(db.dir, err)
		}
	}
	return r, db.examine(ctx, r)
}

// addError adds an error of a check.
func (r *Report) addError(dir string, err error) {
	var gap *GapError
	var corrupt *CorruptError
	switch {
	case errors.As(err, &gap):
		do := doRestore
		if gap.atEnd() {
			do = doAccept
		}
		r.add(Failure, gap.File, fmt.Sprintf("records [%d,%d) are lost: %s", gap.From, gap.To, gap.Why), do)
	case errors.As(err, &corrupt):
		r.add(Failure, corrupt.File, corrupt.Err.Error(), remedy(corrupt.File))
	case refused(err):
		r.add(Failure, "", strings.ReplaceAll(err.Error(), dir+"/", ""), doAllow)
	default:
		r.add(Failure, "", strings.ReplaceAll(err.Error(), dir+"/", ""), "")
	}
}

// atEnd says that the log ends too early, which --accept-loss can accept; a hole
// inside it cannot be closed.
func (e *GapError) atEnd() bool { return strings.Contains(e.Why, "high-water") }

// remedy says what helps a damaged file.
func remedy(file string) string {
	switch {
	case strings.HasPrefix(file, "leads"), strings.HasSuffix(file, ".hwm"), strings.Contains(file, "ids/"):
		return doRepair
	case strings.HasPrefix(file, "keys"):
		return doAccept
	}
	return doRestore
}

// checkFiles checks what can be checked without opening anything.
func (r *Report) checkFiles(dir string) {
	for _, name := range backupOrder {
		if err := preflight(filepath.Join(dir, name), true); err != nil {
			r.addError(dir, err)
		}
	}
	for _, name := range []string{"log.hwm", "meta.hwm"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			var bad bool
			if _, bad, err = parseHighWaterFile(b); bad {
				r.add(Warning, name, "one of its two slots is damaged; the other one is used", "")
			}
		}
		if err != nil {
			r.addError(dir, damage(dir, name, err))
		}
	}
	names, err := filepath.Glob(filepath.Join(dir, "keys", "*"))
	if err != nil {
		r.add(Failure, "keys", err.Error(), "")
	}
	for _, path := range names {
		b, err := os.ReadFile(path)
		flaw := ""
		if err == nil {
			_, flaw, err = parseKeyFile(b, func(*keyEntry) { r.Keys++ })
		}
		switch file := filepath.Join("keys", filepath.Base(path)); {
		case err != nil:
			r.addError(dir, damage(dir, file, err))
		case flaw != "":
			r.add(Warning, file, flaw, "")
		}
	}
}

// examine reads the whole log and proves every hash, and walks the tables.
func (db *DB) examine(ctx context.Context, r *Report) error {
	l := db.log
	r.First, r.Last = l.first.Load(), l.last.Load()
	if err := l.writeRows(); err != nil && !errors.Is(err, ErrReadOnly) {
		return err
	} else if fresh := l.blocks.from(r.First); err != nil && len(fresh) > 0 {
		r.Last = fresh[0].first - 1 // the rest has no rows before the log is writable again
	}
	var link chainHash
	missing := make(map[keyID]int) // :: key that is in no file → records that it sealed
	for at := r.First; at <= r.Last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := l.proved(at, missing)
		if err == nil && b.First == at && at > r.First && b.Prev != link {
			err = l.gap(at, b.end(), "the block does not follow the one before it")
		}
		if err != nil {
			r.addError(db.dir, err)
			end := l.endOf(at)
			if at, link = end, (chainHash{}); end > r.Last {
				break
			}
			if b, err := l.proved(at, missing); err == nil {
				link = b.Prev // go on after the hole
			}
			continue
		}
		r.Blocks++
		at, link = b.end(), b.Link
	}
	lost := make(map[byte]int) // :: shard → records
	for id, n := range missing {
		lost[id.shard()] += n
		r.lost = append(r.lost, id)
	}
	for shard, n := range lost {
		r.add(Failure, fmt.Sprintf("keys/%02x", shard), fmt.Sprintf("keys are missing: the personal data of %d records cannot be read (the rest of them can)", n), doKeys)
	}
	for _, t := range []*Table{db.leads, db.meta} {
		if err := t.walk(); err != nil {
			r.addError(db.dir, err)
		}
	}
	r.add(Info, "", hwBlindSpot, "")
	return nil
}

// proved reads the stored block that holds a record, not a copy in memory, and
// proves its hash and its columns. It counts sealed records whose key is missing.
func (l *diskLog) proved(seq uint64, missing map[keyID]int) (found *block, err error) {
	err = l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		return l.find(txn, seq, func(row *badger.Item) (err error) {
			found, err = l.verified(row, seq)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if found.end() <= seq {
		return nil, l.gap(seq, l.endOf(seq), "no block holds them")
	}
	recs, err := found.records(nil)
	if err != nil {
		return nil, l.gap(found.First, found.end(), err.Error())
	}
	for i := range recs {
		id := keyIDOf(&recs[i].Tenant, &recs[i].Subject)
		if _, ok := l.db.keys.get(&id); !ok && len(recs[i].Personal) > 0 && !l.db.keys.isErased(&id) {
			missing[id]++
		}
	}
	return found, nil
}

// walk reads every row.
func (t *Table) walk() error {
	return t.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 64})
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if err := t.values.read(it.Item(), func([]byte) error { return nil }); err != nil {
				return t.kv.corrupt(err)
			}
		}
		return nil
	})
}

// Repair mends what can be mended without loss: leads/ and id tables, which the
// log gives back, and high-water files that are unreadable. With acceptLoss it
// also forgets what is lost for good, so that the rest opens: keys that are
// unreadable or gone, and records that the end of the log lost; the report names them.
// A log with a hole inside and a damaged meta/ are left as they are: restore a
// backup.
func Repair(ctx context.Context, dir string, acceptLoss bool) (*Report, error) {
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	before := &Report{}
	before.checkFiles(dir)
	done := &Report{}
	for _, f := range before.Findings {
		if f.Severity == Failure {
			done.mend(dir, f, acceptLoss)
		}
	}
	if err := lock.Close(); err != nil {
		return nil, err
	}
	if err := done.openAtLast(dir, acceptLoss); err != nil {
		return nil, err
	}
	after, err := Doctor(ctx, dir)
	if err == nil && acceptLoss && len(after.lost) > 0 {
		if err = done.forget(dir, after.lost); err == nil {
			after, err = Doctor(ctx, dir)
		}
	}
	if err != nil {
		return nil, err
	}
	after.Findings = append(done.Findings, after.Findings...)
	return after, nil
}

// mend repairs what one finding names.
func (r *Report) mend(dir string, f Finding, acceptLoss bool) {
	path := filepath.Join(dir, f.File)
	var err error
	switch {
	case strings.HasPrefix(f.File, "leads"):
		err = os.RemoveAll(filepath.Join(dir, "leads"))
		r.add(Warning, "leads/", "emptied", "it is built again from the log at the next start")
	case f.File == "log.hwm", f.File == "meta.hwm":
		err = trustEnd(dir, f.File)
		r.add(Warning, f.File, "written anew from what is there", "compare the last record with what senders know")
	case strings.HasPrefix(f.File, "keys") && acceptLoss:
		var lost int
		lost, err = dropBadKeys(path)
		r.add(Warning, f.File, fmt.Sprintf("%d unreadable keys dropped: what they sealed is lost", lost), "")
	}
	if err != nil {
		r.add(Failure, f.File, "could not be repaired: "+err.Error(), "")
	}
}

// trustEnd marks the end of a database as its high water.
func trustEnd(dir, file string) error {
	return createHighWater(filepath.Join(dir, file), highWater{})
}

// dropBadKeys rewrites a key file with its readable entries.
func dropBadKeys(path string) (lost int, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var good []byte
	for ; len(b) > 0 && !isZero(b); b = b[min(keyEntrySize, len(b)):] {
		e, err := parseKeyEntry(b)
		if err != nil {
			lost++
			continue
		}
		good = appendKeyEntry(good, &e)
	}
	return lost, replaceFile(path, good, 0o600)
}

// forget treats subjects whose keys are gone like erased ones: the rest of what is
// known of them can be read, and a lead of theirs fails no more.
func (r *Report) forget(dir string, ids []keyID) error {
	db, err := Open(dir, Options{Reserve: 1, ReblockEvery: -1})
	if err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	r.add(Warning, "keys/", fmt.Sprintf("%d keys are given up: what they sealed is lost", len(ids)), "")
	return errors.Join(db.keys.erase(ids), db.Close())
}

// openAtLast opens the directory, and mends what refuses: leads/ is emptied;
// with acceptLoss, high-water marks are lowered to the ends of their databases,
// and what is given up is reported.
func (r *Report) openAtLast(dir string, acceptLoss bool) error {
	for range 3 { // the log, meta/ and leads/
		db, err := Open(dir, Options{Reserve: 1, ReblockEvery: -1})
		if err == nil {
			err = errors.Join(db.leads.walk(), db.Close()) // values are read at need, not at an open
		}
		if err == nil {
			return nil
		}
		var gap *GapError
		var corrupt *CorruptError
		isCorrupt := errors.As(err, &corrupt)
		isGap := errors.As(err, &gap)
		err = nil
		switch {
		case isCorrupt && strings.HasPrefix(corrupt.File, "leads"):
			r.mend(dir, Finding{File: corrupt.File}, acceptLoss)
		case acceptLoss && isGap && gap.atEnd():
			r.add(Warning, "log/", fmt.Sprintf("records [%d,%d) are given up", gap.From, gap.To), "ask senders for them")
			err = trustEnd(dir, hwName)
		case acceptLoss && isCorrupt && strings.HasPrefix(corrupt.File, "meta") && strings.Contains(corrupt.Err.Error(), "high-water"):
			r.add(Warning, "meta/", "updates at its end are given up: "+corrupt.Err.Error(), "check keys, cards and outbox")
			err = trustEnd(dir, "meta.hwm")
		default:
			return nil // the doctor says what it is
		}
		if err != nil {
			return err
		}
	}
	return nil
}
