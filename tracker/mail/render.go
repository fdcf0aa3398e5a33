package mail

import (
	"bytes"
	"fmt"
	"html"
	htmltemplate "html/template"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ripen/tracker"
)

// values are what placeholders stand for.
type values struct {
	fields map[string]string // of the intent
	attrs  map[string]any    // of the lead
	fixed  map[string]string // what always has a value
}

// maxValue is how many runes of a value are shown.
const maxValue = 200

// of returns what stands in a field, as one line of text; in a link nothing is put
// into it that people would not see.
func (v *values) of(field, fallback string, inLink bool) string {
	if s, ok := v.fixed[field]; ok {
		return s
	}
	if s := line(v.fields[field]); s != "" {
		return s
	}
	if s := line(word(v.attrs[field])); s != "" && !leadsAway(s) {
		if inLink {
			return s
		}
		return bareHost.ReplaceAllString(s, "$1$2\u2060$3")
	}
	return fallback
}

// bareHost is a name like those of hosts. Mail programs make links of them, so a word
// joiner, which nobody sees, takes one apart: Booking.com may be where somebody works.
var bareHost = regexp.MustCompile(`(?i)(^|[^a-z0-9@._-])((?:[a-z0-9-]+\.)+)([a-z]{2,})\b`)

// word writes an attribute as text; what is neither text nor number is nothing.
func word(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int64:
		return strconv.FormatInt(v, 10)
	}
	return ""
}

// line makes one line of a text, without control characters.
func line(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c == '\u2028' || c == '\u2029' || c < ' ' || c >= 0x7f && c < 0xa0:
			return ' '
		case c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069: // turn the direction of writing
			return -1
		}
		return c
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxValue {
		s = string(r[:maxValue])
	}
	return s
}

var hostLike = regexp.MustCompile(`(?i)\b[a-z0-9-]+\.[a-z]{2,}(/|\?|:\d)`)

// leadsAway says that mail programs would make a link of a text.
func leadsAway(s string) bool {
	low := strings.ToLower(s)
	return strings.Contains(low, "://") || strings.Contains(low, "www.") || hostLike.MatchString(s)
}

// written is a mail in words.
type written struct {
	subject, text, html string
}

func (w *words) write(v *values) (written, error) {
	fill := func(list []piece) string {
		var b strings.Builder
		for _, p := range list {
			b.WriteString(p.text)
			if p.field != "" {
				b.WriteString(v.of(p.field, p.fallback, p.inLink))
			}
		}
		return b.String()
	}
	out := written{subject: line(fill(w.subject)), text: fill(w.text)}
	if w.html == nil {
		return out, nil
	}
	t, err := w.html.Clone()
	if err != nil {
		return out, err
	}
	var b bytes.Buffer
	err = t.Funcs(htmltemplate.FuncMap{"value": v.of}).Execute(&b, nil)
	out.html = b.String()
	return out, err
}

// tracks is how the addresses of one mail are made.
type tracks struct {
	mint   func(kind, target string) (string, error) // nil = links stay plain and there is no pixel
	params [][2]string                               // UTM, added to links that have none
	own    [2]string                                 // prefixes of the server's own addresses, which stay as they are
}

var (
	hrefs    = regexp.MustCompile(`(?is)(<a\s[^>]*?\bhref\s*=\s*)("[^"]*"|'[^']*')`)
	urls     = regexp.MustCompile(`https?://[^\s<>"\\]+`)
	bodyEnds = regexp.MustCompile(`(?i)</body\s*>`)
)

// follow puts counted addresses in the place of those that a mail's author
// wrote, and adds the pixel.
func (k *tracks) follow(w *written) (err error) {
	swap := func(target string) string {
		own := slices.ContainsFunc(k.own[:], func(s string) bool { return strings.HasPrefix(target, s) })
		if err != nil || own || !strings.HasPrefix(target, "http://") && !strings.HasPrefix(target, "https://") {
			return target
		}
		tagged := k.tag(target)
		if k.mint == nil {
			return tagged
		}
		minted, e := k.mint(tracker.MailLinkKind, tagged)
		if e != nil {
			err = fmt.Errorf("link %s: %w", target, e)
		}
		return minted
	}
	w.text = urls.ReplaceAllStringFunc(w.text, func(s string) string {
		target := strings.TrimRight(s, ".,;:!?)]}'")
		return swap(target) + s[len(target):]
	})
	w.html = hrefs.ReplaceAllStringFunc(w.html, func(s string) string {
		m := hrefs.FindStringSubmatch(s)
		target := strings.TrimSpace(html.UnescapeString(m[2][1 : len(m[2])-1]))
		return m[1] + `"` + html.EscapeString(swap(target)) + `"`
	})
	if err != nil || w.html == "" || k.mint == nil {
		return err
	}
	pixel, err := k.mint(tracker.MailPixelKind, "")
	if err != nil {
		return err
	}
	img := `<img src="` + html.EscapeString(pixel) + `" width="1" height="1" alt="">`
	if at := bodyEnds.FindStringIndex(w.html); at != nil {
		w.html = w.html[:at[0]] + img + w.html[at[0]:]
	} else {
		w.html += img
	}
	return nil
}

// tag adds the campaign's parameters to an address that has none of them.
func (k *tracks) tag(target string) string {
	u, err := url.Parse(target)
	if err != nil {
		return target // minting says what is wrong
	}
	q := u.RawQuery
	for _, p := range k.params {
		if has := slices.ContainsFunc(strings.Split(u.RawQuery, "&"), func(s string) bool { return strings.HasPrefix(s, p[0]+"=") }); has {
			continue
		}
		if q != "" {
			q += "&"
		}
		q += p[0] + "=" + url.QueryEscape(p[1])
	}
	u.RawQuery = q
	return u.String()
}
