// What a page of the site does with each browser library: how it is pointed at
// Ripen (a host and a key), and its words for what a visitor does. TRACKER and
// KEY are set by the page.
const host = TRACKER.replace("http://", "");

const segment = (options) => ({
  start() { this.lib = window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: KEY, cdnURL: TRACKER }, options); },
  page() { this.lib.page(); },
  track(n) { this.lib.track("Client Event", { n, plan: "pro" }); },
  identify() { this.lib.identify("u-ana", { email: "ana@acme.es", city: "Vigo" }); },
  group() { this.lib.group("acme", { name: "Acme" }); },
  alias() { this.lib.alias("u-ana-2", "u-ana"); },
  visitor() { return this.lib.user().then((u) => u.anonymousId()); },
});

const rudder = (options) => ({
  start() {
    this.lib = new window.rudderanalytics.RudderAnalytics();
    this.lib.load(KEY, TRACKER, { configUrl: TRACKER, sendAdblockPage: true, ...options });
  },
  page() { this.lib.page(); },
  track(n) { this.lib.track("Client Event", { n, plan: "pro" }); },
  identify() { this.lib.identify("u-ana", { email: "ana@acme.es", city: "Vigo" }); },
  group() { this.lib.group("acme", { name: "Acme" }); },
  alias() { this.lib.alias("u-ana-2"); },
  visitor() { return this.lib.getAnonymousId(); },
});

const clients = {
  "analytics-next": segment({}), // the settings name the host
  "analytics-next-batching": segment({
    integrations: { "Segment.io": { apiHost: host + "/v1", protocol: "http", deliveryStrategy: { strategy: "batching", config: { size: 7, timeout: 500 } } } },
  }),
  "rudder-js": rudder({}),
  "rudder-js-beacon": rudder({ useBeacon: true, beaconQueueOptions: { flushQueueInterval: 500 } }),
  "posthog-js": {
    start() {
      // A headless browser is a bot to it, which sends nothing.
      window.posthog.init(KEY, { api_host: TRACKER, defaults: "2025-05-24", opt_out_useragent_filter: true });
    },
    page() {}, // by itself
    track(n) { window.posthog.capture("Client Event", { n, plan: "pro" }); },
    identify() { window.posthog.identify("u-ana", { email: "ana@acme.es", city: "Vigo" }); },
    group() { window.posthog.group("company", "acme", { name: "Acme" }); },
    alias() { window.posthog.alias("u-ana-2"); },
    visitor() { return window.posthog.get_property("$device_id"); },
  },
  "snowplow-js": {
    start() {
      this.lib = window.snowplowBrowserTracking;
      this.tracker = this.lib.newTracker("sp", TRACKER, { appId: KEY, contexts: { webPage: true, session: true } });
      if (location.pathname != "/") this.lib.setUserId("u-ana"); // it does not remember
    },
    page() { this.lib.trackPageView(); },
    track(n) { this.lib.trackSelfDescribingEvent({ event: { schema: "iglu:es.acme/client_event/jsonschema/1-0-0", data: { n, plan: "pro" } } }); },
    identify() {
      this.lib.setUserId("u-ana");
      this.lib.trackSelfDescribingEvent({ event: { schema: "iglu:es.acme/identify/jsonschema/1-0-0", data: { email: "ana@acme.es", city: "Vigo" } } });
    },
    again() { this.lib.flushBuffer(); }, // it has no clock for what failed
    visitor() { return this.tracker.getDomainUserId(); },
  },
};

const client = clients[CLIENT];
client.start();
client.page();
