// Package demo is the coffee-machine shop at /demo/: a small site with the
// snippet embedded as any customer would embed it, for trying the tracker and
// for testing it. English and Spanish; catalogue, product pages, comparison, a
// PDF guide, a newsletter form that identifies, cart and checkout.
//
// It stores nothing: the cart lives in the browser, and what forms post is
// thrown away. Everything it knows about a visitor went to the tracker.
//
// [Card] is the scorecard that goes with it, [Onsite] are the messages that the
// snippet shows to its visitors.
package demo

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"html/template"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/snippet"
)

// Card is the shop's scorecard with its reasons in Spanish, the language of
// the tenant that the demo sets up.
//
//go:embed cafeteras.yaml
var Card []byte

// CardEnglish is [Card] with its reasons in English.
//
//go:embed machines.yaml
var CardEnglish []byte

// Onsite returns the shop's on-site messages by name: a question, and a chat.
func Onsite() map[string][]byte {
	out := map[string][]byte{}
	for _, name := range []string{"place", "help"} {
		b, err := messages.ReadFile("onsite/" + name + ".yaml")
		if err != nil {
			panic("BUG: " + err.Error()) // unreachable unless the embed directive changed
		}
		out[name] = b
	}
	return out
}

//go:embed onsite
var messages embed.FS

//go:embed pages assets
var files embed.FS

const root = "/demo/"

// Config says which tracker the shop talks to.
type Config struct {
	Host     string // origin of the tracker; empty = the shop's own
	WriteKey string // public key of the shop's source; empty = "demo"
	List     string // where the live list is; empty = "/"
}

func (c Config) writeKey() string {
	if c.WriteKey == "" {
		return "demo"
	}
	return c.WriteKey
}

func (c Config) list() string {
	if c.List == "" {
		return "/"
	}
	return c.List
}

// Handler serves the shop. It keeps no state and needs no closing.
type Handler struct {
	c     Config
	pages map[string]*template.Template // :: page → layout with that page in it
	files map[string]file               // :: path below /demo/ → what is served as it is
}

type file struct {
	mime string
	body []byte
}

// New returns the shop.
func New(c Config) *Handler {
	h := &Handler{c: c, pages: map[string]*template.Template{}, files: map[string]file{}}
	layout := template.Must(template.ParseFS(files, "pages/layout.html", "pages/art.html"))
	for _, name := range []string{"home", "machines", "product", "compare", "cart", "checkout", "newsletter", "thanks", "missing"} {
		h.pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, "pages/"+name+".html"))
	}
	for name, mime := range map[string]string{"shop.css": "text/css; charset=utf-8", "shop.js": "text/javascript; charset=utf-8"} {
		body, err := files.ReadFile("assets/" + name)
		if err != nil {
			panic("BUG: " + err.Error()) // unreachable unless the embed directive changed
		}
		h.files[name] = file{mime, body}
	}
	for _, lang := range []string{"es", "en"} {
		h.files[lang+"/"+slugs["guide"].in(lang)] = file{"application/pdf", guide(lang)}
	}
	return h
}

// Handle answers paths under /demo/ and says whether the path was one.
func (h *Handler) Handle(ctx *fasthttp.RequestCtx) bool {
	path := string(ctx.Path())
	if path == "/demo" {
		ctx.Redirect(root, fasthttp.StatusMovedPermanently)
		return true
	}
	rest, ok := strings.CutPrefix(path, root)
	if !ok {
		return false
	}
	ctx.Response.Header.Set("X-Content-Type-Options", "nosniff")
	if f, ok := h.files[rest]; ok {
		ctx.Response.Header.Set("Cache-Control", "no-cache")
		ctx.SetContentType(f.mime)
		ctx.SetBody(f.body)
		return true
	}
	lang, rest, _ := strings.Cut(rest, "/")
	switch {
	case lang == "":
		ctx.Response.Header.Set("Vary", "Accept-Language")
		ctx.Redirect(root+preferred(string(ctx.Request.Header.Peek("Accept-Language")))+"/", fasthttp.StatusFound)
	case lang != "es" && lang != "en":
		h.render(ctx, "en", "missing", nil)
	default:
		h.page(ctx, lang, strings.TrimSuffix(rest, "/"))
	}
	return true
}

// preferred returns the shop's language for an Accept-Language header: whichever
// of Spanish and English it names first, English if neither.
func preferred(accept string) string {
	for part := range strings.SplitSeq(strings.ToLower(accept), ",") {
		switch tag := strings.TrimSpace(part); {
		case strings.HasPrefix(tag, "es"), strings.HasPrefix(tag, "ca"), strings.HasPrefix(tag, "gl"), strings.HasPrefix(tag, "eu"):
			return "es"
		case strings.HasPrefix(tag, "en"):
			return "en"
		}
	}
	return "en"
}

func (h *Handler) page(ctx *fasthttp.RequestCtx, lang, slug string) {
	if sku, ok := strings.CutPrefix(slug, slugs["machines"].in(lang)+"/"); ok {
		if p := findProduct(sku); p != nil {
			h.render(ctx, lang, "product", p)
			return
		}
	}
	for name, s := range slugs {
		if s.in(lang) != slug {
			continue
		}
		if ctx.IsPost() && (name == "checkout" || name == "newsletter") {
			// What was typed is not read: the snippet has told the tracker.
			ctx.Redirect(root+lang+"/"+slugs["thanks"].in(lang)+"?"+name, fasthttp.StatusSeeOther)
			return
		}
		h.render(ctx, lang, name, nil)
		return
	}
	h.render(ctx, lang, "missing", nil)
}

func (h *Handler) render(ctx *fasthttp.RequestCtx, lang, page string, p *product) {
	var seed [16]byte
	rand.Read(seed[:]) // never fails
	nonce := base64.StdEncoding.EncodeToString(seed[:])
	v := &view{
		Lang: lang, Page: page, Nonce: nonce, P: p, Products: catalogue, List: h.c.list(),
		Order: ctx.QueryArgs().Has("checkout"),
		Tag:   template.HTML(snippet.Page{Host: h.c.Host, Key: h.c.writeKey(), Nonce: nonce}.Tag()),
	}
	var b bytes.Buffer
	if err := h.pages[page].ExecuteTemplate(&b, "layout.html", v); err != nil {
		panic("BUG: demo page " + page + ": " + err.Error()) // unreachable unless a page and view disagree; the tests render all
	}
	if page == "missing" {
		ctx.SetStatusCode(fasthttp.StatusNotFound)
	}
	ctx.Response.Header.Set("Cache-Control", "no-store")
	ctx.Response.Header.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	ctx.Response.Header.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'self'; img-src 'self' data:; connect-src 'self' "+
		h.c.Host+"; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(b.Bytes())
}

// view is what a page sees.
type view struct {
	Lang, Page, Nonce, List string
	Tag                     template.HTML
	P                       *product // on product pages
	Products                []product
	Order                   bool // the thanks page after an order
}

// T returns a text in the page's language.
func (v *view) T(name string) string { return texts[name].in(v.Lang) }

// In returns a product's text in the page's language.
func (v *view) In(b both) string { return b.in(v.Lang) }

// Price writes an amount of euros.
func (v *view) Price(euros int) string { return price(v.Lang, euros) }

// Litres writes the size of a tank.
func (v *view) Litres(n string) string { return litres(v.Lang, n) }

// Path returns the address of a page.
func (v *view) Path(page string) string { return root + v.Lang + "/" + slugs[page].in(v.Lang) }

// Machine returns the address of a product's page.
func (v *view) Machine(sku string) string { return v.Path("machines") + "/" + sku }

// Other is the other language.
func (v *view) Other() string {
	if v.Lang == "es" {
		return "en"
	}
	return "es"
}

// OtherPath is this page in the other language.
func (v *view) OtherPath() string {
	o := &view{Lang: v.Other()}
	switch {
	case v.P != nil:
		return o.Machine(v.P.SKU)
	case v.Page == "missing":
		return o.Path("home")
	case v.Page == "thanks" && v.Order:
		return o.Path("thanks") + "?checkout"
	}
	return o.Path(v.Page)
}

// Title is the page's title.
func (v *view) Title() string {
	switch {
	case v.P != nil:
		return v.P.Name + " · Vaho"
	case v.Page == "home":
		return "Vaho · " + v.T("tagline")
	case v.Page == "thanks" && v.Order:
		return v.T("thanksOrder") + " · Vaho"
	case v.Page == "thanks":
		return v.T("thanksNews") + " · Vaho"
	}
	return v.T(v.Page) + " · Vaho"
}

// card is what the "card" template sees.
type card struct {
	V *view
	P product
}

// Card pairs a product with the page it is shown on.
func (v *view) Card(p product) card { return card{v, p} }

// Some returns a few products: what the home page and product pages show.
func (v *view) Some() []product {
	var some []product
	for _, p := range catalogue {
		if len(some) < 4 && (v.P == nil || v.P.SKU != p.SKU) {
			some = append(some, p)
		}
	}
	return some
}
