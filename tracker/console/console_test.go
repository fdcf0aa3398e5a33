package console

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

var (
	admin  = tracker.Caller{Role: tracker.AdminRole}
	member = tracker.Caller{Role: tracker.SecretRole, Tenant: tenantA.ID}
)

// as authorizes every request as one caller.
func as(c tracker.Caller) func(*fasthttp.RequestCtx) (tracker.Caller, bool) {
	return func(*fasthttp.RequestCtx) (tracker.Caller, bool) { return c, true }
}

// serve runs a console on a port of its own.
func serve(t *testing.T, c Config) string {
	t.Helper()
	url, _ := serveHandler(t, c)
	return url
}

func serveHandler(t *testing.T, c Config) (string, *Handler) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := New(c)
	s := &fasthttp.Server{CloseOnShutdown: true, Handler: func(ctx *fasthttp.RequestCtx) {
		if !h.Handle(ctx) {
			ctx.SetStatusCode(fasthttp.StatusTeapot)
		}
	}}
	done := make(chan error)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String(), h
}

// do sends one request, without following redirects. Headers come in pairs.
func do(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func TestPaths(t *testing.T) {
	url := serve(t, Config{Source: newFake(), Authorize: as(admin)})
	f := func(method, path string, status int) {
		t.Helper()
		if res, body := do(t, method, url+path, ""); res.StatusCode != status {
			t.Fatalf("%s %s: %d, want %d\n%s", method, path, res.StatusCode, status, body)
		}
	}
	f("GET", "/", 200)
	f("GET", "/other", http.StatusTeapot)
	f("GET", "/consoles", http.StatusTeapot)
	f("GET", "/console/", 404)
	f("GET", "/console/api/nothing", 404)
	f("POST", "/console/api/leads", 405)
	f("GET", "/console/login", 403)
	f("GET", "/console/api/leads", 200)
	f("GET", "/console/api/leads?tenant="+tracker.TenantID{9}.String(), 404)
	f("GET", "/console/api/leads/nonsense", 400)
	f("GET", "/console/trainings", 200)
	f("GET", "/console/trainings?tenant="+tracker.TenantID{9}.String(), 404)
	f("GET", "/console/trainings/4", 200)
	f("GET", "/console/trainings/5", 404)
	f("GET", "/console/trainings/x", 404)
	f("GET", "/console/trainingsx", 404)
	f("GET", "/console/api/leads/"+leadID('v', 9).String(), 404)
}

func TestPageIsInTheReadersLanguage(t *testing.T) {
	url := serve(t, Config{Source: newFake(), Authorize: as(admin), Links: []Link{{"/demo/", "Tienda", "Shop"}}})
	f := func(want string, headers ...string) {
		t.Helper()
		res, body := do(t, "GET", url+"/", "", headers...)
		if !strings.Contains(body, want) {
			t.Fatalf("the page lacks %s", want)
		}
		if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Fatalf("policy %q", csp)
		}
		for _, m := range regexp.MustCompile(`(?:src|href)="(/console/[0-9a-f]+/[^"]+)"`).FindAllStringSubmatch(body, -1) {
			if res, _ := do(t, "GET", url+m[1], ""); res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
				t.Fatalf("%s: %d", m[1], res.StatusCode)
			}
		}
	}
	f(`<html lang="en">`)
	f(`>Shop</a>`)
	f(`<html lang="es">`, "Accept-Language", "de-DE, es-AR;q=0.8, en;q=0.7")
	f(`>Tienda</a>`, "Accept-Language", "es")
	f(`<html lang="en">`, "Accept-Language", "es", "Cookie", "ripen_lang=en")
	res, _ := do(t, "GET", url+"/?lang=es", "")
	if res.StatusCode != 303 || !strings.HasPrefix(res.Header.Get("Set-Cookie"), "ripen_lang=es;") {
		t.Fatalf("the switch answers %d and %q", res.StatusCode, res.Header.Get("Set-Cookie"))
	}
}

func TestWordsAreInBothLanguages(t *testing.T) {
	for name := range words["en"] {
		if words["es"][name] == "" {
			t.Errorf("%q has no Spanish", name)
		}
	}
	if len(words["es"]) != len(words["en"]) {
		t.Errorf("%d texts in Spanish, %d in English", len(words["es"]), len(words["en"]))
	}
	for _, name := range []string{"console.js", "lead.js", "base.js"} {
		js, err := files.ReadFile("assets/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\bwords\.(\w+)`).FindAllSubmatch(js, -1) {
			if words["en"][string(m[1])] == "" {
				t.Errorf("%s uses the text %q, which does not exist", name, m[1])
			}
		}
		if regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write`).Match(js) {
			t.Errorf("%s writes markup: use textContent", name)
		}
	}
}

func TestListBelongsToTheCallersTenant(t *testing.T) {
	f := newFake()
	now := time.UnixMilli(1763784000123)
	f.put(tenantA, leadID('e', 1), "ana@acme.es", 55, "why", now)
	f.put(tenantB, leadID('v', 2), "", 90, "why", now)
	mine := serve(t, Config{Source: f, Authorize: as(member), Now: func() time.Time { return now }})
	_, body := do(t, "GET", mine+"/console/api/leads", "")
	want := `{"now":1763784000123,"tenant":"0100000000000000","tenants":[{"id":"0100000000000000","name":"Vaho"}],"card":"cafeteras","total":1,` +
		`"rows":[{"id":"` + leadID('e', 1).String() + `","email":"ana@acme.es","score":55,"band":"templado","why":"why","last_seen":1763784000123}]}`
	if body != want {
		t.Fatalf("\n got %s\nwant %s", body, want)
	}
	for _, path := range []string{"leads", "leads/" + leadID('v', 2).String(), "stream"} {
		if res, body := do(t, "GET", mine+"/console/api/"+path+"?tenant="+tenantB.ID.String(), ""); res.StatusCode != 404 {
			t.Fatalf("another tenant's %s: %d %s", path, res.StatusCode, body)
		}
	}
	all := serve(t, Config{Source: f, Authorize: as(admin)})
	if _, body := do(t, "GET", all+"/console/api/leads?tenant="+tenantB.ID.String(), ""); !strings.Contains(body, leadID('v', 2).String()) {
		t.Fatalf("the admin does not see the other tenant: %s", body)
	}
	writer := serve(t, Config{Source: f, Authorize: as(tracker.Caller{Role: tracker.WriteRole, Tenant: tenantA.ID})})
	if res, _ := do(t, "GET", writer+"/console/api/leads", ""); res.StatusCode != 401 {
		t.Fatalf("a public write key reads the list: %d", res.StatusCode)
	}
}

func TestLeadTellsEverything(t *testing.T) {
	f := newFake()
	now := time.Now()
	people(t, f, now)
	url := serve(t, Config{Source: f, Authorize: as(member)})
	_, body := do(t, "GET", url+"/console/api/leads/"+leadID('e', 1).String(), "")
	var got leadJSON
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, r := range got.Scores[0].Reasons {
		sum += r.Share
	}
	if sum != 1000*int64(got.Scores[0].Score) {
		t.Errorf("shares sum to %d, the score is %d", sum, got.Scores[0].Score)
	}
	if len(got.History) != 40 || got.History[0].At > got.History[39].At {
		t.Errorf("history has %d points, oldest first", len(got.History))
	}
	if line := got.Timeline.Moments; len(line) != 17 || line[2].Machine != "bot" || line[12].Unknown != 1 || line[12].By != "educar@2 · guia" || got.Superseded != 1 || len(got.Identities) != 2 || len(got.Attributes) != 3 {
		t.Errorf("lead %+v", got)
	}
	if want := [][2]string{{"marketing", "granted"}, {"profiling", "denied"}}; !slices.Equal(got.Consent, want) {
		t.Errorf("consent %v, want %v", got.Consent, want)
	}
	if h := got.Habits; len(got.Topics) != 2 || got.Topics[0][0] != "precios" || got.Topics[0][1] != 3.5 || h == nil || h.Rate != 0.25 || h.Shares != 2 || h.Pages[0] != [3]any{"/precios", 70.5, 2.0} {
		t.Errorf("topics %v, habits %+v", got.Topics, h)
	}
}

func TestShownValues(t *testing.T) {
	f := func(v tracker.Value, want string) {
		t.Helper()
		b, err := json.Marshal(value(v))
		if err != nil || string(b) != want {
			t.Fatalf("%+v: got %s, want %s", v, b, want)
		}
	}
	f(tracker.Value{Tag: tracker.Null}, "null")
	f(tracker.Value{Tag: tracker.True}, "true")
	f(tracker.Value{Tag: tracker.False}, "false")
	f(tracker.Value{Tag: tracker.Int, Num: ^uint64(0)}, "-1")
	f(tracker.Value{Tag: tracker.Float, Num: 0x7ff8000000000001}, "null") // NaN has no JSON
	f(tracker.Value{Tag: tracker.String, Str: []byte("ñ" + strings.Repeat("ñ", 200))}, `"`+strings.Repeat("ñ", 150)+`…"`)
	if got := show(map[string]any{"a": 1.0}); got != `{"a":1}` {
		t.Fatalf("nested attribute: %v", got)
	}
}

func TestLogin(t *testing.T) {
	now, rotated := time.Now(), false
	check := func(secret string) (tracker.Caller, bool) { return member, secret == "s3cret" && !rotated }
	url := serve(t, Config{Source: newFake(), Check: check, Now: func() time.Time { return now }})
	if res, body := do(t, "GET", url+"/", ""); res.StatusCode != 401 || !strings.Contains(body, `name="key"`) {
		t.Fatalf("a stranger gets %d", res.StatusCode)
	}
	form := []string{"Content-Type", "application/x-www-form-urlencoded"}
	if res, body := do(t, "POST", url+"/console/login", "key=wrong", form...); res.StatusCode != 401 || !strings.Contains(body, words["en"]["wrong"]) {
		t.Fatalf("a wrong key gets %d", res.StatusCode)
	}
	if res, _ := do(t, "POST", url+"/console/login", "key=s3cret", append(form, "Sec-Fetch-Site", "cross-site")...); res.StatusCode != 403 {
		t.Fatalf("a login from another site gets %d", res.StatusCode)
	}
	login := func() string {
		t.Helper()
		res, _ := do(t, "POST", url+"/console/login", "key=s3cret", form...)
		set := res.Header.Get("Set-Cookie")
		for _, want := range []string{"__Host-ripen-console=", "; path=/", "; HttpOnly", "; secure", "; SameSite=Strict"} {
			if res.StatusCode != 303 || !strings.Contains(set, want) || strings.Contains(set, "s3cret") {
				t.Fatalf("login answers %d with cookie %q, which lacks %s", res.StatusCode, set, want)
			}
		}
		return set[:strings.IndexByte(set, ';')]
	}
	f := func(session string, status int) {
		t.Helper()
		if res, _ := do(t, "GET", url+"/console/api/leads", "", "Cookie", session); res.StatusCode != status {
			t.Fatalf("the session gets %d, want %d", res.StatusCode, status)
		}
	}
	session := login()
	f(session, 200)
	f(session+"x", 401)
	do(t, "POST", url+"/console/logout", "", "Cookie", session)
	f(session, 401)
	session = login()
	now = now.Add(sessionLife)
	f(session, 401)
	session = login()
	rotated = true
	f(session, 401)
	for range maxWrong {
		do(t, "POST", url+"/console/login", "key=guess", form...)
	}
	if res, _ := do(t, "POST", url+"/console/login", "key=guess", form...); res.StatusCode != 429 {
		t.Fatalf("after %d wrong keys the next gets %d", maxWrong, res.StatusCode)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s, now := sessions{m: map[string]session{}}, time.Now()
	first := s.add("k", now)
	for i := range maxSessions {
		s.add("k", now.Add(time.Duration(i+1)))
	}
	if _, ok := s.get(first, now); ok || len(s.m) > maxSessions {
		t.Fatalf("%d sessions, the oldest is still there: %v", len(s.m), ok)
	}
}

// stream opens the live list and returns its lines.
func stream(t *testing.T, url string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	res, err := http.Get(url + "/console/api/stream")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res, bufio.NewScanner(res.Body)
}

// next returns the total and the first score of the next list, skipping nothing.
func next(t *testing.T, lines *bufio.Scanner) (total, score int) {
	t.Helper()
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var l leadsJSON
		if err := json.Unmarshal([]byte(data), &l); err != nil {
			t.Fatal(err)
		}
		if len(l.Rows) > 0 {
			score = l.Rows[0].Score
		}
		return l.Total, score
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return 0, 0
}

func TestStreamSendsTheListWhenItChanged(t *testing.T) {
	f := newFake()
	now := time.Now()
	url, h := serveHandler(t, Config{Source: f, Authorize: as(member)})
	res, lines := stream(t, url)
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("content type %q", got)
	}
	want := func(total, score int) {
		t.Helper()
		if n, s := next(t, lines); n != total || s != score {
			t.Fatalf("list of %d with %d on top, want %d with %d", n, s, total, score)
		}
	}
	want(0, 0)
	f.put(tenantA, leadID('v', 1), "", 10, "", now)
	want(1, 10)
	f.put(tenantA, leadID('v', 1), "", 10, "", now) // nothing to see
	f.put(tenantB, leadID('v', 2), "", 99, "", now) // somebody else's
	f.put(tenantA, leadID('v', 3), "", 70, "", now)
	want(2, 70)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Fatalf("the stream did not end well: %v", err)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	url, h := serveHandler(t, Config{Source: newFake(), Authorize: as(member)})
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	if res, _ := do(t, "GET", url+"/console/api/stream", ""); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Fatalf("one stream too many gets %d", res.StatusCode)
	}
}

// broken is a source that fails with something nobody outside should read.
type broken struct{ *fake }

func (broken) Top(tracker.Caller, tracker.TenantID, int) ([]Row, int, error) {
	return nil, 0, io.ErrUnexpectedEOF
}

func TestInnerErrorsStayInside(t *testing.T) {
	url := serve(t, Config{Source: broken{newFake()}, Authorize: as(member)})
	for _, path := range []string{"leads", "stream"} {
		res, body := do(t, "GET", url+"/console/api/"+path, "")
		if res.StatusCode != 500 || strings.Contains(body, "EOF") || !strings.Contains(body, `"code":"internal"`) {
			t.Fatalf("%s: %d %s", path, res.StatusCode, body)
		}
	}
}

// TestTrainings shows what was learned and what became of it, to whoever may see it, in
// their language, and the report as a page of its own.
func TestTrainings(t *testing.T) {
	src := newFake()
	src.made = taught(time.UnixMilli(1_763_784_000_000))
	url := serve(t, Config{Source: src, Authorize: as(member)})
	f := func(lang string, want ...string) {
		t.Helper()
		res, body := do(t, "GET", url+"/console/trainings", "", "Accept-Language", lang)
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s: the page lacks %q:\n%s", lang, w, body)
			}
		}
		if csp := res.Header.Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || strings.Contains(body, "<b>Estado") {
			t.Errorf("policy %q, or markup of somebody's", csp)
		}
	}
	f("en", "<title>What was learned · Ripen</title>", "published", "runs as a shadow until 2025-11-23", "44 new conversions", "stopped: an attribute looks written after the outcome", "&lt;b&gt;Estado", "Best tenth 1.00×, of cafeteras@3 0.80×. Careful: no better than a tenth", "5120", "0.813", `href="/console/trainings/4"`, "better: waits for you", "too few data")
	f("es", "publicada", "corre en la sombra hasta", "parada: un atributo parece escrito", "Cuidado: no mejora a un décimo", "Informe", `href="/console/trainings?lang=en"`)
	res, body := do(t, "GET", url+"/console/trainings/4", "", "Accept-Language", "es")
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(body, "lang=es") || strings.Contains(csp, "script-src") || !strings.Contains(csp, "default-src 'none'; style-src 'unsafe-inline'") {
		t.Errorf("the report under %q: %s", csp, body)
	}
	if _, body := do(t, "GET", url+"/console/trainings/1", ""); !strings.Contains(body, "no training") {
		t.Errorf("a report that is not there: %s", body)
	}
	if res, _ := do(t, "GET", url+"/console/trainings?tenant="+tenantB.ID.String(), ""); res.StatusCode != 404 {
		t.Errorf("another tenant's trainings: %d", res.StatusCode)
	}
	if res, _ := do(t, "GET", url+"/console/trainings?lang=es", ""); res.Header.Get("Location") != "/console/trainings" {
		t.Errorf("the switch leads to %q", res.Header.Get("Location"))
	}
	all := serve(t, Config{Source: src, Authorize: as(admin)})
	if _, body := do(t, "GET", all+"/console/trainings?tenant="+tenantB.ID.String(), ""); !strings.Contains(body, "Nothing has been learned yet") || !strings.Contains(body, `<option value="`+tenantB.ID.String()+`" selected>Other`) {
		t.Errorf("the other tenant's page:\n%s", body)
	}
	closed := serve(t, Config{Source: src})
	for _, path := range []string{"/console/trainings", "/console/trainings/4"} {
		if res, body := do(t, "GET", closed+path, ""); res.StatusCode != 401 || strings.Contains(body, "cafeteras") {
			t.Errorf("a stranger's %s: %d", path, res.StatusCode)
		}
	}
	for _, lang := range []string{"en", "es"} { // each state, cause and guard has words
		for name, of := range map[string][]string{
			"ts_": {tracker.TrainingRuns, tracker.TrainingWaits, tracker.TrainingShadows, tracker.TrainingPublishes, tracker.TrainingPublished, tracker.TrainingAsks, tracker.TrainingKept, tracker.TrainingStopped, tracker.TrainingWithdrawn, tracker.TrainingSuperseded, tracker.TrainingDrafted},
			"tc_": {tracker.TrainedByHand, tracker.TrainedByTime, tracker.TrainedByNew},
			"tg_": {tracker.GuardTooFew, tracker.GuardLeakage, tracker.GuardDrift, tracker.GuardDraft, tracker.GuardInvalid, tracker.GuardMoves, tracker.GuardFails, tracker.GuardBroken},
		} {
			for _, k := range of {
				if words[lang][name+k] == "" {
					t.Errorf("%s has no words for %s", lang, name+k)
				}
			}
		}
	}
}
