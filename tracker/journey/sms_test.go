package journey_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// provider is an SMS provider of our own: what it was asked to send.
type provider struct {
	*httptest.Server
	asked chan url.Values
}

func newProvider(t *testing.T) *provider {
	p := &provider{asked: make(chan url.Values, 10)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if err := r.ParseForm(); err != nil || user != "AC1" || password != "token" {
			t.Errorf("%s:%s %v", user, password, err)
		}
		p.asked <- r.PostForm
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(p.Close)
	return p
}

// reply posts what Twilio posts when somebody answers.
func (w *world) reply(key, token, sid, from, text string) (int, string) {
	w.t.Helper()
	at := w.URL + "/hooks/twilio?writeKey=" + key
	form := url.Values{"MessageSid": {sid}, "From": {from}, "To": {"+34900"}, "Body": {text}}
	signed := public + "/hooks/twilio?writeKey=" + key
	for _, name := range []string{"Body", "From", "MessageSid", "To"} {
		signed += name + form.Get(name)
	}
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(signed))
	req, err := http.NewRequestWithContext(w.t.Context(), "POST", at, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.Settle()
	return resp.StatusCode, string(b)
}

// texting is a tracker with an SMS provider and a journey that asks.
type texting struct {
	*world
	provider *provider
	key      string // of the source of replies
}

func startTexting(t *testing.T) *texting {
	w := &texting{world: start(t), provider: newProvider(t)}
	w.unasked = true
	w.Call("POST", "/v1/webhooks", w.SecretKey, map[string]any{"name": "sms", "url": w.provider.URL + "/Messages.json", "shape": "twilio", "auth": "AC1:token", "from": "+34900"}, nil)
	var src struct {
		WriteKey string `json:"write_key"`
	}
	w.Call("POST", "/v1/admin/sources", w.AdminKey, map[string]any{"name": "sms", "kind": "twilio", "secret": "token-of-twilio"}, &src)
	w.key = src.WriteKey
	w.publish("journeys", "s", `journey: s
enter: {event: hello, again: always}
goal: {event: purchase}
caps: {sms: {most: 3, per: 7d}}
steps:
  - {id: ask, message: {channel: sms, to: sms, text: "Hi {{ name | there }}, still happy? Answer YES. {{ shop | }}"}}
  - {id: answer, wait: {event: sms_replied, timeout: 3d, else: gone}}
  - {id: thanks, message: {channel: sms, to: sms, text: "Thank you"}}
  - {exit: answered}
  - {id: gone, exit: silent}
`, "")
	return w
}

// know tells a number and a name of somebody, and whether marketing may write.
func (w *texting) know(user, phone, name string, yes bool) {
	w.t.Helper()
	w.send(map[string]any{
		"type": "identify", "userId": user, "traits": map[string]any{"phone": phone, "name": name},
		"context": map[string]any{"consent": map[string]any{"categoryPreferences": map[string]bool{"marketing": yes, "profiling": true}}},
	})
}

// asked waits until the provider was asked to send.
func (w *texting) asked(want string) {
	w.t.Helper()
	select {
	case form := <-w.provider.asked:
		w.want(form.Get("To")+" "+form.Get("From")+" "+form.Get("Body"), want)
	case <-time.After(20 * time.Second): // the world is not ours to step
		w.t.Fatal("nothing was sent")
	}
}

// says lets somebody answer.
func (w *texting) says(sid, from, text string) (int, string) {
	w.t.Helper()
	return w.reply(w.key, "token-of-twilio", sid, from, text)
}

// An SMS goes to who said yes and has a number; the answer is the person's event,
// moves the journey, and a stop is a no to whatever would follow.
func TestSMS(t *testing.T) {
	w := startTexting(t)
	w.know("ana", "+34 600-111-222", "http://evil.example", true)
	w.know("bea", "+34600333444", "Bea", false)
	w.know("cid", "none", "Cid", true)
	for _, user := range []string{"ana", "bea", "cid"} {
		w.track(user, "Hello", nil)
	}
	w.asked("+34600111222 +34900 Hi there, still happy? Answer YES. ")
	w.want(w.intents(), []string{"sms sms"})
	w.want(w.messages("bea"), []string{"the person did not allow marketing"})
	w.want(w.messages("cid"), []string{"the lead has no phone with its country, like +34600111222"})

	if status, body := w.reply(w.key, "another token", "SM1", "+34600111222", "Yes"); status != 401 || !strings.Contains(body, "signature does not fit") {
		t.Errorf("%d %s", status, body)
	}
	w.want(w.place("ana").Journeys[0].Step, "answer")
	for range 2 { // told twice, counted once
		if status, body := w.says("SM1", "+34600111222", "Yes"); status != 200 || body != "<Response></Response>\n" {
			t.Errorf("%d %s", status, body)
		}
	}
	w.asked("+34600111222 +34900 Thank you")
	w.want(w.place("ana").Journeys[0].Why, "answered")
	w.says("SM2", "+34600999999", "who is this?") // nobody we wrote to
	w.Advance(time.Second)
	w.says("SM3", "+34600111222", " Stop. ")
	w.track("ana", "Hello", nil)
	w.want(len(w.intents()), 2)
	var impact struct {
		Sent, Wanted, Answered int
		Touches                []struct{ Channel string }
	}
	w.Call("GET", "/v1/leads/ana/impact", w.SecretKey, nil, &impact)
	w.want([]any{impact.Sent, impact.Wanted, impact.Answered, impact.Touches[0].Channel}, []any{2, 2, 2, "sms"})
	var page struct {
		Events []struct{ Type string }
	}
	w.Call("GET", "/v1/leads/ana/events", w.SecretKey, nil, &page)
	n := 0
	for _, e := range page.Events {
		if e.Type == "sms_replied" {
			n++
		}
	}
	w.want(n, 2)
	// Who is erased has no number any more.
	w.Call("DELETE", "/v1/leads/ana", w.SecretKey, nil, nil)
	w.Settle()
	w.says("SM4", "+34600111222", "Hello?")
	if status, _ := w.Do("GET", "/v1/leads/ana", w.SecretKey, nil); status != 404 {
		t.Errorf("a reply brought an erased lead back: %d", status)
	}
	if len(w.provider.asked) != 0 {
		t.Error("more was sent")
	}
}

// The number that said stop gets nothing, whoever has it now, until it says start; nor
// does one that somebody put on the list.
func TestSilentNumbers(t *testing.T) {
	w := startTexting(t)
	w.know("ana", "+34600111222", "Ana", true)
	w.track("ana", "Hello", nil)
	w.asked("+34600111222 +34900 Hi Ana, still happy? Answer YES. ")
	w.says("SM1", "+34600111222", "yes")
	w.asked("+34600111222 +34900 Thank you")
	w.says("SM2", "+34600111222", "Baja")
	w.says("SM3", "+34600555666", "stop") // nobody we know
	w.Call("DELETE", "/v1/leads/ana", w.SecretKey, nil, nil)
	w.Settle()
	w.know("gil", "+34600555666", "Gil", true)
	w.track("gil", "Hello", nil)
	w.want(w.messages("gil"), []string{"the number gets no messages any more: unsubscribe"})
	w.know("dan", "0034 600.111.222", "Dan", true)
	w.track("dan", "Hello", nil)
	w.want(w.messages("dan"), []string{"the number gets no messages any more: unsubscribe"})
	var said struct {
		Suppressed bool
		Why        string
	}
	w.Call("GET", "/v1/mail/suppressed/+34600111222", w.SecretKey, nil, &said)
	w.want(said, struct {
		Suppressed bool
		Why        string
	}{true, "unsubscribe"})
	w.Advance(time.Second)
	w.says("SM5", "+34600111222", "start")
	w.know("eva", "+34600111222", "Eva", true)
	w.track("eva", "Hello", nil)
	w.asked("+34600111222 +34900 Hi Eva, still happy? Answer YES. ")
	s := w.stats("s")["s@1"].Answers
	w.want([]any{s["ask"], s["thanks"]}, []any{map[string]int{"replied": 1}, map[string]int{"unsubscribed": 1}})
	w.Call("PUT", "/v1/mail/suppressed/+34600333444", w.SecretKey, nil, nil)
	w.know("fay", "+34600333444", "Fay", true)
	w.track("fay", "Hello", nil)
	w.want(w.messages("fay"), []string{"the number gets no messages any more: by hand"})
}
