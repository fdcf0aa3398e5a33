package tenant

import (
	"encoding/json"
	"fmt"

	"ripen/storage"
	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// shadowRow is the version of a card that runs beside the one in force, with the
// source that it had when it began: the draft may change meanwhile.
type shadowRow struct {
	Card    string `json:"card"`
	Version int    `json:"version"`
	At      int64  `json:"at"`   // unix ms, when it began
	YAML    []byte `json:"yaml"` // or what stands for a module
}

// Shadow lets the draft of a card, or with a version that one, run beside the
// version in force. It is refused for what publishing is refused for. A tenant
// has one shadow; another version of the same card takes its place.
func (r *Registry) Shadow(id tracker.TenantID, name string, version int) (tracker.Activation, error) {
	a, err := r.Candidate(id, name, version)
	var card *scorecard.Card
	if err == nil {
		card, err = checkCard(name, a.YAML)
	}
	if err == nil && card.OfAccounts() {
		err = errAccountsShadow
	}
	if err != nil {
		return a, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	row, err := r.card(id, name)
	if err != nil {
		return a, err
	}
	if row.Current == a.Version {
		return a, &tracker.Error{Kind: tracker.KindConflict, Code: "in_force", Detail: fmt.Sprintf("version: %s is in force: shadow a draft or another version", a.Name())}
	}
	old, err := r.shadow(id)
	if err != nil {
		return a, err
	}
	if old != nil && old.Card != name {
		return a, &tracker.Error{Kind: tracker.KindConflict, Code: "shadow_exists", Detail: fmt.Sprintf(
			"a tenant has one shadow at a time, now %s@%d: end it first: ripen scorecard shadow %s --stop", old.Card, old.Version, old.Card)}
	}
	stored, err := r.keep(id, a.YAML)
	if err != nil {
		return a, err
	}
	return a, r.saveShadow(id, &shadowRow{Card: name, Version: a.Version, At: r.clock(), YAML: stored})
}

// Unshadow ends the shadow of a card.
func (r *Registry) Unshadow(id tracker.TenantID, name string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, err := r.shadow(id)
	if err != nil {
		return err
	}
	if old == nil || old.Card != name {
		return &tracker.Error{Kind: tracker.KindNotFound, Code: "no_shadow", Detail: "no version of this card runs as a shadow: PUT begins one"}
	}
	return r.saveShadow(id, nil)
}

// saveShadow writes a tenant's shadow, nil for none, and forgets what only the
// one before spoke of. mu is held.
func (r *Registry) saveShadow(id tracker.TenantID, row *shadowRow) error {
	var old *shadowRow
	err := r.meta.Update(func(tx *storage.Tx) error {
		return rewriteTenant(tx, id, func(t *tenantRow) { old, t.Shadow = t.Shadow, row })
	})
	if err != nil {
		return fmt.Errorf("save shadow: %w", err)
	}
	if old != nil {
		if err := r.forget(id, old.YAML); err != nil {
			return err
		}
	}
	return r.reload()
}

// shadow reads a tenant's shadow; nil if it has none.
func (r *Registry) shadow(id tracker.TenantID) (*shadowRow, error) {
	var row tenantRow
	err := r.meta.View(func(tx *storage.Tx) error {
		b, err := tx.Get(machine, storage.SpaceTenant, id[:])
		if err != nil || b == nil {
			return err
		}
		return json.Unmarshal(b, &row)
	})
	if err != nil {
		return nil, fmt.Errorf("read shadow: %w", err)
	}
	return row.Shadow, nil
}

// ShadowSource returns the version that runs as a tenant's shadow, with its
// source; its name is empty if there is none.
func (r *Registry) ShadowSource(id tracker.TenantID) (a tracker.Activation, err error) {
	row, err := r.shadow(id)
	if err != nil || row == nil {
		return a, err
	}
	a = tracker.Activation{Card: row.Card, Version: row.Version}
	a.YAML, err = r.source(id, row.YAML)
	return a, err
}

// Shadowed returns the tenants that have a shadow.
func (r *Registry) Shadowed() []*tracker.Tenant { return r.now.Load().shadowed }
