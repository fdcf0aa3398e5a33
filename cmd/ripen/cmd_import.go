package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"ripen/tracker/ingest"
)

// tally is what became of a file: lines = stored + duplicates + Σ dropped.
type tally struct {
	Lines      int            `json:"lines"`
	Stored     int            `json:"stored"`
	Duplicates int            `json:"duplicates"`
	Dropped    map[string]int `json:"dropped"`                 // :: reason → lines
	First      map[string]int `json:"first_dropped,omitempty"` // :: reason → the first of them

	details map[string]string // :: reason → what the server says of it
	last    int               // the last line that the server has answered for
}

func importCommands() []*command {
	use := append([]string{"source", "after"}, tenantSettings...)
	const same = `
Lines take the same way as live traffic: same decoder, same log. An event's id
is made of its line and the line's number, so a second import stores nothing
twice. lines = stored + duplicates + dropped, by reason. One that was cut short
says how to go on. '-' reads standard input; gzip and zstd are unpacked.
`
	return []*command{
		{
			name: "import access-log", args: "FILE", min: 1, max: 1, use: append([]string{"host"}, use...),
			summary: text{"a web server's access log (combined format)", "el registro de accesos de un servidor web (formato combinado)"},
			help:    same + "\n  ripen import access-log /var/log/nginx/access.log --tenant acme --data ./data\n  ripen import access-log /var/log/nginx/access.log.2.gz --tenant acme --data ./data",
			run:     runImport,
		},
		{
			name: "import csv", args: "FILE", min: 1, max: 1, use: append([]string{"map", "event", "sep"}, use...),
			summary: text{"a CSV file with a head line; each line a person or an event", "un fichero CSV con cabecera; cada línea, una persona o un evento"},
			help:    same + "\n  ripen import csv contacts.csv --map 'Correo=traits.email,Alta=timestamp' --tenant acme --data ./data\n  ripen import csv orders.csv --sep ';' --event 'Order Completed' --map 'id=userId,fecha=timestamp' --data ./data",
			run:     runImport,
		},
		{
			name: "import events", args: "FILE", min: 1, max: 1, use: use,
			summary: text{"events as NDJSON, one in Segment's shape a line", "eventos en NDJSON, uno por línea con la forma de Segment"},
			help:    same + "\n  ripen import events export.ndjson --tenant acme --data ./data",
			run:     runImport,
		},
	}
}

func runImport(ctx context.Context, c *call) error {
	in, size, err := c.openInput(c.args[0])
	if err != nil {
		return err
	}
	defer in.Close()
	return c.withServer(ctx, func(cl *client) error {
		p := c.startProgress("import", size, bytesText)
		t := &tally{Dropped: map[string]int{}, First: map[string]int{}, details: map[string]string{}}
		file, err := ingest.Unpacked(io.TeeReader(in, counter{p}))
		if err == nil {
			err = c.sendFile(ctx, cl, file, t)
		}
		p.end()
		if err != nil && t.last > 0 {
			if ctx.Err() != nil {
				err = errors.New("interrupted")
			}
			return fmt.Errorf("%w; lines up to %d are in: go on with --after %d", err, t.last, t.last)
		}
		if err != nil {
			return err
		}
		return c.printTally(t)
	})
}

// openInput opens a file, or standard input for "-"; size 0 = unknown.
func (c *call) openInput(file string) (io.ReadCloser, int64, error) {
	if file == "-" {
		return io.NopCloser(c.in), 0, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a directory", file)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// sendFile reads the file in the command's format and posts its batches.
func (c *call) sendFile(ctx context.Context, cl *client, in io.Reader, t *tally) error {
	var source sourceRow
	if err := cl.do(ctx, "GET", "/v1/admin/sources/"+url.PathEscape(c.get("source")), nil, nil, &source); err != nil {
		return err
	}
	post := func(b ingest.Batch) error { return t.post(ctx, cl, source.WriteKey, b) }
	o := ingest.ImportOptions{After: int(c.int("after"))}
	var read ingest.Tally
	var err error
	switch c.cmd.name {
	case "import access-log":
		read, err = ingest.AccessLog(in, ingest.AccessLogOptions{ImportOptions: o, Host: c.get("host")}, post)
	case "import csv":
		read, err = c.sendCSV(in, o, post)
	default:
		read, err = ingest.Events(in, o, post)
	}
	t.Lines = read.Lines
	for reason, n := range read.Dropped {
		t.drop(reason, n, read.First[reason])
	}
	return err
}

// readers say what they need where they drop a line; the server says it of an event.
var readers = map[string]map[string]string{ // :: command → reason → what is needed
	"import access-log": {"malformed": `need the combined format: 192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512 "referrer" "agent"`},
	"import csv": {
		"malformed":        "need as many cells as the head line has, split by --sep",
		"invalid_utf8":     "need UTF-8: convert the file, as in iconv -f WINDOWS-1252 -t UTF-8",
		"missing_identity": "need a user id, a visitor id or, for a person, an e-mail: --map says in which column, --sep what splits them",
	},
	"import events": {"invalid_json": "need one JSON object a line"},
}

// drop counts n lines that were dropped for a reason, the first of them at line.
func (t *tally) drop(reason string, n, line int) {
	t.Dropped[reason] += n
	if first := t.First[reason]; first == 0 || line < first {
		t.First[reason] = line
	}
}

// retryFor is how long an import waits for a server that is busy.
const retryFor = 2 * time.Minute

// post sends one batch and counts the verdicts. A server that is busy is asked
// again: the same ids make it harmless.
func (t *tally) post(ctx context.Context, cl *client, writeKey string, b ingest.Batch) error {
	deadline := time.Now().Add(retryFor)
	for {
		var answer struct {
			Results []struct {
				Status string `json:"status"`
				Code   string `json:"code"`
				Detail string `json:"detail"`
			} `json:"results"`
		}
		err := cl.do(ctx, "POST", "/v1/import", url.Values{"writeKey": {writeKey}}, b.Body, &answer)
		if p, ok := errors.AsType[*problemError](err); ok && p.Status == http.StatusServiceUnavailable && time.Now().Before(deadline) {
			if err := pause(ctx, time.Second); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if len(answer.Results) != len(b.Lines) {
			return fmt.Errorf("the server answered for %d events of %d: it is of another version", len(answer.Results), len(b.Lines))
		}
		for i, r := range answer.Results {
			switch r.Status {
			case "ok":
				t.Stored++
			case "duplicate":
				t.Duplicates++
			case "drop":
				t.drop(r.Code, 1, b.Lines[i])
				t.details[r.Code] = r.Detail
			default:
				return fmt.Errorf("the server could not store line %d (%s): try again later", b.Lines[i], r.Code)
			}
		}
		t.last = b.Line
		return nil
	}
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (c *call) printTally(t *tally) error {
	if c.bool("json") {
		return c.printJSON(t)
	}
	say := func(en, es string, n int, note string) {
		fmt.Fprintln(c.out, strings.TrimRight(fmt.Sprintf("%-10s  %s%s", text{en, es}.in(c.lang), countText(int64(n)), note), " "))
	}
	say("lines", "líneas", t.Lines, "")
	say("stored", "guardadas", t.Stored, "")
	say("duplicates", "duplicadas", t.Duplicates, "")
	for _, code := range slices.Sorted(maps.Keys(t.Dropped)) {
		where := text{"from line %d on", "desde la línea %d"}
		if t.Dropped[code] == 1 {
			where = text{"line %d", "línea %d"}
		}
		first := fmt.Sprintf(where.in(c.lang), t.First[code])
		if say := cmp.Or(t.details[code], readers[c.cmd.name][code]); say != "" {
			first += ": " + say
		}
		say("dropped", "rechazadas", t.Dropped[code], "  "+code+"  ("+first+")")
	}
	return nil
}

// sendCSV reads the options that only CSV has.
func (c *call) sendCSV(in io.Reader, o ingest.ImportOptions, post func(ingest.Batch) error) (ingest.Tally, error) {
	csv := ingest.CSVOptions{ImportOptions: o, Event: c.get("event")}
	var err error
	if csv.Map, err = c.columnMap(); err != nil {
		return ingest.Tally{}, err
	}
	if csv.Comma, err = c.comma(); err != nil {
		return ingest.Tally{}, err
	}
	return ingest.CSV(in, csv, post)
}
