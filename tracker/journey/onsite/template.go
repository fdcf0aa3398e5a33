package onsite

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed templates/*.yaml
var templates embed.FS

// Templates are the names of the messages to begin from, one of each kind.
var Templates = []string{"banner", "box", "survey", "chat"}

// Template returns the text of a template with its remarks in es or en: lines
// after #en and #es are of that language, and of those at the end of a line the
// second one is Spanish.
func Template(name, lang string) ([]byte, error) {
	b, err := templates.ReadFile("templates/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("--template %s: there are %s", name, strings.Join(Templates, ", "))
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		whole, isWhole := strings.CutPrefix(line, "#"+lang+" ")
		text, remark, has := strings.Cut(line, "#en ")
		switch {
		case isWhole:
			out.WriteString("# " + whole)
		case strings.HasPrefix(line, "#"): // of the other language
		case has:
			en, es, _ := strings.Cut(remark, "|")
			if lang != "es" {
				es = en + "\n"
			}
			out.WriteString(text + "# " + es)
		default:
			out.WriteString(line)
		}
	}
	return []byte(out.String()), nil
}
