package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"ripen/tracker/server"
)

// listenSettings are the settings of the commands that run a server.
var listenSettings = []string{
	"config", "data", "listen", "public-url", "site-path", "log-level", "log-format", "drain", "max-conns", "max-conns-per-ip",
	"trusted-proxies", "rate-per-ip", "rate-per-key",
	"max-body", "read-timeout", "idle-timeout", "memory-limit", "disk-reserve", "retention-anonymous", "datacenters", "geo", "webhook-allow", "capture-only",
}

func serveCommand() *command {
	return &command{
		name: "serve", use: listenSettings,
		summary: text{"run a server", "arrancar un servidor"},
		help: `
Runs in the foreground, prints one line when it is ready, and stops cleanly on
SIGTERM or Ctrl-C: requests under way get up to --drain to finish. A data
directory has one owner; a second process is refused.

  ripen serve --data /var/lib/ripen --listen 0.0.0.0:8080
  ripen serve --config /etc/ripen.yaml
  RIPEN_DATA=/var/lib/ripen RIPEN_LOG_FORMAT=json ripen serve

The config file is flat YAML; environment beats file, flags beat environment:

  data: /var/lib/ripen
  listen: 0.0.0.0:8080
  log-format: json

'ripen help systemd' prints a hardened unit file.`,
		run: runServe,
	}
}

func runServe(ctx context.Context, c *call) error {
	if c.get("data") == "" {
		return &usageError{"serve needs --data DIR (or RIPEN_DATA)", "ripen help serve"}
	}
	cfg, err := c.serverConfig()
	if err != nil {
		return err
	}
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.out, text{"ripen %s ready at %s, data in %s\n", "ripen %s listo en %s, datos en %s\n"}.in(c.lang), version, s.URL(), cfg.Data)
	return s.Run(ctx)
}

// linger is how long a server that was told to stop answers those who are
// connected: a client that is busy asks again within it, and is told to leave.
const linger = 500 * time.Millisecond

// serverConfig makes a server's Config of the settings.
func (c *call) serverConfig() (server.Config, error) {
	log, err := c.logger()
	if err != nil {
		return server.Config{}, err
	}
	allow, err := c.networks("webhook-allow")
	if err != nil {
		return server.Config{}, err
	}
	proxies, err := c.networks("trusted-proxies")
	if err != nil {
		return server.Config{}, err
	}
	for _, name := range []string{"drain", "read-timeout", "idle-timeout"} {
		if c.duration(name) <= 0 { // a server's Config takes 0 for the default
			return server.Config{}, &usageError{name + ": need a time above 0, like 1s", "ripen help " + c.cmd.name}
		}
	}
	anonymous := c.period("retention-anonymous")
	if anonymous == 0 {
		anonymous = -1 // for ever
	}
	return server.Config{
		Data:          c.get("data"),
		Listen:        c.get("listen"),
		PublicURL:     c.get("public-url"),
		SitePath:      c.get("site-path"),
		Log:           log,
		Version:       version,
		Drain:         c.duration("drain"),
		Linger:        linger,
		MaxConns:      int(c.int("max-conns")),
		MaxConnsPerIP: int(c.int("max-conns-per-ip")),
		Proxies:       proxies,
		RatePerIP:     limitOf(int(c.int("rate-per-ip"))),
		RatePerKey:    limitOf(int(c.int("rate-per-key"))),
		MaxBody:       int(c.size("max-body")),
		ReadTimeout:   c.duration("read-timeout"),
		IdleTimeout:   c.duration("idle-timeout"),
		MemoryLimit:   c.size("memory-limit"),
		DiskReserve:   c.size("disk-reserve"),
		Anonymous:     anonymous,
		Datacenters:   c.get("datacenters"),
		Geo:           c.get("geo"),
		CaptureOnly:   c.bool("capture-only"),
		WebhookAllow:  allow,
		Now:           c.now,
	}, nil
}

// networks reads a setting that lists networks and addresses.
func (c *call) networks(name string) ([]netip.Prefix, error) {
	out, err := server.ParseNetworks(c.get(name))
	if err != nil {
		return nil, &usageError{name + ": " + err.Error(), "ripen help " + c.cmd.name}
	}
	return out, nil
}

// limitOf says a limit as a server's Config does, to which zero is the default.
func limitOf(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// logger writes to stderr at --log-level in --log-format.
func (c *call) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.get("log-level"))); err != nil {
		return nil, &usageError{fmt.Sprintf("log-level: %q is not debug, info, warn or error", c.get("log-level")), "ripen help " + c.cmd.name}
	}
	o := &slog.HandlerOptions{Level: level}
	switch c.get("log-format") {
	case "text":
		return slog.New(slog.NewTextHandler(c.err, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(c.err, o)), nil
	}
	return nil, &usageError{fmt.Sprintf("log-format: %q is not text or json", c.get("log-format")), "ripen help " + c.cmd.name}
}

func demoCommand() *command {
	return &command{
		name: "demo", use: listenSettings,
		summary: text{"a shop, its scorecard and the live list of leads, to click through", "una tienda, su tarjeta y la lista viva de leads, para probar"},
		help: `
Starts a server with a demo tenant (write key "demo") whose scorecard is
published. Open the shop in one window and the list in another, and click: the
lead moves. Without --data everything lives in a temporary directory and is
gone when the demo ends.

  ripen demo
  ripen demo --listen 127.0.0.1:9000 --data ./demo-data
  curl -u demo: http://127.0.0.1:8080/v1/track -d '{"event":"Product Added","anonymousId":"me"}'`,
		run: runDemo,
	}
}

func runDemo(ctx context.Context, c *call) (err error) {
	cfg, err := c.serverConfig()
	if err != nil {
		return err
	}
	if !c.set("log-level") {
		cfg.Log = server.QuietLog(c.err)
	}
	cfg.Demo, cfg.Language = true, c.lang
	if cfg.Data == "" {
		if cfg.Data, err = os.MkdirTemp("", "ripen-demo-"); err != nil {
			return err
		}
		defer func() { err = firstError(err, os.RemoveAll(cfg.Data)) }()
	}
	s, err := server.New(ctx, cfg)
	if err != nil {
		return err
	}
	d := s.Demo()
	fmt.Fprintf(c.out, demoText.in(c.lang), s.URL(), d.WriteKey, d.SecretKey, s.AdminKey(), cfg.Data)
	return s.Run(ctx)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

var demoText = text{`Ripen demo: a coffee-machine shop, its scorecard, and its leads.

  the leads, live     %[1]s/
  the shop            %[1]s/demo/
  write key           %[2]s
  secret key          %[3]s
  admin key           %[4]s
  data                %[5]s

Open both pages side by side and click through the shop. From a terminal:

  curl -u %[2]s: %[1]s/v1/track -d '{"event":"Product Added","anonymousId":"me"}'
  curl -H 'Authorization: Bearer %[3]s' %[1]s/v1/leads

Ctrl-C stops it.
`, `Demo de Ripen: una tienda de cafeteras, su tarjeta de puntuación y sus leads.

  los leads, en vivo     %[1]s/
  la tienda              %[1]s/demo/
  clave de escritura     %[2]s
  clave secreta          %[3]s
  clave de administración %[4]s
  datos                  %[5]s

Abre las dos páginas una al lado de la otra y pasea por la tienda. Desde un terminal:

  curl -u %[2]s: %[1]s/v1/track -d '{"event":"Product Added","anonymousId":"yo"}'
  curl -H 'Authorization: Bearer %[3]s' %[1]s/v1/leads

Ctrl-C la para.
`}
