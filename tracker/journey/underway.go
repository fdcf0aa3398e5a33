package journey

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// UnderWay counts the leads that wait in the steps of all versions of a journey, those
// of the hold-out with them, and says what would become of them if a text were published
// with migrate. A journey of which the tenant knows nothing has nobody under way.
func (e *Engine) UnderWay(t tracker.TenantID, name string, src []byte) ([]tracker.JourneyUnderWay, error) {
	next, err := Parse(name+".yaml", src)
	if err != nil {
		return nil, invalid(Journeys, err.Error())
	}
	out := []tracker.JourneyUnderWay{}
	d, err := e.Doc(t, Journeys, name)
	if tracker.KindOf(err) == tracker.KindNotFound {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	type spot struct {
		version int
		step    string
	}
	leads := map[spot]int{}
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		return newRows(tx, t).scan([]byte{rowPlace}, func(k, v []byte) error {
			if string(k[1+leadLen:]) != name {
				return nil
			}
			var p place
			if err := json.Unmarshal(v, &p); err != nil {
				return fmt.Errorf("decode a place in %s: %w", name, err)
			}
			if p.open() {
				leads[spot{p.Version, p.Step}]++
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for at, n := range leads {
		u := tracker.JourneyUnderWay{Journey: (&Journey{Name: name, Version: at.version}).FullName(), Step: at.step, Leads: n}
		if u.Migrate, err = becomes(&d, at.version, at.step, src, next); err != nil {
			return nil, err
		}
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b tracker.JourneyUnderWay) int {
		return cmp.Or(cmp.Compare(a.Journey, b.Journey), cmp.Compare(a.Step, b.Step))
	})
	return out, nil
}

// becomes says what migrating to a text does to who waits in a step of a version, as
// migrate does it.
func becomes(d *tracker.JourneyDoc, version int, step string, src []byte, next *Journey) (string, error) {
	v := d.Version(version)
	if v == nil {
		return tracker.WalkStays, nil
	}
	if last := d.Versions[len(d.Versions)-1]; bytes.Equal(v.YAML, src) && v.Version == last.Version {
		return tracker.WalkSame, nil // the same text again is the same version
	}
	to, i := next.step(step)
	if to == nil {
		return tracker.WalkStays, nil
	}
	old, err := Parse(d.Name+".yaml", v.YAML)
	if err != nil { // it was published, so it was read before
		return "", fmt.Errorf("journey %s@%d: %w", d.Name, version, err)
	}
	if _, k := old.step(step); (&teller{}).step(old, k) != (&teller{}).step(next, i) {
		return tracker.WalkChanges, nil
	}
	return tracker.WalkMoves, nil
}
