package tenant

import (
	"context"

	"ripen/tracker"
)

// Quarantine gives up a version whose module failed too often and says why. If
// the version is in force, the last good one before it is put in force by a
// record in the log, as a rollback would; if there is none, the error has code
// no_version and the version stays, for the leads to keep their last good scores.
// A version that is quarantined already, or is no longer in force, stays as it is.
func (r *Registry) Quarantine(ctx context.Context, id tracker.TenantID, name string, version int, why string) (tracker.Activation, error) {
	inForce, err := r.mark(id, name, version, why)
	if err != nil || !inForce {
		return tracker.Activation{}, err
	}
	return r.activate(ctx, id, name, func(c *cardRow) (*pendingRow, error) {
		if c.Current != version {
			return nil, errSuperseded
		}
		return c.before(askQuarantine)
	})
}

var errSuperseded error = &tracker.Error{Kind: tracker.KindConflict, Code: "superseded", Detail: "another version was put in force meanwhile"}

// mark writes down that a version is quarantined and says whether it is in force.
func (r *Registry) mark(id tracker.TenantID, name string, version int, why string) (inForce bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row, err := r.card(id, name)
	if err != nil {
		return false, err
	}
	v := row.version(version)
	if v == nil {
		return false, nil // its activation is still pending: it will be given up again
	}
	if v.Quarantined == 0 {
		v.Quarantined, v.Why = r.clock(), why
		if err := r.saveCard(id, name, &row, nil); err != nil {
			return false, err
		}
	}
	return row.Current == version, nil
}
