// What the browser keeps for us: the visitor's id, the events that no server
// has acknowledged yet, and what the person chose. Nothing else is ever
// written, and no id and no event when the person said no.

const nav = navigator as any;
const doc = document;

/** What the person decided, a word or one for each purpose; undefined = nobody asked. */
export let said: any;
/** Whether the person may be known, in a word. */
export let consent: string | undefined;
let cookieless = false; // the site keeps nothing in anybody's browser

// Each waiting event has a key of its own, so that tabs never overwrite one
// another's queue; sending one twice is harmless, the server knows its id.
const prefix = "ripen:";
const idKey = "ripen.id";
const newKey = "ripen.new"; // the id was made here, and no server has agreed yet
const choiceKey = "ripen.consent";
const param = "ripen_id"; // of a link that hands the visitor over; and our cookie's name
const maxHandover = 6e4; // ms from the click to the next page

/** Storage that is full, forbidden or absent must never break the page. */
const attempt = <T>(f: () => T): T | undefined => {
  try {
    return f();
  } catch {}
};

/** keeps says that ids and events may be written down here. */
export const keeps = (): boolean => !cookieless && consent != "denied" && consent != "pending";

// Where nothing is said of profiling, marketing stands for it: as the server reads it.
const overall = (choice: any) => {
  const words = choice && [choice.analytics, choice.profiling || choice.marketing];
  return typeof choice != "object" || !words ? choice : words.find((w: any) => w == "denied") || words.find((w: any) => w == "pending") || "granted";
};

/** choose sets what the person decided; first is the site's default, which no decision and no signal of the browser gives way to. */
export const choose = (choice?: any, first?: any, none = cookieless): void => {
  cookieless = none;
  if (first) {
    const signal = nav.globalPrivacyControl || nav.doNotTrack == 1 || (window as any).doNotTrack == 1;
    const kept = attempt(() => localStorage[choiceKey]) || (signal ? "denied" : choice);
    said = attempt(() => JSON.parse(kept)) || kept;
  } else {
    said = choice;
    choice == "pending" || cookieless || attempt(() => (localStorage[choiceKey] = typeof choice == "string" ? choice : JSON.stringify(choice)));
  }
  consent = overall(said);
  if (consent == "denied" && !first) {
    visitor = undefined;
    attempt(() => kept().map((e) => forget(e.messageId)));
    attempt(() => [idKey, newKey, "ripen.shown"].map((k) => localStorage.removeItem(k)));
    doc.cookie = param + "=;path=/;max-age=0";
  }
};

/** uuid returns a random lower-case UUID, on plain http pages too. */
export const uuid = (): string =>
  crypto.randomUUID
    ? crypto.randomUUID()
    : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c: any) =>
        (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16),
      );

let visitor: string | undefined;
let asked: any; // the server has answered about this id

const setVisitor = (id: string, unknown?: boolean) => {
  visitor = id;
  asked = 0;
  if (!attempt(() => ((localStorage[idKey] = id), unknown ? (localStorage[newKey] = 1) : localStorage.removeItem(newKey), 1)))
    // No local storage: a first-party cookie holds the same id.
    doc.cookie = param + "=" + id + ";path=/;max-age=31536000;samesite=lax" + (location.protocol == "https:" ? ";secure" : "");
};

/** anonymousId returns the visitor's id, minting one for a new visitor or when fresh is set. */
export const anonymousId = (fresh?: boolean): string => {
  if (fresh || !visitor) {
    const old = !fresh && (attempt(() => localStorage[idKey]) || /(?:^|; )ripen_id=([^;]+)/.exec(doc.cookie)?.[1]);
    if (old) visitor = old;
    else setVisitor(uuid(), !fresh);
  }
  return visitor!;
};

/** question is the query by which a request asks the server to keep the visitor's id, too, or not to. */
export const question = (): string => {
  if (!keeps()) return "?cookieless=1";
  const visitor = "?visitor=" + anonymousId();
  return asked ? "" : visitor + (attempt(() => localStorage[newKey]) ? "&new=1" : "");
};

/** answer takes the id that the server knows the visitor by, if it does. */
export const answer = (id: string | null): void => {
  if (keeps() && attempt(() => localStorage[newKey])) setVisitor(id || anonymousId());
  asked = 1;
};

/** handOver gives a link to another site of the same company the visitor's id. */
export const handOver = (link: any): void => {
  if (!keeps()) return;
  const to = new URL(link.href);
  to.searchParams.set(param, anonymousId() + "." + Date.now().toString(36));
  link.href = to.href;
};

/** within says that host is one of the domains, or under it. */
export const within = (host: string, domains?: string): boolean =>
  (domains || "").split(/[\s,]+/).some((d) => d && ("." + host).endsWith("." + d));

/** adopt takes a visitor over who comes from one of the domains, and cleans the address. */
export const adopt = (domains?: string): void => {
  const at = new URL(location.href);
  const given = at.searchParams.get(param);
  if (!given) return;
  at.searchParams.delete(param);
  history.replaceState(history.state, "", at.href);
  const [id, made] = given.split(".");
  const age = Date.now() - parseInt(made, 36);
  const from = attempt(() => new URL(doc.referrer).hostname);
  if (keeps() && from && within(from, domains) && /^[\w-]{8,64}$/.test(id) && age > -maxHandover && age < maxHandover) setVisitor(id);
};

/** keep writes an event down until forget, so that it survives the page; false if it could not. */
export const keep = (id: string, event: object): boolean => !!(keeps() && attempt(() => (localStorage[prefix + id] = JSON.stringify(event))));

/** forget removes an event that the server has answered for. */
export const forget = (id: string): void => {
  attempt(() => localStorage.removeItem(prefix + id));
};

/** waits says that no other tab has delivered the event meanwhile. */
export const waits = (id: string): boolean => attempt(() => localStorage[prefix + id]) !== undefined;

/** kept returns the events that earlier pages could not deliver, oldest first. */
export const kept = (): any[] =>
  attempt(() =>
    Object.keys(localStorage)
      .filter((k) => k.startsWith(prefix))
      .map((k) => attempt(() => JSON.parse(localStorage[k])) || localStorage.removeItem(k))
      .filter((e) => e)
      .sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)),
  ) || [];
