package journey_test

import (
	"net/http"
	"strings"
	"testing"

	"ripen/tracker"
)

// follow asks for a letter's code as a browser does, and returns where it leads.
func (w *world) follow(code, agent string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), "GET", w.URL+"/l/"+code, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("User-Agent", agent)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	w.Settle()
	return resp.StatusCode, resp.Header.Get("Location")
}

// A letter goes to who has an address, is exported once, and its personal code brings
// the person back: that is an event of theirs, which moves the journey.
func TestLetters(t *testing.T) {
	const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	w := start(t)
	w.publish("journeys", "paper", `journey: paper
enter: {event: hello}
goal: {event: purchase}
steps:
  - {id: write, message: {channel: letter, text: "Dear {{ name | customer }}, come and see", link: "https://acme.example/spring?x=1"}}
  - {id: back, wait: {event: letter_answered, timeout: 30d, else: exit}}
  - {id: tell, webhook: {to: crm, type: came.back}}
`, "")
	w.send(map[string]any{"type": "identify", "userId": "ana", "traits": map[string]any{"name": "Ana, \"la\" =1", "address": "Calle Mayor 1", "postal_code": "28013", "city": "Madrid"}})
	w.track("ana", "Hello", nil)
	w.track("bea", "Hello", nil)
	w.want(w.messages("bea"), []string{"the lead has no address: attributes address, postal_code, city, country"})
	w.want(w.place("ana").Journeys[0].Step, "back")

	letters := func(method, path string) []tracker.Letter {
		t.Helper()
		var page struct{ Letters []tracker.Letter }
		w.Call(method, path, w.SecretKey, nil, &page)
		w.Settle()
		return page.Letters
	}
	waiting := letters("GET", "/v1/letters")
	if len(waiting) != 1 || waiting[0].Text != "Dear Ana, \"la\" =1, come and see" || waiting[0].To["city"] != "Madrid" || len(waiting[0].Code) != 10 || waiting[0].Link != public+"/l/"+waiting[0].Code {
		t.Fatalf("%+v", waiting)
	}
	code := waiting[0].Code
	if got := letters("POST", "/v1/letters/export"); len(got) != 1 || got[0].Batch != 1 || got[0].Code != code {
		t.Fatalf("%+v", got)
	}
	w.Restart()
	w.want([]int{len(letters("GET", "/v1/letters")), len(letters("POST", "/v1/letters/export")), len(letters("GET", "/v1/letters?batch=1"))}, []int{0, 0, 1})

	if status, _ := w.follow("AAAAAAAAAA", browser); status != 404 {
		t.Errorf("a code of nobody: %d", status)
	}
	const want = "https://acme.example/spring?utm_campaign=paper&utm_medium=print&utm_source=letter&x=1"
	if status, at := w.follow(code, "curl/8.5.0"); status != 302 || at != want {
		t.Errorf("%d %s", status, at)
	}
	w.want(w.place("ana").Journeys[0].Step, "back") // a machine looked
	for range 2 {
		if status, at := w.follow(strings.ToLower(code[:5])+"-"+code[5:], browser); status != 302 || at != want {
			t.Errorf("%d %s", status, at)
		}
	}
	w.want(w.place("ana").Journeys[0].Why, "done")
	w.want(w.stats("paper")["paper@1"].Answers, map[string]map[string]int{"write": {"answered": 1}})
	var impact struct {
		Sent, Answered int
		Touches        []struct{ Channel, Template string }
	}
	w.Call("GET", "/v1/leads/ana/impact", w.SecretKey, nil, &impact)
	w.want([]any{impact.Sent, impact.Answered, impact.Touches[0].Channel, impact.Touches[0].Template}, []any{1, 1, "letter", "paper@1/write"})

	// Who is erased has no letter any more, and no code.
	w.Call("DELETE", "/v1/leads/ana", w.SecretKey, nil, nil)
	w.Settle()
	w.want(len(letters("GET", "/v1/letters?batch=1")), 0)
	if status, _ := w.follow(code, browser); status != 404 {
		t.Errorf("an erased person's code leads on: %d", status)
	}
}
