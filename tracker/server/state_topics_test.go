package server

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

const topicsCard = `
scorecard: saas
dimensions:
  cares:
    kind: attributes
    groups:
      all: {rules: [
        {id: keen, when: 'affinity(prices) >= 2', points: 40},
        {id: opens, when: 'open_rate() > 0.4', points: 15},
        {id: stays, when: 'dwell("/pricing*") >= 60 || returns("/about") >= 1', points: 10},
        {id: shares, when: 'shares("/about") >= 1', points: 5}]}
  does:
    kind: behaviour
    groups:
      all: {rules: [{id: looks, event: page_view, where: {topic.prices: {gte: 1}}, points: 9, half_life: 5d}]}
gates:
  - {when: 'affinity(us, 2d) - affinity(prices) > 1', max: 20}
`

const topicsYAML = `
topics:
  prices: {paths: ["/pricing*"], campaigns: ["news"]}
  us: {paths: ["/about"]}
half_life: 20d
`

func topicMapRecord(yaml string, version int) storage.Record {
	return storage.Record{
		Tenant: testTenant, Kind: storage.KindControl,
		Row: tracker.AppendActivation(nil, tracker.Activation{Card: tracker.TopicMap, Version: version, YAML: []byte(yaml)}),
	}
}

// Whatever the order in which events and the map come, in what batches, and whatever
// crashes in between, leads end with the same scores, reasons and interests, to the
// byte, and so they do when the log is read again.
func TestInterestsInAnyOrder(t *testing.T) {
	for seed := range uint64(seeds(5)) {
		var want []byte
		var facts []*fact
		for try := range uint64(3) {
			w := newWorld(t, seed)
			w.cfg.baseEvery = 4 * (seed % 2)
			w.crash()
			if facts == nil {
				facts = w.interested()
			}
			w.publish(topicsCard, 2)
			w.rnd = rand.New(rand.NewPCG(seed, try))
			recs := []storage.Record{topicMapRecord(topicsYAML, 2)}
			for _, f := range facts {
				recs = append(recs, w.record(f))
			}
			w.now = w.start + 21*day
			w.rnd.Shuffle(len(recs), func(i, j int) { recs[i], recs[j] = recs[j], recs[i] })
			w.batches(recs)
			if got := w.shown(); want == nil {
				want = got
			} else if !bytes.Equal(got, want) {
				t.Fatalf("seed %d: another order shows\n%s\nthan\n%s", seed, got, want)
			}
			w.rebuild()
			if got := w.shown(); !bytes.Equal(got, want) {
				t.Fatalf("seed %d: read again the log shows\n%s\nnot\n%s", seed, got, want)
			}
		}
		for _, part := range []string{`"Topic":"prices"`, `"Topic":"us"`, `"OpenRate":`, `"Rule":"keen"`, `"Rule":"looks"`} {
			if seed == 0 && !bytes.Contains(bytes.ReplaceAll(want, []byte(`"rule"`), []byte(`"Rule"`)), []byte(part)) {
				t.Fatalf("nothing shows %s:\n%s", part, want)
			}
		}
	}
}

// interested are events of which many tell what somebody cares about.
func (w *world) interested() (facts []*fact) {
	for i := range 90 {
		f := w.one(uint64(i + 1))
		if f.typ == "page_view" || f.typ == "form_submit" {
			f.typ = w.pick("page_view", "page_view", "engaged", "share", "download", "email_open", "email_sent")
		}
		if f.typ == "email_open" || f.typ == "email_sent" {
			f.message = w.pick("news", "m1", "m2")
		}
		facts = append(facts, f)
	}
	return facts
}

// batches appends records, some at a time, with turns and crashes in between.
func (w *world) batches(recs []storage.Record) {
	for len(recs) > 0 {
		n := min(1+w.rnd.IntN(9), len(recs))
		w.append(recs[:n]...)
		recs = recs[n:]
		switch w.rnd.IntN(5) {
		case 0:
			w.turns()
		case 1:
			w.turns()
			w.crash()
		}
	}
	w.turns()
}

// A tenant whose map is taken away knows of no interests, and its cards' rules of
// topics hold no more; those of behaviour do.
func TestNoMapNoInterests(t *testing.T) {
	w := newWorld(t, 1)
	w.publish(topicsCard, 2)
	w.append(topicMapRecord(topicsYAML, 1))
	for _, f := range w.interested() {
		w.append(w.record(f))
	}
	w.now = w.start + 21*day
	w.turns()
	if got := w.shown(); !bytes.Contains(got, []byte(`"Topic":`)) {
		t.Fatalf("there is a map and nobody cares:\n%s", got)
	}
	w.append(topicMapRecord("topics: {}", 2))
	w.turns()
	w.crash()
	w.turns()
	got := w.shown()
	for _, gone := range []string{`"Topic":`, `"rule":"keen"`, `"rule":"looks"`} {
		if bytes.Contains(got, []byte(gone)) {
			t.Errorf("there is no map and %s is left", gone)
		}
	}
	if !bytes.Contains(got, []byte(`"rule":"opens"`)) {
		t.Errorf("nobody opens mails any more:\n%s", got)
	}
	var l tracker.Lead
	if err := json.NewDecoder(bytes.NewReader(got)).Decode(&l); err != nil || l.Interests != nil || l.TopTopic() != "" {
		t.Errorf("interests %+v: %v", l.Interests, err)
	}
}

// The map outlives the days of the log that it came in, and an older one that is
// carried does not come back.
func TestTopicMapIsCarried(t *testing.T) {
	w := newWorld(t, 3)
	w.publish(topicsCard, 2)
	w.append(topicMapRecord("topics: {old: {paths: [\"*\"]}}", 1))
	for _, f := range w.interested() {
		f.user = w.pick("u0", "u1") // nothing of theirs is dropped
		w.append(w.record(f))
	}
	w.turns()
	w.now += 60 * day
	w.append(topicMapRecord(topicsYAML, 2))
	w.turns()
	for range 2 { // the second takes away what the first one left
		if r := w.pass(20*24*time.Hour, nil); r.Records == 0 {
			t.Fatal("nothing was dropped")
		}
		w.turns()
		want := w.shown()
		if !bytes.Contains(want, []byte(`"Topic":"prices"`)) || bytes.Contains(want, []byte(`"Topic":"old"`)) {
			t.Fatalf("the map in force is not the last:\n%s", want)
		}
		w.rebuild()
		if got := w.shown(); !bytes.Equal(got, want) {
			t.Fatalf("read again what was kept shows\n%s\nnot\n%s", got, want)
		}
		w.now += 60 * day
		w.turns()
	}
}
