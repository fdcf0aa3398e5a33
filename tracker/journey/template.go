package journey

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed templates/*.yaml
var templates embed.FS

// Templates are the names of the journeys to begin from.
var Templates = []string{"educate", "renew"}

// Template returns the text of a template in es or en.
func Template(name, lang string) ([]byte, error) {
	if lang != "es" {
		lang = "en"
	}
	b, err := templates.ReadFile("templates/" + name + "." + lang + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("--template %s: there are %s", name, strings.Join(Templates, " and "))
	}
	return b, nil
}
