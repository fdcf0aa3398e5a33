// Package tenant is the registry: who the tenants of the machine are, their
// sources, keys and scorecards.
//
// It promises that lookups take no lock, that a secret key is never stored (its
// SHA-256 is), and that the version of a card that it calls current is the one
// that the log says is in force, whenever the process was killed.
//
// It stores, all in meta/: tenants under storage.SpaceTenant and sources under
// storage.SpaceSource, both of the zero tenant, and each tenant's cards under
// storage.SpaceCard of its own. A card comes into force by a control record in
// the log: that is the truth, meta/ repeats it.
//
// It does not ask who may change what: the stages that answer requests do, with
// [tracker.Caller], before they call.
package tenant

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Registry knows the tenants of the machine, their sources, keys and cards. It
// lies in meta/ and, whole, in memory: lookups take no lock. A change writes
// meta/ first (synced) and then puts a new view in place; the old one stays
// valid for whoever holds it.
//
// A secret key is stored as its SHA-256 only; it has 160 random bits, so
// nothing slower is needed.
type Registry struct {
	meta  *storage.Table
	log   storage.Log
	clock func() int64

	mu  sync.Mutex // held by changes
	now atomic.Pointer[view]

	offers sync.Map // :: tenant → offersRead
}

// view is what the registry knows at one moment. It is never changed.
type view struct {
	tenants map[tracker.TenantID]*tracker.Tenant // :: id → tenant
	names   map[string]*tracker.Tenant           // :: name → tenant
	writers map[string]*tracker.Source           // :: write key → source
	secrets map[[32]byte]tracker.TenantID        // :: SHA-256 of a secret key → whose it is
	sources map[tracker.TenantID][]*tracker.Source
	nextID  uint32 // of sources

	shadowed []*tracker.Tenant // that have a shadow
}

// tenantRow and sourceRow are what is stored; fields are only ever added.
type tenantRow struct {
	Name     string              `json:"name"`
	Created  int64               `json:"created"`
	Identity tracker.IdentityKey `json:"identity"`
	Ranking  string              `json:"ranking,omitempty"`
	Clear    []string            `json:"clear,omitempty"`
	Secret   []byte              `json:"secret"` // SHA-256 of the secret key
	Shadow   *shadowRow          `json:"shadow,omitempty"`
}

type sourceRow struct {
	Tenant   tracker.TenantID `json:"tenant"`
	Name     string           `json:"name"`
	WriteKey string           `json:"write_key"`
	Origins  []string         `json:"origins,omitempty"`
	FastAck  bool             `json:"fast_ack,omitempty"`
	Server   bool             `json:"server,omitempty"`
	KeepIP   bool             `json:"keep_ip,omitempty"`
	Others   bool             `json:"off_origin,omitempty"`
	MaxBody  int              `json:"max_body,omitempty"`
	Rate     int              `json:"rate,omitempty"`
	Disabled bool             `json:"disabled,omitempty"`

	Kind    string        `json:"kind,omitempty"`
	Secrets []string      `json:"secrets,omitempty"` // needed in the clear: webhooks are verified with them
	Topic   string        `json:"topic,omitempty"`
	Window  time.Duration `json:"window,omitempty"`
	Settle  time.Duration `json:"settle,omitempty"`

	Retention int64 `json:"retention,omitempty"` // seconds

	Identity []string `json:"identity_keys,omitempty"` // newest first
}

var machine storage.Tenant // the rows of the machine itself

// Open reads the registry that lies in meta/. Log is where cards come into
// force; now is its clock in unix milliseconds.
func Open(meta *storage.Table, log storage.Log, now func() int64) (*Registry, error) {
	r := &Registry{meta: meta, log: log, clock: now}
	if err := r.reload(); err != nil {
		return nil, err
	}
	return r, r.settleAll(context.Background())
}

// reload reads the view from meta/.
func (r *Registry) reload() error {
	v := &view{
		tenants: map[tracker.TenantID]*tracker.Tenant{}, names: map[string]*tracker.Tenant{},
		writers: map[string]*tracker.Source{}, secrets: map[[32]byte]tracker.TenantID{},
		sources: map[tracker.TenantID][]*tracker.Source{}, nextID: 1,
	}
	err := r.meta.View(func(tx *storage.Tx) error {
		if err := tx.Scan(machine, storage.SpaceTenant, nil, nil, v.readTenant); err != nil {
			return err
		}
		return tx.Scan(machine, storage.SpaceSource, nil, nil, v.readSource)
	})
	if err != nil {
		return fmt.Errorf("read tenants: %w", err)
	}
	r.now.Store(v)
	return nil
}

func (v *view) readTenant(key, value []byte) error {
	var row tenantRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	t := &tracker.Tenant{Name: row.Name, Created: row.Created, Identity: row.Identity, Ranking: row.Ranking, Clear: map[string]struct{}{}}
	copy(t.ID[:], key)
	for _, name := range row.Clear {
		t.Clear[name] = struct{}{}
	}
	v.tenants[t.ID], v.names[t.Name] = t, t
	if row.Shadow != nil {
		t.Shadow = &tracker.Shadow{Card: row.Shadow.Card, Version: row.Shadow.Version, At: row.Shadow.At}
		v.shadowed = append(v.shadowed, t)
	}
	if len(row.Secret) != sha256.Size {
		return fmt.Errorf("tenant %q: its secret's hash has %d bytes, need %d: restore meta/ from a backup", row.Name, len(row.Secret), sha256.Size)
	}
	v.secrets[[sha256.Size]byte(row.Secret)] = t.ID
	return nil
}

func (v *view) readSource(key, value []byte) error {
	var row sourceRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	s := &tracker.Source{
		ID: binary.BigEndian.Uint32(key), Tenant: v.tenants[row.Tenant], Name: row.Name, WriteKey: row.WriteKey, Origins: row.Origins,
		Others: row.Others, FastAck: row.FastAck, Server: row.Server, KeepIP: row.KeepIP, MaxBody: row.MaxBody, Rate: row.Rate, Disabled: row.Disabled,
		Kind: row.Kind, Secrets: row.Secrets, Topic: row.Topic, Window: row.Window, Settle: row.Settle,
		IdentityKeys: row.Identity, Retention: time.Duration(row.Retention) * time.Second,
	}
	if s.Tenant == nil {
		return fmt.Errorf("source %d belongs to no tenant", s.ID)
	}
	v.writers[s.WriteKey] = s
	v.sources[row.Tenant] = append(v.sources[row.Tenant], s)
	v.nextID = max(v.nextID, s.ID+1)
	return nil
}

// Lookup returns the source of a write key, or nil.
func (r *Registry) Lookup(writeKey string) *tracker.Source { return r.now.Load().writers[writeKey] }

// Caller returns whose secret key this is.
func (r *Registry) Caller(secret string) (tracker.Caller, bool) {
	id, ok := r.now.Load().secrets[sha256.Sum256([]byte(secret))]
	return tracker.Caller{Tenant: id, Role: tracker.SecretRole, Key: "secret"}, ok
}

// Tenant returns a tenant by its id, or nil.
func (r *Registry) Tenant(id tracker.TenantID) *tracker.Tenant { return r.now.Load().tenants[id] }

// Tenants returns all tenants by name.
func (r *Registry) Tenants() []*tracker.Tenant {
	return slices.SortedFunc(maps.Values(r.now.Load().names), func(a, b *tracker.Tenant) int { return strings.Compare(a.Name, b.Name) })
}

// Named returns the tenant of this name; without a name, the only one.
func (r *Registry) Named(name string) (*tracker.Tenant, error) {
	v := r.now.Load()
	switch t := v.names[name]; {
	case t != nil:
		return t, nil
	case name != "":
		return nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_tenant", Detail: "no tenant has this name: 'ripen tenant list' names them"}
	case len(v.names) == 1:
		return r.Tenants()[0], nil
	case len(v.names) == 0:
		return nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_tenant", Detail: "there is no tenant yet: 'ripen tenant create NAME' makes one"}
	}
	return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "unknown_tenant", Detail: "there are several tenants: name one with --tenant or the header Ripen-Tenant"}
}

// Sources returns a tenant's sources in the order of their making.
func (r *Registry) Sources(id tracker.TenantID) []*tracker.Source {
	return r.now.Load().sources[id]
}

// FirstSource is the source of events sent with a secret key alone.
func (r *Registry) FirstSource(id tracker.TenantID) *tracker.Source {
	if list := r.Sources(id); len(list) > 0 {
		return list[0]
	}
	return nil
}

// checkName refuses names that would be trouble in a path or on a terminal.
func checkName(field, name string) error {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == '/' || c == 0x7f }) || strings.TrimSpace(name) != name {
		return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_name", Detail: field + ": need 1 to 64 bytes without '/', control characters and spaces at the ends"}
	}
	return nil
}

// Create makes a tenant with a first source called default. Empty keys are
// minted.
func (r *Registry) Create(name, writeKey, secret string) (*tracker.Tenant, *tracker.Source, string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := checkName("name", name); err != nil {
		return nil, nil, "", err
	}
	v := r.now.Load()
	if v.names[name] != nil {
		return nil, nil, "", &tracker.Error{Kind: tracker.KindConflict, Code: "tenant_exists", Detail: "a tenant of this name exists"}
	}
	if writeKey == "" {
		writeKey = "wk_" + randomHex(20)
	}
	if secret == "" {
		secret = "sk_" + randomHex(20)
	}
	var id tracker.TenantID
	rand.Read(id[:]) // never fails
	hash := sha256.Sum256([]byte(secret))
	row := tenantRow{Name: name, Created: r.clock(), Secret: hash[:]}
	rand.Read(row.Identity[:]) // never fails
	err := r.meta.Update(func(tx *storage.Tx) error {
		if err := put(tx, machine, storage.SpaceTenant, id[:], row); err != nil {
			return err
		}
		return put(tx, machine, storage.SpaceSource, sourceKey(v.nextID), sourceRow{Tenant: id, Name: "default", WriteKey: writeKey})
	})
	if err == nil {
		err = r.reload()
	}
	if err != nil {
		return nil, nil, "", fmt.Errorf("create tenant: %w", err)
	}
	return r.Tenant(id), r.FirstSource(id), secret, nil
}

// Rotate gives a tenant a new secret key; the old one stops working.
func (r *Registry) Rotate(id tracker.TenantID) (string, error) {
	secret := "sk_" + randomHex(20)
	hash := sha256.Sum256([]byte(secret))
	return secret, r.changeTenant(id, func(row *tenantRow) { row.Secret = hash[:] })
}

// changeTenant rewrites a tenant's row.
func (r *Registry) changeTenant(id tracker.TenantID, change func(*tenantRow)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.meta.Update(func(tx *storage.Tx) error { return rewriteTenant(tx, id, change) }); err != nil {
		return fmt.Errorf("change tenant: %w", err)
	}
	return r.reload()
}

// rewriteTenant reads, changes and writes a tenant's row in a transaction.
func rewriteTenant(tx *storage.Tx, id tracker.TenantID, change func(*tenantRow)) error {
	b, err := tx.Get(machine, storage.SpaceTenant, id[:])
	if err != nil {
		return err
	}
	var row tenantRow
	if err := json.Unmarshal(b, &row); err != nil {
		return err
	}
	change(&row)
	return put(tx, machine, storage.SpaceTenant, id[:], row)
}

// widen adds to the properties that are stored in the clear.
func (t *tenantRow) widen(fields []string) {
	clear := map[string]struct{}{}
	for _, f := range slices.Concat(t.Clear, fields) {
		clear[f] = struct{}{}
	}
	t.Clear = slices.Sorted(maps.Keys(clear))
}

// Source returns a tenant's source by name.
func (r *Registry) Source(id tracker.TenantID, name string) (*tracker.Source, error) {
	for _, s := range r.Sources(id) {
		if s.Name == name {
			return s, nil
		}
	}
	return nil, &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_source", Detail: "the tenant has no source of this name: 'ripen source list' names them"}
}

// SaveSource stores a source: a new one if it has no id yet.
func (r *Registry) SaveSource(s tracker.Source) (*tracker.Source, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := checkName("name", s.Name); err != nil {
		return nil, err
	}
	if s.MaxBody != 0 && (s.MaxBody < tracker.MaxEvent || s.MaxBody > 20<<20) {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_body_limit", Detail: "body-limit: need 32KB to 20MB"}
	}
	if s.Rate < 0 || s.Rate > maxRate {
		return nil, &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_rate", Detail: "rate: need 0 (no limit) to 1000000 requests a second"}
	}
	if s.ID == 0 {
		if _, err := r.Source(s.Tenant.ID, s.Name); err == nil {
			return nil, &tracker.Error{Kind: tracker.KindConflict, Code: "source_exists", Detail: "the tenant has a source of this name"}
		}
		s.ID, s.WriteKey = r.now.Load().nextID, "wk_"+randomHex(20)
	}
	row := sourceRow{
		Tenant: s.Tenant.ID, Name: s.Name, WriteKey: s.WriteKey, Origins: s.Origins, FastAck: s.FastAck,
		Others: s.Others, Server: s.Server, KeepIP: s.KeepIP, MaxBody: s.MaxBody, Rate: s.Rate, Disabled: s.Disabled, Identity: s.IdentityKeys,
		Kind: s.Kind, Secrets: s.Secrets, Topic: s.Topic, Window: s.Window, Settle: s.Settle, Retention: int64(s.Retention.Seconds()),
	}
	err := r.meta.Update(func(tx *storage.Tx) error { return put(tx, machine, storage.SpaceSource, sourceKey(s.ID), row) })
	if err == nil {
		err = r.reload()
	}
	if err != nil {
		return nil, fmt.Errorf("save source: %w", err)
	}
	return r.Lookup(s.WriteKey), nil
}

func randomHex(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// maxRate bounds a source's rate, so that the time between two of its requests
// is a whole number of microseconds.
const maxRate = 1_000_000

func sourceKey(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }

// put stores a row as JSON.
func put(tx *storage.Tx, t storage.Tenant, space byte, key []byte, row any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(row); err != nil {
		return err
	}
	return tx.Set(t, space, key, b.Bytes())
}
