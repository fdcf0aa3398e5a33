// Package mail writes and sends the mails of a tenant: its templates, whom they
// may go to, and one attempt at sending one, for the outbox.
//
// It promises that marketing leaves only to who said yes to it and is not on the
// suppression list, asked of the log as it stands when the mail leaves; that the
// list survives the erasure of a person; that nothing of a person's own words
// can become a header, a tag or a link; and that every attempt at one mail has
// the same Message-ID. DESIGN.md argues these.
//
// It stores, in meta/ under storage.SpaceMail of the tenant:
//
//	s              → the sender, JSON
//	v name 0 ver4  → one version of a template
//	n name         → which is in force
//
// under storage.SpaceSuppression of the tenant
//
//	kind1 hash16   → why an e-mail or a user is not written to, JSON
//
// and under the machine's c → the last record of the log that was looked at.
package mail

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"sync"

	"ripen/storage"
	"ripen/tracker"
)

// Config is what a [Post] needs. All but Logger is required.
type Config struct {
	DB *storage.DB
	// Tenant and Source return a tenant and its first source, or nil.
	Tenant func(tracker.TenantID) *tracker.Tenant
	Source func(tracker.TenantID) *tracker.Source
	// Lead returns a lead as the log makes it, up to a record. Of one that is not
	// there it returns an error of kind not found.
	Lead func(ctx context.Context, t tracker.TenantID, who string, upTo uint64) (*tracker.Lead, error)
	// Trusted says that a source's reports of bounces and complaints count: it is a
	// mail provider's, or a server's.
	Trusted func(t tracker.TenantID, source uint32) bool
	// Mint signs an address under the server's public origin.
	Mint func(t *tracker.Tenant, l tracker.MailLink) (tracker.MintedLink, error)
	// Dial connects to a mail server, if that may be.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger takes what goes wrong; nil = slog.Default().
	Logger *slog.Logger

	roots *x509.CertPool // in tests: who vouches for mail servers
}

// Post is the mails of all tenants. Its methods may be called concurrently.
type Post struct {
	cfg  Config
	db   *storage.DB
	meta *storage.Table
	log  storage.Log
	slog *slog.Logger

	follows sync.Mutex // held while the log is followed
	seen    uint64     // last record looked at; guarded by follows
	known   bool       // seen was read; guarded by follows

	mu      sync.Mutex                   // guards what follows
	senders map[tracker.TenantID]*sender // nil = there is none
	parsed  map[templateKey]*template    // :: a version → what it says
	turns   map[turnKey]*turns           // :: receivers of one domain → when they may get the next
}

// New returns what lies in meta/.
func New(cfg Config) *Post {
	p := &Post{
		cfg: cfg, db: cfg.DB, meta: cfg.DB.Meta(), log: cfg.DB.Log(), slog: cfg.Logger,
		senders: map[tracker.TenantID]*sender{}, parsed: map[templateKey]*template{}, turns: map[turnKey]*turns{},
	}
	if p.slog == nil {
		p.slog = slog.Default()
	}
	return p
}

// Close ends the connections to mail servers.
func (p *Post) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.senders {
		if s != nil {
			s.pool.close()
		}
	}
	return nil
}

// rows reads and writes the rows of one tenant in a transaction.
type rows struct {
	tx *storage.Tx
	t  tracker.TenantID
}

func (r rows) get(k []byte) ([]byte, error) { return r.tx.Get(r.t, storage.SpaceMail, k) }

func (r rows) set(k, v []byte) error { return r.tx.Set(r.t, storage.SpaceMail, k, v) }

// The kinds of rows.
const (
	rowSender  = 's'
	rowVersion = 'v'
	rowName    = 'n'
	rowCursor  = 'c'
)

func invalid(field, fix string) error {
	return &tracker.Error{Kind: tracker.KindInvalid, Code: "bad_" + field, Detail: field + ": " + fix}
}
