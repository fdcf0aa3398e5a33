package scorecard

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ripen/wasm"
)

// OfManifest makes the card of a module that nobody wrote as YAML: what it binds
// of an event, and what it calls its reasons and bands, are in its manifest.
//
// Every event reaches the module. Those of the types it names carry all its
// fields, any other its flags and attributes only.
func OfManifest(man *wasm.Manifest) (*Card, error) {
	c := &Card{Name: man.Card, Language: "en", Zone: time.UTC, Entity: entityLead, module: true, anyType: true, lists: map[string]map[string]struct{}{}}
	c.Score = Combine{How: "sum", From: [2]float64{0, 100}, To: [2]float64{0, 100}}
	if c.Name == "" {
		return nil, fmt.Errorf("card: the module needs a name")
	}
	if man.Zone != "" {
		zone, err := time.LoadLocation(man.Zone)
		if err != nil || man.Zone == "Local" {
			return nil, fmt.Errorf("time_zone: no zone %q: write one such as Europe/Madrid", man.Zone)
		}
		c.Zone = zone
	}
	if err := c.manifestSlots(man.Fields); err != nil {
		return nil, err
	}
	if err := c.manifestTypes(man.Types); err != nil {
		return nil, err
	}
	for _, name := range man.Dims {
		c.Dims = append(c.Dims, &Dimension{Name: name, Kind: "wasm", Max: 100})
	}
	for i, r := range man.Reasons {
		c.Rules = append(c.Rules, &Rule{ID: r.Rule, Why: r.Why, Index: i})
	}
	for i, b := range man.Bands {
		if b.Name == "" || b.From < 0 || b.From > 100 || b.Leave > b.From || i > 0 && b.From <= man.Bands[i-1].From {
			return nil, fmt.Errorf("bands[%d]: need a name, from 0 to 100 above the band before, and leave no higher than from", i)
		}
		c.Bands = append(c.Bands, Band{Name: b.Name, From: b.From, Leave: cmp.Or(b.Leave, b.From)})
	}
	c.grid = c.GradeNames()
	if n, most := c.EventMax(), wasm.IOSize-wasm.IOEvents; n > most {
		return nil, fmt.Errorf("fields: an event may take %d bytes, at most %d: name fewer fields of type text", n, most)
	}
	return c, nil
}

func (c *Card) manifestSlots(fields []wasm.ManifestField) error {
	for i, f := range fields {
		word, trait := strings.CutPrefix(f.Type, "attribute ")
		view := View(slices.Index(viewNames[:], word))
		named := slices.Contains([]View{ViewText, ViewNum, ViewHas, ViewHash}, view)
		known := named || slices.Contains([]View{ViewFlags, ViewDay, ViewSession}, view)
		switch {
		case i == 0 && f.Type != viewNames[ViewFlags]:
			return fmt.Errorf("fields[0]: need type flags: they stand first")
		case !known || named != (f.Name != "") || trait && (!named || view == ViewHash):
			return fmt.Errorf("fields[%d]: %q of type %q: need flags, day or session without a name, or text, number, exists or hash with one; attribute before text, number or exists reads an attribute",
				i, f.Name, f.Type)
		}
		if c.slot(SlotDef{View: view, Name: f.Name, Trait: trait}) != i {
			return fmt.Errorf("fields[%d]: %q of type %q stands there twice", i, f.Name, f.Type)
		}
		if trait {
			c.traitSlots = append(c.traitSlots, i)
		}
	}
	if len(fields) == 0 {
		return fmt.Errorf("fields: need at least one, of type flags")
	}
	return nil
}

func (c *Card) manifestTypes(types []string) error {
	if len(types) == 0 || types[0] != "" {
		return fmt.Errorf("event_types[0]: need the empty text: it stands for every other type")
	}
	var slots []int // that are of the event
	for i := 1; i < len(c.Slots); i++ {
		if !c.Slots[i].Trait {
			slots = append(slots, i)
		}
	}
	c.types = make(map[string]int, len(types))
	for i, name := range types {
		if _, twice := c.types[name]; twice || i > 0 && name == "" || i > math.MaxUint16 {
			return fmt.Errorf("event_types[%d]: %q stands there twice or cannot be named", i, name)
		}
		c.Types = append(c.Types, EventType{Name: name, slots: slots})
		c.types[name] = i
	}
	return nil
}

// explainModule shares the score out as the module does: each reason its points.
// What its reasons leave over is where its scale begins.
func (c *Card) explainModule(raw *Raw, r *Result) {
	l := &ledger{c: c, r: r}
	if raw.Null {
		return
	}
	for _, p := range raw.Points {
		if int(p.ID) < len(c.Rules) && math.Abs(p.Points) <= 1e9 {
			rule := c.Rules[p.ID]
			why := strings.ReplaceAll(cmp.Or(rule.Why, rule.ID), "{points}", short(p.Points))
			l.put(rule.ID, why, p.Points, p.Points)
		}
	}
	slices.SortStableFunc(r.Reasons, func(a, b Reason) int { return cmp.Compare(abs(b.Share), abs(a.Share)) })
	l.r.Reasons = append(l.r.Reasons, Reason{Rule: "base", Why: c.say("base", "", 0), Share: r.Exact - l.sum})
	if rest := 1000*int64(r.Score) - r.Exact; rest != 0 {
		r.Reasons = append(r.Reasons, Reason{Rule: "rounding", Why: c.say("rounding", "", 0), Share: rest})
	}
}
