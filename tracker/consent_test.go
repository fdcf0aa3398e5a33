package tracker

import "testing"

func TestConsentIsKeptPerPurpose(t *testing.T) {
	for c := range Consent(64) {
		var got Event
		row := AppendRow(nil, &Event{Type: []byte("x"), MessageID: []byte("m"), Consent: c, OffOrigin: c%2 == 0})
		if err := DecodeRow(row, &got); err != nil || got.Consent != c || got.OffOrigin != (c%2 == 0) {
			t.Fatalf("consent %06b, off origin %v came back as %06b, %v: %v", c, c%2 == 0, got.Consent, got.OffOrigin, err)
		}
		flags := rowFlags(&got)
		if flags&flagDenied != 0 != c.Denied() {
			t.Errorf("consent %06b: a reader of the one bit would take denied for %v", c, !c.Denied())
		}
	}
}

func TestOldRowsKeepTheirConsent(t *testing.T) {
	f := func(flags byte, want Consent) {
		t.Helper()
		row := []byte{rowVersion, flags, 0, 0, 1, 0, 1, 'm', 1, 'x', 0}
		if flags >= 0x80 {
			row = []byte{rowVersion, flags, 1, 0, 0, 1, 0, 1, 'm', 1, 'x', 0}
			row[2] = 1 // bit 7 of the flags, as a varint's second byte
			row[1] = flags
		}
		var e Event
		if err := DecodeRow(row, &e); err != nil || e.Consent != want {
			t.Fatalf("flags %#x: consent %06b, %v; want %06b", flags, e.Consent, err, want)
		}
	}
	f(0, ConsentUnknown)
	f(flagGranted, ConsentGranted)
	f(0x80, ConsentDenied)
}

func TestWhatConsentDenies(t *testing.T) {
	f := func(analytics, marketing, profiling Choice, want bool) {
		t.Helper()
		c := Consent(0).With(Analytics, analytics).With(Marketing, marketing).With(Profiling, profiling)
		if c.Denied() != want {
			t.Errorf("analytics %q, marketing %q, profiling %q: denied %v", analytics, marketing, profiling, !want)
		}
	}
	f(Unasked, Unasked, Unasked, false)
	f(Granted, Granted, Granted, false)
	f(Refused, Granted, Granted, true)
	f(Unasked, Refused, Granted, false) // no mail, but scored
	f(Unasked, Refused, Unasked, true)  // nothing said of profiling
	f(Unasked, Granted, Refused, true)
	f(Granted, Pending, Pending, true)
	if got := ConsentSignal.Then(Consent(0).With(Marketing, Granted)); got.Of(Marketing) != Granted || got.Of(Profiling) != Refused || got.Of(Analytics) != Unasked {
		t.Errorf("a grant after a signal: %06b", got)
	}
	for _, c := range []Choice{Unasked, Granted, Refused, Pending} {
		if c.All().Of(Profiling) != c || c.All().Of(Analytics) != c || ParseChoice([]byte(c.String())) != c {
			t.Errorf("choice %d: all %06b, word %q", c, c.All(), c.String())
		}
	}
}
