package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ripen/tracker/export"
	"ripen/tracker/server"
)

// serverSettings are the settings of every command that talks to a server.
var serverSettings = []string{"data", "server", "admin-key", "json"}

// tenantSettings are those of a command that acts for one tenant.
var tenantSettings = append([]string{"tenant"}, serverSettings...)

// client talks to the admin API of a server: one that is running, or one that
// runs inside this process for the length of the command.
type client struct {
	base    string
	key     string
	tenant  string // name of the tenant to act for; empty = the only one
	accept  string // media type asked for; empty = the server's choice
	private bool   // the server is one of this process alone
	http    *http.Client
	stop    func() error // ends the server inside this process
}

// close ends what connect started.
func (cl *client) close() error { return cl.stop() }

// withServer runs f with a client and closes it.
func (c *call) withServer(ctx context.Context, f func(cl *client) error) error {
	cl, err := c.connect(ctx)
	if err != nil {
		return err
	}
	return errors.Join(f(cl), cl.close())
}

// connect finds the server: --server, else the one that has announced itself
// in --data, else one started here on a port of the loopback interface.
func (c *call) connect(ctx context.Context) (*client, error) {
	cl := &client{http: &http.Client{}, stop: func() error { return nil }}
	if _, ok := c.use["tenant"]; ok {
		cl.tenant = c.get("tenant")
	}
	dir := c.get("data")
	cl.key = c.get("admin-key")
	if cl.key == "" && dir != "" {
		b, err := os.ReadFile(filepath.Join(dir, server.KeyFile))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("read the admin key: %w", err)
		}
		cl.key = strings.TrimSpace(string(b))
	}
	if s := c.get("server"); s != "" {
		if cl.key == "" {
			return nil, errors.New("--server needs the admin key: set RIPEN_ADMIN_KEY, or give the server's --data")
		}
		if !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") {
			return nil, &usageError{fmt.Sprintf("--server: %q is no address like http://127.0.0.1:8080", s), "ripen help " + c.cmd.name}
		}
		cl.base = strings.TrimRight(s, "/")
		return cl, nil
	}
	if dir == "" {
		return nil, &usageError{"no server named: give --data DIR (or RIPEN_DATA), or --server URL", "ripen help " + c.cmd.name}
	}
	if a, ok := server.Announced(ctx, dir); ok {
		cl.base = a.URL
		return cl, nil
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) && c.cmd.name != "tenant create" { // a slip of the pen makes no directory
		return nil, fmt.Errorf("--data: there is no %s: 'ripen tenant create NAME --data %s' makes one", dir, dir)
	}
	return cl, cl.startHere(ctx, dir, c.cmd.folds)
}

// startHere starts a server in this process on the data directory. One that
// folds has caught up with the log before the command goes on.
func (cl *client) startHere(ctx context.Context, dir string, folds bool) error {
	s, err := server.New(ctx, server.Config{Data: dir, Listen: "127.0.0.1:0", Private: true, CaptureOnly: !folds})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	cl.stop = func() error {
		cancel()
		return <-done
	}
	cl.base, cl.key, cl.private = s.URL(), s.AdminKey(), true
	if !folds {
		return nil
	}
	if err := cl.do(ctx, "POST", "/v1/admin/settle", nil, nil, nil); err != nil {
		return errors.Join(err, cl.stop())
	}
	return nil
}

// isAway says that an error comes of a server that was there, as when it is started
// again. met says that it was there for an earlier request.
func (cl *client) isAway(err error, met bool) bool {
	if no, ok := errors.AsType[*problemError](err); ok {
		return no.Status == http.StatusServiceUnavailable
	}
	if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" {
		return met
	}
	_, broken := errors.AsType[net.Error](err)
	return !cl.private && (broken || errors.Is(err, io.ErrUnexpectedEOF))
}

// seek waits a second and looks for the server anew: it may have another address.
func (c *call) seek(ctx context.Context, cl *client) {
	if err := pause(ctx, time.Second); err != nil || c.get("server") != "" {
		return
	}
	if a, ok := server.Announced(ctx, c.get("data")); ok {
		cl.base = a.URL
	}
}

// request sends one request and returns the answer if its status is 2xx.
func (cl *client) request(ctx context.Context, method, path string, q url.Values, body any) (*http.Response, error) {
	var r io.Reader
	kind := "application/json"
	switch b := body.(type) {
	case nil:
	case io.Reader:
		r, kind = b, "application/octet-stream"
	case []byte:
		r, kind = bytes.NewReader(b), "application/octet-stream"
	default:
		j, err := json.Marshal(b)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		r = bytes.NewReader(j)
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, cl.base+path, r)
	if err != nil {
		return nil, fmt.Errorf("--server: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+cl.key)
	if cl.tenant != "" {
		req.Header.Set(export.TenantHeader, cl.tenant)
	}
	if body != nil {
		req.Header.Set("Content-Type", kind)
	}
	if cl.accept != "" {
		req.Header.Set("Accept", cl.accept)
	}
	resp, err := cl.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the server: %w", err)
	}
	if resp.StatusCode == http.StatusUnauthorized {
		resp.Body.Close()
		return nil, errors.New("the server does not know this admin key: set RIPEN_ADMIN_KEY to what is in the file admin.key of its data directory")
	}
	if resp.StatusCode/100 != 2 {
		defer resp.Body.Close()
		return nil, problem(resp)
	}
	return resp, nil
}

// do sends one request and decodes the JSON answer into out, if any.
func (cl *client) do(ctx context.Context, method, path string, q url.Values, body, out any) error {
	resp, err := cl.request(ctx, method, path, q, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	if err := decodeFrom(resp.Body, out); err != nil {
		return fmt.Errorf("decode the server's answer: %w", err)
	}
	return nil
}

// decode reads an answer of the server. What visitors sent as numbers stays their
// text: it may be beyond any float, and is to be shown as it was sent.
func decode(b []byte, out any) error { return decodeFrom(bytes.NewReader(b), out) }

func decodeFrom(r io.Reader, out any) error {
	d := json.NewDecoder(r)
	d.UseNumber()
	return d.Decode(out)
}

// lines streams an NDJSON answer to f, one line at a time without its end.
func (cl *client) lines(ctx context.Context, method, path string, q url.Values, body any, f func(line []byte) error) error {
	resp, err := cl.request(ctx, method, path, q, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(make([]byte, 64<<10), 16<<20)
	for sc.Scan() {
		if len(sc.Bytes()) == 0 {
			continue // a sign of life
		}
		if err := f(sc.Bytes()); err != nil {
			return err
		}
	}
	return sc.Err()
}

// problemError is a refusal of the server, as problem JSON says it.
type problemError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func (e *problemError) Error() string {
	s := e.Detail
	if s == "" {
		s = e.Title
	}
	if s == "" {
		s = http.StatusText(e.Status)
	}
	if e.Code != "" {
		s += " (" + e.Code + ")"
	}
	return s
}

// problem reads the refusal in an answer.
func problem(resp *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	e := &problemError{}
	if json.Unmarshal(b, e) != nil {
		e.Detail = strings.TrimSpace(string(b))
	}
	e.Status = resp.StatusCode
	return e
}

// clockText writes a server's instant for people: local time, to the second.
func clockText(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339Nano, rfc3339)
	if err != nil {
		return rfc3339
	}
	return t.Local().Format(clockForm)
}

const clockForm = "2006-01-02 15:04:05"

// millisText is clockText of unix milliseconds.
func millisText(ms int64) string { return time.UnixMilli(ms).Format(clockForm) }
