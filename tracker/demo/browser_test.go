package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/valyala/fasthttp"

	"ripen/snippet"
	"ripen/snippet/browsertest"
)

// heard is what the tracker next door was told, in the order of the events' time.
type heard struct {
	mu     sync.Mutex // guards the rest
	events []event
	more   chan struct{} // closed and replaced at each arrival
}

type event struct {
	Type, Event, MessageID string
	Timestamp              time.Time
	Properties, Traits     map[string]any
}

func (e event) String() string {
	if e.Type == "page" {
		return "page " + fmt.Sprint(e.Properties["path"])
	}
	return strings.TrimSpace(e.Type + " " + e.Event)
}

func (h *heard) serve(ctx *fasthttp.RequestCtx) {
	if string(ctx.Path()) == "/r.js" {
		ctx.SetContentType("text/javascript")
		ctx.SetBody(snippet.Bytes)
		return
	}
	var in struct{ Batch []event }
	if json.Unmarshal(ctx.PostBody(), &in) != nil {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range in.Batch {
		if !slices.ContainsFunc(h.events, func(o event) bool { return o.MessageID == e.MessageID }) {
			h.events = append(h.events, e)
		}
	}
	slices.SortFunc(h.events, func(a, b event) int { return a.Timestamp.Compare(b.Timestamp) })
	close(h.more)
	h.more = make(chan struct{})
	ctx.SetBodyString(`{"success":true,"results":[]}`)
}

// want waits for exactly these events.
func (h *heard) want(t *testing.T, names ...string) []event {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		h.mu.Lock()
		events, more := slices.Clone(h.events), h.more
		h.mu.Unlock()
		// How long a page is in view depends on the machine.
		events = slices.DeleteFunc(events, func(e event) bool { return e.Event == "scroll" || e.Event == "engaged" })
		got := fmt.Sprint(events)
		if want := "[" + strings.Join(names, " ") + "]"; got == want {
			return events
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("events\n got %s\nwant %s", got, names)
		}
	}
}

func TestAVisitFromCatalogueToOrder(t *testing.T) {
	h := &heard{more: make(chan struct{})}
	url := serve(t, h.serve)
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(url+"/demo/es/cafeteras"))
	said := []string{"page /demo/es/cafeteras"}
	step := func(more []string, steps ...chromedp.Action[chromedp.Void]) []event {
		t.Helper()
		browsertest.Do(t, ctx, steps...)
		said = append(said, more...)
		return h.want(t, said...)
	}
	step([]string{"page /demo/es/cafeteras/faro"}, chromedp.Click(chromedp.CSS(`a[href$="/faro"]`)))
	step([]string{"track Product Added"}, chromedp.Click(chromedp.CSS("#add button")), chromedp.WaitVisible(chromedp.CSS(".note")))
	step([]string{"page /demo/es/comparativa"}, chromedp.Click(chromedp.CSS(`nav a[href$="/comparativa"]`)))
	step([]string{"page /demo/es/boletin"}, chromedp.Click(chromedp.CSS(`nav a[href$="/boletin"]`)))
	got := step([]string{"track consent", "identify", "track form_submit", "page /demo/es/gracias"},
		chromedp.SendKeys(chromedp.CSS("[type=email]"), "ana@acme.es"), chromedp.SetValue(chromedp.CSS("[name=place]"), "office"),
		chromedp.SetValue(chromedp.CSS("[name=cups]"), "12"), chromedp.Click(chromedp.CSS("[name=letters]")), chromedp.Click(chromedp.CSS(".news button")))
	if traits := fmt.Sprint(got[6].Traits); traits != "map[cups:12 email:ana@acme.es place:office]" {
		t.Errorf("the newsletter told %s", traits)
	}
	step([]string{"page /demo/es/carrito"}, chromedp.Click(chromedp.CSS(".tools .cart")))
	step([]string{"page /demo/es/pedido", "track Checkout Started"}, chromedp.Click(chromedp.CSS(".full .button")))
	got = step([]string{"identify", "track form_submit", "track Order Completed", "page /demo/es/gracias"},
		chromedp.SendKeys(chromedp.CSS("[name=name]"), "Ana"), chromedp.SendKeys(chromedp.CSS("[name=email]"), "ana@acme.es"), chromedp.Click(chromedp.CSS("#checkout button")))
	order, err := json.Marshal(got[len(got)-2].Properties["products"])
	if want := `[{"category":"cafetera","name":"Faro","price":599,"product_id":"faro","quantity":1,"sku":"faro"}]`; err != nil || string(order) != want {
		t.Errorf("order %s, want %s", order, want)
	}
	if n := browsertest.Eval[string](t, ctx, `document.getElementById('count').textContent`); n != "0" {
		t.Errorf("the cart holds %s after the order", n)
	}
}

func TestGuideDownloadIsTracked(t *testing.T) {
	h := &heard{more: make(chan struct{})}
	url := serve(t, h.serve)
	ctx := browsertest.Start(t)
	browsertest.Do(t, ctx, chromedp.Navigate(url+"/demo/en/machines"),
		chromedp.Evaluate[chromedp.Void](`addEventListener('click', e => e.preventDefault())`), chromedp.Click(chromedp.CSS(".guide .button")))
	got := h.want(t, "page /demo/en/machines", "track download")
	if got[1].Properties["file"] != "/demo/en/coffee-machine-guide.pdf" {
		t.Errorf("download of %v", got[1].Properties)
	}
}
