package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeServer answers "METHOD path" with a body; a body that starts with a
// number is a status and its problem.
func fakeServer(t *testing.T, answers map[string]string) (asked *[]string) {
	t.Helper()
	asked = &[]string{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		*asked = append(*asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("Ripen-Tenant")+" "+string(b)))
		if r.Header.Get("Authorization") != "Bearer k3y" {
			t.Errorf("%s without the admin key", r.URL.Path)
		}
		a, ok := answers[r.Method+" "+r.URL.Path]
		if !ok {
			a = `404 {"code":"not_found","detail":"nothing lives at this path"}`
		}
		if len(a) > 4 && a[3] == ' ' && a[0] >= '4' && a[0] <= '5' {
			w.WriteHeader(map[byte]int{'4': 404, '5': 503}[a[0]])
			a = a[4:]
		}
		if _, err := io.WriteString(w, a); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(s.Close)
	t.Setenv("RIPEN_SERVER", s.URL)
	t.Setenv("RIPEN_ADMIN_KEY", "k3y")
	return asked
}

func TestCommandsAgainstServer(t *testing.T) {
	asked := fakeServer(t, map[string]string{
		"GET /v1/admin/tenants":          `{"tenants":[{"tenant":"acme","id":"0a","created":"2026-01-02T03:04:05Z","sources":[{"source":"default","write_key":"wk"}]}]}`,
		"POST /v1/admin/tenants":         `{"tenant":"acme","write_key":"wk","secret_key":"sk"}`,
		"PATCH /v1/admin/sources/a%20b":  `{}`,
		"PATCH /v1/admin/sources/a b":    `{"source":"a b","write_key":"wk","origins":["https://x.example"],"disabled":true}`,
		"GET /v1/leads":                  `{"leads":[{"id":"v_1","score":70,"band":"hot","email":"a@b.c","reasons":[{"rule":"r","why":"Has bought","share":60000},{"rule":"base","share":1000}]},{"id":"v_2","score":null}]}`,
		"POST /v1/admin/replay":          `{"done":5,"total":10}` + "\n" + `{"done":10,"total":10,"end":true}` + "\n",
		"GET /v1/admin/events":           `{"seq":3,"time":"2026-01-02T03:04:05Z","tenant":"acme","type":"page_view","properties":{"b":1,"a":"\u001b[2J"}}` + "\n",
		"POST /v1/scorecards/x/rollback": `503 {"code":"overload","detail":"too much at once"}`,
	})
	f := func(code int, want string, args ...string) {
		t.Helper()
		got, stdout, stderr := try(t, args...)
		if got != code || !strings.Contains(stdout+stderr, want) {
			t.Errorf("ripen %s: code %d, want %d; no %q in:\n%s%s", strings.Join(args, " "), got, code, want, stdout, stderr)
		}
	}
	f(0, "acme    0a", "tenant", "list")
	f(0, `"write_key": "wk"`, "tenant", "create", "acme", "--json")
	f(0, "secret key  sk   (shown only now)", "tenant", "create", "acme")
	f(0, "settings   disabled", "source", "update", "a b", "--disabled", "--origins", "https://x.example, ", "--tenant", "acme")
	f(0, "1     70         hot   a@b.c             Has bought", "leads", "top", "--min-score", "10", "--as-of", "2026-01-31")
	f(0, "2      –               v_2", "leads", "top")
	f(0, "replayed 10 records", "replay")
	f(0, "a=·[2J b=1", "events", "tail", "--from", "3")
	f(1, "ripen: scorecard rollback: too much at once (overload)", "scorecard", "rollback", "x")
	f(1, "nothing lives at this path (not_found)", "leads", "show", "u_1")
	all := strings.Join(*asked, "\n")
	for _, want := range []string{
		`POST /v1/admin/tenants  {"name":"acme"}`,
		`PATCH /v1/admin/sources/a%20b acme {"disabled":true,"origins":["https://x.example"]}`,
		`GET /v1/leads?as_of=2026-01-31T00%3A00%3A00Z&limit=20&min_score=10`,
		`GET /v1/admin/events?from=3`,
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the server was not asked %s; it was asked\n%s", want, all)
		}
	}
}

func TestImportCountsEveryLine(t *testing.T) {
	asked := fakeServer(t, map[string]string{
		"GET /v1/admin/sources/default": `{"source":"default","write_key":"wk"}`,
		"POST /v1/import":               `{"results":[{"status":"ok"},{"status":"duplicate"},{"status":"drop","code":"nul"}]}`,
	})
	file := filepath.Join(t.TempDir(), "e.ndjson")
	lines := `{"type":"page","anonymousId":"a"}` + "\n" + `{"type":"page","anonymousId":"b"}` + "\nnonsense\n" + `{"type":"page","anonymousId":"c"}` + "\n"
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := try(t, "import", "events", file, "--json")
	var got tally
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || code != 0 {
		t.Fatalf("code %d, %v: %s%s", code, err, stdout, stderr)
	}
	dropped := 0
	for _, n := range got.Dropped {
		dropped += n
	}
	if got.Lines != 4 || got.Stored != 1 || got.Duplicates != 1 || dropped != 2 || got.Lines != got.Stored+got.Duplicates+dropped {
		t.Errorf("got %+v", got)
	}
	if last := (*asked)[len(*asked)-1]; !strings.HasPrefix(last, "POST /v1/import?writeKey=wk") || strings.Count(last, "messageId") != 3 {
		t.Errorf("asked %s", last)
	}
	if code, _, stderr := try(t, "import", "csv", file, "--map", "x"); code != 2 || !strings.Contains(stderr, `"x" is not column=field`) {
		t.Errorf("a bad --map: %d %s", code, stderr)
	}
	if code, _, stderr := try(t, "import", "events", filepath.Dir(file)); code != 1 || !strings.Contains(stderr, "is a directory") {
		t.Errorf("a directory: %d %s", code, stderr)
	}
}

func TestExportWritesFile(t *testing.T) {
	fakeServer(t, map[string]string{"GET /v1/leads": "id,score\nv_1,3\n", "GET /v1/admin/backup": "BACKUP", "GET /v1/admin/backup-keys": "KEYS", "GET /v1/admin/erasures": ""})
	out := filepath.Join(t.TempDir(), "leads.csv")
	if code, _, stderr := try(t, "leads", "export", "--format", "csv", "-o", out); code != 0 {
		t.Fatal(stderr)
	}
	if b, err := os.ReadFile(out); err != nil || string(b) != "id,score\nv_1,3\n" {
		t.Fatalf("got %q, %v", b, err)
	}
	if code, _, stderr := try(t, "leads", "export", "--format", "xls"); code != 2 || !strings.Contains(stderr, "xls") {
		t.Fatalf("an unknown format: %d %s", code, stderr)
	}
	bak := filepath.Join(filepath.Dir(out), "all.bak")
	if code, stdout, stderr := try(t, "backup", bak); code != 0 || !strings.Contains(stdout, "10 B") {
		t.Fatalf("backup: %s%s", stdout, stderr)
	}
	if info, err := os.Stat(bak + ".keys"); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the backup holds keys and may be read by others: %v %v", info, err)
	}
}
