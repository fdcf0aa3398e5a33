package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"ripen/tracker/export"
)

// Config is what a server needs to know. The zero value of a field is its
// default; only Data has none.
type Config struct {
	Data     string // directory, made if absent; one process at a time
	Listen   string // TCP address; default 127.0.0.1:8080
	Private  bool   // for the length of one command: not announced, no log
	Demo     bool   // a demo tenant with write key "demo"; the pages need no login
	Language string // of the demo: es, or English
	// PublicURL is the origin under which sites reach this machine, for the
	// snippet's tag: https://t.example.org; empty = the Host of the request.
	PublicURL string
	// SitePath is a further path for sites: with /k7, /k7.js is the snippet,
	// POST /k7 takes its events and /k7.gif is the pixel. Empty = none.
	SitePath string
	Version  string // of the binary, for /healthz and the metrics

	Log *slog.Logger // default: errors to nobody

	Drain         time.Duration  // how long a stop waits for requests under way; default 10 s
	Linger        time.Duration  // first, how long those connected may ask once more, to be told to leave; default 0
	MaxConns      int            // at a time; default 16384; never more than the descriptors allow
	MaxConnsPerIP int            // connections at a time from one address; 0 = no limit
	Proxies       []netip.Prefix // whose word on where a request comes from is taken
	RatePerIP     int            // requests a second from one public address; default 100, negative = no limit
	RatePerKey    int            // requests a second with one write key from public addresses; default 5000, negative = no limit
	MaxBody       int            // bytes of a request; default 4 MiB, at most 20 MiB
	ReadTimeout   time.Duration  // for a whole request; default 5 s
	IdleTimeout   time.Duration  // of a kept-alive connection; default 10 s
	MemoryLimit   int64          // bytes; 0 = GOMEMLIMIT, else a share of the machine
	DiskReserve   int64          // bytes of free space below which events are refused; 0 = storage's default
	Anonymous     time.Duration  // how long events of anonymous leads are kept; default 13 months, negative = for ever
	Datacenters   string         // file of address ranges that no person asks from; empty = none
	Geo           string         // MaxMind DB that says where addresses are; empty = none
	CaptureOnly   bool           // no fold, no scores: for measuring capture alone

	// WebhookAllow are addresses of the machine's own network that webhooks may
	// go to, over plain HTTP too; none by default.
	WebhookAllow []netip.Prefix

	// Now is the clock of tests; nil = the log's own.
	Now func() time.Time

	// fetch gets the addresses of mail providers in tests; nil = over HTTPS.
	fetch func(ctx context.Context, url string) ([]byte, error)

	// free is the disk of tests: free and total bytes; nil = statfs.
	free func(dir string) (free, total int64, err error)
	// unlearned is for tests that let the learner take its turns themselves.
	unlearned bool
	// opening is called before the state is opened, by tests.
	opening func(ctx context.Context) error
}

func (c *Config) listen() string {
	if c.Listen == "" {
		return "127.0.0.1:8080"
	}
	return c.Listen
}

func (c *Config) log() *slog.Logger {
	if c.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return c.Log
}

func (c *Config) drain() time.Duration { return or(c.Drain, 10*time.Second) }
func (c *Config) maxConns() int {
	return connectionLimit(or(c.MaxConns, 16384), descriptorLimit())
}
func (c *Config) maxBody() int               { return or(c.MaxBody, 4<<20) }
func (c *Config) ratePerIP() int             { return max(or(c.RatePerIP, 100), 0) }
func (c *Config) ratePerKey() int            { return max(or(c.RatePerKey, 5000), 0) }
func (c *Config) readTimeout() time.Duration { return or(c.ReadTimeout, 5*time.Second) }
func (c *Config) idleTimeout() time.Duration { return or(c.IdleTimeout, 10*time.Second) }

// anonymous is the retention; 0 = for ever.
func (c *Config) anonymous() time.Duration { return max(or(c.Anonymous, defaultAnonymous), 0) }

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// check refuses what cannot work, naming the setting.
func (c *Config) check() error {
	const mostBody = 20 << 20
	switch {
	case c.Data == "":
		return fmt.Errorf("data: need a directory")
	case c.PublicURL != "" && !export.IsOrigin(c.PublicURL):
		return fmt.Errorf("public-url: need an origin like https://t.example.org, without a path")
	case c.SitePath != "" && !isSitePath(c.SitePath):
		return fmt.Errorf("site-path: need / and 1 to 40 of a-z, 0-9 and -, like /k7, that is none of the server's own paths")
	case c.maxBody() < 32<<10 || c.maxBody() > mostBody:
		return fmt.Errorf("max-body: need 32KB to 20MB, have %d bytes", c.MaxBody)
	case c.MemoryLimit != 0 && c.MemoryLimit < 64<<20:
		return fmt.Errorf("memory-limit: need at least 64MB, have %d bytes", c.MemoryLimit)
	case c.MaxConns < 0 || c.MaxConnsPerIP < 0:
		return fmt.Errorf("max-conns, max-conns-per-ip: need 0 or more")
	case c.RatePerIP > 1e6 || c.RatePerKey > 1e6:
		return fmt.Errorf("rate-per-ip, rate-per-key: need at most 1000000 a second")
	case c.Anonymous > 0 && c.Anonymous < leastAnonymous:
		return fmt.Errorf("retention-anonymous: need 0 (for ever) or at least 1mo")
	case c.Drain < 0 || c.ReadTimeout < 0 || c.IdleTimeout < 0:
		return fmt.Errorf("drain, read-timeout, idle-timeout: need a positive duration")
	}
	return nil
}

// QuietLog shows warnings and errors only, as text: for a person at a terminal.
func QuietLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
