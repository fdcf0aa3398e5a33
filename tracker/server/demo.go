package server

import (
	"context"
	"maps"
	"slices"

	"ripen/tracker"
	"ripen/tracker/demo"
)

// DemoKeys are the keys of the demo tenant.
type DemoKeys struct{ WriteKey, SecretKey string }

const demoName = "demo"

// Demo returns the keys of the demo tenant; empty outside the demo.
func (s *Server) Demo() DemoKeys { return s.demo }

// openDemo makes the demo tenant, or finds it, and puts its card in force. A
// tenant that is there already gets a new secret key: the old one cannot be
// shown any more.
func (s *Server) openDemo(ctx context.Context) error {
	name, yaml := "machines", demo.CardEnglish
	if s.cfg.Language == "es" {
		name, yaml = "cafeteras", demo.Card
	}
	s.demo.WriteKey = demoName
	t, err := s.registry.Named(demoName)
	if err == nil {
		s.demo.SecretKey, err = s.registry.Rotate(t.ID)
	} else {
		t, _, s.demo.SecretKey, err = s.registry.Create(demoName, demoName, "")
	}
	if err == nil {
		err = s.demoMessages(ctx, t.ID)
	}
	if err != nil || t.Ranking == name {
		return err
	}
	if _, err := s.registry.Draft(t.ID, name, yaml); err != nil {
		return err
	}
	_, err = s.registry.Publish(ctx, t.ID, name, true)
	return err
}

// demoMessages puts the shop's on-site messages in force, unless there are some:
// they may have been changed.
func (s *Server) demoMessages(ctx context.Context, id tracker.TenantID) error {
	there, err := s.journeys.Docs(id, tracker.Onsite)
	if err != nil || len(there) > 0 {
		return err
	}
	texts := textsAPI{s.journeys, s}
	for _, name := range slices.Sorted(maps.Keys(demo.Onsite())) {
		if _, err := texts.Draft(id, tracker.Onsite, name, demo.Onsite()[name]); err != nil {
			return err
		}
		if _, err := texts.Publish(ctx, id, tracker.Onsite, name, false); err != nil {
			return err
		}
	}
	return nil
}
