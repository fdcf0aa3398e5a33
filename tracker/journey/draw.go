package journey

import (
	"fmt"
	"html"
	"strings"
	"unicode/utf8"
)

// Sizes of a drawing, in pixels.
const (
	boxWide = 420
	boxHigh = 52
	boxGap  = 34
	margin  = 24
)

// colours of the kinds of steps: fill and edge.
var colours = map[Kind][2]string{
	Wait: {"#fff7e0", "#b58100"}, Branch: {"#eef4ff", "#2b5db0"}, Message: {"#e9f8ee", "#1c7c3f"}, Set: {"#f4f1ff", "#5a45a8"},
	Handoff: {"#ffeceb", "#b3362b"}, Webhook: {"#ffeceb", "#b3362b"}, Exit: {"#f0f0f0", "#555555"},
}

// Draw draws the journey as an SVG: its steps from top to bottom, what follows a
// step as arrows, those that skip others on the right. It has no script and asks
// for nothing outside.
func (j *Journey) Draw(lang string) []byte {
	if lang != "es" && lang != "en" {
		lang = j.Language
	}
	w := &teller{es: lang == "es"}
	d := &drawing{w: w, at: map[string]int{}}
	d.box("enter", w.say("enters", "entra"), w.trigger(&j.Enter)+w.given(j.If), [2]string{"#ffffff", "#222222"})
	for i, s := range j.Steps {
		d.box(s.ID, s.ID, w.step(j, i), colours[s.Kind])
	}
	d.box(exit, w.say("ends", "acaba"), w.say("goal: ", "meta: ")+w.trigger(j.Goal), [2]string{"#ffffff", "#222222"})
	d.arrow("enter", j.Steps[0].ID, "")
	for i, s := range j.Steps {
		for _, way := range s.Ways {
			d.arrow(s.ID, way.Go, way.say(w))
		}
		if s.Else != "" {
			d.arrow(s.ID, s.Else, w.say("not in time", "no a tiempo"))
		}
		to := exit
		if next := j.after(i); next != nil && s.Kind != Exit {
			to = next.ID
		}
		d.arrow(s.ID, to, "")
	}
	return d.svg(j.FullName())
}

type drawing struct {
	w     *teller
	boxes strings.Builder
	lines strings.Builder
	at    map[string]int // :: step → its place from the top
	skips int            // arrows on the right
}

func top(place int) int { return margin + place*(boxHigh+boxGap) }

func cut(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}

func (d *drawing) box(id, title, text string, colour [2]string) {
	y := top(len(d.at))
	d.at[id] = len(d.at)
	fmt.Fprintf(&d.boxes, `<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="8" fill="%s" stroke="%s"/>`,
		html.EscapeString(title+": "+text), margin, y, boxWide, boxHigh, colour[0], colour[1])
	fmt.Fprintf(&d.boxes, `<text x="%d" y="%d" font-weight="600">%s</text><text x="%d" y="%d" font-size="12">%s</text></g>`+"\n",
		margin+12, y+20, html.EscapeString(cut(title, 48)), margin+12, y+40, html.EscapeString(cut(text, 62)))
}

// arrow draws what follows a step: straight to the next one, else around.
func (d *drawing) arrow(from, to, label string) {
	a, b := d.at[from], d.at[to]
	if b == a+1 {
		x := margin + boxWide/2
		fmt.Fprintf(&d.lines, `<path d="M%d %d V%d" marker-end="url(#head)"/>`, x, top(a)+boxHigh, top(b)-2)
		d.label(x+8, top(a)+boxHigh+boxGap/2+4, label)
		return
	}
	d.skips++
	y1, y2, x := top(a)+boxHigh/2+6*(d.skips%3), top(b)+boxHigh/2-6*(d.skips%3), margin+boxWide+18*d.skips
	fmt.Fprintf(&d.lines, `<path d="M%d %d H%d V%d H%d" marker-end="url(#head)"/>`, margin+boxWide, y1, x, y2, margin+boxWide+2)
	d.label(x+4, y1+4, label)
}

func (d *drawing) label(x, y int, text string) {
	if text != "" {
		fmt.Fprintf(&d.lines, `<text x="%d" y="%d" font-size="11" fill="#444" stroke="none">%s</text>`, x, y, html.EscapeString(cut(text, 44)))
	}
}

func (d *drawing) svg(title string) []byte {
	wide, high := 2*margin+boxWide+18*d.skips+300, top(len(d.at))
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %d" role="img" font-family="system-ui,sans-serif" font-size="14">`+"\n", wide, high, high)
	fmt.Fprintf(&b, `<title>%s</title><defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#555"/></marker></defs>`+"\n", html.EscapeString(title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="#fff"/><g fill="none" stroke="#555">%s</g>`+"\n%s</svg>\n", d.lines.String(), d.boxes.String())
	return []byte(b.String())
}
