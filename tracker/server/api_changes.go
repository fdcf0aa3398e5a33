package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// changeJSON is a line of the change feed and of a lead's score history.
type changeJSON struct {
	Seq        uint64 `json:"seq"`
	At         string `json:"at"`
	Time       string `json:"time"`
	Lead       string `json:"lead"`
	MergedInto string `json:"merged_into,omitempty"`
	Scorecard  string `json:"scorecard"`
	OldScore   *int   `json:"old_score"`
	NewScore   *int   `json:"new_score"`
	OldBand    string `json:"old_band,omitempty"`
	NewBand    string `json:"new_band,omitempty"`
	OldGrade   string `json:"old_grade,omitempty"`
	NewGrade   string `json:"new_grade,omitempty"`
	Cause      string `json:"cause"`
	Event      uint64 `json:"event,omitempty"`
}

func changeToJSON(c *tracker.Change) changeJSON {
	out := changeJSON{
		Seq: c.Seq, At: timeText(c.At), Time: timeText(c.Time), Lead: c.Lead.String(), Scorecard: c.Card, OldBand: c.OldBand,
		NewBand: c.NewBand, OldGrade: c.OldGrade, NewGrade: c.NewGrade, Cause: c.Cause, Event: c.Event,
	}
	if !c.MergedInto.IsZero() {
		out.MergedInto = c.MergedInto.String()
	}
	if c.OldScore >= 0 {
		out.OldScore = &c.OldScore
	}
	if c.NewScore >= 0 {
		out.NewScore = &c.NewScore
	}
	return out
}

// apiHistory answers a lead's score history, latest first.
func (s *Server) apiHistory(ctx *fasthttp.RequestCtx, w who, id string) error {
	q := &query{args: ctx.QueryArgs()}
	limit, before := int(q.number("limit")), q.number("before")
	st, done, err := s.past(q)
	if err != nil {
		return err
	}
	defer done()
	list, err := st.History(w.caller, w.tenant.ID, id, q.text("scorecard"), before, limit)
	if err != nil {
		return err
	}
	out := make([]changeJSON, 0, len(list))
	for i := range list {
		out = append(out, changeToJSON(&list[i]))
	}
	writeJSON(ctx, fasthttp.StatusOK, map[string]any{"scores": out})
	return nil
}

// maxWait bounds a long poll; heartbeat keeps a quiet stream alive.
const (
	maxWait   = time.Minute
	heartbeat = 15 * time.Second
)

// apiChanges answers the change feed after a sequence: what there is, as NDJSON,
// waiting up to wait= for the first; or with Accept: text/event-stream for ever.
func (s *Server) apiChanges(ctx *fasthttp.RequestCtx, w who, _ string) error {
	q := &query{args: ctx.QueryArgs()}
	after, limit := q.number("after"), int(q.number("limit"))
	if last := ctx.Request.Header.Peek("Last-Event-ID"); len(last) > 0 && q.text("after") == "" {
		n, err := strconv.ParseUint(string(last), 10, 63)
		if err != nil {
			q.bad("Last-Event-ID", "need a sequence number")
		}
		after = n
	}
	wait := time.Duration(0)
	if v := q.text("wait"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			q.bad("wait", "need a duration like 30s")
		}
		wait = min(d, maxWait)
	}
	st, _, err := s.past(q)
	if err != nil {
		return err
	}
	if accepts(ctx, "text/event-stream") {
		s.streamChanges(ctx, w, after)
		return nil
	}
	turn, cancel := context.WithTimeout(s.life, wait)
	defer cancel()
	list, err := st.Changes(turn, w.caller, w.tenant.ID, after, limit)
	if err != nil {
		return err
	}
	s.streamBody(ctx, "application/x-ndjson", func(b *bufio.Writer) error {
		enc := json.NewEncoder(b)
		for i := range list {
			if err := enc.Encode(changeToJSON(&list[i])); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// streamChanges sends changes as they come until the reader or the server goes.
func (s *Server) streamChanges(ctx *fasthttp.RequestCtx, w who, after uint64) {
	ctx.SetContentType("text/event-stream")
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.SetBodyStreamWriter(func(b *bufio.Writer) {
		for s.life.Err() == nil {
			turn, cancel := context.WithTimeout(s.life, heartbeat)
			list, err := s.folder.state().Changes(turn, w.caller, w.tenant.ID, after, 0)
			cancel()
			if err != nil {
				s.log.Warn("change stream", "err", err)
				return
			}
			if len(list) == 0 {
				fmt.Fprint(b, ": still here\n\n")
			}
			for i := range list {
				line, err := json.Marshal(changeToJSON(&list[i]))
				if err != nil {
					panic("BUG: a change has no JSON: " + err.Error())
				}
				fmt.Fprintf(b, "id: %d\nevent: change\ndata: %s\n\n", list[i].Seq, line)
				after = list[i].Seq
			}
			if b.Flush() != nil {
				return // the reader is gone
			}
		}
	})
}
