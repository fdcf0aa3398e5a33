// node client.mjs CLIENT URL KEY N: sends N events with a real client and ends
// when it says that they are delivered; one that never says it goes on until its
// input ends.
const [name, url, key, count] = process.argv.slice(2);
const n = Number(count);
const failed = (e) => { console.error(name, e); process.exitCode = 1; };

let told = false; // that everything has arrived
process.stdin.on("end", () => { told = true; }).resume();
const pause = () => new Promise((ok) => setTimeout(ok, 200));

const clients = {
  async "analytics-node"() {
    const { Analytics } = await import("@segment/analytics-node");
    const a = new Analytics({ writeKey: key, host: url, flushAt: 7, maxRetries: 10 });
    a.on("error", failed);
    for (let i = 0; i < n; i++) a.track({ userId: "u" + (i % 3), event: "Client Event", properties: { n: i } });
    await a.closeAndFlush({ timeout: 60000 });
  },
  async "rudder-node"() {
    const { default: Rudder } = await import("@rudderstack/rudder-sdk-node");
    const C = Rudder.default ?? Rudder;
    const r = new C(key, { dataPlaneUrl: url, flushAt: 7, maxInternalQueueSize: 1000, retryCount: 10 });
    for (let i = 0; i < n; i++) r.track({ userId: "u" + (i % 3), event: "Client Event", properties: { n: i } });
    while (!told) { // its retries wait in the background
      await Promise.race([new Promise((ok) => r.flush(() => ok())), pause()]);
      await pause();
    }
  },
  async "snowplow-node"() {
    const { newTracker, buildSelfDescribingEvent } = await import("@snowplow/node-tracker");
    const t = newTracker({ namespace: "t", appId: key, encodeBase64: false }, { endpoint: url, eventMethod: "post", bufferSize: 7, retryFailedRequests: true });
    t.setUserId("u1");
    for (let i = 0; i < n; i++) {
      t.track(buildSelfDescribingEvent({ event: { schema: "iglu:com.acme/client_event/jsonschema/1-0-0", data: { n: i } } }));
    }
    while (!told) { // it tries again when asked to
      t.flush();
      await pause();
    }
  },
  async "posthog-node"() {
    const { PostHog } = await import("posthog-node");
    const p = new PostHog(key, { host: url, flushAt: 7, fetchRetryCount: 10, fetchRetryDelay: 200, disableGeoip: true });
    p.on("error", failed);
    for (let i = 0; i < n; i++) p.capture({ distinctId: "u" + (i % 3), event: "client event", properties: { n: i } });
    await p.shutdown(60000);
  },
};
clients["posthog-node-v1"] = clients["posthog-node"]; // by POSTHOG_CAPTURE_MODE=v1

setInterval(() => {}, 1000); // some wait for a retry without keeping the process alive
try {
  await clients[name]();
} catch (e) {
  failed(e);
}
process.exit();
