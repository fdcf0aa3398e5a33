package score

import (
	"bytes"
	"reflect"
	"testing"

	"ripen/tracker"
)

func sampleWalk() *Walk {
	guest := make([]byte, 203)
	guest[0], guest[17], guest[90], guest[202] = 1, 2, 3, 4
	return &Walk{
		Gen: 7, First: 1000, Last: 5000, Active: 4000, Step: 6000, Events: 12,
		sessions: []session{{1, 4500, 99}, {2, 5000, 98}},
		States: []State{
			{Card: "saas@7", Guest: guest, Score: 42, Exact: 42400, Grade: "A1", Band: "mql", Next: 7000},
			{Card: "b@1", Null: true, Trouble: "score: out of gas", Guest: []byte{}},
		},
	}
}

func TestWalkRoundTrip(t *testing.T) {
	k, texts := sampleWalk(), new(Texts)
	b := k.Append(nil)
	var got Walk
	if err := got.Decode(b, texts); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&got, k) {
		t.Fatalf("got %+v\nwant %+v", got, *k)
	}
	if len(b) > 160 {
		t.Errorf("a walk whose guest is mostly zeros takes %d bytes", len(b))
	}
	for n := range b {
		if err := got.Decode(b[:n], texts); err == nil {
			t.Fatalf("a walk cut at %d of %d bytes was accepted", n, len(b))
		}
	}
	k.Level, k.Proved = tracker.Proved, []tracker.LeadID{{Kind: 'e', Hash: tracker.Hash{1}}, {Kind: 'u', Hash: tracker.Hash{2}}}
	if err := got.Decode(k.Append(nil), texts); err != nil || !reflect.DeepEqual(&got, k) {
		t.Fatalf("got %+v, %v\nwant %+v", got, err, *k)
	}
	if err := got.Decode(b, texts); err != nil || len(got.Proved) != 0 {
		t.Fatalf("got %+v, %v", got, err)
	}
	k.Proved = nil
	// What was stored before there were levels has none.
	k.Level = tracker.Proved
	if err := got.Decode(k.Append(nil), texts); err != nil || got.Level != tracker.Proved {
		t.Fatalf("level %s: %v", got.Level, err)
	}
	if err := got.Decode(b, texts); err != nil || got.Level != tracker.Anonymous {
		t.Fatalf("level %s of a walk without: %v", got.Level, err)
	}
}

func FuzzDecodeWalk(f *testing.F) {
	f.Add(sampleWalk().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var k, again Walk
		if err := k.Decode(b, new(Texts)); err != nil {
			return
		}
		one := k.Append(nil)
		if err := again.Decode(one, new(Texts)); err != nil || !bytes.Equal(one, again.Append(nil)) {
			t.Fatalf("%+v became %+v: %v", k, again, err)
		}
	})
}

func TestSessions(t *testing.T) {
	var k Walk
	v, w := tracker.LeadID{Kind: 'v', Hash: tracker.Hash{1}}, tracker.LeadID{Kind: 'v', Hash: tracker.Hash{2}}
	at := func(min int64, subject tracker.LeadID, own string) uint64 {
		e := &tracker.Event{Time: min * 60_000}
		if own != "" {
			e.Fields = []tracker.Field{{Space: tracker.Context, Name: []byte("session"), Value: tracker.Value{Tag: tracker.String, Str: []byte(own)}}}
		}
		return k.session(e, subject)
	}
	a := at(0, v, "")
	if at(29, v, "") != a {
		t.Error("29 minutes ended a session")
	}
	if at(30, w, "") == a {
		t.Error("two visitors share a session")
	}
	b := at(59, v, "")
	if b == a {
		t.Error("30 minutes of silence did not end a session")
	}
	own := at(60, v, "s1")
	if own == b || at(61, v, "") != own {
		t.Error("the client's own id does not win")
	}
	if at(600, v, "s1") != own {
		t.Error("the client's own id does not outlast silence")
	}
	if len(k.sessions) != 1 {
		t.Errorf("%d sessions are kept, 1 may go on", len(k.sessions))
	}
}
