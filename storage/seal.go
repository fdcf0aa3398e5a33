package storage

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// A sealed part is AES-128-GCM with a 12-byte tag over the part, packed with
// the dictionary. The associated data is tenant and subject, so bytes copied
// under another tenant do not open. Nonces are never random:
//
//	record  = sequence:8 epoch:4          epochs are below 2³¹
//	derived = counter:8  2³¹|epoch:4      counter and epoch lead the sealed bytes
//
// An epoch belongs to one opening of the log and to the time up to its first
// failed commit, so a sequence that is used again never repeats a nonce.
const (
	nonceSize  = 12
	tagSize    = 12
	epochLimit = 1 << 31
	sealExtra  = tagSize + packExtra
)

// aeadCache keeps the ciphers of subjects seen lately: two generations of a
// bounded number, since making one costs more than a seal.
type aeadCache struct {
	mu    sync.Mutex
	young map[keyID]cipher.AEAD
	old   map[keyID]cipher.AEAD
}

// aeadGeneration bounds one generation; a cipher takes about 0.6 KB.
const aeadGeneration = 8192

func (c *aeadCache) get(id *keyID) cipher.AEAD {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.young[*id]; ok {
		return a
	}
	a, ok := c.old[*id]
	if ok {
		c.put(id, a)
	}
	return a
}

// put keeps a cipher; mu is held.
func (c *aeadCache) put(id *keyID, a cipher.AEAD) {
	if len(c.young) >= aeadGeneration || c.young == nil {
		c.old, c.young = c.young, make(map[keyID]cipher.AEAD, len(c.young))
	}
	c.young[*id] = a
}

func (c *aeadCache) drop(id *keyID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.young, *id)
	delete(c.old, *id)
}

// aead returns the cipher of a subject, nil if it has no key.
func (s *keyStore) aead(id *keyID) cipher.AEAD {
	if a := s.aeads.get(id); a != nil {
		return a
	}
	sh := &s.shards[id.shard()]
	sh.mu.RLock() // held over put, so that erase drops what is put
	defer sh.mu.RUnlock()
	key, ok := sh.keys[*id]
	if !ok {
		return nil
	}
	a := newAEAD(&key)
	s.aeads.mu.Lock()
	s.aeads.put(id, a)
	s.aeads.mu.Unlock()
	return a
}

func newAEAD(key *sealKey) cipher.AEAD {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic("BUG: key size: " + err.Error())
	}
	a, err := cipher.NewGCMWithTagSize(b, tagSize)
	if err != nil {
		panic("BUG: tag size: " + err.Error())
	}
	return a
}

func recordNonce(seq uint64, epoch uint32) (n [nonceSize]byte) {
	binary.LittleEndian.PutUint64(n[:], seq)
	binary.LittleEndian.PutUint32(n[8:], epoch)
	return n
}

// sealer seals the records of a group; it belongs to the committer.
type sealer struct {
	buf     []byte // sealed parts of the group
	packed  []byte
	newKeys []byte // entries for the journal

	id    keyID // here and not on the stack, because cipher.AEAD makes them escape
	nonce [nonceSize]byte
}

// seal appends the sealed personal part of r to s.buf and makes r.Personal it.
// buf has room for the whole group, so it never moves.
func (s *sealer) seal(keys *keyStore, r *Record) {
	s.id = keyIDOf(&r.Tenant, &r.Subject)
	a := keys.aead(&s.id)
	if a == nil {
		if e, made := keys.make(&s.id); made {
			s.newKeys = appendKeyEntry(s.newKeys, &e)
		}
		a = keys.aead(&s.id)
	}
	if a == nil { // erased a moment ago, between the two lines above
		r.Personal = nil
		return
	}
	s.packed = appendPackedText(s.packed[:0], r.Personal)
	s.nonce = recordNonce(r.Seq, r.epoch)
	from := len(s.buf)
	s.buf = a.Seal(s.buf, s.nonce[:], s.packed, s.id[:])
	r.Personal = s.buf[from:len(s.buf):len(s.buf)]
}

// Unseal appends the record's personal part, in the clear, to dst. It is
// [ErrErased] if the subject's key is destroyed.
func (db *DB) Unseal(dst []byte, r *Record) ([]byte, error) {
	if len(r.Personal) == 0 {
		return dst, nil
	}
	nonce := recordNonce(r.Seq, r.epoch)
	return db.open1(dst, r.Personal, &r.Tenant, &r.Subject, nonce[:], nil)
}

// AppendSealed appends the record's sealed personal part to dst, with what it takes
// to open it beside the log: see [DB.UnsealCopy].
func (r *Record) AppendSealed(dst []byte) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, r.epoch), r.Personal...)
}

// UnsealCopy is Unseal of what AppendSealed gave of a record of this tenant, subject
// and sequence. A copy dies with the key, as the part in the log does.
func (db *DB) UnsealCopy(dst, sealed []byte, t Tenant, s Subject, seq uint64) ([]byte, error) {
	if len(sealed) < 4 {
		return dst, fmt.Errorf("unseal a copy of record %d: need 4 bytes, have %d: run ripen replay", seq, len(sealed))
	}
	return db.Unseal(dst, &Record{Tenant: t, Subject: s, Seq: seq, Personal: sealed[4:], epoch: binary.LittleEndian.Uint32(sealed)})
}

// open1 opens one sealed part and unpacks it.
func (db *DB) open1(dst, sealed []byte, t *Tenant, s *Subject, nonce, extra []byte) ([]byte, error) {
	id := keyIDOf(t, s)
	buf := packBuffers.Get().(*[]byte)
	defer packBuffers.Put(buf)
	err := errors.New("its key is missing")
	if a := db.keys.aead(&id); a != nil {
		*buf, err = a.Open((*buf)[:0], nonce, sealed, append(id[:], extra...))
	}
	if err == nil {
		return appendUnpackedText(dst, *buf)
	}
	if db.keys.isErased(&id) {
		return dst, ErrErased
	}
	return dst, &CorruptError{
		Dir: db.dir, File: filepath.Join("keys", fmt.Sprintf("%02x", id.shard())),
		Err: fmt.Errorf("unseal: %w", err),
	}
}

var packBuffers = sync.Pool{New: func() any { return new([]byte) }}

const derivedPrefix = 12 // counter and epoch

// SealFor appends plain, sealed for the subject, to dst: for derived rows that
// hold something personal. bind must be given to OpenFor again. An erased
// subject is [ErrErased] until a new record of it arrives.
func (db *DB) SealFor(dst, plain []byte, t Tenant, s Subject, bind uint64) ([]byte, error) {
	id := keyIDOf(&t, &s)
	a := db.keys.aead(&id)
	if a == nil {
		if db.keys.isErased(&id) {
			return dst, ErrErased
		}
		e, made := db.keys.make(&id)
		if made {
			entry := appendKeyEntry(nil, &e)
			if err := db.keys.append(entry); err != nil {
				db.keys.unmake(entry)
				return dst, err
			}
		}
		a = newAEAD(&e.key)
	}
	from := len(dst)
	dst = binary.LittleEndian.AppendUint64(dst, db.derived.Add(1))
	dst = binary.LittleEndian.AppendUint32(dst, epochLimit|db.epoch)
	nonce := [nonceSize]byte(dst[from:])
	buf := packBuffers.Get().(*[]byte)
	*buf = appendPackedText((*buf)[:0], plain)
	dst = a.Seal(dst, nonce[:], *buf, binary.LittleEndian.AppendUint64(id[:], bind))
	packBuffers.Put(buf)
	return dst, nil
}

// OpenFor appends what SealFor sealed, in the clear, to dst.
func (db *DB) OpenFor(dst, sealed []byte, t Tenant, s Subject, bind uint64) ([]byte, error) {
	if len(sealed) < derivedPrefix {
		return dst, fmt.Errorf("open sealed: need %d bytes, have %d", derivedPrefix, len(sealed))
	}
	return db.open1(dst, sealed[derivedPrefix:], &t, &s, sealed[:derivedPrefix], binary.LittleEndian.AppendUint64(nil, bind))
}

// Erase destroys the keys of the subjects: nothing personal of their records
// so far can be read again, in any copy. The erasure is kept in meta/, so that
// [Restore] of an older backup applies it again.
func (db *DB) Erase(ctx context.Context, t Tenant, subjects []Subject) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ids := make([]keyID, len(subjects))
	for i := range subjects {
		ids[i] = keyIDOf(&t, &subjects[i])
	}
	db.carry.Lock() // what was opened before is sealed before
	defer db.carry.Unlock()
	if err := db.noteErasures(ids, erasureWanted); err != nil {
		return err
	}
	if err := db.keys.erase(ids); err != nil {
		return err
	}
	return db.noteErasures(ids, erasureDone)
}

// noteErasures writes the state of erasures to meta/.
func (db *DB) noteErasures(ids []keyID, state byte) error {
	v := append(binary.BigEndian.AppendUint64(nil, uint64(db.Now())), state)
	return db.meta.Update(func(tx *Tx) error {
		for i := range ids {
			if err := tx.Set(Tenant(ids[i][:8]), SpaceErasure, ids[i][8:], v); err != nil {
				return err
			}
		}
		return nil
	})
}

// The states of an erasure, the last byte of its row in meta/.
const (
	erasureWanted = 0 // finished at the next open
	erasureDone   = 1
)

// finishErasures destroys the keys of erasures that a crash interrupted.
func (db *DB) finishErasures() error {
	var ids []keyID
	err := db.meta.scanErasures(func(id keyID, _ int64, state byte) {
		if _, ok := db.keys.get(&id); state == erasureWanted || ok && !db.keys.isErased(&id) {
			ids = append(ids, id)
		}
	})
	if err != nil || len(ids) == 0 {
		return err
	}
	if err := db.keys.erase(ids); err != nil {
		return err
	}
	return db.noteErasures(ids, erasureDone)
}

// scanErasures calls fn with the last erasure of every subject of every tenant.
func (t *Table) scanErasures(fn func(id keyID, at int64, state byte)) error {
	return t.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(false)
		defer txn.Discard()
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		for it.Rewind(); it.Valid(); {
			k := it.Item().Key()
			if len(k) < tablePrefix || k[8] < SpaceErasure {
				it.Seek(tableKey(nil, padTenant(k), SpaceErasure, nil))
				continue
			}
			if k[8] == SpaceErasure && len(k) == tablePrefix+17 {
				id := keyID{}
				copy(id[:8], k)
				copy(id[8:], k[tablePrefix:])
				err := it.Item().Value(func(v []byte) error {
					if len(v) == 9 {
						fn(id, int64(binary.BigEndian.Uint64(v)), v[8])
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			it.Next()
		}
		return nil
	})
}

// padTenant returns the tenant of a key.
func padTenant(k []byte) (t Tenant) {
	copy(t[:], k)
	return t
}
