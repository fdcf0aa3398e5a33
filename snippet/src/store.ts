// What the browser keeps for us: the visitor's id and the events that no
// server has acknowledged yet. Nothing else is ever written, and nothing at all
// when the person asked not to be tracked.

const nav = navigator as any;
const root = document;

/** The person's browser says no: nothing is kept, nobody is identified. */
export const denied: boolean =
  nav.globalPrivacyControl || nav.doNotTrack == 1 || (window as any).doNotTrack == 1;

// Each waiting event has a key of its own, so that tabs never overwrite one
// another's queue; sending one twice is harmless, the server knows its id.
const prefix = "ripen:";
const idKey = "ripen.id";

/** Storage that is full, forbidden or absent must never break the page. */
const attempt = <T>(f: () => T): T | undefined => {
  try {
    return f();
  } catch {}
};

/** uuid returns a random lower-case UUID, on plain http pages too. */
export const uuid = (): string =>
  crypto.randomUUID
    ? crypto.randomUUID()
    : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c: any) =>
        (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16),
      );

let visitor: string | undefined;

/** anonymousId returns the visitor's id, minting one for a new visitor or when fresh is set. */
export const anonymousId = (fresh?: boolean): string => {
  if (fresh || !visitor) {
    visitor =
      (!fresh && !denied && (attempt(() => localStorage[idKey]) || /(?:^|; )ripen_id=([^;]+)/.exec(root.cookie)?.[1])) ||
      uuid();
    if (!denied && !attempt(() => ((localStorage[idKey] = visitor!), 1)))
      // No local storage: a first-party cookie holds the same id.
      root.cookie = "ripen_id=" + visitor + ";path=/;max-age=31536000;samesite=lax" + (location.protocol == "https:" ? ";secure" : "");
  }
  return visitor!;
};

/** keep writes an event down until forget: it then survives the page. */
export const keep = (id: string, event: object): void => {
  denied || attempt(() => (localStorage[prefix + id] = JSON.stringify(event)));
};

/** forget removes an event that the server has answered for. */
export const forget = (id: string): void => {
  attempt(() => localStorage.removeItem(prefix + id));
};

/** kept returns the events that earlier pages could not deliver, oldest first. */
export const kept = (): any[] =>
  (!denied &&
    attempt(() =>
      Object.keys(localStorage)
        .filter((k) => k.startsWith(prefix))
        .map((k) => attempt(() => JSON.parse(localStorage[k])) || localStorage.removeItem(k))
        .filter((e) => e)
        .sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1)),
    )) ||
  [];
