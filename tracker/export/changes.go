package export

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
		Seq: c.Seq, At: Time(c.At), Time: Time(c.Time), Lead: c.Lead.String(), Scorecard: c.Card, OldBand: c.OldBand,
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

// history answers a lead's score history, latest first.
func (c *call) history() error {
	limit, before, card := c.limit(), c.number("before"), c.text("scorecard")
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	if err := c.ofLeads(st, card); err != nil {
		return err
	}
	list, err := st.History(c.caller, c.tenant.ID, c.name, card, before, limit)
	if err != nil {
		return err
	}
	out := make([]changeJSON, 0, len(list))
	for i := range list {
		out = append(out, changeToJSON(&list[i]))
	}
	c.page(map[string]any{"scores": out})
	return nil
}

// ofLeads refuses a name of which there are no changes: of no card in force, or of
// one of accounts, whose scores are worked out when somebody asks.
func (c *call) ofLeads(st Leads, card string) error {
	if card == "" {
		return nil
	}
	_, err := st.Leads(c.caller, c.tenant.ID, LeadQuery{Card: card, Limit: 1})
	return err
}

// only leaves the changes of one card; an empty name is any.
func only(list []tracker.Change, card string) []tracker.Change {
	if card == "" {
		return list
	}
	return slices.DeleteFunc(list, func(c tracker.Change) bool {
		name, _, _ := strings.Cut(c.Card, "@")
		return name != card
	})
}

// maxWait bounds a long poll.
const maxWait = time.Minute

// changes answers the change feed after a sequence: what there is, as NDJSON,
// waiting up to wait= for the first; or with Accept: text/event-stream for ever.
// A reader goes on where it was by the sequence of the last change it has. A
// browser that connects again sends it as Last-Event-ID beside the address it
// began with, so the later of the two counts. With scorecard= it is of one card.
func (c *call) changes() error {
	after, limit, wait, card := c.number("after"), c.limit(), c.duration("wait", maxWait), c.text("scorecard")
	if last := string(c.ctx.Request.Header.Peek("Last-Event-ID")); last != "" {
		n, err := strconv.ParseUint(last, 10, 63)
		if err != nil {
			c.bad("Last-Event-ID", "need a sequence number")
		}
		after = max(after, n)
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	done()
	if err := c.ofLeads(st, card); err != nil {
		return err
	}
	if accepts(c.ctx, "text/event-stream") {
		c.streamChanges(after, card)
		return nil
	}
	turn, cancel := context.WithTimeout(c.cfg.Life, wait)
	defer cancel()
	var list []tracker.Change
	for more := true; more && len(list) == 0; {
		if list, err = st.Changes(turn, c.caller, c.tenant.ID, after, limit); err != nil {
			return err
		}
		if more = len(list) > 0; more {
			after = list[len(list)-1].Seq
		}
		list = only(list, card)
	}
	c.stream("application/x-ndjson", func(b *bufio.Writer) error {
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
func (c *call) streamChanges(after uint64, card string) {
	c.ctx.SetContentType("text/event-stream")
	h := &c.ctx.Response.Header
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy must not hold it back
	hd, by, tenant := c.Handler, c.caller, c.tenant.ID
	c.ctx.SetBodyStreamWriter(func(b *bufio.Writer) {
		fmt.Fprint(b, "retry: 2000\n\n")
		for b.Flush() == nil && hd.cfg.Life.Err() == nil { // a failed flush: the reader is gone
			list, err := hd.nextChanges(by, tenant, after)
			if err != nil {
				hd.log.Warn("change stream", "err", err)
				return
			}
			if len(list) == 0 {
				fmt.Fprint(b, ": still here\n\n")
			} else {
				after = list[len(list)-1].Seq
			}
			list = only(list, card)
			for i := range list {
				line, err := json.Marshal(changeToJSON(&list[i]))
				if err != nil {
					panic("BUG: a change has no JSON: " + err.Error())
				}
				fmt.Fprintf(b, "id: %d\nevent: change\ndata: %s\n\n", list[i].Seq, line)
			}
		}
	})
}

// nextChanges waits for changes, for a heartbeat at most. It asks for the leads
// each time: they may have been opened anew. A key that was changed since ends
// nothing: the stream was opened with a good one.
func (h *Handler) nextChanges(by tracker.Caller, t tracker.TenantID, after uint64) ([]tracker.Change, error) {
	st, done, err := h.cfg.State(time.Time{})
	if err != nil {
		return nil, err
	}
	defer done()
	turn, cancel := context.WithTimeout(h.cfg.Life, h.cfg.heartbeat())
	defer cancel()
	return st.Changes(turn, by, t, after, 0)
}
