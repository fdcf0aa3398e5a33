//go:build race

package storage_test

// raceEnabled says that the race detector watches, which makes every opening of
// a database some twenty times slower.
const raceEnabled = true
