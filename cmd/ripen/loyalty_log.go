package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"ripen/tracker/train/loyalty"
)

// askPurchases asks the server for what every lead bought: a page of timelines at a time,
// so that a person who is several visitors is one customer.
func (c *call) askPurchases(ctx context.Context) (sheet *loyalty.Sheet, err error) {
	sheet = &loyalty.Sheet{Columns: map[string]string{}}
	err = c.withServer(ctx, func(cl *client) error {
		var ids []string
		cl.accept = "application/x-ndjson"
		err := cl.lines(ctx, "GET", "/v1/leads", nil, nil, func(line []byte) error {
			var l lead
			if err := decode(line, &l); err != nil {
				return fmt.Errorf("decode a lead: %w", err)
			}
			ids = append(ids, l.ID)
			return nil
		})
		if err != nil {
			return err
		}
		cl.accept = ""
		p := c.startProgress("leads", int64(len(ids)), countText)
		defer p.end()
		for i, id := range ids {
			p.to(int64(i))
			if err := addPurchases(ctx, cl, id, sheet); err != nil {
				return err
			}
		}
		return nil
	})
	return sheet, err
}

// addPurchases adds the lines of one lead's purchases. Products' names are sealed
// where no card names them, so they are asked for as personal.
func addPurchases(ctx context.Context, cl *client, id string, sheet *loyalty.Sheet) error {
	q := url.Values{"limit": {"1000"}, "personal": {"true"}}
	for {
		var page struct {
			Lead   string
			Events []struct {
				Time       time.Time
				Type       string
				Properties map[string]any
			}
			Next string
		}
		if err := cl.do(ctx, "GET", "/v1/leads/"+url.PathEscape(id)+"/events", q, nil, &page); err != nil {
			return err
		}
		for _, e := range page.Events {
			if e.Type == "purchase" {
				sheet.Lines = append(sheet.Lines, loyalty.Bought(page.Lead, e.Time.UnixMilli(), e.Properties, sheet.Columns)...)
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Set("after", page.Next)
	}
}
