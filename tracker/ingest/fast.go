package ingest

import (
	"context"

	"ripen/storage"
	"ripen/tracker"
)

// errQueueFull is answered like any overload.
var errQueueFull = &tracker.Error{
	Kind: tracker.KindBusy, Code: tracker.CodeOverload,
	Detail: "too much is waiting for the log: send it again later",
}

// fastGroup is how many records one Append of the fast queue takes at most, if
// its first batch is not larger.
const fastGroup = 4096

// enqueue hands a job to the fast queue. What its records point to outside the
// job, in the request, is copied first.
func (h *Handler) enqueue(j *job) error {
	for i := range j.recs {
		j.recs[i].ID = j.keep(j.recs[i].ID)
	}
	h.closing.RLock()
	defer h.closing.RUnlock()
	if h.closed {
		return errQueueFull
	}
	select {
	case h.fast <- j:
		return nil
	default:
		return errQueueFull
	}
}

// runFast writes what was acknowledged early, many requests at a time, until
// the queue is closed and empty.
func (h *Handler) runFast() {
	defer close(h.done)
	var group []storage.Record
	var jobs []*job
	for first := range h.fast {
		group, jobs = append(group[:0], first.recs...), append(jobs[:0], first)
	more:
		for len(group) < fastGroup {
			select {
			case j, ok := <-h.fast:
				if !ok {
					break more
				}
				group, jobs = append(group, j.recs...), append(jobs, j)
			default:
				break more
			}
		}
		err := h.cfg.Log.Append(context.Background(), 0, group)
		if err != nil {
			h.count.fastLost.Add(len(group))
			h.cfg.logger().Error("events acknowledged early were not stored", "events", len(group), "err", err)
		}
		rest := group
		for _, j := range jobs {
			rest = rest[copy(j.recs, rest):]
			if err == nil {
				j.duplicates()
				h.count.events(j.items)
			} else {
				j.lost()
			}
			h.tellAll(j)
			h.free(j)
		}
		clear(group)
	}
}

// lost takes back what was said too early.
func (d *decoder) lost() {
	for i := range d.items {
		if it := &d.items[i]; it.rec > 0 {
			it.verdict = verdict{tracker.Retry, tracker.CodeStorage}
		}
	}
}
