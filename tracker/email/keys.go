package email

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// Keys are the keys of all tenants that sign addresses in mails. They lie in
// meta/ and, whole, in memory: looking one up takes no lock. A tenant gets its
// first with its first address.
type Keys struct {
	meta *storage.Table

	mu  sync.Mutex // held by changes
	now atomic.Pointer[keyView]
}

// keyView is what is known at one moment. It is never changed.
type keyView struct {
	ids     map[[keyIDLen]byte]*key
	current map[tracker.TenantID]*key // :: tenant → the key that signs
}

// key is one key, ready for use.
type key struct {
	id      [keyIDLen]byte
	tenant  tracker.TenantID
	created int64 // unix ms
	until   int64 // unix ms; 0 while it signs
	sign    []byte
	block   cipher.Block
}

// keyRow is what is stored; fields are only ever added.
type keyRow struct {
	Secret  []byte `json:"secret"` // 32 bytes
	Created int64  `json:"created"`
	Until   int64  `json:"until,omitempty"`
}

// OpenKeys reads the keys that lie in meta/.
func OpenKeys(meta *storage.Table, tenants []*tracker.Tenant) (*Keys, error) {
	k := &Keys{meta: meta}
	v := &keyView{ids: map[[keyIDLen]byte]*key{}, current: map[tracker.TenantID]*key{}}
	err := meta.View(func(tx *storage.Tx) error {
		for _, t := range tenants {
			err := tx.Scan(t.ID, storage.SpaceMailKey, nil, nil, func(id, value []byte) error { return v.read(t.ID, id, value) })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read mail keys: %w", err)
	}
	k.now.Store(v)
	return k, nil
}

func (v *keyView) read(t tracker.TenantID, id, value []byte) error {
	var row keyRow
	if err := json.Unmarshal(value, &row); err != nil {
		return err
	}
	if len(id) != keyIDLen || len(row.Secret) != 32 {
		return fmt.Errorf("mail key %x has %d bytes of secret, need 32: restore meta/ from a backup", id, len(row.Secret))
	}
	v.add(newKey(t, [keyIDLen]byte(id), row))
	return nil
}

func (v *keyView) add(k *key) {
	v.ids[k.id] = k
	if k.until == 0 {
		v.current[k.tenant] = k
	}
}

// newKey derives what a key works with.
func newKey(t tracker.TenantID, id [keyIDLen]byte, row keyRow) *key {
	derive := func(use string) []byte {
		b, err := hkdf.Expand(sha256.New, row.Secret, "ripen mail "+use, 32)
		if err != nil {
			panic("BUG: derive a mail key: " + err.Error())
		}
		return b
	}
	block, err := aes.NewCipher(derive("seal"))
	if err != nil {
		panic("BUG: a mail key's cipher: " + err.Error())
	}
	return &key{id: id, tenant: t, created: row.Created, until: row.Until, sign: derive("sign"), block: block}
}

// signer returns the key that signs a tenant's addresses, new if there is none.
func (k *Keys) signer(t tracker.TenantID, now int64) (*key, error) {
	if key := k.now.Load().current[t]; key != nil {
		return key, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key := k.now.Load().current[t]; key != nil {
		return key, nil
	}
	return k.rotate(t, now, now)
}

// Rotate gives a tenant a new key to sign with; what the old one signed stays
// good until the given moment, at the latest, and older keys as long as before.
func (k *Keys) Rotate(t tracker.TenantID, now, oldUntil int64) (tracker.MailKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, err := k.rotate(t, now, oldUntil)
	if err != nil {
		return tracker.MailKey{}, err
	}
	return key.public(), nil
}

// rotate is called with mu held. Keys that verify nothing any more go.
func (k *Keys) rotate(t tracker.TenantID, now, oldUntil int64) (*key, error) {
	old := k.now.Load()
	v := &keyView{ids: maps.Clone(old.ids), current: maps.Clone(old.current)}
	var id [keyIDLen]byte
	for used := true; used; _, used = v.ids[id] {
		rand.Read(id[:]) // never fails
	}
	row := keyRow{Secret: make([]byte, 32), Created: now}
	rand.Read(row.Secret) // never fails
	fresh := newKey(t, id, row)
	err := k.meta.Update(func(tx *storage.Tx) error {
		if err := setKey(tx, t, id, row); err != nil {
			return err
		}
		for _, o := range old.ids {
			if o.tenant != t {
				continue
			}
			if o.until != 0 && o.until <= now {
				delete(v.ids, o.id)
				if err := tx.Delete(t, storage.SpaceMailKey, o.id[:]); err != nil {
					return err
				}
			}
			if o.until == 0 {
				if err := v.retire(tx, o, max(oldUntil, now)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("rotate mail keys: %w", err)
	}
	v.add(fresh)
	k.now.Store(v)
	return fresh, nil
}

// retire ends a key's signing.
func (v *keyView) retire(tx *storage.Tx, o *key, until int64) error {
	b, err := tx.Get(o.tenant, storage.SpaceMailKey, o.id[:])
	if err != nil {
		return err
	}
	var row keyRow
	if err := json.Unmarshal(b, &row); err != nil {
		return err
	}
	row.Until = until
	v.ids[o.id] = newKey(o.tenant, o.id, row)
	return setKey(tx, o.tenant, o.id, row)
}

func setKey(tx *storage.Tx, t tracker.TenantID, id [keyIDLen]byte, row keyRow) error {
	b, err := json.Marshal(row)
	if err != nil {
		return err
	}
	return tx.Set(t, storage.SpaceMailKey, id[:], b)
}

func (k *key) public() tracker.MailKey {
	return tracker.MailKey{ID: hex.EncodeToString(k.id[:]), Created: k.created, Until: k.until}
}

// List returns a tenant's keys, the newest first.
func (k *Keys) List(t tracker.TenantID) []tracker.MailKey {
	var out []tracker.MailKey
	for _, key := range k.now.Load().ids {
		if key.tenant == t {
			out = append(out, key.public())
		}
	}
	slices.SortFunc(out, func(a, b tracker.MailKey) int {
		if (a.Until == 0) != (b.Until == 0) {
			return map[bool]int{true: -1, false: 1}[a.Until == 0]
		}
		return int(b.Created - a.Created)
	})
	return out
}

// Used tokens are kept by the hour in which they were signed, a day longer than
// any report is taken.
const (
	tokenHour = int64(time.Hour / time.Millisecond)
	keepToken = int64((maxWindow + 24*time.Hour) / time.Millisecond)
	mostGone  = 1000 // forgotten at a time
)

// spend notes that a webhook's token, signed at some moment, was used for a
// report; the same token with another report is refused, over restarts too.
func (k *Keys) spend(t tracker.TenantID, token, report [32]byte, signed, now int64) (fresh bool, err error) {
	row := binary.BigEndian.AppendUint64(nil, uint64(signed/tokenHour))
	row = append(row, token[:16]...)
	k.mu.Lock()
	defer k.mu.Unlock()
	var used []byte
	err = k.meta.View(func(tx *storage.Tx) (err error) {
		used, err = tx.Get(t, storage.SpaceMailToken, row)
		return err
	})
	if err != nil || used != nil {
		return string(used) == string(report[:16]), err
	}
	err = k.meta.Update(func(tx *storage.Tx) error {
		if err := forgetTokens(tx, t, now-keepToken); err != nil {
			return err
		}
		return tx.Set(t, storage.SpaceMailToken, row, report[:16])
	})
	return err == nil, err
}

// forgetTokens deletes tokens that were signed before a moment.
func forgetTokens(tx *storage.Tx, t tracker.TenantID, before int64) error {
	var gone [][]byte
	end := binary.BigEndian.AppendUint64(nil, uint64(max(before, 0)/tokenHour))
	err := tx.Scan(t, storage.SpaceMailToken, nil, end, func(row, _ []byte) error {
		gone = append(gone, slices.Clone(row))
		if len(gone) == mostGone {
			return storage.ErrStop
		}
		return nil
	})
	for _, row := range gone {
		if err == nil {
			err = tx.Delete(t, storage.SpaceMailToken, row)
		}
	}
	return err
}
