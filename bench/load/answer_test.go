package load

import (
	"strings"
	"testing"
	"testing/iotest"
)

func TestReaderReadsAnswersInAnyPieces(t *testing.T) {
	const two = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 503 No\r\ncontent-length: 0\r\nRetry-After: 1\r\n\r\n"
	f := func(name string, r *reader) {
		t.Run(name, func(t *testing.T) {
			a, err := r.read()
			if err != nil || a.status != 200 || string(a.body) != "hello" {
				t.Fatalf("first: %d %q %v", a.status, a.body, err)
			}
			a, err = r.read()
			if err != nil || a.status != 503 || len(a.body) != 0 {
				t.Fatalf("second: %d %q %v", a.status, a.body, err)
			}
			if _, err = r.read(); err == nil {
				t.Fatal("a third answer out of nothing")
			}
		})
	}
	var whole, bytewise reader
	whole.reset(strings.NewReader(two))
	bytewise.reset(iotest.OneByteReader(strings.NewReader(two)))
	f("at once", &whole)
	f("byte by byte", &bytewise)
}

func TestReaderRefuses(t *testing.T) {
	f := func(text string) {
		t.Helper()
		var r reader
		r.reset(strings.NewReader(text))
		if a, err := r.read(); err == nil {
			t.Errorf("%q read as %d %q", text, a.status, a.body)
		}
	}
	f("")
	f("HTTP/1.1 200 OK\r\nContent-Len")
	f("SMTP ready for you\r\n\r\n")
	f("HTTP/1.1 2x0 OK\r\nContent-Length: 1\r\n\r\na")
	f("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")
}

func FuzzReader(f *testing.F) {
	f.Add("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
	f.Add("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\nHTTP/1.0 200\r\n\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		var whole, pieces reader
		whole.reset(strings.NewReader(text))
		pieces.reset(iotest.HalfReader(strings.NewReader(text)))
		for {
			a, errA := whole.read()
			b, errB := pieces.read()
			if (errA == nil) != (errB == nil) {
				t.Fatalf("whole: %v, in pieces: %v", errA, errB)
			}
			if errA != nil {
				return
			}
			if a.status != b.status || string(a.body) != string(b.body) {
				t.Fatalf("whole: %d %q, in pieces: %d %q", a.status, a.body, b.status, b.body)
			}
		}
	})
}

func TestJudgePixel(t *testing.T) {
	gif := []byte("GIF89a" + strings.Repeat("x", 37))
	f := func(status int, head string, body []byte, want verdict) {
		t.Helper()
		got := judge(&answer{status: status, head: []byte(head), body: body}, 0)
		if got.complaint != "" {
			got.complaint = "yes"
		}
		if got != want {
			t.Errorf("%d %q: %+v, want %+v", status, head, got, want)
		}
	}
	f(200, "HTTP/1.1 200 OK\r\nRipen-Verdict: ok\r\n", gif, verdict{ok: 1, good: true})
	f(200, "HTTP/1.1 200 OK\r\nRipen-Verdict: duplicate\r\n", gif, verdict{duplicate: 1, good: true})
	f(200, "HTTP/1.1 200 OK\r\nRipen-Verdict: retry\r\n", gif, verdict{retry: 1})
	f(200, "HTTP/1.1 200 OK\r\nRipen-Verdict: drop;code=nul\r\n", gif, verdict{drop: 1, complaint: "yes"})
	f(200, "HTTP/1.1 200 OK\r\nServer: nginx\r\n", gif, verdict{ok: 1, good: true})
	f(200, "HTTP/1.1 200 OK\r\n", gif[:42], verdict{complaint: "yes"})
	f(500, "HTTP/1.1 500 Oh\r\n", gif, verdict{complaint: "yes"})
}

func TestIDTextRoundTrip(t *testing.T) {
	for n := range uint64(100) {
		id := VisitorID(n)
		back, ok := ParseID([]byte(id.String()))
		if !ok || back != id {
			t.Fatalf("%s read back as %s, %v", id, back, ok)
		}
	}
	for _, bad := range []string{"", "x", strings.Repeat("-", 36), "00000000-0000-4000-8000-00000000000g"} {
		if _, ok := ParseID([]byte(bad)); ok {
			t.Errorf("%q accepted", bad)
		}
	}
}
