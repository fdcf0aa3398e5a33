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
// providers of mail for everybody left out. Accounts are not kept: they are put
// together from the leads' profiles when somebody asks, which takes some 20 µs
// for each identified lead and holds nobody up.

// plainRollup is how leads roll up under a card that does not say.
var plainRollup = scorecard.Rollup{By: emailDomain, Method: "decay_sum"}

const emailDomain = "email_domain"

// account is an account while it is put together.
type account struct {
	export.Account
	exact []int64
}

// Accounts returns the accounts of the tenant, highest first: at most q.Limit
// (default 100) of them.
func (s *State) Accounts(c tracker.Caller, tenant tracker.TenantID, q export.AccountQuery) (export.AccountPage, error) {
	page := export.AccountPage{Accounts: []export.Account{}}
	if err := c.May(tracker.SecretRole, tenant); err != nil {
		return page, err
	}
	t, card, order, err := s.orderOf(tenant, &export.LeadQuery{Card: q.Card})
	if err != nil || order == nil {
		return page, err
	}
	up := &plainRollup
	if r := card.card.Card.Rollup; r != nil {
		up = r
	}
	page.Card, page.By = card.card.Name, up.By
	all, err := s.gather(t, order, up.By)
	if err != nil {
		return page, err
	}
	for _, a := range all {
		exact := up.Score(a.exact)
		a.Exact, a.Score = exact, int((exact+500)/1000)
		page.Accounts = append(page.Accounts, a.Account)
	}
	slices.SortFunc(page.Accounts, func(a, b export.Account) int {
		return cmp.Or(cmp.Compare(b.Exact, a.Exact), cmp.Compare(b.Leads, a.Leads), strings.Compare(a.Name, b.Name))
	})
	page.Total = len(page.Accounts)
	if q.Limit <= 0 {
		q.Limit = defaultPage
	}
	page.Accounts = page.Accounts[:min(len(page.Accounts), q.Limit, maxPage)]
	return page, nil
}

// gather puts the identified leads of an order together by an attribute.
func (s *State) gather(t *tenantState, order *rank.Order, by string) (map[string]*account, error) {
	var items []rank.Item
	keys := map[tracker.LeadID]int32{}
	order.After(rank.Cursor{}, func(it rank.Item) bool {
		if it.ID.Kind != tracker.VisitorIdentity {
			items, keys[it.ID] = append(items, it), it.Key
		}
		return true
	})
	all := map[string]*account{}
	for len(items) > 0 {
		ns, done, err := s.takeSome(t.id, items[:min(len(items), defaultPage)])
		if err != nil {
			return nil, err
		}
		items = items[done:]
		for _, n := range ns {
			if err := s.portray(n.lead, n.body, n.parts); err != nil {
				return nil, err
			}
			n.lead.Email = emailOf(n.lead)
			if name := accountOf(n.lead, by); name != "" {
				if all[name] == nil {
					all[name] = &account{Account: export.Account{Name: name, Best: []export.AccountLead{}}}
				}
				all[name].add(n.lead, keys[n.lead.ID])
			}
		}
	}
	return all, nil
}

// bestMost is how many leads of an account are named.
const bestMost = 3

// add counts a lead; leads come highest first.
func (a *account) add(l *tracker.Lead, key int32) {
	a.Leads++
	a.exact = append(a.exact, int64(key))
	if seen := l.LastSeen.UnixMilli(); !l.LastSeen.IsZero() && (a.LastSeen == "" || a.LastSeen < export.Time(seen)) {
		a.LastSeen = export.Time(seen)
	}
	if len(a.Best) < bestMost {
		a.Best = append(a.Best, export.AccountLead{ID: l.ID.String(), Email: l.Email, Score: int((key + 500) / 1000)})
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
	_, domain, _ := strings.Cut(l.Email, "@")
	if _, free := freeMail[domain]; free {
		return ""
	}
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
