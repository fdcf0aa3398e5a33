package email

import (
	"net/url"
	"strconv"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// A mail asks one question: each of its answers is an address of ours. Whoever
// follows one sees a page that asks whether it is theirs; only the page's form
// makes it an answer. So a scanner that follows them all answers nothing, and
// nobody waits until a click has settled.

// fieldAnswer is what tells the form of an answer from a stray post.
const fieldAnswer = "answer"

// identify is the event type that sets attributes.
const identify = "identify"

// answerText writes what an answer says into a token.
func answerText(a *tracker.MailAnswer) string {
	return url.Values{"s": {a.Survey}, "q": {a.Question}, "t": {a.Attribute}, "v": {a.Value}, "a": {a.Ask}, "l": {a.Label}}.Encode()
}

// readAnswer is the inverse of answerText.
func readAnswer(text string) (*tracker.MailAnswer, error) {
	v, err := url.ParseQuery(text)
	return &tracker.MailAnswer{
		Survey: v.Get("s"), Question: v.Get("q"), Attribute: v.Get("t"), Value: v.Get("v"), Ask: v.Get("a"), Label: v.Get("l"),
	}, err
}

// asked shows the page of an answer, or takes it.
func (h *Handler) asked(ctx *fasthttp.RequestCtx, token string) {
	guard(ctx)
	isPost := ctx.IsPost()
	if !isPost && !ctx.IsGet() && !ctx.IsHead() {
		notAllowed(ctx, "GET, HEAD, POST")
		return
	}
	t, c, err := h.cfg.Keys.open(ask, token, h.cfg.Now())
	var a *tracker.MailAnswer
	if err == nil {
		a, err = readAnswer(c.url)
	}
	switch {
	case err != nil:
		showPage(ctx, fasthttp.StatusNotFound, pageGone)
		return
	case !isPost:
		showQuestion(ctx, fasthttp.StatusOK, a)
		return
	case !ctx.PostArgs().Has(fieldAnswer):
		showQuestion(ctx, fasthttp.StatusBadRequest, a)
		return
	}
	for _, typ := range [...]string{tracker.SurveyOpened, tracker.SurveyAnswered, identify} { // each has an id: a form that is sent again repeats none
		if typ == identify && a.Attribute == "" {
			break
		}
		ev := &happened{typ: typ, id: []string{"a", typ, token}, answer: a, proved: true}
		if h.remember(ctx, t, &c, ev) == tracker.Retry {
			ctx.Response.Header.Set("Retry-After", "5")
			showPage(ctx, fasthttp.StatusServiceUnavailable, pageLater)
			return
		}
		if ev.machine != tracker.Human || ev.denied {
			a.Attribute = "" // it is nobody's, or not to be remembered of them
		}
	}
	showPage(ctx, fasthttp.StatusOK, pageAnswered)
}

// putAnswer writes what was asked and answered, and into an identify, as a page of
// the tenant's does, the attribute that it becomes. An answer that is a number is
// one: rules ask whether it is great enough.
func (h *happened) putAnswer(put func(space tracker.Space, name, v string, open bool), number func(tracker.Field)) {
	a := h.answer
	say := func(space tracker.Space, name string) {
		if n, err := strconv.Atoi(a.Value); err == nil && strconv.Itoa(n) == a.Value {
			number(tracker.Field{Space: space, Name: []byte(name), Value: tracker.Value{Tag: tracker.Int, Num: uint64(n)}})
			return
		}
		put(space, name, a.Value, sealed)
	}
	switch {
	case a == nil:
	case h.typ == identify:
		say(tracker.Trait, a.Attribute)
	default:
		put(tracker.Property, "survey", a.Survey, sealed)
		if h.typ == tracker.SurveyAnswered {
			put(tracker.Property, "question", a.Question, sealed)
			say(tracker.Property, "answer")
		}
	}
}
