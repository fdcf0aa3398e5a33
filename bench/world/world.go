// Package world is what a journey reaches in a bench: a mail server that others
// wrote, and a receiver of webhooks that may hang up. Both outlive the server under
// test, and count what came by the key that it carried.
package world

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ripen/bench/ref"
)

// ErrNoServer says that no mail server is installed.
var ErrNoServer = errors.New("no mail server is here: make deps installs python3-aiosmtpd")

// Mailbox is a mail server and what it took.
type Mailbox struct {
	Addr string
	dir  string
	cmd  *exec.Cmd
}

// OpenMailbox starts aiosmtpd, which keeps mails below a directory.
func OpenMailbox(dir string) (*Mailbox, error) {
	python := ""
	for _, p := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(p, "-c", "import aiosmtpd").Run() == nil {
			python = p
			break
		}
	}
	if python == "" {
		return nil, ErrNoServer
	}
	addr, err := ref.FreeAddr()
	if err != nil {
		return nil, err
	}
	m := &Mailbox{Addr: addr, dir: dir}
	m.cmd = exec.Command(python, "-m", "aiosmtpd", "-n", "-l", addr, "-c", "aiosmtpd.handlers.Mailbox", dir)
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			return m, c.Close()
		}
	}
	m.Close()
	return nil, errors.New("the mail server does not listen")
}

// Close ends the server.
func (m *Mailbox) Close() {
	_ = m.cmd.Process.Kill()
	_ = m.cmd.Wait() // killed
}

// Mail is what a mail carries of its maker.
type Mail struct{ Key, To string }

// Mails returns what was taken: the key in its Message-ID, and whom it went to.
func (m *Mailbox) Mails() (out []Mail, err error) {
	files, err := filepath.Glob(filepath.Join(m.dir, "new", "*"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		msg, err := mail.ReadMessage(bufio.NewReader(bytes.NewReader(b)))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		id := strings.Trim(msg.Header.Get("Message-ID"), "<>")
		key, _, _ := strings.Cut(id, "@")
		out = append(out, Mail{Key: key, To: strings.Trim(msg.Header.Get("To"), "<>")})
	}
	return out, nil
}

// Receiver takes webhooks.
type Receiver struct {
	URL string
	// HangUp, if set, is asked of each request whether it is taken and not answered.
	HangUp func() bool

	mu    sync.Mutex     // guards what follows
	count map[string]int // :: Idempotency-Key → requests
	srv   *http.Server
}

// OpenReceiver listens on this machine.
func OpenReceiver() (*Receiver, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &Receiver{URL: "http://" + l.Addr().String() + "/in", count: map[string]int{}}
	r.srv = &http.Server{Handler: r, ReadHeaderTimeout: time.Minute}
	go func() { _ = r.srv.Serve(l) }() // until Close
	return r, nil
}

// ServeHTTP implements [http.Handler].
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return // its sender died before it was whole
	}
	r.mu.Lock()
	r.count[req.Header.Get("Idempotency-Key")]++
	hangUp := r.HangUp != nil && r.HangUp()
	r.mu.Unlock()
	if hangUp {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusNoContent)
}

// Count returns requests by key.
func (r *Receiver) Count() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]int, len(r.count))
	for k, n := range r.count {
		out[k] = n
	}
	return out
}

// Keys is how many different ones came.
func (r *Receiver) Keys() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.count)
}

// Close ends the receiver.
func (r *Receiver) Close() { _ = r.srv.Close() }
