package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
)

// cardRow is one scorecard of a tenant: its draft, and every version that was
// ever in force. What is in force is decided by the log; Current repeats it.
type cardRow struct {
	Draft    []byte        `json:"draft,omitempty"`
	Current  int           `json:"current"` // version in force; 0 = none yet
	Versions []cardVersion `json:"versions,omitempty"`
}

type cardVersion struct {
	Version int    `json:"version"`
	At      int64  `json:"at"` // unix ms
	YAML    []byte `json:"yaml"`
}

func (c *cardRow) version(n int) *cardVersion {
	i := slices.IndexFunc(c.Versions, func(v cardVersion) bool { return v.Version == n })
	if i < 0 {
		return nil
	}
	return &c.Versions[i]
}

// checkCard parses and compiles a card, as publishing it would.
func checkCard(name string, yaml []byte) (*scorecard.Card, error) {
	card, err := scorecard.Parse(name+".yaml", yaml)
	if err != nil {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_scorecard", Detail: err.Error()}
	}
	if card.Name != name {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_scorecard", Detail: fmt.Sprintf("scorecard: the card calls itself %s, the path %s", card.Name, name)}
	}
	module, err := compile.Module(card)
	if err == nil {
		_, err = host.Check(module)
	}
	if err != nil {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_scorecard", Detail: err.Error()}
	}
	return card, nil
}

// cards returns a tenant's cards by name.
func (r *registry) cards(id tracker.TenantID) (map[string]*cardRow, error) {
	all := map[string]*cardRow{}
	err := r.meta.View(func(tx *storage.Tx) error {
		return tx.Scan(id, storage.SpaceCard, nil, nil, func(k, v []byte) error {
			row := &cardRow{}
			all[string(k)] = row
			return json.Unmarshal(v, row)
		})
	})
	if err != nil {
		return nil, fmt.Errorf("read scorecards: %w", err)
	}
	return all, nil
}

// changeCard rewrites a card's row.
func (r *registry) changeCard(id tracker.TenantID, name string, change func(*cardRow) error) (row cardRow, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.meta.Update(func(tx *storage.Tx) error {
		row = cardRow{}
		b, err := tx.Get(id, storage.SpaceCard, []byte(name))
		if err != nil {
			return err
		}
		if b != nil {
			if err := json.Unmarshal(b, &row); err != nil {
				return err
			}
		}
		if err := change(&row); err != nil {
			return err
		}
		return put(tx, id, storage.SpaceCard, []byte(name), row)
	})
	return row, err
}

// draft keeps a card that is right, and puts nothing in force.
func (r *registry) draft(id tracker.TenantID, name string, yaml []byte) (*cardRow, error) {
	if err := checkName("scorecard", name); err != nil {
		return nil, err
	}
	if _, err := checkCard(name, yaml); err != nil {
		return nil, err
	}
	row, err := r.changeCard(id, name, func(c *cardRow) error { c.Draft = bytes.Clone(yaml); return nil })
	return &row, err
}

var errNoDraft error = &tracker.Error{Kind: tracker.KindNotFound, Code: "no_draft", Detail: "there is no draft of this card: PUT one first"}

var errNoVersion error = &tracker.Error{Kind: tracker.KindConflict, Code: "no_version", Detail: "there is no version before the one in force"}

// publish puts the draft in force as the next version.
func (r *registry) publish(ctx context.Context, id tracker.TenantID, name string, ranking bool) (tracker.Activation, error) {
	row, err := r.changeCard(id, name, func(c *cardRow) error {
		if c.Draft == nil {
			return errNoDraft
		}
		n := 1
		if len(c.Versions) > 0 {
			n = c.Versions[len(c.Versions)-1].Version + 1
		}
		c.Versions = append(c.Versions, cardVersion{Version: n, At: r.now(), YAML: c.Draft})
		c.Current = n
		return nil
	})
	if err != nil {
		return tracker.Activation{}, err
	}
	return r.activate(ctx, id, name, &row, ranking)
}

// rollback puts the version before the one in force in force again.
func (r *registry) rollback(ctx context.Context, id tracker.TenantID, name string) (tracker.Activation, error) {
	row, err := r.changeCard(id, name, func(c *cardRow) error {
		i := slices.IndexFunc(c.Versions, func(v cardVersion) bool { return v.Version == c.Current })
		if i < 1 {
			return errNoVersion
		}
		c.Current = c.Versions[i-1].Version
		return nil
	})
	if err != nil {
		return tracker.Activation{}, err
	}
	return r.activate(ctx, id, name, &row, false)
}

// activate lets the log say that a version is in force from here on. What the
// card must read in the clear is arranged before: events that come in behind
// the record are stored so that it can read them.
func (r *registry) activate(ctx context.Context, id tracker.TenantID, name string, row *cardRow, ranking bool) (tracker.Activation, error) {
	v := row.version(row.Current)
	card, err := checkCard(name, v.YAML)
	if err != nil {
		return tracker.Activation{}, err
	}
	if t := r.tenant(id); t.Ranking == "" || t.Ranking == name {
		ranking = true
	}
	err = r.changeTenant(id, func(t *tenantRow) {
		clear := map[string]struct{}{}
		for _, f := range slices.Concat(t.Clear, card.Fields()) {
			clear[f] = struct{}{}
		}
		t.Clear = slices.Sorted(maps.Keys(clear))
		if ranking {
			t.Ranking = name
		}
	})
	if err != nil {
		return tracker.Activation{}, err
	}
	a := tracker.Activation{Card: name, Version: v.Version, YAML: v.YAML, Ranking: ranking}
	rec := storage.Record{Tenant: id, Kind: storage.KindControl, Row: tracker.AppendActivation(nil, a)}
	if err := r.log.Append(ctx, 0, []storage.Record{rec}); err != nil { // the commit point of a publication
		return tracker.Activation{}, fmt.Errorf("publish: %w", err)
	}
	return a, nil
}
