package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver is a destination of webhooks, which may be told to fail.
type receiver struct {
	mu       sync.Mutex // guards what follows
	statuses []int      // of the next answers; then 204
	got      []gotRequest
}

// gotRequest is one request that came.
type gotRequest struct {
	ID       string          `json:"id"`
	Key      string          `json:"key"`
	Status   int             `json:"status"` // that it was answered with
	Verified int             `json:"verified"`
	Signed   int             `json:"signed"`
	Body     json.RawMessage `json:"body"`

	stamp, signature string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	status := http.StatusNoContent
	if len(r.statuses) > 0 {
		status, r.statuses = r.statuses[0], r.statuses[1:]
	}
	h := req.Header
	r.got = append(r.got, gotRequest{
		ID: h.Get("webhook-id"), Key: h.Get("Idempotency-Key"), Status: status, Body: body,
		stamp: h.Get("webhook-timestamp"), signature: h.Get("webhook-signature"),
	})
	if status/100 == 3 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

var receivers sync.Map // :: URL → *receiver

// cmdReceiver starts a receiver, or says what the next answers of one are.
//
//	receiver NAME [STATUS…]
func cmdReceiver(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || neg {
		ts.Fatalf("usage: receiver NAME [STATUS…]")
	}
	var statuses []int
	for _, a := range args[1:] {
		n, err := strconv.Atoi(a)
		ts.Check(err)
		statuses = append(statuses, n)
	}
	if v, ok := receivers.Load(ts.Getenv(args[0])); ok {
		r := v.(*receiver)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.statuses = statuses
		return
	}
	r := &receiver{statuses: statuses}
	s := httptest.NewServer(r)
	ts.Defer(s.Close)
	receivers.Store(s.URL, r)
	ts.Setenv(args[0], s.URL)
}

// cmdReceived waits until a receiver has answered so many requests, prints them,
// and fails if there were more. A secret verifies their signatures. LAST is the
// id of the last one.
//
//	received NAME N [SECRET]
func cmdReceived(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: received NAME N [SECRET]")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	v, ok := receivers.Load(ts.Getenv(args[0]))
	if !ok {
		ts.Fatalf("no receiver %s", args[0])
	}
	r := v.(*receiver)
	var got []gotRequest
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		r.mu.Lock()
		got = slices.Clone(r.got)
		r.mu.Unlock()
		if len(got) >= n {
			break
		}
		if time.Now().After(end) {
			ts.Fatalf("%d requests came, want %d", len(got), n)
		}
	}
	if len(got) > n {
		ts.Fatalf("%d requests came, want %d", len(got), n)
	}
	var b bytes.Buffer
	for _, g := range got {
		signatures := strings.Fields(g.signature)
		g.Signed = len(signatures)
		if len(args) > 2 && slices.Contains(signatures, standardSignature(args[2], &g)) {
			g.Verified = 1
		}
		line, err := json.Marshal(g)
		ts.Check(err)
		fmt.Fprintf(&b, "%s\n", line)
	}
	ts.Setenv("LAST", got[n-1].ID)
	_, err = ts.Stdout().Write(b.Bytes())
	ts.Check(err)
}

// standardSignature signs a request as its sender should have.
func standardSignature(secret string, g *gotRequest) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return ""
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", g.ID, g.stamp, g.Body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// cmdWaitFor runs a command, or asks the server that ready found, until the output
// holds a text; with ! until it does not.
//
//	waitfor TEXT exec COMMAND…
//	waitfor TEXT get PATH
func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 3 || args[1] != "exec" && args[1] != "get" {
		ts.Fatalf("usage: waitfor TEXT exec COMMAND… or waitfor TEXT get PATH")
	}
	output := func() string {
		if args[1] == "exec" {
			ts.Check(ts.Exec(args[2], args[3:]...))
			return ts.ReadFile("stdout")
		}
		resp, err := http.Get(ts.Getenv("URL") + args[2])
		ts.Check(err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		ts.Check(err)
		return string(b)
	}
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if strings.Contains(output(), args[0]) != neg {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("it never says %q", args[0])
		}
	}
}
