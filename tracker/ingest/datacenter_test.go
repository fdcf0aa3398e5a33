package ingest

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ranges")
	text := "# clouds\n192.0.2.0/24\n\n192.0.2.128/25, inside the one before\n198.51.100.7 # one\n2001:db8::/32\n10.0.0.5/8\n::ffff:203.0.113.0/120\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := OpenRanges(path)
	if err != nil {
		t.Fatal(err)
	}
	r := file.Now()
	f := func(address string, want bool) {
		t.Helper()
		if got := r.Hold(address); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
	for _, in := range []string{
		"192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "10.0.0.0", "10.255.255.255",
		"::ffff:192.0.2.7", "203.0.113.9",
	} {
		f(in, true)
	}
	for _, out := range []string{
		"192.0.1.255", "192.0.3.0", "198.51.100.6", "198.51.100.8", "2001:db7:ffff::", "2001:db9::", "9.255.255.255", "11.0.0.0", "", "x", "203.0.114.0",
	} {
		f(out, false)
	}
	if (*File[Ranges])(nil).Now().Hold("192.0.2.0") {
		t.Error("no file holds an address")
	}
	for _, wrong := range []string{"192.0.2.0/33", "aws", "fe80::1%eth0", "192.0.2.0-192.0.2.9"} {
		if _, err := readRanges([]byte("10.0.0.0/8\n" + wrong)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// TestRangesAsPlain compares with asking each range in turn.
func TestRangesAsPlain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	near := func() netip.Addr { // close together, so that ranges overlap
		return netip.AddrFrom4([4]byte{10, byte(rnd.IntN(3)), byte(rnd.IntN(256)), byte(rnd.IntN(256))})
	}
	for range 200 {
		var text strings.Builder
		var list []netip.Prefix
		for range rnd.IntN(20) {
			list = append(list, netip.PrefixFrom(near(), 14+rnd.IntN(19)))
			text.WriteString(list[len(list)-1].String() + "\n")
		}
		r, err := readRanges([]byte(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			a, want := near(), false
			for _, p := range list {
				want = want || p.Contains(a)
			}
			if r.Hold(a.String()) != want {
				t.Fatalf("%s in\n%s: want %t", a, text.String(), want)
			}
		}
	}
}
