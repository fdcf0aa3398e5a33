package server

import (
	"errors"
	"fmt"
	"strings"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/wasm/scorecard"
)

// checklist says what a tenant still lacks before it goes live: data, criteria
// for them, points that come of these, and actions that lead somewhere.
func (s *Server) checklist(t *tracker.Tenant) ([]tracker.Check, error) {
	var list []tracker.Check
	add := func(step, name string, ok bool, fix string) {
		if ok {
			fix = ""
		}
		list = append(list, tracker.Check{Step: step, Name: name, OK: ok, Fix: fix})
	}
	st, err := s.state()
	if err != nil {
		return nil, err
	}
	caller := tracker.Caller{Role: tracker.AdminRole, Key: "checklist"}
	people, err := st.Count(caller, t.ID)
	if err != nil {
		return nil, err
	}
	add(tracker.CheckData, "events arrive", people > 0, "put the tag of 'ripen source show' on your pages, or import what there is")
	card, serves, err := s.rankingCard(t)
	if err != nil {
		return nil, err
	}
	add(tracker.CheckCriteria, "a scorecard is in force", serves, "ripen scorecard publish FILE")
	scored := false
	if serves {
		page, err := st.Leads(caller, t.ID, export.LeadQuery{Limit: 1})
		if err != nil {
			return nil, err
		}
		for _, l := range page.Leads {
			sc := l.Scores[t.Ranking]
			scored = scored || sc != nil && !sc.Null
		}
	}
	add(tracker.CheckPoints, "somebody has a score", scored, "'ripen leads top': do the card's rules meet the events that come? 'ripen scorecard simulate' says whom they move")
	more, err := s.checkActions(t, card)
	return append(list, more...), err
}

// rankingCard returns the card that orders the tenant's leads, nil if a module
// of the tenant's own does; serves says that there is one.
func (s *Server) rankingCard(t *tracker.Tenant) (card *scorecard.Card, serves bool, err error) {
	cards, err := s.registry.Cards(t.ID)
	if err != nil {
		return nil, false, err
	}
	for i := range cards {
		v := cards[i].Version(cards[i].Current)
		if cards[i].Name != t.Ranking || v == nil {
			continue
		}
		if strings.HasPrefix(string(v.YAML), tracker.ModuleRef) {
			return nil, true, nil
		}
		card, err = scorecard.Parse(cards[i].Name, v.YAML)
		return card, true, err
	}
	return nil, false, nil
}

// checkActions looks at where bands and mails lead.
func (s *Server) checkActions(t *tracker.Tenant, card *scorecard.Card) (list []tracker.Check, err error) {
	add := func(name string, ok bool, fix string) {
		if ok {
			fix = ""
		}
		list = append(list, tracker.Check{Step: tracker.CheckActions, Name: name, OK: ok, Fix: fix})
	}
	handoffs := 0
	if card != nil {
		seen := map[string]bool{}
		for _, b := range card.Bands {
			for i := range b.Actions {
				to := b.Actions[i].To
				if b.Actions[i].Do != "handoff" || seen[to] {
					continue
				}
				seen[to] = true
				handoffs++
				_, err := s.outbox.Webhook(t.ID, to)
				add("hand-offs reach "+to, err == nil, fmt.Sprintf("ripen webhook create %s URL", to))
			}
		}
	}
	mails, err := s.post.Templates(t.ID)
	if err != nil {
		return nil, err
	}
	add("something is done with a score", handoffs+len(mails) > 0, "let a band of the card hand leads over (on_band), or publish a mail: ripen mail template publish FILE")
	if len(mails) == 0 {
		return list, nil
	}
	sender, err := s.post.Sender(t.ID)
	if err != nil && tracker.KindOf(err) != tracker.KindConflict {
		return nil, err
	}
	add("mails have a sender", err == nil, "ripen mail sender --smtp URL --mail-from ADDRESS --selector ripen")
	add("mails are signed (DKIM)", sender.Selector != "", "ripen mail sender … --selector ripen, and put what it prints into the DNS")
	add("links in mails lead here", s.cfg.PublicURL != "", "start the server with --public-url https://…, as the world reaches it")
	return list, nil
}

// ready refuses to go live half-defined.
func (s *Server) ready(id tracker.TenantID) error {
	t := s.registry.Tenant(id)
	if t == nil {
		return errors.New("the tenant is gone")
	}
	list, err := s.checklist(t)
	if err != nil {
		return err
	}
	for _, c := range list {
		if !c.OK {
			return &tracker.Error{Kind: tracker.KindConflict, Code: "not_ready", Detail: fmt.Sprintf("set-up is not finished: %s, %s: %s ('ripen checklist' shows all)", c.Step, c.Name, c.Fix)}
		}
	}
	return nil
}
