// What messages are made of: elements in a closed shadow root, so that neither
// the page's styles nor ours reach across. Styles are constructed sheets, which
// any Content-Security-Policy allows; nothing has a style attribute.
import { css } from "./style";

const kit = (window as any).ripen.kit;
const doc = document;

const texts: any = {
  en: { close: "Close", next: "Next", send: "Send", answer: "Your answer", email: "Your e-mail", choose: "Choose an answer", of: "of", you: "You" },
  es: { close: "Cerrar", next: "Siguiente", send: "Enviar", answer: "Tu respuesta", email: "Tu correo", choose: "Elige una respuesta", of: "de", you: "Tú" },
};

/** say returns a word of our own in a message's language. */
export const say = (m: any, word: string): string => texts[m.lang][word];

/** el makes an element; attributes that are null or false are left out, those in "on" are heard. */
export const el = (name: string, attributes: any = {}, ...kids: any[]): any => {
  const e: any = doc.createElement(name);
  for (const k in attributes) {
    const v = attributes[k];
    if (k[0] == "o" && k[1] == "n") e.addEventListener(k.slice(2), v);
    else if (v != null && v !== false) e.setAttribute(k, v === true ? "" : v);
  }
  e.append(...kids.filter((kid) => kid));
  return e;
};

/** icon makes a picture of one path. */
export const icon = (d: string): any => {
  const make = (name: string, attributes: any) => {
    const e = doc.createElementNS("http://www.w3.org/2000/svg", name);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    return e;
  };
  const svg = make("svg", { viewBox: "0 0 24 24", width: "24", height: "24", "aria-hidden": "true", focusable: "false" });
  svg.append(make("path", { d, fill: "none", stroke: "currentColor", "stroke-width": "2", "stroke-linecap": "round", "stroke-linejoin": "round" }));
  return svg;
};

const isLink = (href: string) => {
  try {
    return /^https?:$/.test(new URL(href, location.href).protocol);
  } catch {}
};

/** rich makes the elements of a formatted text; a link that is followed is told. */
export const rich = (blocks: any[], follow: (link: string) => void): any[] => {
  const out: any[] = [];
  let list: any;
  for (const block of blocks || []) {
    const line = el(block.li ? "li" : "p");
    for (const s of block.c)
      line.append(
        s.h && isLink(s.h) ? el("a", { href: s.h, onclick: () => follow(s.h) }, s.t) : s.b ? el("strong", {}, s.t) : s.i ? el("em", {}, s.t) : s.t,
      );
    if (!block.li) list = 0;
    else if (!list) out.push((list = el("ul")));
    if (block.li) list.append(line);
    else out.push(line);
  }
  return out;
};

/** stage puts a shadow root of a message's own into the page. */
export const stage = (m: any): { root: ShadowRoot; end: () => void } => {
  const host = el("ripen-onsite", { lang: m.lang });
  const root = host.attachShadow({ mode: "closed" });
  const [accent, text] = m.accent.map((c: string) => (/^#[\da-f]{6}$/i.test(c) ? c : "#000000"));
  const all = `:host{--accent:${accent};--on:${text}}${css}`;
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(all);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // An old browser: the page's nonce, if it has one, lets this in.
    const style = el("style", {}, all);
    style.nonce = kit.nonce;
    root.append(style);
  }
  doc.body.append(host);
  return { root, end: () => host.remove() };
};

/** returning keeps where the focus was before it came into an element, and gives it back. */
export const returning = (e: any, root: ShadowRoot): (() => void) => {
  let before: any;
  e.addEventListener("focusin", (f: any) => {
    if (f.relatedTarget && !root.contains(f.relatedTarget)) before = f.relatedTarget;
  });
  return () => root.activeElement && before?.isConnected && before.focus();
};

/** onEscape hears the Escape key in an element. */
export const onEscape = (e: any, f: () => void): void =>
  e.addEventListener("keydown", (k: any) => {
    if (k.key == "Escape" && !k.defaultPrevented) {
      k.preventDefault();
      k.stopPropagation();
      f();
    }
  });
