package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"sync"
	"time"
)

// The high-water file names the last committed (sequence, link). Badger does
// not notice a flipped bit in its WAL, it ends there; so this file, beside it
// and written every second, tells an end from a loss. It has two slots,
// written in turn, so that a torn write never costs both.
//
//	file = slot zeros:448 slot
//	slot = "RHW1" generation:8 sequence:8 link:16 zero:24 crc:4
const (
	hwSlotSize = 64
	hwSecond   = 512
	hwFileSize = hwSecond + hwSlotSize
	hwName     = "log.hwm"
	hwMagic    = "RHW1"
	hwInterval = time.Second
)

type highWater struct {
	gen  uint64
	seq  uint64
	link chainHash
}

func appendHighWater(dst []byte, h *highWater) []byte {
	n := len(dst)
	dst = append(dst, hwMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, h.gen)
	dst = binary.LittleEndian.AppendUint64(dst, h.seq)
	dst = append(dst, h.link[:]...)
	dst = append(dst, make([]byte, 24)...)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[n:], castagnoli))
}

func parseHighWater(b []byte) (h highWater, err error) {
	switch {
	case len(b) < hwSlotSize:
		return h, fmt.Errorf("high water: need %d bytes, have %d", hwSlotSize, len(b))
	case crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]):
		return h, errors.New("high water: checksum does not match")
	case string(b[:4]) != hwMagic:
		return h, errors.New("high water: unknown format: upgrade this binary")
	}
	return highWater{binary.LittleEndian.Uint64(b[4:]), binary.LittleEndian.Uint64(b[12:]), chainHash(b[20:36])}, nil
}

// parseHighWaterFile returns the newer good slot; bad says that the other one
// is damaged.
func parseHighWaterFile(b []byte) (h highWater, bad bool, err error) {
	if len(b) != hwFileSize {
		return h, false, fmt.Errorf("high water: need %d bytes, have %d", hwFileSize, len(b))
	}
	one, err1 := parseHighWater(b)
	two, err2 := parseHighWater(b[hwSecond:])
	switch {
	case err1 != nil && err2 != nil:
		return h, false, err1
	case err1 != nil || err2 == nil && two.gen > one.gen:
		return two, err1 != nil, nil
	}
	return one, err2 != nil, nil
}

// highWaterFile is the open high-water file.
type highWaterFile struct {
	mu      sync.Mutex // held over a write
	f       *os.File
	written highWater // what is on disk
}

// openHighWater opens the file; it makes one for a database that is new.
func openHighWater(path string, fresh bool, log *slog.Logger) (*highWaterFile, error) {
	b, err := os.ReadFile(path)
	if fresh && errors.Is(err, os.ErrNotExist) {
		if err := createHighWater(path, highWater{}); err != nil {
			return nil, err
		}
		b, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	h, damaged, err := parseHighWaterFile(b)
	if err != nil {
		return nil, err
	}
	if damaged {
		log.Warn("storage: one of the two slots of a high-water file is damaged; the other one is used", "file", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &highWaterFile{f: f, written: h}, nil
}

// createHighWater writes the file anew.
func createHighWater(path string, h highWater) error {
	slot := appendHighWater(nil, &h)
	b := make([]byte, hwFileSize)
	copy(b, slot)
	copy(b[hwSecond:], slot)
	return replaceFile(path, b, 0o600)
}

// write makes (seq, link) durable in the older slot.
func (w *highWaterFile) write(seq uint64, link chainHash, fault Fault) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if seq == w.written.seq && link == w.written.link {
		return nil
	}
	return fault.of(func() error {
		h := highWater{w.written.gen + 1, seq, link}
		at := int64(0)
		if h.gen%2 == 1 {
			at = hwSecond
		}
		if _, err := w.f.WriteAt(appendHighWater(nil, &h), at); err != nil {
			return fmt.Errorf("write high water: %w", err)
		}
		if err := fdatasync(w.f); err != nil {
			return fmt.Errorf("write high water: %w", err)
		}
		w.written = h
		return nil
	})
}

// durable returns what the file is known to hold.
func (w *highWaterFile) durable() highWater {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.written
}
