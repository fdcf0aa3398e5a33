package ingest

import (
	"ripen/tracker"
)

// settled counts and passes on the verdicts of a job, which are final.
func (h *Handler) settled(j *job) {
	h.count.events(j.items)
	h.tellAll(j)
}

// failed passes on that a job's events did not get into the log, and returns why.
func (h *Handler) failed(j *job, err error) error {
	if err != nil {
		j.lost()
		h.tellWatcher(j)
	}
	return err
}

// tellAll keeps the verdicts of a job, and shows them to who watches.
func (h *Handler) tellAll(j *job) {
	h.verdicts.keep(j, j.now)
	h.tellWatcher(j)
}

// watcher is who watches a source, or nil.
func (h *Handler) watcher(src *tracker.Source) func(tracker.Outcome) {
	if h.cfg.Watch == nil || src == nil {
		return nil
	}
	return h.cfg.Watch(src)
}

func (h *Handler) tellWatcher(j *job) {
	tell := h.watcher(j.source)
	if tell == nil {
		return
	}
	for i := range j.items {
		it := &j.items[i]
		o := tracker.Outcome{
			Protocol: j.name, Type: string(it.ev.Type), MessageID: string(it.given), Received: j.now, Status: it.status, Code: it.code,
			Letter: it.letter, Subject: it.ev.Subject(),
		}
		if it.status != tracker.Drop { // else it was not read to the end
			o.Judged, o.Machine, o.Reason = true, it.ev.Machine, it.ev.MachineReason
		}
		if it.rec > 0 {
			o.Seq = j.recs[it.rec-1].Seq
		}
		tell(o)
	}
}

// tellDropped passes on what is refused for good.
func (h *Handler) tellDropped(j *job, query bool) {
	if h.cfg.Dropped == nil || j.privacy {
		return // nothing is kept of who does not want it
	}
	for i := range j.items {
		it := &j.items[i]
		if it.status != tracker.Drop {
			continue
		}
		d := tracker.DeadLetter{
			Protocol: j.name, Kind: j.kind, Query: query, Code: it.code, Received: j.now, Subject: it.ev.Subject(), Trusted: j.trusted,
			Agent: string(j.agent), Text: j.b[it.from:it.to],
		}
		h.cfg.Dropped(j.source, &d)
		it.letter = d.ID
	}
}

// tellRefused passes on a whole request that is refused. A body that is refused
// for good becomes a dead letter, as far as it is kept.
func (h *Handler) tellRefused(src *tracker.Source, r route, e *tracker.Error, body []byte) {
	if src == nil {
		return
	}
	o := tracker.Outcome{Protocol: r.name, Received: h.cfg.now(), Status: tracker.Drop, Code: e.Code}
	switch e.Kind {
	case tracker.KindQuota, tracker.KindBusy:
		o.Status = tracker.Retry
	case tracker.KindInvalid, tracker.KindTooLarge:
		if h.cfg.Dropped != nil {
			d := tracker.DeadLetter{Protocol: r.name, Kind: r.kind, Code: e.Code, Received: o.Received, Trusted: src.Server, Text: body}
			h.cfg.Dropped(src, &d)
			o.Letter = d.ID
		}
	}
	if tell := h.watcher(src); tell != nil {
		tell(o)
	}
}

// tellPixel shows a picture's event that was not read.
func (h *Handler) tellPixel(src *tracker.Source, r route, v verdict) {
	if tell := h.watcher(src); tell != nil {
		tell(tracker.Outcome{Protocol: r.name, Type: r.kind, Received: h.cfg.now(), Status: v.status, Code: v.code})
	}
}
