package tenant

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ripen/tracker"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// fit says why a source cannot be put in force among the tenant's other cards: it
// names a module or model that is not, or takes a module away that a card in
// force names.
func (r *Registry) fit(id tracker.TenantID, name string, source []byte) error {
	rows, err := r.cardRows(id)
	if err != nil || name == tracker.TopicMap || name == tracker.OfferTable {
		return err
	}
	delete(rows, tracker.TopicMap)
	delete(rows, tracker.OfferTable)
	refuse := func(err error) error {
		return &tracker.Error{Kind: tracker.KindUnfit, Code: "invalid_scorecard", Detail: err.Error()}
	}
	wrong := func(f *scorecard.Feed) (what, fix string) { return r.unfit(id, rows, f) }
	if !tracker.IsModule(source) {
		if err := checkFeeds(name, source, wrong); err != nil {
			return refuse(err)
		}
	}
	if err := r.fitAccounts(id, rows, name, source); err != nil {
		return refuse(err)
	}
	for _, other := range slices.Sorted(maps.Keys(rows)) {
		v := rows[other].version(rows[other].Current)
		if other == name || v == nil {
			continue
		}
		if _, ref := tracker.Ref(v.YAML); ref {
			continue // it names nobody
		}
		kind := "module"
		err := checkFeeds(other, v.YAML, func(f *scorecard.Feed) (what, fix string) {
			if f.Source() != name {
				return "", ""
			}
			if f.Model != "" {
				kind = "model"
			}
			return suits(f, source)
		})
		if err != nil {
			return refuse(fmt.Errorf("a card in force names %s as its %s: %w", name, kind, err))
		}
	}
	return nil
}

// checkFeeds asks of each module and model that a card names what is wrong.
func checkFeeds(name string, source []byte, wrong func(*scorecard.Feed) (what, fix string)) error {
	card, err := scorecard.Parse(name+".yaml", source)
	if err != nil {
		return err
	}
	return card.CheckFeeds(name+".yaml", wrong)
}

// unfit says what is wrong with a module or model that a card names.
func (r *Registry) unfit(id tracker.TenantID, rows map[string]*cardRow, f *scorecard.Feed) (what, fix string) {
	kind, ref := "module", tracker.ModuleRef
	if f.Model != "" {
		kind, ref = "model", tracker.ModelRef
	}
	row := rows[f.Source()]
	var v *versionRow
	if row != nil {
		v = row.version(row.Current)
	}
	if v == nil {
		fix := fmt.Sprintf("publish it first: ripen module publish %s.wasm", f.Source())
		if f.Model != "" {
			fix = fmt.Sprintf("publish its file first: ripen scorecard publish %s.json", f.Source())
		}
		return fmt.Sprintf("there is no %s %s in force", kind, f.Source()), fix + missing(rows, ref)
	}
	source, err := r.source(id, v.YAML)
	if err != nil {
		return err.Error(), "publish the " + kind + " again"
	}
	return suits(f, source)
}

// missing lists the modules, or models, in force.
func missing(rows map[string]*cardRow, ref string) string {
	var names []string
	for name, row := range rows {
		if v := row.version(row.Current); v != nil && strings.HasPrefix(string(v.YAML), ref) {
			names = append(names, name)
		}
	}
	if names == nil {
		return ""
	}
	slices.Sort(names)
	return ", or name one of " + strings.Join(names, ", ")
}

// suits says why what is in force under the name cannot be the module or model that
// a card names: it is something else, may take more gas than the card allows, or does
// not say how probable anything is.
func suits(f *scorecard.Feed, source []byte) (what, fix string) {
	if f.Model != "" {
		if !scorecard.IsModel(source) {
			return fmt.Sprintf("there is no model %s: what has the name is something else", f.Model), "name a model, as ripen train --model gbdt writes one"
		}
		m, err := scorecard.Parse(f.Model, source)
		switch {
		case err != nil:
			return err.Error(), "publish the model again"
		case m.Probability == nil:
			return fmt.Sprintf("the model %s has no probability", f.Model), "train it again, or write probability: {at: [[1, 0.01], [100, 0.8]]} into its file"
		}
		return "", ""
	}
	if !tracker.IsModule(source) {
		return fmt.Sprintf("%s is a card, not a module", f.Source()), "name a module, or publish one under that name"
	}
	gas, err := host.GasOf(source)
	switch {
	case err != nil:
		return err.Error(), "publish the module again"
	case f.Gas > 0 && gas > f.Gas:
		return fmt.Sprintf("a call of the module %s may take %d gas, gas: allows %d", f.Source(), gas, f.Gas),
			fmt.Sprintf("write gas: %d, or lower fold_gas and score_gas in the module's manifest", gas)
	}
	return "", ""
}
