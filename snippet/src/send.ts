// The queue and the way out. An event leaves it only when the server answered
// for it, when the server refused the request for good, or when the queue is
// over its cap.
import { answer, forget, keep, keeps, kept, question, waits } from "./store";

// A batch stays under what keepalive requests and beacons may carry (64 KiB).
const maxBytes = 6e4;
const maxEvents = 200; // waiting at once; beyond it the oldest go
const firstDelay = 40; // ms to gather what happens together
const maxDelay = 3e5;
const patience = 2e4; // ms for one answer

let url: string, key: string, show: () => void;
let queue: any[] = [];
let failures = 0;
let busy: any; // a request is on its way, or waits for its turn
let flying: any[] = []; // the events of the request on its way
let timer: any;
const beaconed = new WeakSet();
const written = new WeakSet(); // events that stand in local storage, for all tabs to see

const bytes = (s: string) => new Blob([s]).size;

// body takes as many events as fit from list and returns them with the request's text.
const body = (list: any[]): [any[], string] => {
  let size = 200;
  const some = list.filter((e, i) => (size += bytes(JSON.stringify(e)) + 1) < maxBytes || !i);
  return [some, JSON.stringify({ writeKey: key, sentAt: new Date(), batch: some })];
};

const done = (list: any[]) => {
  queue = queue.filter((e) => !list.includes(e));
  list.map((e) => forget(e.messageId));
};

const wait = (ms: number) => {
  clearTimeout(timer);
  timer = setTimeout(flush, ms);
};

// One tab sends at a time. Each takes out first what another has delivered.
const flush = async () => {
  timer = 0;
  if (busy || !queue[0]) return;
  busy = 1;
  const locks = navigator.locks;
  try {
    await (keeps() && locks ? locks.request("ripen", request) : request());
  } catch {}
  busy = 0;
  if (queue.length && !timer) wait(firstDelay);
};

const request = async () => {
  queue = queue.filter((e) => !written.has(e) || waits(e.messageId));
  if (!queue[0]) return;
  const [list, text] = body(queue);
  flying = list;
  let retryAfter = 0;
  let again: any[] = list;
  try {
    // A string body goes as text/plain: no preflight, in any browser.
    const r = await fetch(url + question(), {
      method: "POST",
      body: text,
      keepalive: bytes(text) < maxBytes,
      credentials: "include",
      signal: AbortSignal.timeout?.(patience),
    });
    retryAfter = +r.headers.get("retry-after")! * 1e3;
    if (r.ok) {
      answer(r.headers.get("ripen-visitor"));
      r.headers.get("ripen-show") && show();
      const body = await r.json().catch(() => 0);
      const retry = (body.results || []).filter((x: any) => x.status == "retry").map((x: any) => x.messageId);
      again = list.filter((e) => retry.includes(e.messageId));
    } else if (r.status < 500 && r.status != 429 && r.status != 408) {
      // Refused for good: keeping it would block what comes after.
      again = [];
    }
  } catch {}
  flying = [];
  done(list.filter((e) => !again.includes(e)));
  failures = again.length ? failures + 1 : 0;
  if (failures) wait(Math.max(retryAfter || 0, Math.min(maxDelay, 500 * 2 ** failures) * (0.5 + Math.random() / 2)));
};

/** enqueue takes an event over: from here on it is not lost with the page. */
export const enqueue = (event: any): void => {
  if (keep(event.messageId, event)) written.add(event);
  queue.push(event);
  if (queue.length > maxEvents) done(queue.slice(0, 1));
  // While the tracker does not answer the back-off's timer stands; the end of
  // a request under way sees to what came meanwhile.
  if (!timer && !busy) wait(firstDelay);
};

/** leave hands what waits to the browser, which sends it after the page is gone. */
// The events stay written down: a beacon has no answer, the next page asks again.
export const leave = (): void => {
  timer = clearTimeout(timer);
  let rest = queue.filter((e) => !flying.includes(e) && !beaconed.has(e));
  while (rest.length) {
    const [list, text] = body(rest);
    if (!navigator.sendBeacon(url + question(), text)) break;
    list.map((e) => beaconed.add(e));
    rest = rest.filter((e) => !list.includes(e));
  }
};

/** withdraw takes back what waits and is not on its way: the person said no. */
export const withdraw = (): any[] => {
  const list = queue.filter((e) => !flying.includes(e));
  done(list);
  return list;
};

/** open starts delivery to an address, beginning with what earlier pages left. */
export const open = (address: string, writeKey: string, messages: () => void): void => {
  url = address;
  key = writeKey;
  show = messages;
  if (keeps()) queue = kept();
  queue.map((e) => written.add(e));
  done(queue.slice(0, -maxEvents));
  addEventListener("online", () => wait(0));
  addEventListener("pageshow", () => wait(firstDelay));
  document.addEventListener("visibilitychange", () => document.visibilityState == "hidden" || wait(0));
  wait(firstDelay);
};
