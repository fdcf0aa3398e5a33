package train

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
	"ripen/wasm"
	"ripen/wasm/compile"
	"ripen/wasm/scorecard"
)

// past is a lead's history in a test.
type past struct {
	id     tracker.LeadID
	first  int64
	events []tracker.Event
}

func text(s string) tracker.Value { return tracker.Value{Tag: tracker.String, Str: []byte(s)} }

func field(space tracker.Space, name string, v tracker.Value) tracker.Field {
	return tracker.Field{Space: space, Name: []byte(name), Value: v}
}

// pasts are leads of which those who look at prices three times, or come by mail, win
// more often. Whoever the plan is pro of does, too.
func pasts(n int, seed uint64) (out []past) {
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		p := past{id: tracker.LeadID{Kind: tracker.VisitorIdentity}, first: r.Int64N(700 * day)}
		binary.LittleEndian.PutUint64(p.id.Hash[:], r.Uint64())
		at, keen := p.first, r.IntN(3)
		add := func(typ string, fs ...tracker.Field) {
			p.events = append(p.events, tracker.Event{Type: []byte(typ), Time: at, Received: at + r.Int64N(hour), Fields: fs, Visitor: p.id.Hash})
		}
		plan := []string{"free", "pro"}[r.IntN(2)]
		add("identify", field(tracker.Trait, "plan", text(plan)), field(tracker.Trait, "email", text(fmt.Sprintf("p%d@%s.es", i, plan))))
		for k := range 4 + r.IntN(8) {
			path := []string{"/", "/blog/post", "/price", "/prices/list", "/price/pro"}[r.IntN(5)]
			if keen == 2 {
				path = "/price"
			}
			fs := []tracker.Field{field(tracker.Property, "path", text(path))}
			if k == 0 {
				fs = append(fs, field(tracker.Context, "campaign.source", text([]string{"mail", "ads"}[r.IntN(2)])))
			}
			add("page_view", fs...)
			if r.IntN(4) == 0 {
				p.events[len(p.events)-1].Machine = tracker.Bot
			}
			if r.IntN(9) == 0 {
				add("email_sent")
			}
			at += int64(r.ExpFloat64() * 10 * float64([]int64{hour / 60, hour, day / 2}[r.IntN(3)]))
		}
		if odds := .1 + .3*float64(keen/2) + .2*float64(len(plan)&1); r.Float64() < odds {
			at += r.Int64N(80 * day)
			add("won")
		}
		for k := range p.events {
			p.events[k].MessageID = []byte{byte(k)}
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b past) int { return a.id.Compare(b.id) })
	return out
}

func take(t *testing.T, ps []past, o SnapshotOptions) *Snapshots {
	t.Helper()
	s := NewSnapshots(o)
	for _, p := range ps {
		if !s.Lead(p.id, p.first) {
			continue
		}
		for i := range p.events {
			if err := s.Event(&p.events[i], p.id, func(*tracker.Event) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

func label(t *testing.T, s string) *scorecard.Label {
	t.Helper()
	l, err := scorecard.ParseLabel(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// seen is an event as a card's rules see it in the tracker.
type seen struct {
	person
	e       *tracker.Event
	session uint64
}

func (s seen) Type() string    { return string(s.e.Type) }
func (s seen) Time() int64     { return s.e.Time }
func (s seen) Session() uint64 { return s.session }
func (s seen) Send() bool      { return s.e.IsSend() }
func (s seen) HasTraits() bool { return len(s.person) > 0 }
func (s seen) Ignore() string {
	if s.e.Machine == tracker.Bot {
		return "bot"
	}
	return ""
}

func (s seen) Field(name string) (wasm.Slot, bool) {
	if topic, ok := strings.CutPrefix(name, scorecard.TopicField); ok {
		topics, _ := aboutMoney(s.e)
		return wasm.Slot{Tag: wasm.Float, Num: math.Float64bits(3)}, slices.Contains(topics, topic)
	}
	v, ok := s.e.Find(name)
	return slotOf(v), ok
}

// aboutMoney is a topic map of one topic.
func aboutMoney(e *tracker.Event) ([]string, error) {
	if v, ok := e.Find("path"); ok && strings.HasPrefix(string(v.Str), "/price") {
		return []string{"money"}, nil
	}
	return nil, nil
}

// walked are the points of a lead by the definition of the language, at a moment of
// which only what was received is known.
func walked(c *scorecard.Card, p *past, at int64) (points float64, score int) {
	ev := c.NewEval()
	var events []wasm.Event
	session, last := uint64(0), int64(-day)
	for i := range p.events {
		e := &p.events[i]
		if e.Received > at || e.Time > at {
			continue
		}
		if e.Time-last >= tracker.DefaultSession {
			session++
		}
		last = e.Time
		s := seen{e: e, session: session}
		if setsTraits(e) {
			s.person = person{}
			eachTrait(e, func(name string, v tracker.Value) { s.person[name] = cellOf(v) })
		}
		events = c.Bind(events[:0], s)
		ev.Fold(events...)
	}
	r := ev.Score(at)
	for _, d := range r.Dims {
		points += d
	}
	return points, r.Score
}

// TestSnapshotIsWhatTheCardSees walks every lead through the card that was learned, by
// the definition of the language, to the moment at which it was looked at: the points
// are those that the learner counted.
func TestSnapshotIsWhatTheCardSees(t *testing.T) {
	t.Run("paths", func(t *testing.T) { cardSees(t, nil, "/price") })
	t.Run("topics", func(t *testing.T) { cardSees(t, aboutMoney, `where: {"topic.money": {gt: 0}}`) })
}

func cardSees(t *testing.T, topics func(*tracker.Event) ([]string, error), finds string) {
	ps := pasts(3000, 4)
	s := take(t, ps, SnapshotOptions{Label: label(t, "won within 60d"), Until: 800 * day, Seed: 5, Topics: topics})
	table, err := s.Table()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Run(t.Context(), table, Options{Name: "learned", Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	card, err := scorecard.Parse("card.yaml", r.Card)
	if err != nil {
		t.Fatalf("%v\n%s", err, r.Card)
	}
	if _, err := compile.Module(card); err != nil {
		t.Fatal(err)
	}
	if card.Label == nil || card.Label.Text != "won within 60d" {
		t.Errorf("the card foresees %v", card.Label)
	}
	c := fitCard(table, table.allRows(), planFor(min(table.Conversions(), table.Len()-table.Conversions()), nil))
	want := c.sums(table, table.allRows())
	kinds := map[scorecard.RuleKind]int{}
	for _, q := range card.Rules {
		kinds[q.Kind]++
	}
	if kinds[scorecard.Count] == 0 || kinds[scorecard.Attribute] == 0 {
		t.Errorf("rules of kinds %v", kinds)
	}
	by := map[int64]int{}
	for i, row := range s.rows {
		by[row.at] = i
	}
	checked := 0
	for i := range ps {
		again := NewSnapshots(s.o)
		if !again.Lead(ps[i].id, ps[i].first) {
			continue
		}
		row, ok := by[again.Moment()]
		if !ok {
			continue
		}
		checked++
		points, _ := walked(card, &ps[i], again.Moment())
		if points != float64(want[row]) {
			t.Fatalf("lead %d at %d: the card says %v points, the learner %d\n%s", i, again.Moment(), points, want[row], r.Card)
		}
	}
	if checked < len(s.rows)*9/10 {
		t.Errorf("%d of %d rows were compared", checked, len(s.rows))
	}
	if auc := r.Report.Models[0].Random.AUC; auc < .6 {
		t.Errorf("AUC %.3f: the effect was not found", auc)
	}
	if !strings.Contains(string(r.Card), finds) {
		t.Errorf("%s is not in the card:\n%s", finds, r.Card)
	}
}

// TestSnapshotsDoNotSeeTheFuture: what is received or happens after the moment, but
// for the outcome, changes nothing; and what was known before does.
func TestSnapshotsDoNotSeeTheFuture(t *testing.T) {
	o := SnapshotOptions{Label: label(t, "won within 60d"), Until: 800 * day, Seed: 5}
	ps := pasts(400, 9)
	later := make([]past, len(ps))
	for i, p := range ps {
		later[i] = p
		s := NewSnapshots(o)
		if !s.Lead(p.id, p.first) {
			continue
		}
		late := tracker.Event{Type: []byte("page_view"), Time: p.first, Received: s.Moment() + 1, Fields: []tracker.Field{field(tracker.Property, "path", text("/price"))}}
		next := late
		next.Time = s.Moment() + 1
		later[i].events = append([]tracker.Event{late}, append(slices.Clone(p.events), next)...)
		slices.SortStableFunc(later[i].events, func(a, b tracker.Event) int { return int(a.Time - b.Time) })
	}
	a, b := take(t, ps, o), take(t, later, o)
	a.end()
	b.end()
	if len(a.rows) < 100 || !slices.Equal(a.rows, b.rows) || !slices.Equal(a.hits, b.hits) {
		t.Errorf("what came later changes %d rows", len(a.rows))
	}
	o.ByTime = true
	c := take(t, later, o)
	c.end()
	if slices.Equal(a.hits, c.hits) {
		t.Error("by time, events that were received late are known")
	}
}

// TestSnapshotsLeaveOut counts who cannot teach.
func TestSnapshotsLeaveOut(t *testing.T) {
	l := label(t, "{event: purchase, where: {category: coffee}, within: 30d}")
	s := NewSnapshots(SnapshotOptions{Label: l, Until: 100 * day, ByTime: true})
	lead := func(n byte, first int64, events ...tracker.Event) {
		id := tracker.LeadID{Kind: tracker.UserIdentity, Hash: tracker.Hash{n}}
		if s.Lead(id, first) {
			for i := range events {
				if err := s.Event(&events[i], id, func(*tracker.Event) error { return nil }); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	bought := func(at int64, what string) tracker.Event {
		return tracker.Event{Type: []byte("purchase"), Time: at, Fields: []tracker.Field{field(tracker.Property, "category", text(what))}}
	}
	view := tracker.Event{Type: []byte("page_view"), Time: 1}
	no := view
	no.Consent = tracker.ConsentDenied
	no.Decision = true
	lead(1, 80*day, view)
	lead(2, 1, bought(1, "coffee"))
	lead(3, 1, view, no)
	lead(4, 1, view, bought(99*day, "coffee"))
	lead(5, 1, view)
	m := s.Moment()
	s.end()
	if m < hour || m > 70*day+1 {
		t.Errorf("looked at %d", m)
	}
	lead(6, 1, view, bought(71*day, "tea"))
	table, err := s.Table()
	if err != nil {
		t.Fatal(err)
	}
	if w := (FromLog{Version: FeaturesVersion, Leads: 6, Censored: 1, Already: 1, Denied: 1, By: "time", Until: 100 * day}); s.about != w {
		t.Errorf("%+v, want %+v", s.about, w)
	}
	if table.Len() != 3 || table.Conversions() != 0 {
		t.Errorf("%d rows, %d converted", table.Len(), table.Conversions())
	}
	empty := NewSnapshots(SnapshotOptions{Label: l, Until: 100 * day})
	empty.Lead(tracker.LeadID{}, 99*day)
	if _, err := empty.Table(); err == nil || !strings.Contains(err.Error(), "--by time") {
		t.Errorf("nothing to learn from: %v", err)
	}
}

// TestAttributeLabel: an attribute that is set is a conversion, too, and no feature.
func TestAttributeLabel(t *testing.T) {
	ps := pasts(200, 2)
	for i := range ps {
		if i%2 == 0 {
			at := ps[i].first + 65*day
			ps[i].events = append(ps[i].events, tracker.Event{Type: []byte("identify"), Time: at, Received: at, Fields: []tracker.Field{field(tracker.Trait, "stage", text("customer"))}})
		}
	}
	s := take(t, ps, SnapshotOptions{Label: label(t, "{when: {stage: customer}, within: 60d}"), Until: 900 * day})
	table, err := s.Table()
	if err != nil {
		t.Fatal(err)
	}
	if k := table.Conversions(); k < 5 || k > 100 {
		t.Errorf("%d converted", k)
	}
	if slices.ContainsFunc(table.columns, func(c *column) bool { return c.attr == "stage" }) {
		t.Error("the label is learned from")
	}
}

// TestSnapshotIsWhatTheModelSees is the same of models, of both kinds.
func TestSnapshotIsWhatTheModelSees(t *testing.T) {
	ps := pasts(3000, 4)
	o := SnapshotOptions{Label: label(t, "won within 60d"), Until: 800 * day, Seed: 5}
	for _, kind := range []string{KindLogistic, KindTrees} {
		s := take(t, ps, o)
		table, err := s.Table()
		if err != nil {
			t.Fatal(err)
		}
		r, err := Run(t.Context(), table, Options{Name: "learned", Seed: 5, Model: kind, Plan: "weekly"})
		if err != nil {
			t.Fatal(err)
		}
		model, err := scorecard.Parse("model.json", r.Model)
		if err != nil {
			t.Fatalf("%v\n%s", err, r.Model)
		}
		if _, err := compile.Module(model); err != nil {
			t.Fatal(err)
		}
		card, err := scorecard.Parse("card.yaml", r.Card)
		if err != nil || card.Label == nil || card.Plan == nil {
			t.Errorf("%v\n%s", err, r.Card)
		}
		rows, counts := table.allRows(), 0
		for _, f := range model.Model.Features {
			counts += int(bit(f.Keeper() != nil))
		}
		if counts < 3 || counts == len(model.Model.Features) {
			t.Errorf("%s: %d of %d features count", kind, counts, len(model.Model.Features))
		}
		var want scored
		if f := new(scorecard.ModelFile); kind == KindTrees {
			few := table.remembered(rows, planFor(table.Conversions(), nil))
			want = fitBoost(few, rows, 5).writeTrees(f, few, rows)
		} else {
			want = fitCard(table, rows, planFor(table.Conversions(), nil)).writeLogistic(f, rows)
		}
		by := map[int64]int{}
		for i, row := range s.rows {
			by[row.at] = i
		}
		checked := 0
		for i := range ps {
			again := NewSnapshots(s.o)
			if !again.Lead(ps[i].id, ps[i].first) {
				continue
			}
			row, ok := by[again.Moment()]
			if !ok {
				continue
			}
			checked++
			if points, _ := walked(model, &ps[i], again.Moment()); points != want.points[row] {
				t.Fatalf("%s: lead %d at %d: the model says %v points, the learner %v\n%s", kind, i, again.Moment(), points, want.points[row], r.Model)
			}
		}
		if checked < len(s.rows)*9/10 {
			t.Errorf("%d of %d rows were compared", checked, len(s.rows))
		}
	}
}
