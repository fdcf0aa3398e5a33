package email

import (
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"
)

// The pages that strangers see. They say nothing of the person: a mail may have
// been passed on.
const (
	pageAsk   = "ask"
	pageDone  = "done"
	pageGone  = "gone"
	pageLater = "later"
)

// pageText is a heading, a sentence, and for the page that asks its button.
type pageText struct{ title, text, button string }

// pages are the texts by language.
var pages = map[string]map[string]pageText{
	"en": {
		pageAsk:   {"Unsubscribe?", "You will get no more of these e-mails.", "Unsubscribe"},
		pageDone:  {"You are unsubscribed", "You will get no more of these e-mails.", ""},
		pageGone:  {"This link is not good any more", "It has expired, or a part of it is missing. Nothing was changed.", ""},
		pageLater: {"Please try again in a moment", "Your wish could not be stored just now.", ""},
	},
	"es": {
		pageAsk:   {"¿Darse de baja?", "No recibirás más correos como este.", "Darme de baja"},
		pageDone:  {"Te has dado de baja", "No recibirás más correos como este.", ""},
		pageGone:  {"Este enlace ya no sirve", "Ha caducado o le falta una parte. No se ha cambiado nada.", ""},
		pageLater: {"Inténtalo de nuevo en un momento", "Ahora mismo no se ha podido guardar tu petición.", ""},
	},
}

const pageStyle = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#222;background:#fff}` +
	`button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.4rem;background:#1a5c38;color:#fff;cursor:pointer}`

// showPage answers with a page in the reader's language.
func showPage(ctx *fasthttp.RequestCtx, status int, name string) {
	lang := preferred(string(ctx.Request.Header.Peek("Accept-Language")))
	t := pages[lang][name]
	var b strings.Builder
	b.WriteString(`<!doctype html><html lang="` + lang + `"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<meta name="robots" content="noindex"><title>` + t.title + `</title><style>` + pageStyle + `</style><main><h1>` + t.title + `</h1><p>` + t.text + `</p>`)
	if t.button != "" {
		b.WriteString(`<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><input type="hidden" name="page" value="1">` +
			`<button>` + t.button + `</button></form>`)
	}
	b.WriteString("</main></html>\n")
	h := &ctx.Response.Header
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the address stays between the mail and us
	h.Set("Content-Language", lang)
	h.Set("Vary", "Accept-Language")
	ctx.SetStatusCode(status)
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBodyString(b.String())
}

// preferred returns the language of ours that an Accept-Language header likes
// best; English if it names none.
func preferred(accept string) string {
	best, weight := "en", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			q, _ = strconv.ParseFloat(v, 64) // what is no number likes nothing
		}
		base, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if _, ok := pages[base]; ok && q > weight {
			best, weight = base, q
		}
	}
	return best
}
