// What is noticed without a line of code: page views (also of single-page
// applications and of pages that come back from the back-forward cache),
// downloads, outbound links, form submissions, how far a page was scrolled and
// how long it had the person's attention.
import { handOver, within } from "./store";

const files =
  "pdf,doc,docx,xls,xlsx,ppt,pptx,csv,txt,rtf,odt,ods,odp,epub,zip,rar,7z,gz,tar,dmg,exe,msi,apk,mp3,mp4,mov,avi,wav,key,pages";
const leastSeconds = 3; // of attention worth telling

// Anchors within a page are not pages; "#/route" and "#!route" are.
const route = () => location.pathname + location.search + (/^#[!/]/.test(location.hash) ? location.hash : "");

/** report tells what the page in view has had so far of attention and scrolling; it does nothing until watch. */
export let report = (gone?: boolean): void => {};

// Attention is time while the page is visible and has the focus; depth is how
// much of the page's height has been in view, in quarters, once somebody
// scrolled. Both are told when the page is left, for the page they were on.
const watchAttention = (note: any, off: (name: string) => any) => {
  const doc = document;
  let since = 0;
  let spent = 0; // ms not told yet
  let depth = 0;
  let told = 0; // depth
  let page: any;
  const tick = () => {
    const now = performance.now();
    if (since) spent += now - since;
    since = doc.visibilityState == "visible" && doc.hasFocus() ? now : 0;
  };
  for (const name of ["focus", "blur", "visibilitychange", "pageshow"]) addEventListener(name, tick, true);
  addEventListener(
    "scroll",
    () => {
      const { scrollHeight, clientHeight } = doc.documentElement;
      depth = Math.max(depth, Math.floor(((scrollY + clientHeight + 1) / scrollHeight) * 4) * 25);
    },
    { passive: true },
  );
  report = (gone) => {
    tick();
    if (gone) since = 0; // time in the back-forward cache is nobody's
    const seconds = Math.floor(spent / 1e3);
    const { path } = page;
    if (depth > told && !off("scroll")) note("scroll", { depth: (told = Math.min(depth, 100)), path }, page);
    if (seconds < leastSeconds || off("engaged")) return;
    spent -= seconds * 1e3;
    note("engaged", { seconds, path }, page);
  };
  return () => {
    page = { path: location.pathname, url: location.href };
    tick();
    spent = depth = told = 0;
  };
};

const watchPages = (ripen: any, manual: boolean, reset: () => void) => {
  let seen = "";
  const view = (again?: any) => {
    if (again === true || seen != route()) {
      if (seen) report();
      seen = route();
      reset();
      manual || ripen("page");
    }
  };
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: any, ...args: any) {
      original.apply(this, args);
      view();
    };
  }
  addEventListener("popstate", view);
  addEventListener("hashchange", view);
  addEventListener("pageshow", (e) => e.persisted && view(true));
  view();
};

const watchLinks = (note: any, data: any, off: (name: string) => any) => {
  const file = new RegExp("\\.(" + (data.files || files).replace(/[\s,]+/g, "|") + ")$", "i");
  const click = (e: any) => {
    const link = e.button < 2 && e.composedPath().find((n: any) => /^A(REA)?$/.test(n.tagName) && n.href);
    if (!link || !/^http/.test(link.protocol)) return;
    const url = link.href;
    if (link.hasAttribute("download") || file.test(link.pathname)) off("download") || note("download", { file: link.pathname, url });
    else if (link.host != location.host) {
      if (within(link.hostname, data.domains)) handOver(link);
      else off("outbound") || note("outbound", { host: link.host, url });
    }
  };
  addEventListener("click", click, true);
  addEventListener("auxclick", click, true);
};

// What must never be told: fields of these kinds, and what looks like the number of a card.
const secret = (f: any) => /^(password|hidden|file)$/.test(f.type) || /(^|\s)(cc-|\w+-password|one-time)/.test(f.autocomplete) || /^[2-6]([ -]?\d){12,18}$/.test(f.value.trim());

// A form tells its name. What was typed stays in the page, unless the site
// marks the form with data-ripen-identify: then its e-mail field identifies,
// and fields marked data-ripen-trait="name" become attributes.
const watchForms = (ripen: any, note: any) =>
  addEventListener(
    "submit",
    (e: any) => {
      const form = e.target as HTMLFormElement;
      const get = (name: string) => form.getAttribute(name);
      if (get("data-ripen-identify") != null) {
        const traits: any = {};
        form.querySelectorAll("[type=email],[autocomplete~=email],[data-ripen-trait]").forEach((f: any) => {
          if (secret(f) || (f.type == "radio" && !f.checked)) return;
          const value = f.type == "checkbox" ? f.checked : f.type == "number" ? f.valueAsNumber : f.value.trim();
          if (value || value === false || value === 0) traits[f.dataset.ripenTrait || "email"] ??= value;
        });
        if (traits.email) ripen("identify", traits);
      }
      note("form_submit", { form: get("id") || get("name") || "" });
    },
    true,
  );

/** watch starts noticing what the tag's attributes do not switch off. */
export const watch = (ripen: any, note: any, data: any): void => {
  const off = (name: string) => (data.off || "").includes(name);
  watchPages(ripen, "manual" in data, watchAttention(note, off));
  watchLinks(note, data, off);
  off("form_submit") || watchForms(ripen, note);
};
