// Package snippet is the script that sites embed: page views (single-page
// applications, prerendered pages and the back-forward cache understood),
// custom events, identities, downloads, outbound links, form submissions,
// scroll depth and engaged time.
//
// It promises that an event, once noticed, is delivered exactly once: it is
// written to the browser's local storage first, sent in batches without a
// preflight, sent again while the tracker does not answer, by the next page if
// need be, and handed to a beacon when the page goes away; of many tabs one
// sends at a time. Under Global Privacy Control or Do Not Track, or when the
// person says no, it keeps no id and no event, and identifies nobody.
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

// Onsite is the script of on-site messages, minified. The snippet loads it where
// the tracker has messages for a site's visitors.
//
//go:embed dist/onsite.js
var Onsite []byte

// Version names the script's content: it is part of the immutable path
// /r/<version>.js. OnsiteVersion is that of the second one.
var (
	Version       = version(Bytes)
	OnsiteVersion = version(Onsite)
)

func version(script []byte) string {
	sum := sha256.Sum256(script)
	return hex.EncodeToString(sum[:6])
}

// SRI is the value of the integrity attribute for the immutable path.
var SRI = func() string {
	sum := sha512.Sum384(Bytes)
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}()

// Types describes the calls and the tag's attributes to TypeScript.
//
//go:embed ripen.d.ts
var Types []byte

//go:embed ripen.tpl
var manager string

// TagManager returns a template of Google Tag Manager that loads the script
// from a tracker and calls it. It is allowed to load from that tracker only.
func TagManager(host string) []byte {
	return []byte(strings.ReplaceAll(manager, "https://TRACKER", strings.TrimRight(host, "/")))
}

// stub takes calls made before the script is there; none is lost.
const stub = `window.ripen=window.ripen||function(){(ripen.q=ripen.q||[]).push(arguments)}`

// Page says how a page embeds the script.
type Page struct {
	Host  string // the tracker's origin: https://t.example.org; empty: the page's own
	Key   string // the source's public write key
	Nonce string // of the page's Content-Security-Policy; empty = none
	Path  string // under which the tracker answers besides its own paths: /k7; empty = none
	// Pinned asks for this version alone, checked by the browser. The tracker
	// serves no other: the tag changes when the tracker is upgraded.
	Pinned bool
}

// Tag returns the HTML to paste into the page's head.
func (p Page) Tag() string {
	nonce, src, check, path := "", "/r", "", ""
	if p.Nonce != "" {
		nonce = ` nonce="` + html.EscapeString(p.Nonce) + `"`
	}
	if p.Path != "" {
		src, path = p.Path, ` data-path="`+html.EscapeString(p.Path)+`"`
	}
	if p.Pinned {
		src += "/" + Version
		check = ` integrity="` + SRI + `" crossorigin="anonymous"`
	}
	src = html.EscapeString(strings.TrimRight(p.Host, "/") + src + ".js")
	return "<script" + nonce + ">" + stub + "</script>\n" +
		"<script" + nonce + ` async src="` + src + `"` + check + ` data-key="` + html.EscapeString(p.Key) + `"` + path + "></script>"
}
