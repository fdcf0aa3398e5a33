package target

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
)

// LagMetric is the name of the age of the oldest event that is acknowledged
// and not yet folded, in seconds.
const LagMetric = "ripen_fold_lag_seconds"

// ErrNoMetric says that a server does not report what was asked for.
var ErrNoMetric = errors.New("metric not reported")

// Metric reads one gauge or counter from /metrics; labels, if any, belong to
// the name.
func (s *Server) Metric(ctx context.Context, name string) (float64, error) {
	b, err := s.Call(ctx, "GET", "/metrics", "", nil)
	if err != nil {
		return 0, err
	}
	return findMetric(string(b), name)
}

func findMetric(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || !strings.HasPrefix(rest, " ") {
			continue
		}
		value, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		f, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		return f, nil
	}
	return 0, fmt.Errorf("%w: %s", ErrNoMetric, name)
}

// Event is a line of the log.
type Event struct {
	Seq       uint64 `json:"seq"`
	MessageID string `json:"message_id"` // empty for records that are not events
}

// ParseEvent reads a line that [Server.Tail] gave.
func ParseEvent(line []byte) (Event, error) {
	var in struct {
		Event
		Error json.RawMessage `json:"error"` // the stream broke off here
	}
	if err := json.Unmarshal(line, &in); err != nil {
		return in.Event, fmt.Errorf("line of the log: %w: %.200q", err, line)
	}
	if in.Error != nil || in.Seq == 0 {
		return in.Event, fmt.Errorf("the log cannot be read: %.300s", line)
	}
	return in.Event, nil
}

func tailLog(ctx context.Context, binary, dir string, from uint64, line func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "events", "tail", "--data", dir, "--from", strconv.FormatUint(from, 10), "--json")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	in := bufio.NewScanner(out)
	in.Buffer(make([]byte, 64<<10), 1<<20)
	for err == nil && in.Scan() {
		err = line(in.Bytes())
	}
	if err == nil {
		err = in.Err()
	}
	if err != nil {
		cancel()
		_ = cmd.Wait() // its end is what err already says
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("ripen events tail: %w: %s", err, bytes.TrimSpace(complaint.Bytes()))
	}
	return nil
}

// Lead is the part of a lead that the bench looks at.
type Lead struct {
	ID    string `json:"id"`
	Score *int   `json:"score"`
}

// Leads reads the first n of the ranked list, highest first, as a stream.
func (s *Server) Leads(ctx context.Context, n int) ([]Lead, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is left of the stream is not wanted
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.Addr+"/v1/leads", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+s.SecretKey)
	req.Header.Set("Accept", "application/x-ndjson")
	resp, err := s.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/v1/leads as NDJSON: status %d", resp.StatusCode)
	}
	var leads []Lead
	in := bufio.NewScanner(resp.Body)
	in.Buffer(make([]byte, 64<<10), 4<<20)
	for len(leads) < n && in.Scan() {
		var l Lead
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("/v1/leads as NDJSON: %w: %.200q", err, in.Bytes())
		}
		leads = append(leads, l)
	}
	return leads, in.Err()
}
