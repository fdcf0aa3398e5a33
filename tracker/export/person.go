package export

import (
	"bufio"
	"encoding/json"
	"slices"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// What people decide about a person: that two leads are one, that an identity is
// not the lead's, that all that is kept is handed over, or forgotten.

func (c *call) merge() error {
	var body struct {
		With string `json:"with"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	if body.With == "" {
		return invalid("with", "need the other lead: its id, a user id, an e-mail or a visitor id")
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	id, err := st.Merge(c.cfg.Life, c.caller, c.tenant.ID, c.name, body.With)
	if err != nil {
		return err
	}
	c.log.Info("leads merged", "tenant", c.tenant.ID, "lead", id, "key", c.caller.Key)
	JSON(c.ctx, fasthttp.StatusOK, map[string]string{"lead": id.String()})
	return nil
}

func (c *call) unmerge() error {
	var body struct {
		Identity string `json:"identity"`
	}
	if err := c.body(&body); err != nil {
		return err
	}
	if body.Identity == "" {
		return invalid("identity", "need the identity to take out: its id, or a user id, an e-mail or a visitor id")
	}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	id, err := st.Unmerge(c.cfg.Life, c.caller, c.tenant.ID, c.name, body.Identity)
	if err != nil {
		return err
	}
	c.log.Info("identity taken out of a lead", "tenant", c.tenant.ID, "lead", id, "key", c.caller.Key)
	out := map[string]string{"lead": ""}
	if !id.IsZero() {
		out["lead"] = id.String()
	}
	JSON(c.ctx, fasthttp.StatusOK, out)
	return nil
}

func (c *call) erase() error {
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	n, err := st.Erase(c.cfg.Life, c.caller, c.tenant.ID, c.name)
	if err != nil {
		return err
	}
	c.log.Info("lead erased", "tenant", c.tenant.ID, "timelines", n, "key", c.caller.Key)
	JSON(c.ctx, fasthttp.StatusOK, map[string]int{"timelines": n})
	return nil
}

// archive answers with all that is kept of a person, a line each: the lead, its
// events with what is sealed, latest first, its changes of score.
func (c *call) archive() error {
	st, done, err := c.at()
	if err != nil {
		return err
	}
	by, t, who := c.caller, c.tenant.ID, c.name
	l, err := st.Lead(by, t, who)
	if err != nil {
		done()
		return err
	}
	ranking := c.tenant.Ranking
	c.ctx.Response.Header.Set("Content-Disposition", `attachment; filename="`+l.ID.String()+`.ndjson"`)
	c.stream("application/x-ndjson", func(w *bufio.Writer) error {
		defer done()
		enc := json.NewEncoder(w)
		if err := enc.Encode(map[string]any{"lead": leadToJSON(l, ranking)}); err != nil {
			return err
		}
		if err := archiveEvents(enc, st, by, t, l.ID.String()); err != nil {
			return err
		}
		return archiveChanges(enc, st, by, t, l)
	})
	return nil
}

func archiveEvents(enc *json.Encoder, st Leads, by tracker.Caller, t tracker.TenantID, who string) error {
	for after := ""; ; {
		page, err := st.Timeline(by, t, who, after, archivePage, true)
		if err != nil {
			return err
		}
		for i := range page.Events {
			if err := enc.Encode(map[string]any{"event": eventToJSON(&page.Events[i])}); err != nil {
				return err
			}
		}
		if after = page.Next; after == "" {
			return nil
		}
	}
}

func archiveChanges(enc *json.Encoder, st Leads, by tracker.Caller, t tracker.TenantID, l *tracker.Lead) error {
	var cards []string
	for card := range l.Scores {
		cards = append(cards, card)
	}
	slices.Sort(cards)
	for _, card := range cards {
		for before := uint64(0); ; {
			list, err := st.History(by, t, l.ID.String(), card, before, archivePage)
			if err != nil {
				return err
			}
			for i := range list {
				if err := enc.Encode(map[string]any{"change": changeToJSON(&list[i])}); err != nil {
					return err
				}
			}
			if len(list) < archivePage {
				break
			}
			before = list[len(list)-1].Seq
		}
	}
	return nil
}

// archivePage is how many lines of an archive are read at a time.
const archivePage = 500
