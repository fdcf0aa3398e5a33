// A lead's interest: who looks at prices, asks for a demo or buys gets points,
// which halve every 14 days. A company of 50 or more gets points that stay.

import { DAY, Event, dimension, fade, next, nextFall, reason } from "./ripen";

// In the order of manifest.json.
const enum Of { Flags, Path, Value, Employees } // fields
const enum Type { Other, PageView, DemoRequest, Purchase } // event_types
const enum Dimension { Interest, Company } // dimensions
const enum Reason { Pricing, Demo, Purchase, Company } // reasons

const HALF_LIFE: i64 = 14 * DAY;

/** What we remember: 40 bytes, the state_max of manifest.json. */
@unmanaged
export class Lead {
  at: i64; // the moment to which the points have faded
  pricing: f64; // points that fade
  demo: f64;
  purchase: f64;
  company: f64; // points that stay
}

export function fold(lead: Lead, event: Event): void {
  if (event.says(Of.Employees)) lead.company = event.number(Of.Employees) >= 50 ? 20 : 0;
  if (!event.byPerson || !event.whole) return;

  let left = fade(event.time - lead.at, HALF_LIFE);
  lead.pricing *= left;
  lead.demo *= left;
  lead.purchase *= left;
  lead.at = max(lead.at, event.time);

  switch (<i32>event.type) {
    case Type.PageView:
      if (event.begins(Of.Path, "/pricing")) lead.pricing = min(30, lead.pricing + 6);
      break;
    case Type.DemoRequest:
      lead.demo = min(30, lead.demo + 30);
      break;
    case Type.Purchase:
      if (event.number(Of.Value) > 0) lead.purchase = min(20, lead.purchase + event.number(Of.Value) / 10);
      break;
  }
}

export function score(lead: Lead, now: i64): f64 {
  let left = fade(now - lead.at, HALF_LIFE);
  let pricing = lead.pricing * left, demo = lead.demo * left, purchase = lead.purchase * left;
  let interest = pricing + demo + purchase;
  let score = interest + lead.company;

  if (pricing > 0) reason(Reason.Pricing, pricing);
  if (demo > 0) reason(Reason.Demo, demo);
  if (purchase > 0) reason(Reason.Purchase, purchase);
  if (lead.company > 0) reason(Reason.Company, lead.company);
  dimension(Dimension.Interest, interest);
  dimension(Dimension.Company, lead.company);
  next(nextFall(now, score, interest, HALF_LIFE));
  return score;
}
