package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"ripen/storage"
	"ripen/tracker"
)

// benchEvent is a page view of about 450 bytes, as a site sends it.
func benchEvent(i int) string {
	return fmt.Sprintf(`{"type":"page","messageId":"018f3a2b-7c4d-7e5f-8a9b-%012x","anonymousId":"3f1c8c1e-52d4-4a7b-9c7e-%012x",`+
		`"timestamp":"2026-05-28T20:26:%02d.123Z","properties":{"path":"/cafeteras/express-%d","url":"https://tienda.example/cafeteras/express-%d?ref=home",`+
		`"title":"Cafetera express %d","referrer":"https://www.google.com/","price":249.9,"stock":true},"context":{"locale":"es-ES","library":{"name":"ripen.js"},`+
		`"screen":{"width":1920,"height":1080}}}`, i, i/20, i%40, i%7, i%7, i%7)
}

func benchBody(n int) []byte {
	var all []string
	for i := range n {
		all = append(all, benchEvent(i))
	}
	return []byte(`{"writeKey":"wk","sentAt":"2026-05-28T20:26:40.000Z","batch":[` + strings.Join(all, ",") + `]}`)
}

func BenchmarkDecode20(b *testing.B) {
	body := benchBody(20)
	var d decoder
	s := sender{source: testSource(), now: testNow, agents: &agents{}, agent: []byte("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		d.reset(s)
		if err := d.decode(body); err != nil || len(d.recs) != 20 {
			b.Fatal(err, len(d.recs))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20, "ns/event")
	b.ReportMetric(float64(len(body))/20, "B/event")
}

// BenchmarkValid20 is the reference: encoding/json only validating the same
// body. Compare with it on a busy machine.
func BenchmarkValid20(b *testing.B) {
	body := benchBody(20)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if !json.Valid(body) {
			b.Fatal("not JSON")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20, "ns/event")
}

type nullLog struct{}

func (nullLog) Append(context.Context, int, []storage.Record) error { return nil }

func benchRequest(b *testing.B, method, uri string, body []byte) {
	w := newWorld(b, func(c *Config, _ *tracker.Source) { c.Log = nullLog{} })
	var ctx fasthttp.RequestCtx
	var req fasthttp.Request
	req.Header.SetMethod(method)
	req.SetRequestURI(uri)
	req.Header.SetHost("tracker.example")
	req.Header.SetUserAgent("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	req.SetBodyRaw(body)
	ctx.Init(&req, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 9}, nil)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.Reset()
		w.h.Handle(&ctx)
	}
	if ctx.Response.StatusCode() != 200 {
		b.Fatal(ctx.Response.String())
	}
}

func BenchmarkPixel(b *testing.B) {
	benchRequest(b, "GET", "/p.gif?writeKey=wk&type=page&anonymousId=3f1c8c1e-52d4-4a7b-9c7e-000000000001&messageId=018f3a2b-7c4d-7e5f-8a9b-000000000001"+
		"&url=https%3A%2F%2Ftienda.example%2Fcafeteras%2Fexpress-1&title=Cafetera&referrer=https%3A%2F%2Fwww.google.com%2F", nil)
}

func BenchmarkPost20(b *testing.B) { benchRequest(b, "POST", "/v1/batch", benchBody(20)) }
