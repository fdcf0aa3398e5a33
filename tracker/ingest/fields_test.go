package ingest

import (
	"strings"
	"testing"

	"ripen/tracker"
)

// TestFields is the field table of DESIGN.md by example. The tenant's cards
// read form, sku and plan.name.
func TestFields(t *testing.T) {
	f := func(body, typ, want string) {
		t.Helper()
		w := newWorld(t, nil)
		if a := w.do("POST /v1/batch?writeKey=wk", body); a.status != 200 || strings.Contains(a.body, "drop") {
			t.Fatalf("%s: %s", body, a.body)
		}
		e := w.log.events(t)[0]
		if got := fieldsOf(&e); string(e.Type) != typ || got != want {
			t.Errorf("%s:\n %s\n got  %s\n need %s", body, e.Type, got, want)
		}
	}
	track := func(name, rest string) string {
		return `{"type":"track","event":"` + name + `","userId":"u",` + rest + `}`
	}
	const u = ` *s.user_id="u"`
	f(track("Order Completed", `"properties":{"revenue":9.5,"coupon":"X","products":[{"sku":"A","price":1,"name":"n"},{"sku":"B","spec":{"w":2}}]}`), "purchase",
		`p.revenue=9.5f product.0.sku="A" product.0.price=1 product.1.sku="B" product.1.spec.w=2 *p.coupon="X" *product.0.name="n"`+u)
	f(track("Product Added", `"properties":{"sku":"A"}`), "add_to_cart", `p.sku="A"`+u)
	f(track("Checkout Started", `"properties":{}`), "checkout", strings.TrimSpace(u))
	f(track("form_submit", `"properties":{"form":"demo","plan":{"name":"pro","seats":3,"owner":"x"},"tags":["a",1],"ok":true,"none":null}`), "form_submit",
		`p.form="demo" p.plan.name="pro" p.plan.seats=3 p.ok=true *p.plan.owner="x" *p.tags=json["a",1]`+u)
	f(track("x", `"properties":{"products":[]}`), "x", `*p.products=json[]`+u)
	f(track("x", `"properties":{"products":[{"sku":"A"},1]}`), "x", `*p.products=json[{"sku":"A"},1]`+u)
	f(track("x", `"properties":{"a":1,"a":{"b":2},"a.b":3}`), "x", `p.a.b=3`+u)
	f(track("x", `"properties":{"big":12345678901234567890,"dec":0.1234567890123456789,"exp":1e400,"neg":-5}`), "x",
		`p.big=12345678901234567890n p.dec=0.1234567890123456789n p.exp=1e400n p.neg=-5`+u)
	f(track("x", `"properties":{"path":"/a?b=c#d","url":"https://x.example/a?b=c","search":"boots"}`), "x",
		`p.path="/a" *p.url="https://x.example/a?b=c" *p.search="boots"`+u)
	f(track("x", `"context":{"page":{"url":"https://x.example/a/?utm_source=s&utm_campaign=c%20d","title":"T"},"locale":"es","screen":{"width":9},"sessionId":"s1","ip":"1.2.3.4"}`), "x",
		`c.screen.width=9 c.session="s1" c.page.path="/a/" c.campaign.source="s" c.campaign.name="c d" *c.locale="es" *c.page.url="https://x.example/a/?utm_source=s&utm_campaign=c%20d" *c.page.title="T"`+u)
	f(`{"type":"page","userId":"u","name":"Home","context":{"page":{"path":"/p","url":"https://x.example/p?q","title":"T","referrer":"R","search":"?q"}}}`, "page_view",
		`p.path="/p" *p.name="Home" *p.url="https://x.example/p?q" *p.title="T" *p.referrer="R"`+u)
	f(`{"type":"screen","userId":"u","properties":{"path":"Settings","title":"Ajustes"},"context":{"page":{"path":"/x","title":"other"}}}`, "page_view",
		`p.path="Settings" *p.title="Ajustes"`+u)
	f(`{"type":"page","userId":"u","properties":{"path":"/p?secret=1"}}`, "page_view", `p.path="/p" *p.url="/p?secret=1"`+u)
	f(`{"type":"page","userId":"u","properties":{"url":"https://x.example?q"}}`, "page_view", `p.path="/" *p.url="https://x.example?q"`+u)
	f(`{"type":"identify","userId":"u","traits":{"email":" A@B.example","age":3,"gone":null,"company":{"size":9}},"context":{"traits":{"age":4,"plan":"pro"}}}`, "identify",
		`*t.email=" A@B.example" *t.age=3 *t.gone=null *t.company.size=9 *t.plan="pro" *s.user_id="u" *s.email="A@B.example"`)
	f(`{"type":"group","userId":"u","groupId":"g","traits":{"name":"ACME"}}`, "group", `*t.name="ACME" *s.user_id="u" *s.group_id="g"`)
	f(`{"type":"alias","userId":"u","previousId":"p"}`, "alias", `*s.visitor="p" *s.user_id="u" *s.previous_id="p"`)
	f(`{"batch":[{"type":"track","event":"x","userId":"u","context":{"locale":"fr"}}],"context":{"locale":"es","campaign":{"name":"n"},"library":{"name":"l"}}}`, "x",
		`c.campaign.name="n" *c.locale="fr" *c.library.name="l"`+u)
}

func TestIdentitiesAndSubject(t *testing.T) {
	w := newWorld(t, nil)
	w.do("POST /v1/batch?writeKey=wk", `[{"type":"identify","anonymousId":"a","userId":"U","traits":{"email":" A@B.example "}},{"type":"track","event":"e","userId":7,"properties":{"email":"x@y.example"}},{"type":"identify","properties":{"email":"A@B.EXAMPLE"}}]`)
	es := w.log.events(t)
	key := &testTenant.Identity
	e0 := es[0]
	if e0.Visitor != key.Hash('v', []byte("a")) || e0.User != key.Hash('u', []byte("U")) || e0.Email != key.Hash('e', []byte("a@b.example")) || e0.Proved {
		t.Errorf("identify: %x %x %x proved %v", e0.Visitor, e0.User, e0.Email, e0.Proved)
	}
	if e := es[1]; e.User != key.Hash('u', []byte("7")) || !e.Email.IsZero() {
		t.Errorf("track: user %x e-mail %x, need the hash of 7 and none", e.User, e.Email)
	}
	if es[2].Email != e0.Email {
		t.Error("two spellings of one e-mail are two identities")
	}
	for i, want := range []byte("vue") {
		if s := w.log.recs[i].Subject; s[0] != want {
			t.Errorf("event %d: subject %c, need %c", i, s[0], want)
		}
	}
	w = newWorld(t, nil)
	w.do("POST /v1/batch", goodEvent, "Authorization: Bearer sk")
	if e := w.log.events(t)[0]; !e.Proved || e.Source != 7 || string(e.MessageID) != "good" {
		t.Errorf("secret key: proved %v source %d id %q", e.Proved, e.Source, e.MessageID)
	}
}

func TestAgentIsStoredOncePerVisitor(t *testing.T) {
	w := newWorld(t, nil)
	ev := func(a, m string) string {
		return `{"type":"page","anonymousId":"` + a + `","messageId":"` + m + `"}`
	}
	w.do("POST /v1/batch?writeKey=wk", `{"batch":[`+ev("a", "1")+`,`+ev("a", "2")+`,`+ev("b", "3")+`],"context":{"x":1}}`)
	var got []bool
	for _, e := range w.log.events(t) {
		_, ok := e.Find("agent")
		got = append(got, ok)
	}
	if len(got) != 3 || !got[0] || got[1] || !got[2] {
		t.Errorf("agents %v, need true false true", got)
	}
}

func TestSnakeCase(t *testing.T) {
	for in, want := range map[string]string{
		"Order Completed": "order_completed", "signupClicked": "signup_clicked", "page_view": "page_view", "  A--B  ": "a_b",
		"$pageview": "pageview", "Añadido al Carro": "añadido_al_carro", "Step 2Done": "step_2_done", "HTTPError": "httperror", "!!": "", "ÉtéÀ": "été_à",
	} {
		if got := string(tracker.AppendSnake([]byte("x"), []byte(in))[1:]); got != want {
			t.Errorf("%q: %q, need %q", in, got, want)
		}
	}
}

func TestManyPersonalFields(t *testing.T) {
	var b strings.Builder
	for i := range 6 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"o` + string(rune('a'+i)) + `":{`)
		for j := range 100 {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"k` + strings.Repeat("x", j%7) + string(rune('0'+j/10)) + string(rune('0'+j%10)) + `":"v"`)
		}
		b.WriteByte('}')
	}
	w := newWorld(t, nil)
	w.do("POST /v1/track?writeKey=wk", `{"event":"x","userId":"u","properties":{`+b.String()+`}}`)
	if e := w.log.events(t)[0]; len(e.Personal) != 602 {
		t.Errorf("%d personal fields, need 600, the user id and the agent", len(e.Personal))
	}
}

// TestBrokenBodiesCostLittle: what is read in vain stays within a few bodies,
// however the brackets and quotes are broken.
func TestBrokenBodiesCostLittle(t *testing.T) {
	for _, unit := range []string{`{"a":[{"b":`, `{"type":"page,"a":{"x":"},{"`, `{"a":"`, `[{"a":[`, `{"x":{"y":[}},{"q":"},{"`, "{\n", `{"a":{"b":{` + "\n"} {
		for _, head := range []string{"", `{"batch":[`, "["} {
			body := head + strings.Repeat(unit, 20_000)
			var d decoder
			d.reset(sender{source: testSource(), now: testNow, agents: &agents{}})
			_ = d.decode([]byte(body))
			if d.vain > (maxVain+2)*len(body) {
				t.Errorf("%q %q: %d bytes read in vain for a body of %d", head, unit, d.vain, len(body))
			}
		}
	}
}

// TestFlatteningIsBounded: an event within all limits may still become too much
// to store, by one long name over thousands of short ones. Its neighbours must
// not suffer.
func TestFlatteningIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 32 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + string(rune('À'+i)) + `":{`)
		for j := range 120 {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString(`"` + string(rune('0'+j/10)) + string(rune('0'+j%10)) + `":1`)
		}
		b.WriteByte('}')
	}
	event := `{"type":"track","event":"x","userId":"u","properties":{"` + strings.Repeat("p", maxPrefix-3) + `":{` + b.String() + `}}}`
	if len(event) > 32<<10 {
		t.Fatalf("the event has %d bytes, too many to test with", len(event))
	}
	w := newWorld(t, nil)
	a := w.do("POST /v1/batch?writeKey=wk", goodEvent+"\n"+event+"\n"+strings.Replace(goodEvent, "good", "g2", 1))
	if got := a.verdicts(); got != "ok drop:too_large ok" {
		t.Errorf("%q", got)
	}
	for _, r := range w.log.recs {
		if len(r.Row)+len(r.Personal) > 2*maxStored {
			t.Errorf("a record of %d bytes", len(r.Row)+len(r.Personal))
		}
	}
}
