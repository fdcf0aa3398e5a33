package console

import (
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// cookie names the console's session. The prefix makes browsers refuse it from
// sub-domains and over plain HTTP; ingest never reads it.
const cookie = "__Host-ripen-console"

const (
	sessionLife = 12 * time.Hour
	maxSessions = 1000
	maxWrong    = 30 // wrong keys a minute, of all who try
)

// session remembers the key that was typed, so that it can be checked again.
type session struct {
	secret string
	until  time.Time
}

// sessions are the people who are logged in. They end with the process.
type sessions struct {
	mu     sync.Mutex         // guards the rest, never held while calling out
	m      map[string]session // :: cookie value → session
	wrong  int                // wrong keys in the minute below
	minute time.Time
}

// tooMany adds wrong keys and says whether there were too many this minute.
func (s *sessions) tooMany(now time.Time, wrong int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := now.Truncate(time.Minute); !m.Equal(s.minute) {
		s.minute, s.wrong = m, 0
	}
	s.wrong += wrong
	return s.wrong >= maxWrong
}

func (s *sessions) add(secret string, now time.Time) string {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	oldest := ""
	for t, one := range s.m {
		if one.until.Before(now) {
			delete(s.m, t)
		} else if oldest == "" || one.until.Before(s.m[oldest].until) {
			oldest = t
		}
	}
	if len(s.m) >= maxSessions {
		delete(s.m, oldest)
	}
	s.m[token] = session{secret, now.Add(sessionLife)}
	return token
}

func (s *sessions) get(token string, now time.Time) (secret string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, ok := s.m[token]
	return one.secret, ok && now.Before(one.until)
}

func (s *sessions) remove(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, token)
}

// Caller says who makes a request: whoever logged in here, else whom
// [Config.Authorize] knows. Server asks it about pages of its own.
func (h *Handler) Caller(ctx *fasthttp.RequestCtx) (tracker.Caller, bool) {
	if token := ctx.Request.Header.Cookie(cookie); len(token) > 0 && h.c.Check != nil {
		if secret, ok := h.sessions.get(string(token), h.c.now()); ok {
			if c, ok := h.c.Check(secret); ok && c.Role >= tracker.SecretRole {
				return c, true
			}
		}
	}
	if h.c.Authorize == nil {
		return tracker.Caller{}, false
	}
	c, ok := h.c.Authorize(ctx)
	return c, ok && c.Role >= tracker.SecretRole
}

// ours says that a form was sent from a page of this console.
func ours(ctx *fasthttp.RequestCtx) bool {
	site := string(ctx.Request.Header.Peek("Sec-Fetch-Site"))
	return ctx.IsPost() && (site == "" || site == "same-origin" || site == "none")
}

func (h *Handler) postLogin(ctx *fasthttp.RequestCtx) {
	if !ours(ctx) {
		problem(ctx, fasthttp.StatusForbidden, "forbidden", "log in with the form of this page")
		return
	}
	if h.sessions.tooMany(h.c.now(), 0) {
		ctx.Response.Header.Set("Retry-After", "60")
		ctx.SetStatusCode(fasthttp.StatusTooManyRequests)
		h.page(ctx, h.login, map[string]any{"Wrong": "slow"})
		return
	}
	secret := strings.TrimSpace(string(ctx.PostArgs().Peek("key")))
	if h.c.Check != nil {
		if c, ok := h.c.Check(secret); ok && c.Role >= tracker.SecretRole {
			setCookie(ctx, cookie, h.sessions.add(secret, h.c.now()), sessionLife)
			ctx.Response.Header.Set("Location", "/")
			ctx.SetStatusCode(fasthttp.StatusSeeOther)
			return
		}
	}
	h.sessions.tooMany(h.c.now(), 1)
	ctx.SetStatusCode(fasthttp.StatusUnauthorized)
	h.page(ctx, h.login, map[string]any{"Wrong": "wrong"})
}

func (h *Handler) postLogout(ctx *fasthttp.RequestCtx) {
	if !ours(ctx) {
		problem(ctx, fasthttp.StatusForbidden, "forbidden", "log out with the button of this page")
		return
	}
	h.sessions.remove(string(ctx.Request.Header.Cookie(cookie)))
	setCookie(ctx, cookie, "", -time.Second)
	ctx.Response.Header.Set("Location", "/")
	ctx.SetStatusCode(fasthttp.StatusSeeOther)
}

func setCookie(ctx *fasthttp.RequestCtx, name, value string, life time.Duration) {
	c := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(c)
	c.SetKey(name)
	c.SetValue(value)
	c.SetPath("/")
	c.SetHTTPOnly(true)
	c.SetSecure(strings.HasPrefix(name, "__Host-"))
	c.SetSameSite(fasthttp.CookieSameSiteStrictMode)
	if life < 0 {
		c.SetExpire(fasthttp.CookieExpireDelete)
	} else {
		c.SetMaxAge(int(life.Seconds()))
	}
	ctx.Response.Header.SetCookie(c)
}

const languageCookie = "ripen_lang"

var other = map[string]string{"es": "en", "en": "es"}

// language is the reader's: as chosen with the switch, else as the browser
// asks, else English.
func language(ctx *fasthttp.RequestCtx) string {
	if chosen := string(ctx.Request.Header.Cookie(languageCookie)); words[chosen] != nil {
		return chosen
	}
	for part := range strings.SplitSeq(string(ctx.Request.Header.Peek("Accept-Language")), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), "-")
		tag, _, _ = strings.Cut(tag, ";")
		if words[tag] != nil {
			return tag
		}
	}
	return "en"
}

func setLanguage(ctx *fasthttp.RequestCtx) {
	if lang := string(ctx.QueryArgs().Peek("lang")); words[lang] != nil {
		setCookie(ctx, languageCookie, lang, 365*24*time.Hour)
	}
	ctx.Response.Header.Set("Location", string(ctx.Path()))
	ctx.SetStatusCode(fasthttp.StatusSeeOther)
}
