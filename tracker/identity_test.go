package tracker

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
)

func TestHashIsHMAC(t *testing.T) {
	key := IdentityKey{1, 2, 3}
	f := func(kind IdentityKind, value, normal string) {
		t.Helper()
		m := hmac.New(sha256.New, key[:])
		m.Write([]byte{byte(kind)})
		m.Write([]byte(normal))
		if got, want := key.Hash(kind, []byte(value)), Hash(m.Sum(nil)[:16]); got != want {
			t.Fatalf("hash of %q: got %x, want %x", value, got, want)
		}
	}
	f(UserIdentity, "42", "42")
	f(UserIdentity, " Ana ", "Ana")
	f(EmailIdentity, " Ana@Acme.ES\n", "ana@acme.es")
	f(EmailIdentity, "ÁNA@acme.es", "ána@acme.es")
	f(VisitorIdentity, strings.Repeat("x", 1000), strings.Repeat("x", 1000))
}

func TestHashDoesNotAllocate(t *testing.T) {
	key, v := IdentityKey{9}, []byte("somebody@example.org")
	if n := testing.AllocsPerRun(100, func() { key.Hash(EmailIdentity, v) }); n != 0 {
		t.Fatalf("%v allocations per hash, want 0", n)
	}
}

func TestLeadIDText(t *testing.T) {
	l := LeadID{EmailIdentity, Hash{0xab, 15: 1}}
	got, err := ParseLeadID(l.String())
	if err != nil || got != l {
		t.Fatalf("got %v, %v; want %v", got, err, l)
	}
	for _, bad := range []string{"", "e_", "x_" + l.String()[2:], "e-" + l.String()[2:], l.String()[:33] + "g"} {
		if _, err := ParseLeadID(bad); err == nil {
			t.Errorf("lead id %q was accepted", bad)
		}
	}
}

func TestCallerMay(t *testing.T) {
	mine, other := TenantID{1}, TenantID{2}
	f := func(c Caller, need Role, tenant TenantID, want bool) {
		t.Helper()
		if got := c.May(need, tenant) == nil; got != want {
			t.Fatalf("%+v needs role %d on %v: got %v, want %v", c, need, tenant, got, want)
		}
	}
	f(Caller{Tenant: mine, Role: SecretRole}, SecretRole, mine, true)
	f(Caller{Tenant: mine, Role: SecretRole}, SecretRole, other, false)
	f(Caller{Tenant: mine, Role: WriteRole}, SecretRole, mine, false)
	f(Caller{Tenant: mine, Role: SecretRole}, AdminRole, mine, false)
	f(Caller{Role: AdminRole}, SecretRole, other, true)
	f(Caller{}, WriteRole, TenantID{}, false)
}
