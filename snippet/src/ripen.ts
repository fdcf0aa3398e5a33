// ripen.js: page views, custom events, identities, downloads, outbound links,
// scroll depth, engaged time and form submissions, sent to a Ripen tracker in
// Segment's shape.
//
//   <script>window.ripen=window.ripen||function(){(ripen.q=ripen.q||[]).push(arguments)}</script>
//   <script async src="https://tracker.example/r.js" data-key="WRITE_KEY"></script>
//
//   ripen('track', name, properties)      ripen('identify', userId?, traits)
//   ripen('page', name?, properties)      ripen('group', groupId, traits)
//   ripen('alias', userId, previousId?)   ripen('reset')
//   ripen('consent', 'granted' | 'denied' | 'pending')
//   ripen('consent', { analytics: …, marketing: …, profiling: … })
//
// The attributes of the script tag, which may also stand in its address's query
// (data-key="x" = ?key=x), are told in ../ripen.d.ts.
import { report, watch } from "./auto";
import { enqueue, leave, open, withdraw } from "./send";
import { adopt, anonymousId, choose, consent, keeps, said, uuid } from "./store";

// The second file's name and integrity, put in when this one is built.
declare const ONSITE: string, ONSITE_SRI: string;

const w = window as any;
const doc = document as any;
const tag = doc.currentScript || doc.querySelector("script[data-key]");
const data: any = { ...Object.fromEntries(new URL(tag.src, location.href).searchParams), ...tag.dataset };

const titleDelay = 20; // ms, less than the queue waits before it sends
const clicks = "gclid gbraid wbraid fbclid msclkid ttclid li_fat_id twclid".split(" ");

let last = 0; // ms of the newest event: a page's events keep their order
let held: any[] = []; // events that wait for consent
let referrer = doc.referrer;
let address = location.href; // of the page that was seen last

const here = () => ({ path: location.pathname, url: location.href });

// What the address says about where the visitor came from.
const origin = () => {
  let campaign: any, click: any;
  new URLSearchParams(location.search).forEach((v, k) => {
    if (/^utm_/.test(k)) (campaign = campaign || {})[k == "utm_campaign" ? "name" : k.slice(4)] = v;
    if (clicks.includes(k)) (click = click || {})[k] = v;
  });
  return { campaign, click };
};

// deliver gives an event what depends on consent, and hands it to the queue.
// id is whose it is even under a no.
const deliver = (event: any, id?: string) => {
  // Under a privacy signal identities never leave the page.
  if (consent == "denied" && /^[iga]/.test(event.type)) return;
  event.anonymousId = keeps() ? anonymousId() : id;
  if (!keeps()) event.context.click = undefined;
  event.context.consent = said;
  enqueue(event);
};

const send = (type: string, fields: object, page: object = here(), id?: string) => {
  last = Math.max(Date.now(), last + 1);
  const event = {
    type,
    messageId: uuid(),
    timestamp: new Date(last),
    context: { page, ...origin(), locale: navigator.language, library: { name: "ripen.js" } },
    ...fields,
  };
  if (consent == "pending") held.push(event);
  else deliver(event, id);
};

const note = (event: string, properties: object, page?: object) => send("track", { event, properties }, page);

const methods: any = {
  page(name?: any, properties?: any) {
    if (typeof name == "object") [name, properties] = [undefined, name || properties];
    // Within a single-page application one page leads to the next.
    if (address != location.href) [referrer, address] = [address, location.href];
    const seen = { ...here(), title: doc.title, referrer, ...properties };
    send("page", { name, properties: seen }, {});
    // Single-page applications set the title a moment after the address.
    properties?.title || setTimeout(() => (seen.title = doc.title), titleDelay);
  },
  track(event: string, properties?: object) {
    send("track", { event, properties });
  },
  // userIdHash is the proof that the site's server makes of the user id.
  identify(userId: any, traits?: object, userIdHash?: string) {
    if (typeof userId == "object") [userId, traits] = [undefined, userId || traits];
    send("identify", { userId, traits, userIdHash });
  },
  group(groupId: string, traits?: object) {
    send("group", { groupId, traits });
  },
  alias(userId: string, previousId?: string) {
    send("alias", { userId, previousId: previousId || (keeps() && anonymousId()) || undefined });
  },
  reset() {
    if (keeps()) anonymousId(true);
  },
  consent(choice: any) {
    const [old, id] = [JSON.stringify(said), keeps() ? anonymousId() : undefined];
    choose(choice);
    if (consent == "denied") held = withdraw().concat(held);
    if (consent == "pending") return;
    held.splice(0).map((event) => deliver(event));
    // Who was known so far is told apart from the no of somebody unknown.
    if (JSON.stringify(said) != old && (id || keeps())) send("track", { event: "consent" }, undefined, id);
  },
};

const ripen: any = (method: string, ...args: any[]) => {
  // A mistake in a call must not break the page that makes it.
  try {
    methods[method](...args);
  } catch (e) {
    console.warn("ripen", method, e);
  }
};

let script: any;

// show is called where the tracker has messages for this site's visitors.
const show = () => {
  if (ripen.show) ripen.show();
  else if (!script && !(data.off || "").includes("onsite")) {
    script = doc.createElement("script");
    doc.head.append(Object.assign(script, { src: at((data.path || "/r") + ONSITE), integrity: ONSITE_SRI, crossOrigin: "anonymous", nonce: tag.nonce }));
  }
};

const at = (path: string) => new URL((data.host || "").replace(/\/*$/, "") + path, tag.src).href;

const start = () => {
  const early = [...((w.ripen && w.ripen.q) || [])];
  const choices = early.filter((call) => call[0] == "consent");
  ripen.on = 1;
  w.ripen = ripen;
  choose(data.consent, 1, "cookieless" in data);
  // What was already decided holds for the first page view, too.
  for (const call of choices) ripen(...call);
  adopt(data.domains);
  address = location.href;
  addEventListener("pagehide", () => (report(true), leave()));
  addEventListener("visibilitychange", () => doc.visibilityState == "hidden" && (report(), leave()), true);
  ripen.kit = { key: data.key, url: at((data.path || "/v1") + "/show"), note, uuid, keeps, nonce: tag.nonce, said: () => said, id: () => (keeps() ? anonymousId() : undefined) };
  open(at(data.path || "/v1/batch"), data.key, show);
  watch(ripen, note, data);
  for (const call of early) choices.includes(call) || ripen(...call);
};

// A page that is only being prepared in advance has not been seen by anybody.
if (!w.ripen?.on) {
  w.ripen = w.ripen || ((...call: any[]) => (w.ripen.q = w.ripen.q || []).push(call));
  if (doc.prerendering) doc.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
