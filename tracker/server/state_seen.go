package server

import (
	"context"
	"fmt"
	"time"
)

// Seen is the last record of the log whose effects queries see.
func (s *State) Seen() uint64 { return s.seen.Load() }

// WaitSeen waits until queries see the effects of a record.
func (s *State) WaitSeen(ctx context.Context, seq uint64) error {
	for {
		bell := s.ring()
		if s.seen.Load() >= seq {
			return nil
		}
		select {
		case <-bell:
		case <-ctx.Done():
			return fmt.Errorf("record %d is not in view yet: %w", seq, ctx.Err())
		}
	}
}

// steady waits, a while at most, until the state is past all that the feed told
// before it was opened: from then on it knows every lead that the feed names.
func (s *State) steady(ctx context.Context, wait time.Duration) bool {
	s.mu.RLock()
	mark := s.mark
	s.mu.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return s.WaitSeen(ctx, mark) == nil
}

// ring is closed when something new can be seen.
func (s *State) ring() <-chan struct{} {
	s.wake.Lock()
	defer s.wake.Unlock()
	return s.bell
}

func (s *State) ringOut() {
	s.wake.Lock()
	defer s.wake.Unlock()
	close(s.bell)
	s.bell = make(chan struct{})
}

// Lag is how far the state is behind the log: in records, and in milliseconds
// since the oldest one not applied was received.
func (s *State) Lag(ctx context.Context) (records uint64, ms int64) {
	last, err := s.log.Last(ctx, 0)
	if err != nil || last <= s.seen.Load() {
		return 0, 0
	}
	if at := s.lagging.Load(); at != 0 {
		ms = max(s.clock()-at, 0)
	}
	return last - s.seen.Load(), ms
}
