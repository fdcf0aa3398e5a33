package server

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ripen/storage"
	"ripen/tracker"
)

// needles are what must not be found of the person who is erased.
var needles = []string{"needle", "4711"}

const needleEvents = `{"batch":[
 {"type":"identify","messageId":"n1","anonymousId":"needle-visitor","userId":"needle-user","traits":{"email":"Ana.Needle@acme.example","name":"Ana Needle","age":"4711"}},
 {"type":"page","messageId":"n2","anonymousId":"needle-visitor","properties":{"url":"https://acme.example/precios?q=needle-query#needle","title":"Needle title","referrer":"https://needle.example/"}},
 {"type":"track","messageId":"n3","anonymousId":"needle-visitor","event":"Form Submit","properties":{"form":"needle-form","text":"my needle question"},"context":{"userAgent":"Needle/1.0 Mozilla","ip":"47.11.0.1"}},
 {"type":"identify","messageId":"n4","anonymousId":"other-needle","traits":{"email":"ana.needle@acme.example","phone":"+34 4711"}},
 {"type":"group","messageId":"n5","anonymousId":"needle-visitor","groupId":"needle-company","traits":{"name":"Needle Ltd"}},
 {"type":"identify","messageId":"h1","anonymousId":"hay-visitor","userId":"hay-user","traits":{"email":"bob.hay@acme.example"}},
 {"type":"page","messageId":"h2","anonymousId":"hay-visitor","properties":{"url":"https://acme.example/precios?q=hay-query"}}
]}`

// search returns where a text is found in files, whatever its case.
func search(t *testing.T, dir string, words ...string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found = append(found, inBytes(path, b, words...)...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func inBytes(where string, b []byte, words ...string) (found []string) {
	b = bytes.ToLower(b)
	for _, n := range words {
		if bytes.Contains(b, []byte(n)) {
			found = append(found, where+" holds "+n)
		}
	}
	return found
}

// searchOpen looks through what the files hold compressed: every record of the
// log and every row of leads/ and meta/. opened counts the personal parts that
// still open.
func searchOpen(t *testing.T, db *storage.DB, tenants []storage.Tenant) (found []string, opened, erased int) {
	t.Helper()
	err := db.Log().Read(t.Context(), 0, 1, func(recs []storage.Record) error {
		for i := range recs {
			r := &recs[i]
			found = append(found, inBytes("a row", r.Row, needles...)...)
			found = append(found, inBytes("a sealed part", r.Personal, needles...)...)
			if len(r.Personal) == 0 {
				continue
			}
			plain, err := db.Unseal(nil, r)
			switch {
			case err == nil:
				opened++
				found = append(found, inBytes("an opened part", plain, needles...)...)
			case errors.Is(err, storage.ErrErased):
				erased++
			default:
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []*storage.Table{db.Leads(), db.Meta()} {
		err := table.View(func(tx *storage.Tx) error {
			for _, id := range tenants {
				for space := range 256 {
					err := tx.Scan(id, byte(space), nil, nil, func(k, v []byte) error {
						found = append(found, inBytes("a key", k, needles...)...)
						found = append(found, inBytes("a value", v, needles...)...)
						return nil
					})
					if err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found, opened, erased
}

// Nothing of a person who was erased can be read in the data directory: not in a
// file as it lies there, not in what files hold compressed, not under any key
// that is left, and not after everything was derived again.
func TestErasedIsUnreadable(t *testing.T) {
	dir := t.TempDir()
	s, stop := startServer(t, Config{Data: dir})
	_, src, secret, err := s.registry.Create("acme", "", "")
	if err != nil {
		t.Fatal(err)
	}
	tenants := []storage.Tenant{{}, storage.Tenant(src.Tenant.ID)}
	if status, body, _ := post(t, s, "/v1/batch?writeKey="+src.WriteKey, needleEvents); status != 200 || !strings.Contains(body, `"success":true`) {
		t.Fatalf("%d %s", status, body)
	}
	settleAll(t, s)
	key := "Authorization: Bearer " + secret
	status, body, _ := get(t, s, "GET", "/v1/leads/needle-user", key)
	if status != 200 || !strings.Contains(body, "ana.needle@acme.example") {
		t.Fatalf("before: %d %s", status, body)
	}
	if status, body, _ = get(t, s, "GET", "/v1/leads/needle-user/archive", key); status != 200 ||
		!strings.Contains(body, "needle-query") || !strings.Contains(body, "Needle Ltd") || strings.Contains(body, "hay") {
		t.Fatalf("archive: %d %s", status, body)
	}
	if found, opened, _ := searchOpen(t, s.db, tenants); len(found) == 0 || opened == 0 {
		t.Fatalf("the search finds nothing where it should: %d parts opened", opened)
	}
	if status, body, _ = get(t, s, "DELETE", "/v1/leads/needle-user", key); status != 200 {
		t.Fatalf("erase: %d %s", status, body)
	}
	for _, who := range []string{"needle-user", "ana.needle@acme.example", "needle-visitor"} {
		if status, body, _ = get(t, s, "GET", "/v1/leads/"+who, key); status != 404 {
			t.Errorf("%s is still known: %d %s", who, status, body)
		}
	}
	if status, body, _ = get(t, s, "GET", "/v1/leads/hay-user", key); status != 200 || !strings.Contains(body, "bob.hay@acme.example") {
		t.Fatalf("somebody else was erased: %d %s", status, body)
	}
	check := func(how string, s *Server) {
		t.Helper()
		found, opened, erased := searchOpen(t, s.db, tenants)
		if len(found) > 0 || opened != 2 || erased != 5 {
			t.Errorf("%s: %d parts open, want 2; %d are erased, want 5; found %v", how, opened, erased, found)
		}
	}
	check("erased", s)
	if status, body, _ = get(t, s, "POST", "/v1/admin/replay", "Authorization: Bearer "+s.AdminKey()); status != 200 {
		t.Fatalf("replay: %d %s", status, body)
	}
	check("derived again", s)
	if status, _, _ = get(t, s, "GET", "/v1/leads/needle-user", key); status != 404 {
		t.Errorf("a replay brought the lead back: %d", status)
	}
	stop()
	if found := search(t, dir, src.WriteKey); len(found) == 0 {
		t.Error("the search of the files finds nothing where it should")
	}
	if found := search(t, dir, needles...); len(found) > 0 {
		t.Errorf("in the files: %v", found)
	}

	// Who comes back begins anew, under a key of their own.
	s, _ = startServer(t, Config{Data: dir})
	post(t, s, "/v1/batch?writeKey="+src.WriteKey, strings.NewReplacer(`"n1"`, `"n11"`, "Needle@", "back@").Replace(needleEvents))
	settleAll(t, s)
	status, body, _ = get(t, s, "GET", "/v1/leads/needle-user", key)
	if status != 200 || !strings.Contains(body, "ana.back@acme.example") || !strings.Contains(body, `"events":1,`) {
		t.Errorf("back again: %d %s", status, body)
	}
	if _, err := s.folder.state().Subjects(tracker.Caller{Tenant: src.Tenant.ID, Role: tracker.WriteRole}, src.Tenant.ID, "hay-user"); err == nil {
		t.Error("a write key may ask whose keys seal a lead")
	}
}
