package server

import (
	"testing"

	"ripen/tracker"
)

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
