package outbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func send(t *testing.T, url string, allow []netip.Prefix) result {
	t.Helper()
	d := &delivery{id: ID{1, 2}, at: 1_700_000_000_123, body: []byte(`{"a":1}`), hook: &tracker.Webhook{
		URL: url, Secrets: []tracker.WebhookSecret{{Secret: "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef"))}},
	}}
	return newSender(allow, "v1").send(t.Context(), d)
}

// TestSignature holds the signature to what Standard Webhooks says it is.
func TestSignature(t *testing.T) {
	var got http.Header
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		body, _ = io.ReadAll(r.Body)
		w.WriteHeader(202)
	}))
	defer s.Close()
	if res := send(t, s.URL, here); res.outcome != tracker.OutcomeAccepted || res.status != 202 {
		t.Fatalf("got %+v", res)
	}
	id := "01020000000000000000000000000000"
	mac := hmac.New(sha256.New, []byte("0123456789abcdef"))
	mac.Write([]byte(id + ".1700000000." + string(body)))
	want := map[string]string{
		"webhook-id": id, "webhook-timestamp": "1700000000", "webhook-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		"Idempotency-Key": id, "Content-Type": "application/json",
	}
	for name, v := range want {
		if got.Get(name) != v {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), v)
		}
	}
}

// TestStandardSignature is the worked example of the specification's libraries.
func TestStandardSignature(t *testing.T) {
	got := signatures([]tracker.WebhookSecret{{Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}, 0,
		"msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOutcomes(t *testing.T) {
	f := func(want result, h http.HandlerFunc) {
		t.Helper()
		s := httptest.NewServer(h)
		defer s.Close()
		got := send(t, s.URL, here)
		if got.outcome != want.outcome || got.status != want.status || got.gone != want.gone || got.after != want.after {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	status := func(n int, headers ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				w.Header().Set(headers[i], headers[i+1])
			}
			w.WriteHeader(n)
		}
	}
	f(result{outcome: tracker.OutcomeAccepted, status: 204}, status(204))
	f(result{outcome: tracker.OutcomeRefused, status: 500}, status(500))
	f(result{outcome: tracker.OutcomeRefused, status: 410, gone: true}, status(410))
	f(result{outcome: tracker.OutcomeRefused, status: 503, after: 90 * time.Second}, status(503, "Retry-After", "90"))
	f(result{outcome: tracker.OutcomeRefused, status: 429, after: afterMost}, status(429, "Retry-After", "99999999"))
	f(result{outcome: tracker.OutcomeAccepted, status: 200}, func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 { // more than anybody reads
			_, _ = w.Write(make([]byte, 4096))
		}
	})
	f(result{outcome: tracker.OutcomeUnknown}, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	followed := false
	f(result{outcome: tracker.OutcomeRefused, status: 307}, func(w http.ResponseWriter, r *http.Request) {
		followed = followed || r.URL.Path == "/there"
		w.Header().Set("Location", "/there")
		w.WriteHeader(307)
	})
	if followed {
		t.Error("a redirect was followed")
	}
	gone := httptest.NewServer(status(200))
	gone.Close()
	if res := send(t, gone.URL, here); res.outcome != tracker.OutcomeUnreachable {
		t.Errorf("nobody listens: %+v", res)
	}
}

// TestCutOff is a sender that is stopped while it waits for an answer.
func TestCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel(); <-release }))
	defer s.Close()
	defer close(release)
	res := newSender(here, "").send(ctx, &delivery{hook: &tracker.Webhook{URL: s.URL}, body: []byte("{}")})
	if res.outcome != tracker.OutcomeUnknown {
		t.Errorf("got %+v", res)
	}
}

// TestGuard asks for addresses that a tenant might name to reach what only this
// machine can.
func TestGuard(t *testing.T) {
	f := func(address string, allow []netip.Prefix, public, good bool) {
		t.Helper()
		if err := refuseAddr(netip.MustParseAddr(address), allow, public); (err == nil) != good {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, a := range []string{
		"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1", "2001::1",
	} {
		f(a, nil, true, false)
	}
	for _, a := range []string{"93.184.216.34", "1.1.1.1", "2606:4700:4700::1111"} {
		f(a, nil, true, true)
		f(a, nil, false, false) // over plain HTTP
	}
	f("127.0.0.1", here, true, true)
	f("127.0.0.1", here, false, true)
	f("::ffff:127.0.0.1", here, true, true)
	f("10.0.0.1", here, true, false)
}

// TestGuardIsAskedAfterTheName dials a name that leads to this machine.
func TestGuardIsAskedAfterTheName(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request came") }))
	defer s.Close()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{"https://localhost:" + port, "https://127.0.0.1:" + port, "http://localhost:" + port} {
		res := send(t, url, nil)
		if res.outcome != tracker.OutcomeUnreachable || !res.gone || !strings.Contains(res.detail, "webhook-allow") {
			t.Errorf("%s: %+v", url, res)
		}
	}
}
