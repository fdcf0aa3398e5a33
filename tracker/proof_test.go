package tracker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

func TestUserProof(t *testing.T) {
	f := func(key, user string) {
		t.Helper()
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(user))
		want := hex.EncodeToString(h.Sum(nil))
		if got := UserProof(key, []byte(user)); got != want {
			t.Errorf("%q under %q: got %s, want %s", user, key, got, want)
		}
	}
	f("ik_0123456789abcdef", "u1")
	f("k", "")
	f(strings.Repeat("k", 64), strings.Repeat("u", 600))

	s := &Source{IdentityKeys: []string{"new", "old"}}
	for _, c := range []struct {
		proof string
		want  bool
	}{
		{UserProof("new", []byte("ana")), true},
		{strings.ToUpper(UserProof("old", []byte("ana"))), true},
		{UserProof("older", []byte("ana")), false},
		{UserProof("new", []byte("eva")), false},
		{UserProof("new", []byte("ana"))[:62], false},
		{strings.Repeat("x", 64), false},
		{"", false},
	} {
		if got := s.Proves([]byte("ana"), []byte(c.proof)); got != c.want {
			t.Errorf("proof %q: %v, want %v", c.proof, got, c.want)
		}
	}
	proof, user := []byte(UserProof("old", []byte("ana"))), []byte("ana")
	if n := testing.AllocsPerRun(100, func() { s.Proves(user, proof) }); n > 0 {
		t.Errorf("a proof allocates %v times", n)
	}
}
