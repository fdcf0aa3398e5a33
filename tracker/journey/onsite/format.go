package onsite

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// block is a paragraph or an item of a list, as browsers get it.
type block struct {
	List  bool   `json:"li,omitempty"`
	Spans []span `json:"c"`
}

// span is a run of text that looks alike.
type span struct {
	Text   string `json:"t"`
	Strong bool   `json:"b,omitempty"`
	Em     bool   `json:"i,omitempty"`
	Href   string `json:"h,omitempty"`
}

// marks are what stands for something else than itself: **strong**, *emphasis*
// and [a link](https://acme.es).
var marks = regexp.MustCompile(`\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)`)

// format reads a text with simple formatting. All else in it, tags too, is text.
func format(s string) (out []block, err error) {
	for part := range strings.SplitSeq(strings.ReplaceAll(s, "\r", ""), "\n\n") {
		var lines []string
		flush := func(list bool) error {
			text := strings.Join(lines, " ")
			lines = nil
			if text == "" {
				return nil
			}
			spans, err := spansOf(text)
			out = append(out, block{list, spans})
			return err
		}
		item := false
		for line := range strings.SplitSeq(part, "\n") {
			line = strings.TrimSpace(line)
			rest, begins := strings.CutPrefix(line, "- ")
			if begins {
				if err := flush(item); err != nil {
					return nil, err
				}
				line, item = rest, true
			}
			if line != "" {
				lines = append(lines, line)
			}
		}
		if err := flush(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func spansOf(s string) (out []span, err error) {
	plain := func(t string) {
		if t != "" {
			out = append(out, span{Text: t})
		}
	}
	end := 0
	for _, m := range marks.FindAllStringSubmatchIndex(s, -1) {
		plain(s[end:m[0]])
		end = m[1]
		group := func(i int) string {
			if m[2*i] < 0 {
				return ""
			}
			return s[m[2*i]:m[2*i+1]]
		}
		sp := span{Text: group(1) + group(2) + group(3), Strong: m[2] >= 0, Em: m[4] >= 0, Href: group(4)}
		if m[8] >= 0 && !isLink(sp.Href) {
			return nil, fmt.Errorf("%q leads to no page", sp.Href)
		}
		out = append(out, sp)
	}
	plain(s[end:])
	return out, nil
}

// isLink says that an address is a page's: over http or https, or of the site
// itself.
func isLink(s string) bool {
	u, err := url.Parse(s)
	if err != nil || strings.ContainsAny(s, "\\ \t\n") {
		return false
	}
	if u.Scheme == "" {
		return u.Host == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//")
	}
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}
