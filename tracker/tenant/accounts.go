package tenant

import (
	"fmt"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// What a card of accounts cannot be asked for.
var (
	errAccountsRank error = &tracker.Error{
		Kind: tracker.KindInvalid, Code: "bad_ranking",
		Detail: "ranking: the card scores accounts, and leads are ranked by a card of leads: publish it without --ranking and ask for ripen accounts top",
	}
	errAccountsShadow error = &tracker.Error{
		Kind: tracker.KindInvalid, Code: "bad_shadow",
		Detail: "the card scores accounts, which are worked out when somebody asks: no event moves a shadow of it: ripen scorecard simulate says who would move",
	}
)

// scoresAccounts says whether what is called a name is a card of accounts.
func scoresAccounts(name string, source []byte) bool {
	if name == tracker.TopicMap || name == tracker.OfferTable || tracker.IsModule(source) {
		return false
	}
	card, err := scorecard.Parse(name+".yaml", source)
	return err == nil && card.OfAccounts()
}

// fitAccounts says why a source cannot take its place among cards of leads and of
// accounts: a card stays what it is, and a card of accounts needs the card of leads
// that it names.
func (r *Registry) fitAccounts(id tracker.TenantID, rows map[string]*cardRow, name string, source []byte) error {
	inForce := func(name string) (source []byte, err error) {
		if row := rows[name]; row != nil {
			if v := row.version(row.Current); v != nil {
				return r.source(id, v.YAML)
			}
		}
		return nil, nil
	}
	was, err := inForce(name)
	if err != nil {
		return err
	}
	of := scoresAccounts(name, source)
	if was != nil && scoresAccounts(name, was) != of {
		return fmt.Errorf("entity: the version in force scores %s, this one %s: publish it under another name", entity(!of), entity(of))
	}
	if !of {
		return nil
	}
	card, err := scorecard.Parse(name+".yaml", source)
	if err != nil || card.Rollup.Of == "" {
		return err
	}
	leads, err := inForce(card.Rollup.Of)
	if err != nil {
		return err
	}
	if leads == nil || scoresAccounts(card.Rollup.Of, leads) {
		return fmt.Errorf("rollup: of: no card of leads called %s is in force: publish it first, or leave of out for the one that leads are ranked by", card.Rollup.Of)
	}
	return nil
}

func entity(accounts bool) string {
	if accounts {
		return "accounts"
	}
	return "leads"
}
