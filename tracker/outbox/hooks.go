package outbox

import (
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Webhooks lie in meta/ under storage.SpaceWebhook, by name, and whole in
// memory: looking one up takes no lock.

// hookRow is how a webhook is stored; its fields are only ever added.
type hookRow struct {
	URL         string                  `json:"url"`
	Concurrency int                     `json:"concurrency"`
	Created     int64                   `json:"created"`
	Secrets     []tracker.WebhookSecret `json:"secrets"` // needed in the clear: they sign
	Shape       string                  `json:"shape,omitempty"`
	Auth        string                  `json:"auth,omitempty"` // needed in the clear: it is sent
	From        string                  `json:"from,omitempty"`
}

// hookView is what is known at one moment. It is never changed.
type hookView struct {
	byName map[placeKey]*tracker.Webhook
	of     map[tracker.TenantID][]*tracker.Webhook // by name
}

const (
	hooksMost       = 20 // of a tenant
	concurrencyMost = 32
	concurrencyUsed = 4
)

// readHooks reads the view from meta/.
func (o *Outbox) readHooks() error {
	v := &hookView{byName: map[placeKey]*tracker.Webhook{}, of: map[tracker.TenantID][]*tracker.Webhook{}}
	err := o.meta.View(func(tx *storage.Tx) error {
		for _, t := range o.cfg.Tenants() {
			err := tx.Scan(t.ID, storage.SpaceWebhook, nil, nil, func(k, b []byte) error {
				var row hookRow
				if err := json.Unmarshal(b, &row); err != nil {
					return fmt.Errorf("decode webhook %s: %w", k, err)
				}
				h := &tracker.Webhook{Name: string(k), URL: row.URL, Concurrency: row.Concurrency, Created: row.Created, Secrets: row.Secrets, Shape: row.Shape, Auth: row.Auth, From: row.From}
				v.byName[placeKey{t.ID, h.Name}] = h
				v.of[t.ID] = append(v.of[t.ID], h)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read webhooks: %w", err)
	}
	o.hooks.Store(v)
	return nil
}

// hook returns a destination, nil if nobody declared it.
func (o *Outbox) hook(t tracker.TenantID, name string) *tracker.Webhook {
	if c, ok := o.cfg.Channels[name]; ok {
		return c.place(name)
	}
	return o.hooks.Load().byName[placeKey{t, name}]
}

func (o *Outbox) hooksOf(t tracker.TenantID) []*tracker.Webhook { return o.hooks.Load().of[t] }

// Webhooks returns a tenant's webhooks by name.
func (o *Outbox) Webhooks(t tracker.TenantID) []tracker.Webhook {
	out := []tracker.Webhook{}
	for _, h := range o.hooksOf(t) {
		out = append(out, *h)
	}
	return out
}

// Webhook returns one webhook.
func (o *Outbox) Webhook(t tracker.TenantID, name string) (tracker.Webhook, error) {
	h := o.hook(t, name)
	if h == nil {
		return tracker.Webhook{}, errNoHook
	}
	return *h, nil
}

var errNoHook error = &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_webhook", Detail: "the tenant has no webhook of this name: 'ripen webhook list' names them"}

func invalid(field, fix string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_" + field, Detail: field + ": " + fix}
}

// CreateWebhook declares a destination, with a secret of its own.
func (o *Outbox) CreateWebhook(t tracker.TenantID, h tracker.Webhook) (tracker.Webhook, error) {
	o.changing.Lock()
	defer o.changing.Unlock()
	h.Concurrency = cmp.Or(h.Concurrency, concurrencyUsed)
	switch {
	case !isName(h.Name):
		return h, invalid("name", "need 1 to 64 letters, digits, '-' and '_', as a card's handoff names it")
	case o.hook(t, h.Name) != nil:
		return h, &tracker.Error{Kind: tracker.KindConflict, Code: "webhook_exists", Detail: "the tenant has a webhook of this name"}
	case len(o.hooksOf(t)) >= hooksMost:
		return h, invalid("name", fmt.Sprintf("a tenant has at most %d webhooks: delete one", hooksMost))
	case h.Concurrency < 1 || h.Concurrency > concurrencyMost:
		return h, invalid("concurrency", fmt.Sprintf("need 1 to %d requests at a time", concurrencyMost))
	}
	if err := o.checkURL(h.URL); err != nil {
		return h, err
	}
	if err := checkShape(&h); err != nil {
		return h, err
	}
	h.Created = o.db.Now()
	h.Secrets = []tracker.WebhookSecret{{Secret: newSecret()}}
	return h, o.saveHook(t, &h)
}

func isName(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c < 0x80
	})
}

// checkURL refuses what could never be sent to. Where a name leads is looked at
// when it is dialled.
func (o *Outbox) checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || len(s) > 2000 || u.Fragment != "" || strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return invalid("url", "need an address like https://crm.example.org/ripen")
	case u.User != nil:
		return invalid("url", "a password does not belong into it: the signature says who sends")
	case u.Scheme == "https", u.Scheme == "http" && len(o.cfg.Allow) > 0:
		return nil
	}
	return invalid("url", "need https://; plain http:// goes only to addresses that the server's --webhook-allow names")
}

// newSecret makes a secret in the form of Standard Webhooks.
func newSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	return "whsec_" + base64.StdEncoding.EncodeToString(b)
}

// RotateWebhook gives a webhook a new secret. What the former one signs goes on
// until a moment, a day from now if that is 0: each request then carries both
// signatures.
func (o *Outbox) RotateWebhook(t tracker.TenantID, name string, oldUntil int64) (tracker.Webhook, error) {
	o.changing.Lock()
	defer o.changing.Unlock()
	old := o.hook(t, name)
	if old == nil {
		return tracker.Webhook{}, errNoHook
	}
	now := o.db.Now()
	oldUntil = cmp.Or(oldUntil, now+(24*time.Hour).Milliseconds())
	h := *old
	h.Secrets = []tracker.WebhookSecret{{Secret: newSecret()}}
	for _, s := range old.Secrets {
		if s.Until = min(cmp.Or(s.Until, oldUntil), oldUntil); s.Until > now && len(h.Secrets) < 4 {
			h.Secrets = append(h.Secrets, s)
		}
	}
	return h, o.saveHook(t, &h)
}

func (o *Outbox) saveHook(t tracker.TenantID, h *tracker.Webhook) error {
	b, err := json.Marshal(hookRow{URL: h.URL, Concurrency: h.Concurrency, Created: h.Created, Secrets: h.Secrets, Shape: h.Shape, Auth: h.Auth, From: h.From})
	if err != nil {
		return err
	}
	return o.changeHooks(func(tx *storage.Tx) error { return tx.Set(t, storage.SpaceWebhook, []byte(h.Name), b) }, func(v *hookView) {
		v.byName[placeKey{t, h.Name}] = h
		v.of[t] = slices.DeleteFunc(slices.Clone(v.of[t]), func(o *tracker.Webhook) bool { return o.Name == h.Name })
		v.of[t] = append(v.of[t], h)
		slices.SortFunc(v.of[t], func(a, b *tracker.Webhook) int { return strings.Compare(a.Name, b.Name) })
	})
}

// changeHooks writes a change and puts a new view in place. changing is held.
func (o *Outbox) changeHooks(write func(tx *storage.Tx) error, change func(v *hookView)) error {
	if err := o.meta.Update(write); err != nil {
		return fmt.Errorf("save webhook: %w", err)
	}
	old := o.hooks.Load()
	v := &hookView{byName: maps.Clone(old.byName), of: maps.Clone(old.of)}
	change(v)
	o.hooks.Store(v)
	o.Wake()
	return nil
}

// DeleteWebhook takes a destination away. What waits for it is parked.
func (o *Outbox) DeleteWebhook(t tracker.TenantID, name string) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if o.hook(t, name) == nil {
		return errNoHook
	}
	err := o.changeHooks(func(tx *storage.Tx) error { return tx.Delete(t, storage.SpaceWebhook, []byte(name)) }, func(v *hookView) {
		delete(v.byName, placeKey{t, name})
		v.of[t] = slices.DeleteFunc(slices.Clone(v.of[t]), func(o *tracker.Webhook) bool { return o.Name == name })
	})
	for left := true; left && err == nil; {
		left, err = o.parkSome(t, name)
	}
	return err
}

// parkSome parks what waits for a destination that is gone, some at a time.
func (o *Outbox) parkSome(t tracker.TenantID, name string) (left bool, err error) {
	const most = 200
	err = o.Update(func(tx *storage.Tx) error {
		r, at := rows{tx, t}, placeOf(name)
		var ids []ID
		err := r.scan(append([]byte{rowQueue}, at[:]...), nil, func(_, v []byte) error {
			if ids = append(ids, ID(v)); len(ids) == most {
				return storage.ErrStop
			}
			return nil
		})
		left = len(ids) == most
		for _, id := range ids {
			if err != nil {
				return err
			}
			var row *intentRow
			if row, err = r.intent(id); err == nil {
				row.State, row.Why = tracker.IntentParked, noDestination(name)
				err = r.leave(id, row, o.db.Now())
			}
		}
		return err
	})
	return left, err
}
