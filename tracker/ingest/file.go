package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/VictoriaMetrics/metrics"
)

// File is an optional file of the operator's, read whole into memory and read again
// whenever it is another. What is read is in force until a later one can be read:
// a file that is broken, half written or gone changes nothing, and says so. It is
// not mapped into memory, so that whoever cuts it short under us does no harm.
// A nil File is none.
type File[T any] struct {
	name string // of the setting
	path string
	most int64 // bytes
	read func(b []byte) (*T, error)
	now  atomic.Pointer[T]
	seen fs.FileInfo // of the file that Look read last, good or not; nil = none

	mu    sync.Mutex // guards the rest
	wrong error      // why what is in force is not what the file says; nil = it is
	loads int
	date  time.Time // of the file in force
}

// fileEvery is how often a file is looked at.
const fileEvery = 2 * time.Second

func openFile[T any](name, path string, most int64, read func(b []byte) (*T, error)) (*File[T], error) {
	f := &File[T]{name: name, path: path, most: most, read: read}
	if _, err := f.Look(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Now is what is in force; nil if there is no file.
func (f *File[T]) Now() *T {
	if f == nil {
		return nil
	}
	return f.now.Load()
}

// Look reads the file if it is another than the last time. The error stands until
// a file can be read. It is for one goroutine at a time.
func (f *File[T]) Look() (changed bool, err error) {
	is, err := os.Stat(f.path)
	if err == nil && f.seen != nil && sameFile(is, f.seen) {
		return false, f.Trouble()
	}
	var v *T
	if f.seen = nil; err == nil {
		v, err = f.load(is)
	}
	if err == nil {
		f.now.Store(v)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.wrong = withoutPath(err); err != nil {
		return false, f.wrong
	}
	f.loads, f.date = f.loads+1, is.ModTime()
	return true, nil
}

func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// errUnsettled is of a file that somebody writes while it is read.
var errUnsettled = errors.New("the file is being written: put the new one beside it and rename it into its place")

// load reads the file that is there.
func (f *File[T]) load(is fs.FileInfo) (*T, error) {
	f.seen = is
	switch {
	case !is.Mode().IsRegular():
		return nil, errors.New("need a plain file")
	case is.Size() > f.most:
		return nil, fmt.Errorf("need at most %d MB, have %d", f.most>>20, is.Size()>>20)
	}
	file, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b := make([]byte, is.Size())
	n, err := io.ReadFull(file, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	after, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if n < len(b) || !sameFile(is, after) {
		f.seen = nil // look again next time
		return nil, errUnsettled
	}
	return f.read(b)
}

// withoutPath takes the path out of an error: it is said where it is for the
// operator, and some of those who ask for our health are not.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// Trouble says why what is in force is not what the file says; nil = it is.
func (f *File[T]) Trouble() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.wrong
}

// Run looks at the file until ctx ends. What changes is logged, once.
func (f *File[T]) Run(ctx context.Context, set *metrics.Set, log *slog.Logger) {
	if f == nil {
		return
	}
	f.measure(set)
	tick := time.NewTicker(fileEvery)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		changed, err := f.Look()
		switch {
		case changed:
			said = ""
			log.Info("a new file is in force", "setting", f.name, "file", f.path)
		case err != nil && err.Error() != said:
			said = err.Error()
			log.Error("a file cannot be taken: the one before stays in force", "setting", f.name, "file", f.path, "err", err)
		}
	}
}

func (f *File[T]) measure(set *metrics.Set) {
	gauge := func(name string, value func() float64) {
		set.NewGauge(fmt.Sprintf("%s{setting=%q}", name, f.name), func() float64 {
			f.mu.Lock()
			defer f.mu.Unlock()
			return value()
		})
	}
	gauge("ripen_file_broken", func() float64 {
		if f.wrong != nil {
			return 1
		}
		return 0
	})
	gauge("ripen_file_loads_total", func() float64 { return float64(f.loads) })
	gauge("ripen_file_modified_seconds", func() float64 { return float64(f.date.Unix()) })
}
