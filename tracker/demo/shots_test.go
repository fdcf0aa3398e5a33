package demo

import (
	"os"
	"testing"

	"context"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/valyala/fasthttp"

	"ripen/snippet"
	"ripen/snippet/browsertest"
)

func TestShots(t *testing.T) {
	dir := os.Getenv("SHOTS")
	if dir == "" {
		t.Skip()
	}
	url := serve(t, func(ctx *fasthttp.RequestCtx) {
		if string(ctx.Path()) == "/r.js" {
			ctx.SetContentType("text/javascript")
			ctx.SetBody(snippet.Bytes)
			return
		}
		ctx.SetBodyString(`{"success":true,"results":[]}`)
	})
	ctx := browsertest.Start(t)
	shot := func(name, path string, w int64, dark bool, steps ...chromedp.Action[chromedp.Void]) {
		scheme := "light"
		if dark {
			scheme = "dark"
		}
		browsertest.Do(t, ctx, chromedp.EmulateViewport(w, 900), func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
			return chromedp.Void{}, err
		}, chromedp.Navigate(url+path))
		browsertest.Do(t, ctx, steps...)
		b, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile(dir+"/"+name+".png", b, 0o644)
	}
	shot("home-es-1400", "/demo/es/", 1400, false)
	shot("home-en-390", "/demo/en/", 390, false)
	shot("home-es-1400-dark", "/demo/es/", 1400, true)
	shot("machines-en-1400", "/demo/en/machines", 1400, false)
	shot("product-es-1400", "/demo/es/cafeteras/faro", 1400, false, chromedp.Click(chromedp.CSS("#add button")))
	shot("product-en-390", "/demo/en/machines/marea", 390, false, chromedp.Click(chromedp.CSS("#add button")))
	shot("compare-es-1400", "/demo/es/comparativa", 1400, false)
	shot("compare-en-390", "/demo/en/compare", 390, false)
	shot("cart-es-1400", "/demo/es/carrito", 1400, false)
	shot("cart-es-390", "/demo/es/carrito", 390, false)
	shot("checkout-en-1400", "/demo/en/checkout", 1400, false)
	shot("checkout-es-390", "/demo/es/pedido", 390, true)
	shot("thanks-es", "/demo/es/gracias?checkout", 1400, false)
	shot("news-en-390", "/demo/en/newsletter", 390, false)
}
