package server

// giveUp tells of the cards whose modules have failed too often since it was
// last called. What comes of it comes by the log: this state goes on, without
// calling them.
func (s *State) giveUp() {
	for _, t := range s.tenants {
		for _, c := range t.cards {
			s.traps.Add(c.card.TakeTraps())
			why := c.card.Failed()
			if why == "" || c.told {
				continue
			}
			c.told = true
			s.cfg.slog().Error("a module failed too often: it is not called any more, and the last good scores stand",
				"tenant", t.id, "card", c.activation.Name(), "err", why)
			if s.cfg.Quarantine != nil && s.cfg.until == 0 {
				s.telling.Go(func() { s.cfg.Quarantine(t.id, c.activation, why) })
			}
		}
	}
}

// Traps is how many calls of modules have trapped since the state was opened.
func (s *State) Traps() uint64 { return s.traps.Load() }
