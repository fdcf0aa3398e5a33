package export

import (
	"context"

	"ripen/tracker"
	"ripen/wasm/host"
	"ripen/wasm/scorecard/offer"
)

// Leads is what is known of leads, now or at some moment. Every method asks the
// caller first, and takes for who an id that the lead has or had, a user id, an
// e-mail or a visitor id.
type Leads interface {
	// Leads returns a page of leads with scores and reasons, and for those who
	// are identified with identities and attributes.
	Leads(c tracker.Caller, t tracker.TenantID, q LeadQuery) (LeadPage, error)
	// EachLead calls visit with every lead of the list as it stood when the call
	// began; Limit and After do not count. visit's error ends it.
	EachLead(c tracker.Caller, t tracker.TenantID, q LeadQuery, visit func(*tracker.Lead) error) error
	// Lead returns all that is known of one lead.
	Lead(c tracker.Caller, t tracker.TenantID, who string) (*tracker.Lead, error)
	// Offers says what to offer a lead now, by a table; nothing without one.
	Offers(c tracker.Caller, t tracker.TenantID, who string, table *offer.Table) ([]tracker.Offer, error)
	// Timeline returns a page of a lead's events, latest first; personal opens
	// what is sealed.
	Timeline(c tracker.Caller, t tracker.TenantID, who, after string, limit int, personal bool) (TimelinePage, error)
	// History returns at most limit of a lead's changes on a card, latest first,
	// and only those before a sequence if that is not 0.
	History(c tracker.Caller, t tracker.TenantID, who, card string, before uint64, limit int) ([]tracker.Change, error)
	// Changes returns the tenant's changes after a sequence, waiting for some
	// until ctx ends, which is no error.
	Changes(ctx context.Context, c tracker.Caller, t tracker.TenantID, after uint64, limit int) ([]tracker.Change, error)
	// Accounts returns the companies that the leads make up, highest first.
	Accounts(c tracker.Caller, t tracker.TenantID, q AccountQuery) (AccountPage, error)
	// Merge says that two leads are one person and returns what both are now.
	Merge(ctx context.Context, c tracker.Caller, t tracker.TenantID, who, with string) (tracker.LeadID, error)
	// Unmerge says that an identity is not the lead's and returns the lead that
	// it belongs to now, zero if to none.
	Unmerge(ctx context.Context, c tracker.Caller, t tracker.TenantID, who, identity string) (tracker.LeadID, error)
	// Erase destroys the keys of all that was told of a lead and returns how many
	// timelines it had.
	Erase(ctx context.Context, c tracker.Caller, t tracker.TenantID, who string) (int, error)
	// Simulate walks all leads, or with sample > 0 that many of them, through a
	// version of a card that is not in force and says what would change. progress
	// is called now and then; its error ends it, as ctx does.
	Simulate(ctx context.Context, c tracker.Caller, t tracker.TenantID, a tracker.Activation, sample int, progress func(done, total int) error) (*Simulation, error)
	// Train learns a card from the log: from what was known of each lead at one
	// moment, and whether it converted since. Nothing changes.
	Train(ctx context.Context, c tracker.Caller, t tracker.TenantID, ask Training, progress func(done, total int) error) (*Trained, error)
	// Useful measures what each attribute and event is good for, as Train would learn
	// from them.
	Useful(ctx context.Context, c tracker.Caller, t tracker.TenantID, ask Training, progress func(done, total int) error) (any, error)
	// Types finds kinds of known leads, each with the rule of a segment.
	Types(ctx context.Context, c tracker.Caller, t tracker.TenantID, ask Typing, progress func(done, total int) error) (any, error)
	// Shadow says what the tenant's shadow has seen, once it has walked every lead
	// that was touched, or when ctx ends, which is no error.
	Shadow(ctx context.Context, c tracker.Caller, t tracker.TenantID) (*Shadow, error)
}

// LeadQuery says which leads, in which order. The zero value is the first page
// of all leads of the tenant's ranking card, highest first.
type LeadQuery struct {
	Card      string  // whose order; default: the tenant's ranking card
	Limit     int     // leads of a page, at most 1000; default 100
	After     string  // the Next of the page before
	MinScore  int     // at least
	Band      string  // exactly
	Grade     string  // exactly
	Dimension string  // sort by it, highest first, instead of by score
	Min       float64 // at least so many points in Dimension
	Sort      string  // score (default) or last_seen
	Q         string  // an identity: a lead id, user id, e-mail or visitor id
}

// LeadPage is one page of a list.
type LeadPage struct {
	Card  string // the card whose order it is, with its version
	Leads []*tracker.Lead
	Next  string // cursor of the next page; empty = the last
	Total int    // leads in this order, whatever the filter
}

// TimelinePage is a page of a lead's events, latest first.
type TimelinePage struct {
	Lead   tracker.LeadID
	Events []tracker.Event // with the sealed fields if they were asked for, unless they were erased
	Next   string          // cursor of the next page; empty = the last
	Total  int
}

// Mail signs the addresses in a tenant's mails. Who may call is asked before.
type Mail interface {
	// Mint signs one address under an origin.
	Mint(t *tracker.Tenant, base string, l tracker.MailLink) (tracker.MintedLink, error)
	// Keys returns a tenant's signing keys, the newest first.
	Keys(t tracker.TenantID) []tracker.MailKey
	// RotateKeys gives a tenant a new key; what the old one signed is good until
	// a moment, or with 0 as long as any address may be.
	RotateKeys(t tracker.TenantID, oldUntil int64) (tracker.MailKey, error)
}

// Registry is what is known of tenants, and where changes of them go. Who may
// call is asked before.
type Registry interface {
	// Tenant returns a tenant by its id, or nil.
	Tenant(id tracker.TenantID) *tracker.Tenant
	// Named returns the tenant of this name; without a name, the only one.
	Named(name string) (*tracker.Tenant, error)
	// Tenants returns all tenants by name.
	Tenants() []*tracker.Tenant
	// Create makes a tenant with a first source; empty keys are minted.
	Create(name, writeKey, secret string) (*tracker.Tenant, *tracker.Source, string, error)
	// Rotate gives a tenant a new secret key.
	Rotate(id tracker.TenantID) (secret string, err error)

	// Sources returns a tenant's sources in the order of their making.
	Sources(id tracker.TenantID) []*tracker.Source
	// Source returns a tenant's source by name.
	Source(id tracker.TenantID, name string) (*tracker.Source, error)
	// SaveSource stores a source: a new one if it has no id yet.
	SaveSource(s tracker.Source) (*tracker.Source, error)
	// IdentityKey returns the key that signs a source's user ids.
	IdentityKey(id tracker.TenantID, source string) (string, error)
	// RotateIdentityKey makes a new one; the one before stays good once more.
	RotateIdentityKey(id tracker.TenantID, source string) (string, error)

	// Candidate returns the draft of a card, or with a version that one, as it
	// would be put in force.
	Candidate(id tracker.TenantID, name string, version int) (tracker.Activation, error)
	// Cards returns a tenant's scorecards by name.
	Cards(id tracker.TenantID) ([]tracker.Card, error)
	// Admit decides whether a tenant's module may score; what it refuses is a
	// [*meter.Refusal].
	Admit(ctx context.Context, id tracker.TenantID, module []byte) (*host.Report, error)
	// Draft keeps a card that is right, or an admitted module, and puts nothing in
	// force.
	Draft(id tracker.TenantID, name string, source []byte) (tracker.Card, error)
	// Shadow lets the draft of a card, or with a version that one, run beside the
	// version in force.
	Shadow(id tracker.TenantID, name string, version int) (tracker.Activation, error)
	// Unshadow ends the shadow of a card.
	Unshadow(id tracker.TenantID, name string) error
	// Publish puts the draft in force as the next version.
	Publish(ctx context.Context, id tracker.TenantID, name string, ranking bool) (tracker.Activation, error)
	PublishDraft(ctx context.Context, id tracker.TenantID, name, draft string, ranking bool) (tracker.Activation, error)
	// Topics returns a tenant's topic map.
	Topics(id tracker.TenantID) (tracker.Card, error)
	// SetTopics puts a topic map in force as the next version.
	SetTopics(ctx context.Context, id tracker.TenantID, source []byte) (tracker.Activation, error)
	// Offers returns a tenant's offer table, OfferTable the one in force; nil = none.
	Offers(id tracker.TenantID) (tracker.Card, error)
	OfferTable(id tracker.TenantID) (*offer.Table, error)
	// SetOffers puts an offer table in force as the next version.
	SetOffers(ctx context.Context, id tracker.TenantID, source []byte) (tracker.Activation, error)
	// Rollback puts the version before the one in force in force again.
	Rollback(ctx context.Context, id tracker.TenantID, name string) (tracker.Activation, error)
}
