package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/journey"
	"ripen/wasm/scorecard"
)

// checks collects what holds of a set-up and what does not.
type checks []tracker.Check

func (l *checks) add(step string, name tracker.Words, ok bool, fix tracker.Words) {
	if ok {
		fix = tracker.Words{}
	}
	*l = append(*l, tracker.Check{Step: step, Name: name, OK: ok, Fix: fix})
}

// What is done about what lacks in more than one place.
var givePublicURL = tracker.Words{
	EN: "start the server with --public-url https://…, as the world reaches it",
	ES: "arranca el servidor con --public-url https://…, como lo alcanza el mundo",
}

func makeWebhook(name string) tracker.Words {
	return tracker.Words{EN: fmt.Sprintf("ripen webhook create %s URL", name)}
}

// lacking says which of several are not there.
func lacking(en, es string, names []string) tracker.Words {
	list := strings.Join(names, ", ")
	return tracker.Words{EN: en + list, ES: es + list}
}

// lack adds what is missing.
func (l *checks) lack(step string, name, fix tracker.Words) { l.add(step, name, false, fix) }

// lackOf adds each of the names that a card has not.
func (l *checks) lackOf(card string, kind tracker.Words, names, own []string) {
	fix := tracker.Words{EN: "write one of its own: " + strings.Join(own, ", "), ES: "escribe una de las suyas: " + strings.Join(own, ", ")}
	if len(own) == 0 {
		fix = tracker.Words{EN: "it has none: go by a band, or give a dimension grades", ES: "no tiene ninguna: usa una banda, o da grades a una dimensión"}
	}
	for _, name := range names {
		if !slices.Contains(own, name) {
			l.lack(tracker.CheckCriteria, tracker.Words{
				EN: fmt.Sprintf("the scorecard %s has no %s %s", card, kind.EN, name), ES: fmt.Sprintf("la tarjeta %s no tiene %s %s", card, kind.ES, name),
			}, fix)
		}
	}
}

// checklist says what a tenant still lacks before it goes live: data, criteria
// for them, points that come of these, and actions that lead somewhere.
func (s *Server) checklist(t *tracker.Tenant) ([]tracker.Check, error) {
	list, card, err := s.checkGround(t)
	if err == nil {
		err = s.checkActions(t, card, &list)
	}
	return list, err
}

// checkGround looks at data, criteria and points, without which there is nothing to act
// on; it returns the card that orders the tenant's leads, nil if there is none to read.
func (s *Server) checkGround(t *tracker.Tenant) (list checks, card *scorecard.Card, err error) {
	if s.folder == nil {
		return nil, nil, errCaptureOnly
	}
	s.catchUp() // who has just sent an event is not told that none arrive
	st, err := s.state()
	if err != nil {
		return nil, nil, err
	}
	caller := tracker.Caller{Role: tracker.AdminRole, Key: "checklist"}
	people, err := st.Count(caller, t.ID)
	if err != nil {
		return nil, nil, err
	}
	list.add(tracker.CheckData, tracker.Words{EN: "events arrive", ES: "llegan eventos"}, people > 0, tracker.Words{
		EN: "put the tag of 'ripen source show' on your pages, or import what there is",
		ES: "pon la etiqueta de 'ripen source show' en tus páginas, o importa lo que haya",
	})
	card, serves, err := s.rankingCard(t)
	if err != nil {
		return nil, nil, err
	}
	list.add(tracker.CheckCriteria, tracker.Words{EN: "a scorecard is in force", ES: "hay una tarjeta en vigor"}, serves, tracker.Words{EN: "ripen scorecard publish FILE"})
	scored := false
	if serves {
		page, err := st.Leads(caller, t.ID, export.LeadQuery{Limit: 1})
		if err != nil {
			return nil, nil, err
		}
		for _, l := range page.Leads {
			sc := l.Scores[t.Ranking]
			scored = scored || sc != nil && !sc.Null
		}
	}
	list.add(tracker.CheckPoints, tracker.Words{EN: "somebody has a score", ES: "alguien tiene puntos"}, scored, tracker.Words{
		EN: "'ripen leads top': do the card's rules meet the events that come? 'ripen scorecard simulate' says whom they move",
		ES: "'ripen leads top': ¿encajan las reglas de la tarjeta con los eventos que llegan? 'ripen scorecard simulate' dice a quién mueven",
	})
	return list, card, nil
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

// checkActions looks at where bands, journeys and mails lead.
func (s *Server) checkActions(t *tracker.Tenant, card *scorecard.Card, list *checks) error {
	asked, err := s.checkBands(t.ID, card, list)
	if err != nil {
		return err
	}
	mails, err := s.post.Templates(t.ID)
	if err != nil {
		return err
	}
	named, walked, err := s.checkJourneys(t.ID)
	if err != nil {
		return err
	}
	list.add(tracker.CheckActions, tracker.Words{EN: "something is done with a score", ES: "se hace algo con los puntos"}, asked || walked || len(mails) > 0, tracker.Words{
		EN: "let a band of the card hand leads over (on_band), publish a journey: ripen journey publish FILE, or a mail: ripen mail template publish FILE",
		ES: "haz que una banda de la tarjeta entregue leads (on_band), publica un recorrido: ripen journey publish FILE, o un correo: ripen mail template publish FILE",
	})
	if len(mails) > 0 {
		err = s.checkPost(t.ID, list)
	}
	for _, c := range named {
		if !slices.ContainsFunc(*list, func(o tracker.Check) bool { return o.Fix == c.Fix }) {
			*list = append(*list, c)
		}
	}
	return err
}

// checkBands looks at what entering the bands of a card sets off; any says that it tells
// somebody.
func (s *Server) checkBands(t tracker.TenantID, card *scorecard.Card, list *checks) (any bool, err error) {
	if card == nil {
		return false, nil
	}
	seen := map[string]bool{}
	for _, b := range card.Bands {
		for i := range b.Actions {
			do, to := b.Actions[i].Do, b.Actions[i].To
			if seen[do+" "+to] {
				continue
			}
			seen[do+" "+to] = true
			any = any || do == doHandoff || do == doNotify
			if err := s.checkAction(t, b.Name, do, to, list); err != nil {
				return any, err
			}
		}
	}
	return any, nil
}

// checkAction looks at where one thing leads that a band sets off.
func (s *Server) checkAction(t tracker.TenantID, band, do, to string, list *checks) error {
	switch do {
	case doNotify:
		list.add(tracker.CheckActions, tracker.Words{
			EN: fmt.Sprintf("the band %s notifies %s", band, to), ES: fmt.Sprintf("la banda %s avisa a %s", band, to),
		}, s.hasWebhook(t, to), makeWebhook(to))
	case "audience":
		list.lack(tracker.CheckActions, tracker.Words{
			EN: fmt.Sprintf("the band %s joins the audience %s", band, to), ES: fmt.Sprintf("la banda %s entra en la audiencia %s", band, to),
		}, tracker.Words{EN: scorecard.NoAudiences, ES: scorecard.Words("es", scorecard.NoAudiences)})
	case doHandoff:
		list.add(tracker.CheckActions, tracker.Words{EN: "hand-offs reach " + to, ES: "las entregas llegan a " + to}, s.hasWebhook(t, to), makeWebhook(to))
	case "journey":
		d, err := s.journeys.Doc(t, tracker.Journeys, to)
		if err != nil && tracker.KindOf(err) != tracker.KindNotFound {
			return err
		}
		list.add(tracker.CheckActions, tracker.Words{
			EN: fmt.Sprintf("the band %s begins the journey %s", band, to), ES: fmt.Sprintf("la banda %s empieza el recorrido %s", band, to),
		}, d.Current != 0, tracker.Words{EN: "ripen journey publish FILE, or take it out of on_band", ES: "ripen journey publish FILE, o quítalo de on_band"})
	}
	return nil
}

// checkJourneys looks at what the journeys in force name, and returns what is missing;
// any says that there are some.
func (s *Server) checkJourneys(t tracker.TenantID) (missing checks, any bool, err error) {
	docs, err := s.journeys.Docs(t, tracker.Journeys)
	if err != nil {
		return nil, false, err
	}
	for i := range docs {
		v := docs[i].Version(docs[i].Current)
		if v == nil {
			continue
		}
		any = true
		lacks, err := s.journeys.Lacks(t, docs[i].Name, v.YAML)
		if err != nil {
			return nil, any, err
		}
		for _, c := range lacks {
			if !c.OK && c.Step == tracker.CheckActions {
				missing.lack(c.Step, tracker.Words{EN: "journey " + docs[i].Name + ": " + c.Name.EN, ES: "recorrido " + docs[i].Name + ": " + c.Name.In("es")}, c.Fix)
			}
		}
	}
	return missing, any, nil
}

func (s *Server) hasWebhook(t tracker.TenantID, name string) bool {
	_, err := s.outbox.Webhook(t, name)
	return err == nil
}

// checkPost looks at what mails need to leave and to lead back.
func (s *Server) checkPost(t tracker.TenantID, list *checks) error {
	sender, err := s.post.Sender(t)
	if err != nil && tracker.KindOf(err) != tracker.KindConflict {
		return err
	}
	list.add(tracker.CheckActions, tracker.Words{EN: "mails have a sender", ES: "los correos tienen remitente"}, err == nil,
		tracker.Words{EN: "ripen mail sender --smtp URL --mail-from ADDRESS --selector ripen"})
	list.add(tracker.CheckActions, tracker.Words{EN: "mails are signed (DKIM)", ES: "los correos van firmados (DKIM)"}, sender.Selector != "", tracker.Words{
		EN: "ripen mail sender … --selector ripen, and put what it prints into the DNS",
		ES: "ripen mail sender … --selector ripen, y pon en el DNS lo que imprime",
	})
	list.add(tracker.CheckActions, tracker.Words{EN: "links in mails lead here", ES: "los enlaces de los correos llevan aquí"}, s.cfg.PublicURL != "", givePublicURL)
	return nil
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
	return tracker.NotReady(list)
}

// check says what a journey lacks before it goes live: the ground, and each thing that
// it names.
func (w *journeyWorld) check(id tracker.TenantID, j *journey.Journey) ([]tracker.Check, error) {
	t := w.s.registry.Tenant(id)
	if t == nil {
		return nil, errors.New("the tenant is gone")
	}
	list, card, err := w.s.checkGround(t)
	if err != nil {
		return nil, err
	}
	if card != nil {
		bands := make([]string, 0, len(card.Bands))
		for _, b := range card.Bands {
			bands = append(bands, b.Name)
		}
		list.lackOf(card.Name, tracker.Words{EN: "band", ES: "banda"}, j.Bands(), bands)
		list.lackOf(card.Name, tracker.Words{EN: "grade", ES: "nota"}, j.Grades(), card.GradeNames()[1:])
	}
	if err := w.checkMails(id, j, &list); err != nil {
		return nil, err
	}
	for _, name := range j.Destinations() {
		if !w.s.hasWebhook(id, name) {
			list.lack(tracker.CheckActions, tracker.Words{EN: "there is no webhook " + name, ES: "no hay ningún webhook " + name}, makeWebhook(name))
		}
	}
	if j.Sends(journey.Paper) && w.s.cfg.PublicURL == "" {
		list.lack(tracker.CheckActions, tracker.Words{EN: "codes on letters lead nowhere", ES: "los códigos de las cartas no llevan a ninguna parte"}, givePublicURL)
	}
	missing, err := w.missingOnsite(id, j)
	if len(missing) > 0 {
		list.lack(tracker.CheckActions, lacking("there is no on-site message ", "falta el mensaje del sitio ", missing), tracker.Words{EN: "ripen onsite publish FILE"})
	}
	if err == nil && j.Offers() {
		table, e := w.s.registry.OfferTable(id)
		err = e
		if table == nil {
			list.lack(tracker.CheckActions, tracker.Words{EN: "there is no offer table", ES: "no hay tabla de ofertas"}, tracker.Words{EN: "ripen offers learn, ripen offers set FILE"})
		}
	}
	return list, err
}

// checkMails looks at the mails of a journey: that they are in the content library and
// serve its purpose.
func (w *journeyWorld) checkMails(t tracker.TenantID, j *journey.Journey, list *checks) error {
	if !j.Sends("email") {
		return nil
	}
	var missing []string
	for _, name := range j.Templates("email") {
		m, err := w.s.post.Template(t, name, 0)
		switch {
		case tracker.KindOf(err) == tracker.KindNotFound:
			missing = append(missing, name)
		case err != nil:
			return err
		case m.Purpose != purposeOf(j):
			list.lack(tracker.CheckActions, tracker.Words{
				EN: fmt.Sprintf("the journey's purpose makes its mails %s, the template %s is %s", purposeOf(j), name, m.Purpose),
				ES: fmt.Sprintf("la finalidad del recorrido hace sus correos %s, la plantilla %s es %s", purposeOf(j), name, m.Purpose),
			}, tracker.Words{EN: "change one of them", ES: "cambia una de las dos"})
		}
	}
	if len(missing) > 0 {
		list.lack(tracker.CheckActions, lacking("there is no mail template ", "falta la plantilla de correo ", missing), tracker.Words{EN: "ripen mail template publish FILE"})
	}
	return w.s.checkPost(t, list)
}
