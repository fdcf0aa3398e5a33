package train

import (
	"cmp"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"say":     func(string, string) string { return "" }, // the page's own language stands in, below
	"percent": percent, "f4": f4,
	"f2":    func(v float64) string { return fmt.Sprintf("%.2f", v) },
	"gain":  func(v float64) string { return fmt.Sprintf("%+.4f", v) },
	"inc":   func(i int) int { return i + 1 },
	"bar":   func(v float64) string { return fmt.Sprintf("%.1f", 100*min(max(v, 0), 1)) },
	"curve": curve, "drift": driftText, "model": modelName, "points": pointsText,
	"in100":  func(v float64) int { return int(100*v + .5) },
	"later":  func(m *Model) Measures { return *cmp.Or(m.Time, &m.Random) },
	"deref":  func(v *float64) float64 { return *v },
	"across": func(p [2]float64) string { return fmt.Sprintf("%.1f", 200*p[0]) },
	"down":   func(p [2]float64) string { return fmt.Sprintf("%.1f", 200-200*p[1]) },
}).Parse(page))

// curve is a line in a square of 200 by 200, from pairs in 0…1.
func curve(points [][2]float64) string {
	var b strings.Builder
	for _, p := range points {
		fmt.Fprintf(&b, "%.1f,%.1f ", 200*p[0], 200-200*p[1])
	}
	return strings.TrimSpace(b.String())
}

// HTML writes the report as one page that needs nothing else, in English or Spanish.
func (r *Report) HTML(w io.Writer, lang string) error {
	t, err := pageTemplate.Clone()
	if err != nil {
		return err
	}
	t.Funcs(template.FuncMap{"say": func(en, es string) string { return say(lang, en, es) }})
	calibration := make([][2]float64, 0, len(r.Deciles))
	for _, d := range r.Deciles {
		calibration = append(calibration, [2]float64{d.Said, d.Rate})
	}
	return t.Execute(w, map[string]any{"R": r, "Lang": say(lang, "en", "es"), "Calibration": calibration})
}
