package email

import (
	"strings"
	"testing"

	"ripen/tracker"
)

func TestTargets(t *testing.T) {
	good := func(in, want string) {
		t.Helper()
		if got, err := checkTarget(in); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
	good("https://acme.example/precios?id=7#top", "https://acme.example/precios?id=7#top")
	good("http://acme.example:8080/", "http://acme.example:8080/")
	good("HTTPS://acme.example", "HTTPS://acme.example")
	good("https://acme.example/café?n=ñ", "https://acme.example/caf%C3%A9?n=%C3%B1")
	good("https://acme.example/a%0d%0ab", "https://acme.example/a%0d%0ab") // stays encoded: harmless
	good("https://acme.example/?u=https://b.example/", "https://acme.example/?u=https://b.example/")
	good("https://[2001:db8::1]/x", "https://[2001:db8::1]/x")
	for _, in := range []string{
		"", "/precios", "//evil.example/", "acme.example", "javascript:alert(1)", "JAVASCRIPT:alert(1)", "data:text/html,<b>", "vbscript:x",
		"file:///etc/passwd", "ftp://a.example/", "mailto:a@b.example", "blob:https://a.example/1", "about:blank", "https:acme.example",
		"https:/acme.example", "https://", "https:///x", "http://:80/", "https://user@acme.example/", "https://u:p@acme.example/",
		"https://acme.example\\@evil.example/", "https://acme.example/\r\nSet-Cookie: a=b", "https://acme.example/\n", "https://acme.example/\x00",
		"https://acme.example/\x7f", "https://acme.example/a b", " https://acme.example/", "https://acme.example/\t", "java\tscript:alert(1)",
		`https://acme.example/\\evil.example/`, "https://acme.example/<script>", `https://acme.example/"onload`, "https://ácme.example/", "https://acme.example/\xff",
		"https://%61cme.example/%zz", "https://acme.example/" + strings.Repeat("a", maxURL), "\u200bhttps://acme.example/", "https\u003a//ａcme.example/",
	} {
		if got, err := checkTarget(in); err == nil {
			t.Errorf("%q is taken as %s", in, got)
		}
	}
}

func TestMintNamesTheField(t *testing.T) {
	b := newBed(t)
	ok := tracker.MailLink{Kind: "link", Email: "ana@example.org", Message: "m", URL: "https://a.example/"}
	f := func(code string, change func(l *tracker.MailLink)) {
		t.Helper()
		l := ok
		change(&l)
		_, err := b.keys.Mint(b.tenant, "https://t.example", l, b.db.Now())
		e, _ := err.(*tracker.Error) //nolint:errorlint // it is not wrapped
		if e == nil || e.Code != code || e.Kind != tracker.KindInvalid {
			t.Errorf("got %v, want %s", err, code)
		}
	}
	f("bad_kind", func(l *tracker.MailLink) { l.Kind = "open" })
	f("bad_email", func(l *tracker.MailLink) { l.Email = "" })
	f("bad_email", func(l *tracker.MailLink) { l.Email = "ana" })
	f("bad_email", func(l *tracker.MailLink) { l.Email = "ana@b>\r\nx" })
	f("bad_message", func(l *tracker.MailLink) { l.Message = "" })
	f("bad_message", func(l *tracker.MailLink) { l.Message = strings.Repeat("m", tracker.MaxID+1) })
	f("bad_link", func(l *tracker.MailLink) { l.Link = "a\x00" })
	f("bad_url", func(l *tracker.MailLink) { l.URL = "" })
	f("bad_url", func(l *tracker.MailLink) { l.URL = "javascript:alert(1)" })
	f("bad_url", func(l *tracker.MailLink) { l.Kind = "pixel" })
	f("bad_list", func(l *tracker.MailLink) { l.List = "news" })
	f("bad_expires", func(l *tracker.MailLink) { l.Expires = b.db.Now() })
	f("bad_expires", func(l *tracker.MailLink) { l.Expires = b.db.Now() + MaxLife.Milliseconds() + 1 })
	m, err := b.keys.Mint(b.tenant, "https://t.example", ok, b.db.Now())
	if err != nil || m.Expires != begin.Add(lives[click]).UnixMilli() || !strings.HasPrefix(m.URL, "https://t.example/c/") {
		t.Errorf("got %+v, %v", m, err)
	}
	long := ok
	long.URL += strings.Repeat("a", maxURL-len(long.URL))
	if m, err = b.keys.Mint(b.tenant, "https://t.example", long, b.db.Now()); err != nil || len(m.URL) > maxToken {
		t.Errorf("the longest target: %d bytes, %v", len(m.URL), err)
	}
}
