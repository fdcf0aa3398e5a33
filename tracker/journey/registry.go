package journey

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// The kinds of texts, and the rows that hold them.
const (
	Journeys = tracker.Journeys
	Segments = tracker.Segments
	Onsite   = tracker.Onsite
)

func invalid(k tracker.TextKind, why string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "invalid_" + k.String(), Detail: why}
}

// checkText reads a text, and returns its name and the version it was written from.
func (e *Engine) checkText(k tracker.TextKind, name string, src []byte) (base int, err error) {
	own, file := "", name+".yaml"
	switch {
	case k == Segments:
		s, e := ParseSegment(file, src)
		if err = e; e == nil {
			own, base = s.Name, s.Version
		}
	case k == Onsite && e.cfg.Onsite != nil:
		own, base, err = e.cfg.Onsite(file, src)
	default:
		j, e := Parse(file, src)
		if err = e; e == nil {
			own, base = j.Name, j.Version
		}
	}
	if err != nil {
		return 0, invalid(k, err.Error())
	}
	if own != name {
		return 0, invalid(k, fmt.Sprintf("%s: it calls itself %s, the path %s", k, own, name))
	}
	return base, nil
}

// docRow is how a journey or segment is stored; its fields are only ever added.
type docRow struct {
	Draft    []byte       `json:"draft,omitempty"`
	Current  int          `json:"current"`
	Migrated int          `json:"migrated,omitempty"`
	Gone     bool         `json:"gone,omitempty"` // a segment was taken away
	Versions []versionRow `json:"versions,omitempty"`
}

type versionRow struct {
	Version int    `json:"version"`
	At      int64  `json:"at"`
	YAML    []byte `json:"yaml"`
	Before  int    `json:"before,omitempty"` // the version it took the place of; 0 = none, or written before this was
}

func (d *docRow) public(name string) tracker.JourneyDoc {
	out := tracker.JourneyDoc{Name: name, Draft: d.Draft, Current: d.Current, Migrated: d.Migrated}
	for _, v := range d.Versions {
		out.Versions = append(out.Versions, tracker.CardVersion{Version: v.Version, At: v.At, YAML: v.YAML})
	}
	return out
}

// read reads what is in force.
func (e *Engine) read(t tracker.TenantID) (*inForce, error) {
	f := &inForce{docs: map[string]*tracker.JourneyDoc{}, parsed: map[string]map[int]*Journey{}}
	journeys, err := e.Docs(t, Journeys)
	if err != nil {
		return nil, err
	}
	for i := range journeys {
		d := &journeys[i]
		if d.Current == 0 {
			continue
		}
		f.docs[d.Name], f.parsed[d.Name] = d, map[int]*Journey{}
		for _, v := range d.Versions {
			j, err := Parse(d.Name+".yaml", v.YAML)
			if err != nil { // it was published, so it was read before
				return nil, fmt.Errorf("journey %s@%d: %w", d.Name, v.Version, err)
			}
			j.Version = v.Version
			f.parsed[d.Name][v.Version] = j
		}
	}
	segments, err := e.Docs(t, Segments)
	if err != nil {
		return nil, err
	}
	for i := range segments {
		d := &segments[i]
		if v := d.Version(d.Current); v != nil {
			s, err := ParseSegment(d.Name+".yaml", v.YAML)
			if err != nil {
				return nil, fmt.Errorf("segment %s@%d: %w", d.Name, v.Version, err)
			}
			s.Version = v.Version
			f.segments = append(f.segments, s)
		}
	}
	f.listen()
	return f, nil
}

// Docs returns the tenant's journeys or segments by name.
func (e *Engine) Docs(t tracker.TenantID, kind tracker.TextKind) ([]tracker.JourneyDoc, error) {
	all := map[string]tracker.JourneyDoc{}
	err := e.db.Meta().View(func(tx *storage.Tx) error {
		return newRows(tx, t).scan([]byte{byte(kind)}, func(k, v []byte) error {
			var d docRow
			if err := json.Unmarshal(v, &d); err != nil {
				return fmt.Errorf("decode a %s: %w", kind, err)
			}
			if !d.Gone {
				all[string(k[1:])] = d.public(string(k[1:]))
			}
			return nil
		})
	})
	out := make([]tracker.JourneyDoc, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out, err
}

// change changes one text, and reads what is in force again.
func (e *Engine) change(t tracker.TenantID, kind tracker.TextKind, name string, fn func(r *rows, d *docRow) error) (out tracker.JourneyDoc, err error) {
	e.turning.Lock()
	defer e.turning.Unlock()
	err = e.cfg.Update(func(tx *storage.Tx) error { // the commit point of a publication
		r := newRows(tx, t)
		var d docRow
		if _, err := r.getJSON(nameKey(byte(kind), name), &d); err != nil {
			return err
		}
		if err := fn(r, &d); err != nil {
			return err
		}
		out = d.public(name)
		return r.setJSON(nameKey(byte(kind), name), &d)
	})
	delete(e.tenants, t) // whatever became of it: read what is there
	return out, err
}

// Draft keeps a text that is right, and puts nothing in force.
func (e *Engine) Draft(t tracker.TenantID, kind tracker.TextKind, name string, src []byte) (tracker.JourneyDoc, error) {
	base, err := e.checkText(kind, name, src)
	if err != nil {
		return tracker.JourneyDoc{}, err
	}
	return e.change(t, kind, name, func(_ *rows, d *docRow) error {
		if n := len(d.Versions); base > 0 && n > 0 && base < d.Versions[n-1].Version {
			return &tracker.Error{Kind: tracker.KindConflict, Code: "stale_version", Detail: fmt.Sprintf(
				"version: the file says %d, the latest is %d: take over what changed and write version: %[2]d", base, d.Versions[n-1].Version)}
		}
		d.Draft, d.Gone = bytes.Clone(src), false
		return nil
	})
}

// Publish puts the draft in force as the next version. With migrate, leads that
// walk an older one go on in this one, where it has their step. The same draft
// again is the same version.
func (e *Engine) Publish(ctx context.Context, t tracker.TenantID, kind tracker.TextKind, name string, migrate bool) (tracker.JourneyDoc, error) {
	last, err := e.log.Last(ctx, 0)
	if err != nil {
		return tracker.JourneyDoc{}, err
	}
	feed, err := e.cfg.Last(t)
	if err != nil {
		return tracker.JourneyDoc{}, err
	}
	draft, err := e.ready(t, kind, name)
	if err != nil {
		return tracker.JourneyDoc{}, err
	}
	return e.change(t, kind, name, func(r *rows, d *docRow) error {
		if d.Draft == nil {
			return &tracker.Error{Kind: tracker.KindNotFound, Code: "no_draft", Detail: "there is no draft of this " + kind.String() + ": PUT one first"}
		}
		if !bytes.Equal(d.Draft, draft) {
			return &tracker.Error{Kind: tracker.KindConflict, Code: "other_draft", Detail: "another draft was put meanwhile: publish again"}
		}
		n := len(d.Versions)
		if n == 0 || !bytes.Equal(d.Versions[n-1].YAML, d.Draft) {
			n = d.next()
			d.Versions = append(d.Versions, versionRow{Version: n, At: e.db.Now(), YAML: d.Draft, Before: d.Current})
		} else if last := &d.Versions[n-1]; last.Version != d.Current { // rolled back, and wanted again
			n, last.Before = last.Version, d.Current
		} else {
			n = last.Version
		}
		d.Current = n
		if migrate {
			d.Migrated = n
		}
		return e.begin(r, kind, name, last, feed)
	})
}

// ready returns the draft of a text, nil if there is none, unless the tenant lacks what
// it needs.
func (e *Engine) ready(t tracker.TenantID, kind tracker.TextKind, name string) ([]byte, error) {
	d, err := e.Doc(t, kind, name)
	if tracker.KindOf(err) == tracker.KindNotFound {
		return nil, nil // whoever changes it says so
	}
	if err != nil || kind != Journeys || d.Draft == nil {
		return d.Draft, err
	}
	list, err := e.Lacks(t, name, d.Draft)
	if err == nil {
		err = tracker.NotReady(list)
	}
	return d.Draft, err
}

// Lacks reads the text of a journey and says what the tenant has for it and what it
// lacks. It keeps nothing.
func (e *Engine) Lacks(t tracker.TenantID, name string, src []byte) ([]tracker.Check, error) {
	if _, err := e.checkText(Journeys, name, src); err != nil {
		return nil, err
	}
	j, err := Parse(name+".yaml", src)
	if err != nil {
		return nil, invalid(Journeys, err.Error())
	}
	return e.lacks(t, j)
}

// lacks says what a journey needs, and of what the tenant has not.
func (e *Engine) lacks(t tracker.TenantID, j *Journey) (list []tracker.Check, err error) {
	if e.cfg.Check != nil {
		if list, err = e.cfg.Check(t, j); err != nil {
			return nil, err
		}
	}
	lack := func(what, fix tracker.Words) {
		list = append(list, tracker.Check{Step: tracker.CheckActions, Name: what, Fix: fix})
	}
	segments, err := e.Docs(t, Segments)
	if err != nil {
		return nil, err
	}
	for _, name := range j.Segments() {
		if !slices.ContainsFunc(segments, func(d tracker.JourneyDoc) bool { return d.Name == name && d.Current != 0 }) {
			lack(tracker.Words{EN: "there is no segment " + name + " in force", ES: "no hay ningún segmento " + name + " en vigor"}, tracker.Words{EN: "ripen segment publish FILE"})
		}
	}
	journeys, err := e.Docs(t, Journeys)
	if err != nil {
		return nil, err
	}
	for _, m := range j.Moves {
		if m.To != j.Name && !slices.ContainsFunc(journeys, func(d tracker.JourneyDoc) bool { return d.Name == m.To }) {
			lack(tracker.Words{EN: "there is no journey " + m.To + " to go over to", ES: "no hay ningún recorrido " + m.To + " al que pasar"}, tracker.Words{
				EN: "ripen journey publish FILE; where two go over to each other a draft of one is enough: ripen journey simulate FILE",
				ES: "ripen journey publish FILE; si dos pasan uno al otro basta un borrador de uno: ripen journey simulate FILE",
			})
		}
	}
	asks := slices.ContainsFunc(j.Steps, func(s *Step) bool { return s.Pick != nil })
	j.needed(func(string, string) { asks = true })
	if !asks {
		return list, nil
	}
	lib, err := e.cfg.Library(t)
	if err != nil {
		return nil, err
	}
	return append(list, j.checkContent(lib)...), nil
}

func (d *docRow) next() int {
	if n := len(d.Versions); n > 0 {
		return d.Versions[n-1].Version + 1
	}
	return 1
}

// begin lets a tenant's cursors begin here, with its first journey or segment:
// nobody enters for what is past. Who belongs to a segment is asked of all.
func (e *Engine) begin(r *rows, kind tracker.TextKind, name string, last, feed uint64) error {
	switch kind {
	case Onsite: // nobody walks along it
		return nil
	case Segments:
		if err := r.set(nameKey(rowSweep, ""), make([]byte, leadLen)); err != nil {
			return err
		}
		if err := r.setSequence(nameKey(rowSweep, "after"), last); err != nil {
			return err
		}
	}
	if _, begun, err := r.sequence([]byte{rowFeed}); err != nil || begun {
		return err
	}
	if err := r.setSequence([]byte{rowFeed}, feed); err != nil {
		return err
	}
	if err := r.setSequence([]byte{rowLog}, last); err != nil {
		return err
	}
	machine := newRows(r.tx, tracker.TenantID{})
	if _, begun, err := machine.sequence([]byte{rowLog}); err != nil || begun {
		return err
	}
	return machine.setSequence([]byte{rowLog}, last)
}

// Rollback puts the version that the one in force took the place of in force again:
// what was rolled back stays so.
func (e *Engine) Rollback(t tracker.TenantID, kind tracker.TextKind, name string) (tracker.JourneyDoc, error) {
	return e.change(t, kind, name, func(r *rows, d *docRow) error {
		i := slices.IndexFunc(d.Versions, func(v versionRow) bool { return v.Version == d.Current })
		if i < 1 {
			return &tracker.Error{Kind: tracker.KindConflict, Code: "no_version", Detail: "there is no version before the one in force"}
		}
		d.Current = cmp.Or(d.Versions[i].Before, d.Versions[i-1].Version)
		d.Migrated = min(d.Migrated, d.Current)
		if kind == Segments {
			return r.set(nameKey(rowSweep, ""), make([]byte, leadLen))
		}
		return nil
	})
}

// sweepBatch is how many leads a sweep looks at in a turn.
const sweepBatch = 128

// dueSweep is the kind of a job that asks who belongs to segments as they begin.
const dueSweep = 'w'

// sweep goes on asking all leads about segments that began or changed.
func (e *Engine) sweep(t *tracker.Tenant, f *inForce) (more bool, err error) {
	var at []byte
	var after uint64
	err = e.db.Meta().View(func(tx *storage.Tx) (err error) {
		r := newRows(tx, t.ID)
		if after, _, err = r.sequence(nameKey(rowSweep, "after")); err == nil {
			at, err = r.get(nameKey(rowSweep, ""))
		}
		return err
	})
	if err != nil || len(at) != leadLen || e.seen < after { // whoever is in the log must be there to be asked
		return false, err
	}
	ids, err := e.cfg.People(t.ID, parseLead(at), sweepBatch)
	if err != nil {
		return false, err
	}
	work := make([]job, len(ids))
	for i, id := range ids {
		work[i] = job{lead: id, due: &due{kind: dueSweep}}
	}
	err = e.jobs(t, f, work, func(r *rows, n int) error {
		if len(ids) == 0 {
			return r.drop(nameKey(rowSweep, ""))
		}
		return r.set(nameKey(rowSweep, ""), appendLead(nil, ids[n-1]))
	})
	return true, err
}
