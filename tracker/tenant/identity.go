package tenant

import "ripen/tracker"

// identityKeys is how many identity keys of a source are good: the newest, and
// the one before for pages and servers that still have that.
const identityKeys = 2

// IdentityKey returns the key with which the tenant's servers sign the user ids
// of a source, see [tracker.UserProof]. The first call makes one.
func (r *Registry) IdentityKey(id tracker.TenantID, source string) (string, error) {
	s, err := r.Source(id, source)
	if err != nil {
		return "", err
	}
	if len(s.IdentityKeys) > 0 {
		return s.IdentityKeys[0], nil
	}
	return r.RotateIdentityKey(id, source)
}

// RotateIdentityKey gives a source a new identity key. The one before stays good
// until the next rotation; older ones do not.
func (r *Registry) RotateIdentityKey(id tracker.TenantID, source string) (string, error) {
	s, err := r.Source(id, source)
	if err != nil {
		return "", err
	}
	now := *s
	now.IdentityKeys = append([]string{"ik_" + randomHex(20)}, s.IdentityKeys...)
	now.IdentityKeys = now.IdentityKeys[:min(len(now.IdentityKeys), identityKeys)]
	if _, err := r.SaveSource(now); err != nil {
		return "", err
	}
	return now.IdentityKeys[0], nil
}
