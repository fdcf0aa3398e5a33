package ingest

import (
	"bytes"
	"io"

	"ripen/tracker"
)

// Events reads a file of events, one JSON object a line, in the shape of
// Segment's calls. An event without messageId gets one made of its line; sentAt
// is taken out, since it says nothing of a clock any more.
//
// A line is dropped as blank, too_long, not_an_event (a batch), or with the
// code of what is wrong with it as JSON.
func Events(r io.Reader, o ImportOptions, post func(Batch) error) (Tally, error) {
	im := newImporter(o, post)
	var s scanner
	return im.lines(r, func(n int, line []byte) string {
		line = trim(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
		if len(line) == 0 {
			return "blank"
		}
		s.resetScanner(line)
		keys, named, reason := s.look()
		if reason != "" {
			return reason
		}
		event := line[: len(line)-1 : len(line)-1]
		if keys > 0 {
			event = append(event, ',')
		}
		if !named {
			event = append(append(append(event, `"messageId":"`...), lineID(n, line)...), `",`...)
		}
		im.add(append(event, `"sentAt":null}`...)) // of two keys the last stands
		return ""
	})
}

// look reads the one object that a line must be.
func (s *scanner) look() (keys int, named bool, reason string) {
	if s.peek() != '{' {
		return 0, false, tracker.CodeInvalidJSON
	}
	for m := (members{}); ; {
		key, more, ok := s.member(&m, 1)
		if !ok {
			return 0, false, s.code
		}
		if !more {
			break
		}
		value, ok := s.skip(1)
		switch {
		case !ok:
			return 0, false, s.code
		case string(key) == "messageId":
			named = string(value) != "null" && string(value) != `""`
		case string(key) == "batch" && value[0] == '[':
			return 0, false, "not_an_event"
		}
		keys = m.n
	}
	if s.peek() != 0 || s.p < len(s.b) {
		return 0, false, tracker.CodeInvalidJSON
	}
	return keys, named, ""
}
