package server

import (
	"bufio"
	"context"
	"encoding/json"
	"io"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// stepJSON is a line of progress; the last one says end, or what went wrong.
type stepJSON struct {
	Done  uint64     `json:"done"`
	Total uint64     `json:"total"`
	End   bool       `json:"end,omitempty"`
	Error *stepError `json:"error,omitempty"`
}

type stepError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// adminReplay derives everything again from the log while the server runs, and
// streams how far it has come.
func (s *Server) adminReplay(ctx *fasthttp.RequestCtx, _ string) error {
	if s.folder == nil {
		return &tracker.Error{Kind: tracker.KindBusy, Code: "capture_only", Detail: "this server only captures: start it without --capture-only"}
	}
	if !s.rebuilding.TryLock() {
		return &tracker.Error{Kind: tracker.KindConflict, Code: "busy", Detail: "a replay is under way already"}
	}
	ctx.SetContentType("application/x-ndjson")
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		defer s.rebuilding.Unlock()
		var last stepJSON
		say := func() {
			if b, err := json.Marshal(last); err == nil {
				_, _ = w.Write(append(b, '\n')) // a reader that has gone does not stop the replay
				_ = w.Flush()
			}
		}
		err := s.folder.state().Replay(s.life, func(done, total uint64) {
			last.Done, last.Total = done, total
			say()
		})
		if last.End = err == nil; err != nil {
			s.log.Error("replay", "err", err)
			last.Error = &stepError{"failed", err.Error()}
		}
		say()
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
