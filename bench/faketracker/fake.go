// Package faketracker is the least thing that answers like the ripen binary:
// the commands and paths that the bench uses, a log that is a text file, no
// scores. The bench's own tests run it, also with faults built in, to prove
// that the bench would notice them.
package faketracker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Env names the variable that makes a test binary act as the fake; its value
// is the fault: "none", "lose" (acknowledges before it writes), "twice"
// (stores every hundredth event two times).
const Env = "BENCH_FAKE_TRACKER"

// Main acts if Env is set: call it first in TestMain.
func Main() {
	fault := os.Getenv(Env)
	if fault == "" {
		return
	}
	if err := run(os.Args[1:], fault); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func run(args []string, fault string) error {
	words := 0
	for words < len(args) && !strings.HasPrefix(args[words], "-") {
		words++
	}
	flags := flag.NewFlagSet("fake", flag.ContinueOnError)
	data := flags.String("data", "", "")
	listen := flags.String("listen", "", "")
	from := flags.Uint64("from", 0, "")
	flags.String("log-level", "", "")
	flags.Bool("json", false, "")
	flags.Bool("capture-only", false, "")
	if err := flags.Parse(args[words:]); err != nil {
		return err
	}
	switch strings.Join(args[:words], " ") {
	case "tenant create bench":
		if err := os.MkdirAll(*data, 0o755); err != nil {
			return err
		}
		fmt.Println(`{"tenant":"bench","write_key":"wk","secret_key":"sk"}`)
		return os.WriteFile(filepath.Join(*data, "admin.key"), []byte("ak\n"), 0o600)
	case "serve":
		t, err := open(*data, fault)
		if err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		srv := &http.Server{Addr: *listen, Handler: t.mux()}
		stopped := context.AfterFunc(ctx, func() { _ = srv.Close() })
		defer stopped()
		if err := srv.ListenAndServe(); ctx.Err() == nil {
			return err
		}
		return nil
	case "events tail":
		return tail(*data, *from, os.Stdout)
	}
	return fmt.Errorf("fake: no command %q", args[:words])
}

// tracker is the fake's state.
type tracker struct {
	fault string
	mu    sync.Mutex // guards all below
	file  *os.File
	late  []byte          // with the fault "lose": acknowledged, not written
	ids   map[string]bool // stored
	probe string          // e-mail of the last identify that asked to be first
	n     int
}

func logFile(dir string) string { return filepath.Join(dir, "log", "events") }

func open(dir, fault string) (*tracker, error) {
	if err := os.MkdirAll(filepath.Dir(logFile(dir)), 0o755); err != nil {
		return nil, err
	}
	t := &tracker{fault: fault, ids: map[string]bool{}}
	old, err := os.ReadFile(logFile(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	for id := range strings.Lines(string(old)) {
		t.ids[strings.TrimSpace(id)] = true
	}
	t.file, err = os.OpenFile(logFile(dir), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	return t, err
}

func tail(dir string, from uint64, w io.Writer) error {
	f, err := os.Open(logFile(dir))
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	for seq := uint64(1); in.Scan(); seq++ {
		if seq < from {
			continue
		}
		if _, err := fmt.Fprintf(w, `{"seq":%d,"message_id":%q}`+"\n", seq, in.Text()); err != nil {
			return err
		}
	}
	return in.Err()
}

func (t *tracker) mux() *http.ServeMux {
	mux := http.NewServeMux()
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	mux.HandleFunc("GET /healthz", say(`{"status":"ok"}`))
	mux.HandleFunc("GET /readyz", say("ok"))
	mux.HandleFunc("GET /metrics", t.metrics)
	mux.HandleFunc("PUT /v1/scorecards/bench", say("{}"))
	mux.HandleFunc("POST /v1/scorecards/bench/publish", say("{}"))
	mux.HandleFunc("POST /v1/admin/settle", say("{}"))
	mux.HandleFunc("GET /v1/leads/{id}/events", say(`{"events":[{"type":"page_view"}]}`))
	mux.HandleFunc("GET /v1/leads", t.leads)
	mux.HandleFunc("GET /p.gif", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Ripen-Verdict", t.store(r.URL.Query().Get("messageId")))
		_, _ = io.WriteString(w, "GIF89a"+strings.Repeat("x", 37))
	})
	mux.HandleFunc("POST /v1/batch", t.batch)
	for path, answer := range map[string]string{
		"/beacon/v1/batch": "OK", "/com.snowplowanalytics.snowplow/tp2": "ok", "/batch/": `{"status":1}`, "/i/v1/analytics/events": "",
	} {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) { t.foreign(w, r, answer) })
	}
	mux.HandleFunc("POST /v1/identify", t.identify)
	return mux
}

func (t *tracker) leads(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lead := fmt.Sprintf(`{"id":%q,"score":99}`, "u_"+t.probe)
	if r.Header.Get("Accept") == "application/json" {
		lead = `{"leads":[` + lead + `]}`
	}
	_, _ = io.WriteString(w, lead+"\n")
}

func (t *tracker) identify(w http.ResponseWriter, r *http.Request) {
	var ev struct{ Traits struct{ Email string } }
	if err := json.NewDecoder(r.Body).Decode(&ev); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	t.probe = ev.Traits.Email
	t.mu.Unlock()
	_, _ = io.WriteString(w, `{"success":true,"results":[{"status":"ok"}]}`)
}

func (t *tracker) batch(w http.ResponseWriter, r *http.Request) {
	var in struct{ Batch []struct{ MessageID string } }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	results := make([]string, len(in.Batch))
	for i, ev := range in.Batch {
		results[i] = fmt.Sprintf(`{"messageId":%q,"status":%q}`, ev.MessageID, t.store(ev.MessageID))
	}
	fmt.Fprintf(w, `{"success":true,"results":[%s]}`, strings.Join(results, ","))
}

func (t *tracker) metrics(w http.ResponseWriter, _ *http.Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(w, "# TYPE ripen_fold_lag_seconds gauge\nripen_fold_lag_seconds 0.005\nripen_ingest_events_total{verdict=\"ok\"} %d\n", len(t.ids))
}

// foreign takes a batch in another format; without an answer of its own it names
// each event, as PostHog's version 1 does.
func (t *tracker) foreign(w http.ResponseWriter, r *http.Request, answer string) {
	type event struct{ MessageID, UUID, EID string }
	var in struct{ Batch, Data []event }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	var results []string
	for _, ev := range append(in.Batch, in.Data...) {
		id := ev.MessageID + ev.UUID + ev.EID // one of them
		results = append(results, fmt.Sprintf(`%q:{"result":%q}`, id, t.store(id)))
	}
	if answer == "" {
		answer = `{"results":{` + strings.Join(results, ",") + `}}`
	}
	_, _ = io.WriteString(w, answer)
}

func (t *tracker) store(id string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids[id] {
		return "duplicate"
	}
	t.ids[id] = true
	t.n++
	line := []byte(id + "\n")
	if t.fault == "twice" && t.n%100 == 0 {
		line = append(line, line...)
	}
	t.late = append(t.late, line...)
	if t.fault == "lose" && len(t.late) < 1<<12 {
		return "ok" // the lie that the bench must find out
	}
	if _, err := t.file.Write(t.late); err != nil {
		return "retry"
	}
	t.late = t.late[:0]
	return "ok"
}
