package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/netip"
	"strings"
	"time"
)

// AccessLogOptions are the options of [AccessLog].
type AccessLogOptions struct {
	ImportOptions
	Host string // of the site, https://example.org, to make URLs of paths; may be empty
}

// AccessLog reads an access log in the combined format. A GET that was
// answered with 2xx or 3xx is a page view, or a download if it names a
// document; what only completes a page is dropped. The visitor is a hash of
// address and agent: all that a log knows. The agent travels along, so that the
// server judges it.
//
// A line is dropped as malformed, not_get, status (4xx, 5xx, 1xx), asset
// (styles, scripts, pictures, fonts, robots.txt and the like), feed, or
// too_long.
func AccessLog(r io.Reader, o AccessLogOptions, post func(Batch) error) (Tally, error) {
	im := newImporter(o.ImportOptions, post)
	return im.lines(r, func(n int, line []byte) string {
		var l logLine
		if !l.parse(line) {
			return "malformed"
		}
		kind, reason := l.kind()
		if reason != "" {
			return reason
		}
		im.addEvent(l.event(kind, lineID(n, line), strings.TrimRight(o.Host, "/")))
		return ""
	})
}

// logLine is one line in the combined format:
//
//	address ident user [time] "request" status bytes "referrer" "agent"
type logLine struct {
	address, method, target, status string
	referrer, agent                 string
	at                              time.Time
}

func (l *logLine) parse(line []byte) bool {
	address, rest, ok := bytes.Cut(line, []byte(" "))
	open := bytes.IndexByte(rest, '[')
	if !ok || len(address) == 0 || open < 0 {
		return false
	}
	if words := bytes.Fields(rest[:open]); len(words) > 2 { // with the site before it, as Apache's vhost_combined has it
		if _, err := netip.ParseAddr(string(words[0])); err == nil {
			address = words[0]
		}
	}
	stamp, rest, ok := bytes.Cut(rest[open+1:], []byte("] "))
	if !ok {
		return false
	}
	var err error
	if l.at, err = time.Parse("02/Jan/2006:15:04:05 -0700", string(stamp)); err != nil {
		return false
	}
	request, rest, ok := quoted(rest)
	if !ok {
		return false
	}
	words := strings.Fields(request)
	if len(words) < 2 {
		return false
	}
	status, rest, ok := bytes.Cut(bytes.TrimLeft(rest, " "), []byte(" "))
	if !ok || len(status) != 3 || digits(status, 0) != 3 {
		return false
	}
	_, rest, _ = bytes.Cut(rest, []byte(" ")) // the size
	l.address, l.status = string(address), string(status)
	l.method, l.target = words[0], words[1]
	if l.referrer, rest, ok = quoted(rest); !ok {
		return false
	}
	l.agent, _, ok = quoted(rest)
	return ok
}

// quoted reads "text", in which \" and \\ are escapes; others are left alone.
func quoted(b []byte) (text string, rest []byte, ok bool) {
	b = bytes.TrimLeft(b, " ")
	if len(b) == 0 || b[0] != '"' {
		return "", nil, false
	}
	var out []byte
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '"':
			return string(out), b[i+1:], true
		case b[i] == '\\' && i+1 < len(b) && (b[i+1] == '"' || b[i+1] == '\\'):
			i++
		}
		out = append(out, b[i])
	}
	return "", nil, false
}

// The extensions of what completes a page, of feeds and of documents.
var (
	assets = wordSet("css js mjs map png jpg jpeg gif ico svg webp avif bmp woff woff2 ttf eot otf json wasm " +
		"swf xml webmanifest cur")
	feeds = wordSet("rss atom rdf")
	// files that machines ask for, whatever they end in
	housekeeping = wordSet("robots.txt ads.txt humans.txt security.txt")
	documents    = wordSet("pdf doc docx xls xlsx ppt pptx odt ods odp epub csv zip gz tgz tar bz2 xz 7z rar dmg exe msi " +
		"deb rpm apk jar iso txt rtf key pages mp3 mp4 m4a ogg webm mov avi wav")
)

func wordSet(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}

// kind says what a line is, or why it is none of ours.
func (l *logLine) kind() (kind, reason string) {
	if l.method != "GET" {
		return "", "not_get"
	}
	if l.status[0] != '2' && l.status[0] != '3' {
		return "", "status"
	}
	path := strings.ToLower(string(pathOf([]byte(l.target))))
	dot, slash := strings.LastIndexByte(path, '.'), strings.LastIndexByte(path, '/')
	ext := ""
	if dot > slash {
		ext = path[dot+1:]
	}
	switch {
	case feeds[ext] || path[slash+1:] == "feed" || strings.HasSuffix(path, "/feed/"):
		return "", "feed"
	case assets[ext] || housekeeping[path[slash+1:]]:
		return "", "asset"
	case documents[ext]:
		return "download", ""
	}
	return "page", ""
}

// event makes the event of a line.
func (l *logLine) event(kind, id, host string) *importEvent {
	sum := sha256.Sum256([]byte(l.address + "\x00" + l.agent))
	url := l.target
	if strings.HasPrefix(url, "/") {
		url = host + url
	}
	e := &importEvent{
		Type: "page", MessageID: id, AnonymousID: hex.EncodeToString(sum[:16]), Timestamp: l.at.UTC().Format(time.RFC3339),
		Context:    map[string]any{"userAgent": l.agent, "ip": l.address},
		Properties: map[string]any{"url": url},
	}
	if l.referrer != "" && l.referrer != "-" {
		e.Properties["referrer"] = l.referrer
	}
	if kind == "download" {
		e.Type, e.Event = "track", kind
		e.Properties["file"] = string(pathOf([]byte(l.target)))
	}
	return e
}
