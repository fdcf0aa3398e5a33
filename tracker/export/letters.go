package export

import (
	"bufio"
	"slices"
	"strconv"

	"ripen/tracker"
)

// letters answers the letters of a batch, or those that wait to be exported.
func (c *call) letters() error {
	batch := c.number("batch")
	if c.err != nil {
		return c.err
	}
	list, err := c.cfg.Journeys.Letters(c.tenant, int(batch), c.cfg.PublicURL)
	return c.tellLetters(list, err)
}

// exportLetters makes a batch of those that wait.
func (c *call) exportLetters() error {
	if c.cfg.PublicURL == "" {
		return &tracker.Error{Kind: tracker.KindConflict, Code: "no_public_url", Detail: "the codes on letters would lead nowhere: ask a server that was started with --public-url https://…"}
	}
	list, err := c.cfg.Journeys.ExportLetters(c.tenant, c.cfg.PublicURL)
	if err == nil {
		c.log.Info("letters exported", "tenant", c.tenant.ID, "letters", len(list), "key", c.caller.Key)
	}
	return c.tellLetters(list, err)
}

// tellLetters answers letters as JSON, or as CSV for a mail merge.
func (c *call) tellLetters(list []tracker.Letter, err error) error {
	if err != nil {
		return err
	}
	if !accepts(c.ctx, "text/csv") {
		c.page(map[string]any{"letters": list})
		return nil
	}
	c.ctx.Response.Header.Set("Content-Disposition", `attachment; filename="letters.csv"`)
	c.stream("text/csv; charset=utf-8", func(b *bufio.Writer) error {
		err := writeRow(b, slices.Concat([]string{"code", "link"}, tracker.LetterFields, []string{"text", "batch", "written", "lead", "journey", "step"}))
		for i := range list {
			l := &list[i]
			row := []string{l.Code, l.Link}
			for _, name := range tracker.LetterFields {
				row = append(row, l.To[name])
			}
			if err == nil {
				err = writeRow(b, append(row, l.Text, strconv.Itoa(l.Batch), l.Written, l.Lead, l.Journey, l.Step))
			}
		}
		return err
	})
	return nil
}
