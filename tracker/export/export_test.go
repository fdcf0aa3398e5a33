package export

import "testing"

func TestMatchRoute(t *testing.T) {
	f := func(pattern, path, name string, ok bool) {
		t.Helper()
		if got, is := MatchRoute(pattern, path); got != name || is != ok {
			t.Errorf("%s on %s: got %q %v, want %q %v", pattern, path, got, is, name, ok)
		}
	}
	f("events", "events", "", true)
	f("events", "events/x", "", false)
	f("tenants/*", "tenants/acme", "acme", true)
	f("tenants/*", "tenants/a%20b+c", "a b+c", true)
	f("tenants/*", "tenants/", "", false)
	f("tenants/*/rotate-keys", "tenants/acme/rotate-keys", "acme", true)
	f("tenants/*/rotate-keys", "tenants/rotate-keys", "", false)
	f("tenants/*", "tenants/a/b", "", false)
	f("tenants/*", "tenants/a&n=b", "a&n=b", true)
}
