// Package target runs the server under test as its users do: the ripen binary,
// one data directory, HTTP on the loopback interface. It knows the commands
// and the API, nothing of what is inside.
package target

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "embed"

	"ripen/bench/proc"
	"ripen/bench/ref"
)

// card is the scorecard the bench publishes: attributes and behaviour, where,
// per, cap and half_life, a group and a band, and one rule that lifts a probe
// above everybody else.
//
//go:embed card.yaml
var card []byte

// Config says what to run.
type Config struct {
	Binary      string   // path of the ripen binary
	Dir         string   // data directory; made if it is not there
	CaptureOnly bool     // take events in, fold nothing
	NoCard      bool     // publish no scorecard
	Args        []string // of ripen serve, beside the bench's own
	Log         io.Writer
}

// Server is a running tracker and its one tenant.
type Server struct {
	cfg       Config
	Addr      string
	WriteKey  string
	Proc      *proc.Process
	OpenTime  time.Duration // from start until it says that it takes events
	ReadyTime time.Duration // from start to the first /readyz with 200: leads are answered
	SecretKey string

	begun time.Time // of the process
	http  *http.Client
	said  *tail // the end of what the process wrote
}

// tenant is what the bench's tenant is called, and keysFile keeps its keys
// beside the data directory, since the secret is shown only once.
const tenant = "bench"

func keysFile(dir string) string { return strings.TrimRight(dir, "/") + ".keys.json" }

// Build makes into dir the static binary that people get.
func Build(ctx context.Context, dir string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, "ripen"))
	if err != nil {
		return "", err
	}
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("build ripen: go env: %w", err)
	}
	cmd := exec.CommandContext(ctx, "make", "-C", filepath.Dir(strings.TrimSpace(string(mod))), "build", "BIN="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build ripen: %w\n%s", err, bytes.TrimSpace(out))
	}
	return path, nil
}

// Open starts a server on the data directory and waits until it is ready. A
// new directory gets the tenant and, unless capture is all it does, the card.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, http: &http.Client{Timeout: callLimit, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	fresh, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	if fresh && !cfg.CaptureOnly && !cfg.NoCard {
		if err := s.publish(ctx); err != nil {
			s.Proc.Kill()
			return nil, err
		}
	}
	return s, nil
}

// callLimit bounds a call; the longest waits until the fold has caught up.
const callLimit = 11 * time.Minute

// keys reads the tenant's keys, or creates the tenant.
func (s *Server) keys(ctx context.Context) (fresh bool, err error) {
	file := keysFile(s.cfg.Dir)
	b, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		fresh = true
		cmd := exec.CommandContext(ctx, s.cfg.Binary, "tenant", "create", tenant, "--data", s.cfg.Dir, "--json")
		var complaint bytes.Buffer
		cmd.Stderr = &complaint
		if b, err = cmd.Output(); err != nil {
			return false, fmt.Errorf("ripen tenant create: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
		}
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		return false, err
	}
	var k struct {
		WriteKey  string `json:"write_key"`
		SecretKey string `json:"secret_key"`
	}
	if err := json.Unmarshal(b, &k); err != nil || k.WriteKey == "" || k.SecretKey == "" {
		return false, fmt.Errorf("ripen tenant create --json: need write_key and secret_key: %w", err)
	}
	s.WriteKey, s.SecretKey = k.WriteKey, k.SecretKey
	return fresh, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.Addr, err = ref.FreeAddr(); err != nil {
		return err
	}
	args := []string{"serve", "--data", s.cfg.Dir, "--listen", s.Addr, "--log-level", "warn"}
	if s.cfg.CaptureOnly {
		args = append(args, "--capture-only")
	}
	args = append(args, s.cfg.Args...)
	log := &tail{next: s.cfg.Log}
	s.said = log
	s.begun = time.Now()
	if s.Proc, err = proc.Start(log, s.cfg.Binary, args...); err != nil {
		return err
	}
	if err := s.waitReady(ctx); err != nil {
		s.Proc.Kill()
		return fmt.Errorf("ripen serve: %w\n%s", err, log.text())
	}
	s.ReadyTime = time.Since(s.begun)
	if s.OpenTime == 0 { // ready before it was asked
		s.OpenTime = s.ReadyTime
	}
	return nil
}

// openLimit is how long a server may take to get ready; a big data directory
// after a crash is the longest case.
const openLimit = 2 * time.Minute

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	pause := time.NewTicker(2 * time.Millisecond)
	defer pause.Stop()
	for {
		if s.OpenTime == 0 && s.takesEvents(ctx) {
			s.OpenTime = time.Since(s.begun)
		}
		_, err := s.Call(ctx, "GET", "/readyz", "", nil)
		if err == nil {
			return nil
		}
		select {
		case <-s.Proc.Done():
			return errors.Join(errors.New("ended before it was ready"), s.Proc.Exit())
		case <-ctx.Done():
			return fmt.Errorf("not ready after %v: %w", openLimit, err)
		case <-pause.C:
		}
	}
}

// takesEvents asks a server whether events are acknowledged, be the leads read
// or not yet.
func (s *Server) takesEvents(ctx context.Context) bool {
	b, err := s.Call(ctx, "GET", "/healthz", "", nil)
	var h struct {
		Status string `json:"status"`
	}
	return err == nil && json.Unmarshal(b, &h) == nil && (h.Status == "ok" || h.Status == "starting")
}

func (s *Server) publish(ctx context.Context) error {
	if _, err := s.Call(ctx, "PUT", "/v1/scorecards/bench", "application/yaml", card); err != nil {
		return err
	}
	_, err := s.Call(ctx, "POST", "/v1/scorecards/bench/publish?ranking=true", "", nil)
	return err
}

// Call sends one API request with the secret key and returns the body of a
// 2xx answer. kind is the media type of body; without a body, the one asked for.
func (s *Server) Call(ctx context.Context, method, path, kind string, body []byte) ([]byte, error) {
	return s.call(ctx, method, path, kind, body, s.SecretKey)
}

// Send posts one body to an ingest path, as a browser does: the write key is
// in the body.
func (s *Server) Send(ctx context.Context, path string, body []byte) ([]byte, error) {
	return s.call(ctx, "POST", path, "application/json", body, "")
}

// Dir is the data directory.
func (s *Server) Dir() string { return s.cfg.Dir }

func (s *Server) call(ctx context.Context, method, path, kind string, body []byte, key string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+s.Addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if kind != "" {
		req.Header.Set(map[bool]string{true: "Content-Type", false: "Accept"}[body != nil], kind)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %w: %.300s", method, path, statusError(resp.StatusCode), b)
	}
	return b, nil
}

// statusError is an answer other than 2xx.
type statusError int

func (s statusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

// StatusOf is the HTTP status that made a call fail; 0 if it was something else.
func StatusOf(err error) int {
	s, _ := errors.AsType[statusError](err)
	return int(s)
}

// Settle waits until every event of the log is folded, scored and ranked.
func (s *Server) Settle(ctx context.Context) (time.Duration, error) {
	key, err := os.ReadFile(filepath.Join(s.cfg.Dir, "admin.key"))
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	_, err = s.call(ctx, "POST", "/v1/admin/settle", "", nil, strings.TrimSpace(string(key)))
	return time.Since(begin), err
}

// Tail streams the log from a sequence number on, as ripen events tail does.
func (s *Server) Tail(ctx context.Context, from uint64, line func([]byte) error) error {
	return tailLog(ctx, s.cfg.Binary, s.cfg.Dir, from, line)
}

// Disk is what the data directory takes now.
func (s *Server) Disk() (proc.Disk, error) { return proc.DiskUse(s.cfg.Dir) }

// Died is nil while the process runs, else how it ended and its last words.
func (s *Server) Died() error {
	select {
	case <-s.Proc.Done():
		return fmt.Errorf("ripen serve ended by itself (%v): %s", s.Proc.Exit(), s.said.text())
	default:
		return nil
	}
}

// Kill ends the server as a crash would.
func (s *Server) Kill() { s.Proc.Kill() }

// Stop ends the server cleanly.
func (s *Server) Stop() error { return s.Proc.Stop(time.Minute) }

// tail keeps the end of what a server says, for the message when it fails.
type tail struct {
	next io.Writer
	mu   sync.Mutex // guards buf
	buf  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - 4096; n > 0 {
		t.buf = t.buf[n:]
	}
	if t.next != nil {
		_, _ = t.next.Write(p)
	}
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
