// Puts manifest.json into the module, as the custom section ripen.manifest.

import { appendFileSync, readFileSync } from "node:fs";

const name = Buffer.from("ripen.manifest");
const text = readFileSync("manifest.json");

const section = Buffer.concat([leb(name.length), name, text]);
appendFileSync(process.argv[2], Buffer.concat([Buffer.from([0]), leb(section.length), section]));

// A whole number in bytes of seven bits, the lowest first.
function leb(n) {
  return Buffer.from(n < 128 ? [n] : [(n % 128) + 128, ...leb(Math.floor(n / 128))]);
}
