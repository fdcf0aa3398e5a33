package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// A key file, shard or journal, is a row of entries of 48 bytes:
//
//	entry = kind:1 tenant:8 subject:17 key:16 zero:2 crc:4
//
// kind is 'K' for a key, 'T' for "erased here"; crc is CRC-32C over the rest.
// A journal is written in full of zeros first, so that appending to it needs no
// metadata; a zero kind is its end. The last entry of a file may be torn by a
// crash before it was acknowledged; one flipped bit is flipped back; any other bad
// entry is damage.
const (
	keyEntrySize = 48
	keyLive      = 'K'
	keyErased    = 'T'
)

// keyID names a key: tenant and subject.
type keyID [25]byte

func keyIDOf(t *Tenant, s *Subject) (id keyID) {
	copy(id[:8], t[:])
	copy(id[8:], s[:])
	return id
}

// shard is the file that a key belongs to. Subjects are keyed hashes, so one
// byte of them spreads evenly.
func (id *keyID) shard() byte { return id[9] ^ id[0] }

type sealKey [16]byte

type keyEntry struct {
	kind byte
	id   keyID
	key  sealKey
}

func appendKeyEntry(dst []byte, e *keyEntry) []byte {
	n := len(dst)
	dst = append(dst, e.kind)
	dst = append(dst, e.id[:]...)
	dst = append(dst, e.key[:]...)
	dst = append(dst, 0, 0)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[n:], castagnoli))
}

func parseKeyEntry(b []byte) (e keyEntry, err error) {
	if len(b) < keyEntrySize {
		return e, fmt.Errorf("key entry: need %d bytes, have %d", keyEntrySize, len(b))
	}
	if crc32.Checksum(b[:44], castagnoli) != binary.LittleEndian.Uint32(b[44:]) {
		return e, errors.New("key entry: checksum does not match")
	}
	e.kind = b[0]
	copy(e.id[:], b[1:26])
	copy(e.key[:], b[26:42])
	if e.kind != keyLive && e.kind != keyErased {
		return e, fmt.Errorf("key entry: kind %d is unknown: upgrade this binary", e.kind)
	}
	return e, nil
}

// What a key file may have that is no loss.
const (
	keysTorn    = "its last entry is unfinished, as a crash leaves it; it is dropped"
	keysFlipped = "a bit of an entry had flipped; it is put right"
)

// parseKeyFile calls fn with the entries of a key file and returns how many
// bytes of it hold entries, and what of it is no loss, empty if it is whole.
func parseKeyFile(b []byte, fn func(*keyEntry)) (size int, flaw string, err error) {
	for at := 0; at < len(b); at += keyEntrySize {
		if isZero(b[at:]) {
			return at, flaw, nil
		}
		rest := b[at:]
		e, err := parseKeyEntry(rest)
		if err != nil {
			if right, ok := flipBack(rest); ok {
				e, flaw, err = right, keysFlipped, nil
			}
		}
		switch {
		case err == nil:
			fn(&e)
		case len(rest) <= keyEntrySize || isZero(rest[keyEntrySize:]):
			return at, keysTorn, nil
		default:
			return at, flaw, fmt.Errorf("offset %d: %w", at, err)
		}
	}
	return len(b), flaw, nil
}

// flipBack returns the entry of which b differs in one bit. There is at most one:
// in so few bytes no two entries of good checksum differ in less than six bits. Nobody
// else has that key, and without it what it sealed is lost.
func flipBack(b []byte) (e keyEntry, ok bool) {
	if len(b) < keyEntrySize {
		return e, false
	}
	var try [keyEntrySize]byte
	for bit := range 8 * keyEntrySize {
		copy(try[:], b)
		try[bit/8] ^= 1 << (bit % 8)
		if e, err := parseKeyEntry(try[:]); err == nil {
			return e, true
		}
	}
	return e, false
}

func isZero(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b) != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// replaceFile writes a file anew under its name and overwrites the bytes of
// the old one, so that what was left out is gone.
func replaceFile(path string, b []byte, perm os.FileMode) error {
	tmp := path + ".tmp"
	if err := writeSynced(tmp, b, perm); err != nil {
		return err
	}
	old, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := errors.Join(os.Rename(tmp, path), syncDir(filepath.Dir(path))); err != nil {
		return err
	}
	if old == nil {
		return nil
	}
	return wipeFile(old)
}

// wipeFile overwrites an unlinked file with zeros and closes it.
func wipeFile(f *os.File) error {
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt(make([]byte, info.Size()), 0)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

func writeSynced(path string, b []byte, perm os.FileMode) error {
	return createSynced(path, perm, func(f *os.File) error {
		_, err := f.Write(b)
		return err
	})
}

// createSynced makes a file anew and syncs what fill has written into it.
func createSynced(path string, perm os.FileMode, fill func(*os.File) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
