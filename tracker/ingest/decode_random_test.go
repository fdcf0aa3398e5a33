package ingest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestDecodeRandom builds bodies of the pieces that matter and holds the
// decoder to its twin; RIPEN_ROUNDS asks for more of them.
func TestDecodeRandom(t *testing.T) {
	rounds, _ := strconv.Atoi(os.Getenv("RIPEN_ROUNDS"))
	for i := range max(rounds, 400) {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		body := randomBody(r)
		mode := byte(r.IntN(8))
		if !t.Run(strconv.Itoa(i), func(t *testing.T) { compareTwin(t, []byte(body), modeSender(mode)) }) {
			t.Fatalf("round %d: %s", i, body)
		}
	}
}

func randomBody(r *rand.Rand) string {
	var events []string
	for range 1 + r.IntN(3) {
		events = append(events, randomObject(r, eventKeys, 0))
	}
	body := strings.Join(events, "\n")
	switch r.IntN(4) {
	case 0:
		body = "[" + strings.Join(events, " , ") + "]"
	case 1, 2:
		parts := []string{`"batch":[` + strings.Join(events, ",") + `]`}
		for range r.IntN(4) {
			parts = append(parts, pick(r, `"context":`, `"sentAt":`, `"x":`, `"context":`)+randomValue(r, 1))
		}
		r.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		body = "{" + strings.Join(parts, ",") + "}"
	}
	if r.IntN(8) == 0 { // and one byte wrong
		i := r.IntN(len(body))
		body = body[:i] + pick(r, "", `"`, "{", "}", ",", "\xff", "\\", "0", "\x00") + body[i+1:]
	}
	return body
}

var eventKeys = []string{
	"type", "type", "type", "event", "event", "anonymousId", "anonymousId", "userId", "messageId", "timestamp", "originalTimestamp",
	"sentAt", "properties", "properties", "properties", "traits", "context", "context", "groupId", "previousId", "name", "category", "batch", "other",
}

var fieldKeys = []string{
	"path", "url", "title", "referrer", "search", "page", "page", "campaign", "traits", "email", "userAgent", "ip", "sessionId",
	"session", "consent", "consentManagement", "categoryPreferences", "Advertising", "analytics", "marketing", "profiling",
	"allowedConsentIds", "deniedConsentIds", "gdpr", "geo", "geo.country", "geo.city", "receivedAt", "basisForProcessing", "products", "products", "sku", "form", "plan", "name", "a", "a.b", "b", "plan.name", "__proto__", "", "tags", "page.url",
}

func pick(r *rand.Rand, from ...string) string { return from[r.IntN(len(from))] }

func randomObject(r *rand.Rand, keys []string, depth int) string {
	var parts []string
	for range r.IntN(7 + len(keys)/8) {
		key := pick(r, keys...)
		value := randomValue(r, depth+1)
		switch {
		case key == "type" && r.IntN(8) > 0:
			value = pick(r, `"page"`, `"track"`, `"identify"`, `"group"`, `"alias"`, `"screen"`)
		case strings.HasSuffix(key, "Id") && r.IntN(4) > 0:
			value = pick(r, `"a"`, `"b"`, `"u1"`, `7`, `" x "`, `"018f3a2b-7c4d-7e5f-8a9b-00000000000a"`)
		case (key == "properties" || key == "traits" || key == "context" || key == "page" || key == "campaign") && r.IntN(8) > 0:
			value = randomObject(r, fieldKeys, depth+1)
		case (strings.HasPrefix(key, "consent") || key == "categoryPreferences") && depth < 4 && r.IntN(2) > 0:
			value = randomObject(r, fieldKeys, depth+1)
		case key == "products" && r.IntN(2) > 0:
			value = "[" + randomObject(r, fieldKeys, depth+2) + "," + randomObject(r, fieldKeys, depth+2) + "]"
		case strings.HasSuffix(strings.ToLower(key), "timestamp") || key == "sentAt":
			value = pick(r, `"2026-05-28T20:26:39Z"`, `"2026-05-28 20:26:39.123456+0200"`, `"2026-05-27"`, `1779999999`, `1779999999999`, `"1970-01-01T00:00:00Z"`, `"2026-02-30"`, `"x"`, value)
		}
		parts = append(parts, `"`+key+`":`+value)
	}
	return "{" + strings.Join(parts, pick(r, ",", " ,\n")) + "}"
}

func randomValue(r *rand.Rand, depth int) string {
	if depth < 5 && r.IntN(4) == 0 {
		if r.IntN(2) == 0 {
			return randomObject(r, fieldKeys, depth)
		}
		return "[" + randomValue(r, depth+1) + "]"
	}
	return pick(r, "null", "true", "false", "0", "-0", "1.50", "-12e-2", "1e400", "9007199254740993", "123456789012345678901", "0.30000000000000004",
		`""`, `"x"`, `"é"`, `"\u00e9\ud83d\ude00\ud800"`, `"a\"b\\"`, `"\u0000"`, `"https://x.example/p?utm_source=s&utm_term=%zz+%41#f"`, `"/p?q=1"`,
		`"a@b.example"`, `"granted"`, `"denied"`, `"pending"`, `"consent"`, `["C0004","analytics",7]`, `"Order Completed"`, `"fooBar Baz"`, `"undefined"`, `"Googlebot/2.1"`)
}
