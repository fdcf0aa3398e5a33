package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"ripen/tracker"
)

// sendTo posts batches as the command does and counts the server's verdicts.
func sendTo(w *world, verdicts map[string]int) func(Batch) error {
	return func(b Batch) error {
		a := w.do("POST /v1/import", string(b.Body), "Authorization: Bearer sk", "User-Agent: ripen")
		if a.status != 200 || len(a.results) != b.Events {
			return fmt.Errorf("answer %d %s: %d results for %d events", a.status, a.code, len(a.results), b.Events)
		}
		for v := range strings.FieldsSeq(a.verdicts()) {
			verdicts[v]++
		}
		return nil
	}
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

func TestAccessLogLines(t *testing.T) {
	f := func(line, dropped, typ, fields string) {
		t.Helper()
		w := newWorld(t, nil)
		verdicts := map[string]int{}
		tally, err := AccessLog(strings.NewReader(line+"\n"), AccessLogOptions{Host: "https://x.example/"}, sendTo(w, verdicts))
		if err != nil || tally.Lines != 1 || tally.Events+sum(tally.Dropped) != 1 {
			t.Fatalf("%s: %+v %v", line, tally, err)
		}
		if dropped != "" {
			if tally.Dropped[dropped] != 1 {
				t.Errorf("%s: dropped %v, need %s", line, tally.Dropped, dropped)
			}
			return
		}
		es := w.log.events(t)
		if len(es) != 1 || verdicts["ok"] != 1 {
			t.Fatalf("%s: %d events, %v, %v", line, len(es), verdicts, tally)
		}
		e := &es[0]
		e.Personal = slices.DeleteFunc(e.Personal, func(f tracker.Field) bool { return string(f.Name) == "visitor" })
		if string(e.Type) != typ || fieldsOf(e) != fields || e.Time != 1431857103000 || e.Visitor.IsZero() || !e.MessageUUID {
			t.Errorf("%s:\n %s %d %s\n need %s", line, e.Type, e.Time, fieldsOf(e), fields)
		}
	}
	line := func(request, status, agent string) string {
		return `83.149.9.216 - - [17/May/2015:10:05:03 +0000] "` + request + `" ` + status + ` 203 "http://r.example/?a=\"b\"" "` + agent + `"`
	}
	const firefox = "Mozilla/5.0 Firefox/12"
	f(line("GET /a/b?utm_source=s HTTP/1.1", "200", firefox), "", "page_view",
		`p.path="/a/b" c.campaign.source="s" *p.url="https://x.example/a/b?utm_source=s" *p.referrer="http://r.example/?a="b""`)
	f(line("GET / HTTP/1.0", "304", firefox), "", "page_view", `p.path="/" *p.url="https://x.example/" *p.referrer="http://r.example/?a="b""`)
	f(line("GET /files/Guide.PDF HTTP/1.1", "206", firefox), "", "download", `*p.file="/files/Guide.PDF" *p.url="https://x.example/files/Guide.PDF" *p.referrer="http://r.example/?a="b""`)
	f(line("POST / HTTP/1.1", "200", firefox), "not_get", "", "")
	f(line("HEAD / HTTP/1.1", "200", firefox), "not_get", "", "")
	f(line("GET / HTTP/1.1", "404", firefox), "status", "", "")
	f(line("GET / HTTP/1.1", "500", firefox), "status", "", "")
	f(line("GET /a/style.css?v=1 HTTP/1.1", "200", firefox), "asset", "", "")
	f(line("GET /robots.txt HTTP/1.1", "200", firefox), "asset", "", "")
	f(line("GET /blog/index.rss HTTP/1.1", "200", firefox), "feed", "", "")
	f(line("GET /feed/ HTTP/1.1", "200", firefox), "feed", "", "")
	f(line("-", "200", firefox), "malformed", "", "")
	f("", "malformed", "", "")
	f("what is this", "malformed", "", "")
	f(`1.2.3.4 - - [17/May/2015] "GET / HTTP/1.1" 200 1 "-" "x"`, "malformed", "", "")
	f(`1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1`, "malformed", "", "")
	f(strings.Repeat("x", 200_000), "too_long", "", "")
}

func TestAccessLogMachines(t *testing.T) {
	w := newWorld(t, nil)
	var b strings.Builder
	for i, agent := range []string{"Mozilla/5.0 Firefox/12", "Googlebot/2.1", "-", "curl/7"} {
		fmt.Fprintf(&b, "1.2.3.%d - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" %q\n", i, agent)
	}
	if _, err := AccessLog(strings.NewReader(b.String()), AccessLogOptions{}, sendTo(w, map[string]int{})); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range w.log.events(t) {
		got = append(got, strings.TrimSpace(e.Machine.String()+" "+e.MachineReason.String()))
	}
	if s := strings.Join(got, ", "); s != "human, bot agent_list, bot agent_missing, bot agent_library" {
		t.Errorf("machines: %s", s)
	}
}

// TestAccessLogOfSites: where the site stands before the address, the visitor is the
// address's still, not everybody who asked that site with one agent.
func TestAccessLogOfSites(t *testing.T) {
	w := newWorld(t, nil)
	const line = ` - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "Mozilla/5.0 Firefox/12"` + "\n"
	log := "192.0.2.1" + line + "shop.example:443 192.0.2.1" + line + "shop.example:443 192.0.2.2" + line + "host.example" + line
	if _, err := AccessLog(strings.NewReader(log), AccessLogOptions{}, sendTo(w, map[string]int{})); err != nil {
		t.Fatal(err)
	}
	es := w.log.events(t)
	if len(es) != 4 || es[0].Visitor != es[1].Visitor || es[1].Visitor == es[2].Visitor || es[2].Visitor == es[3].Visitor {
		t.Errorf("%d events, visitors %v %v %v", len(es), es[0].Visitor, es[1].Visitor, es[2].Visitor)
	}
}

// TestRealAccessLog imports 10,000 real requests, twice.
func TestRealAccessLog(t *testing.T) {
	dir := os.Getenv("RIPEN_DATA")
	if dir == "" {
		t.Skip("SKIPPED: RIPEN_DATA is not set: 10,000 real requests are not imported")
	}
	text, err := os.ReadFile(filepath.Join(dir, "apache_logs"))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, nil)
	for round, status := range []string{"ok", "duplicate"} {
		verdicts := map[string]int{}
		tally, err := AccessLog(bytes.NewReader(text), AccessLogOptions{Host: "http://www.semicomplete.com"}, sendTo(w, verdicts))
		if err != nil {
			t.Fatal(err)
		}
		if tally.Lines != 10_000 || tally.Events+sum(tally.Dropped) != 10_000 || verdicts[status] != tally.Events {
			t.Errorf("round %d: %+v, verdicts %v", round, tally, verdicts)
		}
		if round == 0 {
			t.Logf("%+v %v", tally, verdicts)
		}
	}
	machines := map[string]int{}
	visitors := map[tracker.Hash]bool{}
	for _, e := range w.log.events(t) {
		machines[e.Machine.String()]++
		visitors[e.Visitor] = true
	}
	t.Logf("machines %v, visitors %d", machines, len(visitors))
	if machines["bot"] < 500 || machines["human"] < 1000 {
		t.Errorf("machines %v: the verdict does not tell them apart", machines)
	}
}

func TestImportCSV(t *testing.T) {
	f := func(table string, o CSVOptions, tally string, want ...string) {
		t.Helper()
		w := newWorld(t, nil)
		verdicts := map[string]int{}
		for _, status := range []string{"ok", "duplicate"} {
			clear(verdicts)
			got, err := CSV(strings.NewReader(table), o, sendTo(w, verdicts))
			if err != nil {
				t.Fatal(err)
			}
			if s := fmt.Sprintf("%d %d %v", got.Lines, got.Events, got.Dropped); s != tally || verdicts[status] != got.Events {
				t.Errorf("%q: %s %v, need %s and all %s", table, s, verdicts, tally, status)
			}
		}
		for i, e := range w.log.events(t) {
			if s := string(e.Type) + " " + fieldsOf(&e); i >= len(want) || s != want[i] {
				t.Errorf("%q row %d: %s", table, i, s)
			}
		}
	}
	f("\ufeffUser ID,Email,Company Size,Zip\nu1,a@b.example,50,08001\n,c@d.example,,\n,,9,\nshort\n", CSVOptions{}, "4 2 map[malformed:1 missing_identity:1]",
		`identify *t.company_size=50 *t.email="a@b.example" *t.zip="08001" *s.user_id="u1" *s.email="a@b.example"`,
		`identify *t.email="c@d.example" *s.email="c@d.example"`)
	f("id;when;total;note\n7;2015-05-17T10:05:03Z;9.5;\"a;b\"\n", CSVOptions{Comma: ';', Event: "Order Completed", Map: map[string]string{"id": "userId", "when": "timestamp", "note": "-"}},
		"1 1 map[]", `purchase p.total=9.5f *s.user_id="7"`)

	if _, err := CSV(strings.NewReader("a,b\n"), CSVOptions{Map: map[string]string{"c": "userId"}}, nil); err == nil {
		t.Error("a column that is not there is no error")
	}
	f("email,name\na@b.example,Mu\xf1oz\nc@d.example,Muñoz\n", CSVOptions{}, "2 1 map[invalid_utf8:1]", `identify *t.email="c@d.example" *t.name="Muñoz" *s.email="c@d.example"`)
	if _, err := CSV(strings.NewReader("email,tel\xe9fono\n"), CSVOptions{}, nil); err == nil || !strings.Contains(err.Error(), "UTF-8") {
		t.Errorf("a head line in Latin-1: %v", err)
	}
	if _, err := CSV(strings.NewReader("a,b\n"), CSVOptions{Map: map[string]string{"a": "userID"}}, nil); err == nil || !strings.Contains(err.Error(), "userId") {
		t.Errorf("a column cannot be userID: %v", err)
	}
	if _, err := CSV(strings.NewReader(""), CSVOptions{}, nil); err == nil {
		t.Error("an empty table is no error")
	}
}

// TestImportLines: what is dropped is found in the file by its line.
func TestImportLines(t *testing.T) {
	var lines []int
	keep := func(b Batch) error {
		lines = append(lines, b.Lines...)
		return nil
	}
	f := func(got Tally, err error, first, events string) {
		t.Helper()
		if s := fmt.Sprint(got.First); err != nil || s != first || fmt.Sprint(lines) != events {
			t.Errorf("dropped first %s, need %s; events of lines %v, need %s; %v", s, first, lines, events, err)
		}
		lines = nil
	}
	got, err := CSV(strings.NewReader("email,n\n\"a@b.example\",\"one\ntwo\"\nshort\nc@d.example,3\nshort\n"), CSVOptions{}, keep)
	f(got, err, "map[malformed:4]", "[2 5]")
	got, err = Events(strings.NewReader("{}\n\n{}\nx\n{}\n\n"), ImportOptions{Size: 2}, keep)
	f(got, err, "map[blank:2 invalid_json:4]", "[1 3 5]")
	got, err = Events(strings.NewReader("{}\nx\n{}\nx\n"), ImportOptions{After: 2}, keep)
	f(got, err, "map[invalid_json:4]", "[3]")
}

// TestUnpacked: rotated logs are read as they lie there, one cut short is an error.
func TestUnpacked(t *testing.T) {
	text := []byte(strings.Repeat("83.149.9.216 a line of a log\n", 1000))
	var packedText bytes.Buffer
	z := gzip.NewWriter(&packedText)
	z.Write(text)
	z.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	f := func(in, want []byte, whole bool) {
		t.Helper()
		r, err := Unpacked(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); (err == nil) != whole || whole && !bytes.Equal(got, want) {
			t.Errorf("read %d bytes, need %d: %v", len(got), len(want), err)
		}
	}
	gz := packedText.Bytes()
	f(text, text, true)
	f(gz, text, true)
	f(slices.Concat(gz, gz), slices.Concat(text, text), true)
	f(enc.EncodeAll(text, nil), text, true)
	f([]byte("x"), []byte("x"), true)
	f(nil, nil, true)
	f(gz[:len(gz)-20], nil, false)
}

func TestImportEvents(t *testing.T) {
	w := newWorld(t, nil)
	file := strings.Join([]string{
		`{"type":"track","event":"a","userId":"u","timestamp":"2015-05-17T10:05:03Z","sentAt":"2015-05-17T10:05:09Z"}`,
		`{"type":"track","event":"b","userId":"u","messageId":"mine","timestamp":"2015-05-17T10:05:04Z"}`, ``, `{broken`, `{"batch":[]}`,
		`{"type":"fly","userId":"u"}`, `{"type":"track","event":"c","userId":"u","messageId":null,"timestamp":"1970-01-01"}`, `{}`, `[1]`,
		`{"type":"page","userId":"` + "\xff" + `"}`,
	}, "\n")
	verdicts := map[string]int{}
	tally, err := Events(strings.NewReader(file), ImportOptions{Size: 2}, sendTo(w, verdicts))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%d %d %v %v", tally.Lines, tally.Events, tally.Dropped, verdicts); s !=
		"10 5 map[blank:1 invalid_json:2 invalid_utf8:1 not_an_event:1] map[drop:missing_type:1 drop:time_out_of_range:1 drop:unknown_type:1 ok:2]" {
		t.Error(s)
	}
	if es := w.log.events(t); len(es) != 2 || es[0].Time != 1431857103000 || !es[0].MessageUUID || es[0].Minted || string(es[1].MessageID) != "mine" {
		t.Errorf("stored %+v", es)
	}
	clear(verdicts)
	if _, err := Events(strings.NewReader(file), ImportOptions{}, sendTo(w, verdicts)); err != nil || verdicts["duplicate"] != 2 || verdicts["ok"] != 0 {
		t.Errorf("again: %v %v", verdicts, err)
	}
}

func TestImportResumes(t *testing.T) {
	var file strings.Builder
	for i := range 25 {
		fmt.Fprintf(&file, `{"type":"track","event":"e","userId":"u%d","timestamp":"2015-05-17T10:05:03Z"}`+"\n", i)
	}
	w := newWorld(t, nil)
	stop := errors.New("stop")
	last, batches := 0, 0
	send := sendTo(w, map[string]int{})
	_, err := Events(strings.NewReader(file.String()), ImportOptions{Size: 10}, func(b Batch) error {
		if batches++; batches == 2 {
			return stop
		}
		last = b.Line
		return send(b)
	})
	if !errors.Is(err, stop) || last != 10 {
		t.Fatalf("err %v after line %d, need stop after 10", err, last)
	}
	tally, err := Events(strings.NewReader(file.String()), ImportOptions{After: last}, send)
	if err != nil || tally.Lines != 15 || len(w.log.recs) != 25 {
		t.Errorf("resumed: %+v %v, %d stored", tally, err, len(w.log.recs))
	}
	whole, err := Events(strings.NewReader(file.String()), ImportOptions{}, send)
	if err != nil || whole.Events != 25 || len(w.log.recs) != 25 {
		t.Errorf("whole: %+v %v, %d stored, need the same 25", whole, err, len(w.log.recs))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("disk") }

func TestImportReportsReadErrors(t *testing.T) {
	post := func(Batch) error { return nil }
	if _, err := Events(io.MultiReader(strings.NewReader("{}\n"), brokenReader{}), ImportOptions{}, post); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("error %v, need one that names line 2", err)
	}
	if _, err := CSV(io.MultiReader(strings.NewReader("a,b\n1,2\n"), brokenReader{}), CSVOptions{}, post); err == nil {
		t.Error("no error from a broken table")
	}
}
