package ingest

import "testing"

func TestFirst(t *testing.T) {
	w := newWorld(t, nil)
	a := w.do("POST /v1/batch", `{"writeKey":"wk","batch":[{"type":"page","messageId":"m1","anonymousId":"a","properties":{"url":"https://x.example/a/b?utm_source=n","n":1,"m":{"k":[1]}}}],"sentAt":"2026-01-01T00:00:00Z"}`)
	t.Log(a.status, a.body)
	for _, e := range w.log.events(t) {
		t.Logf("%s %d %x", e.Type, e.Time, e.Visitor)
		for _, f := range e.Fields {
			t.Log(spaceNames[f.Space], string(f.Name), show(f.Value))
		}
		for _, f := range e.Personal {
			t.Log("*", spaceNames[f.Space], string(f.Name), show(f.Value))
		}
	}
	b := w.do("GET /p.gif?writeKey=wk&type=page&anonymousId=x&url=https://a.b/c", "")
	t.Log(b.status, b.header.String(), len(b.body))
}
