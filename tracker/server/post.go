package server

import (
	"context"
	"errors"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/mail"
	"ripen/tracker/outbox"
)

// mailConcurrency is how many mails of a tenant are on their way at a time.
const mailConcurrency = 4

// openPost opens what writes and sends mails.
func (s *Server) openPost() {
	dialer := outbox.Dialer(s.cfg.WebhookAllow)
	s.post = mail.New(mail.Config{
		DB: s.db, Tenant: s.registry.Tenant, Source: s.registry.FirstSource, Lead: s.leadUpTo, Dial: dialer.DialContext, Logger: s.log,
		Mint: func(t *tracker.Tenant, l tracker.MailLink) (tracker.MintedLink, error) {
			return s.mailKeys.Mint(t, s.publicURL(), l, s.db.Now())
		},
		Trusted: func(t tracker.TenantID, source uint32) bool {
			for _, src := range s.registry.Sources(t) {
				if src.ID == source {
					return src.Kind != "" || src.Server
				}
			}
			return false
		},
	})
}

// leadUpTo returns a lead as the log makes it up to a record: who said no a
// moment ago has said no.
func (s *Server) leadUpTo(ctx context.Context, t tracker.TenantID, who string, upTo uint64) (*tracker.Lead, error) {
	if s.folder == nil {
		return nil, errCaptureOnly
	}
	ctx, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	st, err := s.folder.wait(ctx)
	if err == nil {
		err = st.WaitSeen(ctx, upTo)
	}
	if err != nil {
		return nil, &tracker.Error{Kind: tracker.KindBusy, Code: "behind", Detail: "the leads are behind the log: ask again in a moment", Err: err}
	}
	return st.Lead(tracker.Caller{Role: tracker.AdminRole, Key: "mail"}, t, who)
}

// mailIntent makes the outbox's intent of a mail, for [outbox.Outbox.Enqueue] in
// the transaction of whoever decided it.
func (s *Server) mailIntent(in *tracker.MailIntent) (out outbox.Intent, err error) {
	st, err := s.state()
	if err != nil {
		return out, err
	}
	subjects, err := st.Subjects(tracker.Caller{Role: tracker.AdminRole, Key: "mail"}, in.Tenant, in.Lead.String())
	if err != nil {
		return out, err
	}
	if len(subjects) == 0 {
		return out, errNoLead
	}
	out = outbox.Intent{
		Tenant: in.Tenant, ID: outbox.NewID(in.Tenant, in.Lead, tracker.MailKind, in.Key), Kind: tracker.MailKind, To: tracker.MailPlace,
		Lead: in.Lead, Subject: subjects[0],
	}
	out.Body, err = s.post.Prepare(in)
	return out, err
}

// postAPI is what export asks of mails.
type postAPI struct {
	*mail.Post
	s *Server
}

// Order makes the intent of a mail, and says what became of it so far if there
// is one of that key.
func (p postAPI) Order(in *tracker.MailIntent) (tracker.Intent, error) {
	if _, err := p.Sender(in.Tenant); err != nil {
		return tracker.Intent{}, err
	}
	t, err := p.Template(in.Tenant, in.Template, 0)
	if err == nil && t.Purpose == tracker.MailMarketing {
		err = p.s.ready(in.Tenant)
	}
	if err != nil {
		return tracker.Intent{}, err
	}
	made, err := p.s.mailIntent(in)
	if err != nil {
		return tracker.Intent{}, err
	}
	err = p.s.outbox.Update(func(tx *storage.Tx) error {
		_, err := p.s.outbox.Enqueue(tx, &made)
		return err
	})
	if err != nil {
		return tracker.Intent{}, errors.Join(&tracker.Error{Kind: tracker.KindBusy, Code: tracker.CodeStorage, Detail: "the mail's intent could not be stored: ask for the same again"}, err)
	}
	return p.s.outbox.Get(in.Tenant, made.ID.String())
}
