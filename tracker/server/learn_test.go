package server

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/export"
)

// blogCard knows nothing of what tells who will be won: reading the blog does not.
const blogCard = `scorecard: shop
label: won within 20d
learn: %s
dimensions:
  engagement:
    kind: behaviour
    max: 100
    groups:
      blog: {rules: [{id: blog, event: page_view, where: {path: "/blog*"}, points: 20}]}
bands: [{name: cold, from: 0}, {name: hot, from: 20}]
`

// learning is a server whose clock and learner the test moves.
type learning struct {
	*Server
	t      *testing.T
	dir    string
	stop   func()
	now    atomic.Int64
	tenant tracker.TenantID
	rand   *rand.Rand
	people int
	wins   map[int64][]int // :: day → who is won
}

func startLearning(t *testing.T, dir string) *learning {
	b := &learning{t: t, dir: dir, rand: rand.New(rand.NewPCG(1, 2)), wins: map[int64][]int{}}
	b.now.Store(1_763_784_000_000)
	b.start()
	return b
}

func (b *learning) start() {
	b.t.Helper()
	b.Server, b.stop = startServer(b.t, Config{Data: b.dir, unlearned: true, Now: func() time.Time { return time.UnixMilli(b.now.Load()) }})
	if list := b.registry.Tenants(); len(list) > 0 {
		b.tenant = list[0].ID
	}
}

func (b *learning) restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

// live lets days pass, each with new people: half look at prices, of whom more are won
// some days later.
func (b *learning) live(days int) {
	b.t.Helper()
	add := func(who int, typ, path string) {
		var fs []tracker.Field
		if path != "" {
			fs = append(fs, text(tracker.Property, "path", path))
		}
		at := b.now.Add(1000)
		r := event(uint64(at), typ, at, fmt.Sprint("v", who), "", "", fs, nil)
		r.Tenant = storage.Tenant(b.tenant)
		if err := b.db.Log().Append(b.t.Context(), 0, []storage.Record{r}); err != nil {
			b.t.Fatal(err)
		}
	}
	for range days {
		today := b.now.Load() / day
		for range 6 {
			b.people++
			path, odds := []string{"/prices", "/team"}[b.people%2], []float64{.6, .25}[b.people%2]
			add(b.people, "page_view", path)
			if b.rand.IntN(2) == 0 {
				add(b.people, "page_view", "/blog/a")
			}
			if b.rand.Float64() < odds {
				on := today + 3 + b.rand.Int64N(15)
				b.wins[on] = append(b.wins[on], b.people)
			}
		}
		for _, who := range b.wins[today] {
			add(who, "won", "")
		}
		b.pass(time.Duration((today+1)*day-b.now.Load()) * time.Millisecond)
	}
	settleAll(b.t, b.Server)
}

func (b *learning) pass(d time.Duration) { b.now.Add(d.Milliseconds()) }

// turn lets the learner do what is to be done now.
func (b *learning) turn() {
	b.t.Helper()
	settleAll(b.t, b.Server)
	if err := b.learner.turn(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *learning) publish(plan string) {
	b.t.Helper()
	if _, err := b.registry.Draft(b.tenant, "shop", fmt.Appendf(nil, blogCard, plan)); err != nil {
		b.t.Fatal(err)
	}
	if _, err := (inForce{b.registry, b.Server}).Publish(b.t.Context(), b.tenant, "shop", true); err != nil {
		b.t.Fatal(err)
	}
}

// trained are the trainings, newest first.
func (b *learning) trained(want int) []tracker.Training {
	b.t.Helper()
	list, err := b.learner.List(b.tenant, "shop", 0, 100)
	if err != nil {
		b.t.Fatal(err)
	}
	if len(list) != want {
		b.t.Fatalf("%d trainings, want %d: %+v", len(list), want, list)
	}
	return list
}

func (b *learning) card() *tracker.Card {
	b.t.Helper()
	all, err := b.registry.Cards(b.tenant)
	if err != nil || len(all) != 1 {
		b.t.Fatalf("%d cards, %v", len(all), err)
	}
	return &all[0]
}

// lived is a tenant with a past.
func lived(t *testing.T, plan string) *learning {
	b := startLearning(t, t.TempDir())
	tenant, _, _, err := b.registry.Create("acme", "", "")
	if err != nil {
		t.Fatal(err)
	}
	b.tenant = tenant.ID
	b.live(130)
	b.publish(plan)
	b.turn()
	return b
}

// TestLearner leads a plan through its time: nothing before it, then a challenger that
// runs as a shadow over a restart and is put in force; what it learned is what is learned
// by hand as of the same moment, whatever came since.
func TestLearner(t *testing.T) {
	b := lived(t, "{every: 1w, publish: if_better, shadow: 2d, moves: 100%, seed: 5}\ngates: [{id: rival, when: {company: Rival}, max: 5}]")
	b.live(6)
	b.turn()
	b.trained(0)
	b.live(1)
	b.turn()
	r := b.trained(1)[0]
	if r.State != tracker.TrainingShadows || r.Cause != tracker.TrainedByTime || r.Champion != "shop@1" || r.Version != "shop@2" || r.Lift <= r.OldLift || r.Brier >= r.OldBrier {
		t.Fatalf("%+v", r)
	}
	if r.Conversions < 50 || r.AUC < .55 || r.AUCTime == 0 || r.AUCWithin == 0 || r.Drift == 0 || r.Until-r.Shadow != 2*day {
		t.Errorf("%+v", r)
	}
	if sh := b.registry.Tenant(b.tenant).Shadow; sh == nil || sh.Name() != "shop@2" || b.card().Current != 1 {
		t.Fatalf("shadow %+v, in force %d", sh, b.card().Current)
	}
	b.live(1)
	b.restart()
	b.turn()
	if r := b.trained(1)[0]; r.State != tracker.TrainingShadows {
		t.Fatalf("decided early: %+v", r)
	}
	b.live(1)
	b.turn()
	r = b.trained(1)[0]
	if c := b.card(); r.State != tracker.TrainingPublished || c.Current != 2 || len(c.Versions) != 2 || b.registry.Tenant(b.tenant).Shadow != nil {
		t.Fatalf("%+v, in force %d", r, c.Current)
	}
	source := string(b.card().Version(2).YAML)
	if !strings.Contains(source, "learn: {every: 1w, publish: if_better, shadow: 2d, moves: \"100%\", seed: 5}\n") || sumOf([]byte(source)) != r.Sum {
		t.Errorf("what is in force is not what was learned, or has no plan:\n%s", source)
	}
	if !strings.Contains(source, "gates:\n  - {id: \"rival\", when: {company: Rival}, max: ") || !strings.Contains(source, "- {name: hot, from: ") {
		t.Errorf("the gate and the bands of the card that it replaced are gone:\n%s", source)
	}
	b.live(3)
	if again := b.byHand(r.Moment); again != source {
		t.Errorf("by hand, as of the same moment, another card is learned:\n%s\n%s", again, source)
	}
	if again := b.byHand(b.now.Load()); again == source {
		t.Error("10 days later the same is learned: the moment makes no difference")
	}

	// It goes on: the plan is the new card's, and begins a week after the first.
	if _, err := (inForce{b.registry, b.Server}).Rollback(t.Context(), b.tenant, "shop"); err != nil || b.card().Current != 1 {
		t.Fatal(err)
	}
	b.live(1)
	b.turn()
	b.trained(1)
	b.live(2)
	b.turn()
	b.trained(2)
}

// byHand learns as `ripen train --name shop --as-of` does.
func (b *learning) byHand(at int64) string {
	b.t.Helper()
	past, err := b.folder.state().AsOf(b.t.Context(), time.UnixMilli(at))
	if err != nil {
		b.t.Fatal(err)
	}
	defer past.Close()
	p := past.planned()[0]
	out, err := past.Train(b.t.Context(), learnCaller, b.tenant, p.training(), func(int, int) error { return nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return out.YAML
}

// killed is what a killed learner ends with.
type killed struct{}

// TestLearnerKilled kills the learner before and after each of its writes: the next one
// goes on, and in the end there is one training and one more version.
func TestLearnerKilled(t *testing.T) {
	b := lived(t, "{every: 30d, publish: if_better, shadow: 1d, moves: 100%}")
	b.live(30)
	b.stop()
	for n := 1; ; n++ {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(b.dir)); err != nil {
			t.Fatal(err)
		}
		k := &learning{t: t, dir: dir}
		k.now.Store(b.now.Load())
		k.start()
		count, died := 0, false
		k.learner.rows.kill = func() {
			if count++; count == n {
				died = true
				panic(killed{})
			}
		}
		for range 6 {
			func() {
				defer func() {
					if p := recover(); p == (killed{}) {
						k.learner = newLearner(k.Server)
					} else if p != nil {
						panic(p)
					}
				}()
				k.turn()
			}()
			k.pass(8 * time.Hour)
		}
		r, c := k.trained(1)[0], k.card()
		if r.State != tracker.TrainingPublished || c.Current != 2 || len(c.Versions) != 2 || k.registry.Tenant(k.tenant).Shadow != nil {
			t.Errorf("killed at %d: %+v, in force %d of %d", n, r, c.Current, len(c.Versions))
		}
		k.stop()
		if !died {
			if n < 8 {
				t.Errorf("a training is written %d times only", n/2)
			}
			return
		}
	}
}

// TestLearnerNew counts conversions: as many as the plan waits for begin a training, over
// restarts, each once.
func TestLearnerNew(t *testing.T) {
	b := lived(t, "{new: 10%, moves: 100%, publish: if_better}\ngates: [{id: idle, when: \"engagement < 1\", max: 5}]")
	for days := 1; ; days++ {
		b.live(1)
		b.restart()
		b.turn()
		list, err := b.learner.List(b.tenant, "shop", 0, 9)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) > 0 {
			r := list[0]
			if r.Cause != tracker.TrainedByNew || float64(r.New) < .1*float64(r.Of) || float64(r.New) > .1*float64(r.Of)+6 || r.New+r.Of != uint64(b.won()) {
				t.Errorf("after %d days, %d won: %+v", days, b.won(), r)
			}
			break
		}
		if days == 60 {
			t.Fatal("no training begins")
		}
	}
	// The card in force has a gate on its points, which would be lost: it asks, and is seen to be answered.
	b.pass(25 * time.Hour)
	b.turn()
	if r := b.trained(1)[0]; r.State != tracker.TrainingAsks || !strings.Contains(r.Why, "has gate idle,") || b.card().Current != 1 || b.registry.Tenant(b.tenant).Shadow != nil {
		t.Fatalf("%+v, in force %d", r, b.card().Current)
	}
	if _, err := (inForce{b.registry, b.Server}).Publish(t.Context(), b.tenant, "shop", false); err != nil {
		t.Fatal(err)
	}
	b.turn()
	if r := b.trained(1)[0]; r.State != tracker.TrainingPublished || r.Version != "shop@2" {
		t.Errorf("%+v", r)
	}
}

// won counts who was won so far.
func (b *learning) won() (n int) {
	for on, who := range b.wins {
		if on < b.now.Load()/day {
			n += len(who)
		}
	}
	return n
}

// TestLearnerStops shows that guards stop a challenger by name, and that somebody's
// draft or shadow is left alone.
func TestLearnerStops(t *testing.T) {
	b := lived(t, "{every: 30d, moves: 1%}")
	b.live(30)
	b.turn()
	r := b.trained(1)[0]
	if r.State != tracker.TrainingStopped || r.Guard != tracker.GuardMoves || r.Moves <= .01 || b.registry.Tenant(b.tenant).Shadow != nil {
		t.Fatalf("%+v", r)
	}
	mine := fmt.Appendf(nil, blogCard, "{every: 30d, moves: 100%}")
	if _, err := b.registry.Draft(b.tenant, "shop", mine); err != nil {
		t.Fatal(err)
	}
	b.live(30)
	b.turn()
	if r := b.trained(2)[0]; r.State != tracker.TrainingStopped || r.Guard != tracker.GuardDraft || string(b.card().Draft) != string(mine) {
		t.Fatalf("%+v", r)
	}
	b.publish("{every: 30d, moves: 100%}") // the draft is none any more
	b.live(30)
	b.turn()
	if r := b.trained(3)[0]; r.State != tracker.TrainingShadows {
		t.Fatalf("%+v", r)
	}
	if err := b.registry.Unshadow(b.tenant, "shop"); err != nil {
		t.Fatal(err)
	}
	b.turn()
	if r := b.trained(3)[0]; r.State != tracker.TrainingWithdrawn {
		t.Fatalf("%+v", r)
	}
	// A label that nobody reaches teaches nothing.
	never := strings.Replace(fmt.Sprintf(blogCard, "{every: 30d}"), "won within", "wedding within", 1)
	if _, err := b.registry.Draft(b.tenant, "shop", []byte(never)); err != nil {
		t.Fatal(err)
	}
	if _, err := (inForce{b.registry, b.Server}).Publish(t.Context(), b.tenant, "shop", true); err != nil {
		t.Fatal(err)
	}
	b.live(30)
	b.turn()
	if r := b.trained(4)[0]; r.State != tracker.TrainingStopped || r.Guard != tracker.GuardTooFew {
		t.Fatalf("%+v", r)
	}
	// By hand is in the list, and a plan counts from it.
	err := b.learner.Note(b.tenant, b.now.Load(), export.Training{Card: "shop", Label: b.folder.state().planned()[0].label}, b.handMade())
	if err != nil {
		t.Fatal(err)
	}
	if r := b.trained(5)[0]; r.Cause != tracker.TrainedByHand || r.State != tracker.TrainingDrafted {
		t.Fatalf("%+v", r)
	}
	b.live(29)
	b.turn()
	b.trained(5)
}

func (b *learning) handMade() *export.Trained {
	b.t.Helper()
	p := b.folder.state().planned()[0]
	ask := p.training()
	l := *ask.Label
	l.Event = "won"
	ask.Label = &l
	out, err := b.folder.state().Train(context.Background(), learnCaller, b.tenant, ask, func(int, int) error { return nil })
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// TestTrainingsForgets keeps as many trainings as it says, and numbers them on.
func TestTrainingsForgets(t *testing.T) {
	s, _ := startServer(t, Config{unlearned: true})
	tenant, _, _, err := s.registry.Create("acme", "", "")
	if err != nil {
		t.Fatal(err)
	}
	for i := range trainingsKept + 3 {
		r := &tracker.Training{Card: "shop", State: tracker.TrainingKept}
		if err := s.learner.rows.save(tenant.ID, r, &tracker.TrainedCard{YAML: []byte("x"), Report: []byte("{}")}, nil); err != nil {
			t.Fatal(err)
		}
		if r.ID != uint64(i+1) {
			t.Fatalf("number %d, want %d", r.ID, i+1)
		}
	}
	list, err := s.learner.List(tenant.ID, "", 0, 1000)
	if err != nil || len(list) != trainingsKept || list[0].ID != trainingsKept+3 || !slices.IsSortedFunc(list, func(a, b tracker.Training) int { return int(b.ID) - int(a.ID) }) {
		t.Fatalf("%d trainings, %v", len(list), err)
	}
	for _, id := range []uint64{list[0].ID, list[madeKept-1].ID, list[madeKept].ID} {
		_, made, err := s.learner.Get(tenant.ID, id)
		if err != nil || (made != nil) != (id > trainingsKept+3-madeKept) {
			t.Errorf("training %d: %v, %v", id, made, err)
		}
	}
}
