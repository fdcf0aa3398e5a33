package server

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

const companyCard = `
scorecard: companies
entity: account
rollup: {to: account, by: email_domain, score: {top: 3}}
dimensions:
  fit:
    kind: attributes
    max: 100
    groups:
      company: {rules: [
        {id: trade, when: {industry: software}, points: 30, why: "Our trade"},
        {id: several, when: {leads: {gte: 3}}, points: 15, why: "Several know us"},
        {id: ready, when: {leads.mql: {gte: 1}}, points: 25, why: "One is ready"}]}
  people: {kind: rollup}
gates: [{id: rival, when: {account: rival.example}, skip: true, why: "A competitor"}]
score: {combine: weighted, of: [{dimension: fit, times: 0.5}, {dimension: people, times: 0.5}]}
bands: [{name: cold, from: 1}, {name: hot, from: 40}]
`

func activateAs(name, yaml string, version int) storage.Record {
	a := tracker.Activation{Card: name, Version: version, YAML: []byte(yaml)}
	return storage.Record{Tenant: testTenant, Kind: storage.KindControl, Row: tracker.AppendActivation(nil, a)}
}

// companies are people of three companies, who do things.
func companies(now int64) (recs []storage.Record) {
	id := uint64(0)
	put := func(typ string, at int64, user, domain string, clear, traits []tracker.Field) {
		id++
		personal := append([]tracker.Field{text(tracker.System, "user_id", user), text(tracker.System, "email", user+"@"+domain)}, traits...)
		recs = append(recs, event(id, typ, at, "", user, user+"@"+domain, clear, personal))
	}
	for i, who := range []string{"ana big", "bob big", "cid big", "dan big", "eva small", "fay rival"} {
		user, domain, _ := strings.Cut(who, " ")
		industry := "software"
		if user == "bob" {
			industry = "retail"
		}
		job := "dev"
		if user == "ana" || user == "eva" {
			job = "cto"
		}
		put("identify", now-day+int64(i), user, domain+".example", nil, []tracker.Field{text(tracker.Trait, "job", job), text(tracker.Trait, "industry", industry)})
		for n := range i {
			put("page_view", now-day+int64(1000*n+i), user, domain+".example", []tracker.Field{text(tracker.Property, "path", "/pricing")}, nil)
		}
		if user == "ana" {
			put("form_submit", now-day/2, user, domain+".example", nil, nil)
		}
	}
	return recs
}

func (r *rig) accounts(card string) export.AccountPage {
	r.t.Helper()
	page, err := r.s.Accounts(tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}, testTenant, export.AccountQuery{Card: card})
	if err != nil {
		r.t.Fatal(err)
	}
	return page
}

// TestAccountCard scores companies by a card of their own: reasons name the leads and
// sum to the score; whatever the order of the events, and after the state is made
// anew, the same bytes are answered.
func TestAccountCard(t *testing.T) {
	now := int64(1_763_784_000_000)
	var first string
	for seed := range uint64(4) {
		r := newRig(t, now)
		r.append(activation(testCard, 1), activateAs("companies", companyCard, 1))
		recs := companies(now)
		m := rand.New(rand.NewPCG(seed, 1))
		m.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
		for len(recs) > 0 {
			n := 1 + m.IntN(len(recs))
			r.append(recs[:n]...)
			recs = recs[n:]
			r.turns()
		}
		page := r.accounts("")
		checkCompanies(t, &page)
		said, err := json.Marshal(page)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(said)
		}
		r.crash()
		r.turns()
		again, err := json.Marshal(r.accounts("companies"))
		if err != nil {
			t.Fatal(err)
		}
		if string(said) != first || string(again) != first {
			t.Fatalf("seed %d:\n%s\nafter a crash\n%s\nfirst\n%s", seed, said, again, first)
		}
	}
}

func checkCompanies(t *testing.T, page *export.AccountPage) {
	t.Helper()
	if page.Card != "companies@1" || page.By != "email_domain" || page.Total != 2 || page.Accounts[0].Name != "big.example" || page.Accounts[1].Name != "small.example" {
		t.Fatalf("%+v", page)
	}
	big := page.Accounts[0]
	if big.Leads != 4 || big.Band != "hot" || big.Dims["fit"] != 70 || len(big.Best) != 3 {
		t.Errorf("%+v", big)
	}
	for _, a := range page.Accounts {
		sum, named := int64(0), 0
		for _, q := range a.Reasons {
			sum += q.Share
			if strings.HasPrefix(q.Rule, "people.u_") {
				named++
			}
		}
		if sum != 1000*int64(a.Score) || named != min(a.Leads, 3) {
			t.Errorf("%s: shares sum to %d, score %d, %d leads named: %+v", a.Name, sum, a.Score, named, a.Reasons)
		}
	}
	if !slices.ContainsFunc(big.Reasons, func(q tracker.Reason) bool { return strings.HasPrefix(q.Why, "ana@big.example: ") }) {
		t.Errorf("nobody says ana: %+v", big.Reasons)
	}
}

// TestAccountCardBesideLeads shows that a card of accounts takes nothing from leads:
// they are ranked as before, and the roll-up of their card is still there.
func TestAccountCardBesideLeads(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activateAs("companies", companyCard, 1)) // before there is a card of leads
	r.append(companies(now)...)
	r.turns()
	if page := r.accounts(""); page.Total != 0 {
		t.Errorf("without a card of leads: %+v", page)
	}
	r.append(activation(testCard, 1))
	r.turns()
	if page := r.accounts("saas"); page.Card != "saas@1" || page.Total != 3 || page.Accounts[0].Reasons != nil {
		t.Errorf("%+v", page)
	}
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	leads, err := r.s.Leads(c, testTenant, export.LeadQuery{})
	if err != nil || leads.Card != "saas@1" || len(leads.Leads) != 6 || len(leads.Leads[0].Scores) != 1 {
		t.Errorf("%+v, %v", leads, err)
	}
	if _, err := r.s.Leads(c, testTenant, export.LeadQuery{Card: "companies"}); err == nil || !strings.Contains(err.Error(), "ask /v1/accounts") {
		t.Errorf("leads by a card of accounts: %v", err)
	}
	only, err := r.s.Accounts(c, testTenant, export.AccountQuery{Account: "Small.example"})
	if err != nil || len(only.Accounts) != 1 || only.Accounts[0].Name != "small.example" {
		t.Errorf("%+v, %v", only, err)
	}
}

// TestSimulateAccounts says who would move, and publishing does just that.
func TestSimulateAccounts(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1), activateAs("companies", companyCard, 1))
	r.append(companies(now)...)
	r.turns()
	before := r.accounts("")
	draft := strings.Replace(companyCard, "points: 15, why", "points: -40, why", 1)
	c := tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}
	out, err := r.s.Simulate(context.Background(), c, testTenant, tracker.Activation{Card: "companies", Version: 2, YAML: []byte(draft)}, 0, quiet)
	if err != nil {
		t.Fatal(err)
	}
	if out.InForce != "companies@1" || out.Total != 2 || out.Fell != 1 || out.Rose != 0 || len(out.Fallers) != 1 || out.Fallers[0].ID != "big.example" || out.Before.Scored != 2 {
		t.Fatalf("%+v", out)
	}
	if got := r.accounts(""); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Error("simulating changed something")
	}
	r.append(activateAs("companies", draft, 2))
	r.turns()
	after := r.accounts("")
	if i := slices.IndexFunc(after.Accounts, func(a export.Account) bool { return a.Name == "big.example" }); after.Accounts[i].Score != *out.Fallers[0].After.Score ||
		fmt.Sprint(after.Accounts[i].Reasons) != fmt.Sprint(out.Fallers[0].After.Reasons) {
		t.Errorf("published %+v\nsimulated %+v", after.Accounts[i], out.Fallers[0].After)
	}
}
