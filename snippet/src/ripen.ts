// ripen.js: page views, custom events, identities, downloads, outbound links
// and form submissions, sent to a Ripen tracker in Segment's shape.
//
//   <script>window.ripen=window.ripen||function(){(ripen.q=ripen.q||[]).push(arguments)}</script>
//   <script async src="https://tracker.example/r.js" data-key="WRITE_KEY"></script>
//
//   ripen('track', name, properties)      ripen('identify', userId?, traits)
//   ripen('page', name?, properties)      ripen('group', groupId, traits)
//   ripen('alias', userId, previousId?)   ripen('reset')
//
// Attributes of the script tag: data-key (required), data-host (default: where
// the script came from), data-manual (no automatic page views).
import { watch } from "./auto";
import { enqueue, open } from "./send";
import { anonymousId, denied, uuid } from "./store";

const w = window as any;
const doc = document as any;
const tag = doc.currentScript || doc.querySelector("script[data-key]");
const data = tag.dataset;

const path = "/v1/batch";
const titleDelay = 20; // ms, less than the queue waits before it sends

let last = 0; // ms of the newest event: a page's events keep their order
let referrer = doc.referrer;
let address = location.href; // of the page that was seen last

const here = () => ({ path: location.pathname, url: location.href });

const campaign = () => {
  let found: any;
  new URLSearchParams(location.search).forEach((v, k) => {
    if (/^utm_/.test(k)) (found = found || {})[k == "utm_campaign" ? "name" : k.slice(4)] = v;
  });
  return found;
};

const send = (type: string, fields: object, page?: object) => {
  last = Math.max(Date.now(), last + 1);
  enqueue({
    type,
    messageId: uuid(),
    anonymousId: anonymousId(),
    timestamp: new Date(last),
    context: {
      page,
      campaign: campaign(),
      locale: navigator.language,
      library: { name: "ripen.js" },
    },
    ...fields,
  });
};

// Under a privacy signal identities never leave the page.
const personal = (type: string, fields: object) => {
  denied || send(type, fields, here());
};

const methods: any = {
  page(name?: any, properties?: any) {
    if (typeof name == "object") [name, properties] = [undefined, name || properties];
    // Within a single-page application one page leads to the next.
    if (address != location.href) [referrer, address] = [address, location.href];
    const seen = { ...here(), title: doc.title, referrer, ...properties };
    send("page", { name, properties: seen });
    // Single-page applications set the title a moment after the address.
    properties?.title || setTimeout(() => (seen.title = doc.title), titleDelay);
  },
  track(event: string, properties?: object) {
    send("track", { event, properties }, here());
  },
  // userIdHash is the proof that the site's server makes of the user id.
  identify(userId: any, traits?: object, userIdHash?: string) {
    if (typeof userId == "object") [userId, traits] = [undefined, userId || traits];
    personal("identify", { userId, traits, userIdHash });
  },
  group(groupId: string, traits?: object) {
    personal("group", { groupId, traits });
  },
  alias(userId: string, previousId?: string) {
    personal("alias", { userId, previousId: previousId || anonymousId() });
  },
  reset() {
    anonymousId(true);
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

const start = () => {
  const early = (w.ripen && w.ripen.q) || [];
  ripen.on = 1;
  w.ripen = ripen;
  open(data.host ? data.host.replace(/\/*$/, path) : new URL(path, tag.src).href, data.key);
  watch(ripen, "manual" in data);
  for (const call of early) ripen(...call);
};

// A page that is only being prepared in advance has not been seen by anybody.
if (!w.ripen?.on) {
  w.ripen = w.ripen || ((...call: any[]) => (w.ripen.q = w.ripen.q || []).push(call));
  if (doc.prerendering) doc.addEventListener("prerenderingchange", start, { once: true });
  else start();
}
