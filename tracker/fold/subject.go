package fold

import (
	"encoding/binary"
	"slices"

	"ripen/storage"
	"ripen/tracker"
)

// subject is a timeline's head: a visitor's, or that of a user id or e-mail
// that came without a visitor.
type subject struct {
	node
	applied uint64 // sequence of the last record filed here: an earlier one was filed before
	first   Place  // of the events that count
	last    Place  // of all events, denied ones too
	filed   uint64 // all events
	counted uint64 // all events but denied ones
	limit   Place  // once counted passes tracker.MaxTimeline: the last that is scored
	runs    []run  // the marks, in order
	floor   uint64 // entries of earlier records were erased; 0 = none

	// In memory only.
	lead   *Lead  // of the last interval; nil or out = look it up
	member int    // where lead lists this subject, a hint
	tail   uint32 // newest entry not yet stored, see arena; 0 = none
	ahead  uint32 // newest entry that a checkpoint stored ahead of its group; 0 = none
	stored Place  // no entry that is stored lies behind it
}

// run is a row of marks with the same identities, no other mark between them.
// The interval of a run lasts until the next one's first mark; the first run's
// begins with the subject.
type run struct {
	first, last Place
	user, email tracker.Hash
	proved      bool // by one of its marks at least; not by clicks in mails, which a walk judges
	provedUser  bool // the user id alone is
}

// prove takes what a mark proves of the run's identities. A click in a mail may be
// a scanner's: what it proves is for those to say who wait until it has settled.
func (r *run) prove(e *tracker.Event) {
	r.proved, r.provedUser = r.proved || e.Proved && !e.IsClick(), r.provedUser || e.ProvedUser
}

func (r *run) same(e *tracker.Event) bool { return r.user == e.User && r.email == e.Email }

// isMark says that an event ties its visitor to a stronger identity. What the
// person denied ties nothing; a no may say whose it is.
func isMark(e *tracker.Event) bool {
	return e.Counts() && (!e.Consent.Denied() || e.Visitor.IsZero()) && (!e.User.IsZero() || !e.Email.IsZero())
}

// runAt returns the run in whose interval an event lies. A mark lies in its own
// run; any other event follows the last mark at or before its time.
func (s *subject) runAt(p Place, mark bool) int {
	for i := len(s.runs) - 1; i > 0; i-- {
		f := s.runs[i].first
		if mark && !p.Less(f) || !mark && f.Time <= p.Time {
			return i
		}
	}
	return 0
}

// insert adds a mark to the runs. It returns false when the mark falls inside
// a run of another identity, which only the whole timeline can split.
func (s *subject) insert(p Place, e *tracker.Event) bool {
	i := len(s.runs) // the first run that begins after p
	for i > 0 && p.Less(s.runs[i-1].first) {
		i--
	}
	if i > 0 && s.runs[i-1].same(e) {
		r := &s.runs[i-1]
		r.prove(e)
		if r.last.Less(p) {
			r.last = p
		}
		return true
	}
	if i > 0 && p.Less(s.runs[i-1].last) {
		return false
	}
	if i < len(s.runs) && s.runs[i].same(e) {
		s.runs[i].first = p
		s.runs[i].prove(e)
		return true
	}
	s.runs = append(s.runs, run{})
	copy(s.runs[i+1:], s.runs[i:])
	s.runs[i] = run{first: p, last: p, user: e.User, email: e.Email}
	s.runs[i].prove(e)
	return true
}

func (s *subject) space() byte { return storage.SpaceIdentity }

func (s *subject) size() int { return 320 + 112*cap(s.runs) }

const (
	runUser = 1 << iota
	runEmail
	runProved
	runSingle // first and last are one mark
	runProvedUser
)

func (s *subject) append(dst []byte) []byte {
	if s.filed == 0 && s.floor == 0 {
		return nil // all it had was dropped
	}
	dst = append(dst, recordVersion)
	for _, n := range [3]uint64{s.applied, s.filed, s.counted} {
		dst = binary.AppendUvarint(dst, n)
	}
	dst = AppendPlace(AppendPlace(dst, s.first), s.last)
	if s.counted > tracker.MaxTimeline {
		dst = AppendPlace(dst, s.limit)
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.runs)))
	for i := range s.runs {
		r := &s.runs[i]
		flags := appendFlag(0, !r.user.IsZero(), runUser)
		flags = appendFlag(flags, !r.email.IsZero(), runEmail)
		flags = appendFlag(flags, r.proved, runProved)
		flags = appendFlag(flags, r.first == r.last, runSingle)
		flags = appendFlag(flags, r.provedUser, runProvedUser)
		dst = AppendPlace(append(dst, flags), r.first)
		if flags&runSingle == 0 {
			dst = AppendPlace(dst, r.last)
		}
		if flags&runUser != 0 {
			dst = append(dst, r.user[:]...)
		}
		if flags&runEmail != 0 {
			dst = append(dst, r.email[:]...)
		}
	}
	if s.floor > 0 {
		dst = binary.AppendUvarint(dst, s.floor)
	}
	return dst
}

func (s *subject) decode(b []byte) error {
	r := reader{b: b}
	r.version()
	s.applied, s.filed, s.counted = r.uvarint(), r.uvarint(), r.uvarint()
	s.first, s.last = r.place(), r.place()
	s.stored = s.last
	if s.counted > tracker.MaxTimeline {
		s.limit = r.place()
	}
	n := r.count(18)
	if n > 0 {
		s.runs = make([]run, n)
	}
	for i := range s.runs {
		q := &s.runs[i]
		flags := r.byte()
		q.first = r.place()
		q.last, q.proved, q.provedUser = q.first, flags&runProved != 0, flags&runProvedUser != 0
		if flags&runSingle == 0 {
			q.last = r.place()
		}
		if flags&runUser != 0 {
			q.user = r.hash()
		}
		if flags&runEmail != 0 {
			q.email = r.hash()
		}
	}
	if len(r.b) > 0 {
		s.floor = r.uvarint()
	}
	return r.err
}

// mail is what is known of an e-mail: whose it is.
type mail struct {
	node
	claims []claim // of user ids that came with it, by place: the first one's it is
	shared bool    // stored by an older version, which kept the first alone
	deps   []tracker.LeadID
	// deps are the visitors that have a mark with this e-mail and no user id:
	// whose it is decides where those intervals belong.
}

// claim is the first event that carried the e-mail together with a user id.
type claim struct {
	at   Place
	user tracker.Hash
}

// owner is the user id that the e-mail belongs to; zero = nobody's.
func (m *mail) owner() (h tracker.Hash) {
	if len(m.claims) > 0 {
		h = m.claims[0].user
	}
	return h
}

// isShared says that the e-mail came with several user ids.
func (m *mail) isShared() bool { return m.shared || len(m.claims) > 1 }

// claim takes a user id's claim. It says whether that was news.
func (m *mail) claim(user tracker.Hash, p Place) bool {
	i := slices.IndexFunc(m.claims, func(c claim) bool { return c.user == user })
	if i >= 0 && !p.Less(m.claims[i].at) {
		return false
	}
	m.forget(user)
	for i = 0; i < len(m.claims) && m.claims[i].at.Less(p); i++ {
	}
	m.claims = slices.Insert(m.claims, i, claim{p, user})
	return true
}

func (m *mail) forget(user tracker.Hash) {
	m.claims = slices.DeleteFunc(m.claims, func(c claim) bool { return c.user == user })
}

func (m *mail) space() byte { return storage.SpaceOwner }

func (m *mail) size() int { return 160 + 17*cap(m.deps) + 40*cap(m.claims) }

const (
	mailShared = 1 << iota
	mailOwned
	mailClaims // the claims after the first one are at the end
)

func (m *mail) append(dst []byte) []byte {
	flags := appendFlag(0, m.isShared(), mailShared)
	flags = appendFlag(flags, len(m.claims) > 0, mailOwned)
	flags = appendFlag(flags, len(m.claims) > 1, mailClaims)
	dst = append(dst, recordVersion, flags)
	if len(m.claims) > 0 {
		dst = m.claims[0].append(dst)
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.deps)))
	for _, d := range m.deps {
		dst = appendID(dst, d)
	}
	if flags&mailClaims == 0 {
		return dst
	}
	dst = binary.AppendUvarint(dst, uint64(len(m.claims)-1))
	for i := range m.claims[1:] {
		dst = m.claims[i+1].append(dst)
	}
	return dst
}

func (c *claim) append(dst []byte) []byte { return append(AppendPlace(dst, c.at), c.user[:]...) }

func (m *mail) decode(b []byte) error {
	r := reader{b: b}
	r.version()
	flags := r.byte()
	m.shared = flags&mailShared != 0 && flags&mailClaims == 0
	if flags&mailOwned != 0 {
		m.claims = append(m.claims, claim{r.place(), r.hash()})
	}
	m.deps = make([]tracker.LeadID, r.count(17))
	for i := range m.deps {
		m.deps[i] = r.id()
	}
	if flags&mailClaims != 0 {
		for n := r.count(33); n > 0; n-- {
			m.claims = append(m.claims, claim{r.place(), r.hash()})
		}
	}
	return r.err
}

// Lead is a person: the subjects that have intervals here, and what later
// stages keep about the person. Only the state loop changes it.
type Lead struct {
	node
	Members []Member
	Gone    bool           // a stronger identity took over
	Into    tracker.LeadID // which one
	Body    Body           // what score and rank keep; nil until set

	touch int32 // place in Fold.touches plus one, within a batch
}

// Member is a subject with events in a lead.
type Member struct {
	Subject tracker.LeadID
	Last    int64 // time of its latest event here
}

// revive brings a lead back that had ended: its identity stands for itself again.
func (l *Lead) revive() {
	l.Gone, l.Into = false, tracker.LeadID{}
	if b, ok := l.Body.(interface{ Revive() }); ok {
		b.Revive()
	}
}

// Body is what the stages after fold keep with a lead. It is stored with the
// lead, before everything else of it.
type Body interface {
	Append(dst []byte) []byte
	Size() int
}

// ID returns the lead's identity.
func (l *Lead) ID() tracker.LeadID { return l.id }

// Tenant returns the lead's tenant.
func (l *Lead) Tenant() tracker.TenantID { return l.tenant }

func (l *Lead) space() byte { return storage.SpaceLead }

func (l *Lead) size() int {
	n := 240 + 32*cap(l.Members)
	if l.Body != nil {
		n += l.Body.Size()
	}
	return n
}

// append writes length and body first: see [Fold.Bodies].
func (l *Lead) append(dst []byte) []byte {
	if l.Gone {
		return nil
	}
	dst = append(dst, recordVersion, 0, 0, 0, 0)
	at := len(dst)
	if l.Body != nil {
		dst = l.Body.Append(dst)
	}
	binary.LittleEndian.PutUint32(dst[at-4:], uint32(len(dst)-at))
	dst = binary.AppendUvarint(dst, uint64(len(l.Members)))
	for _, m := range l.Members {
		dst = binary.AppendVarint(appendID(dst, m.Subject), m.Last)
	}
	return dst
}

func bodyOf(b []byte) (body, rest []byte, err error) {
	r := reader{b: b}
	r.version()
	if n := r.bytes(4); len(n) == 4 {
		body = r.bytes(uint64(binary.LittleEndian.Uint32(n)))
	}
	return body, r.b, r.err
}

func (l *Lead) decode(b []byte, body func(id tracker.LeadID, b []byte) (Body, error)) error {
	own, rest, err := bodyOf(b)
	if err != nil {
		return err
	}
	if l.Body, err = body(l.id, own); err != nil {
		return err
	}
	r := reader{b: rest}
	l.Members = make([]Member, r.count(18))
	for i := range l.Members {
		l.Members[i] = Member{Subject: r.id(), Last: r.varint()}
	}
	return r.err
}

// join lists s as a member and returns where.
func (l *Lead) join(s *subject, last int64) int {
	i := s.member
	if i >= len(l.Members) || l.Members[i].Subject != s.id {
		for i = 0; i < len(l.Members) && l.Members[i].Subject != s.id; i++ {
		}
		if i == len(l.Members) {
			l.Members = append(l.Members, Member{Subject: s.id, Last: last})
		}
	}
	l.Members[i].Last = max(l.Members[i].Last, last)
	return i
}

func (l *Lead) leave(s *subject) {
	for i := range l.Members {
		if l.Members[i].Subject == s.id {
			l.Members = append(l.Members[:i], l.Members[i+1:]...)
			return
		}
	}
}
