// The calls of ripen.js, and what its tag may say. Copy this file into a
// TypeScript project, or let "ripen source show" tell where the tracker has it.
//
// Attributes of the script tag; each may stand in the query of its address
// instead (data-key="x" = /r.js?key=x):
//
//   data-key         the source's write key; required
//   data-host        the tracker, if the script comes from elsewhere
//   data-path        where the tracker takes events; default /v1/batch
//   data-manual      no automatic page views
//   data-consent     "pending" holds everything back until ripen('consent', …),
//                    "denied" begins as if the person had said no
//   data-cookieless  keep nothing in any browser: visitors are known for a day
//   data-domains     other sites of yours, "shop.example,blog.example": their
//                    visitors stay the same when they follow a link
//   data-files       endings that are downloads, "pdf,zip", in place of the usual
//   data-off         what not to notice, of "download outbound form_submit
//                    scroll engaged", and "onsite" for no messages on the site
//
// Attributes in forms, which tell nothing but their name otherwise:
//
//   <form data-ripen-identify>       its e-mail field identifies the person
//   <input data-ripen-trait="city">  and this field becomes the attribute city
//
// Passwords, cards, hidden fields and files are never told, marked or not.

export type RipenValue = string | number | boolean | null | undefined | Date | RipenValue[] | { [name: string]: RipenValue };
export type RipenFields = { [name: string]: RipenValue };
export type RipenChoice = "granted" | "denied" | "pending";
/** One word for every purpose, or a word for each. Where profiling (knowing
 *  the person again, and scoring them) has none, that of marketing stands for it. */
export type RipenConsent = RipenChoice | { analytics?: RipenChoice; marketing?: RipenChoice; profiling?: RipenChoice };

export interface Ripen {
  /** Something happened: ripen('track', 'Trial Started', {plan: 'pro'}). */
  (method: "track", event: string, properties?: RipenFields): void;
  /** A page, or a view of an application, was seen. */
  (method: "page", name?: string, properties?: RipenFields): void;
  (method: "page", properties?: RipenFields): void;
  /** Who the visitor is; an e-mail among the traits identifies without a user id.
   *  userIdHash is the proof that your server makes of the user id. */
  (method: "identify", userId: string, traits?: RipenFields, userIdHash?: string): void;
  (method: "identify", traits: RipenFields): void;
  /** The company or team that the visitor belongs to. */
  (method: "group", groupId: string, traits?: RipenFields): void;
  /** The visitor, or previousId, is the same person as userId. */
  (method: "alias", userId: string, previousId?: string): void;
  /** Another person uses the browser from here on: after a logout. */
  (method: "reset"): void;
  /** What the person decided. It stands in this browser until the next decision,
   *  goes with every event, and is told as an event of its own, "consent". */
  (method: "consent", choice: RipenConsent): void;
}

declare global {
  interface Window {
    ripen: Ripen;
  }
  const ripen: Ripen;
}
