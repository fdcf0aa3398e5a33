package tenant

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ripen/tracker"
)

// A topic map comes into force by the log, as cards do, and is none of them.
func TestTopicMap(t *testing.T) {
	w := newWorld(t)
	acme := w.create("acme")
	set := func(yaml string) error {
		_, err := w.SetTopics(context.Background(), acme.ID, []byte(yaml))
		return err
	}
	err := set("topics:\n  a: {path: [/x]}\n")
	if tracker.KindOf(err) != tracker.KindInvalid || !strings.Contains(fmt.Sprint(err), "topics.yaml:2:7: a topic has no key \"path\"; did you mean paths?") {
		t.Errorf("a wrong map: %v", err)
	}
	for range 2 {
		if err := set("topics: {a: {titles: [\"*x*\"]}}\n"); err != nil {
			t.Fatal(err)
		}
	}
	w.draft(acme, "saas", card("saas", "path", 7))
	if _, err := w.Publish(context.Background(), acme.ID, "saas", false); err != nil {
		t.Fatal(err)
	}
	if err := set("topics: {}\n"); err != nil { // while a card is in force
		t.Fatal(err)
	}
	w.reopen()
	row, err := w.Topics(acme.ID)
	if err != nil || row.Current != 3 || len(row.Versions) != 3 || string(row.Version(3).YAML) != "topics: {}\n" {
		t.Errorf("the map is %+v: %v", row, err)
	}
	now := w.Tenant(acme.ID)
	if _, clear := now.Clear["title"]; !clear || now.Ranking != "saas" {
		t.Errorf("the tenant is %+v", now)
	}
	if cards, err := w.Cards(acme.ID); err != nil || len(cards) != 1 || cards[0].Name != "saas" {
		t.Errorf("the cards are %+v: %v", cards, err)
	}
	if got := w.activations(acme); !slices.Equal(got, []string{"topic map@1", "topic map@2", "saas@1", "topic map@3"}) {
		t.Errorf("the log says %v", got)
	}
}
