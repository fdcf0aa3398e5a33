package tracker

// The types of the events about letters on paper. Each carries the property message,
// which names the letter.
const (
	LetterSent     = "letter_sent"     // it was exported, to be printed and posted
	LetterAnswered = "letter_answered" // its personal code was followed
)

// LetterFields are the attributes that make an address, in the order of an export.
var LetterFields = []string{"name", "company", "address", "postal_code", "city", "region", "country"}

// Letter is one letter that a journey has written to somebody.
type Letter struct {
	Code    string            `json:"code"`  // personal, printed on it
	Link    string            `json:"link"`  // the code as an address, to be printed or made a QR code of
	Batch   int               `json:"batch"` // that it was exported in
	Written string            `json:"written"`
	To      map[string]string `json:"to"` // :: one of LetterFields → text
	Text    string            `json:"text"`
	Lead    string            `json:"lead"`
	Journey string            `json:"journey"` // name@version
	Step    string            `json:"step"`
}
