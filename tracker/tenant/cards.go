package tenant

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
	"ripen/wasm/compile"
	"ripen/wasm/host"
	"ripen/wasm/scorecard"
	"ripen/wasm/scorecard/offer"
)

// cardRow is one scorecard of a tenant, as it is stored.
type cardRow struct {
	Draft    []byte       `json:"draft,omitempty"`
	Current  int          `json:"current"`         // version in force; 0 = none yet
	Since    int64        `json:"since,omitempty"` // unix ms, when it came into force; 0 = when it was published
	Versions []versionRow `json:"versions,omitempty"`
	Pending  *pendingRow  `json:"pending,omitempty"`
}

type versionRow struct {
	Version int    `json:"version"`
	At      int64  `json:"at"` // unix ms
	YAML    []byte `json:"yaml"`
	Before  int    `json:"before,omitempty"` // the version it took the place of; 0 = none, or written before this was

	Quarantined int64  `json:"quarantined,omitempty"` // unix ms; 0 = it is not
	Why         string `json:"why,omitempty"`         // it was
}

// pendingRow is an activation on its way into the log. It stands in the row
// from before the record is written until after, so that whoever finds one
// finds out what became of it: see [Registry.settle].
type pendingRow struct {
	Version int    `json:"version"`
	At      int64  `json:"at"` // unix ms
	YAML    []byte `json:"yaml"`
	Ranking bool   `json:"ranking,omitempty"`
	After   uint64 `json:"after"`           // the record is behind this one, if it is there
	ID      []byte `json:"id,omitempty"`    // the record's id in the log: written again, it is a duplicate
	Asked   string `json:"asked,omitempty"` // what was asked for: publish or rollback
	Want    bool   `json:"want,omitempty"`  // whether it was asked to be the ranking
}

func (p *pendingRow) activation(card string) tracker.Activation {
	return tracker.Activation{Card: card, Version: p.Version, YAML: p.YAML, Ranking: p.Ranking}
}

// answers says that p is what a request for next asks for, sent again by
// someone who was not told what became of it.
func (p *pendingRow) answers(next *pendingRow) bool {
	return p.Asked == next.Asked && p.Want == next.Want && (p.Asked != askPublish || bytes.Equal(p.YAML, next.YAML))
}

const (
	askPublish    = "publish"
	askRollback   = "rollback"
	askQuarantine = "quarantine"
)

func (c *cardRow) version(n int) *versionRow {
	i := slices.IndexFunc(c.Versions, func(v versionRow) bool { return v.Version == n })
	if i < 0 {
		return nil
	}
	return &c.Versions[i]
}

// apply makes what is pending the version in force.
func (c *cardRow) apply() {
	p := c.Pending
	if c.version(p.Version) == nil {
		c.Versions = append(c.Versions, versionRow{Version: p.Version, At: p.At, YAML: p.YAML, Before: c.Current})
	}
	c.Current, c.Since, c.Pending = p.Version, p.At, nil
}

// public shows a row to the rest of the house.
func (c *cardRow) public(name string) tracker.Card {
	out := tracker.Card{Name: name, Draft: c.Draft, Current: c.Current, Since: c.Since}
	for _, v := range c.Versions {
		if v.Version == c.Current {
			out.Since = cmp.Or(out.Since, v.At)
		}
		out.Versions = append(out.Versions, tracker.CardVersion{Version: v.Version, At: v.At, YAML: v.YAML, Quarantined: v.Quarantined, Why: v.Why})
	}
	return out
}

// check parses what is to come into force under a name, a card, the topic map or the offer table, as
// publishing it would. It returns the fields that must be stored in the clear from
// then on, and the version that the file was made from; 0 = it says none.
func check(name string, source []byte) (fields []string, base int, err error) {
	if name == tracker.TopicMap {
		topics, err := scorecard.ParseTopics("topics.yaml", source)
		if err != nil {
			return nil, 0, &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_topics", Detail: err.Error()}
		}
		return topics.Fields(), 0, nil
	}
	if name == tracker.OfferTable {
		if _, err := offer.Parse("offers.yaml", source); err != nil {
			return nil, 0, &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_offers", Detail: err.Error()}
		}
		return nil, 0, nil
	}
	card, err := checkCard(name, source)
	if err != nil {
		return nil, 0, err
	}
	return card.Fields(), card.Version, nil
}

// checkCard parses and compiles a card, as publishing it would. A module was
// admitted by the host before, or is when it is loaded.
func checkCard(name string, source []byte) (*scorecard.Card, error) {
	refuse := func(why string) error {
		return &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_scorecard", Detail: why}
	}
	var card *scorecard.Card
	var err error
	if tracker.IsModule(source) {
		card, err = host.CardOf(source)
	} else {
		card, err = scorecard.Parse(name+".yaml", source)
	}
	if err != nil {
		return nil, refuse(err.Error())
	}
	if card.Name != name {
		return nil, refuse(fmt.Sprintf("scorecard: the card calls itself %s, the path %s", card.Name, name))
	}
	if tracker.IsModule(source) {
		return card, nil
	}
	module, err := compile.Module(card)
	if err == nil {
		_, err = host.Check(module)
	}
	if err != nil {
		return nil, refuse(err.Error())
	}
	return card, nil
}

// cardRows reads a tenant's cards.
func (r *Registry) cardRows(id tracker.TenantID) (map[string]*cardRow, error) {
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

// Cards returns a tenant's cards by name.
func (r *Registry) Cards(id tracker.TenantID) ([]tracker.Card, error) {
	all, err := r.cardRows(id)
	if err != nil {
		return nil, err
	}
	out := make([]tracker.Card, 0, len(all))
	delete(all, tracker.TopicMap)
	delete(all, tracker.OfferTable)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name].public(name))
	}
	return out, nil
}

// card reads one card; an empty row if there is none.
func (r *Registry) card(id tracker.TenantID, name string) (row cardRow, err error) {
	err = r.meta.View(func(tx *storage.Tx) error {
		b, err := tx.Get(id, storage.SpaceCard, []byte(name))
		if err != nil || b == nil {
			return err
		}
		return json.Unmarshal(b, &row)
	})
	if err != nil {
		return row, fmt.Errorf("read scorecard: %w", err)
	}
	return row, nil
}

// saveCard writes a card, and its tenant's row if that changes, as one. mu is
// held.
func (r *Registry) saveCard(id tracker.TenantID, name string, row *cardRow, change func(*tenantRow)) error {
	err := r.meta.Update(func(tx *storage.Tx) error {
		if change != nil {
			if err := rewriteTenant(tx, id, change); err != nil {
				return err
			}
		}
		return put(tx, id, storage.SpaceCard, []byte(name), row)
	})
	if err != nil {
		return fmt.Errorf("save scorecard: %w", err)
	}
	if change == nil {
		return nil
	}
	return r.reload()
}

// Draft keeps a card that is right, and puts nothing in force.
func (r *Registry) Draft(id tracker.TenantID, name string, source []byte) (tracker.Card, error) {
	if err := checkName("scorecard", name); err != nil {
		return tracker.Card{}, err
	}
	_, base, err := check(name, source)
	if err != nil {
		return tracker.Card{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	row, err := r.card(id, name)
	if err == nil {
		err = row.stale(base)
	}
	var stored []byte
	if err == nil {
		stored, err = r.keep(id, source)
	}
	if err == nil {
		old := row.Draft
		row.Draft = stored
		if err = r.saveCard(id, name, &row, nil); err == nil {
			err = r.forget(id, old)
		}
	}
	return row.public(name), err
}

// stale says that a file was written from a version that has been followed by
// another since: whoever publishes it would undo that one unseen. A file that
// names no version is not checked.
func (c *cardRow) stale(base int) error {
	if n := len(c.Versions); base > 0 && n > 0 && base < c.Versions[n-1].Version {
		return &tracker.Error{Kind: tracker.KindConflict, Code: "stale_version", Detail: fmt.Sprintf(
			"version: the file says %d, the latest is %d: take over what changed and write version: %d", base, c.Versions[n-1].Version, c.Versions[n-1].Version)}
	}
	return nil
}

var errNoDraft error = &tracker.Error{Kind: tracker.KindNotFound, Code: "no_draft", Detail: "there is no draft of this card: PUT one first"}

var errOtherDraft error = &tracker.Error{Kind: tracker.KindConflict, Code: "other_draft", Detail: "draft_id: somebody has put another draft in its place since: PUT yours again, and simulate what is there"}

var errUnknownCard error = &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_scorecard", Detail: "the tenant has no card of this name"}

var errNoVersion error = &tracker.Error{Kind: tracker.KindConflict, Code: "no_version", Detail: "there is no version before the one in force"}

// Candidate returns what would be put in force: the draft, as the version that
// publishing would make of it, or with a version that one.
func (r *Registry) Candidate(id tracker.TenantID, name string, version int) (a tracker.Activation, err error) {
	row, err := r.card(id, name)
	if err != nil {
		return a, err
	}
	a = tracker.Activation{Card: name, Version: version}
	switch v := row.version(version); {
	case version == 0 && row.Draft == nil:
		return a, errNoDraft
	case version == 0:
		a.Version, a.YAML = row.next(), row.Draft
	case v == nil:
		return a, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_version", Detail: fmt.Sprintf("version: the card %s has no version %d", name, version)}
	default:
		a.YAML = v.YAML
	}
	if a.YAML, err = r.source(id, a.YAML); err == nil {
		err = r.fit(id, name, a.YAML)
	}
	return a, err
}

// next is the version that publishing the draft makes.
func (c *cardRow) next() int {
	if n := len(c.Versions); n > 0 {
		return c.Versions[n-1].Version + 1
	}
	return 1
}

// Publish puts the draft in force as the next version; as the tenant's ranking
// if it says so, or if the tenant has none.
func (r *Registry) Publish(ctx context.Context, id tracker.TenantID, name string, ranking bool) (tracker.Activation, error) {
	return r.PublishDraft(ctx, id, name, "", ranking)
}

// PublishDraft is Publish of the draft of this [tracker.DraftID], and of no other that
// somebody has put in its place since; empty = whichever is there.
func (r *Registry) PublishDraft(ctx context.Context, id tracker.TenantID, name, draft string, ranking bool) (tracker.Activation, error) {
	return r.activate(ctx, id, name, func(c *cardRow) (*pendingRow, error) {
		if c.Draft == nil {
			return nil, errNoDraft
		}
		if draft != "" && draft != tracker.DraftID(c.Draft) {
			return nil, errOtherDraft
		}
		return &pendingRow{Version: c.next(), YAML: c.Draft, Ranking: ranking, Want: ranking, Asked: askPublish}, nil
	})
}

// Rollback puts the version that the one in force took the place of in force again,
// leaving out those that are quarantined; so what was rolled back stays so.
func (r *Registry) Rollback(ctx context.Context, id tracker.TenantID, name string) (tracker.Activation, error) {
	return r.activate(ctx, id, name, func(c *cardRow) (*pendingRow, error) { return c.before(askRollback) })
}

// before asks for the last good version whose place led to the one in force: not one
// between them in number that was rolled back.
func (c *cardRow) before(asked string) (*pendingRow, error) {
	if c.Draft == nil && len(c.Versions) == 0 {
		return nil, errUnknownCard
	}
	for v := c.version(c.Current); v != nil; {
		if v = c.version(cmp.Or(v.Before, v.Version-1)); v != nil && v.Quarantined == 0 {
			return &pendingRow{Version: v.Version, YAML: v.YAML, Asked: asked}, nil
		}
	}
	return nil, errNoVersion
}

// activate lets the log say that a version is in force from here on, in three
// steps: meta/ says what is to come, and what the card reads is stored in the
// clear from then on; the log says it; meta/ repeats it. What goes wrong in
// between leaves a pending row: the next call completes it, [Open] looks for it
// in the log. A call that asks for the same again gets that one.
func (r *Registry) activate(ctx context.Context, id tracker.TenantID, name string, choose func(*cardRow) (*pendingRow, error)) (tracker.Activation, error) {
	ctx = context.WithoutCancel(ctx) // a sender who leaves must not leave the outcome open
	r.mu.Lock()
	defer r.mu.Unlock()
	row, err := r.card(id, name)
	if err != nil {
		return tracker.Activation{}, err
	}
	if old := row.Pending; old != nil {
		next, refused := choose(&row) // before old changes what choose sees
		if err := r.complete(ctx, id, name, &row); err != nil {
			return tracker.Activation{}, err
		}
		if refused == nil && old.answers(next) {
			return old.activation(name), nil
		}
	}
	if row.Pending, err = choose(&row); err != nil {
		return tracker.Activation{}, err
	}
	if err := r.announce(ctx, id, name, &row); err != nil {
		return tracker.Activation{}, err
	}
	a := row.Pending.activation(name)
	return a, r.complete(ctx, id, name, &row)
}

// announce writes down in meta/ what is to be activated. mu is held.
func (r *Registry) announce(ctx context.Context, id tracker.TenantID, name string, row *cardRow) error {
	p, t := row.Pending, r.Tenant(id)
	source, err := r.source(id, p.YAML)
	if err != nil {
		return err
	}
	fields, _, err := check(name, source)
	if err == nil {
		err = r.fit(id, name, source)
	}
	if err != nil {
		return err
	}
	if p.After, err = r.log.Last(ctx, 0); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	p.ID = append([]byte("\x00activation"), make([]byte, 16)...) // no message id begins with NUL
	rand.Read(p.ID[len(p.ID)-16:])                               // never fails
	if p.At = r.clock(); scoresAccounts(name, source) {
		if p.Ranking {
			return errAccountsRank
		}
	} else {
		p.Ranking = name != tracker.TopicMap && name != tracker.OfferTable && (p.Ranking || t.Ranking == "" || t.Ranking == name)
	}
	return r.saveCard(id, name, row, func(t *tenantRow) { t.widen(fields) })
}

// complete writes what is pending into the log, if it is not there yet, and
// repeats it in meta/. While the log is read-only nobody knows what became of a
// record whose commit failed, so the log is not asked: the record goes there
// again, and the log drops it if it has its id. mu is held.
func (r *Registry) complete(ctx context.Context, id tracker.TenantID, name string, row *cardRow) error {
	p := row.Pending
	a, err := p.activation(name), error(nil)
	if a.YAML, err = r.source(id, a.YAML); err != nil {
		return err
	}
	rec := storage.Record{Tenant: id, Kind: storage.KindControl, ID: p.ID, Row: tracker.AppendActivation(nil, a)}
	if err := r.log.Append(ctx, 0, []storage.Record{rec}); err != nil { // the commit point of a publication
		return &tracker.Error{
			Kind: tracker.KindBusy, Code: "storage", Err: err,
			Detail: "the log did not confirm this: ask for the same again in a moment, it is done once",
		}
	}
	if err = r.finish(id, name, row); err == nil {
		return nil
	}
	// The log has said it. If meta/ kept what it reports as failed, that is all;
	// if not, the row still says what is pending, and the next call completes it.
	if now, lost := r.card(id, name); lost != nil || now.Pending != nil {
		return err
	}
	return r.reload()
}

// finish repeats in meta/ what the log has said. mu is held.
func (r *Registry) finish(id tracker.TenantID, name string, row *cardRow) error {
	ranking := row.Pending.Ranking
	row.apply()
	var shadow []byte // of the same card: it has nothing to be compared with any more
	err := r.saveCard(id, name, row, func(t *tenantRow) {
		if ranking {
			t.Ranking = name
		}
		if t.Shadow != nil && t.Shadow.Card == name {
			shadow, t.Shadow = t.Shadow.YAML, nil
		}
	})
	if err != nil {
		return err
	}
	return r.forget(id, shadow)
}

// settle looks in the log for what became of a pending activation and writes it
// down. It says whether the activation is there. It is for a log that has just
// been opened: one whose commit failed since cannot say. mu is held.
func (r *Registry) settle(ctx context.Context, id tracker.TenantID, name string, row *cardRow) (done bool, err error) {
	p := row.Pending
	first, err := r.log.First(ctx, 0)
	if err == nil {
		err = r.log.Read(ctx, 0, max(first, p.After+1), func(recs []storage.Record) error {
			for i := range recs {
				if rec := &recs[i]; rec.Kind == storage.KindControl && rec.Tenant == id {
					c, err := tracker.DecodeControl(rec.Row)
					if err != nil {
						return err
					}
					done = done || c.Activation != nil && c.Activation.Card == name && c.Activation.Version == p.Version
				}
			}
			return nil
		})
	}
	if err != nil {
		return false, fmt.Errorf("look for a publication in the log: %w", err)
	}
	if done {
		return true, r.finish(id, name, row)
	}
	row.Pending = nil
	return false, r.saveCard(id, name, row, nil)
}

// settleAll resolves what a crash left pending.
func (r *Registry) settleAll(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, t := range r.Tenants() {
		rows, err := r.cardRows(t.ID)
		if err != nil {
			return err
		}
		for name, row := range rows {
			if row.Pending == nil {
				continue
			}
			if _, err := r.settle(ctx, t.ID, name, row); err != nil {
				return err
			}
		}
	}
	return nil
}
