package server

import (
	"bufio"
	"context"
	"io"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/tracker/export"
)

// adminReplay derives everything again from the log while the server runs, and
// streams how far it has come.
func (s *Server) adminReplay(ctx *fasthttp.RequestCtx, _ string) error {
	if s.folder == nil {
		return errCaptureOnly
	}
	if !s.rebuilding.TryLock() {
		return &tracker.Error{Kind: tracker.KindConflict, Code: "busy", Detail: "a replay is under way already"}
	}
	st, err := s.state()
	if err != nil {
		s.rebuilding.Unlock()
		return err
	}
	export.Progress(ctx, s.log, "replay", func(say func(done, total uint64) error) (any, error) {
		defer s.rebuilding.Unlock()
		return nil, st.Replay(s.life, func(done, total uint64) {
			_ = say(done, total) // a reader that has gone does not stop the replay
		})
	})
	return nil
}

// streamCopy answers with the bytes that f writes. If it fails the connection
// breaks before the end of the answer, which no reader takes for whole.
func (s *Server) streamCopy(ctx *fasthttp.RequestCtx, what string, f func(ctx context.Context, w io.Writer) error) error {
	ctx.SetContentType("application/octet-stream")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	conn := ctx.Conn()
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		if err := f(s.life, w); err != nil {
			s.log.Error(what, "err", err)
			_ = conn.Close()
		}
	})
	return nil
}

func (s *Server) adminBackup(ctx *fasthttp.RequestCtx, _ string) error {
	return s.streamCopy(ctx, "backup", s.db.Backup)
}

func (s *Server) adminBackupKeys(ctx *fasthttp.RequestCtx, _ string) error {
	return s.streamCopy(ctx, "backup of keys", s.db.BackupKeys)
}

func (s *Server) adminErasures(ctx *fasthttp.RequestCtx, _ string) error {
	return s.streamCopy(ctx, "list of erasures", s.db.Erasures)
}
