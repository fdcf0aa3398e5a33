package server

import (
	"fmt"
	"slices"
	"testing"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// The best leads of an account stand in the order of the ranking: by score, then
// who was seen last, then by id.
func TestBestLeadsInOrder(t *testing.T) {
	now := int64(1_763_784_000_000)
	r := newRig(t, now)
	r.append(activation(testCard, 1))
	var recs []storage.Record
	who := func(user string, at int64, job string) string {
		fields := []tracker.Field{text(tracker.System, "user_id", user), text(tracker.System, "email", user+"@acme.example"), text(tracker.Trait, "job", job)}
		recs = append(recs, event(uint64(len(recs)+1), "identify", at, "v-"+user, user, user+"@acme.example", nil, fields))
		return tracker.LeadID{Kind: tracker.UserIdentity, Hash: hash(user)}.String()
	}
	old := who("old", now-3000, "dev")
	tied := []string{who("ana", now-2000, "dev"), who("bob", now-2000, "dev")}
	best := who("boss", now-4000, "cto")
	slices.Sort(tied)
	r.append(recs...)
	r.turns()
	page, err := r.s.Accounts(tracker.Caller{Tenant: testTenant, Role: tracker.SecretRole}, testTenant, export.AccountQuery{})
	if err != nil || len(page.Accounts) != 1 || page.Accounts[0].Leads != 4 {
		t.Fatalf("%+v, %v", page.Accounts, err)
	}
	var got []string
	for _, l := range page.Accounts[0].Best {
		got = append(got, l.ID)
	}
	if want := []string{best, tied[0], tied[1]}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("best are\n%v, want\n%v (behind them %s)", got, want, old)
	}
}

func TestWhoseAccountALeadIs(t *testing.T) {
	f := func(email string, attributes map[string]any, by, want string) {
		t.Helper()
		if got := accountOf(&tracker.Lead{Email: email, Attributes: attributes}, by); got != want {
			t.Errorf("%s %v by %s: %q, want %q", email, attributes, by, got, want)
		}
	}
	f("ana@acme.example", nil, "email_domain", "acme.example")
	f("ana@gmail.com", nil, "email_domain", "")
	f("ana@gmail.com", map[string]any{"email_domain": "acme.example"}, "email_domain", "acme.example")
	f("", nil, "email_domain", "")
	f("ana@acme.example", nil, "company", "")
	f("ana@acme.example", map[string]any{"company": " Acme "}, "company", "Acme")
	f("ana@acme.example", map[string]any{"company": nil}, "company", "")
	f("", map[string]any{"group_id": int64(7)}, "group_id", "7")
}
