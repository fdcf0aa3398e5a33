// Package storage keeps everything that Ripen must not forget: the log of
// events, what is derived from it, what cannot be derived, and the keys that
// seal what is personal.
//
// # What it promises
//
//   - [Log.Append] returns nil only after the records are on disk (fsync). An
//     error means that none of them is acknowledged.
//   - A record's [Record.ID] is stored once per tenant, over restarts, for at
//     least seven days.
//   - [Log.Read] is dense: a lost or damaged record is a [*GapError] that names
//     the lost range and the file, never a skip.
//   - [Record.Personal] is on disk only sealed under its subject's key;
//     [DB.Erase] destroys that key and with it every copy.
//   - A full disk refuses writes with [ErrNoSpace] before the disk is full, and
//     writing resumes by itself. A failed commit makes the log read-only until
//     a probe write succeeds.
//
// # What it stores
//
// One data directory, one process (a lock file says which):
//
//	log/        Badger, synced: where blocks of records lie
//	            and blocks/ and joined/, the blocks; the truth
//	log/ids/    sorted tables of record ids, for deduplication; derived
//	log.hwm     the last (sequence, hash), written every second
//	leads/      Badger, not synced: what is derived from the log
//	            and values/, bodies/, what timelines and leads hold; synced before
//	            the rows that name it
//	meta/       Badger, synced: what cannot be derived
//	keys/       256 shards of subject keys, and a journal of new ones
//	lock        held while a process has the directory open
//
// # What it does not do
//
// It does not know what a row means: it packs bytes with a tenant, a subject
// and a sequence. It never prints or logs a record.
package storage
