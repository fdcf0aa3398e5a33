package journey

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// What a comparison needs before anything is said of it.
const (
	leastLeads = 50 // in each group
	leastGoals = 10 // in both together
)

// effect collects what the leads of a journey came to.
type effect struct {
	w      *teller
	name   string
	now    int64
	within int64
	docs   map[int]*Journey // :: version → journey
	out    *tracker.JourneyEffect

	versions map[int]*[2]arm            // :: version → who was taken along, and held out
	entered  map[int]*[2]int            // :: version → the same, those too young with them
	bands    map[int]map[string]*[2]arm // :: version → band → the same
	steps    map[stepOf]map[string]*arm // :: message → variant → who got it; heldBack = who did not
}

type stepOf struct {
	version int
	step    string
}

// heldBack stands for no variant: words of journeys have no space.
const heldBack = " "

// Effect says what a journey adds to what would have happened without it: of leads whose
// first entry is longer ago than within, who reached the goal within that time, beside
// the same of the hold-out. It counts leads as they were drawn, whatever they got.
func (e *Engine) Effect(t tracker.TenantID, name string, within int64, lang string) (*tracker.JourneyEffect, error) {
	d, err := e.Doc(t, Journeys, name)
	if err != nil {
		return nil, err
	}
	f := &effect{
		w: &teller{es: lang == "es"}, name: name, now: e.db.Now(), within: within, docs: map[int]*Journey{},
		versions: map[int]*[2]arm{}, entered: map[int]*[2]int{}, bands: map[int]map[string]*[2]arm{}, steps: map[stepOf]map[string]*arm{},
	}
	f.out = &tracker.JourneyEffect{Journey: name, At: instant(f.now), Within: float64(within) / float64(day), Versions: []tracker.VersionEffect{}, Notes: []string{}}
	for _, v := range d.Versions {
		j, err := Parse(name+".yaml", v.YAML)
		if err != nil { // it was published, so it was read before
			return nil, fmt.Errorf("journey %s@%d: %w", name, v.Version, err)
		}
		j.Version = v.Version
		f.docs[v.Version] = j
	}
	err = e.db.Meta().View(func(tx *storage.Tx) error {
		return newRows(tx, t).scan([]byte{rowPlace}, func(k, v []byte) error {
			if string(k[1+leadLen:]) != name {
				return nil
			}
			var p place
			if err := json.Unmarshal(v, &p); err != nil {
				return fmt.Errorf("decode a place in %s: %w", name, err)
			}
			f.take(&p.trial)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	f.tell()
	return f.out, nil
}

// take counts a lead.
func (f *effect) take(t *trial) {
	switch {
	case t.First == 0:
		f.out.Unknown++
		return
	case t.Mixed:
		f.out.Mixed++
		return
	}
	side := 0
	if t.Out {
		side = 1
	}
	at(f.entered, t.Of)[side]++
	if t.First+f.within > f.now {
		f.out.Young++
	} else {
		at(f.versions, t.Of)[side].count(t.Goal != 0 && t.Goal <= t.First+f.within)
		if f.bands[t.Of] == nil {
			f.bands[t.Of] = map[string]*[2]arm{}
		}
		at(f.bands[t.Of], t.Band)[side].count(t.Goal != 0 && t.Goal <= t.First+f.within)
	}
	for _, d := range t.Drawn {
		if d.At+f.within > f.now || t.Goal != 0 && t.Goal < d.At {
			continue
		}
		key, variant := stepOf{d.Version, d.Step}, d.Variant
		if d.Out {
			variant = heldBack
		}
		if f.steps[key] == nil {
			f.steps[key] = map[string]*arm{}
		}
		at(f.steps[key], variant).count(t.Goal != 0 && t.Goal <= d.At+f.within)
	}
}

func at[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

func (a *arm) count(goal bool) {
	a.n++
	if goal {
		a.goals++
	}
}

func (a arm) public() tracker.Arm { return tracker.Arm{Leads: a.n, Goals: a.goals, Rate: a.rate()} }

// tell says of each version what came of it, the latest first.
func (f *effect) tell() {
	versions := slices.Sorted(maps.Keys(f.entered))
	slices.Reverse(versions)
	for _, n := range versions {
		v := tracker.VersionEffect{Bands: []tracker.BandEffect{}, Steps: f.messages(n)}
		arms := at(f.versions, n)
		v.Compared = f.compare(fmt.Sprintf("%s@%d", f.name, n), arms[0], arms[1], .05)
		if j := f.docs[n]; j != nil {
			v.Planned = float64(j.Holdout) / 10_000
		}
		all := f.entered[n]
		v.Drawn = float64(all[1]) / float64(all[0]+all[1])
		v.Off = unlikely(all[1], all[0]+all[1], v.Planned)
		switch {
		case v.Planned == 0:
			v.Verdict, v.Sentence = noHoldout, fmt.Sprintf(f.w.say("%s has no hold-out, so nobody can say what would have happened without it: write holdout: 10%%.", "%s no tiene grupo de control, así que nadie sabe qué habría pasado sin él: escribe holdout: 10%%."), v.Of)
		case v.Off:
			v.Sentence = fmt.Sprintf(f.w.say("Do not believe %s: %.1f %% were held out where %.1f %% should be.", "No te fíes de %s: se apartó al %.1f %% cuando debía ser el %.1f %%."), v.Of, 100*v.Drawn, 100*v.Planned)
		}
		if v.Verdict != noHoldout && v.Verdict != tooFew {
			v.Bands = f.expect(n)
		}
		f.out.Versions = append(f.out.Versions, v)
	}
	f.notes()
}

// unlikely says whether so many of n is not what chance draws at a share, once in a
// thousand times.
func unlikely(k, n int, share float64) bool {
	mean := float64(n) * share
	return share > 0 && math.Abs(float64(k)-mean) > normal(.001)*math.Sqrt(mean*(1-share))+.5
}

// The verdicts of a comparison.
const (
	tooFew    = "too_few"
	more      = "more"
	less      = "less"
	perhaps   = "perhaps"
	none      = "none"
	noHoldout = "no_hold_out"
)

// compare compares those who got something with others.
func (f *effect) compare(of string, a, b arm, alpha float64) tracker.Compared {
	c := tracker.Compared{
		Of: of, Treated: a.public(), Held: b.public(), Difference: a.rate() - b.rate(),
		Between: newcombe(a, b, normal(alpha)), Always: always(a, b, alpha),
	}
	switch {
	case min(a.n, b.n) < leastLeads || a.goals+b.goals < leastGoals:
		c.Verdict = tooFew
	case c.Always[0] > 0:
		c.Verdict = more
	case c.Always[1] < 0:
		c.Verdict = less
	case c.Between[0] > 0 || c.Between[1] < 0:
		c.Verdict = perhaps
	default:
		c.Verdict = none
	}
	c.Sentence = f.sentence(&c)
	return c
}

func points(v float64) string { return fmt.Sprintf("%+.1f", 100*v) }

// sentence says a comparison in words.
func (f *effect) sentence(c *tracker.Compared) string {
	w := f.w
	rates := fmt.Sprintf(w.say("%.1f %% of %d reach the goal within %g days, %.1f %% of the %d without", "el %.1f %% de %d llega a la meta en %g días, sin ello el %.1f %% de %d"),
		100*c.Treated.Rate, c.Treated.Leads, f.out.Within, 100*c.Held.Rate, c.Held.Leads)
	extra := math.Abs(c.Difference) * float64(c.Treated.Leads)
	switch c.Verdict {
	case tooFew:
		return fmt.Sprintf(w.say("%s: too early to say. %d and %d leads whose time has passed, %d goals: it takes %d leads in each group and %d goals.",
			"%s: demasiado pronto para decirlo. %d y %d leads cuyo plazo ha pasado, %d metas: hacen falta %d leads en cada grupo y %d metas."),
			c.Of, c.Treated.Leads, c.Held.Leads, c.Treated.Goals+c.Held.Goals, leastLeads, leastGoals)
	case more:
		return fmt.Sprintf(w.say("%s works: %s. That is %s points, between %s and %s however often one looks: about %.0f goals that would not have been.",
			"%s funciona: %s. Son %s puntos, entre %s y %s por mucho que se mire: unas %.0f metas que no habría habido."),
			c.Of, rates, points(c.Difference), points(c.Always[0]), points(c.Always[1]), extra)
	case less:
		return fmt.Sprintf(w.say("%s does harm: %s. That is %s points, between %s and %s however often one looks: about %.0f goals lost.",
			"%s perjudica: %s. Son %s puntos, entre %s y %s por mucho que se mire: unas %.0f metas perdidas."),
			c.Of, rates, points(c.Difference), points(c.Always[0]), points(c.Always[1]), extra)
	case perhaps:
		return fmt.Sprintf(w.say("%s: perhaps. %s: %s points, between %s and %s if this were the only look. Who looks often sees such differences by chance: wait until %s to %s leaves out 0.",
			"%s: quizá. %s: %s puntos, entre %s y %s si se mirara una sola vez. Quien mira a menudo ve tales diferencias por azar: espera a que de %s a %s no incluya el 0."),
			c.Of, rates, points(c.Difference), points(c.Between[0]), points(c.Between[1]), points(c.Always[0]), points(c.Always[1]))
	}
	return fmt.Sprintf(w.say("%s: no difference seen. %s: %s points, between %s and %s.", "%s: no se ve diferencia. %s: %s puntos, entre %s y %s."),
		c.Of, rates, points(c.Difference), points(c.Between[0]), points(c.Between[1]))
}

// expect is the effect to expect by band, and of any other band last.
func (f *effect) expect(version int) (out []tracker.BandEffect) {
	var groups []guess
	names := slices.Sorted(maps.Keys(f.bands[version]))
	names = slices.DeleteFunc(names, func(name string) bool {
		b := f.bands[version][name]
		return b[0].n == 0 || b[1].n == 0
	})
	for _, name := range names {
		b := f.bands[version][name]
		groups = append(groups, guess{b[0].rate() - b[1].rate(), b[0].variance() + b[1].variance()})
	}
	if len(groups) == 0 {
		return []tracker.BandEffect{}
	}
	other, drawnTogether := shrink(groups)
	for i, name := range names {
		b := f.bands[version][name]
		out = append(out, f.band(name, drawnTogether[i], b[0], b[1]))
	}
	return append(out, f.band("", other, arm{}, arm{}))
}

func (f *effect) band(name string, g guess, a, b arm) tracker.BandEffect {
	half := normal(.05) * math.Sqrt(g.variance)
	e := tracker.BandEffect{Band: name, Treated: a.public(), Held: b.public(), Expected: g.mean, Between: [2]float64{max(g.mean-half, -1), min(g.mean+half, 1)}}
	e.Sentence = fmt.Sprintf(f.w.say("%s: expect %s points, between %s and %s", "%s: cabe esperar %s puntos, entre %s y %s"),
		cmp.Or(name, f.w.say("any other band", "cualquier otra banda")), points(g.mean), points(e.Between[0]), points(e.Between[1]))
	return e
}

// messages compares what chance chose at the messages of a version, in the order of its
// steps. Several variants share the chance of being wrong.
func (f *effect) messages(version int) []tracker.StepEffect {
	out := []tracker.StepEffect{}
	j := f.docs[version]
	if j == nil {
		return out
	}
	for _, s := range j.Steps {
		got := f.steps[stepOf{version, s.ID}]
		if got == nil {
			continue
		}
		e := tracker.StepEffect{Step: s.ID}
		variants := []string{""}
		if s.Tests != nil {
			variants = nil
			for _, c := range s.Tests {
				variants = append(variants, c.Name)
			}
		}
		base := at(got, heldBack)
		if s.Holdout == 0 {
			e.Against, variants = variants[0], variants[1:]
			base = at(got, e.Against)
		}
		for _, name := range variants {
			of := s.ID
			if name != "" {
				of += " (" + name + ")"
			}
			e.Choices = append(e.Choices, f.compare(of, *at(got, name), *base, .05/float64(len(variants))))
		}
		out = append(out, e)
	}
	return out
}

// notes says what to know.
func (f *effect) notes() {
	note := func(en, es string, args ...any) {
		f.out.Notes = append(f.out.Notes, fmt.Sprintf(f.w.say(en, es), args...))
	}
	if n := f.out.Young; n > 0 {
		note("%d leads entered less than %g days ago: they are not counted yet", "%d leads entraron hace menos de %g días: aún no se cuentan", n, f.out.Within)
	}
	if n := f.out.Unknown; n > 0 {
		note("%d leads entered before this was kept: they are not counted", "%d leads entraron antes de que esto se guardara: no se cuentan", n)
	}
	if n := f.out.Mixed; n > 0 {
		note("%d leads turned out to be two, of whom one was held out: they are not counted", "%d leads resultaron ser dos, uno de ellos del grupo de control: no se cuentan", n)
	}
	if len(f.out.Versions) > 0 {
		note("leads count as they were drawn when they first entered, whether or not they got anything; the goal counts after the end of the journey, too", "los leads cuentan según el sorteo de su primera entrada, recibieran algo o no; la meta cuenta también tras el fin del recorrido")
		note("95 of 100 such intervals hold the truth; those for many looks are wider (a message without hold-out or variants cannot be told from its journey)", "95 de cada 100 de estos intervalos contienen la verdad; los de muchas miradas son más anchos (un mensaje sin grupo de control ni variantes no se distingue de su recorrido)")
	}
}
