package ingest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"ripen/tracker"
)

// Tally is what became of a file's lines: Lines = Events + the sum of Dropped.
// What the server says of the events it was sent comes on top.
type Tally struct {
	Lines   int
	Events  int
	Dropped map[string]int // :: reason → lines
	First   map[string]int // :: reason → the first line that was dropped for it
}

// Batch is a request's worth of a file: NDJSON for POST /v1/import, to be sent
// with a secret key. Message ids are made of line number and line, so sending a
// batch again changes nothing.
type Batch struct {
	Body   []byte // valid until the callee returns
	Events int
	Lines  []int // of each event, as an editor counts them; valid as Body is
	Line   int   // the last line it holds, counted from 1: resume after it
}

// ImportOptions are what all readers of files understand.
type ImportOptions struct {
	Size  int // events of a batch; 0 is 500, at most 2,500
	After int // lines to skip: the Line of the last batch that was accepted
}

func (o *ImportOptions) size() int {
	if o.Size <= 0 {
		return 500
	}
	return min(o.Size, tracker.MaxBatch)
}

// maxImportBody ends a batch early, well under what a request may hold.
const maxImportBody = 1 << 20

// maxLine bounds a line of a file; an event may not be larger anyway.
const maxLine = 4 * tracker.MaxEvent

// importer gathers a file's events into batches.
type importer struct {
	opts  ImportOptions
	post  func(Batch) error
	tally Tally
	batch Batch
	line  int // that is being read, as an editor counts
}

// Unpacked returns a file in the clear. Logs that were rotated are packed: gzip and
// zstd are known by their first bytes, which no text begins with.
func Unpacked(r io.Reader) (io.Reader, error) {
	br := bufio.NewReader(r)
	head, _ := br.Peek(4) // what is shorter is not packed
	switch packed(head) {
	case &gzips:
		return gzip.NewReader(br)
	case &zstds:
		return zstd.NewReader(br, zstd.WithDecoderConcurrency(1))
	}
	return br, nil
}

func newImporter(o ImportOptions, post func(Batch) error) *importer {
	return &importer{opts: o, post: post, tally: Tally{Dropped: map[string]int{}, First: map[string]int{}}}
}

func (im *importer) drop(reason string) {
	if im.tally.Dropped[reason]++; im.tally.First[reason] == 0 {
		im.tally.First[reason] = im.line
	}
}

// add takes one event's JSON.
func (im *importer) add(event []byte) {
	im.tally.Events++
	im.batch.Events++
	im.batch.Lines = append(im.batch.Lines, im.line)
	im.batch.Body = append(append(im.batch.Body, event...), '\n')
}

// full sends the batch once it is large enough.
func (im *importer) full(line int) error {
	im.batch.Line = line
	if im.batch.Events >= im.opts.size() || len(im.batch.Body) >= maxImportBody {
		return im.flush()
	}
	return nil
}

func (im *importer) flush() error {
	if im.batch.Events == 0 {
		return nil
	}
	err := im.post(im.batch)
	im.batch = Batch{Body: im.batch.Body[:0], Lines: im.batch.Lines[:0], Line: im.batch.Line}
	return err
}

// lines calls take with each line of a file, its end cut off, and counts what
// it says: nothing for a line that was added, else the reason it was dropped.
func (im *importer) lines(r io.Reader, take func(n int, line []byte) (dropped string)) (Tally, error) {
	br := bufio.NewReaderSize(r, maxLine)
	for n := 1; ; n++ {
		im.line = n
		line, err := br.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull)
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = br.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return im.tally, fmt.Errorf("read line %d: %w", n, err)
		}
		end := err != nil
		if end && len(line) == 0 {
			return im.tally, im.flush()
		}
		if n > im.opts.After {
			im.tally.Lines++
			reason := "too_long"
			if !long {
				reason = take(n, bytes.TrimRight(line, "\r\n"))
			}
			if reason != "" {
				im.drop(reason)
			}
			if err := im.full(n); err != nil {
				return im.tally, err
			}
		}
	}
}

// lineID returns the message id of a line: the same line in the same place is
// the same event.
func lineID(n int, line []byte) string {
	h := sha256.New()
	var num [8]byte
	binary.LittleEndian.PutUint64(num[:], uint64(n))
	h.Write(num[:])
	h.Write(line)
	e := tracker.Event{MessageUUID: true, MessageID: tracker.UUID8([32]byte(h.Sum(nil)))}
	return e.MessageText()
}

// importEvent is an event as the readers write one.
type importEvent struct {
	Type        string         `json:"type"`
	Event       string         `json:"event,omitempty"`
	MessageID   string         `json:"messageId"`
	AnonymousID string         `json:"anonymousId,omitempty"`
	UserID      string         `json:"userId,omitempty"`
	Timestamp   string         `json:"timestamp,omitempty"`
	Context     map[string]any `json:"context,omitempty"`
	Properties  map[string]any `json:"properties,omitempty"`
	Traits      map[string]any `json:"traits,omitempty"`
}

func (im *importer) addEvent(e *importEvent) {
	b, err := json.Marshal(e)
	if err != nil {
		panic("BUG: an import event cannot be written: " + err.Error()) // unreachable unless a value has no JSON form
	}
	im.add(b)
}
