package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// claim refuses a directory that holds something else: RIPEN_DATA may point
// anywhere, and a database among someone's papers helps nobody.
func claim(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	for _, own := range []string{KeyFile, "lock", "log", "meta"} {
		if _, err := os.Stat(filepath.Join(dir, own)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("data directory %s is not empty and holds no data of Ripen: choose another, or an empty one", dir)
}
