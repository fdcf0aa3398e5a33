package mail

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
	"ripen/tracker/mail/mailtest"
)

// TestServerOfOthers sends a signed mail by STARTTLS to a mail server that shares
// no code with ours, and reads what it put into its mailbox.
func TestServerOfOthers(t *testing.T) {
	python := mailtest.Python(t)
	dir := t.TempDir()
	cert, roots := certificate(t, "mail.example.org")
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil { // the server takes its place
		t.Fatal(err)
	}
	inbox := filepath.Join(dir, "inbox")
	cmd := exec.Command(python, "-m", "aiosmtpd", "-n", "-l", addr, "--no-requiretls",
		"--tlscert", file("cert.pem", "CERTIFICATE", cert.Certificate[0]), "--tlskey", file("key.pem", "PRIVATE KEY", key),
		"-c", "aiosmtpd.handlers.Mailbox", inbox)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Log(said.String())
		}
	})
	w := newWorld(t, "", nil, false)
	w.addr, w.post.cfg.roots = addr, roots
	s := w.sender(tracker.MailSender{URL: "smtp://mail.example.org", Selector: "ripen", Rate: 1000})
	w.publish(news)
	var r tracker.DeliveryResult
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		if r = w.send("k1", "news"); r.Outcome == tracker.OutcomeAccepted {
			break
		}
		time.Sleep(50 * time.Millisecond) // until the process listens
	}
	if r.Outcome != tracker.OutcomeAccepted {
		t.Fatalf("%+v", r)
	}
	files, err := filepath.Glob(filepath.Join(inbox, "new", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d mails in the mailbox (%v)", len(files), err)
	}
	raw, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	m := mailtest.Mail{Raw: raw}
	if id := m.Header("Message-Id"); id != "<k1@acme.example>" {
		t.Errorf("Message-ID is %s", id)
	}
	// It adds headers of its own and stores lines its own way: what was signed is
	// under relaxed rules and must still verify.
	m.Raw = []byte(strings.ReplaceAll(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n", "\r\n"))
	if got := m.Signed(s.Record); got != "good" {
		t.Errorf("DKIM: %s\n%s", got, raw)
	}
}
