package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"ripen/tracker"
)

// folder keeps a State running. It opens the first beside all else, so that
// events are taken in while the leads are read. When the state loop fails its
// state is unknown: it is opened again from the last checkpoint, after a pause,
// while ingest goes on and queries see what was last known.
type folder struct {
	open func(ctx context.Context) (*State, error)
	log  *slog.Logger

	began   time.Time
	now     atomic.Pointer[State]
	opened  chan struct{}         // closed once now is set, or the first opening failed
	broken  chan error            // holds why the first opening failed
	failure atomic.Pointer[error] // why it does not fold at the moment; nil = it does
	cancel  context.CancelFunc
	done    chan struct{}
	end     error // of the last state; read after done
}

// foldPause is how long a failed state rests before it is opened again.
const foldPause = time.Second

// errStarting is the answer to questions that come before the leads are read.
var errStarting error = &tracker.Error{Kind: tracker.KindBusy, Code: "starting", Detail: "the server has just started and is reading the leads: ask again in a moment"}

// newFolder opens the state and runs it until close.
func newFolder(ctx context.Context, log *slog.Logger, open func(ctx context.Context) (*State, error)) *folder {
	f := &folder{open: open, log: log, began: time.Now(), opened: make(chan struct{}), broken: make(chan error, 1), done: make(chan struct{})}
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go f.run(ctx)
	return f
}

// state is the one that queries ask; nil until the first is open.
func (f *folder) state() *State { return f.now.Load() }

// wait is state for who has until ctx ends.
func (f *folder) wait(ctx context.Context) (*State, error) {
	select {
	case <-f.opened:
	case <-ctx.Done():
	}
	switch s := f.state(); {
	case s != nil:
		return s, nil
	case f.failed() != nil:
		return nil, f.failed()
	}
	return nil, errStarting
}

// failed says why nothing is folded at the moment; nil if all is well.
func (f *folder) failed() error {
	if p := f.failure.Load(); p != nil {
		return *p
	}
	return nil
}

func (f *folder) run(ctx context.Context) {
	defer close(f.done)
	s, err := f.open(ctx)
	if err != nil {
		f.failure.Store(&err)
		close(f.opened)
		f.broken <- err
		return
	}
	f.now.Store(s)
	close(f.opened)
	f.log.Info("leads open", "took", time.Since(f.began).Round(time.Millisecond))
	for {
		err := s.Run(ctx)
		if ctx.Err() != nil {
			f.end = errors.Join(err, s.Close())
			return
		}
		f.failure.Store(&err)
		f.log.Error("fold failed, opening the state again", "err", err)
		if s = f.again(ctx, s); s == nil {
			return
		}
		f.failure.Store(nil)
	}
}

// again opens the state until it succeeds; nil if ctx ends first. The failed
// state is closed only when its successor answers.
func (f *folder) again(ctx context.Context, failed *State) *State {
	for {
		select {
		case <-ctx.Done():
			f.end = failed.Close()
			return nil
		case <-time.After(foldPause):
		}
		s, err := f.open(ctx)
		if err == nil {
			f.now.Store(s)
			if err := failed.Close(); err != nil {
				f.log.Warn("close the failed state", "err", err)
			}
			return s
		}
		f.failure.Store(&err)
		f.log.Error("open the state", "err", err)
	}
}

// lag says how far the fold is behind the log. Before the state is open nobody
// knows more than that nothing was folded since.
func (f *folder) lag(ctx context.Context) (records uint64, ms int64) {
	if s := f.state(); s != nil {
		return s.Lag(ctx)
	}
	return 0, time.Since(f.began).Milliseconds()
}

// seen is the last record whose effects queries see.
func (f *folder) seen() uint64 {
	if s := f.state(); s != nil {
		return s.Seen()
	}
	return 0
}

// traps counts the calls of modules that trapped.
func (f *folder) traps() uint64 {
	if s := f.state(); s != nil {
		return s.Traps()
	}
	return 0
}

// close stores what is not stored and ends the state.
func (f *folder) close() error {
	f.cancel()
	<-f.done
	return f.end
}
