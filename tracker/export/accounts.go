package export

import (
	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// AccountQuery says which accounts. The zero value is the first page of those
// that the tenant's card of accounts scores, or if it has none, that the leads of
// its ranking card make up.
type AccountQuery struct {
	Card    string // a card of accounts, or one of leads whose scores roll up
	Account string // only the one of this name
	Limit   int    // accounts, at most 1000; default 100
}

// AccountPage is the accounts of a tenant, highest first.
type AccountPage struct {
	Card     string    `json:"scorecard,omitempty"` // name@version
	By       string    `json:"by,omitempty"`        // what the leads of an account have in common
	Total    int       `json:"total"`
	Accounts []Account `json:"accounts"`
}

// Account is the leads of one company.
type Account struct {
	Name     string        `json:"account"`
	Score    int           `json:"score"`
	Exact    int64         `json:"exact"` // thousandths: the order
	Leads    int           `json:"leads"`
	LastSeen string        `json:"last_seen,omitempty"`
	Best     []AccountLead `json:"best"` // its highest leads

	// By a card of accounts alone.
	Grade   string             `json:"grade,omitempty"`
	Band    string             `json:"band,omitempty"`
	Dims    map[string]float64 `json:"dimensions,omitempty"`
	Reasons []tracker.Reason   `json:"reasons,omitempty"` // shares sum to 1000 × score
}

// AccountLead is a lead of an account.
type AccountLead struct {
	ID    string `json:"id"`
	Email string `json:"email,omitempty"`
	Score int    `json:"score"`
}

func (c *call) accounts() error {
	q := AccountQuery{Card: c.text("scorecard"), Account: c.text("account"), Limit: c.limit()}
	st, done, err := c.at()
	if err != nil {
		return err
	}
	defer done()
	page, err := st.Accounts(c.caller, c.tenant.ID, q)
	if err != nil {
		return err
	}
	JSON(c.ctx, fasthttp.StatusOK, page)
	return nil
}
