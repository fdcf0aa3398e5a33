package server

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/tracker/export"
	"ripen/tracker/rank"
	"ripen/wasm/scorecard"
)

// An account is the leads of one company: those with the same value of the
// attribute that the card's rollup names, or with e-mails of the same domain,
// providers of mail for everybody left out. Its score is its leads' rolled up, or
// what a card of accounts says of it (state_account_score.go). Accounts are not
// kept: they are put together from the leads' profiles when somebody asks, which
// takes some 20 µs for each identified lead and holds nobody up.

// plainRollup is how leads roll up under a card that does not say.
var plainRollup = scorecard.Rollup{By: emailDomain, Method: "decay_sum"}

const emailDomain = "email_domain"

// account is an account while it is put together.
type account struct {
	export.Account
	exact []int64              // of its leads, highest first
	named []export.AccountLead // the first of them
	null  bool                 // its card does not score it
	bands map[string]int       // :: band → its leads
	says  map[string]*poll     // :: attribute → what its leads say
}

// board is what accounts are put together by.
type board struct {
	t     *tenantState
	order *rank.Order // of the leads
	up    *scorecard.Rollup
	name  string     // name@version of the card
	card  *cardState // of accounts; nil = leads' scores are rolled up
}

// boardOf finds by which card accounts are scored: the one that is named, else the
// tenant's card of accounts, else the one that leads are ranked by. It is nil while
// there is none.
func (s *State) boardOf(tenant tracker.TenantID, name string) (*board, error) {
	b := &board{card: s.accountCard(tenant, name)}
	if b.card != nil {
		b.up, b.name = b.card.card.Card.Rollup, b.card.card.Name
		name = b.up.Of
	}
	t, leads, order, err := s.orderOf(tenant, &export.LeadQuery{Card: name})
	if err != nil || order == nil {
		return nil, err
	}
	b.t, b.order = t, order
	if b.card == nil {
		b.name = leads.card.Name
		if b.up = leads.card.Card.Rollup; b.up == nil {
			b.up = &plainRollup
		}
	}
	return b, nil
}

// accountCard returns a card of accounts in force; with an empty name the one that
// was published first.
func (s *State) accountCard(tenant tracker.TenantID, name string) *cardState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.tenants[tenant]; t != nil {
		for _, c := range t.cards {
			if c.card.Card.OfAccounts() && (name == "" || name == c.activation.Card) {
				return c
			}
		}
	}
	return nil
}

// Accounts returns the accounts of the tenant, highest first: at most q.Limit
// (default 100) of them.
func (s *State) Accounts(c tracker.Caller, tenant tracker.TenantID, q export.AccountQuery) (export.AccountPage, error) {
	page := export.AccountPage{Accounts: []export.Account{}}
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return page, err
	}
	b, err := s.boardOf(tenant, q.Card)
	if err != nil || b == nil {
		return page, err
	}
	page.Card, page.By = b.name, b.up.By
	all, err := s.standings(b)
	if err != nil {
		return page, err
	}
	page.Total = len(all)
	if q.Account != "" {
		all = slices.DeleteFunc(all, func(a *account) bool { return !strings.EqualFold(a.Name, q.Account) })
	}
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	for _, a := range all[:min(len(all), q.Limit, maxPage)] {
		if b.card != nil {
			if err := b.card.scoreAccount(a, s.clock(), true); err != nil {
				return page, err
			}
		}
		page.Accounts = append(page.Accounts, a.Account)
	}
	return page, nil
}

// standings puts the accounts together and scores them; those that their card does
// not score are left out. Equals stand by how many leads they have, then by name.
func (s *State) standings(b *board) ([]*account, error) {
	var fields []string
	if b.card != nil {
		fields = b.card.card.Card.Fields()
	}
	found, err := s.gather(b, fields)
	if err != nil {
		return nil, err
	}
	all, now := make([]*account, 0, len(found)), s.clock()
	for _, a := range found {
		if b.card == nil {
			a.Exact = b.up.Score(a.exact)
			a.Score = int((a.Exact + 500) / 1000)
		} else if err := b.card.scoreAccount(a, now, false); err != nil {
			return nil, err
		}
		if !a.null {
			all = append(all, a)
		}
	}
	slices.SortFunc(all, func(a, b *account) int {
		return cmp.Or(cmp.Compare(b.Exact, a.Exact), cmp.Compare(b.Leads, a.Leads), strings.Compare(a.Name, b.Name))
	})
	return all, nil
}

// gather puts the identified leads of an order together, and what they say of some
// attributes.
func (s *State) gather(b *board, fields []string) (map[string]*account, error) {
	var items []rank.Item
	known := map[tracker.LeadID]rank.Item{}
	b.order.After(rank.Cursor{}, func(it rank.Item) bool {
		if it.ID.Kind != tracker.VisitorIdentity {
			items, known[it.ID] = append(items, it), it
		}
		return true
	})
	all := map[string]*account{}
	for len(items) > 0 {
		ns, done, err := s.takeSome(b.t.id, items[:min(len(items), defaultPage)])
		if err != nil {
			return nil, err
		}
		items = items[done:]
		for _, n := range ns {
			if err := s.portray(n.lead, n.body, n.parts); err != nil {
				return nil, err
			}
			n.lead.Email = emailOf(n.lead)
			if name := accountOf(n.lead, b.up.By); name != "" {
				if all[name] == nil {
					all[name] = newAccount(name)
				}
				it := known[n.lead.ID]
				all[name].add(n.lead, it.Key, b.t.bands.Name(it.Band))
				all[name].ask(n.lead, fields)
			}
		}
	}
	return all, nil
}

func newAccount(name string) *account {
	return &account{Account: export.Account{Name: name, Best: []export.AccountLead{}}, bands: map[string]int{}, says: map[string]*poll{}}
}

// Of an account so many leads are named: in the list, and in reasons.
const (
	bestMost  = 3
	namedMost = 10
)

// add counts a lead; leads come highest first.
func (a *account) add(l *tracker.Lead, key int32, band string) {
	a.Leads++
	a.exact = append(a.exact, int64(key))
	a.bands[band]++
	if seen := l.LastSeen.UnixMilli(); !l.LastSeen.IsZero() && (a.LastSeen == "" || a.LastSeen < export.Time(seen)) {
		a.LastSeen = export.Time(seen)
	}
	if len(a.named) < namedMost {
		a.named = append(a.named, export.AccountLead{ID: l.ID.String(), Email: l.Email, Score: int((key + 500) / 1000)})
		a.Best = a.named[:min(len(a.named), bestMost)]
	}
}

// accountOf is the name of a lead's account; empty if it has none.
func accountOf(l *tracker.Lead, by string) string {
	if v, ok := l.Attributes[by]; ok && v != nil {
		return strings.TrimSpace(fmt.Sprint(v))
	}
	if by != emailDomain {
		return ""
	}
	domain := domainOf(l)
	if _, free := freeMail[domain]; free {
		return ""
	}
	return domain
}

// domainOf is the domain of a lead's e-mail.
func domainOf(l *tracker.Lead) string {
	_, domain, _ := strings.Cut(l.Email, "@")
	return domain
}

// freeMail are domains whose addresses say nothing of a company.
var freeMail = func() map[string]struct{} {
	out := map[string]struct{}{}
	for d := range strings.FieldsSeq(`gmail.com googlemail.com hotmail.com hotmail.es hotmail.fr hotmail.co.uk hotmail.it hotmail.de
		outlook.com outlook.es outlook.fr outlook.de live.com live.fr live.co.uk msn.com yahoo.com yahoo.es yahoo.fr yahoo.de yahoo.it
		yahoo.co.uk yahoo.co.jp yahoo.com.br yahoo.com.ar yahoo.com.mx ymail.com rocketmail.com icloud.com me.com mac.com aol.com
		gmx.com gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de mail.com mail.ru yandex.ru yandex.com bk.ru inbox.ru list.ru
		proton.me protonmail.com pm.me tutanota.com tuta.io zoho.com fastmail.com hey.com qq.com 163.com 126.com sina.com naver.com
		daum.net hanmail.net orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it tiscali.it alice.it telefonica.net
		terra.es terra.com.br uol.com.br bol.com.br comcast.net verizon.net att.net sbcglobal.net cox.net btinternet.com sky.com
		bigpond.com rediffmail.com seznam.cz wp.pl o2.pl onet.pl interia.pl`) {
		out[d] = struct{}{}
	}
	return out
}()
