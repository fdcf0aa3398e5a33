package email

import (
	"html"
	"strconv"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// The pages that strangers see. They say nothing of the person: a mail may have
// been passed on.
const (
	pageAsk   = "ask"
	pageDone  = "done"
	pageGone  = "gone"
	pageLater = "later"
	pageSaved = "saved"
	// of a mail's question
	pageAnswer   = "answer"
	pageAnswered = "answered"
)

// pageText is a heading, a sentence, and for the page that asks its button.
type pageText struct{ title, text, button string }

// pages are the texts by language.
var pages = map[string]map[string]pageText{
	"en": {
		pageAsk:   {"Unsubscribe?", "You will get no more of these e-mails.", "Unsubscribe"},
		pageDone:  {"You are unsubscribed", "You will get no more of these e-mails.", ""},
		pageGone:  {"This link is not good any more", "It has expired, or a part of it is missing. Nothing was changed.", ""},
		pageSaved: {"Saved", "From now on we keep to what you chose.", ""},
		pageLater: {"Please try again in a moment", "Your wish could not be stored just now.", ""},

		pageAnswer:   {"", "Your answer", "Send my answer"}, // the question is its title
		pageAnswered: {"Thank you", "Your answer is with us.", ""},
	},
	"es": {
		pageAsk:   {"¿Darse de baja?", "No recibirás más correos como este.", "Darme de baja"},
		pageDone:  {"Te has dado de baja", "No recibirás más correos como este.", ""},
		pageGone:  {"Este enlace ya no sirve", "Ha caducado o le falta una parte. No se ha cambiado nada.", ""},
		pageSaved: {"Guardado", "Desde ahora nos atenemos a lo que has elegido.", ""},
		pageLater: {"Inténtalo de nuevo en un momento", "Ahora mismo no se ha podido guardar tu petición.", ""},

		pageAnswer:   {"", "Tu respuesta", "Enviar mi respuesta"},
		pageAnswered: {"Gracias", "Tu respuesta nos ha llegado.", ""},
	},
}

// preferenceText is the form of the preference page. It shows nothing of what the
// person chose before: a mail may have been passed on.
type preferenceText struct {
	title, text, yes, no, keep, button string
	purposes                           [len(tracker.Purposes)]string
}

// fieldPreferences is what tells its form from that of an unsubscribe.
const fieldPreferences = "preferences"

// preferences are its texts by language.
var preferences = map[string]preferenceText{
	"en": {
		"What do you want to allow?", "Each on its own; you can change it at any time.", "Yes", "No", "Leave as it is", "Save",
		[...]string{"Count my visits", "Write to me about offers and news", "Know me again, so that what I see fits me"},
	},
	"es": {
		"¿Qué quieres permitir?", "Cada cosa por separado; puedes cambiarlo cuando quieras.", "Sí", "No", "Dejarlo como está", "Guardar",
		[...]string{"Contar mis visitas", "Escribirme sobre ofertas y novedades", "Reconocerme, para que lo que vea me interese"},
	},
}

const pageStyle = `:root{color-scheme:light dark;--ink:#222;--paper:#fff;--line:#8886;--go:#1a5c38}@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#181a1b;--go:#2f7d52}}` +
	`body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:8vh auto;padding:0 1rem;color:var(--ink);background:var(--paper)}h1{line-height:1.2}` +
	`button{font:inherit;font-weight:600;min-height:2.75rem;padding:.6rem 1.4rem;border:0;border-radius:.5rem;background:var(--go);color:#fff;cursor:pointer}` +
	`section{margin-top:2.5rem;padding-top:1rem;border-top:1px solid var(--line)}fieldset{border:1px solid var(--line);border-radius:.6rem;margin:1rem 0;padding:.8rem 1rem .4rem}` +
	`legend{float:left;width:100%;padding:0;font-weight:600}label{display:inline-flex;align-items:center;min-height:2.75rem;margin-right:1.4rem}h2{font-size:1.2rem}` +
	`input{accent-color:var(--go);width:1.15rem;height:1.15rem;margin:0 .5rem 0 0}:focus-visible{outline:3px solid #4a90d9;outline-offset:2px}`

// showPreferences writes the form of the preference page.
func showPreferences(b *strings.Builder, lang string) {
	t := preferences[lang]
	b.WriteString(`<section><h2>` + t.title + `</h2><p>` + t.text + `</p><form method="post"><input type="hidden" name="` + fieldPreferences + `" value="1">`)
	for _, p := range [...]tracker.Purpose{tracker.Marketing, tracker.Profiling, tracker.Analytics} {
		b.WriteString(`<fieldset><legend>` + t.purposes[p] + `</legend>`)
		for i, choice := range [...]string{tracker.Granted.String(), tracker.Refused.String(), ""} {
			checked := ""
			if choice == "" {
				checked = " checked"
			}
			b.WriteString(`<label><input type="radio" name="` + p.String() + `" value="` + choice + `"` + checked + `> ` + [...]string{t.yes, t.no, t.keep}[i] + `</label>`)
		}
		b.WriteString(`</fieldset>`)
	}
	b.WriteString(`<button>` + t.button + `</button></form></section>`)
}

// showPage answers with a page in the reader's language.
func showPage(ctx *fasthttp.RequestCtx, status int, name string) {
	lang := language(ctx)
	t := pages[lang][name]
	var b strings.Builder
	if b.WriteString(`<p>` + t.text + `</p>`); t.button != "" {
		b.WriteString(`<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><input type="hidden" name="page" value="1">` +
			`<button>` + t.button + `</button></form>`)
		showPreferences(&b, lang)
	}
	write(ctx, status, lang, t.title, b.String())
}

// showQuestion asks whether an answer is the reader's.
func showQuestion(ctx *fasthttp.RequestCtx, status int, a *tracker.MailAnswer) {
	lang := language(ctx)
	t := pages[lang][pageAnswer]
	write(ctx, status, lang, html.EscapeString(a.Ask), `<p>`+t.text+`: <strong>`+html.EscapeString(a.Label)+`</strong></p>`+
		`<form method="post"><input type="hidden" name="`+fieldAnswer+`" value="1"><button>`+t.button+`</button></form>`)
}

// language is that of the mail, where it says one, else the reader's.
func language(ctx *fasthttp.RequestCtx) string {
	lang := string(ctx.QueryArgs().Peek("lang"))
	if _, known := pages[lang]; !known {
		lang = preferred(string(ctx.Request.Header.Peek("Accept-Language")))
	}
	return lang
}

// write answers with a page; title and body are HTML.
func write(ctx *fasthttp.RequestCtx, status int, lang, title, body string) {
	text := `<!doctype html><html lang="` + lang + `"><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
		`<meta name="robots" content="noindex"><title>` + title + `</title><style>` + pageStyle + `</style><main><h1>` + title + `</h1>` + body + "</main></html>\n"
	h := &ctx.Response.Header
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the address stays between the mail and us
	h.Set("Content-Language", lang)
	h.Set("Vary", "Accept-Language")
	ctx.SetStatusCode(status)
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBodyString(text)
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
