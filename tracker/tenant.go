package tracker

import (
	"fmt"
	"time"
)

// Tenant is one customer of this machine: the owner of keys, sources, cards,
// events and leads.
type Tenant struct {
	ID       TenantID
	Name     string
	Created  int64 // unix ms
	Identity IdentityKey
	Ranking  string // the card whose order /v1/leads shows by default
	// Clear names the string properties that some card of the tenant reads:
	// they are stored in the clear, all other strings are sealed.
	Clear map[string]struct{}
	// Shadow is the version that runs beside the one in force; nil = none.
	Shadow *Shadow
}

// Shadow is a version of a card that scores live events beside the one in force
// without being seen.
type Shadow struct {
	Card    string
	Version int
	At      int64 // unix ms, when it began
}

// Name returns name@version.
func (s *Shadow) Name() string { return fmt.Sprintf("%s@%d", s.Card, s.Version) }

// Source is one site, app or mail provider that sends events with its own
// public write key.
type Source struct {
	ID       uint32 // dense within the machine, stored in every row
	Tenant   *Tenant
	Name     string
	WriteKey string   // public
	Origins  []string // allowed Origin values; empty or "*" = any; "https://*.example.org" matches sub-domains
	Others   bool     // take events of other origins, too: they are marked, see Event.OffOrigin
	FastAck  bool     // answer before the commit: faster, may lose the last group in a crash
	Server   bool     // a server-side source: never judged by agent, trusted with time
	KeepIP   bool     // keep the address, sealed, instead of dropping it
	MaxBody  int      // bytes, wire and inflated; 0 = MaxBody of this package
	Rate     int      // requests a second; 0 = no limit
	Disabled bool

	// Of a mail provider's source, whose key opens its webhook and nothing else.
	Kind    string        // sendgrid, mailgun, …; empty = a site or an app
	Secrets []string      // what its webhooks are signed with, the newest first; never shown
	Topic   string        // the SNS topic that SES reports to
	Window  time.Duration // how old a signed report may be; 0 = the provider's default
	// Settle is how long a click in a mail waits before it counts; 0 = DefaultSettle,
	// negative = not at all.
	Settle time.Duration
	// Retention is how long the source's events are kept, counted from when they
	// were received and in whole days; 0 = as long as the machine keeps any.
	// Lasting ones are kept longer, without what is sealed in them.
	Retention time.Duration
	// IdentityKeys sign user ids, the newest first; see [UserProof]. The one
	// before stays good until the next rotation.
	IdentityKeys []string
}

// SettleField is what a click in a mail carries of its source's Settle, so that
// the log alone decides; ok says that it needs to.
func (s *Source) SettleField() (f Field, ok bool) {
	ms := max(s.Settle.Milliseconds(), 0)
	return Field{Space: System, Name: settleName, Value: Value{Tag: Int, Num: uint64(ms)}}, s.Settle != 0
}

// BodyLimit is the source's limit of a body in bytes.
func (s *Source) BodyLimit() int {
	if s.MaxBody > 0 {
		return s.MaxBody
	}
	return MaxBody
}
