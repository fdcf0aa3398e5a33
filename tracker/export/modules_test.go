package export_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"ripen/tracker/trackertest"
	"ripen/wasm/host"
)

// TestMain lets the test binary be the child in which the server under test
// compiles modules.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == host.WorkerCommand {
		if err := host.Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// counter scores a lead by its events; fragile, too, but it traps for a lead with
// more than forty.
func counter(t *testing.T) []byte { return module(t, "counter.wasm") }
func fragile(t *testing.T) []byte { return module(t, "fragile.wasm") }

func module(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../wasm/host/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestModule takes a module from upload to force, tried on what the tenant's
// visitors did.
func TestModule(t *testing.T) {
	k := trackertest.Start(t)
	for i := range 30 {
		k.Send(visit(fmt.Sprintf("v%d", i), 4)...)
	}
	k.Settle()
	var draft struct {
		Name    string
		Draft   bool
		Version int
		Module  string
		Report  host.Report
	}
	k.Call("PUT", "/v1/modules/counter", k.SecretKey, counter(t), &draft)
	if r := draft.Report; !draft.Draft || draft.Version != 0 || r.Leads != 30 || r.Events != 120 || r.Compared != 120 || r.Fold.Max != 8 {
		t.Errorf("the draft is %+v", draft)
	}
	k.Call("POST", "/v1/modules/counter/publish", k.SecretKey, nil, nil)
	k.Settle()
	leads := k.Leads()
	if len(leads) != 30 || leads[0].Score == nil || *leads[0].Score != 4 {
		t.Errorf("%d leads, the first %+v", len(leads), leads[0])
	}
	var list struct {
		Scorecards []struct {
			Name, Module, YAML string
			Version            int
		}
	}
	k.Call("GET", "/v1/scorecards", k.SecretKey, nil, &list)
	if c := list.Scorecards; len(c) != 1 || c[0].Version != 1 || c[0].Module != draft.Module || !strings.HasPrefix(c[0].Module, "sha256:") || c[0].YAML != "" {
		t.Errorf("the list says %+v", c)
	}
	_, body := k.Do("GET", "/v1/leads/"+leads[0].ID, k.SecretKey, nil)
	if !strings.Contains(string(body), `"why":"4 visits"`) {
		t.Errorf("the lead says %s", body)
	}
}

// TestModuleOnLatest refuses a module for what the last visitor did, behind more
// events than it is tried on.
func TestModuleOnLatest(t *testing.T) {
	k := trackertest.Start(t)
	for i := range 30 {
		var many []map[string]any
		for j := range 80 {
			many = append(many, visit(fmt.Sprintf("v%d-%d", i, j), 1)...)
		}
		k.Send(many...)
	}
	k.Send(visit("last", 50)...)
	k.Settle()
	if status, body := k.Do("PUT", "/v1/modules/counter", k.SecretKey, fragile(t)); status != 422 || !strings.Contains(string(body), "event 42 (page_view)") {
		t.Errorf("%d %s", status, body)
	}
}

// TestModuleRefused is told section, place, limit and what was found, and keeps
// nothing.
func TestModuleRefused(t *testing.T) {
	k := trackertest.Start(t)
	status, body := k.Do("PUT", "/v1/modules/counter", k.SecretKey, []byte("\x00asm\x01\x00\x00\x00\x06\x05\xff\xff\xff\xff\x0f"))
	var p struct {
		Code, Detail, Section, Limit, Found string
		Offset, Status                      int
	}
	if err := json.Unmarshal(body, &p); err != nil || status != 422 || p.Status != 422 || p.Code != "invalid_module" ||
		p.Section != "global" || p.Offset != 10 || p.Limit != "at most 256" || p.Found != "4294967295 globals" {
		t.Errorf("%d %s: %v", status, body, err)
	}
	refused := func(path string, body []byte, status int, code string) {
		t.Helper()
		if got, b := k.Do("PUT", path, k.SecretKey, body); got != status || !strings.Contains(string(b), `"code":"`+code+`"`) {
			t.Errorf("%s: got %d %s, want %d %s", path, got, b, status, code)
		}
	}
	refused("/v1/modules/counter", []byte("scorecard: counter\n"), 422, "invalid_module")
	refused("/v1/modules/other", counter(t), 400, "invalid_scorecard")
	refused("/v1/scorecards/counter", counter(t), 400, "bad_body")
	var list struct{ Scorecards []any }
	k.Call("GET", "/v1/scorecards", k.SecretKey, nil, &list)
	if len(list.Scorecards) != 0 {
		t.Errorf("kept %v", list.Scorecards)
	}
}

// TestModuleQuarantined publishes a version that no trial finds fault with and
// that fails later: the version before serves again, with nothing lost, and the
// list, the leads and the metrics say so.
func TestModuleQuarantined(t *testing.T) {
	k := trackertest.Start(t)
	publish := func(src []byte) {
		t.Helper()
		k.Call("PUT", "/v1/modules/counter", k.SecretKey, src, nil)
		k.Call("POST", "/v1/modules/counter/publish", k.SecretKey, nil, nil)
	}
	publish(counter(t))
	publish(fragile(t))
	k.Send(visit("a", 50)...)
	type card struct {
		Version     int
		Quarantined []struct {
			Version int
			At, Why string
		}
	}
	var list struct{ Scorecards []card }
	for range 200 { // each asks until all that the log holds is folded
		k.Settle()
		k.Call("GET", "/v1/scorecards", k.SecretKey, nil, &list)
		if list.Scorecards[0].Version == 1 {
			break
		}
	}
	c := list.Scorecards[0]
	if c.Version != 1 || len(c.Quarantined) != 1 || c.Quarantined[0].Version != 2 || !strings.Contains(c.Quarantined[0].Why, "unreachable") {
		t.Fatalf("the list says %+v", c)
	}
	k.Settle()
	if ls := k.Leads(); len(ls) != 1 || ls[0].Score == nil || *ls[0].Score != 50 {
		t.Errorf("the lead is %+v, want a score of 50", ls)
	}
	_, body := k.Do("GET", "/metrics", k.AdminKey, nil)
	if m := string(body); !strings.Contains(m, "ripen_modules_quarantined_total 1") || strings.Contains(m, "ripen_module_traps 0") {
		t.Errorf("metrics do not say it")
	}
}
