package snippet_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"ripen/snippet"
	"ripen/snippet/build"
)

func TestDistIsCurrent(t *testing.T) {
	js, err := build.Bundle("src")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(js, snippet.Bytes) {
		t.Fatal("dist/ripen.js is not what src/ builds: run go generate ./snippet")
	}
}

func TestBundleNamesTheLineOfAnError(t *testing.T) {
	if _, err := build.Bundle(t.TempDir()); err == nil {
		t.Fatal("an empty directory was bundled")
	}
}

// maxBrotli is what a visit may cost the site's visitors, in bytes.
const maxBrotli = 2600

func TestSize(t *testing.T) {
	var b bytes.Buffer
	w := brotli.NewWriterLevel(&b, brotli.BestCompression)
	w.Write(snippet.Bytes)
	w.Close()
	t.Logf("%d bytes, %d with brotli", len(snippet.Bytes), b.Len())
	if b.Len() > maxBrotli {
		t.Fatalf("the snippet takes %d bytes with brotli, more than %d", b.Len(), maxBrotli)
	}
}

func TestTag(t *testing.T) {
	f := func(host, key, nonce string, want ...string) {
		t.Helper()
		got := snippet.Tag(host, key, nonce)
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Fatalf("tag lacks %s:\n%s", w, got)
			}
		}
	}
	f("", "demo", "", `<script>window.ripen=`, `src="/r.js" data-key="demo"`)
	f("https://t.example/", "k", "n0", `<script nonce="n0">`, `<script nonce="n0" async src="https://t.example/r.js"`)
	f(`"><b>`, `"><b>`, `"><b>`, `src="&#34;&gt;&lt;b&gt;/r.js"`, `data-key="&#34;&gt;&lt;b&gt;"`, `nonce="&#34;`)
}

func TestVersionAndSRI(t *testing.T) {
	if len(snippet.Version) != 12 || !strings.HasPrefix(snippet.SRI, "sha384-") || len(snippet.SRI) != 7+64 {
		t.Fatalf("version %q, integrity %q", snippet.Version, snippet.SRI)
	}
}
