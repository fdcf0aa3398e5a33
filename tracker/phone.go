package tracker

import "strings"

var phoneMarks = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "/", "")

// PhoneNumber is a telephone number without what people write between its digits; empty
// if it is none with its country.
func PhoneNumber(s string) string {
	s = phoneMarks.Replace(s)
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	digits, ok := strings.CutPrefix(s, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return s
}

// PhoneID is how the tenant's lists know a number: by its keyed hash, which says nothing
// of whose it is, and is the same after the person was erased.
func (t *Tenant) PhoneID(number string) LeadID {
	return LeadID{Kind: UserIdentity, Hash: t.Identity.Hash(UserIdentity, []byte("phone\x00"+number))}
}

// What somebody says of further messages who answers an SMS: the property type of
// sms_replied. Such an answer carries its number's [Tenant.PhoneID] as number.
const (
	SMSReplied = "sms_replied"
	ReplyStop  = "stop"
	ReplyStart = "start"
)
