package mail

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// templateKey names one version of a tenant's template.
type templateKey struct {
	tenant  tracker.TenantID
	name    string
	version int
}

// versionRow and nameRow are how templates are stored; fields are only ever added.
type versionRow struct {
	Created int64  `json:"created"`
	YAML    string `json:"yaml"`
	Before  int    `json:"before,omitempty"` // the version it took the place of; 0 = none, or written before this was
}

type nameRow struct {
	Last    int `json:"last"`     // the newest version
	InForce int `json:"in_force"` // what leaves
}

func nameKey(name string) []byte { return append([]byte{rowName}, name...) }

func versionKey(name string, version int) []byte {
	k := append([]byte{rowVersion}, name...)
	return binary.BigEndian.AppendUint32(append(k, 0), uint32(version))
}

var errNoTemplate error = &tracker.Error{Kind: tracker.KindNotFound, Code: "unknown_template", Detail: "the tenant has no such mail template: 'ripen mail template list' names them"}

// Check says what a template is and what is wrong with it, and keeps nothing.
func (p *Post) Check(name string, text []byte) (tracker.MailTemplate, error) {
	t, err := parse(name, text)
	if err != nil {
		return tracker.MailTemplate{}, err
	}
	return t.public(), nil
}

// Publish keeps a template as a version of its name, and puts it in force. What
// is in force already stays as it is.
func (p *Post) Publish(tenant tracker.TenantID, name string, text []byte) (out tracker.MailTemplate, err error) {
	t, err := parse(name, text)
	if err != nil {
		return out, err
	}
	name = t.file.Mail
	err = p.meta.Update(func(tx *storage.Tx) error { // the commit point of a version
		r := rows{tx, tenant}
		n, err := r.name(name)
		if err != nil {
			return err
		}
		if n.InForce != 0 {
			v, err := r.version(name, n.InForce)
			if err != nil {
				return err
			}
			if bytes.Equal([]byte(v.YAML), text) {
				out = shown(t, n, n.InForce, v)
				return nil
			}
		}
		n.Last++
		v := versionRow{Created: p.db.Now(), YAML: string(text), Before: n.InForce}
		n.InForce = n.Last
		out = shown(t, n, n.InForce, v)
		return errors.Join(r.put(versionKey(name, n.Last), v), r.put(nameKey(name), n))
	})
	return out, err
}

// Rollback puts the version that the one in force took the place of in its place:
// what was rolled back stays so.
func (p *Post) Rollback(tenant tracker.TenantID, name string) (tracker.MailTemplate, error) {
	err := p.meta.Update(func(tx *storage.Tx) error {
		r := rows{tx, tenant}
		n, err := r.name(name)
		switch {
		case err != nil:
			return err
		case n.InForce == 0:
			return errNoTemplate
		case n.InForce == 1:
			return &tracker.Error{Kind: tracker.KindConflict, Code: "no_version_before", Detail: "this is its first version: publish another"}
		}
		v, err := r.version(name, n.InForce)
		if err != nil {
			return err
		}
		n.InForce = cmp.Or(v.Before, n.InForce-1)
		return r.put(nameKey(name), n)
	})
	if err != nil {
		return tracker.MailTemplate{}, err
	}
	return p.Template(tenant, name, 0)
}

// Template returns one version; 0 is the one in force.
func (p *Post) Template(tenant tracker.TenantID, name string, version int) (out tracker.MailTemplate, err error) {
	err = p.meta.View(func(tx *storage.Tx) error {
		out, err = rows{tx, tenant}.template(name, version)
		return err
	})
	return out, err
}

// Templates returns what is in force of each of a tenant's templates, by name.
func (p *Post) Templates(tenant tracker.TenantID) (out []tracker.MailTemplate, err error) {
	err = p.meta.View(func(tx *storage.Tx) error {
		r := rows{tx, tenant}
		return tx.Scan(tenant, storage.SpaceMail, []byte{rowName}, []byte{rowName + 1}, func(k, _ []byte) error {
			t, err := r.template(string(k[1:]), 0)
			out = append(out, t)
			return err
		})
	})
	return out, err
}

// Contents returns what is in force of each of a tenant's templates, by name,
// without its text: what may be chosen from, at little cost.
func (p *Post) Contents(tenant tracker.TenantID) (out []tracker.MailTemplate, err error) {
	var keys []templateKey
	err = p.meta.View(func(tx *storage.Tx) error {
		return tx.Scan(tenant, storage.SpaceMail, []byte{rowName}, []byte{rowName + 1}, func(k, v []byte) error {
			var n nameRow
			err := json.Unmarshal(v, &n)
			keys = append(keys, templateKey{tenant, string(k[1:]), n.InForce})
			return err
		})
	})
	for _, k := range keys {
		if err != nil {
			break
		}
		var t *template
		if t, err = p.template(tenant, k.name, k.version); err == nil {
			c := t.public()
			c.Version, c.InForce = k.version, true
			out = append(out, c)
		}
	}
	return out, err
}

func (r rows) name(name string) (n nameRow, err error) {
	b, err := r.get(nameKey(name))
	if err == nil && b != nil {
		err = json.Unmarshal(b, &n)
	}
	return n, err
}

func (r rows) version(name string, version int) (v versionRow, err error) {
	b, err := r.get(versionKey(name, version))
	if err == nil && b == nil {
		return v, errNoTemplate
	}
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err
}

func (r rows) put(k []byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return r.set(k, b)
}

func (r rows) template(name string, version int) (out tracker.MailTemplate, err error) {
	n, err := r.name(name)
	if err != nil {
		return out, err
	}
	if version == 0 {
		version = n.InForce
	}
	v, err := r.version(name, version)
	if err != nil {
		return out, err
	}
	t, err := parse(name, []byte(v.YAML))
	if err != nil {
		return out, fmt.Errorf("template %s@%d was good when it was published: %w", name, version, err)
	}
	return shown(t, n, version, v), nil
}

func shown(t *template, n nameRow, version int, v versionRow) tracker.MailTemplate {
	out := t.public()
	out.Version, out.Versions, out.InForce = version, n.Last, version == n.InForce
	out.Created, out.YAML = v.Created, []byte(v.YAML)
	return out
}

func (t *template) public() tracker.MailTemplate {
	f := &t.file
	return tracker.MailTemplate{
		Name: f.Mail, Language: f.Language, Purpose: f.Purpose, Topics: f.Topics, Stage: f.Stage, Subject: f.Subject,
		Variants: slices.Sorted(maps.Keys(f.Variants)), Warnings: t.warnings,
	}
}

// parsedMost is how many templates are kept ready.
const parsedMost = 256

// template returns one version, ready to be filled.
func (p *Post) template(tenant tracker.TenantID, name string, version int) (*template, error) {
	k := templateKey{tenant, name, version}
	p.mu.Lock()
	t := p.parsed[k]
	p.mu.Unlock()
	if t != nil {
		return t, nil
	}
	var v versionRow
	err := p.meta.View(func(tx *storage.Tx) (err error) {
		v, err = rows{tx, tenant}.version(name, version)
		return err
	})
	if err != nil {
		return nil, err
	}
	if t, err = parse(name, []byte(v.YAML)); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.parsed) >= parsedMost {
		clear(p.parsed)
	}
	p.parsed[k] = t
	return t, nil
}
