package scorecard

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write LANGUAGE.md anew")

// everything is a card that uses every section of the language but those of accounts,
// companies one that uses these.
const (
	everything = "testdata/everything.yaml"
	companies  = "testdata/companies.yaml"
)

// TestSchema holds the reference to the reader: each section has exactly the keys
// that the reader knows, and the reader meets no other section.
func TestSchema(t *testing.T) {
	met := map[string][]string{}                                                          // :: section → keys the reader knows
	kinds := map[string]string{"fit": "attributes", "people": "rollup", "best": "rollup"} // :: dimension of companies → its kind
	for _, file := range []string{everything, companies} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p := newReader(file)
		p.meet = func(of string, known []string) {
			if name, ok := strings.CutPrefix(of, "dimension "); ok && file == companies {
				of = "dimension " + kinds[name]
			}
			met[of] = known
		}
		p.read(p.readYAML(src))
		if len(p.errs) > 0 {
			t.Fatal(p.errs)
		}
	}
	delete(met, "the table of grades") // its keys are the card's own
	for _, s := range schema {
		var want []string
		for _, k := range s.keys {
			want = append(want, k.name)
		}
		of := strings.Replace(s.of, "a group", "group web", 1)
		got, ok := met[of]
		slices.Sort(want)
		if !ok || !slices.Equal(got, want) {
			t.Errorf("%s: the reference has %v, the reader knows %v", s.of, want, got)
		}
		delete(met, of)
	}
	for _, of := range slices.Sorted(maps.Keys(met)) {
		if !strings.HasPrefix(of, "group ") {
			t.Errorf("%s is not in the reference; the reader knows %v", of, met[of])
		}
	}
}

// TestLanguage shows that LANGUAGE.md is current.
func TestLanguage(t *testing.T) {
	src, err := os.ReadFile(everything)
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := os.ReadFile(companies)
	if err != nil {
		t.Fatal(err)
	}
	want := language(string(src), string(accounts))
	if *update {
		if err := os.WriteFile("LANGUAGE.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if Language != want && !*update {
		t.Error("LANGUAGE.md is not current: run go generate ./wasm/scorecard")
	}
}

func language(example, accounts string) string {
	var b strings.Builder
	b.WriteString(preface)
	for _, s := range schema {
		title := s.of
		for _, article := range []string{"a ", "an ", "the "} {
			title = strings.TrimPrefix(title, article)
		}
		fmt.Fprintf(&b, "\n### %s\n\n`%s`", strings.ToUpper(title[:1])+title[1:], s.where)
		if s.about != "" {
			b.WriteString(" — " + s.about)
		}
		b.WriteString("\n\n| key | holds | meaning |\n|---|---|---|\n")
		for _, k := range s.keys {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.name, k.holds, k.means)
		}
	}
	b.WriteString(expressions())
	b.WriteString("\n## A card with everything\n\n```yaml\n" + example + "```\n")
	b.WriteString("\n## A card of accounts\n\n" + ofAccounts + "\n```yaml\n" + accounts + "```\n")
	return b.String()
}

const ofAccounts = `An account is the leads with the same value of rollup.by. To its card it has these attributes: account, its name; leads, how many leads it
has; leads.BAND, how many of them are in a band of the card that rollup.of names; and for every other attribute what most of its leads say, or of
values with equally many, what the one that stands highest says. It has no events: what leads do is scored by their card, and rolled up here.
Its score and band are worked out when somebody asks, so they are never late, and there is no moment at which they change: such a card has no
feed of changes, no history, no shadow, no on_band, and no leave in its bands. Let a band of the leads' card set things off; who would move by a
change is what ripen scorecard simulate says; whoever wants changes of accounts asks for ripen accounts top as of two moments (--as-of).
`

const preface = `# The language of scorecards

Generated from the schema of the reader by ` + "`go generate ./wasm/scorecard`" + `; a test holds both together. What the words mean where two people
could read them differently is in ../DESIGN.md.

A card is a YAML file. ` + "`ripen scorecard check FILE`" + ` names what is wrong with it, with line, column, rule and fix; ` + "`ripen scorecard explain FILE`" + `
says it back in English or Spanish.

## Values

* **Points** and other numbers are written plainly, as in 5 or -0.5. Points stay within 100000.
* **A length of time** is a number and a unit: ms, s, m, h, d, w, mo (30.4375 days), y (365.25 days), as in 90m or 24mo.
* **A share** is 0.45; a share in % is 45%.
* **A name** is made of letters, digits, _ - and ., at most 128.
* **Texts** need quotes where YAML would read something else: "NO", "08", "1e3", "12:30", "*". Keys stand once; anchors, tags and merges are not read.

## What Ripen says itself

These are fields of every event, and attributes but for trusted, that no sender can set.

| field | values |
|---|---|
| ` + "`identity_level`" + ` | anonymous, claimed or proved: how sure it is who the lead is |
| ` + "`trusted`" + ` | false for what comes from where its source's events do not come from |
| ` + "`consent.analytics`, `consent.marketing`, `consent.profiling`" + ` | granted, denied or pending: the last word on each |
| ` + "`geo.country`" + ` | two capital letters (ISO 3166), as in ES: where the address of the event is, by the server's ` + "`--geo`" + ` file; as an attribute, of the last event that the lead caused, mails left out |
| ` + "`geo.region`, `geo.city`, `geo.timezone`" + ` | MD, Madrid, Europe/Madrid: as far as the file knows |

## Sections
`
