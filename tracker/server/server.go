// Package server wires the stages into one running tracker: it opens the data
// directory, starts the loop that folds the log, and answers HTTP at the edge.
// It is the only package that knows every stage.
//
// A request goes the shortest way: the guard at the door, then ingest, then the
// rest of the paths. What is slow or rare (the admin API, pages, metrics) is
// asked last.
//
// It stores two small files of its own beside the databases: admin.key, the key
// of the machine's operator, and server.json, where the running server listens,
// so that a command needs to know the directory only; and modules/, a cache of
// compiled modules.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"

	"ripen/storage"
	"ripen/tracker"
	"ripen/tracker/console"
	"ripen/tracker/demo"
	"ripen/tracker/email"
	"ripen/tracker/handoff"
	"ripen/tracker/ingest"
	"ripen/tracker/journey"
	"ripen/tracker/journey/onsite"
	"ripen/tracker/mail"
	"ripen/tracker/outbox"
	"ripen/tracker/tenant"
	"ripen/wasm/host"
)

// Server is a whole tracker on one data directory.
type Server struct {
	cfg      Config
	log      *slog.Logger
	adminKey string
	instance string
	open     bool   // the listener is on the loopback interface: people need no login
	logins   bucket // of the console

	db       *storage.DB
	registry *tenant.Registry
	mailKeys *email.Keys
	outbox   *outbox.Outbox
	handoffs *handoff.Queue
	journeys *journey.Engine
	onsite   *onsite.Site
	post     *mail.Post
	quota    tenant.Quota

	proxies    proxies
	perAddress *addressRate
	limited    *metrics.Counter // requests that perAddress refused

	modules  *host.Host
	folder   *folder // nil: capture only
	atStart  uint64  // last record of the log when the server started
	files    files
	ingest   *ingest.Handler
	letters  *ingest.Letters
	tails    tails // who watches which source
	console  *console.Handler
	front    *front
	listener net.Listener
	set      *metrics.Set

	scoreTime   *ingest.Histogram
	quarantined *metrics.Counter
	demo        DemoKeys

	retention *retentionMetrics // nil: capture only
	learner   *learner

	rebuilding sync.Mutex // held by a replay, by a question about the past, and by retention

	life    context.Context // ends when streams must
	end     context.CancelFunc
	samples sync.WaitGroup // of the goroutines that sample the lag and do retention
}

// New opens the data directory and listens; it answers once Run is called. The
// caller must call Run, which closes everything. Events are taken at once;
// questions about leads wait until the state is read, and Run fails if it
// cannot be.
func New(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	files, err := openFiles(&cfg)
	if err != nil {
		return nil, err
	}
	if err := claim(cfg.Data); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, files: files, log: cfg.log(), instance: randomHex(8), set: metrics.NewSet(), logins: bucket{burst: 10, rate: 10}}
	s.proxies = cfg.Proxies
	s.perAddress, s.limited = newAddressRate(cfg.ratePerIP()), s.set.NewCounter("ripen_http_address_limited_total")
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// start opens what the server needs, in the order in which it depends on each
// other. What is open when it fails is closed by close.
func (s *Server) start(ctx context.Context) (err error) {
	limit := int64(0)
	if !s.cfg.Private {
		tuneGC()
		tuneProcs()
		limit = limitMemory(s.cfg.MemoryLimit)
	}
	if s.db, err = storage.Open(s.cfg.Data, storage.Options{Now: s.cfg.Now, Logger: s.log, Reserve: s.cfg.DiskReserve, Free: s.cfg.free}); err != nil {
		return err
	}
	if s.adminKey, err = readAdminKey(s.cfg.Data); err != nil {
		return err
	}
	if s.registry, err = tenant.Open(s.db.Meta(), s.db.Log(), s.db.Now); err != nil {
		return err
	}
	if s.mailKeys, err = email.OpenKeys(s.db.Meta(), s.registry.Tenants()); err != nil {
		return err
	}
	if err = s.openOutgoing(); err != nil {
		return err
	}
	if s.atStart, err = s.db.Log().Last(ctx, 0); err != nil {
		return err
	}
	// Only a cache: what is lost is compiled again.
	if s.modules, err = host.New(ctx, host.Config{CacheDir: filepath.Join(s.cfg.Data, "modules")}); err != nil {
		return err
	}
	if !s.cfg.CaptureOnly {
		s.quarantined = s.set.NewCounter("ripen_modules_quarantined_total")
		s.scoreTime = ingest.NewHistograms(s.set, "ripen_score_seconds", scoreBounds, "")[0]
		s.folder = newFolder(ctx, s.log, s.openState)
	}
	if s.folder != nil && s.cfg.Private { // a command has nothing to do before
		if _, err := s.folder.wait(ctx); err != nil {
			return err
		}
	}
	if s.listener, err = net.Listen("tcp", s.cfg.listen()); err != nil {
		return err
	}
	addr, isTCP := s.listener.Addr().(*net.TCPAddr)
	s.open = isTCP && addr.IP.IsLoopback()
	if s.cfg.Demo {
		if err := s.openDemo(ctx); err != nil {
			return fmt.Errorf("set up the demo: %w", err)
		}
	}
	s.learner = newLearner(s)
	s.watch()
	if s.folder != nil {
		s.retention = newRetentionMetrics(s.set)
		s.samples.Go(func() { s.sampleLag(s.life) })
	}
	if s.folder != nil && !s.cfg.Private {
		s.samples.Go(func() { s.keepRetention(s.life) })
	}
	if s.folder != nil && !s.cfg.Private && !s.cfg.unlearned {
		s.samples.Go(func() { s.learner.run(s.life) })
	}
	if !s.cfg.Private {
		s.samples.Go(func() { s.files.centers.Run(s.life, s.set, s.log) })
		s.samples.Go(func() { s.files.places.Run(s.life, s.set, s.log) })
		s.samples.Go(func() {
			giveBack(s.life, func() (uint64, error) {
				n, err := s.db.Log().Last(s.life, 0)
				if s.folder != nil {
					n += s.folder.seen()
				}
				return n, err
			})
		})
	}
	s.runOutgoing()
	s.front = newFront(&s.cfg, s.stages(), newEdgeMetrics(s.set))
	if !s.cfg.Private {
		if err := s.announce(); err != nil {
			return fmt.Errorf("announce: %w", err)
		}
	}
	s.log.Info("open", "data", s.cfg.Data, "url", s.URL(), "version", s.cfg.Version, "memory_limit", limit)
	return ctx.Err()
}

// openState opens what is derived from the log, as its last checkpoint left it.
func (s *Server) openState(ctx context.Context) (*State, error) {
	if s.cfg.opening != nil {
		if err := s.cfg.opening(ctx); err != nil {
			return nil, err
		}
	}
	cfg := StateConfig{
		Slog: s.log, Host: s.modules, Tenant: s.registry.Tenant, ScoreTime: s.scoreTime.Since, Quarantine: s.quarantine,
		Shadowed: s.registry.Shadowed, ShadowSource: s.registry.ShadowSource,
	}
	if s.cfg.Private { // a command does not walk leads that it does not ask about
		cfg.Shadowed = nil
	}
	return OpenState(ctx, s.db, cfg)
}

// quarantine lets the last good version of a card serve whose module failed too
// often.
func (s *Server) quarantine(id tracker.TenantID, a tracker.Activation, why string) {
	s.quarantined.Inc()
	back, err := s.registry.Quarantine(s.life, id, a.Card, a.Version, why)
	switch e, ok := errors.AsType[*tracker.Error](err); {
	case ok && e.Kind == tracker.KindConflict:
		s.log.Warn("no other version serves in place of one in quarantine", "tenant", id, "card", a.Name(), "err", err)
	case err != nil:
		s.log.Error("quarantine a version", "tenant", id, "card", a.Name(), "err", err)
	case back.Card != "": // else it was known before, or is not in force
		s.log.Warn("the last good version serves again", "tenant", id, "quarantined", a.Name(), "serving", back.Name())
	}
}

// stages makes everything that answers, the hot path first.
func (s *Server) stages() []stage {
	s.letters = ingest.NewLetters(s.db, s.log)
	s.set.NewGauge("ripen_deadletters_lost_total", func() float64 { return float64(s.letters.Lost()) })
	s.samples.Go(func() { s.letters.Run(s.life, s.registry.Tenants) })
	s.ingest = ingest.New(ingest.Config{
		Log: s.db.Log(), Keys: keys{s}, Default: s.registry.FirstSource, Now: s.db.Now, Pending: s.db.Pending, Writable: s.db.Writable,
		Quota: s.quota.Wait, Flood: s.flood, Client: s.proxies.client, Metrics: s.set, Logger: s.log,
		Dropped: s.letters.Add, PublicURL: s.cfg.PublicURL, Watch: s.tails.of,
		Datacenters: s.files.centers, Places: s.files.places, Shows: s.shows(),
	})
	list := []stage{
		s.ingest, s.mail(), stageFunc(s.serveSnippet), stageFunc(serveRobots),
		stageFunc(s.serveHealth), stageFunc(s.serveMetrics), stageFunc(s.serveAdmin), stageFunc(s.serveShow), stageFunc(s.serveLetter), s.api(),
	}
	if s.cfg.SitePath != "" {
		list = append([]stage{stageFunc(s.renameSitePath)}, list...)
	}
	if s.folder == nil {
		return list
	}
	var links []console.Link
	if s.cfg.Demo {
		list = append(list, demo.New(demo.Config{WriteKey: s.demo.WriteKey}))
		links = []console.Link{{Href: "/demo/", ES: "La tienda", EN: "The shop"}}
	}
	s.console = console.New(console.Config{Source: consoleSource{s}, Authorize: s.consoleCaller, Check: s.checkKey, Links: links, Now: s.now})
	return append(list, s.console)
}

// Run answers until ctx ends, then drains for at most Config.Drain, closes
// everything and says what went wrong, if anything.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.front.serve(s.listener) }()
	var broken <-chan error
	if s.folder != nil {
		broken = s.folder.broken
	}
	var failed error
	select {
	case <-ctx.Done():
	case failed = <-served:
		served <- nil
	case failed = <-broken:
	}
	s.log.Info("stopping", "drain", s.cfg.drain())
	s.front.leave()
	s.endStreams()
	s.front.linger(s.cfg.Linger)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.drain())
	defer cancel()
	// drain closes the listener, but knows none that Serve has not seen yet.
	err := errors.Join(s.front.drain(drain), closeListener(s.listener))
	return errors.Join(failed, err, <-served, s.close())
}

// endStreams lets go of the requests that would last for ever.
func (s *Server) endStreams() {
	s.end()
	if s.console != nil {
		if err := s.console.Close(); err != nil {
			s.log.Warn("stop", "err", err)
		}
	}
}

// close ends everything that start began, newest first.
func (s *Server) close() error {
	s.endStreams()
	s.samples.Wait()
	var errs []error
	if s.listener != nil {
		errs = append(errs, closeListener(s.listener))
		errs = append(errs, s.retract())
	}
	if s.ingest != nil {
		errs = append(errs, s.ingest.Close())
		s.letters.Flush() // what the last requests left
	}
	if s.folder != nil {
		errs = append(errs, s.folder.close())
	}
	if s.post != nil {
		errs = append(errs, s.post.Close())
	}
	if s.modules != nil {
		errs = append(errs, s.modules.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(errs...)
}

// closeListener closes a listener that may be closed already.
func closeListener(l net.Listener) error {
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// AdminKey is the key of the machine's operator.
func (s *Server) AdminKey() string { return s.adminKey }

// now is the log's clock.
func (s *Server) now() time.Time { return time.UnixMilli(s.db.Now()) }

// tenantName names a tenant for people; its id if it has no name here.
func (s *Server) tenantName(id tracker.TenantID) string {
	if t := s.registry.Tenant(id); t != nil {
		return t.Name
	}
	return id.String()
}
