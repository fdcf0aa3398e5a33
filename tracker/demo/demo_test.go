package demo

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"ripen/wasm/cases"
	"ripen/wasm/scorecard"
)

// get asks the shop for a path and fails the test on anything but the status.
func get(t *testing.T, h *Handler, path string, status int) *fasthttp.Response {
	t.Helper()
	var ctx fasthttp.RequestCtx
	var req fasthttp.Request
	req.SetRequestURI(path)
	ctx.Init(&req, nil, nil)
	if !h.Handle(&ctx) || ctx.Response.StatusCode() != status {
		t.Fatalf("GET %s: status %d, want %d", path, ctx.Response.StatusCode(), status)
	}
	return &ctx.Response
}

var linkOf = regexp.MustCompile(`(?:href|src|action)="(/[^"]*)"`)

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	h := New(Config{})
	seen := map[string]bool{"/": true, "/r.js": true}
	queue := []string{"/demo/es/", "/demo/en/", "/demo/es/gracias?checkout", "/demo/en/thanks"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		body := get(t, h, path, 200).Body()
		for _, m := range linkOf.FindAllSubmatch(body, -1) {
			queue = append(queue, string(m[1]))
		}
	}
	if len(seen) < 2*(len(catalogue)+len(slugs)) {
		t.Fatalf("only %d pages are linked: %v", len(seen), seen)
	}
}

func TestPagesAreWhole(t *testing.T) {
	h := New(Config{Host: "https://t.example", WriteKey: "wk"})
	for _, lang := range []string{"es", "en"} {
		for name, s := range slugs {
			if name == "guide" {
				continue
			}
			r := get(t, h, root+lang+"/"+s.in(lang), 200)
			body, csp := string(r.Body()), string(r.Header.Peek("Content-Security-Policy"))
			nonce := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(csp)[1]
			for _, want := range []string{
				`<html lang="` + lang + `">`, `src="https://t.example/r.js" data-key="wk"`, `nonce="` + strings.ReplaceAll(nonce, "+", "&#43;") + `"`,
			} {
				if !strings.Contains(body, want) {
					t.Errorf("%s %s lacks %s", lang, name, want)
				}
			}
			if strings.Contains(body, "style=") || strings.Contains(body, `onclick`) {
				t.Errorf("%s %s: inline styles or handlers do not pass the policy", lang, name)
			}
		}
	}
	if a, b := texts["cart"], texts["demo"]; a.ES == a.EN || b.ES == b.EN {
		t.Error("a text is not translated")
	}
	for name, text := range texts {
		if text.ES == "" || text.EN == "" {
			t.Errorf("text %q is missing in a language", name)
		}
	}
}

func TestPaths(t *testing.T) {
	h := New(Config{})
	f := func(method, path, accept string, status int, location string) {
		t.Helper()
		var ctx fasthttp.RequestCtx
		var req fasthttp.Request
		req.Header.SetMethod(method)
		req.SetRequestURI("http://shop.example" + path)
		req.Header.Set("Accept-Language", accept)
		ctx.Init(&req, nil, nil)
		if !h.Handle(&ctx) {
			t.Fatalf("%s was not taken", path)
		}
		got := strings.TrimPrefix(string(ctx.Response.Header.Peek("Location")), "http://shop.example")
		if ctx.Response.StatusCode() != status || got != location {
			t.Fatalf("%s %s: %d to %q, want %d to %q", method, path, ctx.Response.StatusCode(), got, status, location)
		}
	}
	f("GET", "/demo", "", 301, "/demo/")
	f("GET", "/demo/", "es-MX,en;q=0.5", 302, "/demo/es/")
	f("GET", "/demo/", "de, en-GB;q=0.7, es;q=0.3", 302, "/demo/en/")
	f("GET", "/demo/", "", 302, "/demo/en/")
	f("GET", "/demo/es/cafeteras/", "", 200, "")
	f("GET", "/demo/es/cafeteras/nada", "", 404, "")
	f("GET", "/demo/fr/", "", 404, "")
	f("GET", "/demo/es/machines", "", 404, "")
	f("POST", "/demo/es/boletin", "", 303, "/demo/es/gracias?newsletter")
	f("POST", "/demo/en/checkout", "", 303, "/demo/en/thanks?checkout")

	var ctx fasthttp.RequestCtx
	var req fasthttp.Request
	req.SetRequestURI("/democracy")
	ctx.Init(&req, nil, nil)
	if h.Handle(&ctx) {
		t.Fatal("a path outside the shop was taken")
	}
}

func TestPrice(t *testing.T) {
	f := func(lang string, euros int, want string) {
		t.Helper()
		if got := price(lang, euros); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	f("es", 34, "34 €")
	f("es", 1349, "1.349 €")
	f("en", 1349, "€1,349")
}

func TestGuideIsAPDF(t *testing.T) {
	for _, lang := range []string{"es", "en"} {
		b := guide(lang)
		if !bytes.HasPrefix(b, []byte("%PDF-1.4\n")) || !bytes.HasSuffix(b, []byte("%%EOF\n")) {
			t.Fatal("not a PDF")
		}
		tail := string(b[bytes.LastIndex(b, []byte("startxref\n"))+10:])
		xref, err := strconv.Atoi(tail[:strings.IndexByte(tail, '\n')])
		if err != nil || !bytes.HasPrefix(b[xref:], []byte("xref\n")) {
			t.Fatalf("startxref points to %.20q", b[xref:])
		}
		rows := strings.Split(string(b[xref:]), "\n")[3:]
		for n := 1; strings.HasSuffix(rows[n-1], " n "); n++ {
			at, err := strconv.Atoi(rows[n-1][:10])
			if err != nil || !bytes.HasPrefix(b[at:], fmt.Appendf(nil, "%d 0 obj\n", n)) {
				t.Fatalf("object %d is not at %d", n, at)
			}
		}
		for _, part := range guidePages {
			for _, p := range part {
				for _, r := range p.head.in(lang) + p.text.in(lang) {
					if r > 0xff {
						t.Fatalf("the guide's fonts have no %q", r)
					}
				}
			}
		}
	}
}

func TestCardsParse(t *testing.T) {
	es, err := scorecard.Parse("cafeteras.yaml", Card)
	if err != nil {
		t.Fatal(err)
	}
	en, err := scorecard.Parse("machines.yaml", CardEnglish)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := fmt.Sprint(es.Fields()), fmt.Sprint(en.Fields()); a != b {
		t.Fatalf("the cards read different fields:\n%s\n%s", a, b)
	}
}

// The walk through the shop that the card was made for crosses its bands.
func TestCardScoresVisits(t *testing.T) {
	src, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	all, err := cases.Read(src)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := cases.RunAll(t.Context(), "cafeteras.yaml", Card, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range reports {
		for _, c := range r.Failed() {
			t.Errorf("%s, day %v: %s is %s, want %s", r.Case, c.Day, c.Key, c.Got, c.Want)
		}
		if r.Skipped != "" || len(r.Checks) == 0 {
			t.Errorf("%s was left out: %s", r.Case, r.Skipped)
		}
	}
}

// The two cards differ in words only: names, reasons and comments.
func TestCardsSayTheSame(t *testing.T) {
	words := regexp.MustCompile(`#.*|why: "[^"]*"|(id|name|dimension): *\w+,?|(scorecard|language): *\w+|\w+:$|\s+`)
	a, b := words.ReplaceAllString(lines(Card), ""), words.ReplaceAllString(lines(CardEnglish), "")
	if a != b {
		t.Fatalf("the cards differ:\n%s\n%s", a, b)
	}
}

// lines drops the names that stand alone on a line: dimensions and groups.
func lines(card []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(card)) {
		if !strings.HasSuffix(strings.TrimSpace(line), ":") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// serve runs the shop on a port of its own, with other answering the rest.
func serve(t *testing.T, other fasthttp.RequestHandler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := New(Config{})
	s := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		if !h.Handle(ctx) {
			other(ctx)
		}
	}}
	done := make(chan error)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		s.CloseOnShutdown = true
		if err := s.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + ln.Addr().String()
}
