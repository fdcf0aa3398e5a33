package export

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// ana is a lead with something in every field.
func ana() *tracker.Lead {
	hash := func(b byte) (h tracker.Hash) {
		for i := range h {
			h[i] = b
		}
		return h
	}
	at := time.Date(2026, 1, 12, 9, 0, 0, 250e6, time.UTC)
	return &tracker.Lead{
		ID:         tracker.LeadID{Kind: tracker.UserIdentity, Hash: hash(1)},
		Superseded: []tracker.LeadID{{Kind: tracker.VisitorIdentity, Hash: hash(2)}},
		Identities: []tracker.Identity{
			{Kind: tracker.UserIdentity, Hash: hash(1), Value: "ana", Proved: true, From: at.UnixMilli()},
			{Kind: tracker.EmailIdentity, Hash: hash(3), Value: "ana@example.org", From: at.UnixMilli()},
			{Kind: tracker.VisitorIdentity, Hash: hash(2), From: at.UnixMilli()},
		},
		Email: "ana@example.org", SharedEmail: true,
		Attributes: map[string]any{"name": `Ana "=1+1" <b>`, "employees": int64(50), "vip": true},
		FirstSeen:  at, LastSeen: at.Add(time.Hour), Events: 12, Unscored: 2,
		Scores: map[string]*tracker.Score{
			"saas": {
				Card: "saas@7", Score: 62, Exact: 61_600, Grade: "A2", Band: "mql", Dims: map[string]float64{"fit": 100, "engagement": 24.5},
				Reasons: []tracker.Reason{
					{Rule: "size", Why: "=HYPERLINK(\"x\")", Points: 40, Share: 40_000},
					{Rule: "price", Why: "Looks at prices", Points: 21.6, Share: 21_600},
					{Rule: "rounding", Why: "Rounded", Share: 400},
				},
				Next: at.Add(24 * time.Hour).UnixMilli(), Trouble: "gas: the last good score is shown",
			},
			"shop": {Card: "shop@1", Null: true},
		},
	}
}

// TestLeadGolden keeps the JSON of a lead as scripts read it.
func TestLeadGolden(t *testing.T) {
	got, err := json.MarshalIndent(leadToJSON(ana(), "saas"), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/lead.json"
	if *update {
		if err := os.WriteFile(file, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("a lead reads\n%s\nwant\n%s", got, want)
	}
	var sum int64
	for _, r := range leadToJSON(ana(), "saas").Reasons {
		sum += r.Share
	}
	if sum != 62_000 {
		t.Errorf("the shares sum to %d", sum)
	}
	if l := leadToJSON(ana(), "shop"); l.Score != nil || l.Reasons == nil || l.Grade != "" {
		t.Errorf("a lead that its card does not score: %+v", l)
	}
}

type unasked = Leads

// listOf is a list of leads that may fail at its end.
type listOf struct {
	unasked
	leads []*tracker.Lead
	err   error
}

func (l listOf) EachLead(_ tracker.Caller, _ tracker.TenantID, _ LeadQuery, visit func(*tracker.Lead) error) error {
	for _, one := range l.leads {
		if err := visit(one); err != nil {
			return err
		}
	}
	return l.err
}

// TestCSVIsNoFormula writes what a visitor may say of himself and reads it as a
// spreadsheet would.
func TestCSVIsNoFormula(t *testing.T) {
	evil := []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\u00a0=1", "＝1", "＋1", "－1", "＠x", "|calc", "%x",
		`=cmd|' /C calc'!A0`, `a","=1`, "a\n=1", `"=1`,
	}
	var leads []*tracker.Lead
	for _, s := range evil {
		l := ana()
		l.Email, l.Attributes = s, map[string]any{s: s}
		l.Scores["saas"].Band, l.Scores["saas"].Grade, l.Scores["saas"].Reasons[0].Why = s, s, s
		leads = append(leads, l)
	}
	var b bytes.Buffer
	w := bufio.NewWriter(&b)
	if err := writeCSV(w, listOf{leads: leads}, tracker.Caller{}, tracker.TenantID{}, LeadQuery{Card: "saas"}); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	if raw := b.String(); !strings.HasPrefix(raw, `"id","email",`) || !strings.HasSuffix(raw, "\"\r\n") {
		t.Errorf("cells are not quoted: %q", raw)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != len(evil)+1 {
		t.Fatalf("%d rows of %d: %v", len(rows), len(evil)+1, err)
	}
	for i, row := range rows[1:] {
		if len(row) != len(csvHead) || row[2] != "62" || row[7] != "12" {
			t.Errorf("%q broke out of its cell: %q", evil[i], row)
		}
		for j, c := range row {
			if c != "" && strings.ContainsAny(strings.TrimLeft(c, " \u00a0")[:1], "=+-@\t\r\n|%") {
				t.Errorf("%s is a formula: %q", csvHead[j], c)
			}
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(row[9]), &back); err != nil || back[evil[i]] != evil[i] {
			t.Errorf("the attributes read %q: %v", row[9], err)
		}
	}
}

func TestStreamsEndWhereTheyMust(t *testing.T) {
	f := func(limit int, fail error, lines int) {
		t.Helper()
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		err := writeNDJSON(w, listOf{leads: []*tracker.Lead{ana(), ana(), ana()}, err: fail}, tracker.Caller{}, tracker.TenantID{}, LeadQuery{Card: "saas", Limit: limit})
		w.Flush()
		if got := strings.Count(b.String(), "\n"); got != lines || !errors.Is(err, fail) {
			t.Errorf("limit %d: %d lines, %v; want %d, %v", limit, got, err, lines, fail)
		}
	}
	broken := errors.New("the disk is gone")
	f(0, nil, 3)
	f(2, nil, 2)
	f(9, nil, 3)
	f(0, broken, 3)
}

func TestTakes(t *testing.T) {
	f := func(list, coding string, want bool) {
		t.Helper()
		if got := takes(list, coding); got != want {
			t.Errorf("%q takes %s: %v", list, coding, got)
		}
	}
	f("gzip, deflate, br, zstd", "zstd", true)
	f("GZIP;q=0.5", "gzip", true)
	f("gzip;q=0, zstd; q=0.0", "zstd", false)
	f("gzip;q=0", "gzip", false)
	f("xgzip", "gzip", false)
	f("gzip;q=x", "gzip", false)
	f("", "gzip", false)
}

func TestDistance(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := distance(a, b); got != want {
			t.Errorf("%s to %s: %d, want %d", a, b, got, want)
		}
	}
	f("limit", "limit", 0)
	f("limt", "limit", 1)
	f("", "abc", 3)
	f("kitten", "sitting", 3)
}
