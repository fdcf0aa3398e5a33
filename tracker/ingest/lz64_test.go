package ingest

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/andybalholm/brotli"
)

// packers compress as the senders do.
var packers = map[string]func(string) string{
	"deflate": func(s string) string {
		return packWith(s, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	},
	"raw deflate": func(s string) string {
		return packWith(s, func(w io.Writer) io.WriteCloser { z, _ := flate.NewWriter(w, 6); return z })
	},
	"br": func(s string) string {
		return packWith(s, func(w io.Writer) io.WriteCloser { return brotli.NewWriterLevel(w, 6) })
	},
}

func packWith(s string, open func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	w := open(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

// lzBits is a stream of bits as LZString has them, as text of 0 and 1.
type lzBits struct{ strings.Builder }

func (b *lzBits) number(n, bits int) {
	for range bits {
		b.WriteByte(byte('0' + n&1))
		n >>= 1
	}
}

const lzAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

func (b *lzBits) base64() string {
	s, out := b.String(), ""
	for s += strings.Repeat("0", 6-len(s)%6); len(s) > 0; s = s[6:] {
		n := 0
		for _, c := range s[:6] {
			n = 2*n + int(c-'0')
		}
		out += lzAlphabet[n : n+1]
	}
	return out + strings.Repeat("=", (4-len(out)%4)%4)
}

// lzTwin is the stream as the library's own algorithm makes it: words are texts,
// and a word costs as many bits as the dictionary asks for.
func lzTwin(text string) string {
	var out lzBits
	known, fresh := map[string]int{}, map[string]bool{}
	left, width := 2, 2
	spend := func() {
		if left--; left == 0 {
			left = 1 << width
			width++
		}
	}
	put := func(w string) {
		if fresh[w] {
			unit := int(w[0])<<8 | int(w[1])
			bits := 8
			if unit > 255 {
				bits = 16
			}
			out.number(bits/16, width)
			out.number(unit, bits)
			delete(fresh, w)
			spend()
		} else {
			out.number(known[w], width)
		}
		spend()
	}
	w := ""
	for _, u := range utf16.Encode([]rune(text)) {
		c := string([]byte{byte(u >> 8), byte(u)})
		if _, ok := known[c]; !ok {
			known[c], fresh[c] = len(known)+3, true
		}
		if _, ok := known[w+c]; ok {
			w += c
			continue
		}
		put(w)
		known[w+c] = len(known) + 3
		w = c
	}
	if w != "" {
		put(w)
	}
	out.number(2, width)
	return out.base64()
}

// unlzTwin reads a stream in obvious code: a list of texts, a text of bits.
func unlzTwin(coded string) (string, bool) {
	bits := ""
	for _, c := range strings.TrimRight(coded, "=") {
		n := strings.IndexRune(lzAlphabet, c)
		if n < 0 {
			return "", false
		}
		for i := 5; i >= 0; i-- {
			bits += string(rune('0' + n>>i&1))
		}
	}
	failed := false
	number := func(width int) (n int) {
		for i := range width {
			if bits == "" {
				failed = true
				return 0
			}
			n += int(bits[0]-'0') << i
			bits = bits[1:]
		}
		return n
	}
	unit := func(code int) string { u := number(8 + 8*code); return string([]byte{byte(u >> 8), byte(u)}) }
	dictionary := []string{"", "", ""}
	code := number(2)
	if failed || code == 3 {
		return "", false
	}
	if code == 2 {
		return "", true
	}
	w := unit(code)
	dictionary = append(dictionary, w)
	out, left, width := w, 4, 3
	for len(out) < 1<<20 {
		code := number(width)
		entry := ""
		switch {
		case failed:
			return "", false
		case code == 2:
			var us []uint16
			for i := 0; i < len(out); i += 2 {
				us = append(us, uint16(out[i])<<8|uint16(out[i+1]))
			}
			return string(utf16.Decode(us)), true
		case code < 2:
			entry = unit(code)
			dictionary = append(dictionary, entry)
			if left--; left == 0 {
				left = 1 << width
				width++
			}
		case code < len(dictionary):
			entry = dictionary[code]
		case code == len(dictionary):
			entry = w + w[:2]
		default:
			return "", false
		}
		out += entry
		dictionary = append(dictionary, w+entry[:2])
		if left--; left == 0 {
			left = 1 << width
			width++
		}
		w = entry
	}
	return "", false
}

func TestLZ64(t *testing.T) {
	const said = "BIUwNmD2A0AEDukBOYAmBCIA" // what lz-string 1.4 makes of Hello, world!
	if got := lzTwin("Hello, world!"); got != said {
		t.Errorf("the twin says %s, need %s", got, said)
	}
	for _, text := range []string{"", "a", "aaaaaaaa", "Hello, world!", "ñandú 中文 \U0001f600", strings.Repeat(`{"event":"x"},`, 300)} {
		coded := lzTwin(text)
		if got, err := unlz64(nil, urlAlphabet([]byte(coded)), 1<<20); err != nil || string(got) != text {
			t.Errorf("%.40q came back as %.40q, %v", text, got, err)
		}
		if got, ok := unlzTwin(coded); !ok || got != text {
			t.Errorf("the twin reads %.40q as %.40q", text, got)
		}
	}
	bomb := urlAlphabet([]byte(lzTwin(strings.Repeat("a", 1<<18))))
	if _, err := unlz64(nil, bomb, 1<<30); err != errRatio {
		t.Errorf("a bomb of %d bytes: %v", len(bomb), err)
	}
	if _, err := unlz64(nil, bomb, 1<<10); err != errBodyTooLarge {
		t.Errorf("beyond the limit: %v", err)
	}
}

// What the library packs is read back, and any stream is read as the twin does.
func FuzzLZ64(f *testing.F) {
	for _, s := range []string{"", "BIUwNmD2A0AEDukBOYAmBCIA", "Q===", "aaaa", `{"event":"x","event":"x"}`, "\xff", "ñ中\U0001f600"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) > 2000 {
			return
		}
		text := strings.ToValidUTF8(s, "")
		if got, err := unlz64(nil, urlAlphabet([]byte(lzTwin(text))), 1<<20); text != "" && (err != nil && err != errRatio || err == nil && string(got) != text) {
			t.Errorf("%q came back as %q, %v", text, got, err)
		}
		coded := base64.StdEncoding.EncodeToString([]byte(s))
		want, ok := unlzTwin(coded)
		got, err := unlz64(nil, urlAlphabet([]byte(coded)), 1<<20)
		if err == errRatio {
			return
		}
		if (err == nil) != ok || string(got) != want {
			t.Errorf("%q: %q %v, the twin has %q %v", coded, got, err, want, ok)
		}
	})
}
