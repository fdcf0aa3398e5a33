package ingest

import (
	"bytes"

	"ripen/tracker"
)

// real returns nil for an id that is none, and notes it if it is a word that
// scripts write for a value they do not have: everybody who is called null would
// become one person.
func (ev *draft) real(id []byte) []byte {
	if len(id) == 0 {
		return nil
	}
	if isNobody(id) {
		ev.ignored = true
		return nil
	}
	return id
}

// nobody holds the ids that stand for no one, in lower case.
var nobody = map[string]struct{}{
	"null": {}, "undefined": {}, "nan": {}, "none": {}, "nil": {}, "(null)": {}, "<nil>": {}, "[object object]": {},
	"anonymous": {}, "guest": {}, "unknown": {}, "not_authenticated": {},
	"true": {}, "false": {}, "id": {}, "userid": {}, "user_id": {}, "anonymousid": {}, "distinct_id": {}, "distinctid": {}, "email": {},
	"n/a": {}, "-1": {}, "undefined@undefined": {}, "null@null": {},
}

// longestNobody is the length of the longest of them.
const longestNobody = 19

// isNobody says that an id stands for no one: one of the words, in any case, or
// nothing but zeros and dashes.
func isNobody(id []byte) bool {
	i := 0
	for i < len(id) && (id[i] == '0' || id[i] == '-') {
		i++
	}
	if i == len(id) {
		return true
	}
	if len(id) > longestNobody {
		return false
	}
	var low [longestNobody]byte
	for i, c := range id {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	_, is := nobody[string(low[:len(id)])]
	return is
}

// noMailbox holds the e-mails that forms are tried out with.
var noMailbox = map[string]struct{}{
	"test@test.com": {}, "test@test.test": {}, "test@example.com": {}, "a@a.com": {}, "asdf@asdf.com": {},
	"email@example.com": {}, "user@example.com": {}, "null@null.com": {}, "undefined@undefined.com": {}, "none@none.com": {},
}

// isMailbox says that an e-mail may be somebody's.
func isMailbox(v []byte) bool {
	if !isEmail(v) {
		return false
	}
	if len(v) > 24 {
		return true
	}
	_, is := noMailbox[string(bytes.ToLower(v))]
	return !is
}

// prove notes that the sender's signature vouches for the user id. A sender that
// is trusted anyway needs none.
func (d *decoder) prove(ev *draft, it *item) {
	proof := ev.proof
	if len(proof) == 0 {
		proof = d.found.proof
	}
	if len(proof) == 0 || it.ev.Proved {
		return
	}
	if it.ev.ProvedUser = d.source.Proves(ev.user, trim(proof)); !it.ev.ProvedUser {
		it.code = tracker.CodeProof
	}
}
