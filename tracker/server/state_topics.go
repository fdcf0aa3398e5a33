package server

import (
	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// topicMap is a tenant's topic map in force. It is none of the cards, and of the deck
// as they are: a new one makes a new generation, and every lead is walked again.
type topicMap struct {
	activation tracker.Activation
	topics     *scorecard.Topics
}

// inForce is the map, or nil if there is none or one without topics: that turns
// interests off.
func (m *topicMap) inForce() *scorecard.Topics {
	if m == nil || len(m.topics.Names) == 0 {
		return nil
	}
	return m.topics
}

// putTopics puts a topic map in force. mu is held.
func (s *State) putTopics(t *tenantState, a tracker.Activation, gen uint64) error {
	topics, err := scorecard.ParseTopics("topics.yaml", a.YAML)
	if err != nil {
		// The log cannot be changed any more: the tenant keeps what it had.
		s.cfg.slog().Error("a topic map in the log cannot be put in force", "tenant", t.id, "version", a.Version, "err", err)
		return nil
	}
	t.topics = &topicMap{a, topics}
	t.deal(gen)
	return nil
}

// topicsOf returns a tenant's topic map in force; nil if it has none.
func (s *State) topicsOf(tenant tracker.TenantID) *scorecard.Topics {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tenants[tenant]; t != nil {
		return t.topics.inForce()
	}
	return nil
}
