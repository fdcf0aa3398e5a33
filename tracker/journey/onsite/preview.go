package onsite

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"strings"

	"ripen/snippet"
)

//go:embed preview.html
var previewPage string

// Preview returns a page that shows the message as visitors will see it, in es or
// en, and lists the events that it would tell. The page asks for nothing outside
// and sends nothing.
func (m *Message) Preview(lang string) []byte {
	shown := m.in(lang)
	shown.After, shown.Scroll, shown.Exit, shown.Quiet = 0, 0, false, false
	b, err := json.Marshal(shown) // its < and > are escaped: it cannot end the script
	if err != nil {
		panic(fmt.Sprintf("BUG: a message has no JSON: %v", err))
	}
	about, events := "This is how visitors see it. What it would tell the tracker appears here:", "Events"
	if shown.Lang == "es" {
		about, events = "Así lo ven los visitantes. Lo que contaría al rastreador aparece aquí:", "Eventos"
	}
	page := strings.NewReplacer(
		"LANG", shown.Lang, "TITLE", html.EscapeString(m.Name), "ABOUT", about, "EVENTS", events,
		"MESSAGE", string(b), "SCRIPT", strings.ReplaceAll(string(snippet.Onsite), "</", `<\/`),
	)
	return []byte(page.Replace(previewPage))
}
