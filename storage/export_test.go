package storage

// SyncHighWater makes the high-water mark current, as a second would.
func (db *DB) SyncHighWater() {
	if err := db.log.writeHighWater(); err != nil {
		panic(err)
	}
}

// LookAgain lets the next Writable look at the free space, as time would.
func (db *DB) LookAgain() { db.guard.looked.Store(0) }
