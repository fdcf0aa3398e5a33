package train

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Text writes the types for people, in English or Spanish.
func (t *Typology) Text(w io.Writer, lang string) error {
	p := &printer{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0), lang}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = printable(short(c, 40))
	}
	p.line("%d people, %d types, told apart by %s\n", "%d personas, %d tipos, que se distinguen por %s\n", t.People, len(t.Types), strings.Join(columns, ", "))
	for i := range t.Types {
		p.line("%s", "%s", t.Types[i].Sentence)
		p.line("  %s: %s", "  %s: %s", t.Types[i].Segment, printable(t.Types[i].When))
	}
	sure := say(lang, "clear: they lie apart", "clara: están separados")
	if t.Silhouette < .5 {
		sure = say(lang, "weak: a help for thinking, not laws of nature", "débil: ayudan a pensar, no son leyes de la naturaleza")
	}
	p.line("\nSilhouette %.2f (%s); the rules put %.1f %% of people where they are nearest to", "\nSilueta %.2f (%s); las reglas ponen al %.1f %% de las personas donde les queda más cerca", t.Silhouette, sure, 100*t.Agree)
	if len(t.Tried) > 1 {
		p.row(say(lang, "types", "tipos"), say(lang, "silhouette", "silueta"), "")
		for _, x := range t.Tried {
			p.row(fmt.Sprint(x.Types), fmt.Sprintf("%.2f", x.Silhouette), x.Why)
		}
	}
	if len(t.LeftOut) > 0 {
		p.line("\nNot looked at", "\nLo que no se mira")
		for _, l := range t.LeftOut {
			p.row("  "+printable(l.Name), printable(l.Why))
		}
	}
	return p.Flush()
}
