package tracker

import (
	"errors"
	"fmt"
)

// Role is what a key may do.
type Role byte

// The roles. A write key is public and may only send events; a secret key acts
// for its tenant; the admin key runs the machine.
const (
	NoRole Role = iota
	WriteRole
	SecretRole
	AdminRole
)

// Caller is who asks. Every stage that touches a tenant's data takes one and
// asks it first.
type Caller struct {
	Tenant TenantID
	Role   Role
	Key    string // public name of the key, for the audit line; never the key
}

// May returns nil when the caller may act on the tenant with at least the
// given role.
func (c Caller) May(need Role, tenant TenantID) error {
	if c.Role == AdminRole {
		return nil
	}
	if c.Role < need || c.Tenant != tenant {
		return fmt.Errorf("%w: key %q", ErrForbidden, c.Key)
	}
	return nil
}

// Kind classifies an error for the one place that maps it to a status.
type Kind byte

// The kinds.
const (
	KindInternal   Kind = iota // 500
	KindInvalid                // 400
	KindUnknownKey             // 401
	KindForbidden              // 403
	KindNotFound               // 404
	KindConflict               // 409
	KindTooLarge               // 413
	KindQuota                  // 429
	KindBusy                   // 503
	KindUnfit                  // 422: well formed, but what it needs is not there
)

// Error is an error with a kind and a stable code.
type Error struct {
	Kind   Kind
	Code   string // snake_case, stable
	Detail string // one sentence with the field and the fix; never visitor data
	ES     string // the same in Spanish, where those who market read it; may be empty
	Err    error  // the cause, for the log; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Detail + ": " + e.Err.Error()
	}
	return e.Detail
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrForbidden is what [Caller.May] wraps.
var ErrForbidden error = &Error{Kind: KindForbidden, Code: "forbidden", Detail: "this key may not do that"}

// KindOf returns the kind of the first [*Error] in err's chain.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}
