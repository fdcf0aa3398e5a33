package ingest

import (
	"testing"

	"ripen/tracker"
)

func TestIDsThatStandForNobody(t *testing.T) {
	f := func(id string, want bool) {
		t.Helper()
		if got := isNobody([]byte(id)); got != want {
			t.Errorf("%q stands for nobody: %v, want %v", id, got, want)
		}
	}
	for _, id := range []string{"null", "NULL", "Undefined", "0", "000", "-", "00000000-0000-0000-0000-000000000000", "[object Object]", "anonymous", "GUEST", "-1", "none", "undefined@undefined", ""} {
		f(id, true)
	}
	for _, id := range []string{"10", "null1", "anonymous-7", "guest@hotel.example", "u0", "testing", "01-02"} {
		f(id, false)
	}
	for word := range nobody {
		if len(word) > longestNobody {
			t.Errorf("%q is longer than longestNobody", word)
		}
	}
	for mail, want := range map[string]bool{"Test@Test.com": false, "ana@test.com": true, "test@example.com": false, "x": false} {
		if isMailbox([]byte(mail)) != want {
			t.Errorf("%s is a mailbox: %v", mail, !want)
		}
	}
}

// What a public write key says of a user is a claim; a signature by the source's
// identity key proves it; a bad one is told to the sender, who keeps the event.
func TestUserProofs(t *testing.T) {
	good, bad := tracker.UserProof("ik_test", []byte("ana")), tracker.UserProof("ik_other", []byte("ana"))
	f := func(rest, want string, level tracker.Level) {
		t.Helper()
		w := newWorld(t, nil)
		w.src.IdentityKeys = []string{"ik_test"}
		a := w.do("POST /v1/batch?writeKey=wk", `{"batch":[{"type":"identify","messageId":"m","anonymousId":"a"`+rest+`}]}`)
		if got := a.verdicts(); got != want {
			t.Errorf("%s: %s, want %s", rest, got, want)
		}
		es := w.log.events(t)
		if len(es) != 1 || es[0].Level() != level || es[0].Proved {
			t.Errorf("%s: level %s, want %s", rest, es[0].Level(), level)
		}
	}
	f(`,"userId":"ana"`, "ok", tracker.Claimed)
	f(`,"userId":"ana","userIdHash":"`+good+`"`, "ok", tracker.Proved)
	f(`,"userId":" ana ","context":{"userIdHash":"`+good+`"}`, "ok", tracker.Proved)
	f(`,"userId":"ana","userIdHash":"`+bad+`"`, "ok:proof_invalid", tracker.Claimed)
	f(`,"userId":"eva","userIdHash":"`+good+`"`, "ok:proof_invalid", tracker.Claimed)
	f(`,"userIdHash":"`+good+`"`, "ok", tracker.Anonymous)
	f(`,"userId":"null"`, "ok:id_ignored", tracker.Anonymous)
	f(`,"userId":"ana","userIdHash":"`+good+`","context":{"consent":"denied"}`, "ok", tracker.Anonymous)
	f(`,"traits":{"email":"test@test.com"}`, "ok", tracker.Anonymous)
}
