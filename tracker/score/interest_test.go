package score

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

const day = 24 * hour

const someTopics = `
topics:
  prices: {paths: ["/pricing*", "*tarifa*"], titles: ["*Price*"], campaigns: ["spring-*"]}
  us: {paths: ["/about"]}
half_life: 10d
`

func topicDeck(t testing.TB) Deck {
	t.Helper()
	topics, err := scorecard.ParseTopics("t.yaml", []byte(someTopics))
	if err != nil {
		t.Fatal(err)
	}
	d := NewDeck(1)
	d.Topics = topics
	return d
}

func did(typ string, at int64, fields ...string) *tracker.Event {
	e := &tracker.Event{Type: []byte(typ), Time: at, Seq: uint64(at)}
	for i := 0; i+1 < len(fields); i += 2 {
		space := tracker.Property
		if fields[i] == "campaign.name" {
			space = tracker.Context
		}
		e.Fields = append(e.Fields, tracker.Field{Space: space, Name: []byte(fields[i]), Value: tracker.Value{Tag: tracker.String, Str: []byte(fields[i+1])}})
	}
	return e
}

// walked walks events through a deck; the fields called sealed are opened on demand.
func walked(t testing.TB, d *Deck, sealed []tracker.Field, events ...*tracker.Event) *Walk {
	t.Helper()
	w := Walker{Open: func(e *tracker.Event) error { e.Personal = sealed; return nil }}
	var k Walk
	d.Begin(&k)
	for _, e := range events {
		if err := w.Event(d, &k, e, tracker.LeadID{Kind: tracker.VisitorIdentity}, sealed != nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Advance(d, &k, k.Last+tracker.MaxSettle); err != nil { // clicks settle
		t.Fatal(err)
	}
	return &k
}

// What an event is about, by each of its texts, and what it weighs.
func TestWhatAnEventIsAbout(t *testing.T) {
	d := topicDeck(t)
	f := func(e *tracker.Event, sealed []tracker.Field, want float64) {
		t.Helper()
		k := walked(t, &d, sealed, e)
		got := 0.0
		if i := d.Interests(k, e.Time); len(i.Topics) > 0 && i.Topics[0].Topic == "prices" {
			got = i.Topics[0].Value
		}
		if got != want {
			t.Errorf("%s %v weighs %v for prices, want %v", e.Type, e.Fields, got, want)
		}
	}
	said := func(name, s string) []tracker.Field {
		return []tracker.Field{{Space: tracker.Property, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(s)}}}
	}
	f(did("page_view", 1, "path", "/pricing/x"), nil, 1)
	f(did("page_view", 1, "path", "/x"), nil, 0)
	f(did("page_view", 1, "path", "/x", "title", "Price list"), nil, 1)
	f(did("page_view", 1, "path", "/x"), said("title", "Price list"), 1) // from before the map
	f(did("page_view", 1, "path", "/x", "campaign.name", "spring-26"), nil, 1)
	f(did("download", 1, "file", "https://acme.example/files/tarifa.pdf#page=2"), nil, 3)
	f(did("download", 1, "path", "/x"), said("file", "tarifa.pdf"), 3)
	f(did("email_open", 1, "message", "spring-news"), nil, 1)
	f(did("email_click", 1, "message", "m"), said("url", "https://acme.example/pricing?id=7"), 2)
	f(did("email_click", 1, "message", "m"), said("url", "https://acme.example?x=/pricing"), 0)
	f(did("purchase", 1, "path", "/pricing"), nil, 0)
	bot := did("page_view", 1, "path", "/pricing")
	bot.Machine = tracker.Bot
	f(bot, nil, 0)
	proxy := did("email_open", 1, "message", "spring-news")
	proxy.Machine = tracker.Proxy
	f(proxy, nil, 1)
}

// Affinity is what its closed form says: the sum of the weights, each halved since.
func TestAffinityInClosedForm(t *testing.T) {
	d := topicDeck(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var events []*tracker.Event
		at, sum := int64(1000), func(now int64) float64 { return 0 }
		for range 1 + rnd.IntN(30) {
			at += rnd.Int64N(5 * day)
			typ, weight := "page_view", 1.0
			if rnd.IntN(3) == 0 {
				typ, weight = "download", 3
			}
			when, before := at, sum
			sum = func(now int64) float64 { return before(now) + weight*math.Exp2(-float64(now-when)/float64(10*day)) }
			events = append(events, did(typ, at, "path", "/pricing"))
		}
		k := walked(t, &d, nil, events...)
		now := at + rnd.Int64N(30*day)
		if got, want := d.Interests(k, now).Topics[0].Value, sum(now); math.Abs(got-want) > 1e-9 {
			t.Fatalf("%d events: %v, want %v", len(events), got, want)
		}
	}
}

func TestInterestsOfAWalkAreStored(t *testing.T) {
	d := topicDeck(t)
	engaged := did("engaged", 7*hour, "path", "/about")
	engaged.Fields = append(engaged.Fields, tracker.Field{Space: tracker.Property, Name: []byte("seconds"), Value: tracker.Value{Tag: tracker.Int, Num: 42}})
	k := walked(t, &d, nil, did("page_view", hour, "path", "/about"), did("email_sent", 2*hour, "message", "a"), did("email_delivered", 2*hour, "message", "a"),
		did("email_sent", 2*hour, "message", "b"), did("email_open", 3*hour, "message", "a"), did("share", 4*hour), did("page_view", 5*hour, "path", "/about"), engaged)
	want := &tracker.Interests{
		Topics: []tracker.Affinity{{Topic: "us", Value: 1 + math.Exp2(-4.0/240)}},
		Pages:  []tracker.PageUse{{Path: "/about", Seconds: 42, Visits: 2}},
		Mails:  2, Opened: 1, OpenRate: 0.5, Shares: 1,
	}
	got := d.Interests(k, 5*hour)
	if math.Abs(got.Topics[0].Value-want.Topics[0].Value) > 1e-12 {
		t.Errorf("affinity %v, want %v", got.Topics[0].Value, want.Topics[0].Value)
	}
	want.Topics[0].Value = got.Topics[0].Value
	if !reflect.DeepEqual(got, want) || got.Pages[0].Returns() != 1 {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if l := (&tracker.Lead{Interests: got}); l.TopTopic() != "us" {
		t.Errorf("the top topic is %q", l.TopTopic())
	}
	b := k.Append(nil)
	var again Walk
	if err := again.Decode(b, new(Texts)); err != nil || !reflect.DeepEqual(again.interest, k.interest) || !bytes.Equal(again.Append(nil), b) {
		t.Errorf("%+v was stored as %+v: %v", k.interest, again.interest, err)
	}
}

// Of many pages those stay that were seen last.
func TestPagesSeenLastStay(t *testing.T) {
	d := topicDeck(t)
	var events []*tracker.Event
	for i := range int64(40) {
		events = append(events, did("page_view", (i+1)*hour, "path", "/"+string(rune('A'+i))))
		events = append(events, did("page_view", (i+1)*hour, "path", "/home"))
	}
	got := d.Interests(walked(t, &d, nil, events...), 50*hour)
	if len(got.Pages) != pagesMost || got.Pages[0].Path != "/home" || got.Pages[0].Visits != 40 || got.Pages[1].Path != "/Z" && got.Pages[1].Path < "/Z" {
		t.Errorf("kept %+v", got.Pages)
	}
}

// Without a map a walk keeps nothing of interests but when mails are read, and they
// are nil.
func TestWithoutAMap(t *testing.T) {
	d := NewDeck(1)
	k := walked(t, &d, nil, did("page_view", 1, "path", "/pricing"), did("share", 2))
	if k.interest != nil || d.Interests(k, 5) != nil {
		t.Errorf("kept %+v", k.interest)
	}
	k = walked(t, &d, nil, did("page_view", 1, "path", "/pricing"), did("email_open", 2, "message", "m"))
	if i := k.interest; i.topics != nil || i.pages != nil || i.opened.n != 0 || len(i.reads) != 1 || d.Interests(k, 5) != nil {
		t.Errorf("kept %+v beside when they read", k.interest)
	}
}
