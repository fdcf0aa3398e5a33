package storage

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// keyStore holds the key of every subject: in memory all of them, on disk in
// 256 shard files, each rewritten alone when a key in it is destroyed. New keys
// go to a journal first, one sync for a whole group commit; a full journal is
// moved into the shards in the background.
//
// The maps hold no pointers: a million subjects cost some 65 MB and nothing to
// the garbage collector.
type keyStore struct {
	dir   string
	fault func(string) Fault
	slog  *slog.Logger

	shards [256]keyShard

	mu      sync.Mutex // held while a journal is written, changed or moved
	journal *os.File   // the open journal
	number  uint64     // of it
	at      int64      // end of its entries
	broken  bool       // a write of it failed: never write to it again
	full    []uint64   // journals that wait to be moved into the shards
	move    sync.Mutex // held while journals are moved or shards rewritten

	moving sync.WaitGroup
	aeads  aeadCache
}

type keyShard struct {
	mu     sync.RWMutex
	keys   map[keyID]sealKey
	erased map[keyID]struct{} // key destroyed; the subject may have got a new one since
}

// journalSize is how large a journal gets before it is moved into the shards.
const journalSize = 4 << 20 / keyEntrySize * keyEntrySize

func openKeyStore(dir string, fault func(string) Fault, log *slog.Logger) (*keyStore, error) {
	s := &keyStore{dir: dir, fault: fault, slog: log}
	for i := range s.shards {
		s.shards[i].keys = make(map[keyID]sealKey)
		s.shards[i].erased = make(map[keyID]struct{})
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open keys: %w", err)
	}
	for i := range s.shards {
		if err := s.load(fmt.Sprintf("%02x", i)); err != nil {
			return nil, err
		}
	}
	journals, err := s.journals()
	if err != nil {
		return nil, err
	}
	for _, n := range journals {
		if err := s.load(journalName(n)); err != nil {
			return nil, err
		}
		s.number = n
	}
	s.full = journals
	if err := s.rotate(); err != nil {
		return nil, err
	}
	s.startMove()
	return s, nil
}

func journalName(n uint64) string { return fmt.Sprintf("journal-%012d", n) }

// journals lists the journals on disk, oldest first.
func (s *keyStore) journals() ([]uint64, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, "journal-*"))
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, name := range names {
		var n uint64
		if _, err := fmt.Sscanf(filepath.Base(name), "journal-%d", &n); err != nil || strings.HasSuffix(name, ".tmp") {
			continue
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers, nil
}

// load reads a key file into memory.
func (s *keyStore) load(name string) error {
	path := filepath.Join(s.dir, name)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open keys: %w", err)
	}
	var good []byte
	_, flaw, err := parseKeyFile(b, func(e *keyEntry) {
		good = appendKeyEntry(good, e)
		sh := &s.shards[e.id.shard()]
		if e.kind == keyErased {
			delete(sh.keys, e.id)
			sh.erased[e.id] = struct{}{}
			return
		}
		sh.keys[e.id] = e.key
	})
	if err != nil {
		return &CorruptError{Dir: filepath.Dir(s.dir), File: filepath.Join("keys", name), Err: err}
	}
	if flaw == "" {
		return nil
	}
	s.slog.Warn("storage: of a key file "+flaw, "file", name, "offset", len(good))
	if strings.HasPrefix(name, "journal") {
		return nil // moved into the shards at once
	}
	return replaceFile(path, good, 0o600)
}

// get returns a subject's key.
func (s *keyStore) get(id *keyID) (key sealKey, ok bool) {
	sh := &s.shards[id.shard()]
	sh.mu.RLock()
	key, ok = sh.keys[*id]
	sh.mu.RUnlock()
	return key, ok
}

// isErased says whether a key of the subject was ever destroyed.
func (s *keyStore) isErased(id *keyID) bool {
	sh := &s.shards[id.shard()]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	_, ok := sh.erased[*id]
	return ok
}

// make adds a new random key, in memory only: the caller appends it to the
// journal before anything sealed with it is written.
func (s *keyStore) make(id *keyID) (e keyEntry, made bool) {
	e = keyEntry{kind: keyLive, id: *id}
	rand.Read(e.key[:]) //nolint:errcheck // never fails: it ends the process instead
	sh := &s.shards[id.shard()]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if key, ok := sh.keys[*id]; ok {
		e.key = key
		return e, false
	}
	sh.keys[*id] = e.key
	return e, true
}

// unmake takes back keys whose journal entry could not be written.
func (s *keyStore) unmake(entries []byte) {
	for ; len(entries) >= keyEntrySize; entries = entries[keyEntrySize:] {
		id := keyID(entries[1:26])
		sh := &s.shards[id.shard()]
		sh.mu.Lock()
		delete(sh.keys, id)
		sh.mu.Unlock()
		s.aeads.drop(&id)
	}
}

// append writes entries to the journal and syncs it. On error none of them may
// be used and the journal is not written to again.
func (s *keyStore) append(entries []byte) error {
	if len(entries) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken || s.at+int64(len(entries)) > journalSize {
		if !s.broken || s.at > 0 {
			s.full = append(s.full, s.number)
		}
		if err := s.rotate(); err != nil {
			return fmt.Errorf("append keys: %w", err)
		}
		s.startMove()
	}
	err := s.write(entries)
	s.broken = err != nil
	if err != nil {
		return fmt.Errorf("append keys: %w", err)
	}
	return nil
}

func (s *keyStore) write(entries []byte) error {
	return s.fault(WriteKeys).of(func() error {
		if _, err := s.journal.WriteAt(entries, s.at); err != nil {
			return err
		}
		s.at += int64(len(entries))
		return fdatasync(s.journal) // the commit point of new keys
	})
}

// rotate opens the next journal. mu is held, or nobody else knows s yet.
func (s *keyStore) rotate() error {
	s.number++
	path := filepath.Join(s.dir, journalName(s.number))
	if err := writeSynced(path, make([]byte, journalSize+keyEntrySize), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if s.journal != nil {
		s.journal.Close()
	}
	s.journal, s.at, s.broken = f, 0, false
	return syncDir(s.dir)
}

// startMove moves full journals into the shards in the background.
func (s *keyStore) startMove() {
	if len(s.full) == 0 {
		return
	}
	s.moving.Go(func() {
		if err := s.moveFull(); err != nil {
			s.slog.Warn("storage: keys stay in their journal for now", "err", err)
		}
	})
}

// moveFull appends what full journals hold to the shards, syncs them and
// removes the journals. Doing it twice is harmless.
func (s *keyStore) moveFull() error {
	s.move.Lock()
	defer s.move.Unlock()
	for {
		s.mu.Lock()
		if len(s.full) == 0 {
			s.mu.Unlock()
			return nil
		}
		n := s.full[0]
		s.mu.Unlock()
		if err := s.moveJournal(filepath.Join(s.dir, journalName(n))); err != nil {
			return err
		}
		s.mu.Lock()
		s.full = s.full[1:]
		s.mu.Unlock()
	}
}

func (s *keyStore) moveJournal(path string) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var out [256][]byte
	_, _, err = parseKeyFile(b, func(e *keyEntry) {
		if key, ok := s.get(&e.id); ok && key == e.key { // else destroyed, or never acknowledged
			out[e.id.shard()] = appendKeyEntry(out[e.id.shard()], e)
		}
	})
	if err != nil {
		return &CorruptError{Dir: filepath.Dir(s.dir), File: filepath.Join("keys", filepath.Base(path)), Err: err}
	}
	for i, entries := range out {
		if len(entries) == 0 {
			continue
		}
		if err := appendSynced(filepath.Join(s.dir, fmt.Sprintf("%02x", i)), entries); err != nil {
			return err
		}
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(os.Remove(path), syncDir(s.dir), wipeFile(old))
}

func appendSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

// erase destroys keys: in memory, in the journals and in the shards. Every copy
// is gone when it returns nil; on error it must be called again.
func (s *keyStore) erase(ids []keyID) error {
	touched := make(map[byte]bool)
	for _, id := range ids {
		sh := &s.shards[id.shard()]
		sh.mu.Lock()
		delete(sh.keys, id)
		sh.erased[id] = struct{}{}
		sh.mu.Unlock()
		s.aeads.drop(&id)
		touched[id.shard()] = true
	}
	s.mu.Lock()
	var err error
	if s.at > 0 { // the open journal may hold the keys: move it, too
		s.full = append(s.full, s.number)
		err = s.rotate()
	}
	s.mu.Unlock()
	if err := errors.Join(err, s.moveFull()); err != nil {
		return fmt.Errorf("erase keys: %w", err)
	}
	s.move.Lock()
	defer s.move.Unlock()
	for shard := range touched {
		if err := s.rewrite(shard); err != nil {
			return fmt.Errorf("erase keys: %w", err)
		}
	}
	return nil
}

// rewrite writes a shard anew from memory; move is held. Keys that are still
// in a journal are written too, which is harmless.
func (s *keyStore) rewrite(shard byte) error {
	b := s.encodeShard(shard)
	return s.fault(WriteErase).of(func() error { return replaceFile(filepath.Join(s.dir, fmt.Sprintf("%02x", shard)), b, 0o600) })
}

// encodeShard writes what memory holds of a shard: erasures first, so that a
// subject's newer key stands.
func (s *keyStore) encodeShard(shard byte) (b []byte) {
	sh := &s.shards[shard]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for id := range sh.erased {
		b = appendKeyEntry(b, &keyEntry{kind: keyErased, id: id})
	}
	for id, key := range sh.keys {
		b = appendKeyEntry(b, &keyEntry{kind: keyLive, id: id, key: key})
	}
	return b
}

func (s *keyStore) close() error {
	s.moving.Wait()
	if s.journal == nil {
		return nil
	}
	return s.journal.Close()
}
