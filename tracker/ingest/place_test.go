package ingest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/tracker/ingest/geotest"
)

func mmdb(t testing.TB, kind string, places map[string]string) []byte {
	t.Helper()
	b, err := geotest.DB(kind, places)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var somePlaces = map[string]string{
	"192.0.2.0/25":     "ES|MD|Madrid|Europe/Madrid",
	"192.0.2.128/25":   "ES|CT|Barcelona|Europe/Madrid",
	"198.51.100.0/24":  "US|California|Los Angeles|America/Los_Angeles",
	"2001:db8:1::/64":  "PT|11|Lisbon|Europe/Lisbon",
	"203.0.113.0/24":   "GB",
	"2001:db8:2::/128": "spain",
}

// clientAt is a client at an address.
func clientAt(address string) func(*fasthttp.RequestCtx) netip.Addr {
	return func(*fasthttp.RequestCtx) netip.Addr { return netip.MustParseAddr(address) }
}

func placesFile(t testing.TB, b []byte) *File[Places] {
	t.Helper()
	path := filepath.Join(t.TempDir(), "geo.mmdb")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := OpenPlaces(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestPlaces(t *testing.T) {
	p := placesFile(t, mmdb(t, "GeoLite2-City", somePlaces)).Now()
	f := func(address string, coarse bool, want string) {
		t.Helper()
		at := p.at(netip.MustParseAddr(address), coarse)
		if got := string(bytes.TrimRight(bytes.Join(at[:], []byte("|")), "|")); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	f("192.0.2.5", false, "ES|MD|Madrid|Europe/Madrid")
	f("::ffff:192.0.2.200", false, "ES|CT|Barcelona|Europe/Madrid")
	f("192.0.2.200", true, "ES")
	f("198.51.100.1", false, "US|California|Los Angeles|America/Los_Angeles")
	f("2001:db8:1::7", false, "PT|11|Lisbon|Europe/Lisbon")
	f("2001:db8:1:0:ffff::", true, "PT")
	f("203.0.113.9", false, "GB")
	f("192.0.3.1", false, "")
	f("2001:db8:2::", false, "") // no ISO code
	f("fe80::1%eth0", false, "")
	if got := p.String(); got != "GeoLite2-City of 2026-05-28" {
		t.Error(got)
	}
	if at := (*Places)(nil).at(netip.MustParseAddr("192.0.2.5"), false); at[0] != nil {
		t.Error("no file knows a place")
	}
}

func TestPlacesThatAreNone(t *testing.T) {
	f := func(b []byte, want string) {
		t.Helper()
		if _, err := readPlaces(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	whole := mmdb(t, "GeoLite2-City", somePlaces)
	f(nil, "need a MaxMind DB")
	f([]byte("a text"), "need a MaxMind DB")
	f(whole[:len(whole)/2], "need a MaxMind DB")
	f(whole[7:], "")
	f(mmdb(t, "GeoLite2-ASN", map[string]string{"192.0.2.0/24": "AS64496"}), `with country.iso_code: this is "GeoLite2-ASN"`)
	for i := range whole { // whatever is broken, nothing panics
		bad := bytes.Clone(whole)
		bad[i] ^= 0xff
		if p, err := readPlaces(bad); err == nil {
			p.at(netip.MustParseAddr("192.0.2.5"), false)
			p.at(netip.MustParseAddr("2001:db8:1::7"), false)
		}
	}
}

// TestPlaceOfAnEvent shows who may say where an event came from.
func TestPlaceOfAnEvent(t *testing.T) {
	places := placesFile(t, mmdb(t, "GeoLite2-City", somePlaces))
	f := func(from, line, body, want string, headers ...string) {
		t.Helper()
		w := newWorld(t, func(c *Config, _ *tracker.Source) {
			c.Places, c.Client = places, clientAt(from)
		})
		w.do(line, body, headers...)
		es := w.log.events(t)
		if len(es) == 0 {
			t.Fatalf("%s: no event", line)
		}
		for i := range es {
			got := ""
			for _, name := range tracker.PlaceNames {
				v, _ := es[i].Place(name)
				got += "|" + string(v.Str)
			}
			if got = strings.Trim(got, "|"); got != want || es[i].Placed != (want != "") {
				t.Errorf("%s %s from %s: %q, placed %t, want %q", line, body, from, got, es[i].Placed, want)
			}
			if _, kept := es[i].Find("ip"); kept {
				t.Errorf("%s: the address is kept", line)
			}
			for _, q := range es[i].Fields {
				if tracker.IsPlace(q.Name) {
					t.Errorf("%s: %s is in the clear", line, q.Name)
				}
			}
		}
	}
	const public, secret, madrid = "POST /v1/page?writeKey=wk", "POST /v1/page", "ES|MD|Madrid|Europe/Madrid"
	sk := []string{"Authorization: Bearer sk"}
	spoof := `{"anonymousId":"a","context":{"ip":"203.0.113.9","geo":{"country":"GB","city":"Bath"}},"properties":{"geo":{"country":"GB"},"geo.country":"GB"},"traits":{"geo.country":"GB"}}`
	f("192.0.2.5", public, `{"anonymousId":"a"}`, madrid)
	f("192.0.2.5", public, spoof, madrid)
	f("192.0.3.5", public, spoof, "")
	f("192.0.2.5", public, `{"anonymousId":"a"}`, "ES", "Sec-GPC: 1")
	f("192.0.2.5", public, `{"anonymousId":"a","context":{"consent":{"profiling":"denied"}}}`, "ES")
	f("192.0.2.5", public, `{"anonymousId":"a"}`, "", "User-Agent: Mozilla/5.0 (via ggpht.com GoogleImageProxy)")
	f("192.0.2.5", "POST /v1/batch?writeKey=wk", `{"batch":[{"type":"page","anonymousId":"a"},{"type":"page","anonymousId":"b"}]}`, madrid)
	// A server's own address is nobody's place; what it says is.
	f("192.0.2.5", secret, `{"anonymousId":"a"}`, "", sk...)
	f("192.0.2.5", secret, `{"anonymousId":"a","context":{"ip":"203.0.113.9"}}`, "GB", sk...)
	f("192.0.2.5", secret, `{"anonymousId":"a","context":{"ip":"203.0.113.9","geo":{"country":"FR","city":"Nice"}}}`, "FR||Nice", sk...)
	f("192.0.2.5", secret, `{"anonymousId":"a","context":{"consent":"denied","geo":{"country":"FR","city":"Nice"}}}`, "FR", sk...)
	f("192.0.2.5", "POST /v1/batch", `{"batch":[{"type":"page","anonymousId":"a","context":{"ip":"203.0.113.9"}}]}`, "GB", sk...)
	// Every wire format.
	f("192.0.2.5", "GET /p.gif?writeKey=wk&type=page&anonymousId=a&context.geo.country=GB&properties.geo.country=GB", "", madrid)
	f("192.0.2.5", "POST /com.snowplowanalytics.snowplow/tp2", `{"schema":"iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4","data":[{"e":"pv","aid":"wk","duid":"a","ip":"203.0.113.9"}]}`, madrid)
	f("192.0.2.5", "GET /i?e=pv&aid=wk&duid=a", "", madrid)
	f("192.0.2.5", "POST /batch/", `{"api_key":"wk","batch":[{"event":"x","distinct_id":"a","properties":{"$geoip_country_code":"GB","$ip":"203.0.113.9"}}]}`, madrid)
	f("192.0.2.5", "POST /beacon/v1/batch?writeKey=wk", `{"batch":[{"type":"page","anonymousId":"a"}]}`, madrid)
}

func TestPlaceInTheClearIfACardNamesIt(t *testing.T) {
	tenant := *testTenant
	tenant.Clear = map[string]struct{}{tracker.PlaceCountry: {}}
	w := newWorld(t, func(c *Config, s *tracker.Source) {
		c.Places, c.Client, s.Tenant = placesFile(t, mmdb(t, "DBIP-City-Lite", somePlaces)), clientAt("192.0.2.5"), &tenant
	})
	w.do("POST /v1/page?writeKey=wk", `{"anonymousId":"a"}`)
	const want = `c.geo.country="ES" *s.visitor="a" *c.geo.region="MD" *c.geo.city="Madrid" *c.geo.timezone="Europe/Madrid"`
	es := w.log.events(t)
	if got := fieldsOf(&es[0]); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestAFileIsReadAgain replaces a file in every way there is.
// logged is what a logger wrote, for a test that reads it meanwhile.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestAFileIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "ranges")
		put := func(text string) {
			t.Helper()
			if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}
		put("192.0.2.0/24\n")
		f, err := OpenRanges(path)
		if err != nil {
			t.Fatal(err)
		}
		var said logged
		set := metrics.NewSet()
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			f.Run(ctx, set, slog.New(slog.NewTextHandler(&said, nil)))
			close(done)
		}()
		want := func(address, trouble, logged string) {
			t.Helper()
			synctest.Wait()
			said.Reset()
			time.Sleep(3*fileEvery + 1)
			synctest.Wait()
			if !f.Now().Hold(address) {
				t.Errorf("%s is not in force", address)
			}
			if got := fmt.Sprint(f.Trouble()); !strings.Contains(got, trouble) {
				t.Errorf("trouble %s, want %s", got, trouble)
			}
			if n := strings.Count(said.String(), "\n"); logged == "" && n > 0 || logged != "" && (n != 1 || !strings.Contains(said.String(), logged)) {
				t.Errorf("logged %d lines, want one with %q:\n%s", n, logged, said.String())
			}
			var b bytes.Buffer
			set.WritePrometheus(&b)
			if broken := strings.Contains(b.String(), `ripen_file_broken{setting="datacenters"} 1`); broken != (trouble != "<nil>") {
				t.Errorf("metrics: %s", b.String())
			}
		}
		want("192.0.2.1", "<nil>", "")
		put("198.51.100.0/24\n")
		want("198.51.100.1", "<nil>", "a new file is in force")
		put("198.51.100.0/24\nnonsense\n")
		want("198.51.100.1", "line 2", "stays in force")
		put("203.0.113.0/24\n")
		want("203.0.113.1", "<nil>", "a new file is in force")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		want("203.0.113.1", "no such file", "stays in force")
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		want("203.0.113.1", "need a plain file", "stays in force")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		put("192.0.2.0/24\n")
		want("192.0.2.1", "<nil>", "a new file is in force")
		if err := os.Truncate(path, 3); err != nil { // in place, under us
			t.Fatal(err)
		}
		want("192.0.2.1", "line 1", "stays in force")
		stop()
		<-done
	})
}

// TestPlacesOutliveTheirFile cuts a file short that is in force.
func TestPlacesOutliveTheirFile(t *testing.T) {
	f := placesFile(t, mmdb(t, "GeoLite2-City", somePlaces))
	if err := os.Truncate(f.path, 0); err != nil {
		t.Fatal(err)
	}
	if at := f.Now().at(netip.MustParseAddr("192.0.2.5"), false); string(at[0]) != "ES" {
		t.Errorf("%q", at[0])
	}
	if changed, err := f.Look(); changed || err == nil {
		t.Errorf("an empty file: %t, %v", changed, err)
	}
}
