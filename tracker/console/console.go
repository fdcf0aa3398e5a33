// Package console is what people look at: the live ranked list of leads at /,
// where each lead opens to its identity, attributes, score history, reasons and
// timeline. At /console/trainings stands what was learned, and what became of it. English
// and Spanish.
//
// It reads through the [Source] that server gives it and stores nothing but
// login sessions, in memory. Pages carry no inline script or style and write
// what visitors sent only as text, so that a hostile page title stays a title.
package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

//go:embed pages assets
var files embed.FS

// Tenant is a tenant as its members see it.
type Tenant struct {
	ID      tracker.TenantID
	Name    string
	Ranking string // the card whose order the list shows
}

// Row is one lead in the ranked list.
type Row struct {
	ID       tracker.LeadID
	Email    string // empty while unknown
	Score    int    // 1–100
	Null     bool   // not scored
	Grade    string
	Band     string
	Likely   *tracker.Probability // nil if the card does not say
	Why      string               // the latest reason, in the card's words
	LastSeen time.Time            // of the lead's last event
}

// Source is what the console reads. Each call checks the caller itself. What
// is returned belongs to the console.
type Source interface {
	// Tenants returns the tenants that the caller may look at, by name.
	Tenants(c tracker.Caller) ([]Tenant, error)
	// Top returns the first leads in order of score, and how many there are.
	Top(c tracker.Caller, t tracker.TenantID, limit int) (rows []Row, total int, err error)
	// Lead returns one lead; a superseded id returns the lead it belongs to.
	Lead(c tracker.Caller, t tracker.TenantID, id tracker.LeadID) (*tracker.Lead, error)
	// Moments returns a page of a lead's timeline, unsealed.
	Moments(c tracker.Caller, t tracker.TenantID, q tracker.MomentQuery) (tracker.MomentPage, error)
	// History returns a lead's changes of score, newest first.
	History(c tracker.Caller, t tracker.TenantID, id tracker.LeadID, limit int) ([]tracker.Change, error)
	// Trainings returns the latest cards that were learned, newest first.
	Trainings(c tracker.Caller, t tracker.TenantID, limit int) ([]tracker.Training, error)
	// TrainingReport returns the report on one as a page; it needs no script.
	TrainingReport(c tracker.Caller, t tracker.TenantID, id uint64, lang string) ([]byte, error)
	// Subscribe sends a value, or closes the channel, after the tenant's list
	// may have changed, until ctx ends. A value that nobody waits for may be
	// dropped if one is already waiting.
	Subscribe(ctx context.Context, t tracker.TenantID) <-chan struct{}
}

// Link is an entry of the page's header that the console does not own.
type Link struct {
	Href, ES, EN string
}

// Config says whom the console serves, and with what.
type Config struct {
	Source Source
	// Authorize says who makes a request that carries no console session: a
	// bearer key, or a listener that only this machine reaches. Nil = nobody.
	Authorize func(ctx *fasthttp.RequestCtx) (tracker.Caller, bool)
	// Check says whose key was typed into the login form, and is asked again at
	// each request of the session: a rotated key ends it. Nil = no login.
	Check func(secret string) (tracker.Caller, bool)
	Links []Link           // shown in the header: the demo shop
	Now   func() time.Time // nil = time.Now
}

func (c Config) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// Handler serves the console. Close it before the server is shut down: its
// streams keep connections open.
type Handler struct {
	c        Config
	list     *template.Template
	login    *template.Template
	learned  *template.Template
	assets   map[string]asset // :: path → what is served as it is
	sessions sessions

	ctx     context.Context // ends the streams
	cancel  context.CancelFunc
	streams sync.WaitGroup
	slots   chan struct{} // one per open stream
}

type asset struct {
	mime string
	body []byte
}

// maxStreams bounds the live pages that are open at once.
const maxStreams = 256

// New returns the console.
func New(c Config) *Handler {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Handler{c: c, assets: map[string]asset{}, ctx: ctx, cancel: cancel, slots: make(chan struct{}, maxStreams)}
	h.sessions.m = map[string]session{}
	version := h.loadAssets()
	funcs := template.FuncMap{"asset": func(name string) string { return "/console/" + version + "/" + name }}
	parse := func(name string) *template.Template {
		return template.Must(template.New(name).Funcs(funcs).ParseFS(files, "pages/frame.html", "pages/"+name))
	}
	h.list, h.login, h.learned = parse("list.html"), parse("login.html"), parse("trainings.html")
	return h
}

var mimes = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// loadAssets puts scripts, styles and the icon under a path that names their
// content, and returns that name: browsers may then keep them for ever.
func (h *Handler) loadAssets() (version string) {
	entries, err := files.ReadDir("assets")
	if err != nil {
		panic("BUG: " + err.Error()) // unreachable unless the embed directive changed
	}
	sum := sha256.New()
	found := map[string]asset{}
	for _, e := range entries {
		body, err := files.ReadFile("assets/" + e.Name())
		if err != nil {
			panic("BUG: " + err.Error()) // unreachable: it was listed
		}
		fmt.Fprintf(sum, "%s %d ", e.Name(), len(body))
		sum.Write(body)
		found[e.Name()] = asset{mimes[path.Ext(e.Name())], body}
	}
	version = hex.EncodeToString(sum.Sum(nil)[:6])
	for name, a := range found {
		h.assets["/console/"+version+"/"+name] = a
	}
	return version
}

// Close ends the open streams and waits for them.
func (h *Handler) Close() error {
	h.cancel()
	done := make(chan struct{})
	go func() { // ends with the last stream
		h.streams.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-time.After(10 * time.Second):
		return errors.New("console: a stream's client neither reads nor goes away")
	}
}

// policy forbids everything a page of ours does not need.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Handle answers / and everything under /console/ and says whether the path was
// one of them.
func (h *Handler) Handle(ctx *fasthttp.RequestCtx) bool {
	at := string(ctx.Path())
	if at != "/" && !strings.HasPrefix(at, "/console/") {
		return false
	}
	head := &ctx.Response.Header
	head.Set("Content-Security-Policy", policy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cache-Control", "no-store")
	if a, ok := h.assets[at]; ok {
		head.Set("Cache-Control", "public, max-age=31536000, immutable") // the path names the content
		ctx.SetContentType(a.mime)
		ctx.SetBody(a.body)
		return true
	}
	switch at {
	case "/console/login":
		h.postLogin(ctx)
		return true
	case "/console/logout":
		h.postLogout(ctx)
		return true
	}
	caller, ok := h.Caller(ctx)
	switch {
	case strings.HasPrefix(at, "/console/api/"):
		h.api(ctx, caller, ok, strings.TrimPrefix(at, "/console/api/"))
	case at != "/" && at != trainingsPath && !strings.HasPrefix(at, trainingsPath+"/"):
		problem(ctx, fasthttp.StatusNotFound, "not_found", "there is no such page")
	case len(ctx.QueryArgs().Peek("lang")) > 0:
		setLanguage(ctx)
	case !ok:
		ctx.SetStatusCode(fasthttp.StatusUnauthorized)
		h.page(ctx, h.login, nil)
	case at != "/":
		h.trainings(ctx, caller, strings.TrimPrefix(at[len(trainingsPath):], "/"))
	default:
		h.page(ctx, h.list, nil)
	}
	return true
}

// page writes a page in the reader's language.
func (h *Handler) page(ctx *fasthttp.RequestCtx, t *template.Template, more map[string]any) {
	lang := language(ctx)
	data := map[string]any{
		"Lang": lang, "W": words[lang], "Other": other[lang], "Links": h.c.Links, "Here": string(ctx.Path()),
		"Session": len(ctx.Request.Header.Cookie(cookie)) > 0, "Login": h.c.Check != nil,
	}
	for k, v := range more {
		data[k] = v
	}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		panic("BUG: console page: " + err.Error()) // unreachable unless page and data disagree; tests render all
	}
	ctx.Response.Header.Set("Vary", "Accept-Language, Cookie")
	ctx.SetContentType("text/html; charset=utf-8")
	ctx.SetBody(b.Bytes())
}
