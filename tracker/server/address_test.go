package server

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestWhereARequestComesFrom(t *testing.T) {
	f := func(trusted, peer, want string, headers ...string) {
		t.Helper()
		list, err := ParseNetworks(trusted)
		if err != nil {
			t.Fatal(err)
		}
		var req fasthttp.Request
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			req.Header.Add(name, value)
		}
		var ctx fasthttp.RequestCtx
		ctx.Init(&req, &net.TCPAddr{IP: net.ParseIP(peer), Port: 9}, nil)
		if got := proxies(list).client(&ctx).String(); got != want {
			t.Errorf("%s from %s with %q: %s, need %s", trusted, peer, headers, got, want)
		}
	}
	const all = "10.0.0.0/8, 2001:db8::/32,203.0.113.9"
	f("", "198.51.100.1", "198.51.100.1", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4")
	f(all, "198.51.100.1", "198.51.100.1", "X-Forwarded-For: 1.2.3.4") // not a proxy of ours
	f(all, "10.1.1.1", "10.1.1.1")
	f(all, "10.1.1.1", "1.2.3.4", "X-Forwarded-For: 1.2.3.4")
	f(all, "10.1.1.1", "1.2.3.4", "X-Forwarded-For: 9.9.9.9, 1.2.3.4, 10.2.2.2 , 203.0.113.9")
	f(all, "10.1.1.1", "1.2.3.4", "X-Forwarded-For: 9.9.9.9", "X-Forwarded-For: 1.2.3.4:4711")
	f(all, "10.1.1.1", "10.2.2.2", "X-Forwarded-For: 1.2.3.4, unknown, 10.2.2.2")
	f(all, "2001:db8::1", "2a00::7", "X-Forwarded-For: 2a00::7")
	f(all, "203.0.113.9", "2a00::7", `Forwarded: for=9.9.9.9, proto=https;for="[2a00::7]:80"`)
	f(all, "10.1.1.1", "10.1.1.1", "Forwarded: proto=https")
	for _, bad := range []string{"x", "10.0.0.0/33", "fe80::1%eth0"} {
		if _, err := ParseNetworks(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAddressRateIsBoundedAndFair(t *testing.T) {
	r := newAddressRate(10)
	now := int64(0)
	r.now = func() int64 { return now }
	taken := func(a string) (n int) {
		for range 1000 {
			if r.wait(netip.MustParseAddr(a)) == 0 {
				n++
			}
		}
		return n
	}
	if n := taken("192.0.2.1"); n != 10*rateBursts {
		t.Errorf("%d at once, need %d", n, 10*rateBursts)
	}
	if wait := r.wait(netip.MustParseAddr("192.0.2.1")); wait != 100*time.Millisecond {
		t.Errorf("wait %v, need what one costs", wait)
	}
	if n := taken("192.0.2.2"); n != 10*rateBursts {
		t.Errorf("another address: %d", n)
	}
	if n := taken("2001:db8::1") + taken("2001:db8::ffff"); n != 10*rateBursts {
		t.Errorf("two addresses of one network: %d", n)
	}
	now += int64(time.Second)
	if n := taken("192.0.2.1"); n != 10 {
		t.Errorf("%d after a second, need 10", n)
	}
	// More addresses than there is room for: each passes at least once.
	for i := range 100_000 {
		a := netip.AddrFrom4([4]byte{100, byte(i >> 16), byte(i >> 8), byte(i)})
		if r.wait(a) != 0 {
			t.Fatalf("%v is refused its first request", a)
		}
	}
	if r.wait(netip.MustParseAddr("192.0.2.1")) == 0 {
		t.Error("a flood of addresses gave an old one room")
	}
	if newAddressRate(0).wait(netip.MustParseAddr("192.0.2.1")) != 0 {
		t.Error("no limit limits")
	}
	if isPublic(netip.MustParseAddr("127.0.0.1")) || isPublic(netip.MustParseAddr("10.0.0.1")) || isPublic(netip.Addr{}) || !isPublic(netip.MustParseAddr("192.0.2.1")) {
		t.Error("isPublic")
	}
}
