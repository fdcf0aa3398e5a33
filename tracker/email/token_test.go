package email

import (
	"strings"
	"testing"
	"time"

	"ripen/tracker"
)

func testKey(n byte) *key {
	row := keyRow{Secret: []byte(strings.Repeat(string('a'+rune(n)), 32))}
	return newKey(tracker.TenantID{n}, [keyIDLen]byte{n, 2, 3, 4}, row)
}

func viewOf(list ...*key) *Keys {
	v := &keyView{ids: map[[keyIDLen]byte]*key{}, current: map[tracker.TenantID]*key{}}
	for _, k := range list {
		v.add(k)
	}
	k := &Keys{}
	k.now.Store(v)
	return k
}

var sample = claims{
	expires: 1_800_000_000, email: "ana@example.org", user: "u-7", message: "welcome-1", link: "precios",
	url: "https://acme.example/precios?id=7", campaign: "spring", list: "news", trap: true,
}

func TestTokenSaysWhatWasSealed(t *testing.T) {
	k := testKey(1)
	keys := viewOf(k)
	f := func(p purpose, c claims) {
		t.Helper()
		token := k.seal(p, &c)
		tenant, got, err := keys.open(p, token, 1_700_000_000_000)
		if err != nil || got != c || tenant != k.tenant {
			t.Errorf("open: %v %+v, want %+v", err, got, c)
		}
		if again := k.seal(p, &c); again != token {
			t.Errorf("the same claims give %s, then %s", token, again)
		}
		if strings.Contains(token, "ana") {
			t.Error("the token shows the e-mail")
		}
	}
	f(click, sample)
	f(open, claims{expires: 1_800_000_000, email: "a@b"})
	f(unsub, claims{expires: 1_700_000_001, user: "u"})
}

// TestTokenHolds proves that nothing but the token itself, for its own use,
// tenant and time, is taken: no bit may differ, and no text may be left out.
func TestTokenHolds(t *testing.T) {
	k := testKey(1)
	keys := viewOf(k, testKey(2))
	token := k.seal(click, &sample)
	const now = 1_700_000_000_000
	refused := func(why string, p purpose, token string, now int64) {
		t.Helper()
		if _, c, err := keys.open(p, token, now); err == nil {
			t.Errorf("%s: opened as %+v", why, c)
		}
	}
	raw, err := tokenText.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(raw) * 8 {
		b := append([]byte(nil), raw...)
		b[i/8] ^= 1 << (i % 8)
		refused("a flipped bit", click, tokenText.EncodeToString(b), now)
	}
	for i := range token {
		refused("cut short", click, token[:i], now)
	}
	refused("another use", open, token, now)
	refused("another use", unsub, token, now)
	refused("expired", click, token, sample.expires*1000)
	refused("longer", click, token+"A", now)
	refused("padded", click, token+"=", now)
	refused("a line's end", click, token[:9]+"\n"+token[9:], now)
	short := k.seal(click, &claims{expires: 1_800_000_000, email: "ana@example.o"}) // its last letter has bits to spare
	if len(short)%4 == 0 {
		t.Fatal("choose another length")
	}
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if other := short[:len(short)-1] + string(c); other != short {
			refused("another spelling", click, other, now)
		}
	}
	refused("too long", click, strings.Repeat("A", maxToken+1), now)
	// The key of one tenant under the id of another's.
	other := *testKey(1)
	other.tenant = tracker.TenantID{9}
	refused("another tenant", click, other.seal(click, &sample), now)
	retired := *k
	retired.until = now
	keys = viewOf(&retired)
	refused("an ended key", click, token, now)
	if _, _, err := keys.open(click, token, now-1); err != nil {
		t.Error("a key that has not ended yet:", err)
	}
}

func TestKeysOutliveTheProcess(t *testing.T) {
	b := newBed(t)
	old := b.mint(tracker.MailLink{Kind: "link", Email: "ana@example.org", Message: "m", URL: "https://a.example/"})
	b.restart()
	if a := b.do("GET", old, ""); a.status != 302 {
		t.Fatal("after a restart:", a.status)
	}
	if _, err := b.keys.Rotate(b.tenant.ID, b.db.Now(), b.now().Add(time.Hour).UnixMilli()); err != nil {
		t.Fatal(err)
	}
	fresh := b.mint(tracker.MailLink{Kind: "link", Email: "ana@example.org", Message: "m", URL: "https://a.example/"})
	if fresh == old {
		t.Error("the new key signs as the old one")
	}
	b.restart()
	status := func(path string, want int) {
		t.Helper()
		if a := b.do("GET", path, ""); a.status != want {
			t.Errorf("got %d, want %d", a.status, want)
		}
	}
	status(old, 302)
	status(fresh, 302)
	if n := len(b.keys.List(b.tenant.ID)); n != 2 {
		t.Errorf("%d keys, want 2", n)
	}
	b.advance(2 * time.Hour)
	status(old, 404)
	status(fresh, 302)
	// A key that verifies nothing is forgotten when the next one comes; one that
	// has leaked ends at once.
	if _, err := b.keys.Rotate(b.tenant.ID, b.db.Now(), 0); err != nil {
		t.Fatal(err)
	}
	status(fresh, 404)
	list := b.keys.List(b.tenant.ID)
	if len(list) != 2 || list[0].Until != 0 || list[1].Until != b.db.Now() {
		t.Errorf("keys: %+v", list)
	}
}

func FuzzToken(f *testing.F) {
	k := testKey(1)
	keys := viewOf(k)
	f.Add(k.seal(click, &sample))
	f.Add("")
	f.Add("AQIDBAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, token string) {
		_, c, err := keys.open(click, token, 1_700_000_000_000)
		if err == nil && k.seal(click, &c) != token {
			t.Errorf("%q opens and is not what would be sealed", token)
		}
	})
}

// FuzzClaims proves that the codec takes exactly what it writes.
func FuzzClaims(f *testing.F) {
	f.Add(sample.append(nil))
	f.Add((&claims{expires: 1, email: "a@b"}).append(nil))
	f.Add([]byte{1, 1, 0x80, 0x00, 1, 'a'})
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readClaims(b)
		if err == nil && string(c.append(nil)) != string(b) {
			t.Errorf("%x reads as %+v, which is written as %x", b, c, c.append(nil))
		}
	})
}
