// The functions that Ripen calls; there is nothing to change here.

import { AREA, EVENTS, Event, STATE, STATE_LENGTH } from "./ripen";
import { Lead, fold, score } from "./score";

export function ripen_io(): usize {
  return AREA;
}

export function ripen_fold(n: i32): i32 {
  let at = AREA + EVENTS;
  for (; n > 0; n--) {
    let event = changetype<Event>(at);
    fold(changetype<Lead>(AREA + STATE), event);
    at += event.size;
  }
  return offsetof<Lead>();
}

export function ripen_score(now: i64): f64 {
  return score(changetype<Lead>(AREA + STATE), now);
}

/** The two before it in one call: for most events Ripen asks for nothing else. A
 * module may leave it out. */
export function ripen_fold_score(n: i32, now: i64): f64 {
  store<i32>(AREA, ripen_fold(n), STATE_LENGTH);
  return ripen_score(now);
}
