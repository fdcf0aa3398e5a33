package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Files of the data directory that the server itself owns.
const (
	// KeyFile holds the admin key, readable by its owner only.
	KeyFile = "admin.key"
	// announceFile says where the running server listens.
	announceFile = "server.json"
)

// Announcement says where the server that owns a data directory listens.
type Announcement struct {
	URL      string `json:"url"`
	PID      int    `json:"pid"`
	Instance string `json:"instance"` // random per start: tells a live server from a stale file
}

// Announced returns the announcement of the server that runs on dir, if one
// answers. A file left behind by a crash is not believed: whoever listens
// there now must name the same instance, and is asked before any key is sent.
func Announced(ctx context.Context, dir string) (Announcement, bool) {
	var a Announcement
	b, err := os.ReadFile(filepath.Join(dir, announceFile))
	if err != nil || json.Unmarshal(b, &a) != nil {
		return a, false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/healthz", nil)
	if err != nil {
		return a, false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, false
	}
	defer resp.Body.Close()
	var h health
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<16)).Decode(&h)
	return a, err == nil && h.Instance == a.Instance
}

// announce writes the file that lets commands find this server.
func (s *Server) announce() error {
	a := Announcement{URL: s.URL(), PID: os.Getpid(), Instance: s.instance}
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(s.cfg.Data, announceFile), append(b, '\n'))
}

// retract removes the announcement.
func (s *Server) retract() error {
	err := os.Remove(filepath.Join(s.cfg.Data, announceFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// URL is where the server answers, as a browser on this machine would say it.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return "http://" + s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// readAdminKey returns the machine's admin key, making it at the first start.
func readAdminKey(dir string) (string, error) {
	file := filepath.Join(dir, KeyFile)
	b, err := os.ReadFile(file)
	if err == nil {
		if k := strings.TrimSpace(string(b)); len(k) >= 32 {
			return k, nil
		}
		return "", fmt.Errorf("%s: not an admin key: remove the file and start again to get a new one", file)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the admin key: %w", err)
	}
	key := "rk_admin_" + randomHex(20)
	return key, replaceFile(file, []byte(key+"\n"))
}

// replaceFile writes a small file whole or not at all, for its owner only.
func replaceFile(file string, b []byte) error {
	f, err := os.OpenFile(file+".part", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
