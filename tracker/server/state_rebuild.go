package server

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/fold"
)

// AsOf returns the state as it was at a moment: the same fold over the same
// log, led to that moment instead of now, with the cards that are in force
// today. Events that happened later do not count, however they were received.
// Nothing in the world changes: what it needs it keeps in an empty directory,
// which the caller removes after Close.
func AsOf(ctx context.Context, db *storage.DB, cfg StateConfig, until time.Time, dir string) (*State, error) {
	scratch, err := storage.Open(dir, storage.Options{})
	if err != nil {
		return nil, fmt.Errorf("open scratch directory: %w", err)
	}
	cfg.until, cfg.leads = until.UnixMilli(), scratch.Leads()
	s, err := OpenState(ctx, db, cfg)
	if err != nil {
		return nil, errors.Join(err, scratch.Close())
	}
	s.scratch = scratch
	if err := s.catchUp(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// AsOf is the function of the same name, on this state's log.
func (s *State) AsOf(ctx context.Context, until time.Time) (*State, error) {
	dir, err := os.MkdirTemp("", "ripen-as-of-")
	if err != nil {
		return nil, err
	}
	cfg := s.cfg
	cfg.Host = s.host
	past, err := AsOf(ctx, s.db, cfg, until, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	past.remove = dir
	return past, nil
}

// catchUp brings the state to the end of the log.
func (s *State) catchUp(ctx context.Context) error {
	for {
		more, err := s.turn(ctx)
		if err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Rebuild wipes leads/ and derives it again from the log, then returns. What
// the feed said stays; where a rebuilt score differs, one change with cause
// "replay" is appended. No other State may be open on the database. progress,
// if given, is called now and then with records done and in all.
func Rebuild(ctx context.Context, db *storage.DB, cfg StateConfig, progress func(done, total uint64)) error {
	if err := db.WipeLeads(); err != nil {
		return fmt.Errorf("rebuild: %w", err)
	}
	s, err := OpenState(ctx, db, cfg)
	if err != nil {
		return err
	}
	err = s.follow(ctx, progress)
	if err == nil {
		err = s.checkpoint(ctx)
	}
	return errors.Join(err, s.Close())
}

func (s *State) follow(ctx context.Context, progress func(done, total uint64)) error {
	for {
		more, err := s.turn(ctx)
		if err != nil {
			return err
		}
		if progress != nil {
			last, err := s.log.Last(ctx, 0)
			if err != nil {
				return err
			}
			progress(s.next-1, last)
		}
		if !more {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Replay does what [Rebuild] does while Run is running: queries see the state
// grow again from nothing.
func (s *State) Replay(ctx context.Context, progress func(done, total uint64)) error {
	req := replayRequest{done: make(chan error, 1)}
	select {
	case s.replays <- req:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := <-req.done; err != nil {
		return err
	}
	last, err := s.log.Last(ctx, 0)
	for err == nil {
		bell := s.ring()
		seen := s.seen.Load()
		if progress != nil {
			progress(seen, last)
		}
		if seen >= last {
			return nil
		}
		select {
		case <-bell:
		case <-time.After(200 * time.Millisecond):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return err
}

// replayRequest asks the loop to begin again from nothing.
type replayRequest struct {
	done chan error
}

// restart is a replay's part in the loop. After an error the state is unknown.
func (s *State) restart(ctx context.Context) error {
	if err := s.landed(ctx, true); err != nil {
		return err
	}
	if c := s.fold.Committing(); c != nil {
		<-c
	}
	return s.locked(func() error {
		for _, t := range s.tenants {
			if err := t.close(); err != nil {
				return err
			}
		}
		s.fold.Close()
		if err := s.db.WipeLeads(); err != nil {
			return err
		}
		return s.open(ctx)
	})
}

func formatPlace(p fold.Place) string {
	return base64.RawURLEncoding.EncodeToString(fold.AppendPlace(nil, p))
}

func parsePlace(s string) (fold.Place, error) {
	if s == "" {
		return fold.Place{}, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		var p fold.Place
		if p, b, err = fold.ReadPlace(b); err == nil && len(b) == 0 {
			return p, nil
		}
	}
	return fold.Place{}, &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_cursor", Detail: "after: not a cursor of this list; use the next of a page"}
}
