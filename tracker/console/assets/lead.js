// One lead: who it is, why it stands where it stands, what it did.
import { clock, fill, lang, make, percent, tint, when, who, words } from "./base.js";

const number = (n, digits = 0) => n.toLocaleString(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });
const svg = (tag, attributes) => {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  return e;
};
const text = (v) => (v === null ? "–" : typeof v === "number" ? v.toLocaleString(lang) : String(v));
const section = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);

const heading = (lead) => {
  const s = lead.scores[0];
  const score = make(
    "div",
    { class: "big" },
    make("b", {}, !s || s.null ? "–" : String(s.score)),
    make("span", {}, s ? [s.grade, s.null ? words.unscored : s.band].filter(Boolean).join(" · ") : words.unscored),
  );
  tint(score, s?.score || 0);
  return make("div", { class: "top" }, make("div", { class: "name" }, make("h2", {}, who(lead)), make("p", {}, words.seen + " ", clock(lead.last_seen))), score);
};

// line draws the history as steps: a score holds until it changes.
const line = (points, now) => {
  const w = 600, h = 110, pad = 6;
  const from = points[0].at;
  const span = Math.max(1, now - from);
  const x = (t) => pad + ((w - 2 * pad) * (t - from)) / span;
  const y = (score) => h - pad - ((h - 2 * pad) * score) / 100;
  let d = "";
  points.forEach((p, i) => (d += i ? `H${x(p.at).toFixed(1)}V${y(p.score).toFixed(1)}` : `M${x(p.at).toFixed(1)} ${y(p.score).toFixed(1)}`));
  d += `H${w - pad}`;
  const last = points[points.length - 1];
  const top = Math.max(...points.map((p) => p.score));
  const art = svg("svg", { viewBox: `0 0 ${w} ${h}`, class: "history", role: "img", preserveAspectRatio: "none", "aria-label": `${words.history}: ${points[0].score} → ${last.score}, max ${top}` });
  for (const level of [0, 50, 100]) art.append(svg("path", { class: "level", d: `M0 ${y(level)}H${w}` }));
  art.append(svg("path", { class: "area", d: `${d}V${y(0)}H${x(from).toFixed(1)}z` }), svg("path", { class: "line", d }));
  tint(art, last.score);
  return make("figure", {}, art, make("figcaption", {}, clock(from), make("span", {}, `max ${top}`), clock(now)));
};

// label gives the tracker's own reasons a name in the reader's language.
const label = (r) => {
  const [kind, name] = r.rule.split(":");
  if (!/^(base|rounding|cap|floor|gate)$/.test(kind)) return r.why || r.rule;
  return kind === "gate" && r.why ? r.why : fill("r_" + kind, { name: name || "" });
};

const reasons = (s) => {
  const body = make("tbody", {});
  const most = Math.max(1, ...s.reasons.map((r) => Math.abs(r.share)));
  let sum = 0;
  for (const r of [...s.reasons].sort((a, b) => b.share - a.share)) {
    sum += r.share;
    const bar = make("i", {});
    bar.style.setProperty("--fill", String(Math.abs(r.share) / most));
    body.append(
      make(
        "tr",
        { class: r.share < 0 ? "minus" : null },
        make("th", { scope: "row", title: r.rule }, label(r)),
        make("td", { class: "num" }, number(r.points, 2)),
        make("td", { class: "num share" }, make("span", { class: "bar" }, bar), number(r.share / 1000, 3)),
      ),
    );
  }
  const table = make(
    "table",
    {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, words.reason), make("th", { scope: "col", class: "num" }, words.points), make("th", { scope: "col", class: "num" }, words.share))),
    body,
    make("tfoot", {}, make("tr", {}, make("th", { scope: "row", colspan: 2 }, words.sum), make("td", { class: "num" }, number(sum / 1000, 3)))),
  );
  tint(table, s.score);
  const dims = make("p", { class: "dims" }, ...s.dimensions.map(([name, v]) => make("span", {}, name + " ", make("b", {}, number(v, 1)))));
  const l = s.likely;
  const likely = l && make("p", {}, fill(l.of ? "likely_of" : "likely", { p: percent(l.p), of: l.of }));
  const band = l && l.people > 0 && make("p", { class: "fine" }, fill("like_band", { n: number(l.people), p: percent(l.converted / l.people) }));
  const next = make("p", { class: "fine" }, s.next ? fill("next", { when: when(s.next) }) : words.never);
  return [s.trouble && make("p", { class: "wrong" }, words.trouble + " " + s.trouble), likely, band, s.dimensions.length > 0 && dims, table, next];
};

const pairs = (list) => make("dl", {}, ...list.map(([k, v]) => make("div", {}, make("dt", {}, k), make("dd", {}, v))));

// interests are topics as bars, then how the lead behaves.
const interests = (lead) => {
  const most = Math.max(0.001, ...lead.topics.map(([, v]) => v));
  const items = lead.topics.map(([topic, v]) => {
    const bar = make("i", {});
    bar.style.setProperty("--fill", String(v / most));
    return [topic, make("span", {}, make("span", { class: "bar" }, bar), " ", number(v, 2))];
  });
  const h = lead.habits;
  if (h.mails > 0) items.push([words.open_rate, number(100 * h.open_rate) + " %"]);
  if (h.shares > 0) items.push([words.shares, number(h.shares)]);
  for (const [path, seconds, returns] of h.pages.slice(0, 5)) items.push([path, fill("page_use", { s: number(seconds), n: number(returns) })]);
  return items.length > 0 && section(words.interests, pairs(items));
};

const offers = (lead) => section(words.offers, pairs(lead.offers.map(([kind, name, price, why]) => [words["o_" + kind], make("span", {}, make("b", {}, name), price && " · " + price, " ", make("small", {}, why))])));

const consent = (lead) => section(words.consent, pairs(lead.consent.map(([purpose, said]) => [words["p_" + purpose], words["c_" + said]])));

const identity = (lead) => {
  const items = lead.identities.map((i) => [words[i.kind] || i.kind, make("span", {}, i.value || "–", " ", make("small", { class: "chip" }, i.proved ? words.proved : words.claimed))]);
  items.push([words.first, clock(lead.first_seen)], [words.events, number(lead.events)]);
  return section(
    words.identities,
    pairs(items),
    lead.shared_email && make("p", { class: "fine" }, words.shared),
    lead.superseded > 0 && make("p", { class: "fine" }, fill("merged", { n: lead.superseded })),
    lead.unscored > 0 && make("p", { class: "fine" }, fill("skipped", { n: number(lead.unscored) })),
  );
};

// kinds are what the timeline may be narrowed to.
const kinds = ["event", "score", "journey", "touch", "answer", "handoff"];
let only = ""; // the kind that is shown; empty = all
let drawn = 0; // moments in the panel

const day = new Intl.DateTimeFormat(lang, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const hour = new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit" });

// says is what happened, in the reader's words where there are some.
const says = (m) => words[m.kind[0] + "_" + m.what] || words["e_" + m.what] || m.what.replaceAll("_", " ");

// detail is what says most, with times and numbers as the reader writes them.
const detail = (m) => {
  const t = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(m.detail || "") && new Date(m.detail);
  if (t) return t.toLocaleString(lang, { dateStyle: "medium", timeStyle: "short" });
  return m.kind === "journey" && m.what === "ended" ? words["x_" + m.detail] || m.detail : m.detail || "";
};

// moved is a score before and after.
const moved = (m) => {
  const arrow = make("b", { class: "points" }, `${m.from ?? "–"} → ${m.to ?? "–"}`);
  return [arrow, " ", m.band !== m.old_band && make("small", { class: "chip" }, m.band || "–")];
};

const moment = (m, opened) => {
  const machine = m.machine && m.machine !== "human" && m.machine !== "server";
  const more = m.fields.filter(([, v]) => v !== null && v !== "");
  const key = `${m.time} ${m.kind} ${m.what}`;
  const bad = /^(parked|withdrawn|unknown|refused|unreachable|bounce|rejected|lost|not sent|email_complaint|unsubscribe)$/.test(m.what);
  const li = make(
    "li",
    { class: ["k-" + m.kind, machine && "machine", bad && "bad"].filter(Boolean).join(" ") },
    make(
      "details",
      { open: opened.has(key) && "", "data-key": key },
      make(
        "summary",
        {},
        make("time", { datetime: new Date(m.time).toISOString(), title: new Date(m.time).toLocaleString(lang) }, hour.format(m.time)),
        make(
          "span",
          { class: "did" },
          says(m), " ",
          ...(m.kind === "score" ? moved(m) : []),
          make(m.kind === "score" ? "span" : "b", {}, detail(m)),
          m.why && make("span", { class: "wrong" }, " " + m.why),
          m.unknown > 0 && make("small", { class: "by" }, fill("unknown", { n: m.unknown })),
          m.by && make("small", { class: "by" }, m.by),
        ),
        machine && make("small", { class: "chip", title: m.machine_reason }, words["m_" + m.machine] || m.machine),
        m.denied && make("small", { class: "chip" }, words.denied),
      ),
      more.length > 0 && pairs(more.map(([k, v]) => [k, text(v)])),
    ),
  );
  if (m.kind === "score") tint(li, m.to ?? 0);
  return li;
};

// append adds moments below a heading for each day.
const append = (list, moments, opened) => {
  for (const m of moments) {
    const name = day.format(m.time);
    if (list.day !== name) list.append(make("li", { class: "day" }, make("h4", {}, (list.day = name))));
    list.append(moment(m, opened));
  }
};

/** chosen is what the reader sees of the timeline, for its address: the kind, and
 * when the same lead is drawn again as many moments as there were. */
export const chosen = (again) => new URLSearchParams({ kinds: only, moments: again ? drawn : 0 });

const timeline = (lead, opened, ask) => {
  const list = make("ol", { class: "timeline" });
  const older = make("button", { class: "older", type: "button", hidden: !lead.timeline.next && "" }, words.older);
  const show = (page) => {
    append(list, page.moments, opened);
    drawn += page.moments.length;
    older.hidden = !page.next;
    older.onclick = async () => {
      older.disabled = true;
      const r = await ask(page.next);
      older.disabled = false;
      if (r) show(r);
    };
  };
  const filters = make(
    "p",
    { class: "kinds", role: "group", "aria-label": words.kinds },
    ...["", ...kinds].map((kind) => {
      const b = make("button", { type: "button", class: kind && "k-" + kind, "aria-pressed": String(kind === only), "data-kind": kind }, kind ? words["k_" + kind] : words.all);
      b.onclick = async () => {
        only = kind;
        const page = await ask("");
        if (!page) return;
        for (const o of filters.children) o.setAttribute("aria-pressed", String(o === b));
        list.replaceChildren();
        list.day = "";
        drawn = 0;
        show(page);
        if (!page.moments.length) list.append(make("li", { class: "none" }, words.none));
      };
      return b;
    }),
  );
  drawn = 0;
  show(lead.timeline);
  return section(words.timeline, filters, list, older);
};

/** drawLead fills the panel; kept says that it shows the same lead already, ask gets
 * a further page of the timeline. */
export const drawLead = (panel, lead, kept, ask) => {
  const at = kept ? panel.scrollTop : 0;
  const opened = new Set(kept ? [...panel.querySelectorAll("details[open]")].map((d) => d.dataset.key) : []);
  const had = panel.contains(document.activeElement) && document.activeElement.className === "close";
  const s = lead.scores[0];
  const parts = [
    make("button", { class: "close", type: "button", "aria-label": words.close }, "×"),
    heading(lead),
    lead.history.length > 0 && section(words.history, line(lead.history, Math.max(lead.now, lead.history[lead.history.length - 1].at))),
    s && s.reasons.length > 0 && section(words.why, ...reasons(s).filter(Boolean)),
    (only || lead.timeline.moments.length > 0) && timeline(lead, opened, ask),
    lead.attributes.length > 0 && section(words.attributes, pairs(lead.attributes.map(([k, v]) => [k, text(v)]))),
    lead.offers.length > 0 && offers(lead),
    lead.habits && interests(lead),
    identity(lead),
    lead.consent.length > 0 && consent(lead),
  ];
  panel.replaceChildren(...parts.filter(Boolean));
  panel.scrollTop = at;
  if (had) panel.querySelector(".close").focus();
};
