package scorecard

import (
	"slices"

	"ripen/wasm"
)

// View is the form in which a slot carries a value.
type View uint8

// The views. Rules of one field may need several.
const (
	ViewFlags   View = iota // bits of the event itself: Activity, Carries, Extra, machine
	ViewDay                 // the local day
	ViewSession             // the session's id
	ViewText                // as text
	ViewNum                 // as a float64
	ViewHas                 // whether it is there and not empty
	ViewTest                // the answer to Test, asked by Bind
	ViewHash                // a hash of it
	ViewCode                // the code that a model's feature gives it, found by Bind
)

// Bits of the flags slot.
const (
	FlagActivity = 1 << 0 // neither a send nor a machine's doing
	FlagCarries  = 1 << 1 // the event carries attributes
	FlagExtra    = 1 << 2 // second and later products of one event
	FlagAnswer   = 1 << 3 // an activity that answers our messages; set if a rule waits for one
	machineShift = 8      // then one bit per machine verdict, as in Rule.Ignore
)

// MachineBits is where the bits of the machine verdict begin in the flags.
const MachineBits = machineShift

// machines are the words of ignore lists; the position is the bit.
var machines = []string{"bot", "prefetch", "proxy"}

// SlotDef says what one slot of an event holds.
type SlotDef struct {
	View  View
	Name  string // of the field or attribute
	Trait bool
	Test  *Test // for ViewTest

	feature *Feature // for ViewCode
}

var viewNames = [...]string{"flags", "day", "session", "text", "number", "exists", "test", "hash", "code"}

// Type names the slot's view for the manifest.
func (s *SlotDef) Type() string {
	if s.Trait {
		return "attribute " + viewNames[s.View]
	}
	return viewNames[s.View]
}

// slot returns the index of the slot that holds def, adding it if it is new.
func (c *Card) slot(def SlotDef) int {
	for i, s := range c.Slots {
		if s.View == def.View && s.Name == def.Name && s.Trait == def.Trait && sameQuestion(s.Test, def.Test) {
			return i
		}
	}
	c.Slots = append(c.Slots, def)
	return len(c.Slots) - 1
}

func sameQuestion(a, b *Test) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Op != b.Op || a.List != b.List || !slices.Equal(a.Texts, b.Texts) {
		return false
	}
	return a.Op != OpMatch || a.Regex.String() == b.Regex.String()
}

func (t *Test) view() View {
	switch t.Op {
	case OpHas:
		return ViewHas
	case OpText, OpPrefix:
		return ViewText
	case OpNum, OpRange:
		return ViewNum
	}
	return ViewTest
}

// assign gives every test and rule its slots and every event type its rules.
func (c *Card) assign() {
	c.Slots = []SlotDef{{View: ViewFlags}}
	c.Types = []EventType{{}}
	c.types = map[string]int{}
	c.grid = c.GradeNames()
	c.wordKinds()
	c.assignModel()
	for _, g := range c.Gates {
		c.assignTests(g.Tests)
		if g.When != nil {
			c.assignLead(g.When)
		}
	}
	for _, r := range c.Rules {
		if r.When != nil && r.Kind == Attribute {
			c.assignPast(r.When)
		}
	}
	for _, r := range c.Rules { // with those that gates and expressions brought
		c.assignTests(r.Tests)
		if r.When != nil && r.Kind == Attribute {
			c.assignLead(r.When)
		} else if r.When != nil {
			c.assignEvent(r.When)
		}
		switch {
		case r.Per == PerDay:
			r.PerSlot = c.slot(SlotDef{View: ViewDay})
		case r.Per == PerSession:
			r.PerSlot = c.slot(SlotDef{View: ViewSession})
		case r.Per == PerValue:
			r.PerSlot = c.slot(SlotDef{View: ViewHash, Name: r.PerName})
		case r.Kind == Money || r.Amounts():
			r.PerSlot = c.slot(SlotDef{View: ViewNum, Name: r.Value})
		}
		if r.spends() {
			r.Returns.Spend.Slot = c.slot(SlotDef{View: ViewNum, Name: r.Returns.Spend.Value})
		}
		for _, name := range r.Events() {
			c.assignType(name, r)
		}
	}
	for i, s := range c.Slots {
		if s.Trait {
			c.traitSlots = append(c.traitSlots, i)
		}
	}
	for _, r := range c.Rules {
		c.anyType = c.anyType || r.Kind == Absent || r.Kind == Unanswered // first seen and answers count, whatever the event
		c.answers = c.answers || r.Kind == Unanswered
	}
}

func (c *Card) assignTests(tests []*Test) {
	for _, t := range tests {
		def := SlotDef{View: t.view(), Name: t.Field, Trait: t.Trait}
		if def.View == ViewTest {
			def.Test = t
		}
		t.Slot = c.slot(def)
		if t.List != "" {
			c.wantList(t.List)
		}
		if t.Trait {
			t.State = c.trait(t)
		}
	}
}

func (c *Card) wantList(name string) {
	if !slices.Contains(c.listNames, name) {
		c.listNames = append(c.listNames, name)
		slices.Sort(c.listNames)
	}
}

func (c *Card) trait(t *Test) int {
	for i, o := range c.Traits {
		if o.Slot == t.Slot && o.Op == t.Op && (o.Not == t.Not || t.Op == OpHas) && slices.Equal(o.Texts, t.Texts) &&
			slices.Equal(o.Nums, t.Nums) && o.Lo == t.Lo && o.Hi == t.Hi && o.LoOpen == t.LoOpen && o.HiOpen == t.HiOpen {
			return i
		}
	}
	c.Traits = append(c.Traits, t)
	return len(c.Traits) - 1
}

func (c *Card) assignType(name string, r *Rule) {
	i, ok := c.types[name]
	if !ok {
		i = len(c.Types)
		c.types[name] = i
		c.Types = append(c.Types, EventType{Name: name})
	}
	t := &c.Types[i]
	t.Rules = append(t.Rules, r)
	add := func(s int) {
		if s > 0 && !slices.Contains(t.slots, s) {
			t.slots = append(t.slots, s)
		}
	}
	for _, test := range r.Tests {
		add(test.Slot)
	}
	if r.When != nil {
		for _, s := range r.When.At {
			add(s)
		}
	}
	add(r.PerSlot)
	if r.spends() {
		add(r.Returns.Spend.Slot)
	}
}

// Answers says whether a rule waits for answers to our messages.
func (c *Card) Answers() bool { return c.answers }

// EventMax returns the most bytes an event of this card can take in the IO area:
// its slots and, cut at 1 KiB, the texts of the type that reads the most.
func (c *Card) EventMax() int {
	texts := func(slots []int) (n int) {
		for _, i := range slots {
			if c.Slots[i].View == ViewText {
				n++
			}
		}
		return n
	}
	most := 0
	for i := range c.Types {
		most = max(most, texts(c.Types[i].slots))
	}
	return wasm.EventHead + wasm.SlotSize*len(c.Slots) + wasm.StringMax*(most+texts(c.traitSlots)) + 8
}
