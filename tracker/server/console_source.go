package server

import (
	"context"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
	"ripen/tracker/console"
	"ripen/tracker/export"
)

// consoleSource is what the console reads: the state, and the registry's names.
type consoleSource struct{ s *Server }

// Tenants implements [console.Source].
func (c consoleSource) Tenants(by tracker.Caller) ([]console.Tenant, error) {
	var out []console.Tenant
	for _, t := range c.s.registry.Tenants() {
		if by.May(tracker.SecretRole, t.ID) == nil {
			out = append(out, console.Tenant{ID: t.ID, Name: t.Name, Ranking: t.Ranking})
		}
	}
	return out, nil
}

// Top implements [console.Source].
func (c consoleSource) Top(by tracker.Caller, t tracker.TenantID, limit int) ([]console.Row, int, error) {
	st, err := c.s.state()
	if err != nil {
		return nil, 0, err
	}
	page, err := st.Leads(by, t, export.LeadQuery{Limit: limit})
	if err != nil {
		return nil, 0, err
	}
	tenant := c.s.registry.Tenant(t)
	if tenant == nil {
		return nil, 0, nil
	}
	rows := make([]console.Row, 0, len(page.Leads))
	for _, l := range page.Leads {
		row := console.Row{ID: l.ID, Email: l.Email, Null: true, LastSeen: l.LastSeen}
		if sc := l.Scores[tenant.Ranking]; sc != nil {
			row.Score, row.Null, row.Grade, row.Band, row.Likely = sc.Score, sc.Null, sc.Grade, sc.Band, sc.Probability
			if i := slices.IndexFunc(sc.Reasons, tracker.Reason.OfLead); i >= 0 {
				row.Why = sc.Reasons[i].Why
			}
		}
		rows = append(rows, row)
	}
	return rows, page.Total, nil
}

// Lead implements [console.Source].
func (c consoleSource) Lead(by tracker.Caller, t tracker.TenantID, id tracker.LeadID) (*tracker.Lead, error) {
	st, err := c.s.state()
	if err != nil {
		return nil, err
	}
	l, err := st.Lead(by, t, id.String())
	if err != nil {
		return nil, err
	}
	table, err := c.s.registry.OfferTable(t)
	if err != nil {
		return nil, err
	}
	l.Offers, err = st.Offers(by, t, id.String(), table)
	return l, err
}

// Moments implements [console.Source].
func (c consoleSource) Moments(by tracker.Caller, t tracker.TenantID, q tracker.MomentQuery) (tracker.MomentPage, error) {
	tenant := c.s.registry.Tenant(t)
	if tenant == nil {
		return tracker.MomentPage{}, errNoLead
	}
	return c.s.Moments(by, tenant, q)
}

// History implements [console.Source].
func (c consoleSource) History(by tracker.Caller, t tracker.TenantID, id tracker.LeadID, limit int) ([]tracker.Change, error) {
	st, err := c.s.state()
	if err != nil {
		return nil, err
	}
	return st.History(by, t, id.String(), "", 0, limit)
}

// renewEvery is how often a live list looks again while nothing is rung: a
// state that was opened anew rings another bell.
const renewEvery = 5 * time.Second

// Subscribe implements [console.Source].
func (c consoleSource) Subscribe(ctx context.Context, _ tracker.TenantID) <-chan struct{} {
	out := make(chan struct{}, 1)
	go func() { // ends with ctx
		defer close(out)
		if _, err := c.s.folder.wait(ctx); err != nil {
			return
		}
		for ctx.Err() == nil {
			select {
			case <-c.s.folder.state().ring():
			case <-time.After(renewEvery):
			case <-ctx.Done():
				return
			}
			select {
			case out <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return out
}

// consoleCaller says who looks at a page without a session: the operator by
// key, or whoever sits at this machine while nobody else can reach it.
func (s *Server) consoleCaller(ctx *fasthttp.RequestCtx) (tracker.Caller, bool) {
	if s.mayWatch(ctx) {
		return tracker.Caller{Role: tracker.AdminRole, Key: "local"}, true
	}
	return tracker.Caller{}, false
}

// checkKey says whose key was typed into the login form.
func (s *Server) checkKey(secret string) (tracker.Caller, bool) {
	if !s.logins.take(s.now()) {
		return tracker.Caller{}, false
	}
	return s.caller(secret)
}
