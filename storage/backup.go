package storage

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/dgraph-io/badger/v4"
)

// A backup is a stream of chunks, then one empty chunk:
//
//	stream = "RIPENBK1" chunk* end
//	chunk  = packed length:4 crc:4 (zstd of row*)
//	row    = database:1 key length:uvarint value length:uvarint key value
//	end    = 0:4 rows:8 crc:4
//
// A stream without its end is not a backup: Restore refuses it.
const (
	backupMagic = "RIPENBK1"
	backupChunk = 1 << 20
)

// The databases in a backup, in the order in which their snapshots are taken:
// whatever leads/ refers to is in meta/ and the log, whatever meta/ refers to
// is in the log, whatever the log refers to is in the keys, which come last.
var backupOrder = [...]string{"leads", "meta", "log"}

// Backup writes a consistent copy of leads/, meta/ and the log while all of
// them are in use. Call BackupKeys after it, and keep the two apart: without
// the keys, nothing personal in a backup can be read.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	bw := &backupWriter{w: bufio.NewWriterSize(w, 1<<16)}
	if _, err := bw.w.WriteString(backupMagic); err != nil {
		return err
	}
	kvs := [...]*kv{db.leads.kv, db.meta.kv, db.log.kv}
	values := [len(kvs)]func(*badger.Item, func([]byte) error) error{db.leads.values.read, (*apartValues)(nil).read, db.log.blocks.read}
	var txns [len(kvs)]*badger.Txn
	defer db.leads.values.enter()()
	// The uses nest, so that all three snapshots are taken before anything is
	// written.
	err := kvs[0].use(func(a *badger.DB) error {
		txns[0] = a.NewTransaction(false)
		defer txns[0].Discard()
		return kvs[1].use(func(b *badger.DB) error {
			txns[1] = b.NewTransaction(false)
			defer txns[1].Discard()
			return kvs[2].use(func(c *badger.DB) error {
				db.log.maintain.Lock() // no file of blocks goes while it may be read
				defer db.log.maintain.Unlock()
				if err := db.log.writeRows(); err != nil {
					return err
				}
				txns[2] = c.NewTransaction(false)
				defer txns[2].Discard()
				for i, txn := range txns {
					if err := bw.database(ctx, byte(i), txn, values[i]); err != nil {
						return err
					}
				}
				return nil
			})
		})
	})
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	return bw.end()
}

type backupWriter struct {
	w      *bufio.Writer
	raw    []byte
	packed []byte
	rows   uint64
}

// database writes all rows of one snapshot.
func (b *backupWriter) database(ctx context.Context, name byte, txn *badger.Txn, value func(*badger.Item, func([]byte) error) error) error {
	it := txn.NewIterator(badger.IteratorOptions{PrefetchValues: true, PrefetchSize: 16})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		err := value(item, func(v []byte) error {
			k := item.Key()
			b.raw = append(b.raw, name)
			b.raw = binary.AppendUvarint(b.raw, uint64(len(k)))
			b.raw = binary.AppendUvarint(b.raw, uint64(len(v)))
			b.raw = append(append(b.raw, k...), v...)
			b.rows++
			return nil
		})
		if err != nil {
			return err
		}
		if len(b.raw) >= backupChunk {
			if err := errors.Join(ctx.Err(), b.flush()); err != nil {
				return err
			}
		}
	}
	return b.flush()
}

func (b *backupWriter) flush() error {
	if len(b.raw) == 0 {
		return nil
	}
	b.packed = zstdEncoder().EncodeAll(b.raw, b.packed[:0])
	b.raw = b.raw[:0]
	var head [8]byte
	binary.LittleEndian.PutUint32(head[:], uint32(len(b.packed)))
	binary.LittleEndian.PutUint32(head[4:], crc32.Checksum(b.packed, castagnoli))
	if _, err := b.w.Write(head[:]); err != nil {
		return err
	}
	_, err := b.w.Write(b.packed)
	return err
}

func (b *backupWriter) end() error {
	end := binary.LittleEndian.AppendUint64(make([]byte, 4), b.rows)
	end = binary.LittleEndian.AppendUint32(end, crc32.Checksum(end, castagnoli))
	if _, err := b.w.Write(end); err != nil {
		return err
	}
	return b.w.Flush()
}

// readBackup calls fn with every row of a stream. Keys and values are valid
// until fn returns.
func readBackup(r io.Reader, fn func(name byte, k, v []byte) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	magic := make([]byte, len(backupMagic))
	if _, err := io.ReadFull(br, magic); err != nil || string(magic) != backupMagic {
		return errors.New("restore: this is not a backup of Ripen")
	}
	var packed, raw []byte
	for rows := uint64(0); ; {
		var head [8]byte
		if _, err := io.ReadFull(br, head[:]); err != nil {
			return fmt.Errorf("restore: the backup ends early: %w", err)
		}
		size := binary.LittleEndian.Uint32(head[:])
		if size == 0 {
			return readBackupEnd(br, head[:], rows)
		}
		if size > 1<<27 {
			return errors.New("restore: the backup is damaged: a chunk is too large")
		}
		packed = grow(packed[:0], int(size))[:size]
		if _, err := io.ReadFull(br, packed); err != nil {
			return fmt.Errorf("restore: the backup ends early: %w", err)
		}
		if crc32.Checksum(packed, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
			return errors.New("restore: the backup is damaged: a checksum does not match")
		}
		var err error
		if raw, err = zstdDecoder().DecodeAll(packed, raw[:0]); err != nil {
			return fmt.Errorf("restore: the backup is damaged: %w", err)
		}
		n, err := readBackupRows(raw, fn)
		if err != nil {
			return err
		}
		rows += n
	}
}

func readBackupRows(raw []byte, fn func(name byte, k, v []byte) error) (rows uint64, err error) {
	for c := (columns{b: raw}); len(c.b) > 0; rows++ {
		name := c.take(1)
		kn, vn := c.uvarint(), c.uvarint()
		k, v := c.take(kn), c.take(vn)
		if c.bad || int(name[0]) >= len(backupOrder) {
			return rows, errors.New("restore: the backup is damaged: a row is unreadable")
		}
		if err := fn(name[0], k, v); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

func readBackupEnd(r io.Reader, head []byte, rows uint64) error {
	end := append(bytes.Clone(head), make([]byte, 8)...)
	if _, err := io.ReadFull(r, end[8:]); err != nil {
		return fmt.Errorf("restore: the backup ends early: %w", err)
	}
	if crc32.Checksum(end[:12], castagnoli) != binary.LittleEndian.Uint32(end[12:]) || binary.LittleEndian.Uint64(end[4:]) != rows {
		return errors.New("restore: the backup is damaged: rows are missing")
	}
	return nil
}

// BackupKeys writes the key store: what makes the personal parts of a backup
// readable. Guard it like the keys that it holds, and let it expire sooner than
// the backup: an erased person's key is still in the older ones.
func (db *DB) BackupKeys(ctx context.Context, w io.Writer) error {
	bw := bufio.NewWriter(w)
	for i := range db.keys.shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := bw.Write(db.keys.encodeShard(byte(i))); err != nil {
			return fmt.Errorf("backup keys: %w", err)
		}
	}
	return bw.Flush()
}

// Erasures writes the list of everything erased, a line of tenant, subject and
// unix milliseconds each. Restore takes it to erase again what an older backup
// still holds: keep the newest one with the backups.
func (db *DB) Erasures(ctx context.Context, w io.Writer) error {
	bw := bufio.NewWriter(w)
	err := db.meta.scanErasures(func(id keyID, at int64, _ byte) {
		fmt.Fprintf(bw, "%x %x %d\n", id[:8], id[8:], at) // an error stays in bw until Flush
	})
	return errors.Join(ctx.Err(), err, bw.Flush())
}

// readErasures reads what Erasures wrote: when what was erased. Lists of older
// versions do not say when.
func readErasures(r io.Reader) (map[keyID]int64, error) {
	list := make(map[keyID]int64)
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		var id keyID
		at := int64(math.MaxInt64)
		part := bytes.Fields(lines.Bytes())
		if len(part) < 2 || len(part) > 3 || len(part[0]) != 16 || len(part[1]) != 34 {
			return nil, fmt.Errorf("restore: line %d of the erasure list: need 16 and 34 hex digits, and a time", n)
		}
		_, err := hex.Decode(id[:], slices.Concat(part[0], part[1]))
		if len(part) == 3 && err == nil {
			at, err = strconv.ParseInt(string(part[2]), 10, 64)
		}
		if err != nil {
			return nil, fmt.Errorf("restore: line %d of the erasure list: %w", n, err)
		}
		list[id] = at
	}
	return list, lines.Err()
}
