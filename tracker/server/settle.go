package server

import (
	"context"
	"time"
)

// settleLimit is how long settle waits at most; settleTurn is how long it waits
// before it asks whether there is anything to wait for.
const (
	settleLimit = 10 * time.Minute
	settleTurn  = time.Second
)

// settle waits until everything up to a record is folded, scored and in view.
func (f *folder) settle(ctx context.Context, seq uint64) error {
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		turn, cancel := context.WithTimeout(ctx, settleTurn)
		s, err := f.wait(turn)
		if err == nil {
			err = s.settleAt(turn, seq)
		}
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
		if failed := f.failed(); failed != nil {
			return failed
		}
	}
}

// settlePoll is how often a state that is not at rest is looked at again.
const settlePoll = 2 * time.Millisecond

// settleAt waits until a record of the log is in view and the state has
// nothing left to do: no lead that a new card has not met, no timer that is due.
func (s *State) settleAt(ctx context.Context, seq uint64) error {
	if err := s.WaitSeen(ctx, seq); err != nil {
		return err
	}
	tick := time.NewTicker(settlePoll)
	defer tick.Stop()
	for !s.resting() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// resting says that only time or a new record will change a lead.
func (s *State) resting() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.deferred) > 0 {
		return false
	}
	now := s.clock()
	for _, t := range s.tenants {
		if next := t.timers.Next(); t.sweep != noSweep || next != 0 && next <= now {
			return false
		}
		if len(t.changes)+len(t.flying) > 0 { // on their way to the feed
			return false
		}
	}
	return true
}
