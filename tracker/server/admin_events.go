package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// logLine is one record of the log as `ripen events tail --json` prints it.
type logLine struct {
	Seq       uint64 `json:"seq,omitempty"`
	Received  string `json:"received"`
	Tenant    string `json:"tenant"`
	Kind      string `json:"kind"` // event, control, carry, alias
	Time      string `json:"time,omitempty"`
	Type      string `json:"type,omitempty"`
	MessageID string `json:"message_id,omitempty"`
	Source    uint32 `json:"source,omitempty"`
	Subject   string `json:"subject,omitempty"` // whose timeline it is filed under
	Machine   string `json:"machine,omitempty"`
	Reason    string `json:"machine_reason,omitempty"`
	Denied    bool   `json:"denied,omitempty"` // the person said no: counted, never scored
	// Consent is what was said with the event: purpose → granted, denied, pending.
	Consent map[string]string `json:"consent,omitempty"`
	Trusted *bool             `json:"trusted,omitempty"` // false: not from where the source's events come from
	export.EventFields
	Erased bool   `json:"erased,omitempty"` // its personal part is gone for ever
	Card   string `json:"scorecard,omitempty"`
}

// adminEvents streams the log from ?from= on as NDJSON; with ?follow=1 it
// waits for more until the reader or the server goes.
func (s *Server) adminEvents(ctx *fasthttp.RequestCtx, _ string) error {
	from, err := strconv.ParseUint(string(ctx.QueryArgs().Peek("from")), 10, 64)
	if err != nil && len(ctx.QueryArgs().Peek("from")) > 0 {
		return invalid("from", "need a sequence number")
	}
	follow := ctx.QueryArgs().GetBool("follow")
	export.Lines(ctx, func(w *bufio.Writer) error {
		t := logTail{db: s.db, name: s.tenantName, w: w, enc: json.NewEncoder(w)}
		t.enc.SetEscapeHTML(false)
		return t.run(s.life, from, follow)
	})
	return nil
}

// logTail writes the records of the log as lines.
type logTail struct {
	db    *storage.DB
	name  func(tracker.TenantID) string
	w     *bufio.Writer
	enc   *json.Encoder
	event tracker.Event
	plain []byte
}

func (t *logTail) run(ctx context.Context, from uint64, follow bool) error {
	log := t.db.Log()
	first, err := log.First(ctx, 0)
	if err != nil {
		return err
	}
	from = max(from, first)
	for {
		err := log.Read(ctx, 0, from, func(recs []storage.Record) error {
			for i := range recs {
				if err := t.record(&recs[i]); err != nil {
					return err
				}
				from = recs[i].Seq + 1
			}
			return ctx.Err()
		})
		if err == nil {
			err = t.w.Flush()
		}
		if err != nil || !follow {
			return err
		}
		if err := log.Wait(ctx, 0, from-1); err != nil {
			return err
		}
	}
}

// record writes one line. What cannot be decoded is an error: the log is the
// truth, and nothing of it is passed over.
func (t *logTail) record(r *storage.Record) error {
	l := logLine{Seq: r.Seq, Received: export.Time(r.Received), Tenant: t.name(r.Tenant)}
	switch r.Kind {
	case storage.KindEvent:
		if err := t.fill(&l, r); err != nil {
			return err
		}
	case storage.KindControl:
		l.Kind = "control"
		c, err := tracker.DecodeControl(r.Row)
		if err != nil {
			return err
		}
		if l.Type = c.Type(); c.Activation != nil {
			l.Card = c.Activation.Name()
		}
	case storage.KindCarry:
		l.Kind = "carry"
	case storage.KindBlank:
		l.Kind = "blank"
	default:
		l.Kind = "alias"
	}
	return t.enc.Encode(&l)
}

func (t *logTail) fill(l *logLine, r *storage.Record) (err error) {
	e := &t.event
	if err := tracker.DecodeRow(r.Row, e); err != nil {
		return err
	}
	e.Personal = e.Personal[:0]
	if len(r.Personal) > 0 {
		t.plain, err = t.db.Unseal(t.plain[:0], r)
		switch {
		case errors.Is(err, storage.ErrErased):
			l.Erased = true
		case err != nil:
			return err
		default:
			if e.Personal, err = tracker.DecodeFields(e.Personal, t.plain); err != nil {
				return err
			}
		}
	}
	l.Kind, l.Time, l.Type = "event", export.Time(e.Time), string(e.Type)
	l.MessageID, l.Source = e.MessageText(), e.Source
	l.Machine, l.Reason = e.Machine.String(), e.MachineReason.String()
	l.Denied, l.Consent = e.IsDenied(), export.Consent(e.Consent)
	if e.OffOrigin {
		l.Trusted = new(bool)
	}
	if s := e.Subject(); !s.IsZero() {
		l.Subject = s.String()
	}
	l.Put(e.Fields)
	l.Put(e.Personal)
	return nil
}
