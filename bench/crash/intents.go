package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ripen/bench/target"
	"ripen/bench/world"
)

// IntentsConfig says how often to kill a server whose leads walk a journey: each
// is sent a mail, told to a webhook and handed over.
type IntentsConfig struct {
	Binary string
	Dir    string // data directory; the mailbox goes beside it
	Rounds int    // default 10
	Leads  int    // that enter in a round; default 20
	Seed   uint64 // of the moments of death; 0 = from the clock
	Log    io.Writer
}

// IntentsResult is what the world got.
type IntentsResult struct {
	Rounds   int
	Leads    int
	Intents  int // that were made
	Missing  int // leads × 3, less those that came
	Strange  int // came under a key that no intent has, or twice to one lead under two keys
	Repeated int // deliveries beyond the first of a key
	Unknown  int // attempts whose outcome nobody knew: each may have been repeated
	Blind    int // repeats that no unknown attempt accounts for
}

// Err is the broken promise in words, nil if all were kept.
func (r *IntentsResult) Err() error {
	if r.Intents != 3*r.Leads || r.Missing+r.Strange+r.Blind > 0 {
		return fmt.Errorf("after %d kills: %d leads made %d intents; %d never came, %d under a strange key, %d repeated without reason", r.Rounds, r.Leads, r.Intents, r.Missing, r.Strange, r.Blind)
	}
	return nil
}

// The journey, and what it needs.
const (
	crashCard = `scorecard: crash
dimensions:
  interest: {kind: behaviour, max: 100, groups: {web: {max: 100, rules: [
    {id: prices, event: page_view, where: {path: "/prices"}, points: 60, decay: none, ignore: [], why: "Looks at prices"}]}}}
score: {combine: sum, of: [{dimension: interest, times: 1}], scale: {from: [0, 100], to: [0, 100]}}
bands: [{name: cold, from: 0}, {name: warm, from: 50}]
`
	crashMail = `mail: note
language: en
purpose: marketing
subject: "A note"
text: |
  Read on: https://vaho.example/note
`
	crashJourney = `journey: crash
purpose: marketing
enter: {band: warm}
goal: {event: purchase}
steps:
  - {id: write, message: {channel: email, template: note}}
  - {id: rest, wait: 0.01m}
  - {id: tell, webhook: {to: crm, type: crash.told}}
  - {id: sales, handoff: {to: crm, queue: sales}}
`
)

type intents struct {
	IntentsConfig
	rng     *rand.Rand
	mailbox *world.Mailbox
	hook    *world.Receiver
	ready   bool // the tenant has its journey
	res     IntentsResult
}

// RunIntents kills a server again and again while leads enter a journey, and then
// counts what the world got. Without a mail server it fails with
// [world.ErrNoServer].
func RunIntents(ctx context.Context, cfg IntentsConfig) (*IntentsResult, error) {
	if cfg.Rounds <= 0 {
		cfg.Rounds = 10
	}
	if cfg.Leads <= 0 {
		cfg.Leads = 20
	}
	if cfg.Seed == 0 {
		cfg.Seed = uint64(time.Now().UnixNano())
	}
	r := &intents{IntentsConfig: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0))}
	var err error
	if r.mailbox, err = world.OpenMailbox(filepath.Clean(cfg.Dir) + ".mails"); err != nil {
		return nil, err
	}
	defer r.mailbox.Close()
	if r.hook, err = world.OpenReceiver(); err != nil {
		return nil, err
	}
	defer r.hook.Close()
	hangs := rand.New(rand.NewPCG(cfg.Seed, 1))
	r.hook.HangUp = func() bool { return hangs.IntN(10) == 0 }
	for r.res.Rounds < cfg.Rounds {
		if err := r.round(ctx); err != nil {
			return &r.res, fmt.Errorf("round %d: %w", r.res.Rounds+1, err)
		}
	}
	return &r.res, r.count(ctx)
}

func (r *intents) open(ctx context.Context) (*target.Server, error) {
	return target.Open(ctx, target.Config{Binary: r.Binary, Dir: r.Dir, NoCard: true, Args: []string{"--webhook-allow", "127.0.0.1", "--public-url", "https://t.vaho.example"}})
}

// round lets leads enter and kills the server at a random moment. What had no answer
// because it died is sent again to the next one, as a sender would.
func (r *intents) round(ctx context.Context) error {
	t, err := r.live(ctx)
	if err != nil {
		return err
	}
	first := r.res.Leads
	for r.res.Leads < first+r.Leads {
		_, err := t.Send(ctx, "/v1/batch", EnterBody(t.WriteKey, r.res.Leads))
		switch {
		case err == nil:
			r.res.Leads++
			continue
		case target.StatusOf(err)/100 == 4 || ctx.Err() != nil:
			t.Kill()
			return err
		}
		select {
		case <-t.Proc.Done():
			if t, err = r.live(ctx); err != nil {
				return err
			}
		case <-time.After(10 * time.Millisecond): // it is dying, or has much to do
		}
	}
	select {
	case <-t.Proc.Done():
		return nil
	case <-ctx.Done():
		t.Kill()
		return ctx.Err()
	}
}

// live opens a server whose days are numbered.
func (r *intents) live(ctx context.Context) (*target.Server, error) {
	t, err := r.open(ctx)
	if err != nil {
		return nil, err
	}
	if !r.ready {
		if err := SetUpJourney(ctx, t, crashCard, crashMail, crashJourney, r.mailbox.Addr, r.hook.URL); err != nil {
			t.Kill()
			return nil, err
		}
		r.ready = true
	}
	r.res.Rounds++
	life := time.Duration(50+r.rng.IntN(1500)) * time.Millisecond
	if r.Log != nil {
		fmt.Fprintf(r.Log, "kill %d after %v, %d leads\n", r.res.Rounds, life, r.res.Leads)
	}
	time.AfterFunc(life, t.Kill)
	return t, nil
}

// EnterBody is what lets a lead into a journey: who it is, what it allows, and the
// page that it looks at.
func EnterBody(writeKey string, n int) []byte {
	id := strconv.Itoa(n)
	return []byte(`{"writeKey":"` + writeKey + `","batch":[` +
		`{"type":"identify","userId":"u` + id + `","messageId":"i` + id + `","traits":{"email":"u` + id + `@crash.example"},"context":{"consent":{"marketing":"granted","profiling":"granted","analytics":"granted"}}},` +
		`{"type":"page","userId":"u` + id + `","messageId":"p` + id + `","properties":{"path":"/prices"}}]}`)
}

// SetUpJourney gives a fresh tenant a card, a sender, a webhook crm, a mail note and,
// unless it is empty, a journey.
func SetUpJourney(ctx context.Context, t *target.Server, card, mail, journey, smtp, hook string) error {
	name := func(text string) string {
		first, _, _ := strings.Cut(text, "\n")
		_, n, _ := strings.Cut(first, ": ")
		return n
	}
	object := func(v any) []byte {
		b, err := json.Marshal(v)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return b
	}
	const yaml, js = "application/yaml", "application/json"
	type call struct {
		method, path, kind string
		body               []byte
	}
	calls := []call{
		{"PUT", "/v1/scorecards/" + name(card), yaml, []byte(card)},
		{"POST", "/v1/scorecards/" + name(card) + "/publish?ranking=true", "", nil},
		{"POST", "/v1/webhooks", js, object(map[string]any{"name": "crm", "url": hook, "concurrency": 16})},
		{"PUT", "/v1/mail/sender", js, object(map[string]any{"url": "smtp://" + smtp, "from": "Vaho <hola@vaho.example>", "selector": "ripen", "rate": 1000})},
		{"PUT", "/v1/mail/templates/" + name(mail), yaml, []byte(mail)},
	}
	visit := []byte(`{"writeKey":"` + t.WriteKey + `","batch":[{"type":"page","anonymousId":"somebody","messageId":"somebody","properties":{"path":"/"}}]}`)
	if _, err := t.Send(ctx, "/v1/batch", visit); err != nil { // without data no journey goes live
		return err
	}
	if journey != "" {
		calls = append(calls, call{"PUT", "/v1/journeys/" + name(journey), yaml, []byte(journey)}, call{"POST", "/v1/journeys/" + name(journey) + "/publish", "", nil})
	}
	for _, s := range calls {
		if _, err := t.Call(ctx, s.method, s.path, s.kind, s.body); err != nil {
			return err
		}
	}
	return nil
}

// intentRow is an intent as the API shows one.
type intentRow struct {
	ID       string       `json:"id"`
	State    string       `json:"state"`
	Attempts []attemptRow `json:"attempts"`
}

type attemptRow struct {
	Outcome string `json:"outcome"`
}

// list reads all intents of a server.
func list(ctx context.Context, t *target.Server, state string) (out []intentRow, err error) {
	for before := ""; ; {
		b, err := t.Call(ctx, "GET", "/v1/outbox?limit=1000&state="+state+"&before="+before, "", nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Intents []intentRow `json:"intents"`
			Next    string      `json:"next"`
		}
		if err := json.Unmarshal(b, &page); err != nil {
			return nil, err
		}
		out = append(out, page.Intents...)
		if before = page.Next; before == "" {
			return out, nil
		}
	}
}

// settleLimit is how long the last life may take to bring everything to an end.
const settleLimit = 5 * time.Minute

// count lets a last server bring everything to an end, and compares what it wanted
// with what the world got.
func (r *intents) count(ctx context.Context) error {
	t, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer t.Kill()
	ctx, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	var all []intentRow
	for {
		if all, err = list(ctx, t, ""); err != nil {
			return err
		}
		waiting := 0
		for i := range all {
			if all[i].State == "pending" {
				waiting++
				if _, err := t.Call(ctx, "POST", "/v1/outbox/"+all[i].ID+"/retry", "", nil); err != nil && ctx.Err() != nil {
					return err
				}
			}
		}
		if waiting == 0 && len(all) >= 3*r.res.Leads {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d intents of %d leads after %v, %d of them wait: %w", len(all), r.res.Leads, settleLimit, waiting, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
	mails, err := r.mailbox.Mails()
	if err != nil {
		return err
	}
	r.compare(all, mails)
	return t.Died()
}

// compare counts deliveries by key.
func (r *intents) compare(all []intentRow, mails []world.Mail) {
	came := r.hook.Count()
	keyOf := map[string]string{} // :: address → key of its mail
	for _, m := range mails {
		came[m.Key]++
		if old, is := keyOf[m.To]; is && old != m.Key {
			r.res.Strange++
		}
		keyOf[m.To] = m.Key
	}
	r.res.Intents = len(all)
	for i := range all {
		in := &all[i]
		unknown := 0
		for _, a := range in.Attempts {
			if a.Outcome == "unknown" {
				unknown++
			}
		}
		n := came[in.ID]
		delete(came, in.ID)
		r.res.Unknown += unknown
		if n == 0 {
			r.res.Missing++
			continue
		}
		r.res.Repeated += n - 1
		r.res.Blind += max(0, n-1-unknown)
	}
	r.res.Strange += len(came)
}
