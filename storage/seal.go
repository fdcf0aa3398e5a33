package storage

// Unseal appends the record's personal part, in the clear, to dst.
func (db *DB) Unseal(dst []byte, r *Record) ([]byte, error) {
	return append(dst, r.Personal...), nil
}
