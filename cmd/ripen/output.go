package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// printJSON writes v as indented JSON: the --json of commands that print one
// thing.
func (c *call) printJSON(v any) error {
	e := json.NewEncoder(c.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// printTable writes rows under a head, columns as wide as they need. A column
// whose head starts with ">" is flush right.
func printTable(w io.Writer, head []string, rows [][]string) {
	width := make([]int, len(head))
	right := make([]bool, len(head))
	for i, h := range head {
		head[i], right[i] = strings.CutPrefix(h, ">")
		width[i] = utf8.RuneCountInString(head[i])
	}
	for _, r := range rows {
		for i := range r {
			r[i] = plain(r[i])
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
	}
	for _, r := range append([][]string{head}, rows...) {
		var line strings.Builder
		for i, cell := range r {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if right[i] {
				cell = pad + cell
			} else {
				cell += pad
			}
			line.WriteString(cell)
			line.WriteString("  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// plain keeps what visitors sent from steering the reader's terminal: control
// characters become a visible mark.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '·'
		}
		return r
	}, s)
}

// progress shows how far long work has come: a bar on a terminal, nothing
// elsewhere. Add may be called from any goroutine.
type progress struct {
	w     io.Writer
	what  string
	total atomic.Int64 // 0 = unknown
	unit  func(int64) string
	done  atomic.Int64
	stop  chan struct{}
	ended chan struct{}
}

// startProgress begins to show a bar; the caller ends it with end.
func (c *call) startProgress(what string, total int64, unit func(int64) string) *progress {
	p := &progress{w: c.err, what: what, unit: unit, stop: make(chan struct{}), ended: make(chan struct{})}
	p.total.Store(max(0, total))
	if !isTerminal(c.err) {
		close(p.ended)
		return p
	}
	go p.loop()
	return p
}

func (p *progress) add(n int64) { p.done.Add(n) }
func (p *progress) to(n int64)  { p.done.Store(n) }

// end removes the bar and waits until it is gone.
func (p *progress) end() {
	close(p.stop)
	<-p.ended
}

func (p *progress) loop() {
	defer close(p.ended)
	begun := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			fmt.Fprint(p.w, "\r\x1b[K")
			return
		case <-tick.C:
			fmt.Fprint(p.w, "\r\x1b[K"+p.line(time.Since(begun)))
		}
	}
}

// line is the bar after some time.
func (p *progress) line(passed time.Duration) string {
	const cells = 30
	n := p.done.Load()
	rate := p.unit(int64(float64(n)/max(passed.Seconds(), 1e-3))) + "/s"
	total := p.total.Load()
	if total <= 0 {
		return fmt.Sprintf("%s  %s  %s", p.what, p.unit(n), rate)
	}
	part := min(1, float64(n)/float64(total))
	full := int(part * cells)
	left := ""
	if part > 0 && part < 1 {
		rest := time.Duration(float64(passed) * (1 - part) / part)
		left = "  " + rest.Round(time.Second).String()
	}
	return fmt.Sprintf("%s  [%s%s] %3.0f %%  %s%s", p.what, strings.Repeat("█", full), strings.Repeat("·", cells-full), part*100, rate, left)
}

// isTerminal says whether w is a terminal, where a bar can be redrawn.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// bytesText writes a number of bytes for people.
func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d B", n)
}

// countText writes a count for people, in groups of three.
func countText(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

// numbered writes a number before the word for one or for several.
func numbered(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", several)
}

// mayWrite refuses to overwrite a file without --force. The empty name is no file.
func (c *call) mayWrite(files ...string) error {
	for _, file := range files {
		if _, err := os.Lstat(file); file != "" && !c.bool("force") && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s is there already: name another file, or overwrite it with --force", file)
		}
	}
	return nil
}
