package score

import (
	"errors"
	"slices"
	"testing"

	"ripen/tracker"
	"ripen/wasm/scorecard"
)

// TestAbout: what an event is about is told without opening it where its path says so,
// and by what is sealed where a pattern asks for it.
func TestAbout(t *testing.T) {
	parse := func(src string) *scorecard.Topics {
		m, err := scorecard.ParseTopics("topics.yaml", []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	words := func(space tracker.Space, name, v string) tracker.Field {
		return tracker.Field{Space: space, Name: []byte(name), Value: tracker.Value{Tag: tracker.String, Str: []byte(v)}}
	}
	f := func(m *scorecard.Topics, typ string, clear, sealed tracker.Field, opens bool, want ...string) {
		t.Helper()
		opened := false
		e := &tracker.Event{Type: []byte(typ), Fields: []tracker.Field{clear}}
		got, err := About(m, e, func(e *tracker.Event) error {
			opened, e.Personal = true, []tracker.Field{sealed}
			return nil
		})
		if err != nil || opened != opens || !slices.Equal(got, want) {
			t.Errorf("%s: %q, opened %v, %v; want %q, %v", typ, got, opened, err, want, opens)
		}
	}
	paths := parse(`{topics: {prices: {paths: ["/prices*"]}, all: {paths: ["/*"]}, mails: {campaigns: [may]}}, weights: {email_open: 0}}`)
	titles := parse(`{topics: {prices: {titles: ["*price*"]}}}`)
	path, title := words(tracker.Property, "path", "/prices/pro"), words(tracker.Property, "title", "All prices")
	f(paths, "page_view", path, title, false, "prices", "all")
	f(titles, "page_view", path, title, true, "prices")
	f(paths, "email_click", words(tracker.Property, "message", "may"), words(tracker.Property, "link", "https://a.example/prices?x"), true, "prices", "all", "mails")
	f(paths, "email_open", words(tracker.Property, "message", "may"), title, false)
	f(paths, "signup", path, title, false)
	erased := errors.New("erased")
	if _, err := About(titles, &tracker.Event{Type: []byte("page_view")}, func(*tracker.Event) error { return erased }); !errors.Is(err, erased) {
		t.Errorf("an event that cannot be opened: %v", err)
	}
}
