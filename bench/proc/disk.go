package proc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Disk is the space a data directory takes, as the file system counts it:
// blocks allocated, so that holes of sparse files cost nothing.
type Disk struct {
	Total int64
	Part  map[string]int64 // sub-directory (or file at the top) → bytes
}

// DiskUse adds up a data directory by its sub-directories. Files that vanish
// meanwhile are not counted.
func DiskUse(dir string) (Disk, error) {
	d := Disk{Part: map[string]int64{}}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil // vanished, or no file
		}
		size := info.Size()
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			size = st.Blocks * 512
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		part, _, _ := strings.Cut(filepath.ToSlash(rel), "/")
		d.Part[part] += size
		d.Total += size
		return nil
	})
	return d, err
}

// Sub is what d has more than before.
func (d Disk) Sub(before Disk) Disk {
	out := Disk{Total: d.Total - before.Total, Part: map[string]int64{}}
	for part, n := range d.Part {
		out.Part[part] = n - before.Part[part]
	}
	return out
}
