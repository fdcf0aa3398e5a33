package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
)

// Source of a [Restore].
type Source struct {
	Data     io.Reader // what Backup wrote
	Keys     io.Reader // what BackupKeys wrote; nil: nothing personal will be readable
	Erasures io.Reader // what Erasures wrote, the newest there is; nil: those in the backup

	// Tell makes the record that says in the log what the list has erased and the
	// backup still held. Nil says nothing.
	Tell func(t Tenant, subjects []Subject) Record
}

// Restore makes a data directory from a backup. The directory must not exist or
// be empty; it appears whole or not at all. Every erasure that the backup or
// the list knows is applied before it does.
func Restore(ctx context.Context, dir string, src Source) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("restore: %s is not empty: choose a new directory", dir)
	}
	var erased map[keyID]int64
	if src.Erasures != nil {
		var err error
		if erased, err = readErasures(src.Erasures); err != nil {
			return err
		}
	}
	tmp := filepath.Clean(dir) + ".restoring"
	if err := errors.Join(os.RemoveAll(tmp), os.MkdirAll(tmp, 0o700)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	if err := restoreInto(ctx, tmp, src, erased); err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	_ = os.Remove(dir) // empty, or not there
	if err := errors.Join(os.Rename(tmp, dir), syncDir(filepath.Dir(filepath.Clean(dir)))); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

func restoreInto(ctx context.Context, dir string, src Source, erased map[keyID]int64) error {
	marks, err := restoreRows(ctx, dir, src.Data)
	if err != nil {
		return err
	}
	if src.Keys != nil {
		if err := restoreKeys(filepath.Join(dir, "keys"), src.Keys); err != nil {
			return err
		}
	}
	for name, mark := range marks {
		if err := createHighWater(filepath.Join(dir, name+".hwm"), mark); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	// Opening proves the ends of the chain, makes the id tables and finishes the
	// erasures that the backup knows.
	db, err := Open(dir, Options{Reserve: 1, ReblockEvery: -1})
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	err = db.log.skipEpochs()
	if err == nil {
		err = db.eraseAgain(ctx, erased, src.Tell)
	}
	return errors.Join(err, db.Close())
}

// eraseAgain erases what a list says was erased after the backup. Whom the backup
// knows as erased by then may have come back: what it holds of them is theirs.
func (db *DB) eraseAgain(ctx context.Context, list map[keyID]int64, tell func(Tenant, []Subject) Record) error {
	err := db.meta.scanErasures(func(id keyID, at int64, _ byte) {
		if list[id] <= at {
			delete(list, id)
		}
	})
	if err != nil {
		return err
	}
	byTenant := make(map[Tenant][]Subject)
	for id := range list {
		t := Tenant(id[:8])
		byTenant[t] = append(byTenant[t], Subject(id[8:]))
	}
	for t, subjects := range byTenant {
		if err := db.Erase(ctx, t, subjects); err != nil {
			return err
		}
		if tell == nil {
			continue
		}
		if err := db.Log().Append(ctx, 0, []Record{tell(t, subjects)}); err != nil {
			return err
		}
	}
	return nil
}

// skipEpochs leaves a random number of epochs unused. The directory that was
// backed up may have gone on from the same epoch with the same keys: the two
// must not seal with one nonce.
func (l *diskLog) skipEpochs() error {
	skip := 1<<20 + binary.BigEndian.Uint32(randomBytes(4))>>8
	return l.kv.use(func(b *badger.DB) error {
		txn := b.NewTransaction(true)
		defer txn.Discard()
		return l.db.commit(txn, logKey(0, logEpoch), binary.BigEndian.AppendUint32(nil, l.c.epoch+skip), WriteCommit)
	})
}

// restoreRows loads the databases and returns their high-water marks.
func restoreRows(ctx context.Context, dir string, r io.Reader) (map[string]highWater, error) {
	marks := map[string]highWater{"log": {}, "meta": {}}
	var batches [len(backupOrder)]*badger.WriteBatch
	for i, name := range backupOrder {
		path := filepath.Join(dir, name)
		b, err := badger.Open(kvOptions(name, path, (&Options{}).logger()).WithSyncWrites(false))
		if err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
		defer b.Close()
		batches[i] = b.NewWriteBatch()
		defer batches[i].Cancel()
	}
	err := readBackup(r, func(name byte, k, v []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := noteMark(marks, backupOrder[name], k, v); err != nil {
			return err
		}
		return batches[name].Set(append([]byte(nil), k...), append([]byte(nil), v...))
	})
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		if err := b.Flush(); err != nil {
			return nil, fmt.Errorf("restore: %w", err)
		}
	}
	return marks, nil // closing flushes the databases to synced tables
}

// noteMark keeps the newest block of the log and the count of meta/'s updates.
func noteMark(marks map[string]highWater, name string, k, v []byte) error {
	switch {
	case name == "meta" && string(k) == string(tableKey(nil, Tenant{}, SpaceState, updatesKey)) && len(v) == 8:
		marks["meta"] = highWater{seq: binary.BigEndian.Uint64(v)}
	case name == "log":
		if _, _, ok := parseBlockKey(k); !ok {
			return nil
		}
		h, _, _, err := parseBlock(v)
		if err != nil {
			return fmt.Errorf("restore: the backup is damaged: %w", err)
		}
		if h.end() > marks["log"].seq {
			marks["log"] = highWater{seq: h.end() - 1, link: h.Link}
		}
	}
	return nil
}

// restoreKeys writes the shard files.
func restoreKeys(dir string, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("restore keys: %w", err)
	}
	var shards [256][]byte
	size, _, err := parseKeyFile(b, func(e *keyEntry) {
		shards[e.id.shard()] = appendKeyEntry(shards[e.id.shard()], e)
	})
	if err != nil || size != len(b) {
		return errors.Join(errors.New("restore keys: the file of keys is damaged"), err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("restore keys: %w", err)
	}
	for i, b := range shards {
		if len(b) == 0 {
			continue
		}
		if err := writeSynced(filepath.Join(dir, fmt.Sprintf("%02x", i)), b, 0o600); err != nil {
			return fmt.Errorf("restore keys: %w", err)
		}
	}
	return syncDir(dir)
}

// WipeLeads empties leads/, as a replay does before it folds the log again.
// Transactions under way end first.
func (db *DB) WipeLeads() error {
	k := db.leads.kv
	if err := k.close(true); err != nil {
		db.slog.Warn("storage: close of leads/ before it is wiped", "err", err)
	}
	if err := db.leads.values.close(); err != nil {
		db.slog.Warn("storage: close of leads/ before it is wiped", "err", err)
	}
	old := k.dir + wipedSuffix
	err := errors.Join(os.RemoveAll(old), os.Rename(k.dir, old), os.RemoveAll(old))
	return errors.Join(err, db.leads.open())
}

// wipedSuffix names a directory on its way out; the next open removes it.
const wipedSuffix = ".wiped"
