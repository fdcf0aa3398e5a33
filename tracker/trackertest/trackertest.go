// Package trackertest gives a test a whole tracker of its own: every stage, on
// a fresh data directory and a random port, with a tenant, keys, and a clock
// that stands still until the test moves it.
//
// It is for tests that must see the whole path, from a request to a ranked
// lead; a stage is better tested alone.
package trackertest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"ripen/tracker/server"
)

// T is a running tracker with one tenant, closed when the test ends.
type T struct {
	URL       string
	Dir       string // the data directory
	WriteKey  string // of the tenant's first source
	SecretKey string // of the tenant
	AdminKey  string

	t      testing.TB
	config server.Config
	clock  atomic.Int64 // unix ms
	stop   func()
}

// Option changes how [Start] starts the tracker.
type Option func(*server.Config)

// Begin is the moment at which the clock of a tracker stands at first.
var Begin = time.Date(2026, 1, 12, 9, 0, 0, 0, time.UTC)

// Start runs a tracker until the test ends.
func Start(t testing.TB, options ...Option) *T {
	t.Helper()
	k := &T{t: t, Dir: t.TempDir()}
	k.clock.Store(Begin.UnixMilli())
	k.config = server.Config{Data: k.Dir, Listen: "127.0.0.1:0", Now: k.Now}
	for _, o := range options {
		o(&k.config)
	}
	k.run()
	t.Cleanup(func() { k.stop() })
	var keys struct {
		WriteKey  string `json:"write_key"`
		SecretKey string `json:"secret_key"`
	}
	k.Call("POST", "/v1/admin/tenants", k.AdminKey, map[string]string{"name": "test"}, &keys)
	k.WriteKey, k.SecretKey = keys.WriteKey, keys.SecretKey
	return k
}

// run starts a server on the directory.
func (k *T) run() {
	k.t.Helper()
	s, err := server.New(context.Background(), k.config)
	if err != nil {
		k.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	k.URL, k.AdminKey = s.URL(), s.AdminKey()
	k.stop = func() {
		cancel()
		if err := <-done; err != nil {
			k.t.Errorf("stop the tracker: %v", err)
		}
	}
}

// Restart stops the tracker and starts it again on the same directory.
func (k *T) Restart() {
	k.t.Helper()
	k.stop()
	k.stop = func() {} // in case the start fails
	k.run()
}

// Now is the tracker's clock.
func (k *T) Now() time.Time { return time.UnixMilli(k.clock.Load()) }

// Advance moves the tracker's clock and waits until what the time changes is
// in view.
func (k *T) Advance(d time.Duration) {
	k.t.Helper()
	k.clock.Add(d.Milliseconds())
	k.Settle()
}

// Settle waits until every acknowledged event is folded, scored and in view.
func (k *T) Settle() {
	k.t.Helper()
	k.Call("POST", "/v1/admin/settle", k.AdminKey, nil, nil)
}

// Publish puts a scorecard in force as the tenant's ranking.
func (k *T) Publish(name, yaml string) {
	k.t.Helper()
	k.Call("PUT", "/v1/scorecards/"+name, k.SecretKey, []byte(yaml), nil)
	k.Call("POST", "/v1/scorecards/"+name+"/publish", k.SecretKey, map[string]bool{"ranking": true}, nil)
	k.Settle()
}

// Verdict is what the tracker says of one event.
type Verdict struct {
	MessageID string `json:"messageId"`
	Status    string `json:"status"`
	Code      string `json:"code"`
}

// Send posts events in Segment's shape as one batch from the public source,
// waits until they are in view and returns their verdicts.
func (k *T) Send(events ...map[string]any) []Verdict {
	k.t.Helper()
	var answer struct {
		Results []Verdict `json:"results"`
	}
	k.Call("POST", "/v1/batch", "", map[string]any{"writeKey": k.WriteKey, "batch": events}, &answer)
	k.Settle()
	return answer.Results
}

// Lead is the part of a lead that most tests look at.
type Lead struct {
	ID    string `json:"id"`
	Score *int   `json:"score"`
	Band  string `json:"band"`
	Grade string `json:"grade"`
	Email string `json:"email"`
}

// Leads returns the ranked list, highest first.
func (k *T) Leads() []Lead {
	k.t.Helper()
	var page struct {
		Leads []Lead `json:"leads"`
	}
	k.Call("GET", "/v1/leads?limit=1000", k.SecretKey, nil, &page)
	return page.Leads
}

// Call sends a request with a key, if any, fails the test unless the status is
// 2xx, and decodes the JSON answer into out, if any. A body that is not bytes
// is sent as JSON.
func (k *T) Call(method, path, key string, body, out any) {
	k.t.Helper()
	status, b := k.Do(method, path, key, body)
	if status/100 != 2 {
		k.t.Fatalf("%s %s: status %d: %s", method, path, status, b)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(b, out); err != nil {
		k.t.Fatalf("%s %s: %v: %.200s", method, path, err, b)
	}
}

// Do sends a request with a key, if any, and returns status and body.
func (k *T) Do(method, path, key string, body any) (status int, answer []byte) {
	k.t.Helper()
	b, isBytes := body.([]byte)
	if body != nil && !isBytes {
		var err error
		if b, err = json.Marshal(body); err != nil {
			k.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, k.URL+path, bytes.NewReader(b))
	if err != nil {
		k.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		k.t.Fatal(fmt.Errorf("%s %s: %w", method, path, err))
	}
	return resp.StatusCode, answer
}
