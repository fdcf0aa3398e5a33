package console

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	// pause is the least time between two lists on one stream: a person sees
	// no more, and a burst of events costs one list.
	pause = 200 * time.Millisecond
	// beat is how often a silent stream says that it lives; it is also how long
	// a client that went away may go unnoticed.
	beat = 15 * time.Second
	// life ends a stream; the page opens another, with its key checked anew.
	life = 10 * time.Minute
)

// stream sends the list as server-sent events, now and whenever it changed.
func (h *Handler) stream(ctx *fasthttp.RequestCtx, q question) {
	select {
	case h.slots <- struct{}{}:
	default:
		ctx.Response.Header.Set("Retry-After", "10")
		problem(ctx, fasthttp.StatusServiceUnavailable, "overload", "too many live pages are open; close one")
		return
	}
	if _, err := h.leads(q); err != nil {
		<-h.slots
		fail(ctx, err)
		return
	}
	ctx.SetContentType("text/event-stream")
	ctx.Response.Header.Set("X-Accel-Buffering", "no")
	h.streams.Add(1)
	ctx.SetBodyStreamWriter(func(w *bufio.Writer) {
		defer h.streams.Done()
		defer func() { <-h.slots }()
		h.pump(w, q)
	})
}

// pump writes lists until the client or the handler goes away, or the stream is
// old enough for the caller's right to it to be asked again.
func (h *Handler) pump(w *bufio.Writer, q question) {
	ctx, cancel := context.WithTimeout(h.ctx, life)
	defer cancel()
	changed := h.c.Source.Subscribe(ctx, q.tenant.ID) // before the first list: no change falls between
	w.WriteString("retry: 1000\n\n")                  // ms until the page opens the next stream
	var last []byte
	for {
		list, err := h.leads(q)
		if err != nil {
			return // the page asks again, and then learns why
		}
		if last, err = send(w, list, last); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if !await(ctx, w, changed) {
			return
		}
	}
}

// send writes the list unless it is, but for the clock, the last one.
func send(w *bufio.Writer, list *leadsJSON, last []byte) ([]byte, error) {
	now := list.Now
	list.Now = 0
	b, err := json.Marshal(list)
	if err != nil || bytes.Equal(b, last) {
		return last, err
	}
	list.Now = now
	full, err := json.Marshal(list)
	if err != nil {
		return last, err
	}
	w.WriteString("event: leads\ndata: ")
	w.Write(full)
	w.WriteString("\n\n")
	return b, w.Flush()
}

// await waits for a change and keeps the connection alive meanwhile.
func await(ctx context.Context, w *bufio.Writer, changed <-chan struct{}) bool {
	alive := time.NewTicker(beat)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case _, ok := <-changed:
			return ok
		case <-alive.C:
			w.WriteString(":\n\n")
			if w.Flush() != nil {
				return false
			}
		}
	}
}
