package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/rogpeppe/go-internal/testscript"

	"ripen/snippet/browsertest"
	"ripen/tracker/mail/mailtest"
)

// TestStory is the loop in one piece, with what others wrote at both ends: a
// visitor in Chromium on the demo's shop, and a mail server of Debian's. It needs
// both, and is skipped aloud where one is missing.
func TestStory(t *testing.T) {
	python := mailtest.Python(t)
	v := &visitor{ctx: browsertest.StartAs(t, firefox)}
	p := stories("testdata/story")
	p.Cmds["browse"] = v.cmdBrowse
	p.Cmds["scan"] = cmdScan
	p.Cmds["address"] = func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(args[0], freeAddress(ts)) }
	p.Cmds["postoffice"] = func(ts *testscript.TestScript, neg bool, args []string) { cmdPostOffice(ts, python, args) }
	testscript.Run(t, p)
}

// firefox is what a person's browser calls itself. One without a window says so,
// and is judged a machine.
const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// visitor is a person before a browser.
type visitor struct{ ctx context.Context }

// cmdBrowse does what a person does in a browser.
//
//	browse open URL | click SELECTOR | fill SELECTOR TEXT | see SELECTOR
func (v *visitor) cmdBrowse(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: browse open URL | click SELECTOR | fill SELECTOR TEXT | see SELECTOR")
	}
	var do chromedp.Action[chromedp.Void]
	switch args[0] {
	case "open":
		do = chromedp.Navigate(args[1])
	case "click":
		do = chromedp.Click(chromedp.CSS(args[1]))
	case "fill":
		do = chromedp.SetValue(chromedp.CSS(args[1]), args[2])
	case "see":
		do = chromedp.WaitVisible(chromedp.CSS(args[1]))
	default:
		ts.Fatalf("browse: %s?", args[0])
	}
	err := chromedp.Do(v.ctx, do)
	for end := time.Now().Add(60 * time.Second); err != nil && strings.Contains(err.Error(), "No node with given id") && time.Now().Before(end); {
		err = chromedp.Do(v.ctx, do) // what was found went with the page before: nothing was done to it
	}
	if err != nil {
		ts.Fatalf("browse %v: %v", args, err)
	}
}

// maildir is the mailbox into which a mail server of others delivers.
type maildir string

// Taken returns the mails that were delivered, the oldest first.
func (d maildir) Taken() (out []mailtest.Mail) {
	files, _ := filepath.Glob(filepath.Join(string(d), "new", "*")) // the pattern is good
	at := map[string]time.Time{}
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			at[f] = info.ModTime()
		}
	}
	slices.SortFunc(files, func(a, b string) int { return at[a].Compare(at[b]) })
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		m := mailtest.Mail{Raw: raw}
		m.From, m.To = m.Header("X-MailFrom"), m.Header("X-RcptTo")
		out = append(out, m)
	}
	return out
}

// freeAddress is one of this machine for a server that has to know it beforehand.
func freeAddress(ts *testscript.TestScript) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close()) // the server takes its place
	return l.Addr().String()
}

// cmdPostOffice starts aiosmtpd as a process of its own, and waits until it
// answers. mailed and scan read its mailbox.
//
//	postoffice NAME
func cmdPostOffice(ts *testscript.TestScript, python string, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: postoffice NAME")
	}
	addr, dir := freeAddress(ts), ts.MkAbs("inbox")
	cmd := exec.Command(python, "-m", "aiosmtpd", "-n", "-l", addr, "-c", "aiosmtpd.handlers.Mailbox", dir)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			ts.Check(c.Close())
			break
		}
		if time.Now().After(end) {
			ts.Fatalf("the mail server does not answer: %v", err)
		}
	}
	mailboxes.Store("smtp://"+addr, maildir(dir))
	ts.Setenv(args[0], "smtp://"+addr)
}

// cmdScan follows every address of the last mail, one right after the other, as
// the scanner before a mailbox does which calls itself a browser. It fails unless
// there were so many or more, and prints what they answered.
//
//	scan NAME N
func cmdScan(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: scan NAME N")
	}
	v, ok := mailboxes.Load(ts.Getenv(args[0]))
	if !ok {
		ts.Fatalf("no mailbox %s", args[0])
	}
	var m gotMail
	all := v.(mailbox).Taken()
	last := &all[len(all)-1]
	ts.Check(m.read(last.Raw))
	var seen []string
	for word := range strings.FieldsFuncSeq(m.HTML+" "+m.Text+" "+last.Header("List-Unsubscribe"), func(r rune) bool { return strings.ContainsRune("\"'<>() \r\n", r) }) {
		word = strings.ReplaceAll(word, "&amp;", "&")
		if !strings.HasPrefix(word, "http") || slices.Contains(seen, word) {
			continue
		}
		seen = append(seen, word)
		req, err := http.NewRequest("GET", word, nil)
		ts.Check(err)
		req.Header.Set("User-Agent", firefox)
		resp, err := http.DefaultTransport.RoundTrip(req)
		ts.Check(err)
		_, err = io.Copy(io.Discard, resp.Body)
		ts.Check(err)
		ts.Check(resp.Body.Close())
		fmt.Fprintf(ts.Stdout(), "%d %s\n", resp.StatusCode, word)
	}
	if least, err := strconv.Atoi(args[1]); err != nil || len(seen) < least {
		ts.Fatalf("the mail has %d addresses, want %s or more: %q", len(seen), args[1], seen)
	}
}
