package tenant

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"ripen/tracker"
)

func TestKeysBelongToOneTenant(t *testing.T) {
	w := newWorld(t)
	type keys struct {
		tenant        *tracker.Tenant
		write, secret string
	}
	var all []keys
	for _, name := range []string{"a", "b", "c"} {
		tenant, src, secret, err := w.Create(name, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(src.WriteKey, "wk_") || !strings.HasPrefix(secret, "sk_") {
			t.Errorf("keys %s, %s", src.WriteKey, secret)
		}
		all = append(all, keys{tenant, src.WriteKey, secret})
	}
	check := func() {
		t.Helper()
		for _, k := range all {
			if s := w.Lookup(k.write); s == nil || s.Tenant.ID != k.tenant.ID {
				t.Errorf("the write key of %s leads to %+v", k.tenant.Name, s)
			}
			c, ok := w.Caller(k.secret)
			if !ok || c.Tenant != k.tenant.ID || c.Role != tracker.SecretRole {
				t.Errorf("the secret key of %s leads to %+v", k.tenant.Name, c)
			}
			// Keys of one kind open nothing that asks for the other.
			if _, ok := w.Caller(k.write); ok || w.Lookup(k.secret) != nil {
				t.Errorf("the keys of %s stand for each other", k.tenant.Name)
			}
			for _, bad := range []string{"", "sk_", k.secret[:len(k.secret)-1], k.secret + "0", strings.ToUpper(k.secret)} {
				if c, ok := w.Caller(bad); ok {
					t.Errorf("a wrong key leads to %+v", c)
				}
			}
		}
	}
	check()
	w.reopen()
	check()
	secret, err := w.Rotate(all[1].tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	if c, ok := w.Caller(all[1].secret); ok {
		t.Errorf("the rotated key still leads to %+v", c)
	}
	all[1].secret = secret
	check()
	w.reopen()
	check()
}

func TestIdentityHashesDifferBetweenTenants(t *testing.T) {
	w := newWorld(t)
	a, b := w.create("a"), w.create("b")
	if a.ID == b.ID || a.Identity == b.Identity || a.Identity == (tracker.IdentityKey{}) {
		t.Fatal("two tenants share an id or a key")
	}
	before := a.Identity
	w.reopen()
	if w.Tenant(a.ID).Identity != before {
		t.Fatal("a tenant's identity key changed: its leads would be lost")
	}
}

func TestNamesAreChecked(t *testing.T) {
	w := newWorld(t)
	mine := w.create("mine")
	f := func(want string, err error) {
		t.Helper()
		e, ok := errors.AsType[*tracker.Error](err)
		if !ok || e.Code != want {
			t.Errorf("got %v, want code %s", err, want)
		}
	}
	for _, name := range []string{"", " a", "a/b", "a\x00", "a\nb", strings.Repeat("x", 65)} {
		_, _, _, err := w.Create(name, "", "")
		f("bad_name", err)
		_, err = w.Draft(mine.ID, name, card("shop", "path", 1))
		f("bad_name", err)
		_, err = w.SaveSource(tracker.Source{Tenant: mine, Name: name})
		f("bad_name", err)
	}
	_, _, _, err := w.Create("mine", "", "")
	f("tenant_exists", err)
	_, err = w.SaveSource(tracker.Source{Tenant: mine, Name: "default"})
	f("source_exists", err)
	_, err = w.SaveSource(tracker.Source{Tenant: mine, Name: "big", MaxBody: 21 << 20})
	f("bad_body_limit", err)
	_, err = w.Source(mine.ID, "none")
	f("unknown_source", err)
	_, err = w.Named("none")
	f("unknown_tenant", err)
	_, err = w.Draft(mine.ID, "other", card("shop", "path", 1))
	f("invalid_scorecard", err)
	_, err = w.Publish(t.Context(), mine.ID, "none", false)
	f("no_draft", err)
	_, err = w.Rollback(t.Context(), mine.ID, "none")
	f("unknown_scorecard", err)
	if got, err := w.Named(""); err != nil || got.ID != mine.ID {
		t.Errorf("the only tenant: %v, %v", got, err)
	}
	w.create("second")
	_, err = w.Named("")
	f("unknown_tenant", err)
}

func TestRefusedCardNamesTheLine(t *testing.T) {
	w := newWorld(t)
	mine := w.create("mine")
	_, err := w.Draft(mine.ID, "shop", []byte("scorecard: shop\npionts: 3\n"))
	if err == nil || !strings.Contains(err.Error(), "shop.yaml:2:") {
		t.Errorf("got %v, want the place in the file", err)
	}
	if cards, err := w.Cards(mine.ID); err != nil || len(cards) != 0 {
		t.Errorf("a refused card was kept: %+v, %v", cards, err)
	}
}

func TestSourcesSurviveAndKeepTheirNumber(t *testing.T) {
	w := newWorld(t)
	mine, other := w.create("mine"), w.create("other")
	made, err := w.SaveSource(tracker.Source{Tenant: mine, Name: "blog", Origins: []string{"https://b.example"}, KeepIP: true, Server: true})
	if err != nil {
		t.Fatal(err)
	}
	change := *made
	change.Disabled = true
	if _, err := w.SaveSource(change); err != nil {
		t.Fatal(err)
	}
	w.reopen()
	got := w.Lookup(made.WriteKey)
	if got == nil || got.ID != made.ID || !got.Disabled || !got.KeepIP || !got.Server || len(got.Origins) != 1 || got.Tenant.ID != mine.ID {
		t.Errorf("got %+v", got)
	}
	if _, err := w.Source(other.ID, "blog"); tracker.KindOf(err) != tracker.KindNotFound {
		t.Errorf("another tenant found the source: %v", err)
	}
	ids := map[uint32]bool{}
	for _, tenant := range w.Tenants() {
		for _, s := range w.Sources(tenant.ID) {
			if ids[s.ID] {
				t.Errorf("source number %d is used twice: rows name sources by it", s.ID)
			}
			ids[s.ID] = true
		}
	}
}

// TestLookupsWhileItChanges is for the race detector: lookups take no lock.
func TestLookupsWhileItChanges(t *testing.T) {
	w := newWorld(t)
	mine := w.create("mine")
	key := w.FirstSource(mine.ID).WriteKey
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if s := w.Lookup(key); s == nil || s.Tenant.Name != "mine" {
					t.Errorf("a lookup during a change found %+v", s)
					return
				}
			}
		})
	}
	for i := range 20 {
		if _, err := w.SaveSource(tracker.Source{Tenant: mine, Name: "s" + strings.Repeat("x", i)}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
}
