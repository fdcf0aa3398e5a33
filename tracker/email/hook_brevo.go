package email

import "ripen/tracker"

// Brevo signs nothing: a report is Brevo's if it brings the source's password.
// Of an open it may tell twice, as the first one and as one: the words of one
// meaning give one event.

var brevoWords = map[string]meaning{
	"request": sent, "delivered": delivered,
	"opened": wasOpened, "unique_opened": wasOpened, "proxy_open": wasOpened, "unique_proxy_open": wasOpened,
	"click": wasClicked, "soft_bounce": softBounce, "blocked": softBounce, "hard_bounce": hardBounce, "invalid_email": hardBounce,
	"spam": complaint, "complaint": complaint, "unsubscribe": unsubscribe, "unsubscribed": unsubscribe,
}

func readBrevo(_ *Handler, p *post) ([]*happened, error) {
	return objects(p.body, func(o object) *happened {
		word := o.text("event")
		ev := says(brevoWords, word)
		if ev.time = o.moment("ts_epoch"); ev.time == 0 {
			ev.time = o.moment("ts_event")
		}
		ev.email, ev.message, ev.url = o.text("email"), o.text("message-id"), o.text("link")
		ev.id = []string{"brevo", ev.message, ev.typ, ev.detail, o.text("ts_epoch"), o.text("ts_event"), ev.url, ev.email}
		ev.agent, ev.reason = o.text("user_agent"), o.text("reason")
		if ev.tags = joined(o.texts("tags")); ev.tags == "" {
			ev.tags = o.text("tag")
		}
		if word == "proxy_open" || word == "unique_proxy_open" {
			ev.flagged("proxy_open", tracker.Prefetch)
		}
		return ev
	})
}
