package load

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeTracker answers as api.md says a tracker does and keeps what it got.
type fakeTracker struct {
	mu       sync.Mutex      // guards all below
	ids      map[string]int  // message id → times received
	visitors map[string]bool // anonymous ids seen
	bytes    int             // of event JSON
	bad      []string        // what no good client sends
	status   int             // of POST answers; 0 = 200
	spoil    string          // replaces "ok" in verdicts
}

func (f *fakeTracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		f.pixel(w, r)
		return
	}
	var batch struct {
		SentAt time.Time
		Batch  []json.RawMessage
	}
	body, _ := io.ReadAll(r.Body)
	key, _, _ := r.BasicAuth()
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := json.Unmarshal(body, &batch); err != nil || key != "wk" || time.Since(batch.SentAt).Abs() > time.Minute {
		f.bad = append(f.bad, fmt.Sprintf("key %q, %v, sent %v: %s", key, err, batch.SentAt, body))
	}
	if f.status != 0 {
		http.Error(w, "no", f.status)
		return
	}
	var out strings.Builder
	word := "ok"
	if f.spoil != "" {
		word = f.spoil
	}
	fmt.Fprintf(&out, `{"success":%v,"results":[`, word == "ok" || word == "duplicate")
	for i, raw := range batch.Batch {
		var ev struct {
			Type, MessageID, AnonymousID string
			Timestamp                    time.Time
		}
		if err := json.Unmarshal(raw, &ev); err != nil || ev.Type == "" || len(ev.AnonymousID) != 36 || ev.Timestamp.Year() < 2020 {
			f.bad = append(f.bad, string(raw))
		}
		f.bytes += len(raw)
		f.ids[ev.MessageID]++
		f.visitors[ev.AnonymousID] = true
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"messageId":%q,"status":%q}`, ev.MessageID, word)
	}
	_, _ = io.WriteString(w, out.String()+"]}")
}

func (f *fakeTracker) pixel(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f.mu.Lock()
	f.ids[q.Get("messageId")]++
	f.visitors[q.Get("anonymousId")] = true
	if q.Get("writeKey") != "wk" || q.Get("type") != "page" || !strings.HasPrefix(q.Get("url"), "https://") {
		f.bad = append(f.bad, r.URL.String())
	}
	f.mu.Unlock()
	w.Header().Set("Ripen-Verdict", "ok")
	_, _ = w.Write(append([]byte("GIF89a"), make([]byte, 37)...))
}

func serveFake(t *testing.T) (*fakeTracker, string) {
	t.Helper()
	f := &fakeTracker{ids: map[string]int{}, visitors: map[string]bool{}}
	srv := httptest.NewServer(f)
	t.Cleanup(srv.Close)
	return f, strings.TrimPrefix(srv.URL, "http://")
}

func TestRunSendsGoodRequestsOnce(t *testing.T) {
	f := func(name string, cfg Config) {
		t.Run(name, func(t *testing.T) {
			fake, addr := serveFake(t)
			var mu sync.Mutex
			acked := map[string]bool{}
			cfg.Addr, cfg.WriteKey, cfg.Visitors, cfg.Duration = addr, "wk", 50, 20*time.Second
			cfg.Acked = func(_ int, ids []ID) {
				mu.Lock()
				defer mu.Unlock()
				for _, id := range ids {
					acked[id.String()] = true
				}
			}
			res, err := Run(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if err := res.Err(); err != nil {
				t.Fatal(err)
			}
			want := cfg.Requests * int64(cfg.perRequest())
			if res.Requests != cfg.Requests || res.Events != want || len(acked) != int(want) {
				t.Fatalf("%d requests, %d events, %d acked; want %d, %d", res.Requests, res.Events, len(acked), cfg.Requests, want)
			}
			if len(fake.bad) > 0 {
				t.Fatalf("%d bad requests, first: %s", len(fake.bad), fake.bad[0])
			}
			for id, n := range fake.ids {
				if n != 1 || !acked[id] {
					t.Fatalf("id %s received %d times, acked %v", id, n, acked[id])
				}
			}
			if len(fake.visitors) > 50 || len(fake.visitors) < 2 {
				t.Fatalf("%d visitors, want 2 to 50", len(fake.visitors))
			}
			if res.Latency(50) <= 0 || res.Latency(50) > res.Max() || res.Statuses[200] != cfg.Requests {
				t.Fatalf("p50 %v, max %v, statuses %v", res.Latency(50), res.Max(), res.Statuses)
			}
		})
	}
	f("pixel", Config{Conns: 4, Requests: 400})
	f("pixel, new connections", Config{Conns: 4, Requests: 100, Fresh: true})
	f("one event", Config{Conns: 4, Requests: 300, Events: 1})
	f("twenty events", Config{Conns: 3, Requests: 60, Events: 20, Identify: 0.2})
	f("twenty events of one visitor", Config{Conns: 3, Requests: 60, Events: 20, Visit: 20})
	f("open loop", Config{Conns: 8, Requests: 200, Events: 2, Rate: 2000})
}

func TestEventsAreOfRealisticSize(t *testing.T) {
	fake, addr := serveFake(t)
	res, err := Run(t.Context(), Config{Addr: addr, WriteKey: "wk", Events: 20, Conns: 2, Requests: 100, Identify: 0.05, Each: true, Visitors: 500})
	if err != nil {
		t.Fatal(err)
	}
	if mean := float64(fake.bytes) / float64(res.Events); mean < 420 || mean > 480 {
		t.Fatalf("an event has %.0f bytes on average, want about 450", mean)
	}
	if len(fake.visitors) != 500 {
		t.Fatalf("each of 500 visitors in turn: %d seen", len(fake.visitors))
	}
}

func TestVisits(t *testing.T) {
	fake, addr := serveFake(t)
	cfg := Config{Addr: addr, WriteKey: "wk", Events: 20, Conns: 2, Requests: 30, Visit: 5, Each: true, Visitors: 1000}
	if _, err := Run(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if len(fake.visitors) != 120 || len(fake.ids) != 600 {
		t.Fatalf("600 events, five a visit, visitors in turn: %d events of %d visitors, want 120", len(fake.ids), len(fake.visitors))
	}
}

func TestRunReportsWrongAnswers(t *testing.T) {
	f := func(name, want string, set func(*fakeTracker)) {
		t.Run(name, func(t *testing.T) {
			fake, addr := serveFake(t)
			set(fake)
			res, err := Run(t.Context(), Config{Addr: addr, WriteKey: "wk", Events: 3, Conns: 1, Requests: 5})
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("ok %d duplicate %d drop %d retry %d wrong %d", res.Events, res.Duplicate, res.Drop, res.Retry, res.Wrong)
			if got != want {
				t.Fatalf("got %s, want %s; %v", got, want, res.Err())
			}
		})
	}
	f("duplicates", "ok 0 duplicate 15 drop 0 retry 0 wrong 0", func(t *fakeTracker) { t.spoil = "duplicate" })
	f("dropped", "ok 0 duplicate 0 drop 15 retry 0 wrong 5", func(t *fakeTracker) { t.spoil = "drop" })
	f("shed", "ok 0 duplicate 0 drop 0 retry 15 wrong 0", func(t *fakeTracker) { t.status = 503 })
	f("refused", "ok 0 duplicate 0 drop 0 retry 0 wrong 5", func(t *fakeTracker) { t.status = 401 })
	f("no verdicts", "ok 0 duplicate 0 drop 0 retry 0 wrong 5", func(t *fakeTracker) { t.spoil = "what" })
}

func TestRunRefuses(t *testing.T) {
	f := func(want string, cfg Config) {
		t.Helper()
		if _, err := Run(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", cfg, err, want)
		}
	}
	f("need 127.0.0.1:port", Config{Addr: "somewhere"})
	f("only talks to 127.0.0.1", Config{Addr: "192.0.2.1:80"})
	f("need 0 (pixel) to 2500", Config{Addr: "127.0.0.1:1", Events: 2501})
	f("need 0 to 1", Config{Addr: "127.0.0.1:1", Identify: 1.5})
}

// A server that stalls for 300 ms while requests fall due every 10 ms: each of
// those waits must be in the percentiles, counted from when it was due.
func TestOpenLoopCountsFromTheIntendedMoment(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		for n := 0; ; n++ {
			req, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_ = req.Body.Close()
			if n == 10 {
				<-time.After(300 * time.Millisecond) // the stall that is measured
			}
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\nGIF89a%s", bytes.Repeat([]byte("x"), 37))
		}
	}()
	res, err := Run(t.Context(), Config{Addr: ln.Addr().String(), Conns: 1, Rate: 100, Requests: 60})
	if err != nil {
		t.Fatal(err)
	}
	// 30 of 60 requests fell due during the stall; their waits run from 300
	// ms down to 0. A clock started at sending would show one slow request.
	if p80 := res.Latency(80); p80 < 60*time.Millisecond {
		t.Errorf("p80 is %v: the stall is hidden", p80)
	}
	if res.Max() < 290*time.Millisecond {
		t.Errorf("max is %v, want the whole stall", res.Max())
	}
}

func TestLostRequestsCanBeSentAgain(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			_ = conn.Close() // takes the request, never answers
		}
	}()
	lost := 0
	res, err := Run(t.Context(), Config{
		Addr: ln.Addr().String(), Conns: 1, Requests: 3, Events: 2,
		Lost: func(_ int, raw []byte, ids []ID) {
			lost++
			for _, id := range ids {
				if !bytes.Contains(raw, []byte(id.String())) {
					t.Errorf("request without its id %s", id)
				}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if lost != 3 || res.Failures != 3 || res.Err() == nil {
		t.Fatalf("lost %d, failures %d, %v; want 3, 3, an error", lost, res.Failures, res.Err())
	}
}
