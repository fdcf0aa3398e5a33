package ingest

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ripen/storage"
	"ripen/tracker"
)

// letterWorld is a handler whose refused events are kept on a disk of its own.
func letterWorld(t *testing.T, now *int64) (*world, *Letters, *storage.DB) {
	t.Helper()
	db, err := storage.Open(t.TempDir(), storage.Options{Now: func() time.Time { return time.UnixMilli(*now) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l := NewLetters(db, slog.New(slog.DiscardHandler))
	w := newWorld(t, func(c *Config, _ *tracker.Source) {
		c.Dropped, c.Now = l.Add, func() int64 { return *now }
	})
	return w, l, db
}

func (w *world) letters(l *Letters) []tracker.DeadLetter {
	w.t.Helper()
	list, err := l.List(testTenant.ID, "", "", 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// Whatever refuses an event, in whatever protocol, its letter can be taken again
// once it is mended, and has the time it would have had.
func TestLetterIsMended(t *testing.T) {
	f := func(line, body, mended string) {
		t.Helper()
		now := int64(testNow)
		w, l, _ := letterWorld(t, &now)
		w.do(line, body)
		list := w.letters(l)
		if len(list) != 1 {
			t.Fatalf("%s: %d letters", line, len(list))
		}
		now += 3_600_000
		if err := l.Fix(testTenant.ID, list[0].ID, []byte(mended)); err != nil {
			t.Fatal(err)
		}
		d, err := l.Get(testTenant.ID, list[0].ID)
		if err != nil || string(d.Text) != mended || d.Received != testNow {
			t.Fatalf("%s: %+v %v", line, d, err)
		}
		if v, err := w.h.Again(context.Background(), w.src, &d); err != nil || v.Status != tracker.OK {
			t.Fatalf("%s: %+v %v", line, v, err)
		}
		if es := w.log.events(t); len(es) != 1 || es[0].Time != testNow {
			t.Errorf("%s: %d events stored, the first at %d", line, len(es), es[0].Time)
		}
		if err := l.Remove(testTenant.ID, d.ID); err != nil || len(w.letters(l)) != 0 {
			t.Errorf("%s: removed: %v", line, err)
		}
	}
	f("POST /v1/batch?writeKey=wk", `{"type":"fly","anonymousId":"a"}`, `{"type":"page","anonymousId":"a"}`)
	f("POST /v1/page?writeKey=wk", `{"a`, `{"anonymousId":"a"}`)
	f("GET /p.gif?writeKey=wk&type=fly&anonymousId=a", "", `type=page&anonymousId=a`)
	f("GET /p.gif?writeKey=wk&type=fly&anonymousId=a", "", ` {"type":"page","anonymousId":"a"}`)
	f("GET /i?e=fly&aid=wk&duid=d", "", `{"data":[{"e":"pv","duid":"d"}]}`)
	f("POST /batch?token=wk", `{"batch":[{"event":"x"}]}`, `{"event":"x","distinct_id":"a"}`)
	f("POST /com.snowplowanalytics.snowplow/tp2?aid=wk", `{"data":[{"e":"?","duid":"d"}]}`, `{"data":[{"e":"pv","duid":"d"}]}`)
}

// A letter is sealed: who is erased leaves nothing to be read, and the disk
// never had it in the clear.
func TestLetterOfAnErasedPerson(t *testing.T) {
	now := int64(testNow)
	w, l, db := letterWorld(t, &now)
	w.do("POST /v1/batch?writeKey=wk", `[{"type":"fly","anonymousId":"a","traits":{"email":"ana@secret.example"}},{"type":"fly","email":"bob@secret.example"}]`)
	list := w.letters(l)
	if len(list) != 2 || list[1].Subject.IsZero() || !list[0].Subject.IsZero() {
		t.Fatalf("letters %+v", list)
	}
	if err := db.Erase(context.Background(), testTenant.ID, []storage.Subject{list[1].Subject.Key()}); err != nil {
		t.Fatal(err)
	}
	if d, err := l.Get(testTenant.ID, list[1].ID); err != nil || !d.Erased || d.Text != nil {
		t.Errorf("after the erasure: %+v %v", d, err)
	}
	if d, err := l.Get(testTenant.ID, list[0].ID); err != nil || d.Erased || !bytes.Contains(d.Text, []byte("bob")) {
		t.Errorf("the other: %+v %v", d, err)
	}
}

func TestNoLetterOfWhoDenies(t *testing.T) {
	now := int64(testNow)
	w, l, _ := letterWorld(t, &now)
	w.do("POST /v1/batch?writeKey=wk", `{"type":"fly","anonymousId":"a"}`, "Sec-GPC: 1")
	if n := len(w.letters(l)); n != 0 {
		t.Errorf("%d letters", n)
	}
}

func TestLettersAreBounded(t *testing.T) {
	now := int64(testNow)
	w, l, _ := letterWorld(t, &now)
	l.most = 300
	w.do("POST /v1/batch?writeKey=wk", `{"type":"fly","messageId":"old"}`)
	old := w.letters(l)[0].ID
	now += letterAge + 1
	w.do("POST /v1/batch?writeKey=wk", `{"type":"fly","messageId":"new"}`)
	list := w.letters(l)
	if len(list) != 1 || list[0].ID == old {
		t.Errorf("after a month: %+v", list)
	}
	if _, err := l.Get(testTenant.ID, old); err == nil {
		t.Error("the old letter is still there")
	}
	body := "[" + strings.TrimSuffix(strings.Repeat(`{"type":"fly"},`, 100), ",") + "]"
	for range 5 {
		w.do("POST /v1/batch?writeKey=wk", body)
		l.Flush()
	}
	n := 0
	for before := ""; ; {
		page, err := l.List(testTenant.ID, before, "unknown_type", 70)
		if err != nil {
			t.Fatal(err)
		}
		if n += len(page); len(page) < 70 {
			break
		}
		before = page[len(page)-1].ID
	}
	if n != l.most {
		t.Errorf("%d letters are kept, need %d", n, l.most)
	}
	for range queueBytes/(8<<10) + 10 { // none of them written meanwhile
		l.Add(w.src, &tracker.DeadLetter{Received: now, Text: make([]byte, 8<<10)})
	}
	if l.Lost() == 0 {
		t.Error("a flood is kept whole")
	}
}

// No byte of a letter is on the disk in the clear.
func TestLetterOnDisk(t *testing.T) {
	now := int64(testNow)
	dir := t.TempDir()
	db, err := storage.Open(dir, storage.Options{Now: func() time.Time { return time.UnixMilli(now) }})
	if err != nil {
		t.Fatal(err)
	}
	l := NewLetters(db, slog.New(slog.DiscardHandler))
	l.Add(testSource(), &tracker.DeadLetter{Protocol: "segment", Received: now, Agent: "Agent-secret", Text: []byte(`{"email":"ana@secret.example"}`)})
	l.Flush()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var files []string
	err = filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("secret")) {
			files = append(files, path)
		}
		return err
	})
	if slices.Sort(files); err != nil || len(files) > 0 {
		t.Errorf("in the clear in %v, %v", files, err)
	}
}
