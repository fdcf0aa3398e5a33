// Write a scoring module for Ripen in AssemblyScript.
//
// score.ts is yours. It says what you remember of a lead, folds an event into
// that, and scores it at a moment:
//
//     @unmanaged export class Lead { at: i64; points: f64; }   // all zero: a new lead
//
//     export function fold(lead: Lead, event: Event): void
//     export function score(lead: Lead, now: i64): f64          // 0 to 100
//
// They are pure: the same lead and event, or lead and moment, always come to the
// same. So there is no clock, no random number, and no variable that lives from
// one call to the next. A lead is numbers only, at most 16 KiB; Ripen keeps it.
//
// What an event carries is named in manifest.json: `fields` and `event_types`,
// each counted from 0. Enums in the same order make them names here.
//
// Nothing is allocated and nothing imported: do not use `new`, arrays, maps, or
// strings other than literals.

/** Times are milliseconds since 1970, UTC. */
export const DAY: i64 = 86_400_000;

// ---- Events ----------------------------------------------------------------

/** What an event says of a field. Its type in the manifest says which: `text` a
 * Text, `number` a Number (never NaN), `exists` a Bool; `hash`, `day`, `session`
 * and `flags` an Int. */
export const enum Tag {
  /** Nothing: it leaves an attribute as it was. */
  Missing,
  Bool,
  Int,
  Number,
  /** At most 1 KiB of UTF-8. */
  Text,
  Time,
  /** That there is none. */
  Null,
}

/** An event of a lead. They come in the order of their time. */
@unmanaged
export class Event {
  size: u32;
  /** Counts in the manifest's event_types; 0 is every other type. */
  type: u16;
  fields: u16;
  time: i64;

  field(n: i32): Field {
    return changetype<Field>(changetype<usize>(this) + 16 + 16 * (<usize>n));
  }

  /** Whether a person did this: not a machine, and not a message of ours leaving. */
  get byPerson(): bool {
    return (this.field(0).value & 1) != 0;
  }

  /** Whether this is an event of its own, not one more product of the one before:
   * an order of three products comes as three events, the last two not whole. */
  get whole(): bool {
    return (this.field(0).value & 4) == 0;
  }

  /** Whether the event says anything of a field, even that there is none. */
  says(n: i32): bool {
    return this.field(n).tag != Tag.Missing;
  }

  /** A field of type number; 0 if there is none. */
  number(n: i32): f64 {
    let field = this.field(n);
    return field.tag == Tag.Number ? reinterpret<f64>(field.value) : 0;
  }

  /** Whether a field of type text begins with these letters, of ASCII. */
  begins(n: i32, letters: string): bool {
    let field = this.field(n);
    if (field.tag != Tag.Text || field.length < <u32>letters.length) return false;
    let text = changetype<usize>(this) + <usize>field.value;
    for (let i: usize = 0; i < <usize>letters.length; i++) {
      if (load<u8>(text + i) != load<u16>(changetype<usize>(letters) + (i << 1))) return false;
    }
    return true;
  }

  /** Whether a field of type text is just these letters, of ASCII. */
  is(n: i32, letters: string): bool {
    return this.field(n).length == <u32>letters.length && this.begins(n, letters);
  }
}

/** What an event says of one field. */
@unmanaged
export class Field {
  tag: u8;
  /** 1 if it is of one product of a list, not of the whole event. */
  product: u8;
  zero: u16;
  /** Of a text, in bytes. */
  length: u32;
  /** An integer, the bits of a number, or where a text is, from the start of its event. */
  value: u64;
}

// ---- Points that fade ------------------------------------------------------

/** What is left of a point after some time: a half after halfLife. */
export function fade(passed: i64, halfLife: i64): f64 {
  return passed > 0 ? exp2(-(<f64>passed) / <f64>halfLife) : 1;
}

/** 2 to the power of x, for x ≤ 0: the same bits on every machine and in every
 * language that Ripen has a starter for. */
export function exp2(x: f64): f64 {
  if (x < -1022) return 0;
  let n = nearest(x), f = x - n, f2 = f * f, f4 = f2 * f2;
  let a = (1.0 + 0.6931471805599453 * f) + (0.24022650695910072 + 0.05550410866482158 * f) * f2;
  let b = (0.009618129107628477 + 0.0013333558146428443 * f) + (0.0001540353039338161 + 1.5252733804059841e-05 * f) * f2;
  let c = (1.321548679014431e-06 + 1.01780860092397e-07 * f) + (7.054911620801123e-09 + 4.4455382718708116e-10 * f) * f2;
  let d = 2.5678435993488206e-11 + 1.3691488853904128e-12 * f;
  return ((a + b * f4) + (c + d * f4) * (f4 * f4)) * reinterpret<f64>((<i64>n + 1023) << 52);
}

/** The next moment at which the shown score, a whole number, may fall by itself,
 * if `fading` of its points halve every halfLife and the others stay; 0 is never.
 * It may be early, but is not late: Ripen asks again then. */
export function nextFall(now: i64, score: f64, fading: f64, halfLife: i64): i64 {
  let near = score + 1e-7; // so close to a threshold has reached it
  let x = (near - (floor(near + 0.5) - 0.5)) / fading;
  if (!(fading >= 1e-10 && x < 1)) return 0;
  // −ln(1−x), cut after six terms: a bit less, so a bit early.
  let e = x * (1.0 + x * (1.0 / 2.0 + x * (1.0 / 3.0 + x * (1.0 / 4.0 + x * (1.0 / 5.0 + x * (1.0 / 6.0))))));
  let wait = <f64>halfLife / 0.6931471805599453 * e;
  return now + (wait > 1000 ? <i64>wait : 1000);
}

// ---- What a score says -----------------------------------------------------

/** Where the 64 KiB begin that Ripen and the module share. */
export const AREA = memory.data(0x10000, 16);
/** Where in them the lead's length is, the lead, and the events. */
export const STATE_LENGTH: usize = 0x04, STATE: usize = 0x100, EVENTS: usize = 0x6100;

const NEXT: usize = 0x18, REASONS: usize = 0x20, DIMENSIONS: usize = 0x24, NOT_SCORED: usize = 0x28;
const DIMENSION: usize = 0x40, REASON: usize = 0x4100;

/** Gives a reason: its number in the manifest's reasons, and its points. Points
 * that sum to the score explain it whole. */
export function reason(rule: i32, points: f64): void {
  let n = load<u32>(AREA, REASONS);
  if (n == 512) return;
  store<u32>(AREA + 16 * n, rule, REASON);
  store<f64>(AREA + 16 * n, points, REASON + 8);
  store<u32>(AREA, n + 1, REASONS);
}

/** Says a dimension, by its number in the manifest's dimensions. */
export function dimension(n: i32, value: f64): void {
  if (<u32>n >= 16) return;
  store<f64>(AREA + 8 * n, value, DIMENSION);
  store<u32>(AREA, max<u32>(load<u32>(AREA, DIMENSIONS), n + 1), DIMENSIONS);
}

/** Says when the score may next change although nothing happens; 0 is never. */
export function next(at: i64): void {
  store<i64>(AREA, at, NEXT);
}

/** This lead gets no score at all: a competitor, say. */
export function notScored(): void {
  store<u32>(AREA, 1, NOT_SCORED);
}
