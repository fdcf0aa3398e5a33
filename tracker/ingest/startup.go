package ingest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/valyala/fasthttp"

	"ripen/tracker"
)

// startup answers what browser libraries ask before they send anything, so that
// a site moves here by changing a host name and a key: Segment's settings,
// RudderStack's source config, PostHog's remote config (a script, or JSON) and
// feature flags (there are none). It says nothing but that the source is there,
// where it takes events, and that it has no destinations. It returns false if
// the path is another's.
func (h *Handler) startup(ctx *fasthttp.RequestCtx) bool {
	path := ctx.URI().PathOriginal()
	var key []byte
	var write func(src *tracker.Source) any
	switch trimmed := bytes.TrimSuffix(path, []byte("/")); {
	case bytes.HasPrefix(path, []byte("/v1/projects/")):
		k, ok := bytes.CutSuffix(trimmed[len("/v1/projects"):], []byte("/settings"))
		if !ok || len(k) < 2 {
			return false
		}
		key, write = k[1:], func(src *tracker.Source) any { return h.segmentSettings(ctx, src) }
	case bytes.HasPrefix(path, []byte("/array/")):
		k, ok := bytes.CutSuffix(bytes.TrimSuffix(trimmed[len("/array"):], dotJS), []byte("/config"))
		if !ok || len(k) < 2 {
			return false
		}
		key, write = k[1:], posthogConfig
	case string(trimmed) == "/sourceConfig" && ctx.IsHead():
		h.preflight(ctx) // RudderStack's look for ad blockers, which brings no key
		ctx.SetStatusCode(fasthttp.StatusOK)
		return true
	case string(trimmed) == "/sourceConfig":
		write = rudderConfig
	case string(trimmed) == "/flags", string(trimmed) == "/decide":
		write = posthogFlags
	default:
		return false
	}
	h.configure(ctx, key, write)
	return true
}

// configure answers with what write says of the source. Feature flags are
// nobody's: their answer needs no source.
func (h *Handler) configure(ctx *fasthttp.RequestCtx, key []byte, write func(*tracker.Source) any) {
	if ctx.IsOptions() {
		h.preflight(ctx)
		return
	}
	origin := ctx.Request.Header.Peek(fasthttp.HeaderOrigin)
	a := access{}
	if len(key) > 0 {
		a.resolve(h, key)
	} else {
		a = h.access(ctx)
	}
	if a.source == nil || allowed(a.source, origin) {
		share(ctx, origin)
	}
	flags := bytes.HasPrefix(ctx.URI().PathOriginal(), []byte("/flags")) || bytes.HasPrefix(ctx.URI().PathOriginal(), []byte("/decide"))
	switch {
	case !flags && a.source == nil:
		h.refuse(ctx, errUnknownKey)
		return
	case a.source != nil && !allowed(a.source, origin):
		h.refuse(ctx, errOrigin)
		return
	}
	b, err := json.Marshal(write(a.source))
	if err != nil {
		panic("BUG: a config cannot be written: " + err.Error()) // unreachable unless a value has no JSON form
	}
	ctx.SetContentType("application/json")
	if bytes.HasSuffix(ctx.URI().PathOriginal(), dotJS) {
		ctx.SetContentType("text/javascript; charset=utf-8")
		b = fmt.Appendf(nil, "(window._POSTHOG_REMOTE_CONFIG ||= {})[%s] = {config: %s, siteApps: []};\n", appendJSON(nil, []byte(a.source.WriteKey)), b)
	}
	ctx.SetBody(b)
}

var dotJS = []byte(".js")

type object = map[string]any

// segmentSettings is what analytics-next needs to begin: its own destination,
// and where that is, so that a page need not say it twice.
func (h *Handler) segmentSettings(ctx *fasthttp.RequestCtx, src *tracker.Source) any {
	self := object{"apiKey": src.WriteKey, "unbundledIntegrations": []any{}, "addBundledMetadata": false, "versionSettings": object{"version": "4.4.7", "componentTypes": []string{"browser"}}}
	scheme, host, ok := strings.Cut(h.cfg.PublicURL, "://")
	if !ok {
		// A page that is not encrypted itself may be meant to reach us as plainly;
		// any other could not, and https is what the library takes by default.
		scheme, host = "https", string(ctx.Host())
		if bytes.HasPrefix(ctx.Request.Header.Peek(fasthttp.HeaderOrigin), []byte("http:")) {
			scheme = "http"
		}
	}
	self["apiHost"], self["protocol"] = host+"/v1", scheme
	return object{
		"integrations": object{"Segment.io": self},
		"plan":         object{"track": object{"__default": object{"enabled": true, "integrations": object{}}}},
		"edgeFunction": object{}, "analyticsNextEnabled": true, "middlewareSettings": object{}, "enabledMiddleware": object{},
		"metrics": object{"sampleRate": 0}, "legacyVideoPluginsEnabled": false, "remotePlugins": []any{},
	}
}

// rudderConfig is the control plane's word on a source without destinations.
func rudderConfig(src *tracker.Source) any {
	return object{
		"source": object{
			"id": src.WriteKey, "name": src.Name, "writeKey": src.WriteKey, "enabled": true, "destinations": []any{}, "connections": []any{},
			"workspaceId": "ripen", "config": object{"statsCollection": object{"errors": object{"enabled": false}, "metrics": object{"enabled": false}}}, "dataplanes": object{},
		},
	}
}

// posthogConfig turns off what a tracker of leads has no use for. It is silent
// on surveys: posthog-js fetches their script as soon as it is told anything,
// even no.
func posthogConfig(src *tracker.Source) any {
	return object{
		"token": src.WriteKey, "supportedCompression": []string{"gzip", "gzip-js"}, "hasFeatureFlags": false, "captureDeadClicks": false, "capturePerformance": false,
		"autocapture_opt_out": false, "autocaptureExceptions": false, "analytics": object{"endpoint": "/i/v0/e/"}, "elementsChainAsString": true, "sessionRecording": false,
		"heatmaps": false, "defaultIdentifiedOnly": true, "siteApps": []any{},
	}
}

func posthogFlags(*tracker.Source) any {
	return object{
		"flags": object{}, "featureFlags": object{}, "featureFlagPayloads": object{}, "errorsWhileComputingFlags": false,
		"supportedCompression": []string{"gzip", "gzip-js"}, "config": object{"enable_collect_everything": true}, "sessionRecording": false,
		"isAuthenticated": false, "siteApps": []any{}, "toolbarParams": object{},
	}
}
