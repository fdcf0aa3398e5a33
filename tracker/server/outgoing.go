package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ripen/tracker"
	"ripen/tracker/handoff"
	"ripen/tracker/outbox"
	"ripen/tracker/rank"
)

// openOutgoing opens what leaves this machine and what comes back of it.
func (s *Server) openOutgoing() (err error) {
	if err := beginActing(s.db.Meta(), s.registry.Tenants(), rank.OpenFeed(s.db.Meta()).Last); err != nil {
		return fmt.Errorf("begin to act: %w", err)
	}
	s.handoffs = handoff.New(handoff.Config{DB: s.db, Tenant: s.registry.Tenant, Source: s.registry.FirstSource, Logger: s.log})
	s.openPost()
	s.outbox, err = outbox.New(outbox.Config{
		Channels: map[string]outbox.Channel{tracker.MailPlace: {Concurrency: mailConcurrency, Send: s.post.Send}},
		DB:       s.db, Tenants: s.registry.Tenants, Allow: s.cfg.WebhookAllow, Version: s.cfg.Version, Logger: s.log,
		Count: func(outcome string) {
			s.set.GetOrCreateCounter(fmt.Sprintf("ripen_outbox_attempts_total{outcome=%q}", outcome)).Inc()
		},
	})
	s.journeys = s.openJourneys()
	s.onsite = s.openOnsite()
	return err
}

// runOutgoing starts the loops of a server that folds. One that runs for the
// length of a command sends nothing and acts on nothing.
func (s *Server) runOutgoing() {
	if s.folder == nil || s.cfg.Private {
		return
	}
	for _, outcome := range []string{tracker.OutcomeAccepted, tracker.OutcomeRefused, tracker.OutcomeUnreachable, tracker.OutcomeUnknown, tracker.OutcomePutOff} {
		s.set.GetOrCreateCounter(fmt.Sprintf("ripen_outbox_attempts_total{outcome=%q}", outcome))
	}
	depth := &counted{ask: s.countOutgoing}
	for i, name := range []string{"ripen_outbox_depth", "ripen_outbox_parked", "ripen_handoffs_pending", "ripen_handoffs_overdue"} {
		s.set.NewGauge(name, func() float64 { return depth.get(i) })
	}
	s.samples.Go(func() { s.outbox.Run(s.life) })
	s.samples.Go(func() { s.handoffs.Run(s.life) })
	s.samples.Go(func() { s.act(s.life) })
	s.samples.Go(func() { s.journeys.Run(s.life) })
	s.samples.Go(func() { s.onsite.Run(s.life) })
	s.samples.Go(func() { s.forgetSent(s.life) })
}

// countOutgoing counts what waits, over all tenants.
func (s *Server) countOutgoing() (n [4]float64) {
	waiting, parked, err := s.outbox.Count()
	n[0], n[1] = float64(waiting), float64(parked)
	for _, t := range s.registry.Tenants() {
		pending, overdue, _, e := s.handoffs.Count(t.ID)
		n[2], n[3] = n[2]+float64(pending), n[3]+float64(overdue)
		if err == nil {
			err = e
		}
	}
	if err != nil {
		s.log.Warn("count what waits to leave", "err", err)
		return [4]float64{-1, -1, -1, -1}
	}
	return n
}

// counted keeps what takes a scan to count for as long as a scrape takes.
type counted struct {
	ask func() [4]float64

	mu sync.Mutex // guards what follows
	at time.Time
	n  [4]float64
}

func (c *counted) get(i int) float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.at) > time.Second {
		c.n, c.at = c.ask(), time.Now()
	}
	return c.n[i]
}

// forgetSent drops, once an hour, intents that ended long ago.
func (s *Server) forgetSent(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, t := range s.registry.Tenants() {
			for from := uint64(1); from != 0 && ctx.Err() == nil; {
				next, err := s.outbox.Forget(t.ID, from)
				if err != nil {
					s.log.Warn("forget what was delivered long ago", "err", err)
				}
				from = next
			}
		}
	}
}
