package snippet_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"ripen/snippet"
	"ripen/snippet/browsertest"
	"ripen/snippet/build"
)

func TestMain(m *testing.M) { os.Exit(browsertest.Main(m)) }

func TestDistIsCurrent(t *testing.T) {
	js, onsite, err := build.Bundle("src")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(js, snippet.Bytes) || !bytes.Equal(onsite, snippet.Onsite) {
		t.Fatal("dist/ is not what src/ builds: run go generate ./snippet")
	}
	if !bytes.Contains(js, []byte(snippet.OnsiteVersion)) {
		t.Fatal("the snippet loads another second file than the one that is served")
	}
}

func TestBundleNamesTheLineOfAnError(t *testing.T) {
	if _, _, err := build.Bundle(t.TempDir()); err == nil {
		t.Fatal("an empty directory was bundled")
	}
}

// What a visit may cost the site's visitors, in bytes with brotli: the snippet
// always, the second file where there is a message.
const (
	maxBrotli       = 5000
	maxOnsiteBrotli = 7000
)

func TestSize(t *testing.T) {
	f := func(name string, script []byte, most int) {
		t.Helper()
		var b bytes.Buffer
		w := brotli.NewWriterLevel(&b, brotli.BestCompression)
		w.Write(script)
		w.Close()
		t.Logf("%s: %d bytes, %d with brotli", name, len(script), b.Len())
		if b.Len() > most {
			t.Errorf("%s takes %d bytes with brotli, more than %d", name, b.Len(), most)
		}
	}
	f("ripen.js", snippet.Bytes, maxBrotli)
	f("onsite.js", snippet.Onsite, maxOnsiteBrotli)
}

func TestTag(t *testing.T) {
	f := func(p snippet.Page, want ...string) {
		t.Helper()
		got := p.Tag()
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Fatalf("tag lacks %s:\n%s", w, got)
			}
		}
	}
	f(snippet.Page{Key: "demo"}, `<script>window.ripen=`, `src="/r.js" data-key="demo">`)
	f(snippet.Page{Host: "https://t.example/", Key: "k", Nonce: "n0"}, `<script nonce="n0">`, `<script nonce="n0" async src="https://t.example/r.js"`)
	f(snippet.Page{Host: "https://t.example", Key: "k", Path: "/k7"}, `src="https://t.example/k7.js" data-key="k" data-path="/k7">`)
	f(snippet.Page{Path: "/k7", Pinned: true}, `src="/k7/`+snippet.Version+`.js"`, `.js" integrity="`+snippet.SRI+`" crossorigin="anonymous" data-key="" data-path="/k7">`)
	f(snippet.Page{Pinned: true}, `src="/r/`+snippet.Version+`.js"`)
	f(snippet.Page{Host: `"><b>`, Key: `"><b>`, Nonce: `"><b>`, Path: `"><b>`}, `src="&#34;&gt;&lt;b&gt;&#34;&gt;&lt;b&gt;.js"`, `data-key="&#34;&gt;&lt;b&gt;"`, `nonce="&#34;`)
}

func TestVersionAndSRI(t *testing.T) {
	if len(snippet.Version) != 12 || !strings.HasPrefix(snippet.SRI, "sha384-") || len(snippet.SRI) != 7+64 {
		t.Fatalf("version %q, integrity %q", snippet.Version, snippet.SRI)
	}
}

func TestTypesNameEveryCall(t *testing.T) {
	src, err := os.ReadFile("src/ripen.ts")
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(src), "const methods: any = {")
	body, _, _ = strings.Cut(body, "\n};")
	n := 0
	for line := range strings.Lines(body) {
		name, _, ok := strings.Cut(line, "(")
		if !ok || !strings.HasPrefix(name, "  ") || strings.HasPrefix(name, "   ") {
			continue
		}
		if n++; !strings.Contains(string(snippet.Types), `(method: "`+name[2:]+`"`) {
			t.Errorf("ripen.d.ts lacks %s", name)
		}
	}
	if n != 7 {
		t.Errorf("found %d calls in the source, want 7: page track identify group alias reset consent", n)
	}
}

func TestTagManagerLoadsFromOneTracker(t *testing.T) {
	got := string(snippet.TagManager("https://t.acme.es/"))
	for _, w := range []string{`"string": "https://t.acme.es/*"`, `"defaultValue": "https://t.acme.es"`, "___WEB_PERMISSIONS___", "injectScript(url"} {
		if !strings.Contains(got, w) {
			t.Errorf("the template lacks %s", w)
		}
	}
	if strings.Contains(got, "TRACKER") {
		t.Error("the template still names no tracker")
	}
}
