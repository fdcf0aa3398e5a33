// Package snippet is the script that sites embed: page views (single-page
// applications, prerendered pages and the back-forward cache understood),
// custom events, identities, downloads, outbound links and form submissions.
//
// It promises that an event, once noticed, is delivered exactly once: it is
// written to the browser's local storage first, sent in batches without a
// preflight, sent again while the tracker does not answer, by the next page if
// need be, and handed to a beacon when the page goes away. Under Global Privacy
// Control or Do Not Track it writes nothing and identifies nobody.
//
// The sources are TypeScript in src/; go generate bundles them into dist/,
// which is committed and embedded here.
package snippet

import (
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"html"
	"strings"
)

//go:generate go run gen.go

// Bytes is the script, minified.
//
//go:embed dist/ripen.js
var Bytes []byte

// Version names the script's content: it is part of the immutable path
// /r/<version>.js.
var Version = func() string {
	sum := sha256.Sum256(Bytes)
	return hex.EncodeToString(sum[:6])
}()

// SRI is the value of the integrity attribute for the immutable path.
var SRI = func() string {
	sum := sha512.Sum384(Bytes)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// stub takes calls made before the script is there; none is lost.
const stub = `window.ripen=window.ripen||function(){(ripen.q=ripen.q||[]).push(arguments)}`

// Tag returns the HTML to paste into a site's head. Host is the tracker's
// origin ("https://t.example.org"; empty: the page's own), writeKey the
// source's public key, nonce the page's Content-Security-Policy nonce, if any.
func Tag(host, writeKey, nonce string) string {
	var b strings.Builder
	attr := ""
	if nonce != "" {
		attr = ` nonce="` + html.EscapeString(nonce) + `"`
	}
	host = html.EscapeString(strings.TrimRight(host, "/"))
	b.WriteString("<script" + attr + ">" + stub + "</script>\n")
	b.WriteString("<script" + attr + ` async src="` + host + `/r.js" data-key="` + html.EscapeString(writeKey) + `"></script>`)
	return b.String()
}
