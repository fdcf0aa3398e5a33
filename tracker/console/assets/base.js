// What both views share: texts, elements, colours and times. Everything that
// came from outside is written as text, never as markup.

/** $ finds an element by id. */
export const $ = (id) => document.getElementById(id);

/** lang is the page's language, words its texts. */
export const lang = document.documentElement.lang;
export const words = JSON.parse($("words").textContent);

/** fill puts values into a text's {placeholders}. */
export const fill = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, k) => values[k]);

/** percent writes a probability, finer where it is small. */
export const percent = (p) => p.toLocaleString(lang, { style: "percent", maximumFractionDigits: p < 0.1 ? 1 : 0 });

/** make builds an element; a string child is text, never markup. */
export const make = (tag, attributes, ...children) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes || {})) if (v !== undefined && v !== null && v !== false) e.setAttribute(k, v);
  e.append(...children.filter((c) => c !== undefined && c !== null && c !== false));
  return e;
};

/** tint colours an element by a score, as a coffee cherry ripens: green, amber, red. */
export const tint = (e, score) => {
  e.style.setProperty("--hue", String(Math.round(122 - 1.17 * score)));
  e.style.setProperty("--fill", String(score / 100));
};

/** who names a lead: by e-mail, else as a visitor or user. */
export const who = (lead) =>
  lead.email || `${{ u: words.user, e: words.email, v: words.visitor }[lead.id[0]]} ${lead.id.slice(2, 6)}…`;

let skew = 0; // server clock − ours, ms

/** setClock takes the server's time: ages are counted from it. */
export const setClock = (now) => (skew = now - Date.now());

const relative = new Intl.RelativeTimeFormat(lang, { numeric: "auto", style: "short" });
const absolute = new Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "medium" });
const units = [["day", 864e5], ["hour", 36e5], ["minute", 6e4], ["second", 1e3]];

/** when says how long ago or ahead a moment is. */
export const when = (ms) => {
  const d = ms - Date.now() - skew;
  const [unit, size] = units.find(([, size]) => Math.abs(d) >= size) || units[3];
  return relative.format(Math.abs(d) < 1000 ? 0 : Math.trunc(d / size), unit);
};

/** clock is a <time> that keeps saying how long ago it was. */
export const clock = (ms) => (!ms ? "–" : make("time", { datetime: new Date(ms).toISOString(), title: absolute.format(ms), "data-ms": ms }, when(ms)));
setInterval(() => document.querySelectorAll("time[data-ms]").forEach((t) => (t.textContent = when(+t.dataset.ms))), 5000);
