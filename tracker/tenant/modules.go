package tenant

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// A tenant's own module is a card whose source is WebAssembly instead of YAML.
// It is large, so that a card's row names it by its hash; its bytes lie in a row
// of their own and, once it is in force, in the log.

// keep stores a module's bytes and returns what a card's row says in their place;
// YAML stays as it is. mu is held.
func (r *Registry) keep(id tracker.TenantID, source []byte) ([]byte, error) {
	kind := tracker.ModuleRef
	switch {
	case scorecard.IsModel(source):
		kind = tracker.ModelRef
	case !tracker.IsModule(source):
		return bytes.Clone(source), nil
	}
	sum := sha256.Sum256(source)
	err := r.meta.Update(func(tx *storage.Tx) error { return tx.Set(id, storage.SpaceModule, sum[:], source) })
	if err != nil {
		return nil, fmt.Errorf("save module: %w", err)
	}
	return []byte(kind + hex.EncodeToString(sum[:])), nil
}

// source returns the bytes that a card's row stands for.
func (r *Registry) source(id tracker.TenantID, stored []byte) (b []byte, err error) {
	name, ok := tracker.Ref(stored)
	if !ok {
		return stored, nil
	}
	sum, err := hex.DecodeString(name)
	if err == nil {
		err = r.meta.View(func(tx *storage.Tx) error {
			v, err := tx.Get(id, storage.SpaceModule, sum)
			b = bytes.Clone(v)
			return err
		})
	}
	if err == nil && b == nil {
		err = fmt.Errorf("it is not in meta/")
	}
	if err != nil {
		return nil, fmt.Errorf("read module %s: %w", name, err)
	}
	return b, nil
}

// forget deletes the bytes of a module that was a draft and of which no card
// speaks any more. mu is held.
func (r *Registry) forget(id tracker.TenantID, stored []byte) error {
	name, ok := tracker.Ref(stored)
	if !ok {
		return nil
	}
	rows, err := r.cardRows(id)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.speaksOf(stored) {
			return nil
		}
	}
	if shadow, err := r.shadow(id); err != nil || shadow != nil && bytes.Equal(shadow.YAML, stored) {
		return err
	}
	sum, err := hex.DecodeString(name)
	if err == nil {
		err = r.meta.Update(func(tx *storage.Tx) error { return tx.Delete(id, storage.SpaceModule, sum) })
	}
	if err != nil {
		return fmt.Errorf("delete module %s: %w", name, err)
	}
	return nil
}

func (c *cardRow) speaksOf(stored []byte) bool {
	return bytes.Equal(c.Draft, stored) || c.Pending != nil && bytes.Equal(c.Pending.YAML, stored) ||
		slices.ContainsFunc(c.Versions, func(v versionRow) bool { return bytes.Equal(v.YAML, stored) })
}
