package train

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// leaky is a file in which <b>Owner knows who converted, and a second column nearly.
func leaky() string {
	head, rest, _ := strings.Cut(people(1500, 11), "\n")
	var b strings.Builder
	b.WriteString("<b>Owner,Echo," + head + "\n")
	for i, row := range strings.Split(strings.TrimSpace(rest), "\n") {
		owner, echo := "Ana", "low"
		if strings.HasSuffix(row, ",yes") {
			owner, echo = "Luis", "high"
		}
		if i%17 == 0 {
			owner = "Eva"
		}
		if i%4 == 0 {
			echo = "low"
		}
		b.WriteString(owner + "," + echo + "," + row + "\n")
	}
	return b.String()
}

func TestReport(t *testing.T) {
	texts := map[string]string{}
	var last *Report
	for _, lang := range []string{"en", "es"} {
		o := Options{Label: "Won", TimeColumn: "Created", Seed: 1, Language: lang}
		r, err := Run(t.Context(), read(t, leaky(), o), o)
		if err != nil {
			t.Fatal(err)
		}
		var text, page bytes.Buffer
		if err := errors.Join(r.Report.Text(&text, lang), r.Report.HTML(&page, lang)); err != nil {
			t.Fatal(err)
		}
		texts[lang], texts[lang+" page"], texts[lang+" card"] = text.String(), page.String(), string(r.Card)
		last = r.Report
	}
	f := func(in string, want ...string) {
		t.Helper()
		for _, w := range want {
			if !strings.Contains(texts[in], w) {
				t.Errorf("%s lacks %q:\n%s", in, w, texts[in])
			}
		}
	}
	f("en", "Won = yes", "too good to be true", "--drop '<b>Owner,Echo'", "Without: AUC 0.", "AUC within a period", "AUC later", "tells nothing: stop asking", "WRITTEN AFTERWARDS?", "running number")
	f("es", "Won = yes", "demasiado bueno", "--drop '<b>Owner,Echo'", "AUC dentro de un periodo", "no dice nada", "¿ESCRITO DESPUÉS?", "correlativo")
	f("en page", `<html lang="en">`, "&lt;b&gt;Owner", "<polyline points=\"0.0,200.0 ")
	f("es page", `<html lang="es">`, "Demasiado bueno")
	f("en card", "# CAREFUL: <b>Owner looks written after the outcome", "language: en", "name: hot")
	f("es card", "# CUIDADO: <b>Owner", "language: es", "name: caliente", "hasta ", "De personas que no había visto")
	if strings.Contains(texts["en page"], "<b>Owner") {
		t.Error("the page does not escape names")
	}
	checkReport(t, last)
}

// checkReport holds the figures to what they must add up to.
func checkReport(t *testing.T, r *Report) {
	t.Helper()
	rows, conversions, share := 0, 0, 0.0
	for _, d := range r.Deciles {
		rows, conversions = rows+d.Rows, conversions+d.Conversions
	}
	for _, a := range r.Attributes {
		share += a.Share
		if want := map[string]string{"Newsletter": "drop", "Echo": "leak"}[a.Name]; want != "" && a.Advice != want {
			t.Errorf("advice on %s: %q, want %q", a.Name, a.Advice, want)
		}
	}
	for _, a := range r.Attributes {
		if a.Drift == nil || *a.Drift > .1 {
			t.Errorf("%s drifts, and nothing did: %v", a.Name, a.Drift)
		}
	}
	if rows != r.Rows || conversions != r.Conversions {
		t.Errorf("the deciles hold %d rows, %d converted; there are %d and %d", rows, conversions, r.Rows, r.Conversions)
	}
	near(t, "shares of attributes", share, 1, 1e-9)
	for i, c := range r.Curve {
		if i > 0 && (c.P < r.Curve[i-1].P || c.Points <= r.Curve[i-1].Points) {
			t.Errorf("the curve falls: %v", r.Curve)
		}
	}
	if r.Models[0].Time == nil || r.Models[0].Within == nil || r.Sound == nil || r.Sound.AUC >= r.Models[0].Random.AUC {
		t.Errorf("the card %+v, without what leaks %+v", r.Models[0], r.Sound)
	}
	if b, err := json.Marshal(r); err != nil || !bytes.Contains(b, []byte(`"time":{"auc":`)) {
		t.Errorf("as JSON: %s %v", b, err)
	}
}

// TestNamesSteerNobody: what a file calls its columns does not reach the terminal raw.
func TestNamesSteerNobody(t *testing.T) {
	r := &Report{Label: "a\x1b[2Jb", Models: []Model{{Name: "card"}}, Notes: []string{"x\u202ey"}}
	var b bytes.Buffer
	if err := r.Text(&b, "en"); err != nil || strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Errorf("%q %v", b.String(), err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Label: "Won"}
	table := read(t, people(600, 12), o)
	seen := 0
	o.Progress = func(done, total int) {
		if seen++; done > total || done < seen {
			t.Errorf("%d of %d done", done, total)
		}
		if seen == 2 {
			cancel()
		}
	}
	if _, err := Run(ctx, table, o); !errors.Is(err, context.Canceled) || seen != 2 {
		t.Errorf("%v after %d steps", err, seen)
	}
}
