package server

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/tracker/email"
	"ripen/tracker/export"
)

// mail makes what answers the addresses in mails and takes the reports of mail
// providers.
func (s *Server) mail() *email.Handler {
	return email.New(email.Config{
		Log: s.db.Log(), Keys: s.mailKeys, Source: s.registry.Lookup, Default: s.registry.FirstSource,
		Number: func(t *tracker.Tenant, number string) (tracker.LeadID, string, error) {
			return s.journeys.WhoseNumber(t, number)
		},
		Public:       s.publicURL,
		JudgeRequest: s.ingest.JudgeRequest, JudgeAgent: s.ingest.JudgeAgent, Place: s.ingest.Place, Now: s.db.Now, Problem: export.Error,
		Busy: func() bool { return !s.db.Writable() || s.db.Pending() > mostPending }, Quota: s.quota.Wait,
		Count: func(from, verdict string) {
			s.set.GetOrCreateCounter(fmt.Sprintf("ripen_mail_events_total{from=%q,verdict=%q}", from, verdict)).Inc()
		},
		ClientIP: func(ctx *fasthttp.RequestCtx) string { return s.proxies.client(ctx).String() },
		Dropped:  s.letters.Add, Watch: s.tails.of, Fetch: s.cfg.fetch, Logger: s.log,
	})
}

// mostPending is how many bytes may wait for the log before what happens to
// mails waits, too.
const mostPending = 64 << 20

// mailKeysAPI is what export asks of the keys that sign addresses.
type mailKeysAPI struct{ s *Server }

func (m mailKeysAPI) Mint(t *tracker.Tenant, base string, l tracker.MailLink) (tracker.MintedLink, error) {
	return m.s.mailKeys.Mint(t, base, l, m.s.db.Now())
}

func (m mailKeysAPI) Keys(t tracker.TenantID) []tracker.MailKey { return m.s.mailKeys.List(t) }

func (m mailKeysAPI) RotateKeys(t tracker.TenantID, oldUntil int64) (tracker.MailKey, error) {
	now := m.s.db.Now()
	if oldUntil == 0 {
		oldUntil = now + email.MaxLife.Milliseconds()
	}
	return m.s.mailKeys.Rotate(t, now, oldUntil)
}
