package server

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"
)

// folder keeps a State running. When the state loop fails its state is
// unknown: it is opened again from the last checkpoint, after a pause, while
// ingest goes on and queries see what was last known.
type folder struct {
	open func(ctx context.Context) (*State, error)
	log  *slog.Logger

	now     atomic.Pointer[State]
	failure atomic.Pointer[error] // why it does not fold at the moment; nil = it does
	cancel  context.CancelFunc
	done    chan struct{}
	end     error // of the last state; read after done
}

// foldPause is how long a failed state rests before it is opened again.
const foldPause = time.Second

// newFolder opens the state and runs it until close.
func newFolder(ctx context.Context, log *slog.Logger, open func(ctx context.Context) (*State, error)) (*folder, error) {
	s, err := open(ctx)
	if err != nil {
		return nil, err
	}
	f := &folder{open: open, log: log, done: make(chan struct{})}
	f.now.Store(s)
	ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go f.run(ctx, s)
	return f, nil
}

// state is the one that queries ask.
func (f *folder) state() *State { return f.now.Load() }

// failed says why nothing is folded at the moment; nil if all is well.
func (f *folder) failed() error {
	if p := f.failure.Load(); p != nil {
		return *p
	}
	return nil
}

func (f *folder) run(ctx context.Context, s *State) {
	defer close(f.done)
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

// close stores what is not stored and ends the state.
func (f *folder) close() error {
	f.cancel()
	<-f.done
	return f.end
}
