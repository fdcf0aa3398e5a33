package outbox

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"ripen/tracker"
)

// Limits of one request to a webhook.
const (
	sendLimit = 15 * time.Second
	dialLimit = 5 * time.Second
	bodyLimit = 64 << 10 // bytes of an answer that are read, so that its connection can be used again
	afterMost = 24 * time.Hour
)

// sender sends signed requests as Standard Webhooks describes them.
type sender struct {
	client *http.Client
	plain  *http.Client // for http://, to allowed addresses alone
	agent  string
}

// newSender returns a sender that may also go to the given addresses of the
// machine's own network.
func newSender(allow []netip.Prefix, version string) *sender {
	if version == "" {
		version = "dev"
	}
	return &sender{
		client: newClient(func(a netip.Addr) error { return refuseAddr(a, allow, true) }),
		plain:  newClient(func(a netip.Addr) error { return refuseAddr(a, allow, false) }),
		agent:  "ripen/" + version + " (webhooks)",
	}
}

func newClient(refuse func(netip.Addr) error) *http.Client {
	dialer := guarded(refuse)
	return &http.Client{
		Timeout:       sendLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{ // no proxy: it would dial for us, unguarded
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialLimit, ResponseHeaderTimeout: sendLimit,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 4, MaxIdleConns: 100, IdleConnTimeout: time.Minute,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, DisableCompression: true,
		},
	}
}

// send makes one attempt.
func (s *sender) send(ctx context.Context, d *delivery) result {
	var sent atomic.Bool // a byte of the request may have left
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaderField: func(string, []string) { sent.Store(true) }})
	req, why := s.request(ctx, d)
	if why != "" {
		return result{outcome: tracker.OutcomeUnreachable, detail: why, gone: true}
	}
	client := s.client
	if req.URL.Scheme == "http" {
		client = s.plain
	}
	resp, err := client.Do(req)
	if err != nil {
		return failed(err, sent.Load())
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, bodyLimit) // its end is of no interest
	return answered(resp)
}

// request makes the request of an attempt, or says why there can be none.
func (s *sender) request(ctx context.Context, d *delivery) (req *http.Request, why string) {
	r := request{http.MethodPost, d.hook.URL, "application/json", d.body}
	if d.hook.Shape != "" {
		if r, why = shaped(d); why != "" {
			return nil, why
		}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, bytes.NewReader(r.body))
	if err != nil {
		return nil, "the address cannot be used"
	}
	req.GetBody = nil // the client must not repeat by itself what it may have sent
	req.Header = http.Header{"Content-Type": {r.kind}, "User-Agent": {s.agent}, "Idempotency-Key": {d.id.String()}}
	switch {
	case d.hook.Auth != "":
		req.Header.Set("Authorization", authorization(d.hook.Auth))
	case d.hook.Shape == "":
		stamp := strconv.FormatInt(d.at/1000, 10)
		req.Header.Set("Webhook-Id", d.id.String())
		req.Header.Set("Webhook-Timestamp", stamp)
		req.Header.Set("Webhook-Signature", signatures(d.hook.Secrets, d.at, d.id.String(), stamp, d.body))
	}
	return req, ""
}

// failed says what an attempt without an answer means. Details never quote the
// error: it may hold the address's query.
func failed(err error, sent bool) result {
	var dns *net.DNSError
	var timeout net.Error
	res := result{outcome: tracker.OutcomeUnreachable, detail: "no connection"}
	switch {
	case errors.Is(err, errGuarded):
		res.detail, res.gone = errGuarded.Error(), true
	case errors.As(err, &dns):
		res.detail = "the host's name is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		res.detail = "connection refused"
	case sent && errors.Is(err, context.Canceled):
		res.outcome, res.detail = tracker.OutcomeUnknown, "this server stopped before an answer came"
	case sent && errors.As(err, &timeout) && timeout.Timeout():
		res.outcome, res.detail = tracker.OutcomeUnknown, fmt.Sprintf("no answer within %s", sendLimit)
	case sent:
		res.outcome, res.detail = tracker.OutcomeUnknown, "the connection broke before an answer came"
	case strings.Contains(err.Error(), "tls:") || strings.Contains(err.Error(), "x509:"):
		res.detail = "no trust: the certificate or the handshake was no good"
	}
	return res
}

// answered says what an answer means.
func answered(resp *http.Response) result {
	res := result{outcome: tracker.OutcomeRefused, status: resp.StatusCode}
	switch {
	case resp.StatusCode/100 == 2:
		res.outcome = tracker.OutcomeAccepted
		return res
	case resp.StatusCode/100 == 3:
		res.detail = "a redirect, which is not followed"
	case resp.StatusCode == http.StatusGone:
		res.detail, res.gone = "the destination answers that it is gone for good", true
	}
	res.after = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	return res
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(v string, now time.Time) time.Duration {
	d := time.Duration(0)
	if n, err := strconv.ParseUint(v, 10, 31); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), afterMost)
}

// signatures signs a message with every secret that is good at a moment.
func signatures(secrets []tracker.WebhookSecret, now int64, id, stamp string, body []byte) string {
	var list []string
	for _, s := range secrets {
		if s.Until != 0 && s.Until <= now {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Secret, "whsec_"))
		if err != nil {
			panic("BUG: a stored secret is not base64")
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		list = append(list, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(list, " ")
}
