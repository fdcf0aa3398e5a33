package load

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
)

// fragment is one event as text, made once; what differs from one sending to
// the next lies at known places of fixed width.
type fragment struct {
	text    string
	id      int   // message id, 36 bytes
	visitor int   // anonymous id, 36 bytes
	time    int   // RFC 3339 with milliseconds, 24 bytes; -1 = none
	millis  []int // unix milliseconds, 13 digits each
	number  []int // the visitor's number in decimal, 8 bytes each: user id, e-mail
}

// fragments are the raw material of all requests of a run.
type fragments struct {
	events     []fragment // page views, clicks, purchases …
	identifies []fragment
	pixels     []fragment // whole GET requests
	postHead   string     // request line and headers up to the length's value
	begin      string     // of a batch's body
	end        fragment   // of it
}

// A fragment's variable parts are written as these marks while it is made.
const (
	markID      = "\x01"
	markVisitor = "\x02"
	markTime    = "\x03"
	markNumber  = "\x04"
	markMillis  = "\x05"
)

const (
	blankUUID = "00000000-0000-4000-8000-000000000000"
	blankTime = "2000-01-01T00:00:00.000Z"
	blankNum  = "00000000"
	blankMs   = "0000000000000"
)

// cut replaces the marks by blanks and notes where they are.
func cut(marked string) fragment {
	f := fragment{id: -1, visitor: -1, time: -1}
	var b strings.Builder
	for _, c := range []byte(marked) {
		switch string(c) {
		case markID:
			f.id = b.Len()
			b.WriteString(blankUUID)
		case markVisitor:
			f.visitor = b.Len()
			b.WriteString(blankUUID)
		case markTime:
			f.time = b.Len()
			b.WriteString(blankTime)
		case markMillis:
			f.millis = append(f.millis, b.Len())
			b.WriteString(blankMs)
		case markNumber:
			f.number = append(f.number, b.Len())
			b.WriteString(blankNum)
		default:
			b.WriteByte(c)
		}
	}
	f.text = b.String()
	return f
}

// variety is how many different events of a kind a run draws from.
const variety = 256

func newFragments(cfg *Config) *fragments {
	rng := rand.New(rand.NewPCG(cfg.Seed, 1))
	f := cfg.format()
	fr := &fragments{postHead: postHead(cfg, f), begin: f.begin(cfg.WriteKey), end: cut(f.end)}
	for range variety {
		fr.events = append(fr.events, cut(f.event(rng, cfg.WriteKey)))
		fr.identifies = append(fr.identifies, cut(f.identify(rng, cfg.WriteKey)))
		fr.pixels = append(fr.pixels, cut(pixelText(rng, cfg)))
	}
	return fr
}

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
	"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36",
}

// pages are path and title; the number of the article makes them many.
var pages = []struct{ path, title string }{
	{"/", "Coffee machines for every kitchen"},
	{"/compare", "Compare coffee machines"},
	{"/pricing", "Prices and subscriptions"},
	{"/machines/espresso-%d", "Espresso machine %d"},
	{"/machines/espresso-%d", "Espresso machine %d"},
	{"/machines/filter-%d", "Filter machine %d"},
	{"/beans/arabica-%d", "Arabica beans %d, 1 kg"},
	{"/blog/how-to-descale-%d", "How to descale, part %d"},
	{"/careers", "Work with us"},
	{"/es/comparar", "Compara cafeteras"},
}

var referrers = []string{
	"", "https://www.google.com/", "https://duckduckgo.com/", "https://www.linkedin.com/feed/", "https://news.example.org/coffee",
}

type page struct{ path, title, referrer, agent string }

func somePage(rng *rand.Rand) page {
	p := pages[rng.IntN(len(pages))]
	n := rng.IntN(400)
	fill := func(s string) string {
		if strings.Contains(s, "%d") {
			return fmt.Sprintf(s, n)
		}
		return s
	}
	return page{
		path: fill(p.path), title: fill(p.title),
		referrer: referrers[rng.IntN(len(referrers))], agent: agents[rng.IntN(len(agents))],
	}
}

// eventText is a page view or a custom event in Segment's shape, about 450
// bytes, marked.
func eventText(rng *rand.Rand) string {
	p := somePage(rng)
	head, properties, context := "", "", fmt.Sprintf(`"page":{"path":%q,"title":%q},`, p.path, p.title)
	switch roll := rng.IntN(100); {
	case roll < 50:
		head, context = `"type":"page"`, ""
		properties = fmt.Sprintf(`{"path":%q,"title":%q,"referrer":%q,"scroll":%d}`, p.path, p.title, p.referrer, rng.IntN(100))
	case roll < 75:
		head = `"type":"track","event":"Product Viewed"`
		properties = fmt.Sprintf(`{"product_id":"sku-%04d","name":"Espresso machine %d","category":"machines","price":%d.90,"currency":"EUR"}`,
			rng.IntN(2000), rng.IntN(400), 49+rng.IntN(900))
	case roll < 85:
		head = `"type":"track","event":"Product Added"`
		properties = fmt.Sprintf(`{"product_id":"sku-%04d","quantity":%d,"price":%d.90,"currency":"EUR","cart_id":"c-%06d"}`,
			rng.IntN(2000), 1+rng.IntN(3), 49+rng.IntN(900), rng.IntN(1e6))
	case roll < 92:
		head = `"type":"track","event":"download"`
		properties = fmt.Sprintf(`{"file":"/guides/coffee-guide-%d.pdf","label":"The guide to good coffee","size_kb":%d}`, rng.IntN(20), 100+rng.IntN(4000))
	case roll < 97:
		head = `"type":"track","event":"form_submit"`
		properties = fmt.Sprintf(`{"form":%q,"fields":%d,"seconds":%d,"valid":true}`, []string{"demo", "newsletter", "contact"}[rng.IntN(3)], 2+rng.IntN(8), 5+rng.IntN(90))
	default:
		head = `"type":"track","event":"Order Completed"`
		properties = fmt.Sprintf(`{"order_id":"o-%06d","total":%d.80,"currency":"EUR","coupon":"","products":[{"product_id":"sku-%04d","quantity":1,"price":%d.90}]}`,
			rng.IntN(1e6), 60+rng.IntN(900), rng.IntN(2000), 49+rng.IntN(900))
	}
	return fmt.Sprintf(`{%s,"messageId":"%s","anonymousId":"%s","timestamp":"%s","context":{%s"userAgent":%q},"properties":%s}`,
		head, markID, markVisitor, markTime, context, p.agent, properties)
}

func identifyText(rng *rand.Rand) string {
	p := somePage(rng)
	titles := []string{"CEO", "Head of Operations", "Office manager", "Intern", "Developer"}
	return fmt.Sprintf(`{"type":"identify","messageId":"%s","anonymousId":"%s","userId":"user-%s","timestamp":"%s","context":{"userAgent":%q},`+
		`"traits":{"email":"person-%s@bench.example","job_title":%q,"employees":%d,"country":%q,"industry":"retail"}}`,
		markID, markVisitor, markNumber, markTime, p.agent, markNumber,
		titles[rng.IntN(len(titles))], 1+rng.IntN(1000), []string{"ES", "PT", "FR", "MX"}[rng.IntN(4)])
}

// pixelText is a whole GET request as a browser sends one, marked.
func pixelText(rng *rand.Rand, cfg *Config) string {
	p := somePage(rng)
	return fmt.Sprintf("GET /p.gif?writeKey=%s&type=page&messageId=%s&anonymousId=%s&url=%s&title=%s&referrer=%s HTTP/1.1\r\n"+
		"Host: %s\r\nUser-Agent: %s\r\nAccept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5\r\n"+
		"Accept-Language: es-ES,es;q=0.8,en;q=0.5\r\nReferer: https://shop.example%s\r\n\r\n",
		url.QueryEscape(cfg.WriteKey), markID, markVisitor, url.QueryEscape("https://shop.example"+p.path),
		url.QueryEscape(p.title), url.QueryEscape(p.referrer), cfg.Addr, p.agent, p.path)
}

// putUUID writes id as 36 characters at the start of dst.
func putUUID(dst []byte, id *ID) {
	_ = dst[35]
	hex.Encode(dst[0:8], id[0:4])
	dst[8], dst[13], dst[18], dst[23] = '-', '-', '-', '-'
	hex.Encode(dst[9:13], id[4:6])
	hex.Encode(dst[14:18], id[6:8])
	hex.Encode(dst[19:23], id[8:10])
	hex.Encode(dst[24:36], id[10:16])
}

// String returns the id as UUID text.
func (id ID) String() string {
	var b [36]byte
	putUUID(b[:], &id)
	return string(b[:])
}

// ParseID reads what [ID.String] wrote.
func ParseID(s []byte) (ID, bool) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return id, false
	}
	var packed [32]byte
	copy(packed[0:], s[0:8])
	copy(packed[8:], s[9:13])
	copy(packed[12:], s[14:18])
	copy(packed[16:], s[19:23])
	copy(packed[20:], s[24:36])
	_, err := hex.Decode(id[:], packed[:])
	return id, err == nil
}
