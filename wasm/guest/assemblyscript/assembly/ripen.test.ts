// What of the library the example does not use, for score.test.js.

import { AREA, EVENTS, Event, dimension, notScored, reason } from "./ripen";

export function ripen_io(): usize {
  return AREA;
}

/** 1 if the path is just this, 2 if it begins with it, 4 and 8 if so of more, 16 if so of a number. */
export function ripen_fold(n: i32): i32 {
  let e = changetype<Event>(AREA + EVENTS);
  return (<i32>e.is(1, "/pricing/pro")) | ((<i32>e.begins(1, "/pricing")) << 1) | ((<i32>e.is(1, "/pricing/pro2")) << 2) |
    ((<i32>e.begins(1, "/pricing/prO")) << 3) | ((<i32>(e.is(2, "") || e.begins(2, ""))) << 4) | ((<i32>e.is(1, "/pricing")) << 5);
}

export function ripen_score(now: i64): f64 {
  for (let i = 0; i < 600; i++) reason(i, 1);
  dimension(16, 1);
  dimension(15, 1);
  notScored();
  return 1;
}
