// Run by `npm test`, on score.wasm. cases.json, which `ripen module eval` walks,
// has more of what the score must be.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const code = new WebAssembly.Module(readFileSync("score.wasm"));

const DAY = 86_400_000;
const START = 20_454 * DAY; // 2026-01-01
const BY_PERSON = 1, BY_BOT = 1 << 8, EXTRA = 1 | 4; // flags
const PAGE_VIEW = 1, PURCHASE = 3; // event_types

/** Plays Ripen's part: one lead, new at first, and the area it is scored in. */
class Lead {
  constructor(from = code) {
    this.module = new WebAssembly.Instance(from).exports;
    this.area = new DataView(this.module.memory.buffer, this.module.ripen_io(), 0x10000);
  }

  /** Folds an event, as Ripen writes it. A field is missing (undefined), null, a
   * number, a text, or { int }. */
  fold(type, time, fields) {
    const at = 0x6100, { area } = this;
    let size = 16 + 16 * fields.length;
    fields.forEach((field, i) => {
      const slot = at + 16 + 16 * i;
      area.setBigUint64(slot, 0n);
      if (field === null) area.setUint8(slot, 6);
      else if (typeof field === "number") {
        area.setUint8(slot, 3);
        area.setFloat64(slot + 8, field, true);
      } else if (typeof field === "string") {
        const text = Buffer.from(field);
        area.setUint8(slot, 4);
        area.setUint32(slot + 4, text.length, true);
        area.setBigUint64(slot + 8, BigInt(size), true);
        text.forEach((byte) => area.setUint8(at + size++, byte));
      } else if (field) {
        area.setUint8(slot, 2);
        area.setBigInt64(slot + 8, BigInt(field.int), true);
      }
    });
    area.setUint32(at, (size + 7) & ~7, true);
    area.setUint16(at + 4, type, true);
    area.setUint16(at + 6, fields.length, true);
    area.setBigInt64(at + 8, BigInt(time), true);
    return this.module.ripen_fold(1);
  }

  /** Scores the lead, and returns what was said. */
  score(now) {
    const { area } = this;
    for (let at = 0x18; at < 0x100; at++) area.setUint8(at, 0);
    const score = this.module.ripen_score(BigInt(now));
    const reasons = Array.from({ length: area.getUint32(0x20, true) }, (_, i) =>
      [area.getUint32(0x4100 + 16 * i, true), area.getFloat64(0x4108 + 16 * i, true)]);
    const dimensions = Array.from({ length: area.getUint32(0x24, true) }, (_, i) => area.getFloat64(0x40 + 8 * i, true));
    return { score, reasons, dimensions, next: Number(area.getBigInt64(0x18, true)), notScored: area.getUint32(0x28, true) };
  }

  visit(time, flags = BY_PERSON) {
    return this.fold(PAGE_VIEW, time, [{ int: flags }, "/pricing/pro", undefined, undefined]);
  }

  employees(n) {
    this.fold(0, START, [{ int: BY_PERSON }, undefined, undefined, n]);
  }
}

test("the module imports nothing", () => {
  assert.deepEqual(WebAssembly.Module.imports(code), []);
});

test("a new lead has no points and waits for nothing", () => {
  assert.deepEqual(new Lead().score(START), { score: 0, reasons: [], dimensions: [0, 0], next: 0, notScored: 0 });
});

test("visits count up to a cap", () => {
  const lead = new Lead();
  assert.equal(lead.visit(START), 40);
  assert.deepEqual(lead.score(START).reasons, [[0, 6]]);
  for (let i = 0; i < 9; i++) lead.visit(START);
  assert.equal(lead.score(START).score, 30);
});

test("machines and further products count nothing", () => {
  const lead = new Lead();
  lead.visit(START, BY_BOT);
  lead.visit(START, EXTRA);
  assert.equal(lead.score(START).score, 0);
});

test("points halve in fourteen days", () => {
  const lead = new Lead();
  lead.visit(START);
  assert.equal(lead.score(START + 14 * DAY).score, 3);
  lead.visit(START + 14 * DAY);
  assert.equal(lead.score(START + 28 * DAY).score, 4.5);
});

test("a purchase counts by its value", () => {
  const lead = new Lead();
  for (const value of [70, -70, 0]) lead.fold(PURCHASE, START, [{ int: BY_PERSON }, undefined, value, undefined]);
  assert.deepEqual(lead.score(START).reasons, [[2, 7]]);
});

test("a company stays until it is cleared", () => {
  const lead = new Lead();
  lead.employees(50);
  lead.employees(undefined);
  assert.deepEqual(lead.score(START + 365 * DAY).dimensions, [0, 20]);
  lead.employees(null);
  assert.equal(lead.score(START).score, 0);
});

test("the shown score falls at the next moment, and not before", () => {
  const lead = new Lead();
  lead.visit(START);
  let now = START, moments = 0;
  for (; ; moments++) {
    const { score, next } = lead.score(now);
    if (!next) break;
    assert.equal(Math.round(lead.score(next - 1000).score), Math.round(score));
    assert.ok(moments < 100, "it never comes to rest");
    now = next;
  }
  assert.ok(lead.score(now).score < 0.5);
});

test("both at once are what two calls are", () => {
  const apart = new Lead(), once = new Lead();
  apart.visit(START);
  const said = apart.score(START + DAY);
  once.visit(START); // leaves the event where it stands
  for (let at = 0x100; at < 0x128; at++) once.area.setUint8(at, 0);
  assert.equal(once.module.ripen_fold_score(1, BigInt(START + DAY)), said.score);
  assert.equal(once.area.getUint32(0x04, true), 40);
  assert.equal(Number(once.area.getBigInt64(0x18, true)), said.next);
});

test("the library compares texts to their end, and stays in its bounds", () => {
  const lead = new Lead(new WebAssembly.Module(readFileSync("ripen.test.wasm")));
  assert.equal(lead.visit(START), 1 | 2);
  const { reasons, dimensions, notScored } = lead.score(START);
  assert.deepEqual([reasons.length, dimensions.length, notScored], [512, 16, 1]);
});
