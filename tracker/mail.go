package tracker

// The kinds of addresses that are minted for a mail.
const (
	MailLinkKind        = "link"        // counts a click, then leads to its target
	MailPixelKind       = "pixel"       // counts an open
	MailUnsubscribeKind = "unsubscribe" // ends the mails of a list (RFC 8058)
	MailAnswerKind      = "answer"      // asks whether a choice is the reader's answer to a mail's question
)

// MailLink is what an address in a mail is to say of whoever follows it.
type MailLink struct {
	Kind     string // link, pixel or unsubscribe
	Email    string // whom the mail goes to: one of both, or both
	UserID   string
	Message  string // the mail: what rules with per: message tell apart
	URL      string // where a link leads
	Link     string // the link's name; empty = its URL without the query
	Campaign string
	List     string // what an unsubscribe ends; empty = all mail
	Trap     bool   // a link that no person sees: whoever follows it is a machine
	Answer   MailAnswer
	Expires  int64 // unix ms; 0 = the kind's default
}

// MailAnswer is one answer that can be given to the question of a mail.
type MailAnswer struct {
	Survey    string // what events call it: the mail
	Question  string // its id
	Attribute string // that the answer becomes; empty = none
	Value     string
	Ask       string // the question, as people read it
	Label     string // the answer, as people read it
}

// MintedLink is a signed address, ready for the mail.
type MintedLink struct {
	URL     string
	Expires int64 // unix ms
}

// MailKey is a key that signs the addresses of a tenant's mails, without its
// secret.
type MailKey struct {
	ID      string
	Created int64 // unix ms
	Until   int64 // unix ms after which it verifies nothing; 0 = it signs new addresses
}

// GIF is one transparent point, 43 bytes: what every pixel answers with.
var GIF = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// What a mail is sent for. Marketing needs the person's yes; what is
// transactional (an invoice, an answer that was asked for) needs no consent, and
// still never goes to an address that bounced.
const (
	MailMarketing     = "marketing"
	MailTransactional = "transactional"
)

// MailKind is the kind of an intent that is a mail, and MailPlace the
// destination that all of them go to.
const (
	MailKind  = "email"
	MailPlace = "mail:smtp" // no webhook can be called so
)

// MailIntent asks for one mail to one lead. The template's version in force when
// it is made is the one that leaves; to whom, with which attributes and whether
// at all is looked at when it leaves.
type MailIntent struct {
	Tenant   TenantID
	Key      string // what caused it, computed from the log's content, such as journey@3/welcome/<entry>: of one key there is never a second mail
	Lead     LeadID
	Template string            // of the tenant's content library
	Variant  string            // of the template; empty = the template's own words
	Purpose  string            // MailMarketing or MailTransactional; empty = the template's; another than the template's is refused
	Fields   map[string]string // stand in the template beside the lead's attributes, and before them
}

// MailSender is what a tenant's mails leave through, and as whom.
type MailSender struct {
	URL      string  // smtps://user@host, or smtp://user@host:587, which asks for STARTTLS
	Password string  // never shown
	From     string  // Acme <hola@acme.es>
	ReplyTo  string  // empty = From
	Selector string  // of the DKIM key in the DNS
	Key      string  // the DKIM key, PEM; never shown
	Record   string  // what the DNS must say under selector._domainkey.domain, as TXT
	Rate     float64 // mails a second to one domain of receivers; 0 = 10
	Created  int64   // unix ms
}

// MailTemplate is one version of a mail of the content library.
type MailTemplate struct {
	Name     string
	Version  int
	Versions int  // how many there are
	InForce  bool // it is what leaves
	Created  int64
	YAML     []byte
	Language string // es or en
	Purpose  string
	Topics   []string
	Stage    string
	Subject  string
	Variants []string // names, sorted
	Warnings []string
}

// MailPreview is a mail as a lead would get it now.
type MailPreview struct {
	To      string
	From    string
	Subject string
	Headers [][2]string // that are added: List-Unsubscribe, …
	Text    string
	HTML    string
	Refused string // why it would not be sent; empty = it would
}

// MailSuppressed says that an address gets no mail, or no marketing.
type MailSuppressed struct {
	Why string `json:"why"` // bounce, complaint, unsubscribe or by hand
	All bool   `json:"all"` // nothing at all, not marketing alone
	At  int64  `json:"at"`  // unix ms
}
