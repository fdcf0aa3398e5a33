package mail

import (
	"bytes"
	"fmt"
	htmltemplate "html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"ripen/tracker"
)

// template is one version of a mail, ready to be filled.
type template struct {
	file     templateFile
	words    map[string]*words // :: variant → its words; "" = the mail's own
	warnings []string
}

// templateFile is a template as people write it.
type templateFile struct {
	Mail     string               `yaml:"mail"`
	Language string               `yaml:"language"`
	Purpose  string               `yaml:"purpose"`
	Topics   []string             `yaml:"topics"`
	Stage    string               `yaml:"stage"`
	Campaign string               `yaml:"campaign"`
	Subject  string               `yaml:"subject"`
	Text     string               `yaml:"text"`
	HTML     string               `yaml:"html"`
	Question *question            `yaml:"question"`
	Variants map[string]wordsFile `yaml:"variants"`
}

// wordsFile is what a variant says instead; empty = as the mail itself.
type wordsFile struct {
	Subject string `yaml:"subject"`
	Text    string `yaml:"text"`
	HTML    string `yaml:"html"`
}

// words are a subject and bodies with their placeholders found.
type words struct {
	subject, text []piece
	html          *htmltemplate.Template // nil = the mail has text alone
}

// piece is some text as it is, or a placeholder.
type piece struct {
	text     string
	field    string
	fallback string
	inLink   bool // the placeholder stands in an address of the template's own
}

// Limits of a template.
const (
	maxTemplate = 256 << 10
	maxSubject  = 200
	maxVariants = 20
)

// always are the fields that always have a value.
var always = []string{"email", "unsubscribe"}

var (
	placeholder = regexp.MustCompile(`\{\{([^{}]*)\}\}`)
	fieldName   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]{0,63}$`)
	isSlug      = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)
)

// parse reads and checks a template. What it refuses is a [*tracker.Error] that
// names the field.
func parse(name string, b []byte) (*template, error) {
	if len(b) > maxTemplate || !utf8.Valid(b) {
		return nil, invalid("template", fmt.Sprintf("need UTF-8 of at most %d bytes", maxTemplate))
	}
	t := &template{words: map[string]*words{}}
	f := &t.file
	if err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(f); err != nil {
		return nil, invalid("template", "cannot read it: "+yaml.FormatError(err, false, false))
	}
	if err := f.check(name); err != nil {
		return nil, err
	}
	for _, v := range slices.Sorted(maps.Keys(f.Variants)) {
		if !isSlug.MatchString(v) {
			return nil, invalid("variants", fmt.Sprintf("%q: need a name of a-z, 0-9, - and _", v))
		}
	}
	for v := range f.all() {
		w, err := f.wordsOf(v)
		if err != nil {
			return nil, err
		}
		t.words[v] = w
	}
	if f.HTML == "" {
		t.warnings = append(t.warnings, "html: there is none: clicks are seen, opens are not")
	}
	return t, nil
}

// all visits the variants' names, the mail's own words as "".
func (f *templateFile) all() map[string]bool {
	out := map[string]bool{"": true}
	for v := range f.Variants {
		out[v] = true
	}
	return out
}

// check looks at what stands around the words.
func (f *templateFile) check(name string) error {
	switch {
	case !isSlug.MatchString(f.Mail):
		return invalid("mail", "need a name of a-z, 0-9, - and _, like welcome")
	case name != "" && name != f.Mail:
		return invalid("mail", fmt.Sprintf("the file says %q: send it under that name", f.Mail))
	case f.Language != "es" && f.Language != "en":
		return invalid("language", "need es or en")
	case f.Purpose != tracker.MailMarketing && f.Purpose != tracker.MailTransactional:
		return invalid("purpose", "need marketing (only to who said yes) or transactional")
	case f.Subject == "":
		return invalid("subject", "need one")
	case strings.TrimSpace(f.Text) == "":
		return invalid("text", "need the mail as plain text: not everybody reads HTML")
	case len(f.Variants) > maxVariants:
		return invalid("variants", fmt.Sprintf("need at most %d", maxVariants))
	case f.Stage != "" && !isSlug.MatchString(f.Stage):
		return invalid("stage", "need a word of a-z, 0-9, - and _")
	}
	if f.Question != nil {
		if err := f.Question.check(); err != nil {
			return err
		}
	}
	if f.Campaign != "" && !isSlug.MatchString(f.Campaign) {
		return invalid("campaign", "need a word of a-z, 0-9, - and _")
	}
	for _, topic := range f.Topics {
		if !isSlug.MatchString(topic) {
			return invalid("topics", fmt.Sprintf("%q: need words of a-z, 0-9, - and _", topic))
		}
	}
	return nil
}

// campaign is what reports call the mail.
func (f *templateFile) campaign() string {
	if f.Campaign != "" {
		return f.Campaign
	}
	return f.Mail
}

// wordsOf finds the placeholders of a variant.
func (f *templateFile) wordsOf(variant string) (*words, error) {
	v, at := f.Variants[variant], ""
	if variant != "" {
		at = "variants." + variant + "."
	}
	or := func(own, common string) string {
		if own == "" {
			return common
		}
		return own
	}
	subject, text, html := or(v.Subject, f.Subject), or(v.Text, f.Text), or(v.HTML, f.HTML)
	if len(subject) > maxSubject || strings.ContainsFunc(subject, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return nil, invalid(at+"subject", fmt.Sprintf("need one line of at most %d bytes", maxSubject))
	}
	w := &words{}
	var err error
	if w.subject, err = pieces(at+"subject", subject); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(w.subject, func(p piece) bool { return strings.HasPrefix(p.field, answerField) }) {
		return nil, invalid(at+"subject", "the address of an answer cannot stand in it: put it into text and html")
	}
	if w.text, err = pieces(at+"text", text); err != nil {
		return nil, err
	}
	if err = f.Question.asked(at+"text", w.text); html == "" || err != nil {
		return w, err
	}
	list, err := pieces(at+"html", html)
	if err == nil {
		err = f.Question.asked(at+"html", list)
	}
	if err != nil {
		return nil, err
	}
	w.html, err = compile(list)
	if err != nil {
		return nil, invalid(at+"html", err.Error())
	}
	return w, nil
}

// openLink is a text that ends within an address.
var openLink = regexp.MustCompile(`://[^\s"'<>]*$`)

// pieces takes a text apart at its placeholders.
func pieces(at, s string) (out []piece, err error) {
	end, before := 0, "" // what stands before, without its placeholders
	for _, m := range placeholder.FindAllStringSubmatchIndex(s, -1) {
		out = append(out, piece{text: s[end:m[0]]})
		before += s[end:m[0]]
		end = m[1]
		name, fallback, has := strings.Cut(s[m[2]:m[3]], "|")
		p := piece{field: strings.TrimSpace(name), fallback: strings.TrimSpace(fallback), inLink: openLink.MatchString(before)}
		switch {
		case !fieldName.MatchString(p.field):
			return nil, invalid(at, fmt.Sprintf("%q is no placeholder: need {{ field | fallback }}", s[m[0]:m[1]]))
		case !has && !slices.Contains(always, p.field) && !strings.HasPrefix(p.field, answerField):
			return nil, invalid(at, fmt.Sprintf("{{ %s }} has no fallback for who has none: write {{ %s | friend }}, or {{ %s | }} for nothing", p.field, p.field, p.field))
		}
		out = append(out, p)
	}
	out = append(out, piece{text: s[end:]})
	for _, p := range out {
		if strings.Contains(p.text, "{{") || strings.Contains(p.text, "}}") {
			return nil, invalid(at, "a placeholder is not closed, or not opened: need {{ field | fallback }}")
		}
	}
	return out, nil
}

// compile makes a template of the standard library of HTML with placeholders,
// which escapes each value for the place where it stands.
func compile(list []piece) (*htmltemplate.Template, error) {
	var b strings.Builder
	for _, p := range list {
		if p.field == "" {
			b.WriteString(p.text)
			continue
		}
		fmt.Fprintf(&b, "{{value %q %q %t}}", p.field, p.fallback, p.inLink)
	}
	none := func(string, string, bool) string { return "" }
	t, err := htmltemplate.New("").Funcs(htmltemplate.FuncMap{"value": none}).Parse(b.String())
	if err != nil {
		return nil, err
	}
	try, err := t.Clone() // escaping happens at the first use, and its errors with it
	if err == nil {
		err = try.Execute(&bytes.Buffer{}, nil)
	}
	return t, err
}
