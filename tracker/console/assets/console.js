// The live list, and which lead is open.
import { $, clock, fill, lang, make, percent, setClock, tint, who, words } from "./base.js";
import { chosen, drawLead } from "./lead.js";

// ---- the list ----

const list = $("list");
const rows = new Map(); // lead id → its <li>
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let tenant = new URLSearchParams(location.search).get("tenant") || "";

const row = (lead) => {
  const li = make("li", {});
  li.append(
    make(
      "a",
      { href: "#" + lead.id },
      make("span", { class: "rank" }),
      make("span", { class: "who" }, make("b", {}), make("small", {})),
      make("span", { class: "score" }, make("span", { class: "bar" }, make("i", {})), make("b", {})),
      make("span", { class: "band" }),
      make("span", { class: "seen" }),
    ),
  );
  return li;
};

const set = (e, text) => {
  if (e.textContent !== text) e.textContent = text;
};

const update = (li, lead, rank) => {
  const part = (selector) => li.querySelector(selector);
  set(part(".rank"), String(rank));
  set(part(".who b"), who(lead));
  set(part(".who small"), lead.why || "");
  set(part(".score b"), lead.null ? "–" : String(lead.score));
  set(part(".band"), [lead.grade, lead.null ? words.unscored : lead.band, lead.likely && percent(lead.likely.p)].filter(Boolean).join(" · "));
  if (li.seen !== lead.last_seen) part(".seen").replaceChildren(clock((li.seen = lead.last_seen)));
  tint(li, lead.score);
  if (li.score !== undefined && li.score !== lead.score) {
    const moved = lead.score > li.score ? "up" : "down";
    li.classList.remove("up", "down");
    void li.offsetWidth; // restarts the animation
    li.classList.add(moved);
  }
  li.score = lead.score;
};

// Rows slide to their new places; where motion is unwelcome they are just there.
const slide = (before) => {
  if (calm.matches) return;
  for (const [id, top] of before) {
    const li = rows.get(id);
    const by = li ? top - li.getBoundingClientRect().top : 0;
    if (by) li.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 420, easing: "cubic-bezier(.2,.8,.2,1)" });
  }
};

const draw = (data) => {
  setClock(data.now);
  const focus = document.activeElement?.closest?.("#list li");
  const before = new Map([...rows].map(([id, li]) => [id, li.getBoundingClientRect().top]));
  const present = new Set(data.rows.map((r) => r.id));
  for (const [id, li] of rows) if (!present.has(id)) (li.remove(), rows.delete(id));
  data.rows.forEach((lead, i) => {
    let li = rows.get(lead.id);
    if (!li) rows.set(lead.id, (li = row(lead)));
    update(li, lead, i + 1);
    if (list.children[i] !== li) list.insertBefore(li, list.children[i] || null);
  });
  slide(before);
  if (focus?.isConnected && !focus.contains(document.activeElement)) focus.firstChild.focus();
  set($("total"), data.total.toLocaleString(lang));
  set($("noun"), data.total === 1 ? words.lead : words.leads);
  set($("card"), data.card);
  $("empty").hidden = data.rows.length > 0;
  $("shown").hidden = data.total <= data.rows.length;
  set($("shown"), fill("shown", { n: data.rows.length.toLocaleString(lang), total: data.total.toLocaleString(lang) }));
  drawTenants(data);
  mark();
};

const drawTenants = (data) => {
  const select = $("tenant");
  select.parentElement.hidden = data.tenants.length < 2;
  if (select.options.length === data.tenants.length && select.value === data.tenant) return;
  select.replaceChildren(...data.tenants.map((t) => make("option", { value: t.id }, t.name)));
  select.value = data.tenant;
  $("learned").href = "/console/trainings?tenant=" + data.tenant;
};

$("tenant").addEventListener("change", (e) => {
  tenant = e.target.value;
  history.replaceState(null, "", "?tenant=" + tenant);
  open();
  connect();
});

// ---- staying up to date ----

let source;
const state = (live) => {
  $("state").classList.toggle("lost", !live);
  set($("state").querySelector(".text"), live ? words.live : words.lost);
};

const connect = () => {
  source?.close();
  source = new EventSource("/console/api/stream?tenant=" + encodeURIComponent(tenant));
  source.addEventListener("open", () => state(true));
  source.addEventListener("leads", (e) => {
    state(true);
    draw(JSON.parse(e.data));
    open(true);
  });
  source.addEventListener("error", async () => {
    state(false);
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    const r = await fetch("/console/api/leads?limit=1").catch(() => null);
    if (r?.status === 401) location.reload();
    else setTimeout(connect, 3000);
  });
};

// A hidden page lets go of its connection: browsers allow few of them to one host.
document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : connect()));

// ---- one lead ----

const panel = $("panel");
let asking = false;
let askAgain = false;
let shown = ""; // the lead in the panel

const current = () => /^#([uev]_[0-9a-f]{32})$/.exec(location.hash)?.[1] || "";

const mark = () => {
  const id = current();
  for (const [key, li] of rows) li.firstChild.toggleAttribute("aria-current", key === id);
};

// further gets a page of a lead's timeline behind a cursor; nothing if that fails.
const further = async (id, after) => {
  const r = await fetch(`/console/api/leads/${id}/timeline?tenant=${encodeURIComponent(tenant)}&${chosen()}&after=${after}`).catch(() => null);
  return r?.ok ? r.json() : null;
};

// open shows the lead that the address names, or none. One question at a time:
// a change that comes meanwhile is asked for afterwards.
const open = async (again) => {
  const id = current();
  mark();
  document.body.classList.toggle("opened", !!id);
  if (!id) {
    shown = "";
    panel.replaceChildren(make("p", { class: "pick" }, words.pick));
    return;
  }
  if (asking) {
    askAgain = true;
    return;
  }
  asking = true;
  try {
    const r = await fetch(`/console/api/leads/${id}?tenant=${encodeURIComponent(tenant)}&${chosen(id === shown)}`);
    if (id !== current()) askAgain = true;
    else if (r.ok) drawLead(panel, await r.json(), id === shown, (after) => further(id, after));
    else panel.replaceChildren(make("p", { class: "pick" }, r.status === 404 ? words.gone : words.failed));
    if (id !== shown && !again) panel.focus({ preventScroll: true });
    shown = id;
  } catch {
    // The next list asks again.
  }
  asking = false;
  if (askAgain) {
    askAgain = false;
    open(again);
  }
};

const close = () => {
  const li = rows.get(current());
  history.pushState(null, "", location.pathname + location.search);
  open();
  li?.firstChild.focus();
};

addEventListener("hashchange", () => open());
addEventListener("popstate", () => open());
panel.addEventListener("click", (e) => e.target.closest(".close") && close());
addEventListener("keydown", (e) => {
  if (e.altKey || e.ctrlKey || e.metaKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
  if (e.key === "Escape" && current()) close();
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[e.key];
  const li = document.activeElement?.closest?.("#list li");
  if (!step || (!li && !/^[jk]$/.test(e.key))) return;
  const next = li ? (step > 0 ? li.nextElementSibling : li.previousElementSibling) : list.firstElementChild;
  next?.firstChild.focus();
  e.preventDefault();
});

connect();
open();
