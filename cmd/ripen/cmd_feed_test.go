package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ripen/tracker/trackertest"
)

// follow runs 'ripen events tail --source default --follow' until the test ends,
// and returns its lines.
func follow(t *testing.T, k *trackertest.T, more ...string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan int, 1)
	go func() {
		args := append([]string{"events", "tail", "--source", "default", "--follow", "--data", k.Dir}, more...)
		var stderr strings.Builder
		if code := run(ctx, args, nil, w, &stderr); code != exitDone {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
		_ = w.Close()
		done <- 0
	}()
	lines := make(chan string, 1000)
	go func() {
		for sc := bufio.NewScanner(r); sc.Scan(); {
			lines <- sc.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return lines
}

// until sends what send does again and again until a line is seen that holds all
// words, and returns it. The reader may not have begun at the first.
func until(t *testing.T, lines <-chan string, send func(), words ...string) string {
	t.Helper()
	for limit := time.After(time.Minute); ; {
		send()
		for again := time.After(300 * time.Millisecond); again != nil; {
			select {
			case l := <-lines:
				has := true
				for _, w := range words {
					has = has && strings.Contains(l, w)
				}
				if has {
					return l
				}
			case <-again:
				again = nil
			case <-limit:
				t.Fatalf("no line with %q", words)
			}
		}
	}
}

func post(t *testing.T, url, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 Firefox/128.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
}

// Whoever follows a source sees each event as it is stored, and whatever is not.
func TestEventsTailFollowsASource(t *testing.T) {
	k := trackertest.Start(t)
	lines := follow(t, k)
	n := 0
	fresh := func() {
		n++
		post(t, k.URL+"/v1/batch?writeKey="+k.WriteKey, `{"batch":[{"type":"track","event":"Demo","anonymousId":"a","properties":{"path":"/demo"},"messageId":"m`+strings.Repeat("x", n)+`"}]}`)
	}
	until(t, lines, fresh, " ok ", "segment", "human", "demo", "path=/demo")
	until(t, lines, fresh, " ok ", "segment") // the protocol is known of every event now
	again := func() {
		post(t, k.URL+"/v1/batch?writeKey="+k.WriteKey, `{"batch":[{"type":"page","anonymousId":"a","messageId":"twice"}]}`)
	}
	until(t, lines, again, " duplicate ", "segment", "page_view")
	bad := func() {
		post(t, k.URL+"/v1/batch?writeKey="+k.WriteKey, `{"batch":[{"type":"fly","anonymousId":"a","messageId":"b"}]}`)
	}
	until(t, lines, bad, " drop ", "unknown_type", "ripen deadletters show ")
	until(t, lines, func() { post(t, k.URL+"/batch/?api_key="+k.WriteKey, `{"event":`) }, " drop ", "posthog ")
	until(t, lines, func() {
		post(t, k.URL+"/com.snowplowanalytics.snowplow/tp2", `{"data":[{"e":"pv","aid":"`+k.WriteKey+`","duid":"d"}]}`)
	}, " ok ", "id_minted", "snowplow")
}

// The lines are JSON for programs, and what is kept comes first if it is asked
// for; what another source sends is not shown.
func TestEventsTailOfThePast(t *testing.T) {
	k := trackertest.Start(t)
	var other struct {
		WriteKey string `json:"write_key"`
	}
	k.Call("POST", "/v1/admin/sources", k.AdminKey, map[string]string{"name": "other"}, &other)
	post(t, k.URL+"/v1/batch?writeKey="+other.WriteKey, `{"batch":[{"type":"page","anonymousId":"a","messageId":"not ours"},{"type":"fly"}]}`)
	post(t, k.URL+"/v1/batch?writeKey="+k.WriteKey, `{"batch":[{"type":"page","anonymousId":"a","messageId":"m1"},{"type":"fly","messageId":"m2"}]}`)
	var out strings.Builder
	for _, args := range [][]string{{"--from", "0"}, {}, {"--from", "99"}} {
		if code := run(t.Context(), append([]string{"events", "tail", "--source", "default", "--json", "--data", k.Dir}, args...), nil, &out, &out); code != exitDone {
			t.Fatal(code, out.String())
		}
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		var e sourceLine
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		got = append(got, strings.Join([]string{e.Verdict, e.Code, e.Type, e.Machine, e.MessageID}, " "))
	}
	if want := "drop unknown_type   |ok  page_view human m1"; strings.Join(got, "|") != want+"|"+want {
		t.Errorf("%q", got)
	}
	lines := follow(t, k, "--from", "0", "--json")
	until(t, lines, func() {}, `"verdict":"ok"`, `"seq":2`, `"message_id":"m1"`)
	out.Reset()
	if code := run(t.Context(), []string{"events", "tail", "--source", "nobody", "--data", k.Dir}, nil, &out, &out); code != exitFailed || !strings.Contains(out.String(), "no source of yours") {
		t.Error(code, out.String())
	}
}
