package storage

// SyncHighWater makes the high-water mark current, as a second would.
func (db *DB) SyncHighWater() {
	if err := db.log.writeHighWater(); err != nil {
		panic(err)
	}
}
